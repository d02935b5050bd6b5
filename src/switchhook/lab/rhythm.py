"""Ringing and busy from one 425 Hz tone: in most countries only the rhythm tells them apart (ITU-T E.180).

Busy is pulses of half a second with pauses as short; ringing is a second or more, then seconds of nothing. A pulse
counts as busy when it is short and another is near; one that has only begun is neither yet and keeps its bare name.
"""

from __future__ import annotations

from itertools import groupby

from switchhook.lab.tones import BUSY, RINGBACK

TONE_425 = "tone 425 Hz"
CONTEXT_SLOTS = 150  # how far to both sides a slot's name may depend on
_SHORT_SLOTS = 35  # 0.7 s

Slots = list[frozenset[str]]


def named(slots: Slots, *, to_now: bool) -> Slots:
    """Returns the slots with `TONE_425` turned into ringing or busy; `to_now`: the last slot is the present one."""
    runs = _runs(slots)
    found = list(slots)
    for n, (start, end) in enumerate(runs):
        going_on = to_now and end == len(slots)
        near = any(_near(runs, n, other) for other in (n - 1, n + 1))
        if end - start > _SHORT_SLOTS:
            name = RINGBACK
        elif near:
            name = BUSY
        else:
            name = TONE_425 if going_on else RINGBACK
        for slot in range(start, end):
            found[slot] = (slots[slot] - {TONE_425}) | {name}
    return found


def _near(runs: list[tuple[int, int]], n: int, other: int) -> bool:
    """Whether the pulse before or after is short too, and the pause between them is."""
    if not 0 <= other < len(runs):
        return False
    first, second = sorted((runs[n], runs[other]))
    return second[0] - first[1] <= _SHORT_SLOTS and runs[other][1] - runs[other][0] <= _SHORT_SLOTS


def _runs(slots: Slots) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    at = 0
    for on, run in groupby(TONE_425 in slot for slot in slots):
        length = len(list(run))
        if on and runs and at - runs[-1][1] < 3:
            runs[-1] = (runs[-1][0], at + length)  # a lost frame is no pause
        elif on:
            runs.append((at, at + length))
        at += length
    return runs
