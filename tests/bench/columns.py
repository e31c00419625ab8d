# SPDX-License-Identifier: MIT
"""The columns of the results, a row a run. Latencies are less the gap, where there is one."""

QUANTILES = "latency_quantiles_ns"

COLUMNS = [
    # what ran
    "part", "machine", "contender", "gap_us", "trigger", "ports", "busy", "shortest", "longest", "inside", "between", "most", "seed",
    # boundaries
    "planned", "frames", "right", "cut", "merged", "joints", "blind", "blind_cut",
    # bytes
    "bytes", "uart_lost", "received", "wrong_streams", "capture_lost",
    # from the end of the last byte until the segment with it
    "latency_count", "latency_p50_ns", "latency_p99_ns", "latency_max_ns",
    # what dtud says of itself
    "boundary_unknown", "held", "overruns", "frames_lost", "gap_ambiguous", "timer_late", "timer_deferred",
    # cost
    "rss_kb", "pss_kb", "private_dirty_kb", "kernel_kb",
    "insns_mark", "instructions", "switches", "wakeups", "elapsed_ns",
    "bulk_bytes", "bulk_up_ns", "bulk_down_ns",
    QUANTILES,
]
