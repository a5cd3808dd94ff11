#!/usr/bin/python3
"""What other people's servers and clients do of what the RFCs require: makes results/conformance/.

    conformance.py [--ftpsim PATH] [--out DIR] [NAME ...]

Runs `ftpsim check` against each server of launch.py and `ftpsim serve`, in clear and, but those of more.sh, under TLS, and
`ftpsim check client` with each client below, on loopback; writes servers.csv and clients.csv (a row a check,
a column a program, fail and skipped and so on in the cells), and index.html with what was seen. As root,
after tests/peers/install.sh, and more.sh, of whose programs a missing one is said and left out.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import conformance_page
import launch

ROOT = launch.HERE.parent.parent
LIMIT_S = 900
OWN = "ftpsim"

# lftp tries again for hours by default.
LFTP = ("set net:max-retries 2; set net:timeout 5; set net:reconnect-interval-base 1; "
        "open ftp://{{user}}:{{password}}@{{host}}:{{port}}/")
# Client -> options with its commands; {ftpsim} is our program. Each is asked not to try for ever.
CLIENTS = {
    OWN: ["--download", "{ftpsim} get -q --retries 1 --retry-delay 0 {{url}}",
          "--upload", "{ftpsim} put -q --retries 0 ftp://{{user}}:{{password}}@{{host}}:{{port}}/ {{local}}",
          "--listing", "{ftpsim} ls {{url}}",
          "--mirror", "{ftpsim} get -q -r --retries 0 {{url}}"],
    "curl": ["--download", "curl -sS {{url}} -o {{local}}", "--upload", "curl -sS -T {{local}} {{url}}",
             "--listing", "curl -sS {{url}}"],
    "lftp": ["--download", f"lftp -c '{LFTP} && get {{{{remote}}}}'", "--upload", f"lftp -c '{LFTP} && put {{{{local}}}}'",
             "--listing", f"lftp -c '{LFTP} && ls'", "--mirror", f"lftp -c '{LFTP} && mirror'"],
    "ncftp": ["--download", "ncftpget -V -r 1 -t 5 -u {{user}} -p {{password}} -P {{port}} {{host}} . {{remote}}",
              "--upload", "ncftpput -V -r 1 -t 5 -u {{user}} -p {{password}} -P {{port}} {{host}} . {{local}}",
              "--listing", "ncftpls -r 1 -t 5 -u {{user}} -p {{password}} -P {{port}} ftp://{{host}}/"],
    "tnftp": ["--download", "tnftp -V -q 5 {{url}}", "--upload", "tnftp -V -q 5 -u {{url}} {{local}}"],
    "wget": ["--download", "wget -q -t 2 -T 5 {{url}} -O {{local}}",
             "--mirror", "wget -q -t 2 -T 5 -r -nH {{url}}"],
    "ftplib": ["--download", "/usr/bin/python3 {here}/check_ftplib.py get {{host}} {{port}} {{user}} {{password}} {{remote}} {{local}}",
               "--upload", "/usr/bin/python3 {here}/check_ftplib.py put {{host}} {{port}} {{user}} {{password}} {{remote}} {{local}}",
               "--listing", "/usr/bin/python3 {here}/check_ftplib.py list {{host}} {{port}} {{user}} {{password}}"],
}
# Of more.sh and install.sh, by a script of ours each.
ACCESS = "{{host}} {{port}} {{user}} {{password}}"
SCRIPTS = {
    "net-ftp": "perl {here}/check_net_ftp.pl",
    "basic-ftp": "node {here}/check_basic_ftp.js {peers}/basic-ftp/package",
    "aioftp": "{peers}/venv-more/bin/python {here}/check_aioftp.py",
}
for client, script in SCRIPTS.items():
    CLIENTS[client] = ["--download", f"{script} get {ACCESS} {{{{remote}}}} {{{{local}}}}",
                       "--upload", f"{script} put {ACCESS} {{{{remote}}}} {{{{local}}}}",
                       "--listing", f"{script} list {ACCESS}"]
# It takes a password in a form of its own alone.
RCLONE = """sh -c 'p=$(rclone obscure {{password}}); exec rclone --config "" --log-format "" --retries 1 \
--low-level-retries 2 --timeout 8s --contimeout 5s --ftp-host {{host}} --ftp-port {{port}} --ftp-user {{user}} --ftp-pass $p """
CLIENTS["rclone"] = ["--download", RCLONE + "copyto :ftp:{{remote}} {{local}}'",
                     "--upload", RCLONE + "copyto {{local}} :ftp:{{remote}}'",
                     "--listing", RCLONE + "lsf :ftp:'", "--mirror", RCLONE + "copy :ftp: {{local_dir}}'"]


def results_of(command, environment):
    ran = subprocess.run(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=LIMIT_S)
    if ran.returncode not in (0, 1):
        sys.exit(f"conformance.py: {command[0]} {command[1]}: {ran.stderr.strip()}")
    # What a script of ours says of itself names where it lies.
    told = ran.stdout.replace(f"{ROOT}/", "")
    return {result["id"]: result for result in json.loads(told)}


def our_server(ftpsim, directory, tls):
    """Starts it; the process and its address."""
    (directory / "root").mkdir()
    options = ["--user", "conformance:conformance", "--root", directory / "root",
               *(["--tls-self-signed"] if tls else [])]
    process = subprocess.Popen([ftpsim, "serve", "--listen", "127.0.0.1:0", *options], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().rpartition(" ")[2].strip()


def check_server(name, ftpsim, tls):
    how = ["--tls", "required", "--tls-insecure"] if tls else ["--tls", "off"]
    common = [ftpsim, "check", "--json", "--parallel", "4", *how]
    if name == OWN:
        with tempfile.TemporaryDirectory() as directory:
            process, address = our_server(ftpsim, pathlib.Path(directory), tls)
            try:
                return results_of([*common, f"ftp://conformance@{address}/"], {"FTPSIM_PASSWORD": "conformance"})
            finally:
                process.terminate()
                process.wait()
    command = [launch.HERE / "launch.py", name, *(["--tls"] if tls else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        about = json.loads(process.stdout.readline())
        url = f"ftp://{about['user']}@{about['host']}:{about['port']}/"
        return results_of([*common, url], {"FTPSIM_PASSWORD": about["password"]})
    finally:
        process.stdin.close()
        process.wait()


def check_client(name, ftpsim):
    commands = [part.format(ftpsim=ftpsim, here=launch.HERE, peers=launch.CACHE) for part in CLIENTS[name]]
    return results_of([ftpsim, "check", "client", "--json", "--limit", "30", *commands], {})


def version(name, ftpsim):
    if name == OWN:
        return launch.output_of([ftpsim, "--version"]).split()[1]
    if name == "wget":
        return launch.output_of(["wget", "--version"]).split()[2]
    return launch.version_of(name)


def write_csv(path, columns):
    """A row a check; columns: title -> results."""
    ids = {check: result for results in columns.values() for check, result in results.items()}
    with path.open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["id", "level", *columns])
        for check, result in ids.items():
            verdicts = [results.get(check, {}).get("verdict", "") for results in columns.values()]
            rows.writerow([check, result["level"], *verdicts])
    return ids


def main():
    parser = argparse.ArgumentParser(description="Makes results/conformance/.")
    parser.add_argument("names", nargs="*", help="servers and clients; all, if none is named")
    parser.add_argument("--ftpsim", default=ROOT / "target/release/ftpsim", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "results/conformance", type=pathlib.Path)
    options = parser.parse_args()
    if gone := launch.missing():
        sys.exit("conformance.py: missing: " + ", ".join(gone))
    ftpsim = options.ftpsim.resolve()
    known = [OWN, *launch.SERVERS, *launch.MORE]
    wanted = options.names or [*known, *CLIENTS]
    for name in [name for name in wanted if name in [*launch.MORE, *CLIENTS] and not version(name, ftpsim)]:
        print(f"conformance.py: left out: {name} is not here (tests/peers/more.sh)", file=sys.stderr)
        wanted = [other for other in wanted if other != name]
    servers, clients = {}, {}
    for name in known:
        for tls in (False, True):
            if name in wanted and (not tls or name not in launch.MORE):
                title = f"{name} {version(name, ftpsim)}{' TLS' if tls else ''}"
                print(title, file=sys.stderr)
                servers[title] = check_server(name, ftpsim, tls)
    for name in CLIENTS:
        if name in wanted:
            title = f"{name} {version(name, ftpsim)}"
            print(title, file=sys.stderr)
            clients[title] = check_client(name, ftpsim)
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "servers.csv", servers)
    write_csv(options.out / "clients.csv", clients)
    css = (ROOT / "src/report/report.css").read_text() + (ROOT / "src/report/check/check.css").read_text()
    (options.out / "index.html").write_text(conformance_page.page(css, servers, clients))


if __name__ == "__main__":
    main()
