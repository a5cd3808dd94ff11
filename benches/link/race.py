#!/usr/bin/env python3
"""The wide-area race: the same small files over one long path, by our programs and by other people's.

    benches/link/race.py --ftpsim target/release/ftpsim [--out results/wan-race.csv]

As root, on Linux, after tests/peers/install.sh. Each delivery goes over a link of its own (`ftpsim link`): kernels'
TCP, the path simulated in real time. See README.md.
"""

import argparse
import csv
import os
import pathlib
import platform
import shlex
import shutil
import signal
import statistics
import sys
import tempfile
from dataclasses import dataclass, replace

import over
import simulated

sys.path[:0] = [str(over.PROJECT / "tests/peers"), str(over.PROJECT / "benches/peers")]
import launch  # noqa: E402
import run as peers  # noqa: E402

FILES, FILE_BYTES = 200, 10 * 1024
PATH = over.Path(rtt_ms=100, rate_mbit_per_s=100, loss_ppm=1_000)
# Deep enough that a window of commands covers all files.
DEPTH = 256
SEGMENT_BYTES, HEADER_BYTES, INITIAL_WINDOW = 1_448, 52, 10
SIMULATED_SEEDS = 41
LFTP_SETTINGS = peers.LFTP_SETTINGS + peers.LFTP_MODES[""] + "set ftp:ssl-allow no; "
# What a GridFTP client has two servers do: one of them then stands at the near end.
THIRD_PARTY = " third party"
NEAR_HOST, NEAR_PORT = "10.0.0.1", 2122


def floor_s():
    """What no client can do without: the handshake of the control connection, the greeting, a round trip each for USER,
    PASS and EPSV, whose replies the next step needs, and the handshake of a data connection; then slow start from ten
    segments, its last round at the bottleneck's rate, and the way back of the last reply. Nothing is lost, and TYPE,
    MODE and all transfer commands travel with others."""
    rtt_s = PATH.rtt_ms / 1e3
    left, window, rounds = -(-FILES * FILE_BYTES // SEGMENT_BYTES), INITIAL_WINDOW, 1
    while left > window:
        left, window, rounds = left - window, 2 * window, rounds + 1
    return (6 + rounds) * rtt_s + left * (SEGMENT_BYTES + HEADER_BYTES) * 8 / (PATH.rate_mbit_per_s * 1e6)


@dataclass(frozen=True)
class Pair:
    server: str
    client: str
    way: str

    def about(self):
        return f"{self.server} {self.client} {self.way}"


OURS = {way.name: way for way in [simulated.STREAM, simulated.PARALLEL, simulated.BLOCK, simulated.pipelined(DEPTH)]}
PAIRS = [Pair("ftpsim", "ftpsim", way) for way in OURS] + [
    Pair("vsftpd", "ftpsim", "stream"), Pair("vsftpd", "ftpsim", "stream-parallel"), Pair("vsftpd", "curl", ""),
    Pair("vsftpd", "lftp", ""), Pair("vsftpd", "lftp", "four connections"), Pair("vsftpd", "ncftp", "")] + [
    Pair(peers.GRIDFTP_SERVER, peers.GRIDFTP_CLIENT, way)
    for way in [*peers.GRIDFTP_WAYS, "mode E" + THIRD_PARTY, "mode E pipelined" + THIRD_PARTY]]


class Track:
    """Where a race is run: the files, and a root for each server with `put` and `src` below it."""

    def __init__(self, top, ftpsim):
        self.top, self.ftpsim = top, ftpsim
        self.source = top / "files"
        peers.write_files(self.source, FILES, FILE_BYTES, "random")
        self.names = sorted(os.listdir(self.source))
        self.hashes = over.hashes(self.source)
        self.password = (launch.CACHE / "password").read_text()

    def make_root(self, pair, direction):
        root = pathlib.Path(tempfile.mkdtemp(dir=self.top))
        root.chmod(0o755)
        if direction == "get":
            shutil.copytree(self.source, root / "src")
        else:
            (root / "put").mkdir()
        if pair.server != "ftpsim":
            for path in [root, *root.rglob("*")]:
                shutil.chown(path, launch.USER, launch.USER)
        return root

    def server(self, pair, root):
        if pair.server == "ftpsim":
            return over.our_server(self.ftpsim, root)
        words = [*over.AT_ONCE, over.PROJECT / "tests/peers/launch.py", pair.server, "--host", "{host}", "--port",
                 over.PORT, "--scratch", root.parent, "--root", root]
        # It goes on until its standard input ends.
        return f"sleep {over.LIMIT_S * 2} | {shlex.join(map(str, words))} >/dev/null"

    def client(self, pair, direction, local):
        remote = "put" if direction == "put" else "src"
        user, password = (over.USER if pair.server == "ftpsim" else launch.USER), self.password_at(pair)
        if pair.client == "ftpsim":
            options = [*OURS[pair.way].options_of(direction), "--retries", "0"]
            return over.our_client(self.ftpsim, direction, remote, self.names, options, user)
        if pair.client == peers.GRIDFTP_CLIENT:
            return self.globus_url_copy(pair.way, direction, remote, local)
        url = f"ftp://{{host}}:{over.PORT}"
        if pair.client == "curl":
            # Without CWD and SIZE.
            told = ["curl", "-sS", "--fail", "-u", f"{user}:{password}", "--ftp-method", "nocwd",
                    "--ignore-content-length"]
            if direction == "put":
                return [*over.AT_ONCE, *told, "-T", "{" + ",".join(self.names) + "}", f"{url}/{remote}/"]
            return [*over.AT_ONCE, *told, "--remote-name-all", f"{url}/{remote}/f[00000-{FILES - 1:05}]"]
        if pair.client == "lftp":
            jobs = {("put", ""): f"mput -O {remote} *", ("get", ""): f"mget {remote}/*",
                    ("put", "four connections"): f"mirror -R -P 4 --no-perms . {remote}",
                    ("get", "four connections"): f"mirror -P 4 --no-perms {remote} ."}
            job = f"{LFTP_SETTINGS}open -u {user},{password} {url}/; {jobs[direction, pair.way]}"
            return [*over.AT_ONCE, "lftp", "--norc", "-c", job]
        login = ["-u", user, "-p", password, "-P", over.PORT, "{host}"]
        if direction == "put":
            return [*over.AT_ONCE, "ncftpput", *peers.NCFTP_OPTIONS, *login, remote, *self.names]
        return [*over.AT_ONCE, "ncftpget", *peers.NCFTP_OPTIONS, *login, ".", *[f"{remote}/{it}" for it in self.names]]

    def globus_url_copy(self, way, direction, remote, local):
        login, third_party = f"{launch.USER}:{self.password}", way.endswith(THIRD_PARTY)
        far = f"ftp://{login}@{{host}}:{over.PORT}/{remote}/"
        near = f"ftp://{login}@{NEAR_HOST}:{NEAR_PORT}/./" if third_party else f"file://{local}/"
        ends = [near, far] if direction == "put" else [far, near]
        serve = [over.HERE / "third_party.py", local, NEAR_HOST, NEAR_PORT, "--"] if third_party else []
        return [*over.AT_ONCE, *serve, peers.GRIDFTP_CLIENT, *peers.GRIDFTP_OPTIONS,
                *peers.GRIDFTP_WAYS[way.removesuffix(THIRD_PARTY)], *ends]

    def password_at(self, pair):
        return over.PASSWORD if pair.server == "ftpsim" else self.password

    def deliver(self, pair, direction, seed):
        """One delivery, whose bytes are compared. Other losses at each attempt."""
        root = self.make_root(pair, direction)
        ran = over.moved(
            self.top, direction, self.source, self.hashes, root, "put", pair.about(),
            lambda local: over.over(self.ftpsim, PATH, seed, self.server(pair, root),
                                    self.client(pair, direction, local), cwd=local, password=self.password_at(pair)))
        return replace(ran, took_s=float(ran.stdout)) if pair.way.endswith(THIRD_PARTY) else ran


def race(track, pairs, directions, most_runs, budget_s):
    """Every pair's runs by direction: in rounds, each at most `most_runs` times, as long as its time lasts."""
    runs = {(direction, pair): [] for direction in directions for pair in pairs}
    for turn in range(most_runs):
        for (direction, pair), so_far in runs.items():
            spent = sum(ran.took_s for ran in so_far)
            if so_far and spent + spent / len(so_far) > budget_s:
                continue
            about = f"{direction} {pair.about()}"
            ran = over.in_time(lambda again: track.deliver(pair, direction, turn + 1000 * again), about)
            so_far.append(ran)
            print(f"{turn + 1} {about}: {ran.took_s:.3f} s, {ran.lost} lost, late by {ran.late_ms} ms", file=sys.stderr,
                  flush=True)
    return runs


def simulated_times(ftpsim, pairs):
    """By way and direction, of both ends ours."""
    ways = [OURS[pair.way] for pair in pairs if (pair.server, pair.client) == ("ftpsim", "ftpsim")]
    if not ways:
        return {}
    rows = simulated.grid(ftpsim, [PATH], [(FILES, FILE_BYTES)], SIMULATED_SEEDS, dict.fromkeys(ways))
    return {(key[0], key[1]): int(row["duration_us"]) / 1e6 for key, row in rows.items()}


def table(runs, ftpsim):
    ours = peers.ftpsim_version(ftpsim)
    expected = simulated_times(ftpsim, [pair for _, pair in runs])
    rows = []
    for (direction, pair), done in runs.items():
        median = statistics.median(ran.took_s for ran in done)
        ours_alone = (pair.server, pair.client) == ("ftpsim", "ftpsim")
        rows.append({
            "direction": direction, "server": pair.server, "client": pair.client, "way": pair.way,
            "server_version": ours if pair.server == "ftpsim" else launch.version_of(pair.server),
            "client_version": ours if pair.client == "ftpsim" else launch.version_of(pair.client),
            "rtt_ms": PATH.rtt_ms, "rate_mbit_per_s": PATH.rate_mbit_per_s, "loss": PATH.loss_ppm / 1e6,
            "files": FILES, "file_bytes": FILE_BYTES, "runs": len(done), "median_s": f"{median:.3f}",
            "min_s": f"{min(ran.took_s for ran in done):.3f}", "max_s": f"{max(ran.took_s for ran in done):.3f}",
            "to_floor": f"{median / floor_s():.2f}", "floor_s": f"{floor_s():.3f}",
            "simulated_s": f"{expected[pair.way, direction]:.3f}" if ours_alone else "",
            "lost_packets": statistics.median(ran.lost for ran in done), "late_ms": max(ran.late_ms for ran in done),
            "date": over.today(), "machine": platform.platform(terse=True),
        })
    return sorted(rows, key=by_time)


def by_time(row):
    return row["direction"] != "put", float(row["median_s"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ftpsim", required=True, type=pathlib.Path, help="the program, built with optimisations")
    parser.add_argument("--out", type=pathlib.Path, help="a CSV file with a row a pair and direction; others stay")
    parser.add_argument("--only", help="pairs whose name holds this: 'ftpsim ftpsim', 'lftp'")
    parser.add_argument("--directions", nargs="+", choices=["put", "get"], default=["put", "get"])
    parser.add_argument("--most-runs", type=int, default=15)
    parser.add_argument("--budget", type=float, default=90, help="seconds of a pair's runs, of which one is made (90)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    gone = launch.missing()
    if gone:
        sys.exit("race.py: missing, run tests/peers/install.sh as root first:\n  " + "\n  ".join(gone))
    ftpsim = options.ftpsim.resolve()
    pairs = [pair for pair in PAIRS if not options.only or options.only in pair.about()]
    with tempfile.TemporaryDirectory(prefix="ftpsim-race-", dir="/dev/shm") as top:
        os.chmod(top, 0o755)
        try:
            runs = race(Track(pathlib.Path(top), ftpsim), pairs, options.directions, options.most_runs, options.budget)
        except over.Failed as failed:
            sys.exit(f"race.py: {failed}")
    rows = table(runs, ftpsim)
    print(f"{FILES} files of {FILE_BYTES} B over {PATH.rtt_ms} ms, {PATH.rate_mbit_per_s} Mbit/s, "
          f"{PATH.loss_ppm / 1e4:g} % loss; floor {floor_s():.2f} s")
    for row in rows:
        print(f"{row['direction']} {row['server']:<21} {row['client']:<15} {row['way']:<28} {row['runs']:>3} runs "
              f"{row['median_s']:>8} s ({row['min_s']} to {row['max_s']}), {row['to_floor']} of the floor, simulated "
              f"{row['simulated_s'] or '-'}")
    if options.out:
        over.write_csv(options.out, rows, ["direction", "server", "client", "way"], by_time)


if __name__ == "__main__":
    main()
