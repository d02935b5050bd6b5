"""Opens the store of a server that starts, without SQLAlchemy where that can be.

Importing it takes a fifth of the start, and a start asks little: is the file there and current, which objects are to be
taken up, are there recordings to finish. SQLite answers that by itself, and makes an empty file what the newest schema
says (`stores.newest`). Everything else (PostgreSQL, an older file, one that cannot be opened) goes through
`stores.database` at once, which migrates it or says in one line why not. The parts of the store are made when they are
first asked for something; `warm` has them made ahead, after the start.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Document
from switchhook.stores import newest

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from switchhook.exchange.ports import RecordingRow
    from switchhook.stores.archive import SqlArchive
    from switchhook.stores.ended_rooms import SqlEndedRooms
    from switchhook.stores.objects import SqlObjects
    from switchhook.stores.reading import Reader

_FILE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Found:
    """What a start wants to know of a current database."""

    objects: list[Document] | None = None  # what API clients have made; None: it is not known
    unfinished: bool = True  # there are recordings that an earlier process did not finish


class Store:
    """An open database. Its parts may be asked from any thread; `close` must be called."""

    def __init__(self, url: str) -> None:
        """Opens it; raises Unavailable with one line where it cannot be used, or was written by a newer version."""
        self._url = url
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._first = _connected(url)  # stays until the engine has its own: the last one to go tidies the whole file
        found = look(self._first) if self._first is not None else None
        if found is None:
            self._opened()
            found = Found()
        parts = (
            _Later(self._opened),
            _Later(self._reader),
            _Objects(self._sql_objects, found.objects),
            _Archive(self._sql_archive, found.unfinished),
            _Later(self._sql_ended_rooms),
        )
        self._parts: tuple[_Later, ...] = parts
        self.engine = cast("Engine", parts[0])
        self.records = cast("Reader", parts[1])
        self.objects = cast("SqlObjects", parts[2])
        self.archive = cast("SqlArchive", parts[3])
        self.ended_rooms = cast("SqlEndedRooms", parts[4])

    def warm(self) -> None:
        """Makes what was left for later; blocks for a fifth of a second."""
        for part in self._parts:
            part.made()

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        if self._engine is not None:
            self._engine.dispose()
        if self._first is not None:
            self._first.close()
            self._first = None

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                from switchhook.stores.database import connect

                try:
                    self._engine = connect(self._url)
                finally:
                    if self._first is not None:
                        self._first.close()
                        self._first = None
            return self._engine

    def _reader(self) -> Reader:
        from switchhook.stores.reading import Reader

        return Reader(self._opened())

    def _sql_objects(self) -> SqlObjects:
        from switchhook.stores.objects import SqlObjects

        return SqlObjects(self._opened())

    def _sql_archive(self) -> SqlArchive:
        from switchhook.stores.archive import SqlArchive

        return SqlArchive(self._opened())

    def _sql_ended_rooms(self) -> SqlEndedRooms:
        from switchhook.stores.ended_rooms import SqlEndedRooms

        return SqlEndedRooms(self._opened())


class _Later:
    """Stands for a part; made when it is first asked for something."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made(), name)

    def made(self) -> Any:
        """Returns the part itself."""
        found = self.__dict__.get("_part")
        if found is None:
            found = self._part = self._make()
        return found


class _Objects(_Later):
    """Knows from the opening which there are, until the first are written."""

    def __init__(self, make: Callable[[], Any], known: list[Document] | None) -> None:
        super().__init__(make)
        self._known = known

    def all(self) -> list[Document]:
        return self.made().all() if self._known is None else self._known

    def write(self, put: Sequence[Document], remove: Sequence[tuple[str, str]]) -> None:
        self._known = None
        self.made().write(put, remove)


class _Archive(_Later):
    """Knows from the opening whether any is unfinished, until the first is added."""

    def __init__(self, make: Callable[[], Any], some: bool) -> None:
        super().__init__(make)
        self._some = some

    def unfinished(self) -> list[RecordingRow]:
        return self.made().unfinished() if self._some else []

    def add(self, row: RecordingRow) -> None:
        self._some = True
        self.made().add(row)


def _connected(url: str) -> sqlite3.Connection | None:
    """Returns a connection to a plain file of SQLite's; None for everything else, and where it cannot be opened."""
    path = url.removeprefix(_FILE)
    if path == url or not path or any(mark in path for mark in (":memory:", "?", "%")):
        return None
    try:
        return sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    except sqlite3.Error:
        return None  # whoever opens it again says why


def look(connection: sqlite3.Connection) -> Found | None:
    """Returns what a start wants to know, the newest tables made in an empty file; None where it is not so plain."""
    try:
        for pragma in newest.PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        found = _current(connection)
        connection.execute("ROLLBACK" if found is None else "COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return None
    return found


def _current(connection: sqlite3.Connection) -> Found | None:
    """Returns what is found in a current database, made if the file is empty; None for any other."""
    if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall():
        for statement in newest.STATEMENTS:
            connection.execute(statement)
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (newest.REVISION,))
    if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(newest.REVISION,)]:
        return None
    rows = connection.execute("SELECT kind, id, account, body FROM object ORDER BY kind, id").fetchall()
    (unfinished,) = connection.execute("SELECT EXISTS (SELECT 1 FROM recording WHERE added_at = 0.0)").fetchone()
    objects = [Document(kind, name, account, msgspec.json.decode(body)) for kind, name, account, body in rows]
    return Found(objects, bool(unfinished))
