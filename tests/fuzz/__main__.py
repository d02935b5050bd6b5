"""`make fuzz`: feeds every target with new inputs for `MINUTES` (1), and keeps what was wrong in the corpus.

`FUZZ_ONLY=sdp,rtp` feeds these alone. `ENGINE=atheris` is led by what the code covers (`tests.fuzz.deep`); with
`KEEP=20` it also keeps the 20 smallest inputs of each target that reached something new. An input that takes too much
time or memory is as wrong as one that raises: two in a hundred are one piece over and over, up to 65 kB. Ends with 1
when something was found; the input then lies in `tests/fuzz/corpus/<target>/`, as small as could be made, and every
`make test` plays it.
"""

from __future__ import annotations

import logging
import os
import random
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning

from tests.fuzz.guided import Guided
from tests.fuzz.shapes import CORPUS, at_random, inputs, smaller
from tests.fuzz.targets import TARGETS, Target

ROUND = 200  # inputs of Hypothesis per turn
QUICK_S = 2.0  # and at most so long of others
MOST_S, MOST_MB = 0.5, 100  # that one input may take; the longest have 65 kB


class Costly(AssertionError):
    """An input took more than `MOST_S` of the processor, or more than `MOST_MB`."""


def measured(target: Target, example: bytes) -> None:
    """Plays an input. Raises `Costly` when it took too long twice (one may have met another's work), or too much."""
    for _ in range(2):
        began, held = time.thread_time(), _peak_mb()
        target(example)
        if _peak_mb() - held > MOST_MB:
            raise Costly(f"{len(example)} bytes took more than {MOST_MB} MB")
        if time.thread_time() - began < MOST_S:
            return
    raise Costly(f"{len(example)} bytes took more than {MOST_S} s")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def raises(target: Target) -> Callable[[bytes], bool]:
    """Returns what says whether an input is wrong."""

    def is_wrong(example: bytes) -> bool:
        try:
            measured(target, example)
        except Exception:
            return True
        return False

    return is_wrong


def smallest(target: Target, wrong: bytes) -> bytes:
    """Makes a wrong input small, and prints what it does."""
    found = smaller(wrong, raises(target))
    try:
        measured(target, found)
    except Exception:
        traceback.print_exc(limit=-3)
    return found


def quick(name: str, target: Target, chance: random.Random, for_s: float) -> tuple[int, bytes | None]:
    """Plays inputs without Hypothesis for a while; returns how many, and the smallest that was wrong."""
    make, count, end, is_wrong = at_random(name, chance), 0, time.monotonic() + for_s, raises(target)
    while time.monotonic() < end:
        count += 1
        example = make()
        if is_wrong(example):
            return count, smallest(target, example)
    return count, None


def turn(name: str, target: Target, number: int) -> tuple[int, bytes | None]:
    """Plays one turn of Hypothesis; returns how many inputs it took, and the smallest that was wrong."""
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
        measured(target, example)

    try:
        play()
    except Exception:
        traceback.print_exc(limit=-3)
        return count, last
    return count, None


def in_turn(wanted: list[str], seconds: float) -> Iterator[tuple[str, int, bytes | None]]:
    """Feeds one target after the other, half the time at random and half by Hypothesis."""
    end, quick_s = time.monotonic() + seconds, min(QUICK_S, seconds / len(wanted) / 2)
    while time.monotonic() < end:
        for name in wanted:
            number = random.getrandbits(32)
            yield name, *quick(name, TARGETS[name], random.Random(number), quick_s)
            yield name, *turn(name, TARGETS[name], number)
            if time.monotonic() > end:
                break


def guided(wanted: list[str], seconds: float, most_kept: int) -> Iterator[tuple[str, int, bytes | None]]:
    """Lets atheris feed one target after the other, in a process each."""
    for name in wanted:
        run = Guided(name)
        count, wrong = run.search(max(1, round(seconds / len(wanted))))
        yield name, count, smallest(TARGETS[name], wrong) if wrong is not None else None
        for new in run.news(most_kept) if most_kept else ():
            keep(name, new)


def keep(name: str, example: bytes) -> str:
    """Puts an input into the corpus; returns its file name."""
    place = CORPUS / name / f"{sha256(example).hexdigest()[:16]}.bin"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(example)
    return place.name


def asked(environment: Mapping[str, str]) -> tuple[list[str], float]:
    """Returns which targets for how many seconds together; raises SystemExit for what cannot be meant."""
    wanted = environment.get("FUZZ_ONLY", "").replace(",", " ").split() or list(TARGETS)
    if unknown := [name for name in wanted if name not in TARGETS]:
        raise SystemExit(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    if environment.get("ENGINE", "") not in ("", "atheris"):
        raise SystemExit(f"no engine {environment['ENGINE']}; there is atheris, or none named")
    text = environment.get("MINUTES") or "1"
    try:
        seconds = 60 * float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise SystemExit(f"MINUTES is a number above 0, and not {text!r}")
    return wanted, seconds


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    given_environment = os.environ
    wanted, seconds = asked(given_environment)
    counts, found = dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0)
    if given_environment.get("ENGINE") == "atheris":
        runs = guided(wanted, seconds, int(given_environment.get("KEEP") or 0))
    else:
        runs = in_turn(wanted, seconds)
    stopped = False
    try:
        for name, count, wrong in runs:
            counts[name] += count
            if wrong is not None:
                found[name] += 1
                print(f"{name}: wrong, kept as {keep(name, wrong)}: {wrong!r}", flush=True)
    except KeyboardInterrupt:
        stopped = True
        print("stopped; so far:")
    for name, count in counts.items():
        print(f"{name:>12}: {count:>8,} inputs, {found[name]} wrong" + ("" if count else " (no time was left for it)"))
    return 1 if any(found.values()) else 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
