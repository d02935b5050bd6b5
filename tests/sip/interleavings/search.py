"""The search: a flow without faults, with each single one, and with all pairs and triples of faults, or a spread.

The second fault of a pair comes behind the first, among the messages that the first brought about, and so does the
third behind the second. Where there are more than the budget allows, every n-th is played, so that they are spread
evenly over the flow. Triples need to know how many messages each pair brought about, and are played only behind all
pairs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.sip.interleavings.net import KINDS

TAIL = 8  # messages beyond those of the run without faults that are still searched
BUDGET = int(os.environ.get("SWITCHHOOK_INTERLEAVINGS", "0"))  # pairs for each flow; 0: what the test says; -1: all
MOST_TOLD = 20  # wrong runs of a flow that are kept with their ladder

Played = list[tuple[Mapping[int, str], int]]  # the faults of each run, and how many messages were sent


class Playable(Protocol):
    @property
    def name(self) -> str: ...

    def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]: ...


@dataclass
class Found:
    """What the search of one flow found."""

    flow: str
    singles: int = 0
    pairs: int = 0
    all_pairs: int = 0
    triples: int = 0
    all_triples: int = 0
    ends: Counter[object] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    wrongs: int = 0

    @property
    def runs(self) -> int:
        return 1 + self.singles + self.pairs + self.triples

    @property
    def all_runs(self) -> int:
        """How many there are without fault, with each single one and with all pairs."""
        return 1 + self.singles + self.all_pairs


def search(flow: Playable, pairs: int, triples: int = 0) -> Found:
    """Plays a flow with every single fault, and with `pairs` pairs and `triples` triples of faults (-1: all)."""
    found = Found(flow.name)
    length = _play(flow, {}, found)
    singles: Played = []
    for number in range(1, length + 1):
        for kind in KINDS:
            singles.append(({number: kind}, _play(flow, {number: kind}, found)))
    found.singles = len(singles)
    found.all_pairs = _count(singles, length)
    doubles: Played = [(faults, _play(flow, faults, found)) for faults in _spread(singles, length, pairs)]
    found.pairs = len(doubles)
    if found.pairs == found.all_pairs:
        found.all_triples = _count(doubles, length)
        for faults in _spread(doubles, length, triples):
            found.triples += 1
            _play(flow, faults, found)
    return found


def _later(played: tuple[Mapping[int, str], int], length: int) -> range:
    """Returns the messages that one more fault can be done to."""
    faults, sent = played
    return range(max(faults) + 1, min(sent, length + TAIL) + 1)


def _count(played: Played, length: int) -> int:
    return sum(len(_later(one, length)) for one in played) * len(KINDS)


def _spread(played: Played, length: int, budget: int) -> Iterator[dict[int, str]]:
    """Yields each of these with one more fault, or so many of them (-1: all)."""
    step = 1 if budget < 0 else -(-_count(played, length) // budget) if budget else 0
    if not step:
        return
    place = step // 2
    for one in played:
        for number in _later(one, length):
            for kind in KINDS:
                if place % step == 0:
                    yield {**one[0], number: kind}
                place += 1


def _play(flow: Playable, faults: Mapping[int, str], found: Found) -> int:
    sent, wrong, end = flow.run(faults)
    found.ends[end] += 1
    if wrong:
        found.wrongs += 1
        if found.wrongs <= MOST_TOLD:
            found.wrong.append(f"{flow.name} with {dict(faults)}: " + "\n".join(wrong))
    return sent
