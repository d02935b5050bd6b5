"""The pump: one thread that receives, mixes and sends all audio in phases of 5 ms.

Each phase: take at most 1 ms of statements from control, receive all that waits into one array, pass on what is
relayed, send what this quarter of the listeners is owed, then take further statements while there is time. Statements
come first because what waits for the audio is a person: a voice that is switched to is heard with the packet that came
since the last phase, a sound begins in this one. It never blocks on a file, a name, a log or a lock; while no
leg is open it sleeps on the control socket. All its state that matters is in the shared table, so the pump forked
after this one has died goes on with the same streams; a phase that is up to 100 ms late is made up for, later ones
are left out and the timestamps show it.

Rejected: asyncio (its transports cost as much as all the rest), an event per packet (small batches), one burst per 20
ms (delay doubles).
"""

from __future__ import annotations

import gc
import os
import socket
import time
from collections import deque

import numpy as np

from switchhook.core.errors import PeerBroke
from switchhook.media import g711, heap, heirs, jitter, reception
from switchhook.media.desk import Desk
from switchhook.media.inbound import Inbound
from switchhook.media.link import Message, Unframer, frame, frame_encoded
from switchhook.media.outbound import Outbound
from switchhook.media.outbox import Outbox
from switchhook.media.reporter import Reporter
from switchhook.media.statements import Statements
from switchhook.media.table import Table
from switchhook.media.waiting import readable
from switchhook.media.wire_choice import open_wire
from switchhook.media.wires import Ports

PHASE_S, PHASES = 0.005, 4
OVERDUE = 20  # phases (100 ms) that are made up for
STATEMENTS_S, BUSY_S = 0.001, 0.004  # for statements in each phase: so long; and until when, if there is time left
TICKS, LATE_TICKS, MOST_WORK_US, WORK_US, SKIPPED = 5, 6, 7, 8, 9  # places in `counters`


class ControlEnd:
    """The pump's end of the control link; never blocks, holds what the socket does not take."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._conn: socket.socket | None = None
        self._unframer = Unframer()
        self._waiting: deque[Message] = deque()
        self._out = bytearray()
        self._room = memoryview(bytearray(1 << 18))

    @property
    def sockets(self) -> list[socket.socket]:
        return [self._listener] if self._conn is None else [self._listener, self._conn]

    @property
    def connected(self) -> bool:
        return self._conn is not None

    @property
    def busy(self) -> bool:
        """True while messages are waiting in either direction."""
        return bool(self._waiting or self._out)

    def send(self, message: Message) -> None:
        """Sends when it can; without a connection it is forgotten, since control will state all again."""
        if self._conn is not None:
            self._out += frame(message)

    def send_encoded(self, bodies: list[bytes]) -> None:
        """Sends messages that are JSON already."""
        if self._conn is not None and bodies:
            self._out += frame_encoded(bodies)

    def flush(self) -> None:
        if self._conn is None or not self._out:
            return
        try:
            del self._out[: self._conn.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self._close()

    def receive(self) -> deque[Message]:
        """Returns the messages that came, oldest first; those taken out (at the left) are done with, others stay."""
        while self._conn is not None:
            try:
                length = self._conn.recv_into(self._room)
            except BlockingIOError:
                break
            except OSError:
                length = 0
            if not length:
                self._close()
                break
            try:
                self._waiting += self._unframer.feed(self._room[:length])
            except PeerBroke:
                self._close()
                break
        return self._waiting

    def accept(self) -> bool:
        """Takes a new connection of control, if there is one, in the place of the one before; True if there was."""
        try:
            conn, _ = self._listener.accept()
        except OSError:
            return False
        self._close()
        conn.setblocking(False)
        self._conn = conn
        self._unframer = Unframer()
        return True

    def _close(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._conn = None
        self._out.clear()
        self._waiting.clear()


class Pump:
    """Everything the loop works with; `run` returns only when the keeper is gone."""

    def __init__(self, table: Table, ports: list[Ports], listener: socket.socket) -> None:
        self._table = table
        self._wire, self._wire_note = open_wire(ports, table.settings.wire)
        self._link = ControlEnd(listener)
        self._outbox = Outbox(table)
        self._desk = Desk(table, heirs.idle(table, time.monotonic()))
        self._outbound = Outbound(table, self._desk, self._wire, self._outbox)
        self._reporter = Reporter(table, self._wire)
        self._inbound = Inbound(table, self._desk, self._wire, self._outbox, self._outbound, self._reporter)
        self._statements = Statements(
            table, self._desk, self._wire, self._outbox, self._outbound, self._inbound, self._reporter,
            self._link.send,
        )  # fmt: skip
        self._live = self._statements.live
        self._counters = table.counters.data  # plain numbers, twenty times faster than one at a time from the array
        self._told_legs = self._told_packets = 0
        self._warnings: list[str] = []
        if table.settings.wire not in ("auto", self._wire.name):
            note = f"wire = {table.settings.wire} was asked for, but the audio runs on {self._wire.name}"
            self._warnings.append(f"{note}: {self._wire_note}")

    def run(self, keeper: int) -> None:
        """Works until the process `keeper` is no longer our parent."""
        table, zero = self._table, float(self._table.clock_zero[0])
        self._warnings += filter(None, [rank(table.settings.realtime, table.settings.nice)])
        heap.keep_freed()
        g711.encoding()
        self._statements.take_over()
        self._desk.settle()
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)
        number = int((time.monotonic() - zero) / PHASE_S)
        while True:
            now = time.monotonic()
            number += 1
            due = zero + number * PHASE_S
            if now < due:
                time.sleep(due - now)
                now = time.monotonic()
            elif now - due > OVERDUE * PHASE_S:
                late = int((now - due) / PHASE_S) - OVERDUE // 2
                number += late
                due += late * PHASE_S
                table.counters[SKIPPED] += late
            self._phase(number, due, now)
            if (number % 10 == 0 or not self._link.connected) and self._link.accept():
                self._tell_counters()
            if number % 10 == 0 and not self._seldom(number, now, keeper):
                return
            if not len(self._live) and number % PHASES == 0:
                self._rest(number)
                if os.getppid() != keeper:
                    return
                number = int((time.monotonic() - zero) / PHASE_S)

    def _phase(self, number: int, due: float, now: float) -> None:
        counters = self._counters
        # First, so that what came since the phase before is heard by whom it is for now, and sounds begin in this tick.
        self._take_statements(now + STATEMENTS_S, number, due)
        self._inbound.receive(number, now)
        self._outbound.tick(number % PHASES, number // PHASES, due)
        self._control(now, number + 1, due + PHASE_S)
        work = int((time.monotonic() - now) * 1_000_000)
        counters[TICKS] += 1
        counters[WORK_US] += work
        counters[LATE_TICKS] += now - due > PHASE_S
        counters[MOST_WORK_US] = max(counters[MOST_WORK_US], work)

    def _take_statements(self, until: float, number: int, due: float) -> None:
        """Takes statements, none after `until`; what they say is so from phase `number` on, which is due at `due`.

        While legs of a dead pump are still to be taken over, none: they may be about them.
        """
        if self._desk.idle:
            return
        messages = self._link.receive()
        if messages:
            take = self._statements.take
            while messages:
                take(messages.popleft())
                if time.monotonic() > until:
                    break
            self._desk.settle(number, due)

    def _control(self, since: float, number: int, due: float) -> None:
        """Takes further statements while the phase that began at `since` has time left; answers."""
        if self._desk.idle:
            self._statements.catch_up(max(time.monotonic() + STATEMENTS_S, since + BUSY_S))
            self._desk.settle()
        self._take_statements(since + BUSY_S, number, due)
        if self._link.connected:
            for text in self._warnings:
                self._link.send({"say": "warning", "text": text})
            self._warnings.clear()
            self._link.send_encoded(self._outbox.unsent())
            self._link.flush()

    def _seldom(self, number: int, now: float, keeper: int) -> bool:
        """Does what is due every 50 ms or more; False when it is time to stop."""
        self._inbound.listen(now)
        self._reporter.send_due(now)
        if number % 20 == 0:
            self._watch_arrivals(now)
        if number % 1_000 == 0:
            jitter.adapt(self._table, np.flatnonzero(self._table.ring_on))
        if number % 200 == 0:
            jitter.begin(self._table, np.flatnonzero(self._table.ring_on))
            self._tell_counters()
            self._table.counters[MOST_WORK_US] = 0
            return os.getppid() == keeper
        return True

    def _tell_counters(self) -> None:
        self._told_legs, self._told_packets = len(self._live), self._packets()
        self._link.send(
            {"say": "counters", "values": self._table.counters.tolist(), "wire": self._wire.name,
             "wire_note": self._wire_note, "legs": len(self._live),
             "missed": reception.missed(self._table, self._live.rows),
             "jitter_ms": reception.worst_jitter(self._table, self._live.rows, time.monotonic())}
        )  # fmt: skip

    def _packets(self) -> int:
        return sum(self._counters[:TICKS])

    def _watch_arrivals(self, now: float) -> None:
        """Says once when a telephone that should send has been silent for too long, and when it is back."""
        table, limit = self._table, self._table.settings.rtp_timeout_s
        if limit <= 0:
            return
        rows = self._live.rows
        arrival, lost = table.arrival[rows], table.lost[rows] != 0
        overdue = now - np.maximum(arrival, table.waits_since[rows]) > limit
        waits = (table.connected[rows] != 0) & (table.direction[rows] == 0)
        for row in rows[waits & ~lost & overdue].tolist():
            table.lost[row] = 1
            self._outbox.add({"is": "media_lost", "row": row, "use": int(table.use[row])})
        for row in rows[lost & (now - arrival < min(limit, 1.0))].tolist():
            table.lost[row] = 0
            self._outbox.add({"is": "media_back", "row": row, "use": int(table.use[row])})

    def _rest(self, number: int) -> None:
        """Sleeps until control has something to say, at most a second; not while answers are still to be sent."""
        if not len(self._live) and (self._told_legs or self._packets() != self._told_packets):
            self._tell_counters()  # nothing more is told while we sleep, and nobody shall believe in these legs
        now = time.monotonic()
        self._control(now, number, now)
        if not len(self._live) and not self._link.busy:
            readable(self._link.sockets, 1.0)
            now = time.monotonic()
            self._inbound.receive(number, now)  # what came for nobody, before a leg begins there
            if self._link.accept():
                self._tell_counters()
            self._control(now, number, now)


def rank(realtime: bool, nice: int) -> str:
    """Asks for real-time priority, else for a better nice value; returns a warning for people if neither was given."""
    if not realtime:
        return ""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        return ""
    except (OSError, AttributeError):
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        return ""
    except OSError:
        return "the audio runs without real-time priority (CAP_SYS_NICE or LimitRTPRIO): expect jitter under load"
