#!/usr/bin/env python3
"""Loopback deliveries over real sockets: our server and client beside other people's.

Every client delivers the same files to every server and back, one session and one control
connection at a time, on tmpfs by default, everything interleaved: a repetition runs each pair once,
in an order of its own. The bytes are compared after each run, outside the clock. In clear, or with --tls under
TLS 1.3; with --mode-z the files are deflated on their way. See README.md.
"""

import argparse
import csv
import datetime
import filecmp
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(PROJECT / "tests/peers"))
import launch  # noqa: E402
import secure  # noqa: E402

# Name: (files, bytes of each).
WORKLOADS = {"small": (2000, 1024), "medium": (500, 64 * 1024), "large": (1, 1 << 30)}
# What is not timed, to see how a pair does under TLS.
PROBE = (20, 1024)
# A pair of peers that takes as many times the time of the fastest is left out.
SLOW_TIMES = 8
PEER_SERVERS = ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"]
# Those that the project's targets name.
TARGET_SERVERS = ["vsftpd", "proftpd", "pyftpdlib"]
PEER_CLIENTS = ["pycurl", "lftp", "ncftp", "ftplib"]
TLS_CLIENTS = ["pycurl", "lftp", "ftplib"]
# GridFTP (GFD.20), whose MODE E keeps its data connections: a server and a client that are for each other.
GRIDFTP_SERVER, GRIDFTP_CLIENT = "globus-gridftp-server", "globus-url-copy"
GRIDFTP_OPTIONS = ["-q", "-relative-paths"]
GRIDFTP_WAYS = {"stream": [], "mode E": ["-fast"], "mode E pipelined": ["-fast", "-pipeline"]}
PIPELINE_DEPTH = 32
PIECE_BYTES = 256 * 1024
# Our client's ways, and the options that say so.
OURS = {
    "stream": ["--mode", "stream"],
    "block": ["--mode", "block"],
    "compressed": ["--mode", "compressed"],
    "block pipelined": ["--mode", "block", "--pipeline", str(PIPELINE_DEPTH)],
    "compressed pipelined": ["--mode", "compressed", "--pipeline", str(PIPELINE_DEPTH)],
}
# MODE Z, and how hard everybody is to compress.
DEFLATE, DEFLATE_LEVEL = "deflate", "6"
RUN_LIMIT_S = 300
# proftpd sleeps up to 0.4 s when a connection comes right after another session's end.
PROFTPD_REST_S = 0.6
LFTP_SETTINGS = (
    "set ftp:sync-mode no; set ftp:use-allo no; set ftp:use-size no; set ftp:use-mdtm no; set ftp:use-site-utime no; set ftp:use-site-utime2 no; "
    "set net:max-retries 1; set net:timeout 30; set cmd:fail-exit yes; set xfer:log no; set xfer:clobber yes; ")
LFTP_MODES = {
    "": "set ftp:use-mode-z no; set ftp:use-feat no; ",
    DEFLATE: f"set ftp:use-mode-z yes; set ftp:mode-z-level {DEFLATE_LEVEL}; set ftp:use-feat yes; ",
}
NCFTP_OPTIONS = ["-V", "-F", "-Z", "-t", "30", "-o", "useSITE_UTIME=0,useMDTM=0,useSIZE=0"]
COLUMNS = [
    "workload", "files", "file_bytes", "content", "medium", "direction", "server", "server_version", "client",
    "client_version", "way", "repetitions", "median_s", "min_s", "max_s", "files_per_s", "bytes_per_s",
    "speed_to_best_peer", "best_peer_server", "best_peer_client", "best_peer_way", "speed_to_target", "speed_to_bare", "date", "machine", "cores",
]


class Server:
    """A server with directories `src` (to get from) and `put` (to put into) under its root."""

    def __init__(self, name, scratch, binary, tls):
        self.name, self.certificate = name, None
        if name == "ftpsim":
            self.user, self.password, self.owner = "bench", "bench-password", None
            self.root = pathlib.Path(tempfile.mkdtemp(prefix="ftpsim-", dir=scratch))
            command = [binary, "serve", "--root", self.root, "--listen", "127.0.0.1:0", "--user",
                       f"{self.user}:{self.password}"]
            if tls:
                key, self.certificate = launch.make_certificate(pathlib.Path(tempfile.mkdtemp(dir=scratch)))
                command += ["--tls", "required", "--tls-certificate", self.certificate, "--tls-key", key]
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.port = self.port_from_stdout()
            self.version = ftpsim_version(binary)
        else:
            self.process = subprocess.Popen(
                [PROJECT / "tests/peers/launch.py", name, "--scratch", scratch, *(["--tls"] if tls else [])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"run.py: {name} does not start")
            about = json.loads(line)
            self.user, self.password, self.port = about["user"], about["password"], about["port"]
            self.root, self.version, self.owner = pathlib.Path(about["root"]), about["version"], launch.USER
            self.certificate = about["certificate"]

    def port_from_stdout(self):
        for line in self.process.stdout:
            for word in line.split():
                host, _, port = word.rpartition(":")
                if host.endswith("127.0.0.1") and port.isdigit():
                    return int(port)
        sys.exit("run.py: ftpsim serve does not say where it listens")

    def directory(self, name):
        path = self.root / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir()
        if self.owner:
            shutil.chown(path, self.owner, self.owner)
        return path

    def stop(self):
        self.process.stdin.close()
        if self.name == "ftpsim":
            self.process.terminate()
        self.process.wait(timeout=20)


def ftpsim_version(binary):
    """The number, and the commit that it was built of."""
    said = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stdout
    return said.partition(" ")[2].strip()


def write_files(directory, files, file_bytes, content):
    """Different files: random bytes, or records of 80 columns, words and the blanks after them."""
    directory.mkdir(parents=True)
    draw = random.Random(f"{files} {file_bytes} {content}")
    words = ["ACCOUNT", "BALANCE", "DELIVERY", "of", "the", "ORDER", "0000", "1999", "net", "gross", "EUR"]

    def record():
        text = " ".join(draw.choice(words) for _ in range(draw.randint(2, 9))) + f" {draw.randrange(10**6):06}"
        return f"{text[:78]:<78}\r\n".encode()

    for number in range(files):
        with (directory / f"f{number:05}").open("wb") as file:
            left = file_bytes
            piece = b""
            while left > 0:
                if content == "random":
                    piece = draw.randbytes(min(left, 1 << 20))
                elif len(piece) < 1 << 20:
                    piece = b"".join(record() for _ in range(min(left, 1 << 20) // 80 + 1))
                left -= file.write(piece[:left])


def same(one, other):
    names = sorted(os.listdir(one))
    if names != sorted(os.listdir(other)):
        return False
    _, different, errors = filecmp.cmpfiles(one, other, names, shallow=False)
    return not different and not errors


def timed(command, **options):
    started = time.perf_counter()
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, timeout=RUN_LIMIT_S, **options)
    took = time.perf_counter() - started
    if ran.returncode != 0:
        sys.exit(f"run.py: {' '.join(map(str, command))[:400]}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return took, ran.stdout


def session_command(client, way, direction, server, local, binary):
    """The command that delivers every file of `local`, and the directory it runs in."""
    remote = "put" if direction == "put" else "src"
    names = (local.parent / "names").read_text().split()
    user, password, port = server.user, server.password, str(server.port)
    certificate = [] if server.certificate is None else [server.certificate]
    if client in ("pycurl", "ftplib"):
        session = [launch.PYTHON, HERE / "session.py", client, direction, port, user, password, local, remote]
        return session + certificate
    if client == "lftp":
        tls = secure.LFTP_SETTINGS.format(certificate=server.certificate) if certificate else "set ftp:ssl-allow no; "
        job = f"mput -O {remote} *" if direction == "put" else f"mget {remote}/*"
        job = f"{LFTP_SETTINGS}{LFTP_MODES[way]}{tls}open -u {user},{password} ftp://127.0.0.1:{port}/; {job}"
        return ["lftp", "--norc", "-c", job]
    if client == GRIDFTP_CLIENT:
        far, near = f"ftp://{user}:{password}@127.0.0.1:{port}/{remote}/", f"file://{local}/"
        return [client, *GRIDFTP_OPTIONS, *GRIDFTP_WAYS[way], *([near, far] if direction == "put" else [far, near])]
    if client == "ncftp":
        login = ["-u", user, "-p", password, "-P", port, "127.0.0.1"]
        if direction == "put":
            return ["ncftpput", *NCFTP_OPTIONS, *login, remote, *names]
        return ["ncftpget", *NCFTP_OPTIONS, *login, ".", *[f"{remote}/{name}" for name in names]]
    mode = ["--mode", "deflate", "--deflate-level", DEFLATE_LEVEL] if way == DEFLATE else OURS[way]
    tls = ["--tls", "required", "--tls-ca", *certificate] if certificate else []
    url = f"ftp://{user}:{password}@127.0.0.1:{port}/{remote}"
    return [binary, direction, url, *names, "--retries", "0", "--quiet", *mode, *tls]


def run_once(pair, direction, servers, source, scratch, binary, medium):
    """Seconds of one delivery; leaves nothing in the way of the next. Wrong bytes end the program."""
    server_name, client, way = pair
    own_memory(scratch, sum(file.stat().st_size for file in source.iterdir()) * 5 // 4)
    got = scratch / "got"
    if client == "bare":
        got.mkdir()
        target = got
        _, out = timed([launch.PYTHON, HERE / "bare.py", source, got])
        took = float(out)
    else:
        server = servers[server_name]
        if server_name == "proftpd":
            time.sleep(PROFTPD_REST_S)
        if direction == "put":
            local, target = source, server.directory("put")
        else:
            got.mkdir()
            local = target = got
        took, out = timed(session_command(client, way, direction, server, local, binary), cwd=local)
        if client in ("pycurl", "ftplib"):
            took = float(out)
    if not same(source, target):
        sys.exit(f"run.py: {direction} with {pair}: the bytes differ")
    set_aside(target, scratch, medium)
    return took


def own_memory(scratch, wanted_bytes):
    """Takes that much memory from the machine below this virtual one, if it is one, and gives it to the
    next delivery: pages that were never used, or given back, cost it more than what it does with them,
    four times as much were seen."""
    path, piece = scratch / "touched", bytes(PIECE_BYTES)
    with path.open("wb", buffering=0) as file:
        for _ in range(0, wanted_bytes, PIECE_BYTES):
            file.write(piece)
    path.unlink()


def set_aside(delivered, scratch, medium):
    """Removes what was delivered, or on a disk only gets it out of the way until the end: for minutes ext4
    looks at each inode that has just become free, and passes it over, whenever it makes a file, so that
    the next delivery would pay for the removal of this one. What is written back, too, is not for the next
    one to wait for. A single large file may go: it is one inode, and its blocks need not be written."""
    if medium == "tmpfs" or len(os.listdir(delivered)) == 1:
        shutil.rmtree(delivered)
        return
    delivered.rename(tempfile.mkdtemp(dir=scratch, prefix="delivered-"))
    os.sync()


def of_peers(pair):
    """Whether both ends are other people's."""
    server, client, _ = pair
    return server in [*PEER_SERVERS, GRIDFTP_SERVER] and client in [*PEER_CLIENTS, GRIDFTP_CLIENT]


def summary(times, options, versions, workloads, agreed):
    """Rows of the CSV."""
    rows = []
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    medians = {key: statistics.median(taken) for key, taken in times.items()}
    for (workload, direction, (server, client, way)), taken in times.items():
        files, file_bytes = workloads[workload]
        peers = {key[2]: value for key, value in medians.items()
                 if key[:2] == (workload, direction) and of_peers(key[2])}
        best = min(peers, key=peers.get) if peers else None
        target = min((value for key, value in peers.items() if key[0] in TARGET_SERVERS), default=None)
        bare = medians.get((workload, direction, ("bare", "bare", "")))
        median = statistics.median(taken)
        rows.append({
            "workload": workload, "files": files, "file_bytes": file_bytes, "content": options.content,
            "medium": options.medium, "direction": direction, "server": server,
            "server_version": versions["server"].get(server, ""), "client": client,
            "client_version": versions["client"].get(client, ""), "way": way, "repetitions": len(taken),
            "median_s": f"{median:.4f}", "min_s": f"{min(taken):.4f}", "max_s": f"{max(taken):.4f}",
            "files_per_s": f"{files / median:.1f}", "bytes_per_s": f"{files * file_bytes / median:.0f}",
            "speed_to_best_peer": f"{peers[best] / median:.3f}" if best else "",
            "best_peer_server": best[0] if best else "", "best_peer_client": best[1] if best else "",
            "best_peer_way": best[2] if best else "",
            "speed_to_target": f"{target / median:.3f}" if target else "",
            "speed_to_bare": f"{bare / median:.3f}" if bare else "",
            "date": date, "machine": platform.platform(terse=True), "cores": os.cpu_count(),
            **agreed.get((direction, (server, client, way)), {}),
        })
    return rows


def print_table(rows):
    for workload, direction in dict.fromkeys((row["workload"], row["direction"]) for row in rows):
        chosen = [row for row in rows if (row["workload"], row["direction"]) == (workload, direction)]
        chosen.sort(key=lambda row: float(row["median_s"]))
        first = chosen[0]
        print(f"\n{workload}: {first['files']} files of {first['file_bytes']} B, {direction}")
        print(f"{'server':<21} {'client':<15} {'way':<20} {'median':>8} {'min':>8} {'max':>8} {'files/s':>9} "
              f"{'MB/s':>8} {'to best peer':>12} {'to target':>9} {'to bare':>8}")
        for row in chosen:
            print(f"{row['server']:<21} {row['client']:<15} {row['way']:<20} {row['median_s']:>8} {row['min_s']:>8} "
                  f"{row['max_s']:>8} {row['files_per_s']:>9} {float(row['bytes_per_s']) / 1e6:>8.1f} "
                  f"{row['speed_to_best_peer']:>12} {row['speed_to_target']:>9} {row['speed_to_bare']:>8}")


def write_csv(path, rows, columns):
    """Rows of other workloads, directions and media that are there already stay."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def course(row):
        return row["workload"], row["direction"], row["medium"]

    measured = {course(row) for row in rows}
    if path.exists():
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if course(row) not in measured] + rows
    order = list(WORKLOADS)
    rows = sorted(rows, key=lambda row: (row["medium"] != "tmpfs", row["medium"], order.index(row["workload"])))
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.rename(path)


def options_from_command_line():
    parser = argparse.ArgumentParser(description="Loopback deliveries beside other people's FTP software.")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--directions", nargs="+", choices=["put", "get"], default=["put", "get"])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--large-mib", type=int, default=1024, help="size of the one large file (1024)")
    parser.add_argument("--content", choices=["text", "random"], default="text")
    parser.add_argument("--scratch", default="/dev/shm", help="where all files lie (/dev/shm, a tmpfs)")
    parser.add_argument("--ftpsim", type=pathlib.Path, default=PROJECT / "target/release/ftpsim")
    parser.add_argument("--tls", action="store_true", help="control and data connections under TLS 1.3")
    parser.add_argument("--mode-z", action="store_true", help="lftp and ours with proftpd and ours, in MODE Z")
    parser.add_argument("--only", help="pairs whose 'SERVER CLIENT WAY' this regular expression finds; no CSV")
    parser.add_argument("--only-ours", action="store_true", help="for profiling: no peers, no ratios, no CSV")
    parser.add_argument("--out", type=pathlib.Path, help="default: in results, by what is measured")
    options = parser.parse_args()
    if options.mode_z and options.only:
        parser.error("--mode-z has four pairs, and no --only")
    kind = ("-mode-z" if options.mode_z else "") + ("-tls" if options.tls else "")
    options.out = options.out or PROJECT / f"results/loopback-peers{kind}.csv"
    medium = subprocess.run(["stat", "-f", "-c", "%T", options.scratch], capture_output=True, text=True, check=True)
    options.medium = medium.stdout.strip()
    return options


TIME_WAIT_LIMIT = pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets")
MAX_TIME_WAITS = 4096


def limit_time_waits(most):
    """A repetition opens 100,000 connections, more than there are ports for those who close first: some
    clients then fail, and all searches for a port become slow. Gives what the limit was before."""
    before = TIME_WAIT_LIMIT.read_text()
    try:
        TIME_WAIT_LIMIT.write_text(f"{most}")
    except OSError as error:
        print(f"run.py: {TIME_WAIT_LIMIT}: {error}; clients may run out of ports", file=sys.stderr)
    return int(before)


def refuse_unless_complete(binary):
    gone = launch.missing()
    if not binary.exists():
        gone.append(f"{binary} (cargo build --release)")
    if gone:
        sys.exit("run.py: missing, run tests/peers/install.sh as root first:\n  " + "\n  ".join(gone))


def pairs_of(options):
    """Who takes part: servers, and (server, client, way)s for each direction."""
    if options.mode_z:
        # Debian's mod_deflate damages what is put: see README.md.
        ours = [("ftpsim", client, DEFLATE) for client in ("lftp", "ftpsim")]
        theirs = [] if options.only_ours else [("proftpd", client, DEFLATE) for client in ("lftp", "ftpsim")]
        return sorted({server for server, _, _ in ours + theirs}), {"put": ours, "get": ours + theirs}
    servers, clients = PEER_SERVERS, TLS_CLIENTS if options.tls else PEER_CLIENTS
    if options.only_ours:
        servers, clients = [], []
    pairs = [(server, client, "") for server in [*servers, "ftpsim"] for client in clients
             if not options.tls or (server, client) not in secure.CANNOT]
    pairs += [(server, "ftpsim", "stream") for server in servers]
    if not (options.tls or options.only_ours):
        servers = [*servers, GRIDFTP_SERVER]
        pairs += [(GRIDFTP_SERVER, GRIDFTP_CLIENT, way) for way in GRIDFTP_WAYS]
        pairs += [(GRIDFTP_SERVER, "ftpsim", "stream"), ("ftpsim", GRIDFTP_CLIENT, "stream")]
    pairs += [("ftpsim", "ftpsim", way) for way in OURS] + [("bare", "bare", "")]
    if options.only:
        pairs = [pair for pair in pairs if re.search(options.only, " ".join(pair))]
        servers = [server for server in servers if any(server == pair[0] for pair in pairs)]
    return [*servers, "ftpsim"], {"put": pairs, "get": pairs}


def handshakes_of(pairs, servers, scratch, options):
    """What each pair agrees on, and how it resumes, in a delivery of some files. A pair of peers that takes many times
    as long for these as the fastest (40 ms a file, where two programs wait for each other's delayed acknowledgements)
    is left out of `pairs`: it would take most of the time of a run, and no figure depends on it."""
    agreed, took = {}, {}
    source = prepare("probe", PROBE, scratch, servers, options.content)
    for direction in options.directions:
        for pair in pairs[direction]:
            if pair[0] == "bare":
                continue
            with secure.handshakes() as seen:
                took[direction, pair] = run_once(
                    pair, direction, servers, source, scratch, options.ftpsim, options.medium)
            if not seen.is_as_pinned() and (direction, *pair[:2]) not in secure.FALLS_BACK:
                sys.exit(f"run.py: {direction} with {pair}: not {secure.CIPHER} alone: {seen.agreed}")
            agreed[direction, pair] = seen.columns(PROBE[0])
            print(f"{direction} {' '.join(pair)}: {seen.full} full, {seen.resumed} resumed", file=sys.stderr)
    shutil.rmtree(source.parent)
    for direction in options.directions:
        peers = {pair: took[direction, pair] for pair in pairs[direction] if of_peers(pair)}
        slow = [pair for pair, seconds in peers.items() if seconds > SLOW_TIMES * min(peers.values())]
        for pair in slow:
            print(f"left out: {direction} {' '.join(pair)}: {peers[pair]:.2f} s for {PROBE[0]} files, the fastest "
                  f"{min(peers.values()):.2f} s", file=sys.stderr)
        pairs[direction] = [pair for pair in pairs[direction] if pair not in slow]
    return agreed


def prepare(name, workload, scratch, servers, content):
    """Writes the files, and links them where they are got from."""
    source = scratch / name / "files"
    write_files(source, *workload, content)
    (source.parent / "names").write_text("\n".join(sorted(os.listdir(source))))
    shutil.copy(source.parent / "names", scratch / "names")
    for server in servers.values():
        remote = server.directory("src")
        for file in os.listdir(source):
            os.link(source / file, remote / file)
    return source


def main():
    # Ended from outside, it cleans up as after any other end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("run.py: ended"))
    options = options_from_command_line()
    refuse_unless_complete(options.ftpsim)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"run.py: the machine is busy (load {load:.1f}); expect noise", file=sys.stderr)
    workloads = {name: WORKLOADS[name] for name in options.workloads}
    if "large" in workloads:
        workloads["large"] = (1, options.large_mib << 20)
    server_names, pairs = pairs_of(options)
    if options.tls:
        secure.own_network()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="ftpsim-bench-", dir=options.scratch))
    scratch.chmod(0o711)
    servers, times = {}, {}
    time_waits = limit_time_waits(MAX_TIME_WAITS)
    try:
        for name in server_names:
            servers[name] = Server(name, scratch, options.ftpsim, options.tls)
        agreed = handshakes_of(pairs, servers, scratch, options) if options.tls else {}
        for workload, files_and_bytes in workloads.items():
            source = prepare(workload, files_and_bytes, scratch, servers, options.content)
            for repetition in range(options.repetitions):
                jobs = [(direction, pair) for direction in options.directions for pair in pairs[direction]]
                random.Random(repetition).shuffle(jobs)
                for number, (direction, pair) in enumerate(jobs, 1):
                    if sys.stderr.isatty():
                        where = f"{workload} {repetition + 1}/{options.repetitions} {number}/{len(jobs)} {direction}"
                        print(f"\r\x1b[K{where} {' '.join(pair)}", end="", file=sys.stderr, flush=True)
                    elif number == 1:
                        print(f"{workload} {repetition + 1}/{options.repetitions}", file=sys.stderr, flush=True)
                    took = run_once(pair, direction, servers, source, scratch, options.ftpsim, options.medium)
                    times.setdefault((workload, direction, pair), []).append(took)
            shutil.rmtree(source.parent)
        versions = {
            "server": {name: server.version for name, server in servers.items()},
            "client": {client: launch.version_of(client) for client in [*PEER_CLIENTS, GRIDFTP_CLIENT]}
            | {"ftpsim": servers["ftpsim"].version},
        }
    finally:
        limit_time_waits(time_waits)
        for server in servers.values():
            server.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    rows = summary(times, options, versions, workloads, agreed)
    print_table(rows)
    if not (options.only_ours or options.only):
        write_csv(options.out, rows, COLUMNS + (secure.COLUMNS if options.tls else []))
        print(f"\nwritten: {options.out}")


if __name__ == "__main__":
    main()
