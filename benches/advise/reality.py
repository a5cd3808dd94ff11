#!/usr/bin/env python3
"""Holds `ftpsim advise` against a real kernel's TCP over the simulation's path in real time (`ftpsim link`).

    benches/advise/reality.py --ftpsim target/release/ftpsim [--out results/advise-reality.csv]

As root, on Linux. At the far end of each link runs `ftpsim serve`, at the near end `ftpsim advise --sample`, which
knows nothing of the path but what it measures, and then the very commands that it has printed. Exit code 1 where
fewer than eight of ten predictions are within a tenth of the measured time.
"""

import argparse
import csv
import json
import os
import random
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "link"))
import over  # noqa: E402

PREFIX = "ftpsim-adv"
# A router's queue is never smaller, as in the simulation.
LEAST_QUEUE_BYTES = 150_000
LIMIT_S = 300
SETTING_LIMIT_S = 3_000


def write_files(directory, sizes, text):
    draw = random.Random(7)
    words = "account balance carried delivery entry forward goods invoice journal ledger".split()
    os.makedirs(directory)
    for index, size in enumerate(sizes):
        with open(os.path.join(directory, f"f{index:04}"), "wb") as file:
            if text:
                made = " ".join(draw.choice(words) for _ in range(size // 6 + 1)).encode()
                file.write(made[:size].ljust(size))
            else:
                file.write(draw.randbytes(size))


def small(count, draw):
    return [int(10 ** draw.uniform(2.5, 4.8)) for _ in range(count)]


# Path (round trip in ms, Mbit/s, share lost), files, direction, ways, runs of each.
def settings():
    draw = random.Random(1)
    return [
        ((50, 20, 0.0), (small(40, draw), False), "put",
         ["stream", "stream-rename", "stream-4", "block", "block-pipelined"], 1),
        ((30, 10, 0.0), ([3_000_000, 70_000, 500], False), "put", ["stream", "block-hash"], 1),
        ((80, 20, 0.0), (small(30, draw), True), "get", ["stream", "block", "deflate-4"], 1),
        ((40, 20, 0.005), (small(40, draw), False), "put", ["stream", "stream-rename-4"], 5),
    ]


def run(command, cwd, ftpsim):
    environment = dict(os.environ, PATH=os.path.dirname(ftpsim) + ":" + os.environ["PATH"])
    began = time.monotonic()
    ran = subprocess.run(["sh", "-c", "exec " + command], cwd=cwd, env=environment, timeout=LIMIT_S,
                         capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr[:2000]}")
    return time.monotonic() - began, ran.stdout


def measure(index, ftpsim):
    """The rows of a setting: this script again, at the near end of a link."""
    (rtt_ms, mbit, loss), (sizes, text), direction, _, _ = settings()[index]
    top = tempfile.mkdtemp(prefix=PREFIX)
    try:
        root, files = os.path.join(top, "root"), os.path.join(top, "files")
        os.makedirs(root)
        write_files(files, sizes, text)
        if direction == "get":
            shutil.copytree(files, os.path.join(root, "files"))
        path = over.Path(rtt_ms, mbit, round(loss * 1e6), LEAST_QUEUE_BYTES)
        again = [sys.executable, os.path.abspath(__file__), "--ftpsim", ftpsim, "--inside", str(index), "{host}", top]
        ran = over.over(ftpsim, path, 1, over.our_server(ftpsim, root), again, limit_s=SETTING_LIMIT_S)
        sys.stderr.write(ran.said)
        return json.loads(ran.stdout)
    except over.Failed as failed:
        raise SystemExit(f"setting {index}: {failed}") from None
    finally:
        shutil.rmtree(top, ignore_errors=True)


def measure_inside(index, host, top, ftpsim):
    """What the near end finds, as JSON on stdout; for people on stderr."""
    (rtt_ms, mbit, loss), (sizes, _), direction, ways, runs = settings()[index]
    files = os.path.join(top, "files")
    url = f"ftp://{over.USER}@{host}:{over.PORT}/" + ("files" if direction == "get" else "")
    what = "" if direction == "get" else files
    _, out = run(f"ftpsim advise {url} {what} --direction {direction} --sample --runs 1 --json -q", top, ftpsim)
    advice = json.loads(out)
    path = advice["path"]
    print(f"path {rtt_ms} ms, {mbit} Mbit/s, {loss:.1%}; found {path['rtt_us']['value'] / 1e3} ms, "
          f"{path['rate_bits_per_s']['value'] / 1e6} Mbit/s, {path['loss_ppm']['value'] / 1e4} %", file=sys.stderr)
    commands = {named["way"]: named["instructions"][0]["text"] for named in advice["instructions"]}
    rows = []
    for way in ways:
        predicted = next(w for w in advice["ways"] if w["name"] == way)["time"]
        took = []
        for _ in range(runs):
            here = tempfile.mkdtemp(dir=top)
            took.append(run(commands[way] + " -q", here, ftpsim)[0])
            if direction == "put":
                shutil.rmtree(os.path.join(top, "root", "files"))
        middle = statistics.median(took)
        off = predicted["us"] / 1e6 / middle - 1
        inside = predicted["low_us"] <= middle * 1e6 <= predicted["high_us"]
        rows.append({"rtt_ms": rtt_ms, "rate_mbit_per_s": mbit, "loss": loss, "files": len(sizes),
                     "bytes": sum(sizes), "direction": direction, "way": way, "runs": runs,
                     "measured_s": round(middle, 3), "predicted_s": round(predicted["us"] / 1e6, 3),
                     "low_s": round(predicted["low_us"] / 1e6, 3), "high_s": round(predicted["high_us"] / 1e6, 3),
                     "off": round(off, 4), "in_interval": inside})
        print(f"  {direction} {way:18} measured {middle:8.3f} s, predicted {predicted['us'] / 1e6:8.3f} s, "
              f"{off:+.1%}{'' if inside else ', outside its interval'}", file=sys.stderr)
    json.dump(rows, sys.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ftpsim", help="the program, built with optimisations", required=True)
    parser.add_argument("--out", help="a CSV file with a row a way")
    parser.add_argument("--only", type=int, help="one setting, counted from 0")
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    ftpsim = os.path.abspath(options.ftpsim)
    if options.inside:
        index, host, top = options.inside
        return measure_inside(int(index), host, top, ftpsim)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = range(len(settings())) if options.only is None else [options.only]
    rows = [row for index in chosen for row in measure(index, ftpsim)]
    if options.out:
        with open(options.out, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    near = sum(abs(row["off"]) <= 0.1 for row in rows)
    print(f"{near} of {len(rows)} predictions are within a tenth of the measured time, "
          f"{sum(row['in_interval'] for row in rows)} measured times are in their interval")
    return 0 if near * 10 >= len(rows) * 8 else 1


if __name__ == "__main__":
    sys.exit(main())
