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
COLUMNS = ["data", "codec", "median_us", "median_low_us", "median_high_us", "gib_per_s", "ratio_to_memcpy",
           "date", "machine"]
KINDS = ["random", "text", "zeros", "long-runs", "pairs", "mixed", "escapes"]


def measurements():
    """(kind of data, codec): payload bytes, median and its interval in nanoseconds, when measured."""
    found = {}
    for path in MEASURED.glob("*/*/new/benchmark.json"):
        about = json.loads(path.read_text())
        group, _, kind = about["group_id"].partition("/")
        if group != "codec" or kind not in KINDS:
            continue
        estimates = path.with_name("estimates.json")
        median = json.loads(estimates.read_text())["median"]
        interval = median["confidence_interval"]
        found[kind, about["function_id"]] = (
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
    missing = [kind for kind in KINDS if (kind, "memcpy") not in found]
    if missing:
        sys.exit(f"codecs.py: nothing measured of {', '.join(missing)} below {MEASURED}: "
                 "run `cargo bench --bench codec` first")
    part = PROJECT / "results/codecs.csv.part"
    with part.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for kind, codec in sorted(found, key=lambda key: (KINDS.index(key[0]), key[1] != "memcpy", key[1])):
            size, median, low, high, date = found[kind, codec]
            rows.writerow([
                kind, codec, *(f"{ns / 1e3:.2f}" for ns in (median, low, high)), f"{size / median * 1e9 / 2**30:.2f}",
                f"{found[kind, 'memcpy'][1] / median:.3f}", date, machine()])
    part.replace(PROJECT / "results/codecs.csv")


if __name__ == "__main__":
    main()
