#!/usr/bin/python3
"""Runs one FTP server on loopback until standard input ends, for tests and benchmarks.

    launch.py vsftpd|proftpd|pure-ftpd|pyftpdlib [--tls] [--scratch DIR] [--host ADDRESS --port N] [--root DIR]
    launch.py globus-gridftp-server [--scratch DIR] [--host ADDRESS --port N] [--root DIR]   for benchmarks; no TLS
    launch.py aioftp|ftp-srv|inetutils|libunftp|twisted [--tls] [--scratch DIR]   of more.sh
    launch.py --check      prints what is missing of the peers, one a line; exit 1 if anything is
    launch.py --versions   the versions of all peers as JSON

Once the server has greeted, prints one line of JSON: peer, version, host, port, user, password,
root (the directory served, empty, owned by the user; or DIR, as it is), log, certificate. It listens on
127.0.0.1, or ADDRESS. With --tls the server does nothing
in clear, otherwise as it is by default, and has the certificate, made for this run. Everything lies in a directory of its
own under DIR (default: the system's for temporary files), removed at the end. When standard input
ends, or on SIGTERM, the processes started here and their children are ended, and no others.
As root, after tests/peers/install.sh.
"""

import argparse
import ctypes
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib

USER = "ftpsim-peer"
# Below Linux's ephemeral ports, so that no outgoing connection holds one; wide, because after a
# transfer a port stays in TIME-WAIT for a minute.
PASSIVE_PORTS = (10000, 32767)
GREETING_TIMEOUT_S = 10
HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(
    os.environ.get("FTPSIM_PEERS_DIR")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ftpsim-peers"
)
PYTHON = CACHE / "venv/bin/python"
PROFTPD = CACHE / "proftpd-core/usr/sbin/proftpd"
PROFTPD_MODULES = CACHE / "proftpd-core/usr/lib/proftpd"
PROFTPD_TLS = CACHE / "proftpd-mod-crypto/usr/lib/proftpd/mod_tls.so"
PURE_FTPD = CACHE / "pure-ftpd/usr/sbin/pure-ftpd"
PURE_PW = CACHE / "pure-ftpd/usr/bin/pure-pw"
VSFTPD = pathlib.Path("/usr/sbin/vsftpd")
GRIDFTP = pathlib.Path("/usr/sbin/globus-gridftp-server")
CLIENTS = ["curl", "lftp", "ncftpput", "ncftpget", "tnftp", "nmap", "wget", "node", "openssl", "globus-url-copy"]
BASIC_FTP = CACHE / "basic-ftp/package"
SUPPAFTP = CACHE / "suppaftp/tls_suppaftp"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)


def make_certificate(directory):
    """For 127.0.0.1, vouched for by itself: not as an authority, as openssl would by default. Its key, and it."""
    key, path = directory / "key.pem", directory / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", key, "-out", path]
    subprocess.run(make, capture_output=True, check=True)
    return key, path


class Place:
    """Where one server runs: its scratch directory, account and port."""

    def __init__(self, options):
        scratch, tls, self.host = options.scratch, options.tls, options.host
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ftpsim-peer-", dir=scratch))
        self.directory.chmod(0o711)
        account = pwd.getpwnam(USER)
        self.uid, self.gid = account.pw_uid, account.pw_gid
        self.password = (CACHE / "password").read_text()
        self.root = options.root or self.directory / "root"
        if not options.root:
            self.root.mkdir()
            os.chown(self.root, self.uid, self.gid)
        self.log = self.directory / "log"
        with socket.socket() as probe:
            probe.bind((self.host, options.port))
            self.port = probe.getsockname()[1]
        self.certificate = self.make_certificate() if tls else None

    def passwd_line(self, trailer=""):
        """The account as a line of passwd(5) with a SHA-512 crypt hash."""
        crypt = ["perl", "-e", "print crypt(<STDIN>, '$6$ftpsimpeer$')"]
        ran = subprocess.run(crypt, input=self.password, capture_output=True, text=True, check=True)
        return f"{USER}:{ran.stdout}:{self.uid}:{self.gid}::{self.root}{trailer}\n"

    def make_certificate(self):
        key, path = make_certificate(self.directory)
        self.write("both.pem", key.read_text() + path.read_text())
        return path

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path


def vsftpd(place):
    empty = place.directory / "empty"
    empty.mkdir()
    tls = "" if place.certificate is None else f"""\
ssl_enable=YES
rsa_cert_file={place.directory}/both.pem
"""
    low, high = PASSIVE_PORTS
    config = place.write("vsftpd.conf", f"""\
listen=YES
listen_ipv6=NO
listen_address={place.host}
listen_port={place.port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
local_root={place.root}
chroot_local_user=YES
allow_writeable_chroot=YES
userlist_enable=YES
userlist_deny=NO
userlist_file={place.write("users", USER + chr(10))}
secure_chroot_dir={empty}
pam_service_name={USER}
seccomp_sandbox=NO
pasv_min_port={low}
pasv_max_port={high}
{tls}""")
    return [VSFTPD, config]


def proftpd(place):
    low, high = PASSIVE_PORTS
    modules = place.directory / "modules"
    modules.mkdir()
    for module in [PROFTPD_MODULES / "mod_digest.so", PROFTPD_MODULES / "mod_deflate.so", PROFTPD_TLS]:
        (modules / module.name).symlink_to(module)
    tls = "" if place.certificate is None else f"""\
LoadModule mod_tls.c
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile {place.certificate}
TLSRSACertificateKeyFile {place.directory}/key.pem
"""
    config = place.write("proftpd.conf", f"""\
ModulePath {modules}
LoadModule mod_digest.c
LoadModule mod_deflate.c
DeflateEngine on
ServerType standalone
DefaultAddress {place.host}
SocketBindTight on
UseIPv6 off
UseReverseDNS off
Port {place.port}
PassivePorts {low} {high}
User {USER}
Group {USER}
Umask 022
AuthPAM off
AuthUserFile {place.write("passwd", place.passwd_line(":/usr/sbin/nologin"))}
AuthOrder mod_auth_file.c
RequireValidShell off
DefaultRoot {place.root}
PidFile {place.directory}/pid
ScoreboardFile {place.directory}/scoreboard
SystemLog {place.directory}/system.log
TransferLog none
DelayEngine off
WtmpLog off
AllowOverwrite on
AllowStoreRestart on
{tls}""")
    return [PROFTPD, "-n", "-c", config]


def pure_ftpd(place):
    # pure-pw useradd would hash with argon2, for a second at each login.
    users, database = place.write("users", place.passwd_line("/./" + ":" * 12)), place.directory / "users.pdb"
    subprocess.run([PURE_PW, "mkdb", database, "-f", users], capture_output=True, check=True)
    low, high = PASSIVE_PORTS
    return [PURE_FTPD, "-S", f"{place.host},{place.port}", "-4", "-l", f"puredb:{database}", "-E", "-H", "-A", "-j",
            "-c", "100", "-C", "100", "-p", f"{low}:{high}", "-g", place.directory / "pid",
            *([] if place.certificate is None else ["-Y", "3", "-2", place.directory / "both.pem"])]


def pyftpdlib(place):
    handler = "FTPHandler" if place.certificate is None else "TLS_FTPHandler"
    script = place.write("server.py", f"""\
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import {handler} as FTPHandler
from pyftpdlib.servers import FTPServer
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user({USER!r}, {place.password!r}, {str(place.root)!r}, perm="elradfmwMT")
FTPHandler.certfile = {str(place.directory / "both.pem")!r}
FTPHandler.tls_control_required = FTPHandler.tls_data_required = True
FTPHandler.passive_ports = range({PASSIVE_PORTS[0]}, {PASSIVE_PORTS[1]})
FTPServer(({place.host!r}, {place.port}), FTPHandler).serve_forever()
""")
    return [PYTHON, script]


# It looks up the name of each address, in vain for seconds where no DNS answers, and then does not start: so it has an
# nsswitch.conf of its own, the first word behind these.
WITHOUT_DNS = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/nsswitch.conf && exec "$@"']


def gridftp(place):
    """In clear, where its users otherwise are Grid certificates' owners: the user is one of its anonymous ones, whose
    password may be any. It has no root: paths without a slash at their head are below the user's directory, others
    are the system's, and none that leads out of the directory is served."""
    low, high = PASSIVE_PORTS
    return [*WITHOUT_DNS, place.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
            GRIDFTP, "-c", place.write("gridftp.conf", ""), "-control-interface", place.host, "-data-interface",
            place.host, "-port", str(place.port), "-port-range", f"{low},{high}", "-allow-anonymous",
            "-anonymous-user", USER, "-anonymous-group", USER, "-anonymous-names-allowed", USER,
            "-home-dir", place.root, "-restrict-paths", place.root]


SERVERS = {"vsftpd": vsftpd, "proftpd": proftpd, "pure-ftpd": pure_ftpd, "pyftpdlib": pyftpdlib}
# What only benchmarks ask.
FOR_BENCHES = {"globus-gridftp-server": gridftp}
# What more.sh installs.
MORE = ["aioftp", "ftp-srv", "inetutils", "libunftp", "twisted"]


def description(name):
    """How `ftpsim trial` starts it, and asks for its version."""
    return tomllib.loads((HERE.parent.parent / "src/trial/described" / f"{name}.toml").read_text())


def filled(text, places):
    for name, value in places.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def described(name, place):
    """The command of a server of more.sh, its files written."""
    server, tls = description(name)["server"], {}
    if place.certificate is not None:
        tls = server["tls"]
        (place.directory / "certificate.pem").chmod(0o644)
    places = {"peers": CACHE, "dir": place.directory, "root": place.root, "host": place.host, "port": place.port,
              "user": USER, "password": place.password, "uid": place.uid, "gid": place.gid,
              "crypt": place.passwd_line().split(":")[1], "passive-first": PASSIVE_PORTS[0],
              "passive-last": PASSIVE_PORTS[1]}
    for file, text in server.get("files", {}).items():
        place.write(file, filled(text, places))
    return [filled(word, places) for word in [*server["start"], *tls.get("arguments", [])]]


def output_of(command):
    ran = subprocess.run(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, timeout=10)
    return ran.stdout


# Peer -> (command, pattern whose group 1 is the version). vsftpd -v writes to descriptor 0.
VERSIONS = {
    "vsftpd": (["sh", "-c", f"{VSFTPD} -v 0>&1"], r"version (\S+)"),
    "proftpd": ([PROFTPD, "-v"], r"Version (\S+)"),
    "pure-ftpd": ([PURE_FTPD, "--help"], r"pure-ftpd v(\S+)"),
    "pyftpdlib": ([PYTHON, "-c", "import pyftpdlib; print(pyftpdlib.__ver__)"], r"(\S+)"),
    "globus-gridftp-server": ([GRIDFTP, "-version"], r"globus_gridftp_server: (\S+)"),
    "globus-url-copy": (["globus-url-copy", "-version"], r"globus-url-copy: (\S+)"),
    "curl": (["curl", "--version"], r"curl (\S+)"),
    "pycurl": ([PYTHON, "-c", "import pycurl; print(pycurl.version)"], r"(PycURL/\S+ libcurl/\S+)"),
    "lftp": (["lftp", "--version"], r"Version (\S+)"),
    "ncftp": (["ncftpput", "--version"], r"NcFTPPut (\S+)"),
    "tnftp": (["dpkg-query", "-W", "-f", "${Version}", "tnftp"], r"(\S+)"),
    "nmap": (["nmap", "--version"], r"version (\S+)"),
    "ftplib": (["/usr/bin/python3", "--version"], r"Python (\S+)"),
}


def version_of(peer):
    """`None` where it is not installed."""
    if peer not in VERSIONS:
        command = [filled(word, {"peers": CACHE}) for word in description(peer)["version"]]
        try:
            ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
        except FileNotFoundError:
            return None
        found = re.search(r"\bv?(\d\S*)", ran.stdout) if ran.returncode == 0 else None
        return found.group(1) if found else None
    command, pattern = VERSIONS[peer]
    found = re.search(pattern, output_of(command))
    return found.group(1) if found else None


def missing():
    """Names of what tests/peers/install.sh has yet to install."""
    paths = [VSFTPD, PROFTPD, PROFTPD_TLS, PURE_FTPD, PURE_PW, GRIDFTP, PYTHON, BASIC_FTP, SUPPAFTP,
             CACHE / "password", pathlib.Path("/etc/pam.d") / USER]
    gone = [str(path) for path in paths if not path.exists()]
    if not any(CACHE.glob("venv/lib/*/site-packages/OpenSSL")):
        gone.append("pyOpenSSL")
    gone += [client for client in CLIENTS if shutil.which(client) is None]
    if os.geteuid() != 0:
        gone.append("root's rights")
    return gone


def in_child():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_for_greeting(place, process):
    deadline = time.monotonic() + GREETING_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection((place.host, place.port), timeout=1) as control:
                if control.makefile("rb").readline().startswith(b"220"):
                    control.sendall(b"QUIT\r\n")
                    return
        except OSError:
            pass
        time.sleep(0.02)
    log = place.log.read_text(errors="replace")
    raise SystemExit(f"launch.py: no greeting from {process.args[0]}: {log}")


def end(process):
    """Ends the server, then the sessions it leaves: as subreaper they are our children now."""
    process.terminate()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    children = pathlib.Path("/proc/self/task") / str(os.getpid()) / "children"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [int(pid) for pid in children.read_text().split()]
        if not left:
            return
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def run(options):
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    peer, place = options.peer, Place(options)
    process = None
    try:
        starts = (SERVERS | FOR_BENCHES).get(peer)
        command = starts(place) if starts else described(peer, place)
        with place.log.open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       cwd=place.directory, preexec_fn=in_child)
        wait_for_greeting(place, process)
        about = {"peer": peer, "version": version_of(peer), "host": place.host, "port": place.port, "user": USER,
                 "password": place.password, "root": str(place.root), "log": str(place.log), "pid": process.pid,
                 "certificate": place.certificate and str(place.certificate)}
        print(json.dumps(about), flush=True)
        sys.stdin.buffer.read()
    finally:
        if process is not None:
            end(process)
        shutil.rmtree(place.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="One FTP server on loopback until standard input ends.")
    parser.add_argument("peer", nargs="?", choices=sorted([*SERVERS, *FOR_BENCHES, *MORE]))
    parser.add_argument("--tls", action="store_true", help="nothing in clear")
    parser.add_argument("--scratch", help="where its directory is made")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on")
    parser.add_argument("--root", type=pathlib.Path, help="the directory to serve")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--versions", action="store_true")
    options = parser.parse_args()
    if options.check:
        gone = missing()
        print("\n".join(gone), end="\n" if gone else "")
        sys.exit(1 if gone else 0)
    if options.versions:
        print(json.dumps({peer: version_of(peer) for peer in VERSIONS}))
    elif options.peer in FOR_BENCHES and options.tls:
        parser.error(f"{options.peer} knows its users under TLS by Grid certificates alone")
    elif options.peer:
        run(options)
    else:
        parser.error("name a peer")


if __name__ == "__main__":
    main()
