"""Who wants to know what happens to a B leg or in the room of a Dial: facts find their Dial by leg and by room."""

from __future__ import annotations

from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.dialects.plivo.run.dial import DialStep


class Watch:
    """The Dials under way, by the room they opened and by the B legs they follow."""

    def __init__(self) -> None:
        self._rooms: dict[RoomId, DialStep] = {}
        self._dials: dict[DialId, DialStep] = {}
        self._legs: dict[LegId, list[DialStep]] = {}
        self.held = (self._rooms, self._legs, self._dials)

    def dial(self, dial: DialId, step: DialStep) -> None:
        self._dials[dial] = step

    def drop_dial(self, dial: DialId) -> None:
        self._dials.pop(dial, None)

    def of_dial(self, dial: DialId) -> DialStep | None:
        """Returns the Dial whose own attempt this is."""
        return self._dials.get(dial)

    def room(self, room: RoomId, dial: DialStep) -> None:
        self._rooms[room] = dial

    def leg(self, leg: LegId, dial: DialStep) -> None:
        dials = self._legs.setdefault(leg, [])
        if dial not in dials:
            dials.append(dial)

    def drop_room(self, room: RoomId, dial: DialStep) -> None:
        if self._rooms.get(room) is dial:
            del self._rooms[room]

    def drop_leg(self, leg: LegId, dial: DialStep) -> None:
        dials = self._legs.get(leg, [])
        if dial in dials:
            dials.remove(dial)
        if not dials:
            self._legs.pop(leg, None)

    def in_room(self, room: RoomId | None) -> DialStep | None:
        """Returns the Dial that opened the room, while it goes on."""
        return self._rooms.get(room) if room is not None else None

    def of_leg(self, leg: LegId) -> tuple[DialStep, ...]:
        """Returns the Dials of which the leg is a B."""
        return tuple(self._legs.get(leg, ()))

    @property
    def empty(self) -> bool:
        return not any(self.held)
