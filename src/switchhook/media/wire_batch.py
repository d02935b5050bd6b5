"""The portable wire where Linux has native AIO: the same sockets as `wire_poll`, one system call per batch.

What is ready comes from epoll as an array, and the packets of all connected sockets are read with one call and sent
with one. The rest (strangers, RTCP, telephones not yet known) goes the way of `wire_poll`, one at a time. A packet
costs a seventh less than there: what is saved is Python's part of it, and the way into the kernel and back.
"""

from __future__ import annotations

import socket

import numpy as np

from switchhook.media.aio import Aio
from switchhook.media.rtp import Array
from switchhook.media.wire_poll import NOTHING, PollWire
from switchhook.media.wires import LONGEST, STRIDE, Odd, Ports, Round


class BatchWire(PollWire):
    """Raises `Unavailable` where there is no native AIO."""

    def __init__(self, ports: list[Ports]) -> None:
        self._aio = Aio(len(ports) + 1)
        super().__init__(ports, "epoll")
        count = len(ports) + 1
        self._into = self._received.ctypes.data + np.arange(count, dtype=np.uint64) * STRIDE
        self._from = self.outgoing.ctypes.data + np.arange(count, dtype=np.uint64) * LONGEST
        self._connected = np.zeros(len(self._row), bool)  # by file number
        self._sends_on = np.full(count, -1, np.int64)  # by row: a file number

    def round(self) -> Round:
        if self._early:
            return self._lay_there()
        ready = self._aio.wait(self._epoll.fileno(), 3 * self._watched + 64)
        if not len(ready):
            return NOTHING
        connected = self._connected[ready]
        numbers = ready if connected.all() else ready[connected]
        lengths = self._aio.read(numbers, self._into, STRIDE)
        rows = self._row[numbers]
        good = lengths >= 0
        if not good.all():  # an ICMP answer to something we sent, told once
            places = np.flatnonzero(good)
            self._received[: len(places)] = self._received[places]
            rows, lengths = rows[places], lengths[places]
        odd: list[Odd] = []
        if len(numbers) < len(ready):
            late: list[int] = []
            known = lengths.tolist()
            odd = self._slowly(ready[~connected].tolist(), set(rows.tolist()), late, known)
            rows, lengths = np.concatenate((rows, np.array(late, np.int64))), np.array(known, np.int64)
        return Round(rows, self._received[: len(rows)], lengths, odd, len(ready))

    def send(self, rows: Array, lengths: Array) -> int:
        if not len(rows):
            return 0
        numbers, places = self._sends_on[rows], self._from
        slow = np.flatnonzero(numbers < 0)
        sent = 0
        if len(slow):
            quick = np.flatnonzero(numbers >= 0)
            for place in slow.tolist():
                sent += self.send_one(int(rows[place]), self.outgoing[place, : lengths[place]].tobytes())
            numbers, places, lengths = numbers[quick], places[quick], lengths[quick]
        return sent + int((self._aio.write(numbers, places, lengths) > 0).sum())

    def _takes(self, own: socket.socket, connected: bool) -> None:
        super()._takes(own, connected)
        self._connected[own.fileno()] = connected

    def _gives(self, row: int, own: socket.socket | None) -> None:
        super()._gives(row, own)
        self._sends_on[row] = -1 if own is None else own.fileno()
