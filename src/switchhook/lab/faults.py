"""What a bad network does to one datagram: a pure function of a seed, a link and a count.

No sockets, no clock: `Link.carry(now)` answers with the times at which copies of the datagram arrive (none: lost).
Each link has its own random stream, drawn from the seed and the link's two addresses, and every datagram takes the
same number of draws whatever the faults are. So one link's traffic does not disturb another's, and turning loss up
does not reshuffle the delays. After str0m's netem crate and Linux netem, but jitter alone keeps the order here:
only a datagram picked for reordering is overtaken.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_DRAWS = 5  # loss, jitter, duplicate, jitter of the copy, reorder


@dataclass(frozen=True, slots=True)
class Faults:
    """The manners of a link. Probabilities are 0 to 1, times are milliseconds."""

    delay_ms: float = 1.0
    jitter_ms: float = 0.0  # added to the delay, evenly between 0 and this; order is kept
    loss: float = 0.0
    duplicate: float = 0.0  # a second copy, up to `jitter_ms` (at least 1 ms) behind the first
    reorder: float = 0.0  # held back by `reorder_ms`, so that later ones overtake it
    reorder_ms: float = 20.0
    partition: bool = False  # nothing passes

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability from 0 to 1, not {getattr(self, name)}")
        for name in ("delay_ms", "jitter_ms", "reorder_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} cannot be negative")


PERFECT = Faults(delay_ms=0.0)
LAN = Faults(delay_ms=0.5)
BAD_WIFI = Faults(delay_ms=20.0, jitter_ms=40.0, loss=0.03, duplicate=0.01, reorder=0.02)


@dataclass(slots=True)
class LinkCount:
    """What happened on a link so far."""

    offered: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0


class Link:
    """One direction between two addresses."""

    def __init__(self, faults: Faults, seed: int, name: str) -> None:
        self.faults = faults
        self.count = LinkCount()
        self._random = random.Random(f"{seed}|{name}")
        self._last = 0.0

    def carry(self, now: float) -> tuple[float, ...]:
        """Returns when the copies of a datagram sent at `now` (seconds) arrive: none, one or two times."""
        draws = [self._random.random() for _ in range(_DRAWS)]
        faults, count = self.faults, self.count
        count.offered += 1
        if faults.partition or draws[0] < faults.loss:
            count.lost += 1
            return ()
        at = now + (faults.delay_ms + faults.jitter_ms * draws[1]) / 1000
        if draws[4] < faults.reorder:
            count.reordered += 1
            at += faults.reorder_ms / 1000
        else:
            at = self._last = max(at, self._last)
        if draws[2] >= faults.duplicate:
            return (at,)
        count.duplicated += 1
        return (at, at + max(1.0, faults.jitter_ms) * draws[3] / 1000)
