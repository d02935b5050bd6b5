"""Opens a database: pragmas, real transactions, and the migration to the newest schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from switchhook.core.errors import Unavailable
from switchhook.stores.migrations import upgrade
from switchhook.stores.newest import PRAGMAS

T = TypeVar("T")


def connect(url: str, *, migrate: bool = True) -> Engine:
    """Returns an engine for `[store] url`, its database migrated unless told otherwise.

    Raises Unavailable with one line: no such folder, not a database, written by a newer version, locked.
    """
    try:
        engine = create_engine(url, connect_args={"timeout": 5.0, "check_same_thread": False})
    except (SQLAlchemyError, ImportError, ValueError) as failed:
        raise Unavailable(f"{url}: {_line(failed)}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune)
        event.listen(engine, "begin", _begin)
    try:
        if migrate:
            upgrade(engine)
    except DBAPIError as failed:
        engine.dispose()
        raise Unavailable(f"{url}: {_line(failed)}") from None
    except Unavailable:
        engine.dispose()
        raise
    return engine


def reading(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Returns what `work` reads; raises Unavailable with one line when the database cannot be read."""
    try:
        with engine.connect() as connection:
            return work(connection)
    except (SQLAlchemyError, sqlite3.Error) as failed:
        raise Unavailable(f"the store cannot be read: {_line(failed)}") from failed


def changing(engine: Engine, work: Callable[[Connection], object]) -> None:
    """Does `work` in one transaction that is on disk when this returns; raises Unavailable, and nothing is changed."""
    try:
        with engine.begin() as connection:
            work(connection)
    except (SQLAlchemyError, sqlite3.Error) as failed:
        raise Unavailable(f"the store cannot be written: {_line(failed)}") from failed


def _tune(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own idea of transactions leaves DDL outside of them
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def widen(connection: Any) -> None:
    """Lets a connection of the driver's keep 16 MB of pages instead of 2: the one that writes all the time needs it."""
    if hasattr(connection, "total_changes"):  # SQLite's
        connection.execute("PRAGMA cache_size = -16000")


def shrink(connection: Any) -> None:
    """Lets a connection of the driver's give back the pages that it keeps."""
    if hasattr(connection, "total_changes"):
        connection.execute("PRAGMA shrink_memory")


def _begin(connection: Any) -> None:
    connection.connection.driver_connection.execute("BEGIN")  # twenty times a second: without SQLAlchemy's part


def _line(failed: Exception) -> str:
    original = getattr(failed, "orig", None) or failed
    return " ".join(str(original).split())
