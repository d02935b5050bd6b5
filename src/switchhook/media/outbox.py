"""Events for the control process: numbered, in shared memory, kept until acknowledged, so that a killed pump loses
none.

When control stays away until the ring is full, further events are dropped and counted; statistics of ended legs and
key presses of an abandoned server are of no use to anybody.
"""

from __future__ import annotations

import msgspec

from switchhook.media.link import Message
from switchhook.media.table import EVENT_BYTES, EVENT_SLOTS, Table

_encode = msgspec.json.Encoder().encode


class Outbox:
    """The writing and the sending end; `sent` begins anew with each connection and each pump."""

    __slots__ = ("_bytes", "_lengths", "_numbers", "_sent", "_table")

    def __init__(self, table: Table) -> None:
        self._table = table
        self._bytes = table.event_bytes.reshape(-1).data
        self._lengths, self._numbers = table.event_lengths.data, table.event_numbers.data
        self._sent = int(table.event_numbers[1])

    def add(self, event: Message) -> bool:
        """Keeps one event under the next number; False when it had to be dropped."""
        last, acknowledged = self._numbers
        body = _encode({"say": "event", "number": last + 1, **event})
        if last - acknowledged >= EVENT_SLOTS or len(body) > EVENT_BYTES:
            self._table.counters[15] += 1
            return False
        slot = (last + 1) % EVENT_SLOTS
        self._bytes[slot * EVENT_BYTES : slot * EVENT_BYTES + len(body)] = body
        self._lengths[slot] = len(body)
        self._numbers[0] = last + 1  # last: an event half written when the pump dies does not exist
        return True

    def unsent(self, most: int = 200) -> list[bytes]:
        """Returns the next events to send, oldest first, each as the JSON of its message."""
        last = min(self._numbers[0], self._sent + most)
        found: list[bytes] = []
        while self._sent < last:
            self._sent += 1
            start = self._sent % EVENT_SLOTS * EVENT_BYTES
            found.append(bytes(self._bytes[start : start + self._lengths[self._sent % EVENT_SLOTS]]))
        return found

    def acknowledged(self, number: int) -> None:
        """Forgets all events up to this one."""
        held = self._numbers
        held[1] = max(held[1], min(number, held[0]))

    def again(self) -> None:
        """Begins a new connection: everything not acknowledged is sent again."""
        self._sent = self._numbers[1]
