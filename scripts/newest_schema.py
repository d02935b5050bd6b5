"""Writes the statements of src/switchhook/stores/newest.py from the tables of stores.schema, as SQLite makes them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from switchhook.stores import newest
from switchhook.stores.schema import HEAD, metadata

FILE = Path(newest.__file__)
BEGIN = "REVISION = "


def written() -> str:
    """Returns what the file should say."""
    dialect = sqlite.dialect()  # type: ignore[no-untyped-call]
    made = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    made.append("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    texts = "".join(f'    """{_tidy(text)}""",\n' for text in made)
    head, _, _ = FILE.read_text(encoding="utf-8").partition(BEGIN)
    return f'{head}{BEGIN}"{HEAD}"\n\nSTATEMENTS = (\n{texts})\n'


def _tidy(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join(line if line.startswith(("CREATE", ")")) else f"    {line}" for line in lines)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
