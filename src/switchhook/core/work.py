"""The workbench of one step: it collects facts and actions, and at the end says who hears what from now on."""

from __future__ import annotations

from dataclasses import replace

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
        leg = getattr(fact, "leg", None)
        if isinstance(leg, str):
            self._touch_leg(LegId(leg))
        room = getattr(fact, "room", None)
        if isinstance(room, str):
            self._touched_rooms[RoomId(room)] = None
        if isinstance(fact, f.MemberJoined):
            self._touch_leg(fact.member.leg)
        elif isinstance(fact, f.DialStarted):
            self._touched_rooms[fact.dial.room] = None
        elif isinstance(fact, f.LegCreated):
            self._touched_legs[fact.leg.id] = None
        elif isinstance(fact, f.DialMoved | f.DialKept | f.DialEnded | f.DialTried):
            dial = self.state.dials.get(fact.dial)
            if dial is not None:
                self._touched_rooms[dial.room] = None

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
