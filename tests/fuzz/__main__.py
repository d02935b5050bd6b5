"""`make fuzz`: feeds every target with new inputs for `FUZZ_SECONDS` (60), and keeps what was wrong in the corpus.

`FUZZ_ONLY=sdp,rtp` feeds these alone. Ends with 1 when something was found; the input then lies in
`tests/fuzz/corpus/<target>/`, is as small as Hypothesis could make it, and is played again by every `make test`.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import time
import traceback
import warnings
from hashlib import sha256

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning

from tests.fuzz.shapes import CORPUS, at_random, inputs, smaller
from tests.fuzz.targets import TARGETS, Target

ROUND = 200  # inputs of Hypothesis per turn
QUICK_S = 2.0  # and at most so long of others


def quick(name: str, target: Target, chance: random.Random, for_s: float) -> tuple[int, bytes | None]:
    """Plays inputs without Hypothesis for a while; returns how many, and the smallest that was wrong."""
    make, count, end = at_random(name, chance), 0, time.monotonic() + for_s

    def is_wrong(example: bytes) -> bool:
        try:
            target(example)
        except Exception:
            return True
        return False

    while time.monotonic() < end:
        count += 1
        example = make()
        if is_wrong(example):
            found = smaller(example, is_wrong)
            try:
                target(found)
            except Exception:
                traceback.print_exc(limit=-3)
            return count, found
    return count, None


def turn(name: str, target: Target, number: int) -> tuple[int, bytes | None]:
    """Plays one turn; returns how many inputs it took, and the smallest that was wrong."""
    last = b""
    count = 0

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(name))
    def play(example: bytes) -> None:
        nonlocal last, count
        last, count = example, count + 1
        target(example)

    try:
        play()
    except Exception:
        traceback.print_exc(limit=-3)
        return count, last
    return count, None


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    wanted = [name for name in os.environ.get("FUZZ_ONLY", "").split(",") if name] or list(TARGETS)
    seconds = float(os.environ.get("FUZZ_SECONDS", "60"))
    end, quick_s = time.monotonic() + seconds, min(QUICK_S, seconds / len(wanted) / 2)
    counts = dict.fromkeys(wanted, 0)
    found: dict[str, int] = {}
    while time.monotonic() < end:
        for name in wanted:
            number = random.getrandbits(32)
            taken, wrong = quick(name, TARGETS[name], random.Random(number), quick_s)
            counts[name] += taken
            if wrong is None:
                taken, wrong = turn(name, TARGETS[name], number)
                counts[name] += taken
            if wrong is not None:
                found[name] = found.get(name, 0) + 1
                place = CORPUS / name / f"{sha256(wrong).hexdigest()[:16]}.bin"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(wrong)
                print(f"{name}: wrong, kept as {place.name}: {wrong!r}")
            if time.monotonic() > end:
                break
    for name, count in counts.items():
        print(f"{name:>12}: {count:>8,} inputs, {found.get(name, 0)} wrong")
    return 1 if found else 0


sys.exit(main())
