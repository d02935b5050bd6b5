"""The journal keeps every line in order, and says so when the disk does not."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from switchhook.core import facts
from switchhook.core.errors import Unavailable
from switchhook.core.ids import LegId, SoundId
from switchhook.core.model import By
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound
from switchhook.exchange.ports import Entry
from switchhook.stores import schema
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.reading import Reader
from switchhook.stores.sheets import Read


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'journal.db'}")
    yield engine
    engine.dispose()


class Seen:
    """Records that only see when lines are written, and can hold them up."""

    readers: Mapping[type, Read] = {}

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def counted(self, leg: str, figures: dict[str, Any]) -> None:
        """No leg is asked about."""

    def complete(self) -> object:
        return self

    def write(self, _connection: Connection, _complete: object) -> None:
        self.begun.set()
        self.go_on.wait(10)


def line(number: int, call: str = "c", **body: object) -> Entry:
    return Entry(1000.0 + number, "Noted", call, f"leg{number % 3}", {"number": number, **body}, f"api-{number}")


@pytest.mark.anyio
async def test_a_flush_returns_when_the_lines_are_on_disk(engine: Engine) -> None:
    journal = SqlJournal(engine)
    for number in range(10):
        journal.append(line(number))

    await journal.flush()

    assert Reader(engine).call("c") == [line(number) for number in range(10)]
    assert journal.written == 10
    assert journal.waiting == 0
    journal.close()


def test_lines_reach_the_disk_without_being_asked_for(engine: Engine) -> None:
    seen = Seen()
    journal = SqlJournal(engine, projection=seen)
    journal.append(line(1))
    assert seen.begun.wait(10)
    journal.close()


def test_closing_loses_nothing_and_keeps_the_order_of_many_threads(engine: Engine) -> None:
    journal = SqlJournal(engine)

    def write(call: str) -> None:
        for number in range(700):
            journal.append(line(number, call))

    threads = [threading.Thread(target=write, args=(f"call{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    journal.close()

    for n in range(4):
        numbers = [entry.body["number"] for entry in Reader(engine).call(f"call{n}")]
        assert numbers == list(range(700))


@pytest.mark.anyio
async def test_a_closed_journal_says_so(engine: Engine) -> None:
    journal = SqlJournal(engine)
    journal.close()
    with pytest.raises(Unavailable, match="closed"):
        await journal.flush()


@pytest.mark.anyio
async def test_a_disk_that_refuses_keeps_the_lines_and_tells_whoever_waits(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    journal = SqlJournal(engine)
    journal.append(line(0))
    await journal.flush()
    with engine.begin() as other:
        other.exec_driver_sql("ALTER TABLE entry RENAME TO gone")
    journal.append(line(1))
    with pytest.raises(Unavailable, match="cannot be written: no such table: entry"):
        await journal.flush()
    assert journal.waiting == 1
    assert "no such table" in journal.failure

    with engine.begin() as other:
        other.exec_driver_sql("ALTER TABLE gone RENAME TO entry")
    await journal.flush()

    assert journal.failure == ""
    assert [entry.body["number"] for entry in Reader(engine).call("c")] == [0, 1]
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "the journal cannot be written: no such table: entry; lines wait in memory",
        "the journal is written again; lines lost since the start: 0",
    ]
    journal.close()


def test_lines_on_their_way_to_the_disk_are_still_waiting(engine: Engine) -> None:
    seen = Seen()
    seen.go_on.clear()
    journal = SqlJournal(engine, projection=seen)
    journal.append(line(0))
    assert seen.begun.wait(10)
    assert journal.waiting == 1
    seen.go_on.set()
    journal.close()
    assert journal.waiting == 0


@pytest.mark.anyio
async def test_a_projection_that_fails_does_not_cost_the_facts(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Seen):
        readers = {facts.LegEnded: lambda *_: {}["leg"]}

    journal = SqlJournal(engine, projection=Broken())
    journal.facts(1.0, [facts.LegEnded(LegId("a"), Outcome.BUSY, By.PHONE)], "BYE")
    journal.append(line(1, ""))
    await journal.flush()
    journal.close()

    assert [entry.kind for entry in Reader(engine).call("")] == ["LegEnded", "Noted"]
    assert "call records could not be made" in caplog.text


@pytest.mark.anyio
async def test_readers_read_while_the_journal_writes(engine: Engine) -> None:
    journal = SqlJournal(engine)
    reader = Reader(engine)
    for number in range(200):
        journal.append(line(number))
        if number % 50 == 0:
            await journal.flush()
            assert len(reader.call("c")) == number + 1
    journal.close()


def test_a_body_that_json_cannot_hold_is_kept_as_text(engine: Engine) -> None:
    journal = SqlJournal(engine)
    for each in (1, "\ud800", object()):
        journal.append(Entry(1.0, "Webhook", "c", "\ud801", {"a": each}, "\ud802"))
    journal.close()
    first, second, third = Reader(engine).call("c")
    assert first.body == {"a": 1}
    assert "ud800" in str(second.body["unwritable"])
    assert "object" in str(third.body["a"])
    assert (first.leg, first.cause) == ("\\ud801", "\\ud802")


@pytest.mark.anyio
async def test_flushes_at_the_same_time_all_return(engine: Engine) -> None:
    journal = SqlJournal(engine)
    journal.append(line(1))
    await asyncio.gather(*(journal.flush() for _ in range(5)))
    assert journal.written == 1
    journal.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [("no/such/folder.db", "unable to open database file"), ("text.db", "file is not a database")],
)
def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "text.db").write_text("this is a text and no database, and long enough to be looked at" * 20)
    with pytest.raises(Unavailable, match=said) as caught:
        connect(f"sqlite:///{tmp_path / name}")
    assert "\n" not in str(caught.value)


def test_somebody_elses_tables_are_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE leg (x)")
    other.close()
    with pytest.raises(Unavailable, match="has tables that are not Switchhook's"):
        connect(f"sqlite:///{tmp_path / 'other.db'}")


def test_a_rest_gives_the_pages_back_and_writing_goes_on(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'j.db'}")
    journal = SqlJournal(engine)
    try:
        journal.rest()
        journal.append(Entry(1.0, "A", "c", "", {}, ""))
        asyncio.run(journal.flush())
        journal.rest()
        journal.append(Entry(2.0, "B", "c", "", {}, ""))
        asyncio.run(journal.flush())
        assert journal.written == 2
        assert not journal.failure
    finally:
        journal.close()
        engine.dispose()


def test_no_password_in_a_url_reaches_the_disk(engine: Engine) -> None:
    url = "http://app:secret@10.0.0.1/a.wav"
    journal = SqlJournal(engine)
    journal.append(line(1, url=url, text=f'{{"answer_url": "{url}"}}'))
    sound = facts.SoundStarted(LegId("leg"), Sound(SoundId("s"), (url,), 1))
    journal.facts(2.0, [sound], "XML")
    journal.close()
    with engine.connect() as connection:
        stored = "".join(connection.execute(select(schema.entry.c.body)).scalars())
    assert "secret" not in stored
    assert stored.count("http://app:***@10.0.0.1/") == 3


def test_a_database_that_refuses_the_connection_is_tried_again(engine: Engine) -> None:
    class Stubborn:
        away = True

        def connect(self) -> Any:
            if self.away:
                raise sqlite3.OperationalError("disk is away")
            return engine.connect()

    stubborn = Stubborn()
    journal = SqlJournal(stubborn)  # type: ignore[arg-type]
    journal.append(Entry(1.0, "Warning", "c", "l", {"text": "t"}, ""))
    with pytest.raises(Unavailable, match="disk is away"):
        asyncio.run(journal.flush())
    stubborn.away = False
    asyncio.run(journal.flush())
    journal.close()
    assert (journal.written, journal.failure) == (1, "")
