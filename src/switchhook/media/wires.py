"""How packets get in and out: one seam (`Wire`), chosen at start, every kind passes the same exam.

`PollWire` drains with epoll (poll where there is none): level-triggered, asked for as many sockets as there are, so
that none hides behind others; a socket gives one packet per round, so a round never has two packets of one leg, which
is what lets the rest of the pump work on arrays with rows all different. A dead peer makes every other call fail with
ECONNREFUSED: counted, never looped on. Sockets stay unconnected: a stranger is then seen and counted, and the kernel
does not answer it with ICMP.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from switchhook.media.rtp import Array

Address = tuple[str, int]
STRIDE = 2048
Pair = tuple[socket.socket, socket.socket]  # RTP, RTCP


class Odd:
    """A packet that is looked at singly: not from the leg's own address, or RTCP."""

    __slots__ = ("packet", "row", "rtcp", "source")

    def __init__(self, row: int, rtcp: bool, source: Address, packet: bytes) -> None:
        self.row, self.rtcp, self.source, self.packet = row, rtcp, source, packet


class Wire(Protocol):
    """The sockets of all legs. `received` holds the packets of the last round, a row of bytes each."""

    name: str
    received: Array

    @property
    def watched(self) -> int:
        """Returns how many sockets are listened on."""

    def watch(self, row: int, *, drain: bool) -> None:
        """Starts listening on a leg's ports; `drain` throws away what lies in them, as for a new leg."""

    def leave(self, row: int) -> None:
        """Stops listening; both addresses are forgotten."""

    def expect(self, row: int, source: Address | None) -> None:
        """States the address that the leg's packets come from; None: nobody yet."""

    def aim(self, row: int, target: Address | None) -> None:
        """States where the leg's packets go."""

    def round(self) -> tuple[Array, Array, list[Odd], int]:
        """Receives at most one packet per socket: rows, lengths, odd ones, and how many came in all."""

    def send(self, rows: Array, packets: Array, lengths: Array) -> int:
        """Sends packets laid out one per row of bytes; returns how many the kernel took."""

    def send_one(self, row: int, packet: bytes) -> bool: ...

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool: ...


class PollWire:
    """epoll, or poll on systems without it."""

    def __init__(self, pairs: list[Pair]) -> None:
        self._pairs = pairs
        self._most = 2 * len(pairs)
        self._epoll: Any = select.epoll() if hasattr(select, "epoll") else None
        self._poll: Any = None if self._epoll is not None else select.poll()
        self.name = "epoll" if self._epoll is not None else "poll"
        self._flag = select.EPOLLIN if self._epoll is not None else select.POLLIN
        self.received = np.zeros((self._most + 1, STRIDE), np.uint8)
        memory = self.received.reshape(-1).data
        self._views = [memory[n * STRIDE : (n + 1) * STRIDE] for n in range(self._most + 1)]
        self._expected: list[Address | None] = [None] * len(pairs)
        self._target: list[Address | None] = [None] * len(pairs)
        self._by_fd: dict[int, tuple[int, bool, Callable[..., tuple[int, Any]]]] = {}
        self._sendto = [pair[0].sendto for pair in pairs]

    @property
    def watched(self) -> int:
        return len(self._by_fd)

    def watch(self, row: int, *, drain: bool) -> None:
        for sock, rtcp in zip(self._pairs[row], (False, True), strict=True):
            if drain:
                _drain(sock)
            self._by_fd[sock.fileno()] = (row, rtcp, sock.recvfrom_into)
            (self._epoll or self._poll).register(sock.fileno(), self._flag)

    def leave(self, row: int) -> None:
        self._expected[row] = self._target[row] = None
        for sock in self._pairs[row]:
            if self._by_fd.pop(sock.fileno(), None) is not None:
                (self._epoll or self._poll).unregister(sock.fileno())

    def expect(self, row: int, source: Address | None) -> None:
        self._expected[row] = source

    def aim(self, row: int, target: Address | None) -> None:
        self._target[row] = target

    def round(self) -> tuple[Array, Array, list[Odd], int]:
        ready = self._epoll.poll(0, self._most) if self._epoll is not None else self._poll.poll(0)
        rows: list[int] = []
        lengths: list[int] = []
        odd: list[Odd] = []
        views, by_fd, expected = self._views, self._by_fd, self._expected
        count = 0
        for fd, _ in ready:
            row, rtcp, receive = by_fd[fd]
            view = views[count]
            try:
                length, source = receive(view)
            except OSError:  # an ICMP answer to something we sent, told once
                continue
            if source == expected[row] and not rtcp:
                rows.append(row)
                lengths.append(length)
                count += 1
            else:
                odd.append(Odd(row, rtcp, source, bytes(view[:length])))
        return np.array(rows, np.int64), np.array(lengths, np.int64), odd, len(ready)

    def send(self, rows: Array, packets: Array, lengths: Array) -> int:
        sendto, target = self._sendto, self._target
        width = packets.shape[1]
        memory = packets.reshape(-1).data
        done = start = 0
        for row, length in zip(rows.tolist(), lengths.tolist(), strict=True):
            address = target[row]
            if address is not None:
                try:
                    sendto[row](memory[start : start + length], address)
                    done += 1
                except OSError:
                    pass
            start += width
        return done

    def send_one(self, row: int, packet: bytes) -> bool:
        address = self._target[row]
        return address is not None and _send(self._pairs[row][0], packet, address)

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool:
        return _send(self._pairs[row][1], packet, target)


def _send(sock: socket.socket, packet: bytes, target: Address) -> bool:
    try:
        sock.sendto(packet, target)
    except OSError:
        return False
    return True


def _drain(sock: socket.socket) -> None:
    """Throws away what lies in a socket; bounded, so that a flood cannot hold us."""
    for _ in range(2_000):
        try:
            sock.recv(1)
        except BlockingIOError:
            return
        except OSError:
            continue
