#!/usr/bin/env python3
"""Writes results/codecs.csv from what `cargo bench --bench codec` measured last: of each kind of data
and codec the throughput and its ratio to the memcpy of the same group, in the same run.

    cargo bench --bench codec && benches/codecs.py
"""

import csv
import datetime
import json
import os
import pathlib
import platform
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent
MEASURED = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "criterion"
COLUMNS = ["data", "size", "codec", "median_us", "median_low_us", "median_high_us", "gib_per_s", "ratio_to_memcpy",
           "date", "machine"]
SIZES = ["1KiB", "64KiB", "1MiB"]
KINDS = ["random", "text", "zeros", "long-runs", "pairs", "mixed", "escapes"]


def measurements():
    """(kind of data, size, codec): payload bytes, median and its interval in nanoseconds, when measured."""
    found = {}
    for path in MEASURED.glob("*/*/new/benchmark.json"):
        about = json.loads(path.read_text())
        group, *what = about["group_id"].split("/")
        if group != "codec":
            continue
        estimates = path.with_name("estimates.json")
        median = json.loads(estimates.read_text())["median"]
        interval = median["confidence_interval"]
        found[*what, about["function_id"]] = (
            about["throughput"]["Bytes"], median["point_estimate"], interval["lower_bound"], interval["upper_bound"],
            datetime.date.fromtimestamp(estimates.stat().st_mtime))
    return found


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main():
    found = measurements()
    missing = [f"{kind} {size}" for kind in KINDS for size in SIZES if (kind, size, "memcpy") not in found]
    if missing:
        sys.exit(f"codecs.py: nothing measured of {', '.join(missing)} below {MEASURED}: "
                 "run `cargo bench --bench codec` first")
    part = PROJECT / "results/codecs.csv.part"
    with part.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        order = sorted(found, key=lambda key: (KINDS.index(key[0]), SIZES.index(key[1]), key[2] != "memcpy", key[2]))
        for kind, size, codec in order:
            payload_bytes, median, low, high, date = found[kind, size, codec]
            rows.writerow([
                kind, size, codec, *(f"{ns / 1e3:.2f}" for ns in (median, low, high)), f"{payload_bytes / median * 1e9 / 2**30:.2f}",
                f"{found[kind, size, 'memcpy'][1] / median:.3f}", date, machine()])
    part.replace(PROJECT / "results/codecs.csv")


if __name__ == "__main__":
    main()
