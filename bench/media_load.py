"""Telephones for measuring the audio: one process that sends and receives the RTP of thousands of legs.

Run by `media_rig`, JSON lines on standard input and output. Each leg sends a 20 ms frame of G.711 at its own phase (one
of twenty), the frames of a millisecond with one `sendmmsg`; what comes back is read with `recvmmsg` and judged as
arrays. Arrival times are the kernel's (SO_TIMESTAMPNS), taken when the packet reached the telephone's socket, so a load
that reads late does not make the server look slow; `late_ms` and `dropped` tell whether the load itself kept up.
Sending times are those of the beginning of a batch, so delays are too long by up to a batch (under 0.5 ms).
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import socket
import struct
import sys
import time
from typing import Any

import numpy as np

Array = Any
SOCKETS, SLOTS, BATCH, ROW = 4, 20, 512, 192
SIZE = 172
SO_TIMESTAMPNS, SO_MEMINFO, MSG_DONTWAIT = 35, 55, 0x40
MMSGHDR = np.dtype(
    {"names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "len"],
     "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
     "offsets": [0, 8, 16, 24, 32, 40, 48, 56], "itemsize": 64}
)  # fmt: skip
IOVEC = np.dtype([("base", "u8"), ("len", "u8")])
_LIBC = ctypes.CDLL(None, use_errno=True)
for _name in ("sendmmsg", "recvmmsg"):
    getattr(_LIBC, _name).argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]


class Headers:
    """Message headers for `count` packets of up to `ROW` bytes, with room for an address and a time each."""

    def __init__(self, count: int) -> None:
        self.data = np.zeros((count, ROW), np.uint8)
        self.names = np.zeros((count, 16), np.uint8)
        self.controls = np.zeros((count, 64), np.uint8)
        self.iov = np.zeros(count, IOVEC)
        self.heads = np.zeros(count, MMSGHDR)
        step = np.arange(count, dtype=np.uint64)
        self.iov["base"] = self.data.ctypes.data + step * ROW
        self.iov["len"] = ROW
        self.heads["name"] = self.names.ctypes.data + step * 16
        self.heads["namelen"] = 16
        self.heads["iov"] = self.iov.ctypes.data + step * 16
        self.heads["iovlen"] = 1
        self.address = self.heads.ctypes.data

    def receives(self) -> None:
        self.heads["control"] = self.controls.ctypes.data + np.arange(len(self.heads), dtype=np.uint64) * 64
        self.heads["controllen"] = 64


class Load:
    """All telephones. Rows are in the order of their slots, so that a slot is one piece of every array."""

    def __init__(self, legs: int, seed: int) -> None:
        self.socks = [_open() for _ in range(SOCKETS)]
        slots = np.array(random.Random(seed).choices(range(SLOTS), k=legs))
        self.order = np.argsort(slots, kind="stable")  # row -> leg
        self.row_of = np.argsort(self.order)
        self.slot_of = slots
        self.edges = np.searchsorted(slots[self.order], np.arange(SLOTS + 1)).tolist()
        self.out, self.back = Headers(legs), Headers(BATCH)
        self.back.receives()
        self.leg_of_port = np.full(65_536, -1, np.int32)
        self.kept: list[tuple[Array, ...]] = []

    def ports(self) -> list[int]:
        """Returns the port that each leg's telephone sends from and listens on."""
        ports = [sock.getsockname()[1] for sock in self.socks]
        return [ports[slot % SOCKETS] for slot in self.slot_of.tolist()]

    def aim(self, targets: list[int], codes: list[int]) -> None:
        """Takes the server's port and the G.711 code of each leg's voice."""
        out, rows = self.out, self.row_of
        for leg, port in enumerate(targets):
            self.leg_of_port[port] = leg
        out.iov["len"] = SIZE
        name = np.frombuffer(socket.AF_INET.to_bytes(2, sys.byteorder) + b"\0\0\x7f\0\0\x01" + bytes(8), np.uint8)
        out.names[:] = name
        out.names[rows, 2:4] = np.array(targets, ">u2")[:, None].view(np.uint8)
        out.data[:, 0] = 0x80
        out.data[rows, 8:12] = np.arange(1, len(rows) + 1, dtype=">u4")[:, None].view(np.uint8)
        out.data[rows, 12:SIZE] = np.array(codes, np.uint8)[:, None]

    def send(self, ms: int, *, stamped: bool) -> int:
        """Sends what is due in this millisecond; returns how many packets the kernel took."""
        slot, number = ms % SLOTS, ms // SLOTS
        first, last = self.edges[slot], self.edges[slot + 1]
        if first == last:
            return 0
        data = self.out.data
        data[first:last, 2:4] = np.frombuffer((number & 0xFFFF).to_bytes(2, "big"), np.uint8)
        data[first:last, 4:8] = np.frombuffer((number * 160 & 0xFFFFFFFF).to_bytes(4, "big"), np.uint8)
        if stamped:
            data[first:last, 12:20] = np.frombuffer(time.time_ns().to_bytes(8, sys.byteorder), np.uint8)
        sock, done = self.socks[slot % SOCKETS].fileno(), 0
        while first < last:
            taken = _LIBC.sendmmsg(sock, self.out.address + 64 * first, last - first, 0, None)
            if taken <= 0:
                break
            first, done = first + taken, done + taken
        return done

    def receive(self) -> None:
        """Takes what has come on all sockets and keeps its columns."""
        back = self.back
        for sock in self.socks:
            while True:
                count = _LIBC.recvmmsg(sock.fileno(), back.address, BATCH, MSG_DONTWAIT, None)
                if count <= 0:
                    break
                data, ports = back.data[:count], back.names[:count, 2:4]
                times = back.controls[:count, 16:32].copy().view(np.int64)
                self.kept.append((
                    self.leg_of_port[ports.copy().view(">u2")[:, 0]], times[:, 0] * 1_000_000_000 + times[:, 1],
                    data[:, 2:4].copy().view(">u2")[:, 0].astype(np.int32),
                    data[:, 4:8].copy().view(">u4")[:, 0].astype(np.int64),
                    data[:, 12:20].copy().view(np.int64)[:, 0], data[:, (30, 90, 93, 171)],
                    back.heads["len"][:count].copy(), data[:, 1].copy(),
                ))  # fmt: skip
                back.heads["namelen"][:count] = 16
                back.heads["controllen"][:count] = 64
                if count < BATCH:
                    break

    def columns(self) -> tuple[Array, ...]:
        """Returns everything received so far, in the order it was read."""
        kept = self.kept or [tuple(np.zeros((0, 4) if n == 5 else 0, np.int64) for n in range(8))]
        return tuple(np.concatenate(column) for column in zip(*kept, strict=True))


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    for option in (getattr(socket, "SO_RCVBUFFORCE", 33), socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
            break
        except OSError:
            continue
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    return sock


def judge(load: Load, found: tuple[Array, ...], since_ns: int, expected: list[int], *, stamped: bool) -> dict[str, Any]:
    """Returns what the telephones heard after `since_ns`: loss, breaks, wrong audio, delays, gaps, lateness."""
    leg, at, seq, ts, stamp, codes, _, second = found
    good = (leg >= 0) & (at >= since_ns) & (second & 0x7F == 0)
    order = np.lexsort((at, leg))
    order = order[good[order]]
    leg, at, seq, ts, stamp, codes = leg[order], at[order], seq[order], ts[order], stamp[order], codes[order]
    if not len(leg):
        return {"received": 0, "breaks": 0, "wrong": 0, "legs_heard": 0}
    same = leg[1:] == leg[:-1]
    steps = (seq[1:] - seq[:-1])[same] & 0xFFFF
    gaps = (at[1:] - at[:-1])[same] / 1e6
    missing = int((steps[(steps > 1) & (steps < 1000)] - 1).sum())
    wanted = np.array(expected, np.int32)[leg]
    wrong = (wanted >= 0) & (codes != wanted[:, None]).any(axis=1)
    # Lateness: against the best packet of the same stream, by the stream's own timestamps.
    own = at / 1e6 - ts / 8
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    late = own - np.repeat(np.minimum.reduceat(own, starts), np.diff(np.append(starts, len(own))))
    made = {
        "received": len(leg), "legs_heard": len(starts), "breaks": int((steps != 1).sum()), "missing": missing,
        "wrong": int(wrong.sum()), "gap": spread(gaps), "late": spread(late),
    }  # fmt: skip
    if stamped:
        relayed = ~wrong & (stamp > 1_000_000_000_000_000_000) & (stamp < 4_000_000_000_000_000_000)
        made["delay"] = spread((at - stamp)[relayed] / 1e6)
    return made


def spread(values: Array) -> list[float]:
    """Returns p50, p99, p99.9 and the most."""
    if not len(values):
        return []
    points = [*np.percentile(values, [50, 99, 99.9]).tolist(), float(values.max())]
    return [round(float(point), 2) for point in points]


def run(load: Load, wanted: dict[str, Any]) -> dict[str, Any]:
    """Plays one measurement: settles, then counts for `seconds`; returns what was heard."""
    stamped = bool(wanted["stamped"])
    start = time.monotonic()
    settle_ms, total = int(wanted["settle"] * 1000), int((wanted["settle"] + wanted["seconds"]) * 1000)
    sent, late = 0, np.zeros(total)
    since_ns, used = 0, 0.0
    for ms in range(total):
        due = start + ms / 1000
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
            now = time.monotonic()
        late[ms] = now - due
        if ms == settle_ms:
            since_ns, used = time.time_ns(), time.process_time()
        count = load.send(ms, stamped=stamped)
        sent += count if ms >= settle_ms else 0
        if ms % 2:
            load.receive()
    used = (time.process_time() - used) / wanted["seconds"]
    until_ns = time.time_ns()
    time.sleep(0.1)
    load.receive()
    found = load.columns()
    inside = found[1] <= until_ns
    judged = judge(load, tuple(column[inside] for column in found), since_ns, wanted["expected"], stamped=stamped)
    dropped = sum(drops(sock) for sock in load.socks)
    if wanted.get("keep"):
        np.savez(wanted["keep"], leg=found[0], at=found[1], seq=found[2], ts=found[3], codes=found[5], second=found[7])
    return {**judged, "sent": sent, "late_ms": spread(late[settle_ms:] * 1000), "dropped": dropped, "cpu": used}


def drops(sock: socket.socket) -> int:
    """Returns how many packets the kernel dropped because this socket was full.

    Asked of the socket itself: `/proc/net/udp` says it, too, but to read it where a server has ten thousand sockets
    takes 30 ms, in which no voice is sent.
    """
    return int(struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[8])


def main() -> None:
    """Runs one measurement for `media_rig`."""
    try:  # nobody else's work may make the telephones late
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    except OSError:
        pass
    first = json.loads(sys.stdin.readline())
    load = Load(first["legs"], first["seed"])
    print(json.dumps({"ports": load.ports()}), flush=True)
    wanted = json.loads(sys.stdin.readline())
    load.aim(wanted["targets"], wanted["codes"])
    gc.collect()
    gc.freeze()
    gc.disable()  # a look at everything held stops all telephones for 30 ms, and the server is blamed for it
    print(json.dumps(run(load, wanted)), flush=True)


if __name__ == "__main__":
    main()
