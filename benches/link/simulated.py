"""The same deliveries in the simulation: `ftpsim compare` over a grid made here."""

import csv
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

from over import LEAST_QUEUE_BYTES


@dataclass(frozen=True)
class Way:
    """One of the contenders of the project's scenarios."""

    name: str
    # Of `ftpsim put` and `get`.
    options: tuple
    # Of the scenario's variant.
    keys: tuple
    # Further ones where files are got: of stream mode's files `ftpsim get` always asks SIZE, and FEAT where it may go
    # on from a part.
    get_options: tuple = ()
    get_keys: tuple = ()

    def options_of(self, direction):
        return self.options + (self.get_options if direction == "get" else ())


def pipelined(depth):
    return Way("block-pipelined", ("--mode", "block", "--pipeline", str(depth)),
               ('mode = "block"', f"pipeline_depth = {depth}", "asks_ahead = true"))


SIZE = (("--no-resume",), ('verify = "size"',))
STREAM = Way("stream", ("--mode", "stream"), ('mode = "stream"',), *SIZE)
PARALLEL = Way("stream-parallel", ("--mode", "stream", "--parallel", "4"), ('mode = "stream"', "parallel = 4"), *SIZE)
BLOCK = Way("block", ("--mode", "block"), ('mode = "block"',))

# Nothing waits for what the path's losses have not delayed; `ftpsim put` and `get` wait as long.
SCENARIO = """\
name = "over-link"
question = "How long do these deliveries take?"
directions = ["put", "get"]
[grid]
rtt_us = [{rtts_us}]
bandwidth_bits_per_s = [{bits_per_s}]
loss_ppm = [{losses_ppm}]
deliveries = [{deliveries}]
seeds_with_loss = {seeds}
[path]
rtt_us = 50_000
bandwidth_bits_per_s = 100_000_000
queue_bytes = {least_queue_bytes}
[workload]
files = 1
size_bytes = [100, 1_048_576]
content = {{ random = 1 }}
[limits]
virtual_time_us = 36_000_000_000
[timeouts]
connect_us = 10_000_000
data_idle_us = 30_000_000
reply_us = 30_000_000
control_idle_us = 600_000_000
retry_delay_us = 1_000_000
[[faults]]
kind = "none"
"""


def variants(ways):
    for way in ways:
        for direction, more in (("put", ()), ("get", way.get_keys)):
            yield "\n".join(["[[variants]]", f'name = "{way.name}-{direction}"', 'note = "as over the link"', *way.keys,
                             *more, ""])


def grid(ftpsim, paths, deliveries, seeds, ways):
    """Every path with every (files, bytes of each): the row of `grid.csv` by way, direction, path and delivery. The
    paths must be all combinations of their round-trip times, rates and losses."""

    def each(values):
        return ", ".join(str(value) for value in dict.fromkeys(values))

    text = SCENARIO.format(
        rtts_us=each(path.rtt_ms * 1_000 for path in paths),
        bits_per_s=each(path.rate_mbit_per_s * 1_000_000 for path in paths),
        losses_ppm=each(path.loss_ppm for path in paths),
        deliveries=", ".join(f"{{ files = {files}, file_size_bytes = {size} }}" for files, size in deliveries),
        seeds=seeds, least_queue_bytes=LEAST_QUEUE_BYTES) + "".join(variants(ways))
    with tempfile.TemporaryDirectory(prefix="ftpsim-over-link-") as directory:
        scenario, out = pathlib.Path(directory, "over-link.toml"), pathlib.Path(directory, "out")
        scenario.write_text(text)
        ran = subprocess.run([ftpsim, "compare", scenario, "--out", out], capture_output=True, text=True)
        if ran.returncode != 0:
            raise SystemExit(f"ftpsim compare: {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        with open(out / "grid.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        way, _, direction = row["variant"].rpartition("-")
        if direction == row["direction"]:
            path = (int(row["rtt_us"]) // 1_000, int(row["bandwidth_bits_per_s"]) // 1_000_000,
                    round(float(row["loss"]) * 1e6))
            found[way, direction, path, (int(row["files"]), int(row["file_size_bytes"]))] = row
    return found
