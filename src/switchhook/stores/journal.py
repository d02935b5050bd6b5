"""The journal: facts and messages, in order, on disk within 50 ms.

`append` is called inside the event loop for every fact, so it is a deque append and two comparisons; a thread of its
own does JSON and SQL. The thread sleeps until the first line comes, gathers for 50 ms or 500 lines, and writes one
transaction. A deque, not a list that is swapped: an append that has fetched the list before the swap would be lost.

A disk that fails (full, locked) does not stop calls: lines wait in memory and are tried again with longer pauses;
`flush` and `close` tell. Only beyond `MAX_WAITING` lines the oldest are dropped, and counted.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import chain
from time import monotonic
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import SQLAlchemyError

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Entry
from switchhook.stores import schema
from switchhook.stores.database import shrink, widen

_log = logging.getLogger(__name__)

GATHER_S = 0.05
GATHER_LINES = 500
BATCH_LINES = 2000
ROWS = 100  # in one INSERT; SQLite takes 32,766 values
MAX_WAITING = 1_000_000
_PAUSES_S = (0.05, 0.2, 1.0, 5.0)

Projection = Callable[[Connection, Sequence[Entry]], None]  # writes records in the same transaction as their facts


class SqlJournal:
    """Implements `exchange.ports.Journal`. Made inside or outside the event loop; `close` must be called."""

    def __init__(self, engine: Engine, *, projection: Projection | None = None) -> None:
        self._engine = engine
        self._projection = projection
        self._lines: deque[Entry] = deque()
        self._waiters: deque[Future[None]] = deque()
        self._awake = False
        self._wake = threading.Event()  # there is something to do
        self._urgent = threading.Event()  # do it now
        self._closing = False
        self._resting = False
        self._failure = ""
        self._writing = 0  # lines of the batch that is on its way to the disk
        self.written = 0  # lines on disk since the start
        self.dropped = 0  # lines lost because the disk failed for too long
        self._insert, self._more, self._positional = _statement(engine)
        self._thread = threading.Thread(target=self._run, name="switchhook-journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many lines are not on disk yet."""
        return len(self._lines) + self._writing

    @property
    def failure(self) -> str:
        """Why the last write failed, or an empty text when it did not."""
        return self._failure

    def append(self, entry: Entry) -> None:
        """Takes a line; it is on disk within a fraction of a second, in order. Never blocks."""
        lines = self._lines
        lines.append(entry)
        if not self._awake:
            self._awake = True
            self._wake.set()
        elif len(lines) == GATHER_LINES:
            self._urgent.set()

    async def flush(self) -> None:
        """Returns when all lines appended so far are on disk; raises Unavailable when the disk refuses them."""
        done: Future[None] = Future()
        self._ask(done)
        await asyncio.wrap_future(done)

    def rest(self) -> None:
        """Gives back the memory that the database keeps for speed; to be called when there is little to write."""
        self._resting = True
        self._wake.set()

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
        self._awake = True
        self._urgent.set()
        self._wake.set()

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        failed = 0
        with self._engine.connect() as connection:
            widen(connection.connection.dbapi_connection)
            while True:
                self._wake.wait()
                if not self._closing:
                    self._urgent.wait(GATHER_S)
                # Cleared before the lines are looked at: whoever appends from here on wakes us again.
                self._wake.clear()
                self._urgent.clear()
                self._awake = False
                waiters = [self._waiters.popleft() for _ in range(len(self._waiters))]
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

    def _pause(self, seconds: float) -> None:
        """Waits before the next try; a flush or the end cuts it short."""
        end = monotonic() + seconds
        while not self._waiters and not self._closing and (left := end - monotonic()) > 0:
            self._urgent.wait(left)
            self._urgent.clear()
        self._awake = True
        self._wake.set()

    def _tell(self, waiters: list[Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.set_running_or_notify_cancel():
                continue
            if self._failure:
                waiter.set_exception(Unavailable(f"the journal cannot be written: {self._failure}"))
            else:
                waiter.set_result(None)

    def _write_all(self, connection: Connection) -> bool:
        while self._lines:
            batch = [self._lines.popleft() for _ in range(min(len(self._lines), BATCH_LINES))]
            self._writing = len(batch)
            try:
                self._write(connection, batch)
            except SQLAlchemyError as failed:
                failure = " ".join(str(getattr(failed, "orig", None) or failed).split())
                if not self._failure:
                    _log.error("the journal cannot be written: %s; lines wait in memory", failure)
                self._failure = failure
                self._lines.extendleft(reversed(batch))
                while len(self._lines) > MAX_WAITING:
                    self._lines.popleft()
                    self.dropped += 1
                return False
            finally:
                self._writing = 0
            self.written += len(batch)
        if self._failure:
            _log.warning("the journal is written again; lines lost since the start: %d", self.dropped)
        self._failure = ""
        return True

    def _write(self, connection: Connection, batch: list[Entry]) -> None:
        with connection.begin():
            rows = [(e.at, e.kind, e.call, e.leg, e.cause, body_text(e.body)) for e in batch]
            if self._positional:
                # Many rows in one statement: the driver gives up the interpreter once per statement, not once per
                # row, and the event loop's thread does not stop it in between.
                for start in range(0, len(rows), ROWS):
                    some = rows[start : start + ROWS]
                    values = tuple(chain.from_iterable(some))
                    connection.exec_driver_sql(self._insert + self._more * (len(some) - 1), values)
            else:
                connection.execute(insert(schema.entry), [dict(zip(_COLUMNS, row, strict=True)) for row in rows])
            if self._projection is not None:
                self._project(self._projection, connection, batch)

    def _project(self, projection: Projection, connection: Connection, batch: list[Entry]) -> None:
        """A record that cannot be made is logged; the facts it should be made of are more important."""
        try:
            with connection.begin_nested():
                projection(connection, batch)
        except SQLAlchemyError:
            raise
        except Exception:
            _log.exception("call records could not be made")


_COLUMNS = ("at", "kind", "call", "leg", "cause", "body")
_encoder = msgspec.json.Encoder(enc_hook=str)


def _statement(engine: Engine) -> tuple[str, str, bool]:
    """Compiles the insert once, and what is added for each further row, where a driver takes question marks."""
    compiled: Any = insert(schema.entry).compile(dialect=engine.dialect, column_keys=list(_COLUMNS))
    marks = f"({', '.join('?' * len(_COLUMNS))})"
    positional = list(compiled.positiontup or ()) == list(_COLUMNS) and str(compiled).endswith(marks)
    return str(compiled), f", {marks}", positional


def body_text(body: dict[str, object]) -> str:
    """Returns a body as JSON; what JSON cannot hold is kept as text rather than lost."""
    try:
        return _encoder.encode(body).decode()
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return _encoder.encode({"unwritable": ascii(body)[:4000]}).decode()
