"""The conferences of this dialect: who sits in which under what number, who has the floor, and what is recorded.

A member's number (ConferenceMemberID) is given when it comes in and dies with its leaving. The floor is with whoever
began to talk last and is not muted; it is watched only in rooms where a document asks for floor events. The recording
that a document asks for is one per room; while fewer than two are in the room it is paused, unless it is to go on.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Room, RoomKind
from switchhook.core.values import dataclass
from switchhook.exchange.recordings import Ended, Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo
    from switchhook.exchange.switch import Stamped

LISTENER = "conference floor"


@dataclass(frozen=True, slots=True)
class Chair:
    """A member's place."""

    number: str
    since: float


@dataclass(frozen=True, slots=True)
class RoomTape:
    """The recording that a document has asked for."""

    recorded: Recorded
    when_alone: bool


class Conferences:
    """What is known of the conferences under way, besides what the core knows."""

    def __init__(self, dialect: Plivo) -> None:
        self._dialect = dialect
        self._exchange = dialect.exchange
        self._numbers = count(1)
        self._chairs: dict[RoomId, dict[LegId, Chair]] = {}
        self._tapes: dict[RoomId, RoomTape] = {}
        self._watched: set[RoomId] = set()
        self._floors: dict[RoomId, LegId] = {}

    def start(self) -> None:
        """Begins to listen; after the documents, which still ask about who leaves."""
        asked = (self._chairs, self._tapes, self._watched, self._floors)  # empty: nobody has asked for anything
        self._exchange.subscribe(self._heard, (f.MemberJoined, f.MemberLeft, f.RoomClosed, f.VoiceHeard), held=asked)

    # --- rooms and members ------------------------------------------------------------------------------------------

    def of(self, account: str) -> list[Room]:
        """Returns the account's conferences, the oldest first."""
        return [
            room
            for room in self._exchange.state.rooms.values()
            if room.account == account and room.plan.kind is RoomKind.CONFERENCE
        ]

    def find(self, account: str, name: str) -> Room | None:
        """Returns the account's conference of that very name."""
        state = self._exchange.state
        found = state.named.get((account, RoomKind.CONFERENCE, name))
        return state.rooms.get(found) if found is not None else None

    def seat(self, room: RoomId, leg: LegId) -> Chair:
        """Returns the place of a leg that is in the room; a new one when it has just come in."""
        chairs = self._chairs.setdefault(room, {})
        if leg not in chairs:
            chairs[leg] = Chair(str(next(self._numbers)), self._exchange.clock.now())
        return chairs[leg]

    def members(self, room: Room) -> dict[str, LegId]:
        """Returns the legs in a room by their numbers, in the order in which they came."""
        return {self.seat(room.id, leg).number: leg for leg in room.members}

    # --- recording --------------------------------------------------------------------------------------------------

    def record(self, room: Room, *, wanted_format: str, when_alone: bool, ended: Ended) -> None:
        """Begins the recording of a room that a document asks for, unless there has been one."""
        if room.id in self._tapes:
            return
        found = self._exchange.recordings.start(
            room.account, room=room.id, cause="XML", mono=True, wanted_format=wanted_format, ended=ended
        )
        if found is not None:
            self._tapes[room.id] = RoomTape(found, when_alone)
            self._pause(room.id)

    def tape(self, room: RoomId) -> Recorded | None:
        """Returns the recording of a room that a document has asked for."""
        found = self._tapes.get(room)
        return found.recorded if found is not None else None

    def _pause(self, room: RoomId) -> None:
        tape, found = self._tapes.get(room), self._exchange.state.rooms.get(room)
        if tape is not None and found is not None and not tape.when_alone:
            self._exchange.recordings.pause(tape.recorded.id, len(found.members) < 2, cause="XML")

    # --- the floor --------------------------------------------------------------------------------------------------

    def watch_floor(self, room: Room) -> None:
        """Has it told from now on who gets the floor."""
        self._watched.add(room.id)
        for leg in room.members:
            self._listen(leg, on=True)

    def _listen(self, leg: LegId, *, on: bool) -> None:
        try:
            self._exchange.ask(r.ListenFor(leg, on, LISTENER), cause="XML")
        except Refused:  # it is over; nobody listens to it any more
            pass

    def _talks(self, leg: LegId) -> None:
        found = self._exchange.state.legs.get(leg)
        room = found.focus if found is not None else None
        if room is None or room not in self._watched or self._floors.get(room) == leg:
            return
        member = self._exchange.state.rooms[room].members.get(leg)
        if member is not None and not member.muted:
            self._floors[room] = leg
            self._dialect.floor_taken(leg)

    # --- told -------------------------------------------------------------------------------------------------------

    def _heard(self, stamped: Stamped) -> None:
        match stamped.fact:
            case f.VoiceHeard(leg=leg, on=True):
                self._talks(leg)
            case f.MemberJoined(room=room, member=member):
                self._pause(room)
                if room in self._watched:
                    self._listen(member.leg, on=True)
            case f.MemberLeft(room=room, leg=leg):
                self._left(room, leg)
            case f.RoomClosed(room=room):
                self._tapes.pop(room, None)
                self._chairs.pop(room, None)
                self._floors.pop(room, None)
                self._watched.discard(room)

    def _left(self, room: RoomId, leg: LegId) -> None:
        self._chairs.get(room, {}).pop(leg, None)
        self._pause(room)
        if room in self._watched:
            self._listen(leg, on=False)
        if self._floors.get(room) == leg:
            del self._floors[room]
