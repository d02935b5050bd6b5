"""Rows of recordings in the database (`exchange.archive.Archive`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Row, delete, func, insert, or_, select

from switchhook.core.addresses import address_key
from switchhook.exchange.ports import RecordingFilter, RecordingRow
from switchhook.stores import schema
from switchhook.stores.database import changing, reading

_rows = schema.recording
_NAMES = tuple(each.name for each in fields(RecordingRow))


class SqlArchive:
    """Reads and writes the table `recording`; every method blocks and may raise Unavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: RecordingRow) -> None:
        """Keeps a row; the same id again replaces it."""

        def write(connection: Connection) -> None:
            connection.execute(delete(_rows).where(_rows.c.id == row.id))
            connection.execute(insert(_rows), asdict(row))

        changing(self._engine, write)

    def find(self, recording: str) -> RecordingRow | None:
        """Returns the row of a recording."""
        query = select(_rows).where(_rows.c.id == recording)
        found = reading(self._engine, lambda connection: connection.execute(query).first())
        return None if found is None else _read(found)

    def page(self, wanted: RecordingFilter, *, limit: int, offset: int) -> tuple[list[RecordingRow], int]:
        """Returns a page of rows, the newest first, and how many there are in all."""
        rules = list(_rules(wanted))
        count = select(func.count()).select_from(_rows).where(*rules)
        query = select(_rows).where(*rules).order_by(_rows.c.added_at.desc(), _rows.c.id).limit(limit).offset(offset)

        def read(connection: Connection) -> tuple[list[RecordingRow], int]:
            return [_read(row) for row in connection.execute(query)], connection.execute(count).scalar_one()

        return reading(self._engine, read)

    def unfinished(self) -> list[RecordingRow]:
        """Returns the rows of recordings that are not over."""
        query = select(_rows).where(_rows.c.added_at == 0.0)
        return reading(self._engine, lambda connection: [_read(row) for row in connection.execute(query)])

    def remove(self, recording: str) -> None:
        """Forgets a row; one that is not there is no error."""
        changing(self._engine, lambda connection: connection.execute(delete(_rows).where(_rows.c.id == recording)))


def _rules(wanted: RecordingFilter) -> Iterator[ColumnElement[bool]]:
    yield _rows.c.account.in_(wanted.accounts)
    yield _rows.c.added_at > 0.0
    exact = (
        (_rows.c.leg, wanted.leg), (_rows.c.room, wanted.room),
        (_rows.c.room_name, wanted.room_name), (_rows.c.room_kind, wanted.room_kind),
    )  # fmt: skip
    for column, text in exact:
        if text:
            yield column == text
    for column, text in ((_rows.c.caller, wanted.caller), (_rows.c.called, wanted.called)):
        if text:
            yield _party(column, address_key(text))
    if wanted.added_from is not None:
        yield _rows.c.added_at >= wanted.added_from
    if wanted.added_before is not None:
        yield _rows.c.added_at < wanted.added_before


def _party(column: Column[str], start: str) -> ColumnElement[bool]:
    """A party as it was written: with or without a scheme and a plus."""
    ways = (start, f"+{start}", f"sip:{start}", f"sip:+{start}")
    return or_(*(column.startswith(way, autoescape=True) for way in ways))


def _read(row: Row[Any]) -> RecordingRow:
    return RecordingRow(**{name: getattr(row, name) for name in _NAMES})
