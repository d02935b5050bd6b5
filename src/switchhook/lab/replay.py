"""A past call again, from its journal: the facts are applied one by one, as the server did, and looked at after each.

The journal is the truth only if it rebuilds the state (`core.apply`). So a replay is also a check. After each step
what every leg was told to hear must be what the rebuilt state says it must hear (`core.hearing`, computed anew), and
once all legs have ended nothing may be left. What does not fit is a doubt, told with its step.

Facts about legs or rooms of another call (two calls that met in one conference) cannot be applied here. They are
counted, and steps of such a call are shown but not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from switchhook.core.apply import apply
from switchhook.core.facts import LegCreated, LegEnded
from switchhook.core.hearing import hearing
from switchhook.core.ids import Ids, LegId, SoundId
from switchhook.core.model import Leg, LegState
from switchhook.core.sources import Sound, Source, Sources, Stream, Voice
from switchhook.core.state import State
from switchhook.exchange.ports import Entry
from switchhook.observe import wording
from switchhook.observe.order import in_order
from switchhook.observe.parties import Parties
from switchhook.stores.encoding import Unreadable, fact_encoding

_HEARING = "HearingChanged"
_NOTHING = SoundId("")


@dataclass(slots=True)
class Step:
    """What one request or event brought about, and who hears whom since."""

    at: float
    cause: str
    said: list[str] = field(default_factory=list)
    hears: dict[str, str] = field(default_factory=dict)  # of every connected leg, by its name
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Replay:
    """A replayed call."""

    steps: list[Step] = field(default_factory=list)
    facts: int = 0
    ended: bool = False  # every leg that came into being has ended
    left: list[str] = field(default_factory=list)
    foreign: int = 0  # facts that concern another call, too
    unreadable: list[str] = field(default_factory=list)

    @property
    def doubts(self) -> list[str]:
        """Returns everything that does not fit; empty when the journal rebuilds the call."""
        start = self.steps[0].at if self.steps else 0.0
        found = [f"{step.at - start:+.3f} {doubt}" for step in self.steps for doubt in step.doubts]
        if self.ended and not self.foreign:
            found += [f"left after the end: {what}" for what in self.left]
        return found + self.unreadable


def replay(entries: Sequence[Entry]) -> Replay:
    """Applies the facts among a call's journal lines to an empty state and returns what was seen."""
    return _Replayer(entries).play()


class _Replayer:
    def __init__(self, entries: Sequence[Entry]) -> None:
        self._encoding = fact_encoding()
        self._entries = [entry for entry in in_order(entries) if self._encoding.knows(entry.kind)]
        self._parties = Parties.of(in_order(entries))
        self._state = State(Ids(0))
        self._living: set[LegId] = set()
        self._found = Replay()

    def play(self) -> Replay:
        for (at, cause), lines in groupby(self._entries, key=lambda entry: (entry.at, entry.cause)):
            step = Step(at, cause)
            for line in lines:
                self._take(line, step)
            step.hears = {self._parties.name(leg.id): self._words(leg.heard) for leg in self._up()}
            if not self._found.foreign:
                step.doubts += self._doubts()
            self._found.steps.append(step)
        self._found.ended = not self._living
        self._found.left = list(_left(self._state))
        return self._found

    def _take(self, line: Entry, step: Step) -> None:
        try:
            fact = self._encoding.read(line.kind, line.body)
        except Unreadable as wrong:
            self._found.unreadable.append(str(wrong))
            return
        if isinstance(fact, LegCreated):
            self._living.add(fact.leg.id)
        elif isinstance(fact, LegEnded):
            self._living.discard(fact.leg)
        try:
            apply(self._state, fact)
            self._found.facts += 1
        except KeyError:
            self._found.foreign += 1
        said = "" if line.kind == _HEARING else wording.say(line, self._parties)
        if said:
            step.said.append(said)

    def _up(self) -> list[Leg]:
        return [leg for leg in self._state.legs.values() if leg.state is LegState.UP]

    def _doubts(self) -> Iterator[str]:
        for leg in self._up():
            must = hearing(self._state, leg)
            if _nameless(must) != _nameless(leg.heard):
                name = self._parties.name(leg.id)
                yield f"{name} was told to hear {self._words(leg.heard)}, and must hear {self._words(must)}"

    def _words(self, sources: Sources) -> str:
        names = [self._word(source) for source in sources]
        return " and ".join(names) or "nothing"

    def _word(self, source: Source) -> str:
        if isinstance(source, Voice):
            return self._parties.name(source.leg)
        if isinstance(source, Stream):
            return "the program at its stream"
        return ", ".join(wording.clip(clip) for clip in source.clips)


def _nameless(sources: Sources) -> set[Source]:
    """Sources without the names of sounds, which are given when a sound begins."""
    return {replace(one, id=_NOTHING) if isinstance(one, Sound) else one for one in sources}


def _left(state: State) -> Iterator[str]:
    for leg in state.legs.values():
        yield f"leg {leg.address} ({leg.state.value})"
    for kind, names in (
        ("room", state.rooms),
        ("dial", state.dials),
        ("transfer", state.transfers),
        ("recording", state.tapes),
    ):
        for name in names:
            yield f"{kind} {name}"
