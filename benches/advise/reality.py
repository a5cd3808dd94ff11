#!/usr/bin/env python3
"""Holds `ftpsim advise` against a real kernel's TCP over an emulated path.

    benches/advise/reality.py --ftpsim target/release/ftpsim [--out results/advise/reality.csv]

As root, on Linux. Two network namespaces, a TUN device in each; a process of this script moves the packets between
the two descriptors as a path with a delay, a bottleneck, a queue and losses would. In one namespace runs `ftpsim
serve`, in the other `ftpsim advise --sample`, which knows nothing of the path but what it measures, and then the very
commands that it has printed. Exit code 1 where fewer than eight of ten predictions are within a tenth of the measured
time. Whatever is made is removed again, at SIGINT and SIGTERM, too; `--clean` removes what a killed run has left.
"""

import argparse
import collections
import csv
import ctypes
import fcntl
import json
import os
import random
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PREFIX = "ftpsim-adv"
CLIENT, SERVER = "10.199.7.1", "10.199.7.2"
PORT = 2121
USER, PASSWORD = "me", "s3cret"
# A router's queue is never smaller, as in the simulation.
LEAST_QUEUE_BYTES = 150_000
LIMIT_S = 300


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def spaces():
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.startswith(PREFIX)]


class Link:
    """A path between two namespaces, moved by a process of its own."""

    def __init__(self, rtt_ms, mbit, loss, seed):
        self.names = [f"{PREFIX}-{end}-{os.getpid()}" for end in "cs"]
        self.pid = None
        self.descriptors = []
        try:
            for name, own, other in zip(self.names, (CLIENT, SERVER), (SERVER, CLIENT)):
                ip("netns", "add", name)
                self.descriptors.append(self.tun(name, own, other))
            self.pid = os.fork()
            if self.pid == 0:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                # Whatever ends this script ends the path.
                ctypes.CDLL(None).prctl(1, signal.SIGTERM)
                move(self.descriptors, rtt_ms / 2e3, mbit * 1e6, loss, seed)
                os._exit(0)
        except BaseException:
            self.close()
            raise

    def tun(self, name, own, other):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        device = f"adv{own[-1]}-{os.getpid()}"[:15]
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
        ip("link", "set", device, "netns", name)
        inside = ["netns", "exec", name, "ip"]
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "address", "add", own, "peer", other, "dev", device)
        ip(*inside, "link", "set", device, "mtu", "1500", "txqueuelen", "10000", "up")
        # Later connections are not to know what earlier ones have learnt.
        ip("netns", "exec", name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save")
        return descriptor

    def inside(self, end, command, **more):
        return subprocess.Popen(["ip", "netns", "exec", self.names[end], *command], **more)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for descriptor in self.descriptors:
            os.close(descriptor)
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)


def move(descriptors, delay_s, bits_per_s, loss, seed):
    """Departure when the link is free, tail drop, loss after the bottleneck, arrival after the delay."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass
    queue_bytes = max(bits_per_s * delay_s * 2 / 8, LEAST_QUEUE_BYTES)
    byte_s = 8 / bits_per_s
    free = [0.0, 0.0]
    waiting = [collections.deque(), collections.deque()]
    draws = [random.Random(f"{seed} {way}") for way in range(2)]
    clock, read, write = time.monotonic, os.read, os.write
    while True:
        now = clock()
        for way in (0, 1):
            line = waiting[way]
            while line and line[0][0] <= now:
                try:
                    write(descriptors[1 - way], line.popleft()[1])
                except OSError:
                    pass
        until = min((line[0][0] for line in waiting if line), default=now + 1)
        # The last 100 us are spent awake, for the kernel wakes late.
        ready, _, _ = select.select(descriptors, [], [], max(until - clock() - 1e-4, 0))
        for descriptor in ready:
            way = descriptors.index(descriptor)
            for _ in range(64):
                try:
                    packet = read(descriptor, 2048)
                except BlockingIOError:
                    break
                now = clock()
                if (free[way] - now) / byte_s + len(packet) > queue_bytes:
                    continue
                free[way] = max(now, free[way]) + len(packet) * byte_s
                if draws[way].random() >= loss:
                    waiting[way].append((free[way] + delay_s, packet))


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


def run(link, command, cwd, ftpsim):
    environment = dict(os.environ, FTPSIM_PASSWORD=PASSWORD, PATH=os.path.dirname(ftpsim) + ":" + os.environ["PATH"])
    began = time.monotonic()
    process = link.inside(0, ["sh", "-c", "exec " + command], cwd=cwd, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, errors = process.communicate(timeout=LIMIT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise SystemExit(f"{command}: {process.returncode}\n{out}{errors[:2000]}")
    return time.monotonic() - began, out


def wait_for(link):
    probe = f"import socket; socket.create_connection(('{SERVER}', {PORT}), 2).close()"
    for _ in range(50):
        if link.inside(0, [sys.executable, "-c", probe], stderr=subprocess.DEVNULL).wait() == 0:
            return
        time.sleep(0.1)
    raise SystemExit("the server does not listen")


def measure(setting, ftpsim, rows):
    (rtt_ms, mbit, loss), (sizes, text), direction, ways, runs = setting
    top = tempfile.mkdtemp(prefix=PREFIX)
    link = Link(rtt_ms, mbit, loss, 1)
    server = None
    try:
        root, files = os.path.join(top, "root"), os.path.join(top, "files")
        os.makedirs(root)
        write_files(files, sizes, text)
        if direction == "get":
            shutil.copytree(files, os.path.join(root, "files"))
        server = link.inside(1, [ftpsim, "serve", "--root", root, "--listen", f"{SERVER}:{PORT}", "--user",
                                 f"{USER}:{PASSWORD}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(link)
        url = f"ftp://{USER}@{SERVER}:{PORT}/" + ("files" if direction == "get" else "")
        what = "" if direction == "get" else files
        _, out = run(link, f"ftpsim advise {url} {what} --direction {direction} --sample --runs 1 --json -q",
                     top, ftpsim)
        advice = json.loads(out)
        path = advice["path"]
        print(f"path {rtt_ms} ms, {mbit} Mbit/s, {loss:.1%}; found {path['rtt_us']['value'] / 1e3} ms, "
              f"{path['rate_bits_per_s']['value'] / 1e6} Mbit/s, {path['loss_ppm']['value'] / 1e4} %", flush=True)
        commands = {named["way"]: named["instructions"][0]["text"] for named in advice["instructions"]}
        for way in ways:
            predicted = next(w for w in advice["ways"] if w["name"] == way)["time"]
            took = []
            for _ in range(runs):
                here = tempfile.mkdtemp(dir=top)
                took.append(run(link, commands[way] + " -q", here, ftpsim)[0])
                if direction == "put":
                    shutil.rmtree(os.path.join(root, "files"))
            middle = statistics.median(took)
            off = predicted["us"] / 1e6 / middle - 1
            inside = predicted["low_us"] <= middle * 1e6 <= predicted["high_us"]
            rows.append({"rtt_ms": rtt_ms, "rate_mbit_per_s": mbit, "loss": loss, "files": len(sizes),
                         "bytes": sum(sizes), "direction": direction, "way": way, "runs": runs,
                         "measured_s": round(middle, 3), "predicted_s": round(predicted["us"] / 1e6, 3),
                         "low_s": round(predicted["low_us"] / 1e6, 3), "high_s": round(predicted["high_us"] / 1e6, 3),
                         "off": round(off, 4), "in_interval": inside})
            print(f"  {direction} {way:18} measured {middle:8.3f} s, predicted {predicted['us'] / 1e6:8.3f} s, "
                  f"{off:+.1%}{'' if inside else ', outside its interval'}", flush=True)
    finally:
        if server:
            server.kill()
            server.wait()
        link.close()
        shutil.rmtree(top, ignore_errors=True)


def clean():
    for name in spaces():
        ip("netns", "delete", name)
        print(f"removed {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ftpsim", help="the program, built with optimisations")
    parser.add_argument("--out", help="a CSV file with a row a way")
    parser.add_argument("--only", type=int, help="one setting, counted from 0")
    parser.add_argument("--clean", action="store_true", help="remove what a killed run has left")
    options = parser.parse_args()
    if options.clean:
        return clean()
    if not options.ftpsim:
        parser.error("--ftpsim PROGRAM")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = []
    chosen = settings()
    for setting in chosen if options.only is None else [chosen[options.only]]:
        measure(setting, os.path.abspath(options.ftpsim), rows)
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
