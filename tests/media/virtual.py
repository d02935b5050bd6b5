"""The pump's parts on virtual time, with a wire that is a list: what each listener gets can be judged."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np

from switchhook.media import g711, heirs, jitter, rtp, statements
from switchhook.media.desk import Desk
from switchhook.media.inbound import BUGS, Inbound
from switchhook.media.outbound import Outbound
from switchhook.media.outbox import Outbox
from switchhook.media.reporter import Reporter
from switchhook.media.rtp import Array
from switchhook.media.settings import MediaSettings
from switchhook.media.statements import Statements
from switchhook.media.table import Table
from switchhook.media.wires import LONGEST, STRIDE, Address, Odd, Round

PHASE_S, ZERO = 0.005, 100.0
STEP = 500  # leg n says STEP * 2**n all the time, so that a sum tells who is in it


class ListWire:
    """`wires.Wire` whose packets come out of a queue and go into lists."""

    name = "list"

    def __init__(self, legs: int, sent: dict[int, list[tuple[float, rtp.Packet]]]) -> None:
        self.outgoing = np.zeros((legs + 1, LONGEST), np.uint8)
        self.queue: list[tuple[int, Address, bytes]] = []
        self.sent, self.now = sent, ZERO
        self.expected: dict[int, Address | None] = {}
        self.live: set[int] = set()
        self.reports: list[bytes] = []

    @property
    def watched(self) -> int:
        return len(self.live)

    def watch(self, row: int, *, drain: bool) -> None:
        self.live.add(row)
        if drain:
            self.queue = [each for each in self.queue if each[0] != row]

    def leave(self, row: int) -> None:
        self.live.discard(row)
        self.expected[row] = None

    def expect(self, row: int, source: Address | None) -> None:
        self.expected[row] = source

    def aim(self, row: int, target: Address | None) -> None:
        """Everything sent is kept by row, wherever it goes."""

    def round(self) -> Round:
        rows: list[int] = []
        packets: list[bytes] = []
        odd: list[Odd] = []
        later = []
        unwatched = [each for each in self.queue if each[0] not in self.live]  # waits in the kernel
        for each in self.queue:
            row, source, packet = each
            if row not in self.live:
                continue
            if row in rows or any(one.row == row for one in odd):
                later.append(each)
            elif source == self.expected.get(row):
                rows.append(row)
                packets.append(packet)
            else:
                odd.append(Odd(row, False, source, packet))
        self.queue = later + unwatched
        columns = np.zeros((len(rows), STRIDE), np.uint8)
        for line, packet in zip(columns, packets, strict=True):
            line[: len(packet)] = np.frombuffer(packet, np.uint8)
        lengths = np.array([len(packet) for packet in packets], np.int64)
        return Round(np.array(rows, np.int64), columns, lengths, odd, len(rows) + len(odd), bool(later))

    def send(self, rows: Array, lengths: Array) -> int:
        for n, row in enumerate(rows.tolist()):
            self._keep(row, self.outgoing[n, : lengths[n]].tobytes())
        return len(rows)

    def send_one(self, row: int, packet: bytes) -> bool:
        self._keep(row, packet)
        return True

    def send_rtcp(self, row: int, packet: bytes, target: Address) -> bool:
        self.reports.append(packet)
        return True

    def _keep(self, row: int, packet: bytes) -> None:
        parsed = rtp.parse(packet)
        assert parsed is not None
        if not rtp.looks_like_rtcp(packet):
            self.sent.setdefault(row, []).append((self.now, parsed))


class Stage:
    """Legs 0 to n-1, connected and stated; `phase` lets 5 ms pass, `kill` gives the table to new objects."""

    def __init__(self, table: Table, legs: int, *, codecs: list[int] | None = None) -> None:
        table.clear()
        table.event_numbers[:] = 0
        table.counters[BUGS] = 0
        self.table, self.legs = table, legs
        self.number, self.version = 0, 0
        self.sent: dict[int, list[tuple[float, rtp.Packet]]] = {}
        self.answers: list[object] = []
        self.uses = [row + 1 for row in range(legs)]
        self._make()
        for row in range(legs):
            codec = codecs[row] if codecs else 0
            self.leg(row, version=1, codec=codec, payload=8 * codec)
        self.desk.settle()

    @property
    def now(self) -> float:
        return ZERO + self.number * PHASE_S

    def address(self, row: int) -> Address:
        return ("10.0.0.1", 4000 + 2 * row)

    def take(self, message: dict[str, object]) -> None:
        while self.desk.idle:  # as the pump: statements may be about them
            self.catch_up()
        with patch.object(statements, "time", SimpleNamespace(monotonic=lambda: self.now)):
            self._statements.take(message)
        assert self.answers == []

    def leg(self, row: int, **session: object) -> None:
        """States a leg, or another session of it."""
        self.version += 1
        self.take({
            "say": "leg", "row": row, "use": self.uses[row], "version": self.version,
            "remote": list(self.address(row)), "codec": 0, "payload": 0, "digits": 101, "noise": None, "direction": 0,
            "frame_ms": 20, "mux": False, "rtcp_port": 0, "latching": 0, "signalling": "10.0.0.1", **session,
        })  # fmt: skip

    def hear(self, wanted: dict[int, list[int]], sounds: dict[int, int] | None = None) -> None:
        """States voices and a sound for some listeners, as one batch."""
        self.version += 1
        played = {row: [play] for row, play in (sounds or {}).items()}
        batch = [
            [row, self.uses[row], self.version, [[v, self.uses[v]] for v in wanted.get(row, [])], played.get(row, [])]
            for row in {**wanted, **played}
        ]
        self.take({"say": "hear", "batch": batch})
        self.desk.settle(self.number + 1, self.now + PHASE_S)

    def arrive(self, row: int, packet: rtp.Packet, source: Address | None = None) -> None:
        self.wire.queue.append((row, source or self.address(row), rtp.build(packet)))

    def phase(self) -> None:
        self.number += 1
        self.wire.now = self.now
        self.inbound.receive(self.number, self.now)
        assert self.table.counters[BUGS] == 0
        self.outbound.tick(self.number % 4, self.number // 4, self.now)
        if self.desk.idle:
            self.catch_up()

    def catch_up(self) -> None:
        """Takes one more leg over from the pump before."""
        with patch.object(statements, "time", SimpleNamespace(monotonic=lambda: self.now)):
            self._statements.catch_up(0.0)
        self.desk.settle()

    def kill(self) -> None:
        """A new pump on the same table: nothing else survives. Of the legs that can wait it takes one in each phase."""
        waiting = self.wire.queue  # in the kernel
        self._make()
        self.wire.queue = waiting
        with patch.object(statements, "time", SimpleNamespace(monotonic=lambda: self.now)):
            self._statements.take_over()
        self.desk.settle()

    def _make(self) -> None:
        table = self.table
        self.wire = ListWire(table.legs, self.sent)
        self.outbox, self.desk = Outbox(table), Desk(table, heirs.idle(table, self.now))
        self.outbound = Outbound(table, self.desk, self.wire, self.outbox)
        reporter = self.reporter = Reporter(table, self.wire)
        self.inbound = Inbound(table, self.desk, self.wire, self.outbox, self.outbound, reporter)
        self._statements = Statements(
            table, self.desk, self.wire, self.outbox, self.outbound, self.inbound, reporter, self.answers.append
        )


def small_table(legs: int) -> Table:
    return Table(MediaSettings(max_legs=legs, clip_memory_mb=1, max_recordings=2, max_clips=8))


def taken(table: Table, rows: Array, tick: int) -> Array:
    """Returns what these talkers say in this tick, as the pump has it mixed."""
    jitter.complete(table, rows, tick)
    return jitter.said(table, tick)[rows]


def voice(row: int, law: int = g711.ULAW) -> bytes:
    """Returns a frame of what a leg says all the time."""
    return g711.encode(np.full(160, STEP << row, np.int16), law).tobytes()


def who(packet: rtp.Packet) -> set[int] | None:
    """Returns whose voices are in a packet; None for one that is not the same all along (noise, or a seam)."""
    samples = g711.decode(np.frombuffer(packet.payload, np.uint8), packet.payload_type // 8)
    if np.ptp(samples) > 0:
        return None
    bits = round(int(samples[0]) / STEP)
    return {row for row in range(8) if bits >> row & 1}
