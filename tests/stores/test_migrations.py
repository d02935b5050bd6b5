"""Last year's file opens: every step works on data, and ends where a new file starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Entry
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.migrations import FOLDER, current, migrate, upgrade
from switchhook.stores.reading import Reader
from switchhook.stores.records import Recorder
from switchhook.stores.schema import HEAD, metadata


def of_version(tmp_path: Path, revision: str) -> Engine:
    engine = connect(f"sqlite:///{tmp_path / 'old.db'}", migrate=False)
    with engine.begin() as connection:
        migrate(connection, "", revision)
    return engine


def test_a_file_of_the_first_version_opens_with_its_calls(tmp_path: Path) -> None:
    old = of_version(tmp_path, "0001")
    assert not inspect(old).has_table("transfer")
    with old.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO entry (at, kind, call, leg, cause, body) VALUES "
            "(5.5, 'LegEnded', 'call-1', 'leg-1', 'BYE', '{\"leg\":\"leg-1\",\"forgotten\":true}')"
        )
        connection.exec_driver_sql(
            "INSERT INTO leg VALUES ('leg-1', 'call-1', '', 'MA', 'inbound', '+4930', '1001', 1.0, 2.0, 5.5, "
            "'completed', 'phone', 0, 16, '')"
        )
    old.dispose()

    engine = connect(f"sqlite:///{tmp_path / 'old.db'}")
    reader = Reader(engine)

    assert reader.call("call-1") == [
        Entry(5.5, "LegEnded", "call-1", "leg-1", {"leg": "leg-1", "forgotten": True}, "BYE")
    ]
    record = reader.leg_record("leg-1")
    assert record is not None
    assert (record.outcome, record.answered_at, record.media, record.room) == ("completed", 2.0, {}, "")
    journal = SqlJournal(engine, projection=Recorder())
    journal.append(Entry(9.0, "TransferEnded", "call-2", "", {"transfer": "t", "room": "r", "outcome": "busy"}))
    journal.close()
    assert [transfer.outcome for transfer in reader.transfers("call-2")] == ["busy"]
    assert reader.since(0)[1][0] == 2
    engine.dispose()


def test_a_call_that_was_written_line_by_line_goes_on_in_sheets(tmp_path: Path) -> None:
    old = of_version(tmp_path, "0002")
    leg, call = "f1bbcdcb-0000-4000-8000-fa53e0af0000", "1715609f-0000-4000-8000-7c746c700000"
    created, connected = (
        {"leg": {**dict.fromkeys(("address", "key"), "a"), "id": leg, "call": call, "account": "MA", "side": "outbound"}
         | {"state": "dialling", "caller": "+4930", "called": "1001", "created_at": 5.5}},
        {"leg": leg, "at": 6.5},
    )  # fmt: skip
    with old.begin() as connection:
        for at, kind, body in ((5.5, "LegCreated", created), (6.5, "LegConnected", connected)):
            values = (at, kind, call, leg, "INVITE", json.dumps(body))
            connection.exec_driver_sql(
                "INSERT INTO entry (at, kind, call, leg, cause, body) VALUES (?, ?, ?, ?, ?, ?)", values
            )
    old.dispose()

    engine = connect(f"sqlite:///{tmp_path / 'old.db'}")
    journal = SqlJournal(engine, projection=Recorder())
    ended = {"leg": leg, "outcome": "busy", "by": "phone", "sip_status": 486}
    journal.append(Entry(9.0, "LegEnded", call, leg, ended, "BYE"))
    journal.close()

    reader = Reader(engine)
    assert [(line.kind, line.leg) for line in reader.call(call)] == [
        ("LegCreated", leg),
        ("LegConnected", leg),
        ("LegEnded", leg),
    ]
    assert reader.leg(leg) == reader.call(call)
    assert reader.find(leg[:6]) == call
    assert (reader.recent(1)[0].entries, reader.recent(1)[0].last_at) == (3, 9.0)
    record = reader.leg_record(leg)
    assert record is not None
    assert (record.call, record.caller, record.answered_at, record.outcome) == (call, "+4930", 6.5, "busy")
    engine.dispose()


@pytest.mark.parametrize("start", ["", "0001", "0002"])
def test_the_steps_end_where_a_new_file_starts(tmp_path: Path, start: str) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'old.db'}", migrate=False)
    with engine.begin() as connection:
        if start:
            migrate(connection, "", start)
        migrate(connection, start, HEAD)
        assert current(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_newest_step_is_the_one_the_schema_names() -> None:
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'new.db'}")
    assert upgrade(engine) == HEAD
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    old = of_version(tmp_path, "0001")
    with old.begin() as connection:
        connection.execute(text("CREATE TABLE transfer (x INTEGER)"))
    old.dispose()
    with pytest.raises(Unavailable, match="transfer already exists"):
        connect(f"sqlite:///{tmp_path / 'old.db'}")

    engine = connect(f"sqlite:///{tmp_path / 'old.db'}", migrate=False)
    with engine.connect() as connection:
        assert current(connection) == "0001"
        assert "room" not in {column["name"] for column in inspect(connection).get_columns("leg")}
    engine.dispose()


def test_a_file_of_a_newer_version_is_refused_in_plain_words(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'new.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()
    with pytest.raises(Unavailable, match="written by a newer Switchhook \\(schema 0999"):
        connect(f"sqlite:///{tmp_path / 'new.db'}")
