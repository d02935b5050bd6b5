"""The workbench of one step: it collects facts and actions, and at the end says who hears what from now on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core.apply import apply
from switchhook.core.hearing import hearing
from switchhook.core.ids import LegId, RoomId, SoundId, TransferId
from switchhook.core.model import LegState
from switchhook.core.sources import Sound, Sources
from switchhook.core.state import State


class Work:
    """One step under way. A fact is true as soon as it is stated, so later decisions of the step see it."""

    __slots__ = ("_touched_legs", "_touched_rooms", "actions", "closing", "facts", "now", "spoken_for", "state")

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.facts: list[f.Fact] = []
        self.actions: list[a.Action] = []
        self.closing: set[TransferId] = set()  # transfers in their last row: their own steps trigger nothing more
        self.spoken_for: set[LegId] = set()  # legs that no rule may hang up in this step: the request sees to them
        self._touched_legs: dict[LegId, None] = {}
        self._touched_rooms: dict[RoomId, None] = {}

    def fact(self, fact: f.Fact) -> None:
        """States what became true."""
        self.facts.append(fact)
        self._touch(fact)  # before: the rooms that the leg is leaving
        apply(self.state, fact)
        self._touch(fact)

    def act(self, action: a.Action) -> None:
        """Asks the shell for something."""
        self.actions.append(action)

    def _touch(self, fact: f.Fact) -> None:
        leg, room = _TOUCHES[type(fact)](self.state, fact)
        if leg is not None:
            self._touch_leg(leg)
        if room is not None:
            self._touched_rooms[room] = None

    def _touch_leg(self, leg: LegId) -> None:
        self._touched_legs[leg] = None
        found = self.state.legs.get(leg)
        if found is not None:
            for room in found.rooms:
                self._touched_rooms[room] = None

    def finish(self) -> None:
        """Ends the step: states and asks for every change in who hears whom."""
        legs = dict(self._touched_legs)
        for room_id in self._touched_rooms:
            room = self.state.rooms.get(room_id)
            if room is not None:
                legs.update(dict.fromkeys(room.members))
        changes: list[tuple[LegId, Sources]] = []
        for leg_id in legs:
            leg = self.state.legs.get(leg_id)
            if leg is None or leg.state is LegState.OVER:
                continue
            sources = self._named(hearing(self.state, leg))
            if sources != leg.heard:
                self.facts.append(heard := f.HearingChanged(leg_id, sources))
                apply(self.state, heard)
                changes.append((leg_id, sources))
        if changes:
            self.actions.append(a.Hear(tuple(changes)))
        if self.state.tapes:
            from switchhook.core.tapes import follow

            follow(self, list(self._touched_rooms), [leg for leg, _ in changes])

    def _named(self, sources: Sources) -> Sources:
        if any(isinstance(source, Sound) and not source.id for source in sources):
            return tuple(
                replace(source, id=SoundId(self.state.ids.new()))
                if isinstance(source, Sound) and not source.id
                else source
                for source in sources
            )
        return sources


Touch = Callable[[State, Any], tuple[LegId | None, RoomId | None]]  # whose hearing a fact may change


def _room_of_dial(state: State, fact: Any) -> tuple[None, RoomId | None]:
    dial = state.dials.get(fact.dial)
    return None, dial.room if dial is not None else None


def _leg_and_room_of_dial(state: State, fact: Any) -> tuple[LegId | None, RoomId | None]:
    return fact.leg, _room_of_dial(state, fact)[1]


def _touch_of(kind: type) -> Touch:
    """Reads off a fact class where it names a leg and a room."""
    named = {each.name: str(each.type) for each in fields(kind)}
    leg, room = named.get("leg", "").startswith("LegId"), named.get("room", "").startswith("RoomId")
    if leg and room:
        return lambda _, fact: (fact.leg, fact.room)
    if leg:
        return lambda _, fact: (fact.leg, None)
    if room:
        return lambda _, fact: (None, fact.room)
    return lambda _, fact: (None, None)


_TOUCHES: dict[type, Touch] = {kind: _touch_of(kind) for kind in get_args(f.Fact)} | {
    f.LegCreated: lambda _, fact: (fact.leg.id, None),
    f.MemberJoined: lambda _, fact: (fact.member.leg, fact.room),
    f.DialStarted: lambda _, fact: (None, fact.dial.room),
    f.DialKept: _room_of_dial,
    f.DialMoved: _room_of_dial,  # the old room before the fact, the new one after it
    f.DialTried: _leg_and_room_of_dial,
}
