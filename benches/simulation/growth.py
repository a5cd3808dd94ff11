#!/usr/bin/env python3
"""Time and memory of sweeps, comparisons and grids over what they are asked for.

    benches/simulation/growth.py --ftpsim target/release/ftpsim [--out results/simulation-growth.csv]

Each point is a process of its own on one thread; its processor time in user mode and the most memory that it held are
the kernel's figures (wait4). Time and memory grow as x to the exponent of the least-squares line through the logarithms
of a curve's points, once what a process costs that does nothing is taken off. Exit code 1 where an exponent is over
1.15, or a point fails.
"""

import argparse
import csv
import math
import os
import pathlib
import subprocess
import sys
import tempfile

WORST_EXPONENT = 1.15
# What is less than this is noise, and no curve is judged by it.
LEAST_S, LEAST_MB = 0.05, 2

SCENARIO = """
name = "growth"
question = "What does more of it cost?"
seeds = "0..{runs}"
directions = ["put"]
path = {{ rtt_us = 50_000, bandwidth_bits_per_s = 100_000_000, queue_bytes = 625_000 }}
workload = {{ files = {files}, size_bytes = [{size}, {size}], content = {{ random = 1, text = 1, runs = 1 }} }}
limits = {{ virtual_time_us = 36_000_000_000 }}
faults = [{{ kind = "none" }}]

[timeouts]
connect_us = 10_000_000
data_idle_us = 20_000_000
reply_us = 30_000_000
control_idle_us = 60_000_000
retry_delay_us = 1_000_000
{grid}
[[variants]]
name = "{mode}"
note = "{mode} mode"
mode = "{mode}"
"""

GRID = """
[grid]
rtt_us = {rtts}
bandwidth_bits_per_s = [100_000_000]
loss_ppm = [0]
deliveries = [{{ files = 50, file_size_bytes = 10_240 }}]
seeds_with_loss = 1
"""


def compared(runs=1, files=20, size=10_240, mode="stream", grid=""):
    return SCENARIO.format(runs=runs, files=files, size=size, mode=mode, grid=grid)


def cells(count):
    return compared(grid=GRID.format(rtts=[10_000 + 100 * nth for nth in range(count)]))


# Name, what x is, its values, and what is run: a number of seeds to sweep, or a scenario to compare.
CURVES = [
    ("sweep", "seeds", [500, 1_000, 2_000, 4_000, 8_000], lambda x: x),
    ("compare", "runs of 20 files of 10 KiB", [50, 100, 200, 400, 800], lambda x: compared(runs=x)),
    ("stream", "files of 1 KiB in one delivery", [250, 500, 1_000, 2_000, 4_000],
     lambda x: compared(files=x, size=1_024)),
    ("block", "files of 1 KiB in one delivery", [250, 500, 1_000, 2_000, 4_000],
     lambda x: compared(files=x, size=1_024, mode="block")),
    ("packets", "bytes of one file", [2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000],
     lambda x: compared(files=1, size=x)),
    ("grid", "cells of 50 files of 10 KiB", [8, 16, 32, 64, 128], cells),
]


def cost(ftpsim, asked, scratch):
    """Seconds of user time and megabytes of the most memory held."""
    out = os.path.join(scratch, "out")
    if isinstance(asked, int):
        command = [ftpsim, "sweep", "--seeds", f"0..{asked}", "--jobs", "1", "--out", out]
    else:
        scenario = os.path.join(scratch, "growth.toml")
        pathlib.Path(scenario).write_text(asked)
        command = [ftpsim, "compare", scenario, "--jobs", "1", "--out", out]
    with open(os.path.join(scratch, "said"), "w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{said.read()}")
    return usage.ru_utime, usage.ru_maxrss / 1024


def exponent(xs, costs, nothing, least):
    """Of the least-squares line through the logarithms; None where too little is above the noise."""
    points = [(math.log(x), math.log(cost - nothing)) for x, cost in zip(xs, costs) if cost - nothing >= least]
    if len(points) < 3:
        return None
    mean_x, mean_y = (sum(part) / len(points) for part in zip(*points))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ftpsim", required=True)
    parser.add_argument("--out", default="results/simulation-growth.csv")
    parser.add_argument("--only", nargs="*", help="curves by name")
    options = parser.parse_args()
    rows, grows = [], False
    with tempfile.TemporaryDirectory() as scratch:
        nothing = cost(options.ftpsim, compared(files=1, size=1), scratch)
        for name, what, xs, asked in CURVES:
            if options.only and name not in options.only:
                continue
            costs = [cost(options.ftpsim, asked(x), scratch) for x in xs]
            for x, (user_s, memory_mb) in zip(xs, costs):
                rows.append([name, what, x, f"{user_s:.2f}", f"{memory_mb:.0f}"])
            time = exponent(xs, [each[0] for each in costs], nothing[0], LEAST_S)
            memory = exponent(xs, [each[1] for each in costs], nothing[1], LEAST_MB)
            told = [f"{each:.2f}" if each is not None else "too little" for each in (time, memory)]
            print(f"{name}: {what} {xs[0]} to {xs[-1]}: {costs[0][0]:.2f} to {costs[-1][0]:.2f} s, exponent {told[0]}; "
                  f"{costs[0][1]:.0f} to {costs[-1][1]:.0f} MB, exponent {told[1]}", flush=True)
            grows |= any(each is not None and each > WORST_EXPONENT for each in (time, memory))
    with open(options.out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["curve", "x_is", "x", "user_s", "memory_mb"])
        writer.writerows(rows)
    sys.exit(f"a curve grows faster than x to the {WORST_EXPONENT}" if grows else 0)


if __name__ == "__main__":
    main()
