"""The journal: facts and messages, in order, on disk within 100 ms.

What the event loop hands over costs it a deque append and one comparison; a thread of its own makes lines of it, and
rows of those (`stores.sheets`), and writes them. The thread gathers for 100 ms, then writes one transaction. While
there is traffic it looks again by itself; only after 100 ms without a line does it sleep until the next one rings. A
deque, not a list that is swapped: an append that has fetched the list before the swap would be lost.

A disk that fails (full, locked) does not stop calls: lines wait in memory, as the rows they will be, and are tried
again with longer pauses; `flush` and `close` tell. Only beyond `MAX_WAITING` lines the oldest are dropped, and counted.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any

from switchhook.core.errors import Unavailable
from switchhook.core.facts import Fact
from switchhook.exchange.ports import Entry
from switchhook.stores.sheets import Batch, Given, Records, Sheets, Values

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_log = logging.getLogger(__name__)

GATHER_S = 0.1  # a write costs as much as the lines of several calls, so few of them
TOGETHER = 2000  # steps, messages and other lines in one transaction
CHUNKS = (64, 16, 4, 1)  # rows in one INSERT: few statements, each compiled once
MAX_WAITING = 1_000_000
BEGINNING = 4096  # bytes of a message in which its first line and CSeq are looked for
_PAUSES_S = (0.05, 0.2, 1.0, 5.0)


class SqlJournal:
    """Implements `exchange.ports.FactJournal`. Made inside or outside the event loop; `close` must be called."""

    def __init__(self, engine: Engine, *, projection: Records | None = None) -> None:
        self._engine = engine
        self._records = projection
        self._sheets = Sheets(projection)
        self._given: deque[Given] = deque()
        self._held: deque[Batch] = deque()  # folded, not yet on disk: more than one only while the disk fails
        self._waiters: deque[Future[None]] = deque()
        self._asleep = False  # the thread waits for `_bell`, however long
        self._bell = threading.Event()
        self._closing = False
        self._resting = False
        self._failure = ""
        self.written = 0  # lines on disk since the start
        self.dropped = 0  # lines lost because the disk failed for too long
        self._thread = threading.Thread(target=self._run, name="switchhook-journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many lines are not on disk yet, the facts of one step counted as one."""
        held = self._held
        return len(self._given) + (sum(batch.lines for batch in tuple(held)) if held else 0)

    @property
    def failure(self) -> str:
        """Why the last write failed, or an empty text when it did not."""
        return self._failure

    def append(self, entry: Entry) -> None:
        """Takes a line; it is on disk within a fraction of a second, in order. Never blocks."""
        self._given.append(entry)
        if self._asleep:
            self._ring()

    def facts(self, at: float, facts: Sequence[Fact], cause: str) -> None:
        """Takes what one step made true, at least one fact."""
        self._given.append((at, facts, cause))
        if self._asleep:
            self._ring()

    def message(self, at: float, leg: str, way: str, wire: bytes, peer: str) -> None:
        """Takes a SIP message of a leg."""
        self._given.append((at, leg, way, wire[:BEGINNING], len(wire), peer))
        if self._asleep:
            self._ring()

    def _ring(self) -> None:
        self._asleep = False
        self._bell.set()

    async def flush(self) -> None:
        """Returns when all lines appended so far are on disk; raises Unavailable when the disk refuses them."""
        done: Future[None] = Future()
        self._ask(done)
        await asyncio.wrap_future(done)

    def rest(self) -> None:
        """Gives back the memory that the database keeps for speed; to be called when there is little to write."""
        self._resting = True
        self._bell.set()

    def close(self) -> None:
        """Writes what is left and ends the thread; raises Unavailable when the disk refuses it. Idempotent."""
        if self._thread.is_alive():
            done: Future[None] = Future()
            self._closing = True
            self._ask(done)
            self._thread.join()
            done.result()

    def _ask(self, done: Future[None]) -> None:
        if not self._thread.is_alive():
            raise Unavailable("the journal is closed")
        self._waiters.append(done)
        self._bell.set()

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._sleep()  # connecting loads SQLAlchemy, which no start waits for
        while (connected := self._connected()) is None:
            self._tell(self._asking())
            if self._closing:
                return
            self._pause(_PAUSES_S[-1])
        from switchhook.stores.database import shrink

        failed = 0
        with connected as connection:
            while True:
                if not (self._waiters or self._closing):
                    self._bell.wait(GATHER_S)
                # Cleared before anything is looked at: whoever rings from here on is heard at the next wait.
                self._bell.clear()
                if not self._pending():
                    self._sleep()
                    continue
                waiters = self._asking()
                ok = self._write_all(connection)
                self._tell(waiters)
                if self._resting:
                    self._resting = False
                    shrink(connection.connection.dbapi_connection)
                if self._closing and not self._waiters:
                    return
                failed = 0 if ok else failed + 1
                if not ok:
                    self._pause(_PAUSES_S[min(failed, len(_PAUSES_S)) - 1])

    def _connected(self) -> Connection | None:
        """Returns the connection that writes all; None when the database refuses it, which counts as a failed write."""
        from sqlalchemy.exc import SQLAlchemyError

        from switchhook.stores.database import widen

        try:
            connection = self._engine.connect()
        except (SQLAlchemyError, sqlite3.Error, Unavailable) as failed:
            self._refused(failed)
            return None
        widen(connection.connection.dbapi_connection)
        return connection

    def _asking(self) -> list[Future[None]]:
        return [self._waiters.popleft() for _ in range(len(self._waiters))]

    def _pending(self) -> bool:
        return bool(self._given or self._held or self._waiters or self._closing or self._resting)

    def _sleep(self) -> None:
        self._asleep = True
        # Said first, then looked: whoever came before has been seen, whoever comes after rings.
        if not self._pending():
            self._bell.wait()
        self._asleep = False
        self._bell.clear()

    def _pause(self, seconds: float) -> None:
        """Waits before the next try; a flush or the end cuts it short."""
        end = monotonic() + seconds
        while not self._waiters and not self._closing and (left := end - monotonic()) > 0:
            self._bell.wait(left)
            self._bell.clear()

    def _tell(self, waiters: list[Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.set_running_or_notify_cancel():
                continue
            if self._failure:
                waiter.set_exception(Unavailable(f"the journal cannot be written: {self._failure}"))
            else:
                waiter.set_result(None)

    def _write_all(self, connection: Connection) -> bool:
        from sqlalchemy.exc import SQLAlchemyError

        while self._held or self._given:
            if not self._held:
                self._fold()
            batch = self._held[0]
            try:
                self._write(connection, batch)
            except (SQLAlchemyError, sqlite3.Error) as failed:
                self._refused(failed)
                return False
            self._held.popleft()
            self.written += batch.lines
        if self._failure:
            _log.warning("the journal is written again; lines lost since the start: %d", self.dropped)
        self._failure = ""
        return True

    def _fold(self) -> None:
        given = self._given
        some = [given.popleft() for _ in range(min(len(given), TOGETHER))]
        self._held.append(self._sheets.fold(some))

    def _refused(self, failed: Exception) -> None:
        """Keeps what waits in its small form, and no more than `MAX_WAITING` lines of it."""
        failure = " ".join(str(getattr(failed, "orig", None) or failed).split())
        if not self._failure:
            _log.error("the journal cannot be written: %s; lines wait in memory", failure)
        self._failure = failure
        while self._given:
            self._fold()
        lines = sum(batch.lines for batch in self._held)
        while lines > MAX_WAITING:
            gone = self._held.popleft().lines
            self.dropped += gone
            lines -= gone

    def _write(self, connection: Connection, batch: Batch) -> None:
        with connection.begin():
            if connection.dialect.name == "sqlite":
                self._insert(connection.connection.driver_connection, batch.rows)
            else:
                columns = ("at", "call", "leg", "body")
                rows = [dict(zip(columns, row, strict=True), kind="", cause="") for row in batch.rows]
                from sqlalchemy import insert

                from switchhook.stores.schema import entry

                connection.execute(insert(entry), rows)
            if self._records is not None and batch.records is not None:
                self._records.write(connection, batch.records)

    def _insert(self, driver: Any, rows: list[Values]) -> None:
        """Past SQLAlchemy, which costs more than the writing.

        Many rows in one statement: the driver gives up the interpreter once per statement, not once per row, and the
        event loop's thread does not stop it in between.
        """
        start = 0
        for chunk in CHUNKS:
            while len(rows) - start >= chunk:
                driver.execute(_INSERTS[chunk], tuple(chain.from_iterable(rows[start : start + chunk])))
                start += chunk


_INSERTS = {
    chunk: "INSERT INTO entry (at, kind, call, leg, cause, body) VALUES " + ", ".join(["(?, '', ?, ?, '', ?)"] * chunk)
    for chunk in CHUNKS
}
