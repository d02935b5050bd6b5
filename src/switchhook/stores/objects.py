"""What API clients made, in the database: one JSON document for each object (`exchange.made.Objects`)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select

from switchhook.exchange.ports import Document
from switchhook.stores import schema
from switchhook.stores.database import changing, reading

_made = schema.made


class SqlObjects:
    """Reads and writes the table `object`; every method blocks and may raise Unavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Document]:
        """Returns every document."""
        query = select(_made).order_by(_made.c.kind, _made.c.id)
        rows = reading(self._engine, lambda connection: connection.execute(query).all())
        return [Document(row.kind, row.id, row.account, msgspec.json.decode(row.body)) for row in rows]

    def write(self, put: Sequence[Document], remove: Sequence[tuple[str, str]]) -> None:
        """Removes what is named by kind and id, then puts documents in place of those of the same name: all or none."""

        def write(connection: Connection) -> None:
            for kind, name in (*remove, *((each.kind, each.id) for each in put)):
                connection.execute(delete(_made).where(_made.c.kind == kind, _made.c.id == name))
            for each in put:
                body = msgspec.json.encode(each.body).decode()
                connection.execute(
                    insert(_made), {"kind": each.kind, "id": each.id, "account": each.account, "body": body}
                )

        changing(self._engine, write)
