"""Control's side of the audio streams to programs: their slots, and what comes back about them.

A slot goes to the next stream only when the workshop has let go of it, so nothing of one stream ever reaches another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from switchhook.core.events import Event, StreamConnected, StreamOver, StreamPressed, StreamTold
from switchhook.core.ids import LegId, StreamId
from switchhook.exchange.ports import Forked
from switchhook.media.link import Message
from switchhook.media.stated import Held, Leg

Say = Callable[[Message], None]


class Holder:
    """The streams that are open or being closed."""

    def __init__(self, slots: int, pump: Say, shop: Say) -> None:
        self._free = list(range(slots - 1, -1, -1))
        self._pump, self._shop = pump, shop
        self._held: dict[tuple[int, int], Held] = {}
        self._by_id: dict[StreamId, Held] = {}
        self._uses = 0
        self.places: dict[StreamId, int] = {}  # as a leg is told to hear them among its sounds: -1 is slot 0

    def begin(self, forked: Forked, leg: Leg) -> bool:
        """Takes a slot and tells both processes; False when there is none."""
        if forked.id in self._by_id:
            return True
        if not self._free:
            return False
        self._uses += 1
        held = Held(forked, self._free.pop(), self._uses, leg.row, leg.use)
        self._held[held.slot, held.use] = self._by_id[forked.id] = held
        self.places[forked.id] = -1 - held.slot
        self._pump(held.statement())
        self._shop(held.connection())
        return True

    def end(self, stream: StreamId) -> None:
        """Lets the workshop say goodbye; nothing is heard of the stream any more."""
        held = self._by_id.pop(stream, None)
        if held is not None:
            held.closing = True
            del self.places[stream]
            self._pump(held.end())
            self._shop(held.end())

    def digit(self, stream: StreamId, digit: str) -> None:
        held = self._by_id.get(stream)
        if held is not None:
            self._shop({"say": "tell_fork", "slot": held.slot, "use": held.use, "digit": digit})

    def end_all(self, leg: LegId) -> None:
        """Ends every stream of a leg."""
        for stream in [held.forked.id for held in self._by_id.values() if held.forked.leg == leg]:
            self.end(stream)

    @property
    def waiting(self) -> bool:
        """Returns whether the workshop has still to let go of one."""
        return bool(self._held)

    def for_pump(self) -> Iterator[Message]:
        """Returns what a new pump is to be told."""
        return (held.statement() for held in self._by_id.values())

    def for_shop(self) -> Iterator[Message]:
        """Returns what a new workshop is to be told."""
        return (held.end() if held.closing else held.connection() for held in self._held.values())

    def told(self, m: Message) -> Event | None:
        """Takes what the workshop says of a stream, and returns the event that it is."""
        held = self._held.get((m["slot"], m["use"]))
        if held is None:
            return None
        stream, what = held.forked.id, m["is"]
        if what in ("over", "released"):
            del self._held[held.slot, held.use]
            self._free.insert(0, held.slot)
            if held.closing:
                return None
            del self._by_id[stream], self.places[stream]
            self._pump(held.end())
            return StreamOver(stream, m.get("text", ""))
        if held.closing:
            return None
        if what == "open":
            return StreamConnected(stream)
        if what == "keys":
            return StreamPressed(stream, m["text"])
        return StreamTold(stream, what, m["text"])
