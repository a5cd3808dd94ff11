"""The limit: one TCP connection that carries the same bytes into the same files, and nothing else.

    bare.py SOURCE_DIR TARGET_DIR

A child process reads every file of SOURCE_DIR and sends its length and its bytes; this one writes
them under the same names into TARGET_DIR. Prints the seconds taken, the connection included.
"""

import os
import pathlib
import select
import socket
import struct
import sys
import time

PIECE_BYTES = 256 * 1024
# Before it sleeps, the receiver looks so long whether something comes.
LOOK_S = 100e-6


def send(address, source, names):
    buffer = memoryview(bytearray(PIECE_BYTES))
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name in names:
            file = os.open(source / name, os.O_RDONLY)
            size = os.fstat(file).st_size
            read = os.readv(file, [buffer])
            connection.sendall(struct.pack(">Q", size) + buffer[:read])
            while read < size:
                piece = os.readv(file, [buffer])
                connection.sendall(buffer[:piece])
                read += piece
            os.close(file)


def receive(connection, target, names):
    buffer = bytearray(PIECE_BYTES)
    unread = memoryview(b"")

    ready = select.poll()
    ready.register(connection, select.POLLIN)

    def more():
        # As our own client and server: asleep at each pause, it would take longer than they do.
        until = time.perf_counter() + LOOK_S
        while not ready.poll(0) and time.perf_counter() < until:
            pass
        return memoryview(buffer)[: connection.recv_into(buffer)]

    for name in names:
        head = b""
        while len(head) < 8:
            unread = unread if len(unread) else more()
            take = min(8 - len(head), len(unread))
            head, unread = head + bytes(unread[:take]), unread[take:]
        (left,) = struct.unpack(">Q", head)
        file = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        while left > 0:
            unread = unread if len(unread) else more()
            if not len(unread):
                raise SystemExit("closed early")
            take = min(left, len(unread))
            os.write(file, unread[:take])
            left, unread = left - take, unread[take:]
        os.close(file)


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    names = sorted(os.listdir(source))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.perf_counter()
        child = os.fork()
        if child == 0:
            send(listener.getsockname(), source, names)
            os._exit(0)
        connection, _ = listener.accept()
        with connection:
            receive(connection, target, names)
        os.waitpid(child, 0)
        print(time.perf_counter() - started)


main()
