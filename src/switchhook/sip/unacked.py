"""A 2xx to an INVITE that waits for its ACK (RFC 3261 13.3.1.4)."""

from __future__ import annotations

from switchhook.sip.timers import T1, Timer
from switchhook.sip.transactions import ServerTransaction


class Unacked:
    """A 2xx of ours that waits for its ACK."""

    __slots__ = ("again", "give_up", "interval", "offered", "transaction", "wire")

    def __init__(self, transaction: ServerTransaction, wire: bytes, *, offered: bool) -> None:
        self.transaction = transaction
        self.wire = wire
        self.offered = offered  # it carried our offer: the ACK must bring the answer
        self.interval = T1
        self.again: Timer | None = None
        self.give_up: Timer | None = None

    def stop(self) -> None:
        for timer in (self.again, self.give_up):
            if timer is not None:
                timer.cancel()
