"""Events for the control process: numbered, in shared memory, kept until acknowledged, so that a killed pump loses
none.

When control stays away until the ring is full, further events are dropped and counted; statistics of ended legs and
key presses of an abandoned server are of no use to anybody.
"""

from __future__ import annotations

import json

import numpy as np

from switchhook.media.link import Message
from switchhook.media.table import EVENT_BYTES, EVENT_SLOTS, Table


class Outbox:
    """The writing and the sending end; `sent` begins anew with each connection and each pump."""

    __slots__ = ("_sent", "_table")

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sent = int(table.event_numbers[1])

    def add(self, event: Message) -> bool:
        """Keeps one event under the next number; False when it had to be dropped."""
        numbers = self._table.event_numbers
        body = json.dumps(event, separators=(",", ":")).encode()
        if int(numbers[0] - numbers[1]) >= EVENT_SLOTS or len(body) > EVENT_BYTES:
            self._table.counters[15] += 1
            return False
        slot = int(numbers[0] + 1) % EVENT_SLOTS
        self._table.event_bytes[slot, : len(body)] = np.frombuffer(body, np.uint8)
        self._table.event_lengths[slot] = len(body)
        numbers[0] += 1  # last: an event half written when the pump dies does not exist
        return True

    def unsent(self, most: int = 200) -> list[Message]:
        """Returns the next events to send, oldest first."""
        found: list[Message] = []
        while self._sent < int(self._table.event_numbers[0]) and len(found) < most:
            self._sent += 1
            slot = self._sent % EVENT_SLOTS
            length = int(self._table.event_lengths[slot])
            event: Message = json.loads(self._table.event_bytes[slot, :length].tobytes())
            found.append({"say": "event", "number": self._sent, **event})
        return found

    def acknowledged(self, number: int) -> None:
        """Forgets all events up to this one."""
        held = self._table.event_numbers
        held[1] = max(int(held[1]), min(number, int(held[0])))

    def again(self) -> None:
        """Begins a new connection: everything not acknowledged is sent again."""
        self._sent = int(self._table.event_numbers[1])
