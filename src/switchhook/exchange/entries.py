"""Facts as lines of the journal: which call and which leg a fact belongs to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from switchhook.core import facts as f
from switchhook.exchange.ports import Entry

Encode = Callable[[f.Fact], tuple[str, dict[str, object]]]  # class name and JSON body

_KEPT = 4096  # ended legs, rooms and transfers whose call is still known, for lines that come late


class Calls:
    """Knows the call (chain of rooms) of every leg, room, dial and transfer, also a little after its end."""

    def __init__(self) -> None:
        self._call_of: dict[str, str] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def learn(self, fact: f.Fact) -> None:
        """Takes note of what a fact brings into being or ends."""
        match fact:
            case f.LegCreated(leg):
                self._call_of[leg.id] = leg.call
            case f.RoomOpened(room):
                self._call_of[room.id] = room.call
            case f.DialStarted(dial):
                self._call_of[dial.id] = self._call_of.get(dial.room, "")
            case f.TransferStarted(transfer):
                self._call_of[transfer.id] = self._call_of.get(transfer.room, "")
            case f.LegEnded(leg_id):
                self._end(leg_id)
            case f.RoomClosed(room_id):
                self._end(room_id)
            case f.DialEnded(dial_id):
                self._end(dial_id)
            case f.TransferEnded(transfer_id):
                self._end(transfer_id)
            case _:
                pass

    def _end(self, name: str) -> None:
        self._ended[name] = None
        while len(self._ended) > _KEPT:
            gone, _ = self._ended.popitem(last=False)
            self._call_of.pop(gone, None)

    def of(self, name: str) -> str:
        """Returns the call of a leg, room, dial or transfer, or an empty text."""
        return self._call_of.get(name, "")

    def entry(self, fact: f.Fact, at: float, cause: str, encode: Encode) -> Entry:
        """Makes the journal line of a fact."""
        self.learn(fact)
        kind, body = encode(fact)
        leg = _leg_of(fact)
        return Entry(at, kind, self.of(leg) or self.of(_owner_of(fact)), leg, body, cause)


def _leg_of(fact: f.Fact) -> str:
    match fact:
        case f.LegCreated(leg):
            return leg.id
        case f.MemberJoined(_, member):
            return member.leg
        case f.TransferStarted(transfer):
            return transfer.agent
        case f.RecordingStarted(tape):
            return tape.left[0] if tape.left else ""
        case _:
            named = getattr(fact, "leg", None)
            return named if isinstance(named, str) else ""


def _owner_of(fact: f.Fact) -> str:
    match fact:
        case f.RoomOpened(room):
            return room.id
        case f.DialStarted(dial):
            return dial.id
        case _:
            for name in ("room", "dial", "transfer"):
                owner = getattr(fact, name, None)
                if isinstance(owner, str):
                    return owner
            return ""
