"""The journal, read while it grows: does each line follow from those before it?

The facts are applied one by one, as the server did. After each step every leg must have been told to hear what the
rebuilt state says (`core.hearing`, computed anew), and what ends must have begun. One state for all calls, so calls
that meet in a conference are judged, too.

Lines that are written together come call by call, so they are put into the order of their times first, and the last
`LATEST_S` wait for what may still come from before. A step that concerns several calls begins with what begins in it
and ends with what ends.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby

from switchhook.core.apply import apply
from switchhook.core.hearing import hearing
from switchhook.core.ids import Ids, SoundId
from switchhook.core.model import Leg, LegState
from switchhook.core.sources import Sound, Sources
from switchhook.core.state import State
from switchhook.exchange.ports import Entry
from switchhook.lab.soak.audit import Audit
from switchhook.stores.encoding import Unreadable, fact_encoding
from switchhook.stores.reading import Reader

PAGE = 2000
LATEST_S = 2.0
MOST_TOLD = 50  # doubts: what is wrong once is often wrong ever after
_NAMELESS = SoundId("")
_RANK = {"LegCreated": 0, "RoomOpened": 0, "RoomClosed": 2, "LegEnded": 3}


class Ledger:
    """What the journal says so far; `transfers` counts those that are over, by kind and outcome."""

    def __init__(self, reader: Reader | None = None) -> None:
        self.audit = Audit()
        self.transfers: Counter[tuple[str, str]] = Counter()
        self.doubts: list[tuple[str, str]] = []  # call, what does not fit
        self.steps = 0
        self._reader = reader
        self._seq = 0
        self._encoding = fact_encoding()
        self._state = State(Ids(0))
        self._kinds: dict[str, str] = {}  # of transfers that are under way
        self._waiting: list[Entry] = []  # facts that are not judged yet
        self._heard: dict[str, str] = {}  # leg: the doubt about it that was told

    def read(self, *, last: bool = False) -> list[str]:
        """Reads what has been written since; returns what does not fit, in words. Blocks for a query."""
        known = len(self.doubts)
        while self._reader is not None and (page := self._reader.since(self._seq, PAGE)):
            self._seq = page[-1][0]
            self.take([entry for _, entry in page])
        if last:
            self._judge_until(float("inf"))
            self.doubts += self.audit.faults()
            self.doubts += [("", f"{what} is left in the rebuilt state") for what in self._left()]
        return [f"call {call}: {text}" for call, text in self.doubts[known:]]

    def take(self, entries: list[Entry]) -> None:
        """Takes further lines; those of the last `LATEST_S` are looked at with later ones, or by `read(last=True)`."""
        for entry in entries:
            self.audit.take(entry)
        self._waiting += [entry for entry in entries if self._encoding.knows(entry.kind)]
        if self._waiting:
            self._judge_until(max(entry.at for entry in self._waiting) - LATEST_S)

    def _judge_until(self, end: float) -> None:
        self._waiting.sort(key=lambda entry: entry.at)
        ready = [entry for entry in self._waiting if entry.at <= end]
        del self._waiting[: len(ready)]
        for _, lines in groupby(ready, key=lambda entry: (entry.at, entry.cause)):
            step = list(lines)
            if len({entry.call for entry in step}) > 1:
                step.sort(key=lambda entry: _RANK.get(entry.kind, 1))
            self._step(step)

    def _step(self, lines: list[Entry]) -> None:
        for line in lines:
            self._count(line)
            try:
                apply(self._state, self._encoding.read(line.kind, line.body))
            except (Unreadable, KeyError) as wrong:
                self._doubt(line.call, f"{line.kind} does not fit what was written before: {wrong!r}")
        self.steps += 1
        for leg in self._state.legs.values():
            if leg.state is LegState.UP:
                self._judge(leg)

    def _judge(self, leg: Leg) -> None:
        must = hearing(self._state, leg)
        doubt = "" if _nameless(must) == _nameless(leg.heard) else f"leg {leg.id} hears {leg.heard}, must hear {must}"
        if doubt and self._heard.get(leg.id) != doubt:
            self._doubt(leg.call, doubt)
        self._heard[leg.id] = doubt

    def _doubt(self, call: str, text: str) -> None:
        if len(self.doubts) < MOST_TOLD:
            self.doubts.append((call, text))

    def _count(self, line: Entry) -> None:
        body = line.body
        if line.kind == "LegEnded":
            self._heard.pop(str(body["leg"]), None)
        elif line.kind == "TransferStarted":
            begun = body["transfer"]
            if isinstance(begun, dict):
                self._kinds[str(begun["id"])] = str(begun["plan"]["kind"])
        elif line.kind == "TransferEnded":
            kind = self._kinds.pop(str(body["transfer"]), "unknown")
            self.transfers[kind, str(body["outcome"])] += 1

    def _left(self) -> list[str]:
        state = self._state
        return [
            f"{word} {name}"
            for word, names in (
                ("leg", state.legs), ("room", state.rooms), ("dial", state.dials), ("transfer", state.transfers),
                ("recording", state.tapes),
            )
            for name in names
        ]  # fmt: skip


def _nameless(sources: Sources) -> set[object]:
    """Sources without the names of sounds, which are given when a sound begins."""
    return {replace(one, id=_NAMELESS) if isinstance(one, Sound) else one for one in sources}
