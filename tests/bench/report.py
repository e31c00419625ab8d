#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What tests/bench/guest.py has found, as tables with ratios, as one CSV file and as plots.

usage: report.py OUT NAME RUN...

RUN is a folder with rows.csv and, if instructions were counted, insns. Writes OUT/NAME.csv and
OUT/NAME-*.svg; the tables go to standard output.
"""

import csv
import os
import sys

import svg
from columns import COLUMNS, QUANTILES

# At 115200 baud, 8N1, which all is measured with.
CHARACTER_NS = 86806

NAMES = ("n_dtu", "fallback", "ser2net", "ser2net-default", "socat")


def number(row, column):
    return float(row[column]) if row.get(column) else None


def read_run(folder):
    with open(os.path.join(folder, "rows.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    marks = os.path.join(folder, "insns")
    if os.path.exists(marks):
        with open(marks) as file:
            counts = [int(line) for line in file]
        for row in rows:
            if row["insns_mark"]:
                row["instructions"] = counts[int(row["insns_mark"])]
    return rows


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def table(title, header, lines):
    if not lines:
        return
    lines = [[str(cell) for cell in line] for line in [header, *lines]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    print(f"\n{title}\n")
    for k, line in enumerate(lines):
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        print("| " + " | ".join(cells) + " |")
        if k == 0:
            print("|" + "|".join([":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|")


def of(rows, part, **wanted):
    return [row for row in rows if row["part"] == part and all(row[key] == value for key, value in wanted.items())]


def settings(rows, parts):
    """The different settings that were run, each with its rows by contender."""
    groups = {}
    for row in rows:
        if row["part"] in parts:
            key = tuple(row[c] for c in ("part", "machine", "busy", "gap_us", "trigger", "ports"))
            groups.setdefault(key, {})[row["contender"]] = row
    return groups


def caption(key):
    part, machine, busy, gap_us, trigger, ports = key
    return (f"{int(gap_us) / 1000:g} ms, trigger {trigger}, {ports} port{'s' if ports != '1' else ''}, "
            f"{'busy' if busy == '1' else 'idle'}, {machine}")


def share(row, column):
    frames = number(row, "frames")
    return 100 * number(row, column) / frames if frames else float("nan")


def ratio(a, b):
    return f"{a / b:.2f}" if a is not None and b else "-"


def boundaries(groups):
    lines = []
    for key, by in groups.items():
        cells = []
        for name in ("n_dtu", "fallback", "ser2net", "socat"):
            row = by.get(name)
            cells.append(f"{share(row, 'right'):.2f} ({share(row, 'cut'):.1f}/{share(row, 'merged'):.1f})" if row else "-")
        lines.append([caption(key), by["n_dtu"]["frames"] if "n_dtu" in by else "", *cells])
    table("Right boundaries, % of frames (cut/merged, %)",
          ["gap", "frames", "n_dtu", "fallback", "ser2net", "socat"], lines)


def promised_ns(row):
    """
    By its contract n_dtu ends a frame so long after the gap: a character, and with a FIFO the time-out
    after the last byte and those during which it may keep the next one to itself.
    """
    trigger = int(row["trigger"])
    characters = 1 + (4 + 4 * (trigger - 1) if trigger > 1 else 0)
    return characters * CHARACTER_NS


def latency(groups):
    lines = []
    for key, by in groups.items():
        cells, p99 = [], {}
        for name in ("n_dtu", "fallback", "ser2net", "socat"):
            row = by.get(name)
            if not row or not row["latency_count"]:
                cells.append("-")
                continue
            p50, p99[name], most = (number(row, f"latency_{c}_ns") / 1000 for c in ("p50", "p99", "max"))
            cells.append(f"{p50:.0f} {p99[name]:.0f} {most:.0f}")
        if "n_dtu" in p99:
            own = p99["n_dtu"] - promised_ns(by["n_dtu"]) / 1000
            lines.append([caption(key), *cells, f"{own:.0f}", ratio(p99["n_dtu"], p99.get("ser2net")),
                          ratio(p99["n_dtu"], p99.get("socat"))])
    table("From the end of a frame's last byte until its segment is sent, less the gap (socat: all of it): p50 p99 max, us",
          ["gap", "n_dtu", "fallback", "ser2net", "socat", "n_dtu's p99 less what it promises to wait",
           "p99 to ser2net", "to socat"], lines)


def per_frame(rows, name, trigger):
    """Instructions of both runs, switches and wake-ups of the third, all per frame."""
    runs = of(rows, "instructions", contender=name, trigger=trigger)
    tasks = of(rows, "tasks", contender=name, trigger=trigger)
    if not runs or not tasks:
        return None
    counts = [number(row, "instructions") / number(row, "frames") for row in runs]
    frames = number(tasks[0], "frames")
    return {"counts": counts, "mean": sum(counts) / len(counts), "switches": number(tasks[0], "switches") / frames,
            "wakeups": number(tasks[0], "wakeups") / frames}


def instructions(rows):
    for row in of(rows, "loop"):
        print(f"\nA loop of {2 * int(row['frames'])} instructions counts {row['instructions']}; the machine's clock says "
              f"{row['elapsed_ns']} ns.")
    for trigger in sorted({row["trigger"] for row in of(rows, "instructions")}):
        nobody = per_frame(rows, "nobody", trigger)
        ser2net = per_frame(rows, "ser2net", trigger)
        lines = []
        for name in ("nobody", *NAMES):
            found = per_frame(rows, name, trigger)
            if not found:
                continue
            net = found["mean"] - nobody["mean"]
            spread = 100 * (max(found["counts"]) / min(found["counts"]) - 1)
            lines.append([name, f"{found['mean'] / 1000:.1f}", f"{spread:.2f}", f"{net / 1000:.1f}",
                          ratio(net, ser2net["mean"] - nobody["mean"]), ratio(found["mean"], ser2net["mean"]),
                          f"{found['switches']:.1f}", f"{found['wakeups']:.1f}"])
        table(f"Per frame of 256 bytes, trigger {trigger}: thousands of instructions of the whole system",
              ["", "all", "two runs differ, %", "less nobody's", "to ser2net", "all to ser2net's", "task switches",
               "wake-ups"], lines)


def bulk(rows):
    lines = []
    runs = {row["contender"]: row for row in of(rows, "bulk")}

    def rate(name, way):
        row = runs.get(name)
        return number(row, "bulk_bytes") / number(row, f"bulk_{way}_ns") * 1000 if row else None
    for name in NAMES:
        if name in runs:
            cells = [name]
            for way in ("up", "down"):
                cells += [f"{rate(name, way):.2f}", ratio(rate(name, way), rate("ser2net-default", way)),
                          ratio(rate(name, way), rate("socat", way))]
            lines.append(cells)
    table("Bulk over a pty, 32 KiB under way, MB/s",
          ["", "to TCP", "to ser2net's default", "to socat", "from TCP", "to ser2net's default", "to socat"], lines)


def memory(rows):
    lines = []
    for row in of(rows, "memory"):
        lines.append([f"{row['contender']}, {row['ports']} port{'s' if row['ports'] != '1' else ''}", row["rss_kb"],
                      row["pss_kb"], row["private_dirty_kb"], row["kernel_kb"]])
    table("Memory of all processes, KiB; the module's own buffers in the kernel apart",
          ["", "RSS", "PSS", "private dirty", "kernel"], lines)


def load(groups):
    lines = []
    for key, by in groups.items():
        for name, row in by.items():
            lines.append([f"{name}, {caption(key)}", row["frames"], f"{share(row, 'right'):.3f}", row["cut"],
                          row["blind_cut"], row["merged"], row["joints"], row["blind"], row["boundary_unknown"],
                          row["uart_lost"]])
    table("Under load. blind: nobody could tell, because the UART's interrupt was that late; flagged: by n_dtu itself",
          ["", "frames", "right, %", "cut", "blind", "merged", "joints missed", "blind", "flagged", "bytes lost"], lines)


def figure(rows, part, column, **wanted):
    """One number of one row, or None."""
    found = of(rows, part, **wanted)
    return number(found[0], column) if found else None


def targets(rows, groups):
    lines = []

    def target(what, value, limit, above=False):
        if value is not None:
            lines.append([what, f"{value:.2f}", f"{'at least' if above else 'at most'} {limit:g}",
                          "met" if (value >= limit if above else value <= limit) else "MISSED"])

    def quotient(a, b):
        return a / b if a is not None and b else None
    for key, by in groups.items():
        if key[2] == "0" and "n_dtu" in by and key[0] == "boundaries":
            mine = number(by["n_dtu"], "latency_p99_ns")
            for name, limit in (("ser2net", 0.5), ("socat", 1.5)):
                if name in by:
                    target(f"p99 to {name}'s: {caption(key)}", quotient(mine, number(by[name], "latency_p99_ns")), limit)
    if (mine := per_frame(rows, "n_dtu", "8")) and (theirs := per_frame(rows, "ser2net", "8")):
        nobody = per_frame(rows, "nobody", "8")["mean"]
        target("instructions to ser2net's, less nobody's", (mine["mean"] - nobody) / (theirs["mean"] - nobody), 0.5)
    for way, what in (("up", "to TCP"), ("down", "from TCP")):
        time = figure(rows, "bulk", f"bulk_{way}_ns", contender="n_dtu")
        target(f"bulk {what}, to ser2net's default",
               quotient(figure(rows, "bulk", f"bulk_{way}_ns", contender="ser2net-default"), time), 4, True)
        target(f"bulk {what}, to socat's", quotient(figure(rows, "bulk", f"bulk_{way}_ns", contender="socat"), time), 0.6,
               True)
    for ports in ("1", "8", "32"):
        target(f"PSS to ser2net's, {ports} ports",
               quotient(figure(rows, "memory", "pss_kb", contender="n_dtu", ports=ports),
                        figure(rows, "memory", "pss_kb", contender="ser2net", ports=ports)), 1)
    for row in of(rows, "load", contender="n_dtu"):
        target(f"cuts under load of {row['frames']} frames at {int(row['gap_us']) / 1000:g} ms", number(row, "cut"), 0)
        target(f"merges under load not flagged, at {int(row['gap_us']) / 1000:g} ms",
               max(0, number(row, "joints") - number(row, "boundary_unknown")), 0)
    table("Targets", ["", "found", "wanted", ""], lines)


def plots(out, name, groups):
    shown = ("n_dtu", "fallback", "ser2net", "socat")
    for key, by in groups.items():
        curves = {who: [float(ns) / 1000 for ns in by[who][QUANTILES].split()] for who in shown
                  if who in by and by[who][QUANTILES]}
        if curves and key[0] == "boundaries":
            part, machine, busy, gap_us, trigger, ports = key
            path = f"{name}-latency-{machine}-{gap_us}us-t{trigger}-{ports}p{'-busy' if busy == '1' else ''}.svg"
            svg.distributions(os.path.join(out, path), f"Last byte to TCP segment, less the gap: {caption(key)}",
                              "time, us (logarithmic)", curves)
    bars = []
    for key, by in groups.items():
        part, machine, busy, gap_us, trigger, ports = key
        text = (f"{int(gap_us) / 1000:g} ms t{trigger}", f"{ports} p, {'busy' if busy == '1' else 'idle'}")
        bars.append((text, {who: share(by[who], "right") for who in shown if who in by and number(by[who], "frames")}))
    if bars:
        svg.bars(os.path.join(out, f"{name}-boundaries.svg"), "Frames with right boundaries", "frames, %", bars,
                 list(shown))


def main():
    out, name, *runs = sys.argv[1:]
    rows = [row for run in runs for row in read_run(run)]
    os.makedirs(out, exist_ok=True)
    write_csv(os.path.join(out, f"{name}.csv"), rows)
    groups = settings(rows, ("boundaries",))
    loads = settings(rows, ("load",))
    boundaries(groups)
    latency(groups)
    instructions(rows)
    bulk(rows)
    memory(rows)
    load(loads)
    targets(rows, groups)
    plots(out, name, {**groups, **loads})
    return 0


sys.exit(main())
