"""What API clients made and what is known of recordings: on disk, and in the fakes, which pass the same exam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from switchhook.core.errors import Unavailable
from switchhook.exchange.archive import MemoryArchive
from switchhook.exchange.objects import MemoryObjects
from switchhook.exchange.ports import Archive, Document, Objects, RecordingFilter, RecordingRow
from switchhook.stores.archive import SqlArchive
from switchhook.stores.database import connect
from switchhook.stores.objects import SqlObjects

ROW = RecordingRow(
    id="r1", account="MA", call="c", leg="l1", room="", room_kind="", room_name="", caller="+14155550123",
    called="sip:1001@switchhook.local", format="wav", started_at=10.0, ended_at=15.5, duration_ms=5500, added_at=16.0,
)  # fmt: skip
PARTY = replace(ROW, id="r2", leg="l2", room="x", room_kind="party", room_name="sales", added_at=17.0, format="mp3")
THEIRS = replace(ROW, id="r3", account="SA", added_at=18.0)


@pytest.fixture(params=["memory", "disk"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Objects]]:
    """Gives what opens the place where objects are kept; each time the same place."""
    if request.param == "memory":
        kept = MemoryObjects()
        yield lambda: kept
        return
    engines = []

    def opened() -> Objects:
        engines.append(connect(f"sqlite:///{tmp_path / 'objects.db'}"))
        return SqlObjects(engines[-1])

    yield opened
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=["memory", "disk"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    if request.param == "memory":
        yield MemoryArchive()
        return
    engine = connect(f"sqlite:///{tmp_path / 'archive.db'}")
    yield SqlArchive(engine)
    engine.dispose()


def test_documents_are_put_replaced_and_removed_at_once(objects: Callable[[], Objects]) -> None:
    one, two = Document("endpoint", "a", "MA", {"n": 1, "deep": {"x": [True, None]}}), Document("number", "b", "MA", {})
    objects().write([one, two], [])
    assert objects().all() == [one, two]
    changed = replace(one, body={"n": 2})
    objects().write([changed], [("number", "b"), ("number", "nobody")])
    assert objects().all() == [changed]
    objects().write([two], [("endpoint", "a")])
    assert objects().all() == [two]


def test_a_name_is_one_within_its_kind(objects: Callable[[], Objects]) -> None:
    both = [Document("endpoint", "a", "MA", {}), Document("number", "a", "MA", {})]
    objects().write(both, [])
    assert objects().all() == both


def test_a_disk_that_fails_is_told_and_changes_nothing(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'objects.db'}")
    kept, archive = SqlObjects(engine), SqlArchive(engine)
    kept.write([Document("endpoint", "a", "MA", {})], [])
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER no BEFORE INSERT ON object BEGIN SELECT RAISE(FAIL, 'full'); END")
        connection.exec_driver_sql("DROP TABLE recording")
    with pytest.raises(Unavailable, match="full"):
        kept.write([Document("number", "b", "MA", {})], [("endpoint", "a")])
    assert [each.id for each in kept.all()] == ["a"]
    asks: tuple[Callable[[], object], ...] = (
        lambda: archive.add(ROW),
        lambda: archive.remove("r1"),
        lambda: archive.find("r1"),
    )
    for ask in asks:
        with pytest.raises(Unavailable, match="no such table"):
            ask()
    engine.dispose()


def test_rows_are_found_and_forgotten(archive: Archive) -> None:
    archive.add(ROW)
    archive.add(replace(ROW, format="mp3"))
    assert archive.find("r1") == replace(ROW, format="mp3")
    archive.remove("r1")
    archive.remove("r1")
    assert archive.find("r1") is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["r2", "r1"]),
        ({"accounts": ("MA", "SA")}, ["r3", "r2", "r1"]),
        ({"accounts": ()}, []),
        ({"leg": "l1"}, ["r1"]),
        ({"room": "x"}, ["r2"]),
        ({"room_name": "sales"}, ["r2"]),
        ({"room_kind": "party"}, ["r2"]),
        ({"room_kind": "conference", "room_name": "sales"}, []),
        ({"caller": "1415"}, ["r2", "r1"]),
        ({"caller": "+1415555"}, ["r2", "r1"]),
        ({"caller": "415"}, []),
        ({"caller": "%"}, []),
        ({"called": "1001"}, ["r2", "r1"]),
        ({"called": "sip:1001"}, ["r2", "r1"]),
        ({"called": "1002"}, []),
        ({"added_from": 17.0}, ["r2"]),
        ({"added_before": 17.0}, ["r1"]),
    ],
)
def test_rows_are_picked(archive: Archive, wanted: dict[str, object], found: list[str]) -> None:
    for row in (ROW, PARTY, THEIRS):
        archive.add(row)
    picked = RecordingFilter(**{"accounts": ("MA",), **wanted})  # type: ignore[arg-type]
    rows, total = archive.page(picked, limit=20, offset=0)
    assert ([row.id for row in rows], total) == (found, len(found))
    if found:
        rows, total = archive.page(picked, limit=1, offset=len(found) - 1)
        assert ([row.id for row in rows], total) == (found[-1:], len(found))


def test_what_is_not_over_is_in_no_page(archive: Archive) -> None:
    running = replace(ROW, id="r4", added_at=0.0)
    archive.add(running)
    archive.add(ROW)
    assert archive.page(RecordingFilter(accounts=("MA",)), limit=20, offset=0) == ([ROW], 1)
    assert archive.unfinished() == [running]
    assert archive.find("r4") == running
    archive.add(replace(running, added_at=99.0))
    assert archive.unfinished() == []
