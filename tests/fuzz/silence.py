"""A wire that nobody listens at."""

from __future__ import annotations

import numpy as np

from switchhook.media.wires import Address, Array, Round


class NoWire:
    """`media.wires.Wire` without sockets."""

    name = "none"
    watched = 0

    def __init__(self) -> None:
        self.outgoing = np.zeros((64, 2048), np.uint8)

    def watch(self, row: int, *, drain: bool) -> None:
        """Listens to nobody."""

    def leave(self, row: int) -> None:
        """Listened to nobody."""

    def expect(self, row: int, source: Address | None) -> None:
        """Expects nobody."""

    def aim(self, row: int, target: Address | None) -> None:
        """Sends to nobody."""

    def round(self) -> Round:
        nothing = np.zeros(0, np.int64)
        return Round(nothing, np.zeros((0, 2048), np.uint8), nothing, [], 0)

    def send(self, rows: Array, lengths: Array) -> int:
        return len(rows)

    def send_one(self, row: int, packet: bytes) -> bool:
        return True

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool:
        return True
