"""Deliveries over `ftpsim link`: runs one, tells what it took and how late the link was, compares what has come.

What the link's own thread is late by, and what a client or server waits for a processor, is the machine's doing. So
both run at real-time priority, below that of the link, and a run in which the link was late by more than MAX_LATE_MS
at once, and by more than a hundredth of what the run took, is made again.
"""

import csv
import datetime
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
PORT = 2121
USER, PASSWORD = "me", "s3cret"
# What `ftpsim link` and the simulation's grids have before the bottleneck at least.
LEAST_QUEUE_BYTES = 64_000
MAX_LATE_MS = 5.0
ATTEMPTS = 4
LIMIT_S = 600
# The simulation's; a system's own may be another.
CONGESTION = "cubic"
AT_ONCE = ["chrt", "--fifo", "1"]
SAID = re.compile(r"([\d.]+) s; up (\d+) packets \((\d+) lost, (\d+) dropped by the queue\), down (\d+) "
                  r"\((\d+), (\d+)\); the link was late by at most ([\d.]+) ms")


@dataclass(frozen=True)
class Path:
    rtt_ms: int
    rate_mbit_per_s: int
    loss_ppm: int
    least_queue_bytes: int = LEAST_QUEUE_BYTES

    def queue_bytes(self):
        """What fits on the path, as in the simulation's grids."""
        return max(self.rtt_ms * self.rate_mbit_per_s * 125, self.least_queue_bytes)

    def options(self):
        return ["--rtt", f"{self.rtt_ms}ms", "--rate", f"{self.rate_mbit_per_s}M", "--loss", f"{self.loss_ppm}ppm",
                "--queue", str(self.queue_bytes()), "--congestion", CONGESTION]


@dataclass(frozen=True)
class Ran:
    took_s: float
    lost: int
    dropped: int
    late_ms: float
    stdout: str
    # All that was said on stderr.
    said: str

    def is_in_time(self):
        return self.late_ms <= max(MAX_LATE_MS, self.took_s * 10)


class Failed(Exception):
    """What has been run and what it said."""


def over(ftpsim, path, seed, server, command, cwd=None, limit_s=LIMIT_S, password=PASSWORD):
    """`server`, words or a shell's line, at the far end until `command`, words, has ended at the near end; `{host}` in
    both is the server's address. `password` is in the environment, and in no message."""
    server = server if isinstance(server, str) else f"exec {shlex.join(map(str, server))} >/dev/null 2>&1"
    words = [ftpsim, "link", *path.options(), "--seed", str(seed), "--server", server, "--", *command]
    words = [str(word) for word in words]
    environment = dict(os.environ, FTPSIM_PASSWORD=password)

    def failed(how):
        return Failed(f"{shlex.join(words)}: {how}".replace(password, "****"))

    with tempfile.TemporaryFile("w+") as stderr:
        link = subprocess.Popen(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=stderr, text=True)
        try:
            stdout, _ = link.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise failed(f"not over after {limit_s} s") from None
        finally:
            # With it end the namespaces, and whatever runs in them.
            if link.poll() is None:
                link.terminate()
                link.wait(timeout=20)
        stderr.seek(0)
        said = stderr.read()
    found = SAID.search(said)
    if link.returncode != 0 or not found:
        raise failed(f"{link.returncode}\n{stdout[-2000:]}{said[-2000:]}")
    took, _, lost_up, dropped_up, _, lost_down, dropped_down, late = found.groups()
    return Ran(float(took), int(lost_up) + int(lost_down), int(dropped_up) + int(dropped_down), float(late), stdout,
               said)


def in_time(attempt, about):
    """What `attempt`, given a number, gives once the link was in time; after ATTEMPTS what was least late."""
    tried = []
    for number in range(ATTEMPTS):
        tried.append(attempt(number))
        if tried[-1].is_in_time():
            return tried[-1]
        print(f"{about}: the link was late by {tried[-1].late_ms} ms; again", file=sys.stderr)
    return min(tried, key=lambda ran: ran.late_ms)


def hashes(directory):
    """SHA-256 of each file, by its name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in pathlib.Path(directory).iterdir()}


def moved(top, direction, source, expected, root, below, about, run):
    """One delivery by `run`, which is given the client's directory: `source`, or one that is made in `top`. Its bytes
    must be those that `expected` has hashes of; `root`, the server's, in which uploads come `below`, goes afterwards."""
    got = pathlib.Path(tempfile.mkdtemp(dir=top))
    local, target = (source, root / below) if direction == "put" else (got, got)
    try:
        ran = run(local)
        if hashes(target) != expected:
            raise Failed(f"{direction} {about}: the bytes differ")
        return ran
    finally:
        shutil.rmtree(root)
        shutil.rmtree(got)


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def our_server(ftpsim, root):
    """The words of `ftpsim serve`, for `over`."""
    return [*AT_ONCE, ftpsim, "serve", "--root", root, "--listen", f"{{host}}:{PORT}", "--user", f"{USER}:{PASSWORD}"]


def our_client(ftpsim, direction, remote, names, options, user=USER):
    """The words of `ftpsim put` or `get`; the password is in the environment."""
    url = f"ftp://{user}@{{host}}:{PORT}/{remote}"
    return [*AT_ONCE, ftpsim, direction, url, *names, "--quiet", "--tls", "off", *options]


def write_csv(path, rows, key, order):
    """Rows of a CSV file; those there that agree with none of them in the columns of `key` stay."""
    path = pathlib.Path(path)

    def named(row):
        return tuple(str(row[column]) for column in key)

    made = {named(row) for row in rows}
    if path.exists():
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if named(row) not in made] + rows
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[-1].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=order))
    partial.rename(path)
