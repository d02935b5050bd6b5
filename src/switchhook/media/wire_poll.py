"""The portable wire: epoll (poll where there is none), one system call per packet.

It drains by phases, level-triggered, and asks for as many sockets as there are, so that none hides behind others; a
socket gives one packet per round. A leg whose telephone is known has a second socket on its RTP port, connected to the
telephone: `recv_into` and `send` then make no address objects and no route lookups, a fifth of the cost of a packet.
What strangers send falls to the first socket, which is not connected: it is seen and counted, and the kernel does not
answer it with ICMP. What lies in the second one when it is connected may be from anybody, and `recv_into` would not say
whom: it is read with its sources at once. Without the second socket (no room for it, not Linux) everything goes through
the first.

A telephone that is gone makes every other call fail with ECONNREFUSED: read once, passed over, never looped on.
Rejected: connecting the only socket (strangers get ICMP and are not counted), `recvmmsg` by ctypes (one socket at a
time, and dearer than `recv_into` for one packet).
"""

from __future__ import annotations

import ctypes
import select
import socket
from collections.abc import Callable
from operator import call
from typing import Any

import numpy as np

from switchhook.media.rtp import FRAME, HEADER_BYTES, Array
from switchhook.media.wires import LONGEST, STRIDE, Address, Odd, Ports, Round, empty, send_to

_ORDINARY = HEADER_BYTES + FRAME
QUEUE = 200  # packets that a socket of 64 kB may hold
_NONE = np.empty(0, np.int64)
NOTHING = Round(_NONE, np.empty((0, STRIDE), np.uint8), _NONE, [], 0)
_libc = ctypes.CDLL(None, use_errno=True)
_NOWHERE = bytes(16)  # an address of the family AF_UNSPEC: takes a socket's peer away


class PollWire:
    """`kind` is "epoll", "poll" or "auto" (the first that there is)."""

    def __init__(self, ports: list[Ports], kind: str = "auto") -> None:
        self._ports = ports
        self._epoll: Any = select.epoll() if kind != "poll" and hasattr(select, "epoll") else None
        self._watcher: Any = self._epoll if self._epoll is not None else select.poll()
        self.name = "epoll" if self._epoll is not None else "poll"
        self._flag = select.EPOLLIN if self._epoll is not None else select.POLLIN
        received = np.zeros((len(ports) + 1, STRIDE), np.uint8)
        self._received = received
        memory = received.reshape(-1).data
        self._views = [memory[n * STRIDE : (n + 1) * STRIDE] for n in range(len(ports) + 1)]
        self.outgoing = np.zeros((len(ports) + 1, LONGEST), np.uint8)
        self._out = memory = self.outgoing.reshape(-1).data
        self._frames = [memory[n * LONGEST : n * LONGEST + _ORDINARY] for n in range(len(ports) + 1)]
        self._expected: list[Address | None] = [None] * len(ports)
        self._target: list[Address | None] = [None] * len(ports)
        self._early: list[Odd] = []  # what lay in second sockets when they were connected
        self._watched = 0
        self._live = [False] * len(ports)
        self._registered = [False] * len(ports)
        # By file number: whose it is, and how an ordinary packet is received (None: the slow way, with its address).
        self._slow: dict[int, tuple[int, bool, socket.socket]] = {}
        size = 1 + max((sock.fileno() for each in ports for sock in each if sock is not None), default=0)
        self._row = np.full(size, -1, np.int64)
        self._take: list[Callable[[memoryview], int] | None] = [None] * size
        # By row: `send` of the connected socket, or the slow way.
        self._give: list[Callable[[memoryview], int]] = [_nothing] * len(ports)

    @property
    def watched(self) -> int:
        return self._watched

    def watch(self, row: int, *, drain: bool) -> None:
        if self._live[row]:
            return
        self._live[row] = True
        self._watched += 1
        if self._registered[row]:
            return
        self._registered[row] = True
        each = self._ports[row]
        for sock, rtcp in ((each.rtp, False), (each.rtcp, True), (each.own, False)):
            if sock is not None:
                if drain:
                    empty(sock)
                self._slow[sock.fileno()] = (row, rtcp, sock)
                self._row[sock.fileno()] = row
                self._watcher.register(sock.fileno(), self._flag)

    def leave(self, row: int) -> None:
        if not self._live[row]:
            return
        self._live[row] = False
        self._watched -= 1
        self._target[row] = self._expected[row] = None
        self._gives(row, None)
        own = self._ports[row].own
        if own is not None:
            self._takes(own, False)  # it keeps its peer until the next is known

    def expect(self, row: int, source: Address | None) -> None:
        own = self._ports[row].own
        if own is None:
            self._expected[row] = source
        elif source is None:
            self._part(row)
        elif source != self._expected[row]:
            self._part(row)
            self._expected[row] = source
            try:
                own.connect(source)
            except OSError:  # no way there: the first socket is tried with each packet
                return
            self._empty(row, own, source)
            self._takes(own, True)
            self._aimed(row)

    def aim(self, row: int, target: Address | None) -> None:
        self._target[row] = target
        self._aimed(row)

    def round(self) -> Round:
        if self._early:
            return self._lay_there()
        ready = self._epoll.poll(0, 3 * self._watched + 64) if self._epoll is not None else self._watcher.poll(0)
        if not ready:
            return NOTHING
        take_of = self._take
        numbers = [fd for fd, _ in ready]
        takes = [take_of[fd] for fd in numbers]
        slow: list[int] = []
        if None in takes:
            slow = [fd for fd in numbers if take_of[fd] is None]
            numbers = [fd for fd in numbers if take_of[fd] is not None]
            takes = [take_of[fd] for fd in numbers]
        lengths: list[int] = []
        while True:
            done = len(lengths)
            try:  # the loop over packets runs in C; what came before an error is in `lengths`
                lengths.extend(map(call, takes[done:] if done else takes, self._views[done:]))
                break
            except OSError:  # an ICMP answer to something we sent, told once
                del numbers[len(lengths)], takes[len(lengths)]
        rows = self._row[np.array(numbers, np.int64)]
        odd: list[Odd] = []
        if slow:
            late: list[int] = []
            odd = self._slowly(slow, set(rows.tolist()), late, lengths)
            rows = np.concatenate((rows, np.array(late, np.int64)))
        return Round(rows, self._received[: len(rows)], np.array(lengths, np.int64), odd, len(ready))

    def send(self, rows: Array, lengths: Array) -> int:
        if not len(rows):
            return 0
        packets = self._frames
        if not int(lengths.min()) == int(lengths.max()) == _ORDINARY:
            out = self._out
            packets = [out[n * LONGEST : n * LONGEST + length] for n, length in enumerate(lengths.tolist())]
        give_of = self._give
        gives = [give_of[row] for row in rows.tolist()]
        sent: list[int] = []
        failed = 0
        while True:
            done = len(sent) + failed
            try:
                sent.extend(map(call, gives[done:] if done else gives, packets[done:] if done else packets))
                return len(sent)
            except OSError:  # an ICMP answer to the packet before, or a full queue
                failed += 1

    def send_one(self, row: int, packet: bytes) -> bool:
        address = self._target[row]
        return address is not None and send_to(self._ports[row].rtp, packet, address)

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool:
        return send_to(self._ports[row].rtcp, packet, target)

    # --- inside -------------------------------------------------------------------------------------------------

    def _slowly(self, ready: list[int], known: set[int], rows: list[int], lengths: list[int]) -> list[Odd]:
        """Receives from sockets that are not connected; what comes from a leg's own address may join the round."""
        odd: list[Odd] = []
        for fd in ready:
            if fd not in self._slow:
                continue
            row, rtcp, sock = self._slow[fd]
            if not self._live[row]:
                self._unregister(row)
                continue
            view = self._views[len(lengths)]
            try:
                length, source = sock.recvfrom_into(view)
            except OSError:
                continue
            if rtcp or source != self._expected[row]:
                odd.append(Odd(row, rtcp, source, bytes(view[:length])))
            elif row in known:  # it lay in the first socket when the second was connected
                odd.append(Odd(row, False, source, bytes(view[:length]), own=True))
            else:
                known.add(row)
                rows.append(row)
                lengths.append(length)
        return odd

    def _unregister(self, row: int) -> None:
        """Ends listening on ports that are nobody's, since something came there."""
        self._registered[row] = False
        for sock in self._ports[row]:
            if sock is not None:
                del self._slow[sock.fileno()]
                self._watcher.unregister(sock.fileno())

    def _slow_give(self, row: int) -> Callable[[memoryview], int]:
        """Returns what sends a leg's packets while its second socket is not connected to where they go."""
        sock, address = self._ports[row].rtp, self._target[row]
        return _nothing if address is None else lambda packet: sock.sendto(packet, address)

    def _empty(self, row: int, own: socket.socket, source: Address) -> None:
        """Takes out what lies in a socket that was just connected; bounded, as nothing of others comes in any more."""
        for _ in range(QUEUE):
            try:
                packet, sender = own.recvfrom(STRIDE)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._early.append(Odd(row, False, sender, packet, own=sender == source))

    def _lay_there(self) -> Round:
        """Hands over what was there before all that is received now."""
        early, self._early = self._early, []
        return NOTHING._replace(odd=early, taken=len(early), more=True)

    def _part(self, row: int) -> None:
        """Takes the peer of a leg's second socket away."""
        self._expected[row] = None
        own = self._ports[row].own
        if own is not None and self._take[own.fileno()] is not None:
            self._takes(own, False)
            _libc.connect(own.fileno(), _NOWHERE, len(_NOWHERE))
        self._gives(row, None)

    def _aimed(self, row: int) -> None:
        own, target = self._ports[row].own, self._target[row]
        connected = own is not None and self._take[own.fileno()] is not None
        both = own is not None and connected and target is not None and target == self._expected[row]
        self._gives(row, own if both else None)

    def _takes(self, own: socket.socket, connected: bool) -> None:
        """Says whether packets are received from a leg's second socket the quick way."""
        self._take[own.fileno()] = own.recv_into if connected else None

    def _gives(self, row: int, own: socket.socket | None) -> None:
        """Says which connected socket a leg's packets are sent on the quick way; None: the slow way."""
        self._give[row] = self._slow_give(row) if own is None else own.send


def _nothing(packet: memoryview) -> int:
    return 0
