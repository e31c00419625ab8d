# SPDX-License-Identifier: MIT
"""How much is measured: what is played, in the sizes smoke, quick and full."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """frames: on each port, behind those that warm up. Pauses in percent of the gap."""

    gap_us: int
    trigger: int
    ports: int
    frames: int
    shortest: int = 40
    longest: int = 1000
    inside: int = 60
    between: int = 150
    most: int = 150
    # Deep enough that a machine which stands still for a moment loses nobody's bytes.
    fifo: int = 4096
    warm: int = 3

    def options(self):
        return [("gap-us", self.gap_us), ("trigger", self.trigger), ("ports", self.ports), ("frames", self.frames + self.warm), ("warm", self.warm),
                ("shortest", self.shortest), ("longest", self.longest), ("inside", self.inside),
                ("between", self.between), ("between-most", self.most), ("fifo", self.fifo)]

    def columns(self):
        return {name: getattr(self, name) for name in
                ("gap_us", "trigger", "ports", "shortest", "longest", "inside", "between", "most")}


WARM_UP = Plan(50000, 8, 1, 5)

line_plans = {
    "smoke": [Plan(50000, 8, 1, 6)],
    "quick": [Plan(50000, 8, 8, 15), Plan(5000, 8, 1, 60), Plan(1750, 1, 1, 80)],
    "full": [Plan(50000, 1, 1, 100), Plan(50000, 8, 8, 60), Plan(5000, 1, 1, 250), Plan(5000, 8, 8, 100),
             Plan(1750, 1, 1, 300), Plan(1750, 8, 1, 300)],
}

# Short frames: the UART's interrupts alone would fill this machine with long ones.
load_plans = {
    "smoke": [],
    "quick": [Plan(50000, 8, 32, 50, longest=200), Plan(5000, 8, 32, 50, longest=100, most=3000)],
    "full": [Plan(50000, 8, 32, 625, longest=200), Plan(5000, 8, 32, 3125, longest=100, most=3000)],
}

# What costs memory is to be there, and to have carried something.
MEMORY_PORTS = {
    "smoke": [Plan(50000, 8, 1, 3)],
    "quick": [Plan(50000, 8, ports, 3) for ports in (1, 8)],
    "full": [Plan(50000, 8, ports, 3) for ports in (1, 8, 32)],
}

# The whole script has to fit in a UART's: 65536 bytes.
INSTRUCTIONS = {
    "smoke": [Plan(50000, 8, 1, 10, 256, 256, 0, 300, 300, warm=0)],
    "quick": [Plan(50000, 8, 1, 100, 256, 256, 0, 300, 300, warm=0)],
    "full": [Plan(50000, 8, 1, 200, 256, 256, 0, 300, 300, warm=0), Plan(50000, 1, 1, 200, 256, 256, 0, 300, 300, warm=0)],
}

# Instructions are twice as many.
LOOP_TURNS = 50000000

BULK_BYTES = {"smoke": 1 << 16, "quick": 1 << 20, "full": 4 << 20}
