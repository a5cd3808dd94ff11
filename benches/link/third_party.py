#!/usr/bin/env python3
"""A third-party transfer of the race: a GridFTP server at the near end, and a client that has two servers move files.

    third_party.py DIRECTORY ADDRESS PORT -- CLIENT...

Serves DIRECTORY until the client has ended; prints the seconds from the client's start to its end, which the server's
start is no part of.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tests/peers"))
import launch  # noqa: E402


def main():
    directory, address, port, _, *client = sys.argv[1:]
    shutil.chown(directory, launch.USER, launch.USER)
    words = [launch.HERE / "launch.py", "globus-gridftp-server", "--host", address, "--port", port, "--root", directory]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        json.loads(server.stdout.readline())
        started = time.perf_counter()
        ran = subprocess.run(client, stdin=subprocess.DEVNULL)
        print(f"{time.perf_counter() - started:.6f}")
    finally:
        server.stdin.close()
        server.wait(timeout=20)
    sys.exit(ran.returncode)


if __name__ == "__main__":
    main()
