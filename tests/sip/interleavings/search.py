"""The search: a flow without faults, with each single fault, and with each pair of faults (or a spread of them).

The second fault of a pair comes behind the first, among the messages that the first brought about. Where there are more
pairs than the budget allows, every n-th is played, so that they are spread evenly over the flow.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.sip.interleavings.net import KINDS

TAIL = 8  # messages beyond those of the run without faults that are still searched
BUDGET = int(os.environ.get("SWITCHHOOK_INTERLEAVINGS", "0"))  # pairs for each flow; 0: what the test says; -1: all


class Playable(Protocol):
    name: str

    def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]: ...


@dataclass
class Found:
    """What the search of one flow found."""

    flow: str
    singles: int = 0
    pairs: int = 0
    all_pairs: int = 0
    ends: Counter[object] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return 1 + self.singles + self.pairs


def search(flow: Playable, pairs: int) -> Found:
    """Plays a flow with every single fault and `pairs` pairs of faults (-1: all)."""
    found = Found(flow.name)
    length = _play(flow, {}, found) + TAIL
    more: list[dict[int, str]] = []
    for number in range(1, length - TAIL + 1):
        for kind in KINDS:
            found.singles += 1
            sent = _play(flow, {number: kind}, found)
            later = range(number + 1, min(sent, length) + 1)
            more += [{number: kind, second: other} for second in later for other in KINDS]
    found.all_pairs = len(more)
    step = 1 if pairs < 0 else max(1, -(-len(more) // pairs)) if pairs else len(more) + 1
    for faults in more[step // 2 :: step]:
        found.pairs += 1
        _play(flow, faults, found)
    return found


def _play(flow: Playable, faults: Mapping[int, str], found: Found) -> int:
    sent, wrong, end = flow.run(faults)
    found.ends[end] += 1
    if wrong:
        found.wrong.append(f"{flow.name} with {dict(faults)}: " + "\n".join(wrong))
    return sent
