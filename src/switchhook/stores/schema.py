"""The tables, as SQLAlchemy Core sees them; `migrations/` builds them step by step and a test compares the two.

`entry` is the journal: a row is a sheet of lines (`stores.sheets`), or one line of an earlier version. `leg` and
`transfer` are call records, made from it. `object` is what API clients made beside the configuration file, one JSON
document each; `recording` is one row per recording, `ended_room` one per named room that is over. Times are seconds
since 1970.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

HEAD = "0006"  # the newest revision in migrations/versions

metadata = MetaData()

# SQLite gives out row numbers only to a column declared INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")

entry = Table(
    "entry",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("call", String(64), nullable=False, index=True),
    Column("leg", String(64), nullable=False),
    Column("cause", Text, nullable=False),
    Column("body", Text, nullable=False),
)
_named = entry.c.leg != ""  # most sheets name no leg
_of_legs = Index("ix_entry_leg", entry.c.leg, sqlite_where=_named)

leg = Table(
    "leg",
    metadata,
    Column("leg", String(64), primary_key=True),
    Column("call", String(64), nullable=False),
    Column("parent", String(64), nullable=False),
    Column("account", String(20), nullable=False),
    Column("direction", String(10), nullable=False),
    Column("caller", Text, nullable=False),
    Column("called", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("answered_at", Float),
    Column("ended_at", Float, nullable=False, index=True),
    Column("outcome", String(24), nullable=False),
    Column("ended_by", String(16), nullable=False),
    Column("sip_status", Integer, nullable=False),
    Column("q850", Integer),
    Column("reason", Text, nullable=False),
    Column("room", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("media", Text, nullable=False),
    Column("conference", String(64), nullable=False, server_default=""),
)

transfer = Table(
    "transfer",
    metadata,
    Column("transfer", String(64), primary_key=True),
    Column("call", String(64), nullable=False, index=True),
    Column("account", String(20), nullable=False),
    Column("room", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("target_address", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False, index=True),
    Column("outcome", String(24), nullable=False),
    Column("fallback", String(16), nullable=False),
    Column("cause", Text, nullable=False),
)

made = Table(
    "object",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("account", String(20), nullable=False),
    Column("body", Text, nullable=False),
)

recording = Table(
    "recording",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(20), nullable=False),
    Column("call", String(64), nullable=False),
    Column("leg", String(64), nullable=False, index=True),
    Column("room", String(64), nullable=False),
    Column("room_kind", String(16), nullable=False),
    Column("room_name", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("called", Text, nullable=False),
    Column("format", String(8), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("added_at", Float, nullable=False),
    Index("ix_recording_account", "account", "added_at"),
)

ended_room = Table(
    "ended_room",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("code", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_ended_room_account", "account", "created_at"),
)


def speak_postgresql() -> None:
    """Adds what only PostgreSQL is told; naming it above would import its dialect, 60 ms, where SQLite runs."""
    _of_legs.dialect_options["postgresql"]["where"] = _named
