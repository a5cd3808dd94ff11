#!/usr/bin/env python3
"""Deliveries over a kernel's TCP beside the same in the simulation.

    benches/link/realism.py --ftpsim target/release/ftpsim [--out results/realism.csv]
    benches/link/realism.py --ftpsim target/release/ftpsim --small

As root, on Linux. Both have the same client, server and path; over the link the TCP is the kernel's and the time the
clock's. Exit code 1 where, without loss, the two are further apart than `is_near` takes, and 3 where the machine was
too busy for any verdict. See README.md.
"""

import argparse
import os
import pathlib
import platform
import shutil
import signal
import statistics
import sys
import tempfile

import over
import simulated

sys.path.insert(0, str(over.PROJECT / "benches/peers"))
import run as peers  # noqa: E402

# Times without loss that differ by more are not the same. A process takes some 10 ms to begin and to end.
SHARE, SLACK_S = 0.05, 0.03
WAYS = [simulated.STREAM, simulated.PARALLEL, simulated.BLOCK, simulated.pipelined(16)]
# (paths, (files, bytes of each), runs over the link, seeds).
WHOLE = [
    ([over.Path(rtt_ms, 100, 0) for rtt_ms in (50, 100, 300)], (20, 10_240), 1, 1),
    ([over.Path(rtt_ms, 100, 10_000) for rtt_ms in (50,)], (50, 1_024), 15, 101),
]
SMALL = [([over.Path(50, 100, 0)], (8, 10_240), 1, 1)]


class Place:
    """Where files of one kind come from and go to."""

    def __init__(self, ftpsim, top, delivery):
        self.ftpsim, self.top = ftpsim, top
        self.source = top / "files"
        peers.write_files(self.source, *delivery, "random")
        self.names = sorted(os.listdir(self.source))
        self.hashes = over.hashes(self.source)

    def deliver(self, way, direction, path, seed):
        root = pathlib.Path(tempfile.mkdtemp(dir=self.top))
        if direction == "get":
            shutil.copytree(self.source, root, dirs_exist_ok=True)
        client = over.our_client(self.ftpsim, direction, "", self.names, way.options_of(direction))
        return over.moved(
            self.top, direction, self.source, self.hashes, root, "", way.name,
            lambda local: over.over(self.ftpsim, path, seed, over.our_server(self.ftpsim, root), client, cwd=local))


def compare(ftpsim, paths, delivery, runs, seeds, ways, machine):
    """The rows of some paths."""
    expected = simulated.grid(ftpsim, paths, [delivery], seeds, ways)
    rows = []
    with tempfile.TemporaryDirectory(prefix="ftpsim-realism-", dir="/dev/shm") as top:
        place = Place(ftpsim, pathlib.Path(top), delivery)
        for path in paths:
            for way in ways:
                for direction in ("put", "get"):
                    about = f"{path.rtt_ms} ms, {path.loss_ppm / 1e4:g} %, {direction} {way.name}"
                    key = way.name, direction, (path.rtt_ms, path.rate_mbit_per_s, path.loss_ppm), delivery
                    expected_s = int(expected[key]["duration_us"]) / 1e6

                    def once(seed, way=way, direction=direction, path=path, about=about):
                        return over.in_time(
                            lambda again: place.deliver(way, direction, path, seed + 1000 * again), about)

                    real = [once(seed) for seed in range(runs)]
                    # What disturbs a run without loss makes it longer.
                    while is_long(path, real, expected_s) and len(real) < over.ATTEMPTS:
                        print(f"{about}: {real[-1].took_s} s; again", file=sys.stderr)
                        real.append(once(len(real)))
                    row = row_of(path, way, direction, delivery, real, expected[key], machine)
                    print(f"{about}: {row['real_s']} s, simulated {row['simulated_s']} s, {row['real_to_simulated']}",
                          file=sys.stderr, flush=True)
                    rows.append(row)
    return rows


def least(real):
    return min(ran.took_s for ran in real)


def is_near(real_s, expected_s):
    return abs(real_s - expected_s) <= SHARE * expected_s + SLACK_S


def is_long(path, real, expected_s):
    return path.loss_ppm == 0 and least(real) > expected_s and not is_near(least(real), expected_s)


def row_of(path, way, direction, delivery, real, simulated_row, machine):
    took = [ran.took_s for ran in real]
    expected = int(simulated_row["duration_us"]) / 1e6
    counts = statistics.median(took) if path.loss_ppm else min(took)
    files, file_bytes = delivery
    return {
        "rtt_ms": path.rtt_ms, "rate_mbit_per_s": path.rate_mbit_per_s, "loss": path.loss_ppm / 1e6, "files": files,
        "file_bytes": file_bytes, "direction": direction, "way": way.name, "runs": len(real), "real_s": f"{counts:.3f}",
        "real_min_s": f"{min(took):.3f}", "real_max_s": f"{max(took):.3f}", "seeds": simulated_row["runs"],
        "simulated_s": f"{expected:.3f}",
        "simulated_min_s": seconds(simulated_row["duration_min_us"]) or f"{expected:.3f}",
        "simulated_max_s": seconds(simulated_row["duration_max_us"]) or f"{expected:.3f}",
        "real_to_simulated": f"{counts / expected:.3f}", "late_ms": max(ran.late_ms for ran in real),
        "in_time": sum(ran.is_in_time() for ran in real), **machine,
    }


def by_path(row):
    names = [way.name for way in WAYS]
    return float(row["loss"]), int(row["rtt_ms"]), names.index(row["way"]), row["direction"] != "put"


def seconds(us):
    return f"{int(us) / 1e6:.3f}" if us else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ftpsim", required=True, type=pathlib.Path, help="the program, built with optimisations")
    parser.add_argument("--out", type=pathlib.Path, help="a CSV file with a row a delivery")
    parser.add_argument("--small", action="store_true", help="some short deliveries without loss")
    names = [way.name for way in WAYS]
    parser.add_argument("--ways", nargs="+", choices=names, help="only these; rows of others stay")
    options = parser.parse_args()
    ways = [way for way in WAYS if not options.ways or way.name in options.ways]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ftpsim = options.ftpsim.resolve()
    machine = {"kernel": platform.release(), "version": peers.ftpsim_version(ftpsim), "date": over.today()}
    try:
        rows = [row for part in (SMALL if options.small else WHOLE) for row in compare(ftpsim, *part, ways, machine)]
    except over.Failed as failed:
        sys.exit(f"realism.py: {failed}")
    if options.out:
        over.write_csv(options.out, rows, ["rtt_ms", "loss", "files", "file_bytes", "direction", "way"], by_path)
    return verdict(rows)


def verdict(rows):
    """Of the times without loss. What is longer is not judged where the link was late in every run."""
    clean = [row for row in rows if row["loss"] == 0]
    near = [row for row in clean if is_near(float(row["real_s"]), float(row["simulated_s"]))]
    apart = [row for row in clean if row not in near and row["in_time"] > 0]
    unjudged = len(clean) - len(near) - len(apart)
    print(f"{len(near)} of {len(clean)} deliveries without loss take the same time over a kernel's TCP and in the "
          f"simulation, within {SHARE:.0%} and {SLACK_S * 1e3:.0f} ms; {unjudged} not judged, for the link was late "
          "each time")
    if apart:
        return 1
    return 0 if near else 3


if __name__ == "__main__":
    sys.exit(main())
