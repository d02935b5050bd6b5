"""The io_uring wire: the kernel puts packets into our memory by itself, and a batch is sent with one call.

Each socket has one receive that goes on for ever (multishot, into a ring of buffers shared by all) until the kernel
says that there is no more, then it is begun anew: that happens when buffers run out, and then packets wait in their
sockets, and the sockets for their turn, some in each round: all at once would find no buffers again, and after a stall
of the machine more time went into beginning than into packets, for ever. Sockets are not connected: the source of every
packet is a column, compared as one number, so strangers are seen, counted, and get no ICMP. Sends are entries filled by
NumPy, answered only when they fail.

What a receive belongs to is in its `user_data`: the turn of the row (counted up with each `watch` and `leave`) and the
place of the socket. A packet that comes for an older turn was for the leg before and is dropped.
"""

from __future__ import annotations

import socket
import sys

import numpy as np

from switchhook.media import uring
from switchhook.media.rtp import Array
from switchhook.media.wires import LONGEST, STRIDE, Address, Odd, Ports, Round, empty, send_to

_HEAD, _NAME = 16, 16  # before each packet: what the kernel says of it, then the address it came from
_GROUP = 1
_DONTWAIT = 0x40
_NONE = np.empty(0, np.int64)
_NOTHING = Round(_NONE, np.empty((0, STRIDE), np.uint8), _NONE, [], 0)
_TURN, _SEND = np.uint64(32), 1 << 31
MANY, FLOOD = 256, 32  # packets waiting of all legs, and of one
PACKETS = 8  # that a socket has waiting, about, when its receive is begun anew


class RingWire:
    """Raises `Unavailable` where io_uring is not to be had."""

    name = "io_uring"

    def __init__(self, ports: list[Ports]) -> None:
        self._ports = ports
        legs = len(ports)
        self._ring = uring.Ring(_power(2 * legs + 64), _power(8 * legs + 256))
        self._ring.files([sock.fileno() for each in ports for sock in each[:2]])
        count = min(_power(2 * legs + 64), 32_768)
        self._buffers = uring.Buffers(self._ring, _GROUP, count, _HEAD + _NAME + STRIDE)
        self._names = self._buffers.bytes[:, _HEAD : _HEAD + 8]
        self._packets = self._buffers.bytes[:, _HEAD + _NAME :]
        self._message = np.zeros(7, np.uint64)  # struct msghdr: only the length of the address matters
        self._message[1] = _NAME
        self.outgoing = np.zeros((legs + 1, LONGEST), np.uint8)
        self._expected = np.zeros(legs, np.uint64)  # first eight bytes of a socket address; 0: nobody
        self._known: list[Address | None] = [None] * legs
        self._target: list[Address | None] = [None] * legs
        self._aims = np.zeros((legs, 16), np.uint8)
        self._sends = self._send_entries(legs)
        self._turn = np.zeros(legs, np.uint64)
        self._heard = np.zeros(legs, bool)
        self._armed = [False] * legs  # the kernel receives for this row, be it nobody's
        self._mark = np.zeros(legs, np.int64)
        self._held = _NONE  # buffers that hold the packets of the round before
        self._later = (_NONE, _NONE, _NONE)  # second packets of a leg in one round: rows, buffers, lengths
        self._waiting = (_NONE, np.empty(0, np.uint64))  # sockets whose receive is to be begun anew, and their turns
        self._watched = 0

    @property
    def watched(self) -> int:
        return self._watched

    def watch(self, row: int, *, drain: bool) -> None:
        if self._heard[row]:
            return
        self._heard[row] = True
        self._watched += 1
        if self._armed[row]:
            return
        if drain:
            for sock in self._ports[row][:2]:
                empty(sock)
        self._armed[row] = True
        self._turn[row] += 1
        self._listen(np.array([2 * row, 2 * row + 1]))

    def leave(self, row: int) -> None:
        if not self._heard[row]:
            return
        self._drop(row)
        self._known[row] = self._target[row] = None
        self._expected[row] = 0
        self._aims[row] = 0
        self._heard[row] = False
        self._watched -= 1

    def _disarm(self, row: int) -> None:
        """Has the kernel receive no more on ports that are nobody's, since something came there."""
        self._armed[row] = False
        entries = np.zeros(2, uring.SUBMISSION)
        entries["opcode"] = uring.CANCEL
        entries["fd"] = -1
        entries["addr"] = self._marks(np.array([2 * row, 2 * row + 1]))
        entries["user_data"] = _SEND
        entries["flags"] = uring.SKIP_SUCCESS
        self._ring.submit(entries)
        self._turn[row] += 1

    def expect(self, row: int, source: Address | None) -> None:
        if source != self._known[row]:
            self._drop(row)
        self._known[row] = source
        self._expected[row] = 0 if source is None else _as_number(source)

    def aim(self, row: int, target: Address | None) -> None:
        self._target[row] = target
        self._aims[row, :8] = 0 if target is None else np.frombuffer(_as_bytes(target), np.uint8)

    def round(self) -> Round:
        if len(self._held):
            self._buffers.give_back(self._held)
            self._held = _NONE
        if len(self._waiting[0]):
            self._listen_again()
        found = self._ring.collect()
        if not len(found):
            return self._serve(_NONE, _NONE, _NONE, 0, []) if len(self._later[0]) else _NOTHING
        found = found[found["user_data"] & np.uint64(_SEND) == 0]
        if not len(found):
            return self._serve(_NONE, _NONE, _NONE, 0, [])
        mark = found["user_data"]
        place = (mark & np.uint64(_SEND - 1)).astype(np.int64)
        rows = place >> 1
        flags, lengths = found["flags"], found["res"].astype(np.int64) - _HEAD - _NAME
        held = (flags & uring.HAS_BUFFER) != 0
        current = self._turn[rows] == mark >> _TURN
        idle = current & ~self._heard[rows]
        if idle.any():
            for row in set(rows[idle].tolist()):
                self._disarm(row)
            current &= ~idle
        over = current & (flags & uring.MORE == 0)
        if over.any():
            again, turns = self._waiting
            self._waiting = np.concatenate((again, place[over])), np.concatenate((turns, self._turn[rows[over]]))
        buffers = (flags >> 16).astype(np.int64)
        good = held & current & (lengths >= 0)
        if not good.all():
            self._buffers.give_back(buffers[held & ~good])
            rows, place, lengths, buffers = rows[good], place[good], lengths[good], buffers[good]
        taken = len(rows)
        names = np.ascontiguousarray(self._names[buffers]).view(np.uint64)[:, 0]
        own = (names == self._expected[rows]) & (place & 1 == 0)
        odd: list[Odd] = []
        if not own.all():
            odd = self._odd(rows[~own], place[~own], lengths[~own], buffers[~own])
            rows, lengths, buffers = rows[own], lengths[own], buffers[own]
        return self._serve(rows, buffers, lengths, taken, odd)

    def send(self, rows: Array, lengths: Array) -> int:
        count = len(rows)
        if not count:
            return 0
        entries = self._sends.take(rows)
        filled = entries.view(uring.SUBMISSION)
        filled["addr"] = self._rows[:count]
        filled["len"] = lengths
        return self._ring.submit(entries)

    def send_one(self, row: int, packet: bytes) -> bool:
        address = self._target[row]
        return address is not None and send_to(self._ports[row].rtp, packet, address)

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool:
        return send_to(self._ports[row].rtcp, packet, target)

    # --- inside -------------------------------------------------------------------------------------------------

    def _send_entries(self, legs: int) -> Array:
        """Lays out each leg's send, all but where the packet lies and how long it is."""
        self._rows = self.outgoing.ctypes.data + np.arange(legs + 1, dtype=np.uint64) * LONGEST
        entries = np.zeros(legs, uring.SUBMISSION)
        entries["opcode"] = uring.SEND
        entries["flags"] = uring.FIXED_FILE | uring.SKIP_SUCCESS
        entries["fd"] = 2 * np.arange(legs)
        entries["addr2"] = self._aims.ctypes.data + np.arange(legs, dtype=np.uint64) * 16
        entries["addr_len"] = 16
        entries["msg_flags"] = _DONTWAIT
        entries["user_data"] = _SEND
        return entries.view("V64")

    def _listen(self, places: Array) -> None:
        """Begins the endless receive of these sockets, two of each row."""
        entries = np.zeros(len(places), uring.SUBMISSION)
        entries["opcode"] = uring.RECVMSG
        entries["flags"] = uring.FIXED_FILE | uring.BUFFER_SELECT
        entries["ioprio"] = uring.MULTISHOT
        entries["fd"] = places
        entries["addr"] = self._message.ctypes.data
        entries["buf_group"] = _GROUP
        entries["user_data"] = self._marks(places)
        self._ring.submit(entries)

    def _listen_again(self) -> None:
        """Begins the receives anew that ended, the oldest first, as many as there are buffers for."""
        places, turns = self._waiting
        most = max(16, (self._buffers.count - len(self._later[0])) // PACKETS)
        self._waiting = places[most:], turns[most:]
        places, turns = places[:most], turns[:most]
        self._listen(places[self._turn[places >> 1] == turns])

    def _marks(self, places: Array) -> Array:
        marks: Array = self._turn[places >> 1] << _TURN | places.astype(np.uint64)
        return marks

    def _serve(self, rows: Array, buffers: Array, lengths: Array, taken: int, odd: list[Odd]) -> Round:
        """Hands over one packet of each leg; further ones of the same legs wait for the next round."""
        if len(self._later[0]):
            rows, buffers, lengths = (
                np.concatenate(pair) for pair in zip(self._later, (rows, buffers, lengths), strict=True)
            )
            self._later = (_NONE, _NONE, _NONE)
        if not len(rows):
            return Round(_NONE, _NOTHING.packets, _NONE, odd, taken)
        self._mark[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
        first = self._mark[rows] == np.arange(len(rows))
        if not first.all():
            self._postpone(rows[~first], buffers[~first], lengths[~first])
            rows, buffers, lengths = rows[first], buffers[first], lengths[first]
        self._held = buffers
        widest = max(int(lengths.max()), 12)
        return Round(rows, self._packets[buffers, :widest], lengths, odd, taken, len(self._later[0]) > 0)

    def _postpone(self, rows: Array, buffers: Array, lengths: Array) -> None:
        """Keeps packets for the next round; of a leg that sends like a flood, none, so that it harms nobody else."""
        if len(rows) > MANY:
            flood = np.bincount(rows)[rows] > FLOOD
            self._buffers.give_back(buffers[flood])
            rows, buffers, lengths = rows[~flood], buffers[~flood], lengths[~flood]
        self._later = (rows, buffers, lengths)

    def _drop(self, row: int) -> None:
        """Throws away what waits for the next round of a leg whose own address is another from now on."""
        if len(self._later[0]):
            mine = self._later[0] == row
            self._buffers.give_back(self._later[1][mine])
            self._later = (self._later[0][~mine], self._later[1][~mine], self._later[2][~mine])

    def _odd(self, rows: Array, places: Array, lengths: Array, buffers: Array) -> list[Odd]:
        found = []
        for row, place, length, buffer in zip(
            rows.tolist(), places.tolist(), lengths.tolist(), buffers.tolist(), strict=True
        ):
            source = _address(self._names[buffer].tobytes())
            packet = self._packets[buffer, :length].tobytes()
            found.append(Odd(row, bool(place & 1), source, packet))
        self._buffers.give_back(buffers)
        return found


def _power(count: int) -> int:
    """Returns the least power of two that is not below `count`."""
    return 1 << max(0, count - 1).bit_length()


def _as_bytes(address: Address) -> bytes:
    return socket.AF_INET.to_bytes(2, sys.byteorder) + address[1].to_bytes(2, "big") + socket.inet_aton(address[0])


def _as_number(address: Address) -> int:
    return int.from_bytes(_as_bytes(address), sys.byteorder)


def _address(name: bytes) -> Address:
    return socket.inet_ntoa(name[4:8]), int.from_bytes(name[2:4], "big")
