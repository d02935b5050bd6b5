"""How packets get in and out: one seam (`Wire`), chosen at start, every kind passes the same exam.

`wire_poll` is always there: epoll (poll where there is none) and a system call per packet; `wire_batch` is the same
with one per batch, where Linux has native AIO. `wire_ring` is io_uring where the kernel has it and lets us: the sends
of a batch in one call, packets received by the kernel into our memory. All hand over arrays: a round never has two
packets of one leg, which is what lets the rest of the pump work on columns with rows all different.
"""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

from switchhook.media.rtp import Array

Address = tuple[str, int]
STRIDE = 1_088  # bytes kept of a received packet; longer ones are cut (they are nobody's G.711)
LONGEST = 12 + 480  # bytes of the longest packet that is relayed as an array: 60 ms of G.711


class Ports(NamedTuple):
    """One leg's sockets. `own` is a second socket on the RTP port, to be connected to the leg's telephone."""

    rtp: socket.socket
    rtcp: socket.socket
    own: socket.socket | None = None


class Odd:
    """A packet that is looked at singly: not from the leg's own address (unless `own`), or RTCP."""

    __slots__ = ("own", "packet", "row", "rtcp", "source")

    def __init__(self, row: int, rtcp: bool, source: Address, packet: bytes, own: bool = False) -> None:
        self.row, self.rtcp, self.source, self.packet, self.own = row, rtcp, source, packet, own


class Round(NamedTuple):
    """At most one packet of each leg, all from the legs' own addresses; and the odd ones."""

    rows: Array
    packets: Array  # a row of bytes each, good until the next round
    lengths: Array
    odd: list[Odd]
    taken: int  # how many came in all
    more: bool = False  # True: further packets of these legs can be had at once


class Wire(Protocol):
    """The sockets of all legs."""

    name: str
    outgoing: Array  # rows of bytes to be filled before `send`

    @property
    def watched(self) -> int:
        """Returns how many legs are listened on."""

    def watch(self, row: int, *, drain: bool) -> None:
        """Starts listening on a leg's ports; `drain` throws away what lies in them, as for a new leg.

        After `leave` the kernel may go on listening, so that short calls cost little: what comes then is thrown away
        by `round`, and a port where something came is really left (nobody can make us busy with unused ports).
        """

    def leave(self, row: int) -> None:
        """Stops listening; both addresses are forgotten."""

    def expect(self, row: int, source: Address | None) -> None:
        """States the address that the leg's packets come from; None: nobody yet."""

    def aim(self, row: int, target: Address | None) -> None:
        """States where the leg's packets go."""

    def round(self) -> Round:
        """Receives what waits, at most one packet of each leg."""

    def send(self, rows: Array, lengths: Array) -> int:
        """Sends the first rows of `outgoing`, one to each of these legs; returns how many the kernel took."""

    def send_one(self, row: int, packet: bytes) -> bool: ...

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool: ...


def send_to(sock: socket.socket, packet: bytes, target: Address) -> bool:
    """Sends one packet; False when the kernel did not take it."""
    try:
        sock.sendto(packet, target)
    except OSError:
        return False
    return True


def empty(sock: socket.socket) -> None:
    """Throws away what lies in a socket; bounded, so that a flood cannot hold us."""
    for _ in range(2_000):
        try:
            sock.recv(1)
        except BlockingIOError:
            return
        except OSError:
            continue
