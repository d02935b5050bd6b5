"""Rooms that are over: the database and the memory in its place answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switchhook.exchange.ended_rooms import EndedRoom, EndedRoomFilter, EndedRooms, MemoryEndedRooms
from switchhook.stores.database import connect
from switchhook.stores.ended_rooms import SqlEndedRooms

ME, OTHER = "MA1", "MA2"


def room(id: str, created: float, account: str = ME, name: str = "desk", code: int = 1000) -> EndedRoom:
    return EndedRoom(id, account, name, created, created + 10.5, code, {"members": [{"leg": "l", "left": None}]})


@pytest.fixture(params=["sql", "memory"])
def rooms(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EndedRooms]:
    if request.param == "memory":
        yield MemoryEndedRooms()
        return
    engine = connect(f"sqlite:///{tmp_path / 'rooms.db'}")
    yield SqlEndedRooms(engine)
    engine.dispose()


def ids(rooms: EndedRooms, most: int = 20, **wanted: object) -> tuple[str, int]:
    accounts = wanted.pop("accounts", (ME,))
    found, total = rooms.newest(EndedRoomFilter(accounts=accounts, **wanted), most)  # type: ignore[arg-type]
    return "".join(each.id for each in found), total


def test_one_is_found_as_it_was_written_and_replaced(rooms: EndedRooms) -> None:
    assert rooms.find("a") is None
    rooms.add(room("a", 5.25))
    assert rooms.find("a") == room("a", 5.25)
    rooms.add(room("a", 5.25, code=3000))
    found = rooms.find("a")
    assert found is not None
    assert found.code == 3000
    assert ids(rooms) == ("a", 1)


def test_filters_and_order(rooms: EndedRooms) -> None:
    for id, created, more in (
        ("a", 10.0, {}), ("b", 30.0, {"name": "two"}), ("c", 20.0, {"code": 3000}), ("d", 40.0, {"account": OTHER}),
    ):  # fmt: skip
        rooms.add(room(id, created, **more))
    assert ids(rooms) == ("bca", 3)
    assert ids(rooms, 2) == ("bc", 3)
    assert ids(rooms, accounts=(ME, OTHER)) == ("dbca", 4)
    assert ids(rooms, accounts=("MA3",)) == ("", 0)
    assert ids(rooms, accounts=()) == ("", 0)
    assert ids(rooms, name="two") == ("b", 1)
    assert ids(rooms, code=3000) == ("c", 1)
    assert ids(rooms, created_from=20.0) == ("bc", 2)
    assert ids(rooms, created_before=20.0) == ("a", 1)
    assert ids(rooms, created_from=20.0, created_before=30.0) == ("c", 1)
    assert ids(rooms, ended_from=30.5) == ("bc", 2)
    assert ids(rooms, ended_before=30.5) == ("a", 1)
