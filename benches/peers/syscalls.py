#!/usr/bin/env python3
"""System calls of each end for a small file, counted by perf trace (as root): results/syscalls.csv.

Not by strace: under it a call takes so long that what client and server look up for a millisecond, and replies that
leave together, would be counted for each file.

Between our client and our server, by way and direction, over so many files that what a session costs
(start, login, end) hardly shows; calls made less than once in twenty files are left out.
"""

import argparse
import collections
import csv
import pathlib
import signal
import subprocess
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
WAYS = {
    "stream": ["--mode", "stream"],
    "block": ["--mode", "block"],
    "block pipelined": ["--mode", "block", "--pipeline", "32"],
    "compressed": ["--mode", "compressed"],
    "compressed pipelined": ["--mode", "compressed", "--pipeline", "32"],
}
LEAST_PER_FILE = 0.05
# perf needs so long to begin.
ATTACH_S = 1


def counted(path):
    """Calls by name, of perf trace's summaries of all threads."""
    calls = collections.Counter()
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) == 8 and words[1].isdigit() and words[-1].endswith("%"):
            calls[words[0]] += int(words[1])
    return calls


def run(binary, way, direction, files, file_bytes, scratch):
    directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    source = directory / ("local" if direction == "put" else "root/dir")
    (directory / "root/dir").mkdir(parents=True)
    (directory / "local").mkdir()
    names = [f"f{number:05}" for number in range(files)]
    for number, name in enumerate(names):
        (source / name).write_bytes(number.to_bytes(4, "big") * (file_bytes // 4))
    # Pages of the buffer in which the kernel hands over what it has seen: enough that nothing is lost.
    trace = ["perf", "trace", "-s", "-m", "4096", "-o"]
    server = subprocess.Popen(
        [binary, "serve", "--root", directory / "root", "--listen", "127.0.0.1:0", "--user", "u:p"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    port = server.stdout.readline().strip().rpartition(":")[2]
    watcher = subprocess.Popen([*trace, directory / "server", "-p", str(server.pid)])
    try:
        time.sleep(ATTACH_S)
        subprocess.run(
            [*trace, directory / "client", binary, direction, f"ftp://u:p@127.0.0.1:{port}/dir", *names,
             "--retries", "0", "--quiet", *WAYS[way]], cwd=directory / "local", check=True, timeout=120)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        watcher.wait(timeout=60)
    for name in names:
        if (directory / "local" / name).read_bytes() != (directory / "root/dir" / name).read_bytes():
            raise SystemExit(f"syscalls.py: {way} {direction}: {name} differs")
    return {end: counted(directory / end) for end in ("client", "server")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--file-bytes", type=int, default=1024)
    parser.add_argument("--ftpsim", type=pathlib.Path, default=PROJECT / "target/release/ftpsim")
    parser.add_argument("--out", type=pathlib.Path, default=PROJECT / "results/syscalls.csv")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        for way in WAYS:
            for direction in ("put", "get"):
                ends = run(options.ftpsim.resolve(), way, direction, options.files, options.file_bytes, scratch)
                for end, calls in ends.items():
                    per_file = {call: count / options.files for call, count in calls.items()}
                    kept = {call: count for call, count in per_file.items() if count >= LEAST_PER_FILE}
                    rows.append([way, direction, end, "all", f"{sum(kept.values()):.1f}"])
                    rows += [[way, direction, end, call, f"{count:.1f}"]
                             for call, count in sorted(kept.items(), key=lambda item: (-item[1], item[0]))]
    with options.out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["way", "direction", "end", "call", "calls_per_file"])
        writer.writerows(rows)
    for row in rows:
        if row[3] == "all":
            print(f"{row[0]:<22} {row[1]} {row[2]:<7} {row[4]:>6}")


if __name__ == "__main__":
    main()
