"""A client in block and compressed mode: client.py HOST PORT USER PASSWORD

Uploads samples over one data connection per mode, downloads them over the same
one, and compares.
"""

import random
import socket
import sys

import frames


class Control:
    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=10)
        self.lines = self.sock.makefile("rb")
        self.marks = []
        self.reply(220)

    def reply(self, *wanted):
        first = self.lines.readline()
        # A restart marker's reply comes when it likes (RFC 959 section 3.5).
        while first.startswith(b"110 MARK ") and 110 not in wanted:
            self.marks.append(first)
            first = self.lines.readline()
        code = first[:3]
        line = first
        while not (line[:3] == code and line[3:4] == b" "):
            line = self.lines.readline()
            assert line, "control connection closed"
        assert int(code) in wanted, "expected %s, got %r" % (wanted, first)
        return int(code), line

    def command(self, line, *wanted):
        self.sock.sendall(line.encode() + b"\r\n")
        return self.reply(*wanted)

    def passive(self):
        _, line = self.command("EPSV", 229)
        port = int(line.rsplit(b"(", 1)[1].split(b"|")[3])
        return socket.create_connection((self.sock.getpeername()[0], port), timeout=10)


def main(host, port, user, password):
    control = Control(host, int(port))
    control.command("USER " + user, 331)
    control.command("PASS " + password, 230)
    control.command("TYPE I", 200)
    samples = frames.samples()
    for mode in "BC":
        control.command("MODE " + mode, 200)
        data = control.passive()
        reader = frames.Reader(data)
        rng = random.Random(mode)
        for index, (name, content) in enumerate(samples.items()):
            # 125: on the connection that is there; 150 is right for the first only.
            control.command("STOR %s-%s" % (mode, name), *((125, 150) if index == 0 else (125,)))
            data.sendall(frames.ENCODE[mode](content, rng))
            control.reply(226, 250)
            control.command("SIZE %s-%s" % (mode, name), 213)
        for name, content in samples.items():
            control.command("RETR %s-%s" % (mode, name), 125)
            got, units = frames.DECODE[mode](reader)
            assert got == content, "%s %s: %d bytes, expected %d" % (mode, name, len(got), len(content))
            control.reply(226, 250)
        assert reader.buffer == b"", "bytes after the end of the last file"
        # A file cut short is refused and leaves no trace.
        control.command("STOR cut-" + mode, 125)
        data.sendall(frames.ENCODE[mode](samples["random"], rng)[:-40000])
        data.close()
        control.reply(426)
        control.command("SIZE cut-" + mode, 550)
    control.command("MODE S", 200)
    for mode in "BC":
        for name, content in samples.items():
            data = control.passive()
            control.command("RETR %s-%s" % (mode, name), 125, 150)
            got = b""
            while piece := data.recv(65536):
                got += piece
            assert got == content, "stream %s-%s" % (mode, name)
            control.reply(226)
    control.command("QUIT", 221)
    assert control.marks, "no 110 reply to any of the restart markers"
    print("ok: %d files in each of block and compressed mode" % len(samples))


if __name__ == "__main__":
    main(*sys.argv[1:])
