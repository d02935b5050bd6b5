"""Rooms that are over, in the database (`exchange.ended_rooms.EndedRooms`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select

from switchhook.exchange.ports import EndedRoom, EndedRoomFilter
from switchhook.stores import schema
from switchhook.stores.database import changing, reading

_rows = schema.ended_room


class SqlEndedRooms:
    """Reads and writes the table `ended_room`; every method blocks and may raise Unavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, room: EndedRoom) -> None:
        """Keeps a room; the same id again replaces it."""
        row = {
            "id": room.id, "account": room.account, "name": room.name, "created_at": room.created_at,
            "ended_at": room.ended_at, "code": room.code, "body": msgspec.json.encode(room.body).decode(),
        }  # fmt: skip

        def write(connection: Connection) -> None:
            connection.execute(delete(_rows).where(_rows.c.id == room.id))
            connection.execute(insert(_rows), row)

        changing(self._engine, write)

    def find(self, room: str) -> EndedRoom | None:
        """Returns a room by its id."""
        query = select(_rows).where(_rows.c.id == room)
        found = reading(self._engine, lambda connection: connection.execute(query).first())
        return None if found is None else _read(found)

    def newest(self, wanted: EndedRoomFilter, most: int) -> tuple[list[EndedRoom], int]:
        """Returns those that were created last, the newest first, `most` at the most, and how many there are in all."""
        rules = list(_rules(wanted))
        count = select(func.count()).select_from(_rows).where(*rules)
        query = select(_rows).where(*rules).order_by(_rows.c.created_at.desc(), _rows.c.id).limit(most)

        def read(connection: Connection) -> tuple[list[EndedRoom], int]:
            return [_read(row) for row in connection.execute(query)], connection.execute(count).scalar_one()

        return reading(self._engine, read)


def _rules(wanted: EndedRoomFilter) -> Iterator[ColumnElement[bool]]:
    yield _rows.c.account.in_(wanted.accounts)
    if wanted.name:
        yield _rows.c.name == wanted.name
    if wanted.code is not None:
        yield _rows.c.code == wanted.code
    for column, first, before in (
        (_rows.c.created_at, wanted.created_from, wanted.created_before),
        (_rows.c.ended_at, wanted.ended_from, wanted.ended_before),
    ):
        if first is not None:
            yield column >= first
        if before is not None:
            yield column < before


def _read(row: Row[Any]) -> EndedRoom:
    body = msgspec.json.decode(row.body)
    return EndedRoom(row.id, row.account, row.name, row.created_at, row.ended_at, row.code, body)
