# SPDX-License-Identifier: MIT
"""No window, either way: the bytes behind the deciding `a` are command, those behind AT+ENTM's CR are
data, however they are cut into writes and however late dtud is. dtud is stopped from before the +++
is seen until 1 s after the last byte."""

import tap
from bed import Bed, Server, settle

VERSION = b"AT+VER\r\n\r\n+VER:V0.1.00.000000.0000\r\n\r\n"
ENTM = b"AT+ENTM\r\n\r\nOK\r\n\r\n"


def pieces(data):
    """One write, two writes cut at any byte, or a write a byte; 0 to 5 ms apart."""
    cuts = tap.rng.choice([[], [tap.rng.randrange(1, len(data))], range(1, len(data))])
    edges = [0, *cuts, len(data)]
    return [(tap.rng.uniform(0, 5), data[a:b]) for a, b in zip(edges, edges[1:])]


def late(bed, script):
    """dtud sleeps through the script and one more second."""
    bed.freeze()
    bed.play(script)
    bed.run(1)
    bed.thaw()
    bed.run(0.3)


def once(bed, server, exact):
    bed.run(0.2)
    bed.forget()
    bed.play([(0, b"+++")])
    bed.run(0.02)
    late(bed, [(150, b"")] + pieces(b"aAT+VER\r"))
    if bed.host != b"a+ok\r\n" + VERSION or server.frames:
        return f"enter: host {bed.host!r} frames {server.frames!r}"
    bed.forget()
    late(bed, pieces(b"AT+ENTM\rhello"))
    frames = server.frames if exact else [b"".join(server.frames)]
    if bed.host != ENTM or frames != [b"hello"]:
        return f"leave: host {bed.host!r} frames {server.frames!r}"
    return None


def main(count, cable=None):
    def window():
        server = Server()
        bed = Bed(f"SOCKA={server.address}", servers=[server], cable=cable)
        failures = []
        for number in range(count):
            failure = once(bed, server, exact=not cable)
            if failure:
                failures.append(f"{number}: {failure}")
                break
        tap.equal(failures, [], f"{count} times in and out of command mode with dtud stopped")
        bed.close()

    settle()
    tap.run(window)
