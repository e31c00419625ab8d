#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The measurements, inside the machine that scripts/bench has booted: starts a contender, lets
build/bench/line or bulk play to it, and appends what they found to OUT/rows.csv, a row a run.

usage, in the repository: guest.py OUT MACHINE SIZE SEED PART...
"""

import csv
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import contenders
from contenders import programs
from columns import COLUMNS, QUANTILES
from plans import BULK_BYTES, INSTRUCTIONS, LOOP_TURNS, MEMORY_PORTS, WARM_UP, line_plans, load_plans

BASE_PORT = 20000
# Two for each processor.
BUSY = "while :; do :; done"
FRAMERS = ("n_dtu", "fallback", "ser2net", "socat")
EVERYBODY = ("n_dtu", "fallback", "ser2net", "ser2net-default", "socat")


def log(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Rows:
    """The file of results. Marks are counted as the plugin of the machine sees them."""

    def __init__(self, path, machine):
        self.machine = machine
        self.file = open(path, "w", newline="")
        self.writer = csv.DictWriter(self.file, COLUMNS, restval="")
        self.writer.writeheader()
        self.marks = 0

    def add(self, row):
        self.writer.writerow({"machine": self.machine, **row})
        self.file.flush()

    def mark(self):
        self.marks += 1
        return self.marks - 1


class Program:
    """line or bulk, spoken with as tests/bench/line.c says."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def until(self, word):
        """Lines up to this one: name=value."""
        found = {}
        for line in self.process.stdout:
            line = line.strip()
            if line == word:
                return found
            if line.startswith("Bail out!"):
                raise RuntimeError(line)
            name, _, value = line.partition("=")
            found[name] = value
        raise RuntimeError(f"it ended before \"{word}\"")

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.wait()


def memory(contender):
    """Of all its processes, in KiB; and what the kernel's module has allocated for itself."""
    total = {"Rss": 0, "Pss": 0, "Private_Dirty": 0}
    for process in contender.processes:
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in total:
                    total[name] += int(value.split()[0])
    with open("/proc/vmallocinfo") as file:
        kernel = sum(int(line.split()[1]) for line in file if "[n_dtu]" in line)
    return {"rss_kb": total["Rss"], "pss_kb": total["Pss"], "private_dirty_kb": total["Private_Dirty"],
            "kernel_kb": kernel // 1024}


def measure(name, setup, program, ttys, busy=False, settle=1.0):
    """Start program's and the contender's end, run, and return what was found."""
    contender = contenders.contenders[name](setup)
    load = []
    speaker = Program(*[contender.meets if word == "MEETS" else word for word in program])
    try:
        speaker.until("listening")
        contender.start(ttys, BASE_PORT)
        speaker.until("ready")
        time.sleep(settle)
        load = [subprocess.Popen(["sh", "-c", BUSY]) for _ in range(2 * os.cpu_count() if busy else 0)]
        speaker.go()
        found = speaker.until("done")
        for process in load:
            process.kill()
        found.update(memory(contender))
        found.update(contender.status())
        return found
    except Exception:
        log(f"{name}: {contender.messages()}")
        raise
    finally:
        for process in load:
            process.kill()
            process.wait()
        speaker.end()
        contender.stop()
        shutil.rmtree(contender.folder)


def line(part, name, plan, seed, busy=False, extra=()):
    if not busy:
        extra = [*extra, "--humble"]
    setup = contenders.Setup(plan.gap_us, plan.trigger, plan.longest if plan.longest > 1024 else 1024)
    program = [f"{programs}/line", "MEETS", *extra]
    for option, value in plan.options():
        program += [f"--{option}", str(value)]
    program += ["--seed", str(seed), "--base", str(BASE_PORT)]
    ttys = [f"/dev/ttySIM{i}" for i in range(plan.ports)]
    start = time.monotonic()
    found = measure(name, setup, program, ttys, busy)
    row = {"part": part, "contender": name, "busy": int(busy), "seed": seed, **plan.columns()}
    row.update((key, value) for key, value in found.items() if key in COLUMNS)
    quantiles = found.get("latency_ns", "")
    if quantiles and contenders.contenders[name].frames:
        quantiles = " ".join(str(int(ns) - plan.gap_us * 1000) for ns in quantiles.split())
        for column in ("latency_p50_ns", "latency_p99_ns", "latency_max_ns"):
            row[column] = int(found[column]) - plan.gap_us * 1000
    row[QUANTILES] = quantiles
    frames = max(1, int(row["frames"]))
    log(f"{part}: {name}: gap {plan.gap_us} us, trigger {plan.trigger}, {plan.ports} ports"
        f"{', busy' if busy else ''}: {row['right']} right of {row['frames']}, {row['cut']} cut, {row['merged']} merged"
        f" ({100 * int(row['right']) / frames:.2f} %), p50 {row.get('latency_p50_ns', '')} p99"
        f" {row.get('latency_p99_ns', '')} ns; {time.monotonic() - start:.0f} s")
    if found["wrong_streams"] != "0" or found["capture_lost"] != "0":
        log(f"{name}: {found}")
    return row


def warm_up(seed):
    """
    Everybody once, unnoted, so that their files are in memory: where time is simulated it jumps ahead
    while a disk is waited for.
    """
    for name in EVERYBODY:
        line("warming up", name, WARM_UP, seed)


def boundaries(rows, size, seed, busy=False):
    for plan in line_plans[size]:
        for name in FRAMERS:
            rows.add(line("boundaries", name, plan, seed, busy))


def boundaries_busy(rows, size, seed):
    boundaries(rows, size, seed, True)


def load(rows, size, seed):
    """Of the others a fifth: their share of right frames shows in fewer."""
    for plan in load_plans[size]:
        for name in FRAMERS:
            part = plan if name == "n_dtu" else replace(plan, frames=max(1, plan.frames // 5))
            rows.add(line("load", name, part, seed, True))


def memory_of_ports(rows, size, seed):
    for plan in MEMORY_PORTS[size]:
        for name in EVERYBODY:
            rows.add(line("memory", name, plan, seed))


def bulk(rows, size, seed):
    for name in EVERYBODY:
        bytes_ = BULK_BYTES[size]
        link = "/tmp/bench-pty"
        if os.path.islink(link):
            os.unlink(link)
        side = contenders.contenders[name].meets[2:]
        program = [f"{programs}/bulk", side, str(BASE_PORT), link, str(bytes_)]
        found = measure(name, contenders.Setup(length=2048), program, [link])
        row = {"part": "bulk", "contender": name, "ports": 1}
        row.update((key, value) for key, value in found.items() if key in COLUMNS)
        rows.add(row)
        log(f"bulk: {name}: {bytes_ / int(found['bulk_up_ns']) * 1000:.2f} MB/s up, "
            f"{bytes_ / int(found['bulk_down_ns']) * 1000:.2f} MB/s down")


def instructions(rows, size, seed):
    """Each twice, which has to give the same; then once more with the counters of tasks."""
    for _ in range(2):
        found = subprocess.run([f"{programs}/loop", str(LOOP_TURNS)], stdout=subprocess.PIPE, text=True, check=True).stdout
        rows.add({"part": "loop", "contender": "loop", "frames": LOOP_TURNS, "insns_mark": rows.mark(),
                  "elapsed_ns": found.strip().partition("=")[2]})
    for plan in INSTRUCTIONS[size]:
        for name in ("nobody", *EVERYBODY):
            for _ in range(2):
                row = line("instructions", name, plan, seed, extra=["--light"])
                rows.add({**row, "frames": plan.frames, "insns_mark": rows.mark()})
            row = line("tasks", name, plan, seed, extra=["--light", "--events"])
            rows.add({**row, "frames": plan.frames, "insns_mark": rows.mark()})


PARTS = {
    "boundaries": boundaries,
    "busy": boundaries_busy,
    "load": load,
    "memory": memory_of_ports,
    "bulk": bulk,
    "instructions": instructions,
}


def main():
    out, machine, size, seed, *parts = sys.argv[1:]
    subprocess.run(["tests/uart-sim/load", "ports=32"], check=True)
    # ser2net finds no name on a machine that has no address but 127.0.0.1.
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    warm_up(int(seed))
    rows = Rows(os.path.join(out, "rows.csv"), machine)
    for part in parts:
        PARTS[part](rows, size, int(seed))
    return 0


sys.exit(main())
