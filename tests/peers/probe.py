#!/usr/bin/python3
"""What FTP servers do where the RFCs leave room or are not kept: the facts behind docs/PEERS.md.

    probe.py [--ftpsim PATH] [PEER ...]

Asks each server (default: all peers of launch.py, and `ftpsim serve`) the same things on loopback
and prints a Markdown table, a row a question. Every wait is bounded.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import launch

PATIENCE_S = 3
SENT_BYTES = 100_000
BIG_BYTES = 64 << 20


class Session:
    def __init__(self, server, source=None):
        self.server = server
        self.control = socket.create_connection((server.host, server.port), PATIENCE_S, source)
        self.buffer = b""
        self.reply()
        self.ask("USER " + server.user)
        self.ask("PASS " + server.password)
        self.ask("TYPE I")

    def line(self):
        while b"\r\n" not in self.buffer:
            piece = self.control.recv(4096)
            if not piece:
                raise EOFError
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def reply(self):
        """Code and text of the next reply, or what happened instead."""
        try:
            first = self.line()
            lines = [first[4:]]
            if first[3:4] == "-":
                while not (line := self.line()).startswith(first[:3] + " "):
                    lines.append(line)
                lines.append(line[4:])
            return first[:3], " ".join(lines)
        except TimeoutError:
            return "silent", ""
        except (EOFError, ConnectionError):
            return "closed", ""

    def replies(self):
        """Codes of all replies until nothing comes for a second."""
        codes = []
        self.control.settimeout(1)
        while (code := self.reply()[0]) != "silent":
            codes.append(code)
            if code == "closed":
                break
        self.control.settimeout(PATIENCE_S)
        return " ".join(codes) or "silent"

    def send(self, line):
        try:
            self.control.sendall(line.encode() + b"\r\n")
        except ConnectionError:
            pass

    def ask(self, line):
        self.send(line)
        return self.reply()

    def passive_address(self):
        text = self.ask("PASV")[1]
        numbers = [int(word) for word in text[text.index("(") + 1:text.index(")")].split(",")]
        return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]

    def data(self):
        return socket.create_connection(self.passive_address(), PATIENCE_S)


def codes(*commands):
    def question(server):
        session = Session(server)
        return ", ".join(session.ask(command)[0] for command in commands)
    return question


def feat(server):
    words = Session(server).ask("FEAT")[1].split()
    known = ["MLST", "MFMT", "HASH", "RANG", "REST", "XPIPE", "EPSV", "UTF8", "TVFS"]
    return " ".join(word for word in known if word in words)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def clear(server):
    """Removes what uploads have left, and gives its names."""
    left = sorted(name for name in os.listdir(server.root) if name not in ("big", "small"))
    for name in left:
        path = server.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return left


def cut(how):
    def question(server):
        session = Session(server)
        data = session.data()
        session.ask("STOR cut")
        data.sendall(b"x" * SENT_BYTES)
        time.sleep(0.2)
        if how == "control":
            session.control.close()
            time.sleep(0.5)
            try:
                for _ in range(20):
                    data.sendall(b"x" * SENT_BYTES)
                    time.sleep(0.02)
                told = "goes on reading"
            except OSError:
                told = "data connection closed"
            data.close()
            time.sleep(0.3)
        elif how == "FIN":
            data.close()
            told = session.reply()[0]
        else:
            reset(data)
            told = session.reply()[0]
        left = clear(server)
        return f"{told}; left: {', '.join(left) if left else 'nothing'}"
    return question


def abort(with_synch):
    def question(server):
        session = Session(server)
        data = session.data()
        session.ask("RETR big")
        data.recv(1000)
        if with_synch:
            session.control.sendall(b"\xff\xf4\xff")
            session.control.send(b"\xf2", socket.MSG_OOB)
        session.send("ABOR")
        before = session.replies()
        data.close()
        return f"{before}, then {session.replies()}" if before == "silent" else before
    return question


def noop_in_transfer(server):
    session = Session(server)
    data = session.data()
    session.ask("RETR big")
    data.recv(1000)
    told = session.ask("NOOP")[0]
    data.close()
    return told


def dots_in_nlst(server):
    session = Session(server)
    data = session.data()
    session.ask("NLST")
    names = data.makefile("rb").read().split()
    return "yes" if b"." in names else "no"


def quoted_directory(server):
    session = Session(server)
    text = session.ask('MKD a"b')[1]
    session.ask('RMD a"b')
    return text.split(" ")[0]


def foreign_port(server):
    with socket.create_server(("127.0.0.2", 0)) as listener:
        high, low = divmod(listener.getsockname()[1], 256)
        session = Session(server)
        code = session.ask(f"PORT 127,0,0,2,{high},{low}")[0]
        if not code.startswith("2"):
            return f"refused ({code})"
        return "taken, then " + session.ask("RETR small")[0]


def low_port(server):
    session = Session(server)
    code = session.ask("PORT 127,0,0,1,0,80")[0]
    return f"refused ({code})" if not code.startswith("2") else "taken, then " + session.ask("RETR small")[0]


def stolen_passive(server):
    session = Session(server)
    address = session.passive_address()
    thief = socket.create_connection(address, PATIENCE_S, ("127.0.0.3", 0))
    session.send("RETR small")
    try:
        loot = thief.recv(1000)
    except (TimeoutError, ConnectionError):
        loot = b""
    return "serves the stranger" if loot else "refuses the stranger"


def deflated(spoil):
    """What is said of an upload in MODE Z whose zlib stream is spoilt, and ends with FIN."""
    def question(server):
        session = Session(server)
        if session.ask("MODE Z")[0] != "200":
            return ""
        data = session.data()
        session.ask("STOR cut")
        data.sendall(spoil(zlib.compress(bytes(value * value % 251 for value in range(SENT_BYTES)))))
        time.sleep(0.2)
        data.close()
        told = session.reply()[0]
        clear(server)
        return told
    return question


def hash_reply(server):
    session = Session(server)
    code, text = session.ask("HASH small")
    return f"{code} {text.split(' 0-')[0]}" if code == "213" else code


QUESTIONS = {
    "FEAT (of those that matter here)": feat,
    "`MODE B`, `MODE C`, `MODE Z`": codes("MODE B", "MODE C", "MODE Z"),
    "`STRU R`, `TYPE E`, `TYPE L 8`": codes("STRU R", "TYPE E", "TYPE L 8"),
    "`REST abc`": codes("REST abc"),
    "`ALLO 10`, `EPSV ALL`, unknown verb": codes("ALLO 10", "EPSV ALL", "XFOO"),
    "`STOR` into no directory": codes("STOR none/x"),
    "`SIZE` in TYPE A": codes("TYPE A", "SIZE small"),
    "`HASH`": hash_reply,
    "`NLST` lists `.`": dots_in_nlst,
    "`MKD a\"b`: the name in 257": quoted_directory,
    "100,000 B of STOR, then FIN": cut("FIN"),
    "100,000 B of STOR, then RST": cut("RST"),
    "control connection closed in a STOR": cut("control"),
    "half a zlib stream of MODE Z, then FIN": deflated(lambda stream: stream[:len(stream) // 2]),
    "the same without its Adler-32": deflated(lambda stream: stream[:-4]),
    "with a wrong Adler-32": deflated(lambda stream: stream[:-1] + bytes([stream[-1] ^ 1])),
    "without header and Adler-32": deflated(lambda stream: stream[2:-4]),
    "with junk behind it": deflated(lambda stream: stream + b"junk"),
    "two of them": deflated(lambda stream: stream * 2),
    "`NOOP` during a RETR": noop_in_transfer,
    "`ABOR` during a RETR": abort(False),
    "the same with Telnet IP and Synch": abort(True),
    "`PORT` to another host": foreign_port,
    "`PORT` to port 80": low_port,
    "data connection from another host": stolen_passive,
}


class Server:
    def __init__(self, name, binary):
        self.name, self.host, self.scratch = name, "127.0.0.1", None
        if name != "ftpsim":
            command = [launch.HERE / "launch.py", name]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            about = json.loads(self.process.stdout.readline())
            self.port, self.user, self.password = about["port"], about["user"], about["password"]
            self.root, self.version = pathlib.Path(about["root"]), about["version"]
        else:
            self.scratch = tempfile.TemporaryDirectory()
            self.root, self.user, self.password = pathlib.Path(self.scratch.name), "probe", "probe-password"
            self.process = subprocess.Popen(
                [binary, "serve", "--root", self.root, "--listen", "127.0.0.1:0", "--user", "probe:probe-password"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.port = int(self.process.stdout.readline().rpartition(":")[2])
            version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
            self.version = version.stdout.split()[-1]
        (self.root / "small").write_bytes(b"small\n" * 100)
        with (self.root / "big").open("wb") as big:
            big.truncate(BIG_BYTES)

    def stop(self):
        self.process.stdin.close()
        if self.scratch:
            self.process.terminate()
        self.process.wait(timeout=20)
        if self.scratch:
            self.scratch.cleanup()


def main():
    parser = argparse.ArgumentParser(description="What FTP servers do; prints a Markdown table.")
    parser.add_argument("peers", nargs="*", default=[*launch.SERVERS, "ftpsim"])
    parser.add_argument("--ftpsim", default=launch.HERE.parent.parent / "target/release/ftpsim")
    options = parser.parse_args()
    if gone := launch.missing():
        sys.exit("probe.py: missing: " + ", ".join(gone))
    columns = []
    for name in options.peers:
        server = Server(name, options.ftpsim)
        answers = [f"{name} {server.version}"]
        for text, question in QUESTIONS.items():
            try:
                answers.append(question(server))
            except (OSError, EOFError, ValueError) as error:
                answers.append(f"({type(error).__name__}: {error})")
        server.stop()
        columns.append(answers)
    rows = list(zip(["", *QUESTIONS], *columns))
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
        if number == 0:
            print("|" + "---|" * len(row))


if __name__ == "__main__":
    main()
