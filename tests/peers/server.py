"""A server in block and compressed mode: server.py

Prints the port it listens on, serves one control connection after the other,
holds the samples under their names and what is stored, and keeps its data
connection from file to file. A file named cut-* is sent without its end; of
drop-* only the start is taken before the data connection is reset.
"""

import random
import socket
import struct
import sys

import frames


class Session:
    def __init__(self, control, files):
        self.control = control
        self.files = files
        self.mode = "S"
        self.data = None
        self.reader = None
        self.listener = None
        self.rng = random.Random(4)

    def say(self, text):
        self.control.sendall(text.encode() + b"\r\n")

    def run(self):
        self.say("220-A server with\r\n 220 a multi-line greeting\r\n220 ready")
        for line in self.control.makefile("rb"):
            verb, _, argument = line.decode().rstrip("\r\n").partition(" ")
            if verb == "QUIT":
                self.say("221 bye")
                break
            getattr(self, "do_" + verb.lower(), self.unknown)(argument)
        self.drop()
        self.control.close()

    def drop(self):
        if self.data:
            self.data.close()
        self.data = self.reader = None

    def unknown(self, _argument):
        self.say("502 not here")

    def do_user(self, _argument):
        self.say("331 password")

    def do_pass(self, _argument):
        self.say("230 in")

    def do_type(self, _argument):
        self.say("200 ok")

    do_stru = do_type

    def do_mode(self, argument):
        self.mode = argument
        self.say("200 ok")

    def do_pasv(self, _argument):
        self.drop()
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.say("227 Entering Passive Mode 127,0,0,1,%d,%d" % (port >> 8, port & 255))

    def do_size(self, argument):
        if argument in self.files:
            self.say("213 %d" % len(self.files[argument]))
        else:
            self.say("550 no such file")

    def ready(self):
        """125 on the connection at hand, else 150 and a new one."""
        if self.data:
            self.say("125 on the open connection")
            return True
        if not self.listener:
            self.say("425 no data connection")
            return False
        self.data, _ = self.listener.accept()
        self.data.settimeout(10)
        self.listener.close()
        self.listener = None
        self.reader = frames.Reader(self.data)
        self.say("150 on a new connection")
        return True

    def do_stor(self, argument):
        if not self.ready():
            return
        if argument.startswith("drop-"):
            self.reader.take(10)
            self.data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.drop()
            self.say("426 dropped")
            return
        try:
            self.files[argument], _ = frames.DECODE[self.mode](self.reader)
            self.say("250 stored")
        except EOFError as error:
            self.drop()
            self.say("426 %s" % error)

    def do_retr(self, argument):
        if argument not in self.files and not argument.startswith("cut-"):
            self.say("550 no such file")
            return
        if not self.ready():
            return
        if argument.startswith("cut-"):
            self.data.sendall(frames.ENCODE[self.mode](self.files["random"], self.rng)[:-40000])
            self.drop()
            # A wrong word, as real servers give it.
            self.say("226 sent")
            return
        self.data.sendall(frames.ENCODE[self.mode](self.files[argument], self.rng))
        self.say("250 sent")


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    files = frames.samples()
    while True:
        control, _ = listener.accept()
        control.settimeout(20)
        try:
            Session(control, files).run()
        except OSError as error:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
