# SPDX-License-Identifier: MIT
"""TAP for test programs in Python: one line a check, the plan at the end."""

import os
import random
import sys
import traceback

soak = os.environ.get("DTU_TIER") == "soak"
seed = int(os.environ.get("DTU_SEED") or random.SystemRandom().randrange(1 << 31))
rng = random.Random(seed)
_count = 0
_failed = 0


def comment(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


def ok(passed, name, detail=""):
    global _count, _failed
    _count += 1
    if not passed:
        _failed += 1
    print(f"{'ok' if passed else 'not ok'} {_count} - {name}", flush=True)
    if not passed and detail:
        comment(detail)
    return passed


def equal(got, wanted, name):
    return ok(got == wanted, name, f"got    {got!r}\nwanted {wanted!r}")


def skip(name, why):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def run(*tests):
    """Run the functions one after the other; an exception is a failure of its test."""
    comment(f"seed {seed} (DTU_SEED repeats it), tier {'soak' if soak else 'check'}")
    for test in tests:
        try:
            test()
        except Exception:
            ok(False, test.__name__, traceback.format_exc())
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
