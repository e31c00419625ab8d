# SPDX-License-Identifier: MIT
"""What became of each frame that was sent, and whose doing it was.

Four times are known of every byte, all of one clock: when the feeder sent it, when QEMU put it into the
emulated UART, when the guest's driver took it out of there, and by when the driver had handed it to the
tty (the driver reads the modem's state right behind that). The first two are the line, as it was and as
the UART saw it; between the second and the last lies the machine. A cut is ours unless one of them excuses
it: bytes that the driver has handed over must not be cut off, however late the tty's worker runs. But when
that worker is so late that it has two frames to hand over together, nobody behind it can tell them apart:
then the time in the record excuses a merger.

The limits are worked out here from the line's settings and from what a 16550A promises, not taken from
the module: a hold-off that is wrong there is a failure here."""

import re
from collections import Counter, namedtuple

# When nothing has come for so many characters, the FIFO hands over what it holds.
TIMEOUT_CHARS = 4

# Whose doing it was that a frame was cut or merged; the worst first.
FAILED = "framing"
CAUSES = (FAILED, "late", "worker", "guest", "qemu", "sender")

Byte = namedtuple("Byte", "value sent taken read pushed")
Record = namedtuple("Record", "flags reason first last gap_min gap_max data")

FLAG_LATE, FLAG_PAUSE = 0x04, 0x08

# So many records before and behind one tell how the guest's clock stands to ours: it drifts.
NEIGHBOURS = 10


class Limits:
    """Silences in ns for a line: the gap, and what the UART may add to it."""

    def __init__(self, char_ns, gap_ns, trigger):
        timeout = TIMEOUT_CHARS * char_ns
        self.char = char_ns
        self.gap = gap_ns
        self.head = (trigger - 1) * timeout
        self.tail = timeout if trigger > 1 else 0
        self.always = self.gap + self.head + self.tail


def load_taken(path):
    """(byte, ns) as fifo_tap.c wrote them."""
    with open(path) as file:
        for line in file:
            ns, data = line.split()
            for value in bytes.fromhex(data):
                yield value, int(ns)


def load_reads(path):
    """(byte, ns when it was read, ns by which it was handed on) from QEMU's trace of register reads."""
    pattern = re.compile(r"\d+@(\d+)\.(\d+):serial_read read addr 0x0?([06]) val 0x([0-9a-f]+)")
    batch = []
    with open(path, errors="replace") as file:
        for line in file:
            match = pattern.match(line)
            if not match:
                continue
            ns = int(match[1]) * 10**9 + int(match[2]) * 1000
            if match[3] == "0":
                batch.append((int(match[4], 16), ns))
                continue
            for value, read in batch:
                yield value, read, ns
            batch = []


def join(sent, taken, reads):
    """One Byte for each that was sent; sent is a list of (byte, ns)."""
    start = sent[0][1]
    taken = list(taken)
    # The driver empties the UART when it opens it.
    reads = [entry for entry in reads if entry[1] >= start]
    for name, others in (("QEMU put into the UART", taken), ("the guest read", reads)):
        if [entry[0] for entry in others] != [entry[0] for entry in sent]:
            raise ValueError(f"{len(sent)} bytes were sent, but {name} {len(others)}, or others")
    stream = [Byte(s[0], s[1], t[1], r[1], r[2]) for s, t, r in zip(sent, taken, reads)]
    # The sender's clock is read behind the send, and QEMU's trace counts microseconds.
    if not all(byte.taken < byte.read + 1000 and byte.read <= byte.pushed for byte in stream):
        raise ValueError("a byte was read before it came: the clocks do not agree")
    return stream


def why_cut(stream, at, limits):
    """A frame was cut before stream[at]."""
    before, after = stream[at - 1], stream[at]
    if after.sent - before.sent - limits.char >= limits.gap:
        return "sender"
    if after.taken - before.taken - limits.char >= limits.gap:
        return "qemu"
    if after.pushed - before.read > limits.gap + limits.head + limits.char:
        return "guest"
    return FAILED


def arrivals(stream, records):
    """When each record's first byte reached the line discipline, by our clock. The guest's clock is as far
    off as the quickest record nearby says."""
    position = 0
    offsets = []
    for record in records:
        offsets.append(record.first - stream[position].pushed)
        position += len(record.data)
    return [record.first - min(offsets[max(0, i - NEIGHBOURS):i + NEIGHBOURS + 1]) for i, record in enumerate(records)]


def why_merged(stream, at, limits, record, arrival):
    """The frame that begins with stream[at] was not told from the one before it."""
    before, after = stream[at - 1], stream[at]
    if after.sent - before.sent - limits.char < limits.always:
        return "sender"
    if after.taken - before.taken - limits.char < limits.always:
        return "qemu"
    if after.read - before.pushed < limits.always + limits.char:
        return "guest"
    if after.read - arrival < limits.always + limits.char:
        return "worker"
    return "late" if record.flags & FLAG_LATE else FAILED


class Verdict:
    """Of one block: frames is a list of (first, behind) in stream, records what the guest read."""

    def __init__(self, stream, frames, records, limits):
        self.frames = len(frames)
        self.whole = 0
        self.cut = Counter()
        self.merged = Counter()
        self.stories = {}
        self.late = sum(bool(record.flags & FLAG_LATE) for record in records)
        self.pause = sum(bool(record.flags & FLAG_PAUSE) for record in records)
        self.exact = b"".join(record.data for record in records) == bytes(byte.value for byte in stream)
        if not self.exact:
            return
        self.stalls(stream, frames, limits)
        owner = [(record, arrival) for record, arrival in zip(records, arrivals(stream, records))
                 for _ in record.data]
        for first, behind in frames:
            self.judge(stream, first, behind, owner, limits)

    def stalls(self, stream, frames, limits):
        """Silences of the gap inside frames, whether or not anything came of them."""
        inside = [(stream[at - 1], stream[at]) for first, behind in frames for at in range(first + 1, behind)]
        self.sender_stalls = sum(b.sent - a.sent - limits.char >= limits.gap for a, b in inside)
        self.qemu_stalls = sum(b.taken - a.taken - limits.char >= limits.gap for a, b in inside)

    def judge(self, stream, first, behind, owner, limits):
        cuts = [at for at in range(first + 1, behind) if owner[at][0] is not owner[at - 1][0]]
        joints = [at for at in (first, behind) if 0 < at < len(stream) and owner[at][0] is owner[at - 1][0]]
        if cuts:
            causes = [why_cut(stream, at, limits) for at in cuts]
            self.cut[min(causes, key=CAUSES.index)] += 1
        elif joints:
            causes = [why_merged(stream, at, limits, *owner[at]) for at in joints]
            self.merged[min(causes, key=CAUSES.index)] += 1
        else:
            self.whole += 1
            return
        for at, cause in zip(cuts or joints, causes):
            what = f"cut at {at - first} of {behind - first}" if cuts else f"merged, {behind - first} bytes each"
            self.stories[at] = f"{what} ({cause}): {circumstances(stream[at - 1], stream[at], owner[at][0])}"

    @property
    def failures(self):
        return self.cut[FAILED] + self.merged[FAILED]


def circumstances(before, after, record):
    steps = ", ".join(f"{name} {(getattr(after, name) - getattr(before, name)) / 1e6:.2f}"
                      for name in ("sent", "taken", "read", "pushed"))
    bounds = "unknown" if record.gap_max == 2**64 - 1 else f"{record.gap_min / 1e6:.2f} to {record.gap_max / 1e6:.2f}"
    return f"ms since the byte before: {steps}; its record: silence before it {bounds}, flags {record.flags}"
