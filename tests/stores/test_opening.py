"""A start opens the store without SQLAlchemy; what it finds and makes is what SQLAlchemy would."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Document, Entry, RecordingRow
from switchhook.stores import newest
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.migrations import migrate
from switchhook.stores.opening import Store
from switchhook.stores.schema import HEAD

ROW = RecordingRow("r1", "MA", "c1", "l1", "", "", "", "1", "2", "wav", 1.0, 0.0, 0, 0.0)


def tables(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return {(kind, name, " ".join(sql.split()).replace("( ", "(").replace(" )", ")")) for kind, name, sql in rows}


def of_earlier_version(path: Path, revision: str) -> None:
    engine = connect(f"sqlite:///{path}", migrate=False)
    with engine.begin() as connection:
        migrate(connection, "", revision)
    engine.dispose()


def test_an_empty_file_gets_the_tables_that_sqlalchemy_would_make(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    Store(f"sqlite:///{ours}").close()
    connect(f"sqlite:///{theirs}").dispose()
    assert newest.REVISION == HEAD, "run scripts/newest_schema.py"
    assert tables(ours) == tables(theirs), "run scripts/newest_schema.py"


def test_the_parts_work_and_what_was_written_is_found_at_the_next_opening(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'some.db'}"
    first = Store(url)
    assert first.objects.all() == []
    assert first.archive.unfinished() == []
    made = Document("account", "SA1", "MA", {"name": "x"})
    first.objects.write([made], [])
    first.archive.add(ROW)
    assert first.objects.all() == [made]
    assert first.archive.unfinished() == [ROW]
    journal = SqlJournal(first.engine)
    journal.append(Entry(1.0, "Warning", "c1", "l1", {"text": "t"}, ""))
    journal.close()
    assert [entry.kind for entry in first.records.call("c1")] == ["Warning"]
    first.close()

    second = Store(url)
    assert second.objects.all() == [made]
    second.warm()
    second.objects.write([], [("account", "SA1")])
    assert second.objects.all() == []
    assert second.archive.unfinished() == [ROW]
    assert second.ended_rooms.find("none") is None
    second.close()


def test_a_file_of_an_earlier_version_is_migrated_at_once(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    of_earlier_version(old, "0001")
    store = Store(f"sqlite:///{old}")
    connect(f"sqlite:///{new}").dispose()
    assert {name for _, name, _ in tables(old)} == {name for _, name, _ in tables(new)}
    assert store.objects.all() == []
    store.close()


def test_a_file_of_a_newer_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    Store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="newer Switchhook"):
        Store(f"sqlite:///{path}")


def test_somebody_elses_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE entry (a TEXT)")
    with pytest.raises(Unavailable, match="not Switchhook's"):
        Store(f"sqlite:///{path}")
    assert tables(path) == {("table", "entry", "CREATE TABLE entry (a TEXT)")}


@pytest.mark.parametrize("content", [b"no database at all, and long enough to see it" * 40, None])
def test_what_is_no_database_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "what.db" if content is not None else tmp_path / "nowhere" / "x.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unavailable) as refused:
        Store(f"sqlite:///{path}")
    assert "\n" not in str(refused.value)


def test_a_database_in_memory_is_left_to_sqlalchemy() -> None:
    store = Store("sqlite://")
    assert store.objects.all() == []
    store.close()


@pytest.mark.slow
def test_what_a_start_imports_does_not_have_what_it_need_not_wait_for() -> None:
    late = ("sqlalchemy", "httpx2", "numpy", "prometheus_client", "defusedxml", "alembic")
    program = (
        "import sys, switchhook.commands.serve, switchhook.audio, switchhook.app as app\n"
        "from importlib import import_module\n"
        "[import_module(module) for module, _ in app.DIALECTS]\n"
        f"print([name for name in {late} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[]"
