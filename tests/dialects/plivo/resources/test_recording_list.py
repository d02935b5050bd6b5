"""Recording/: every recording that is over is listed, shown, fetched and deleted, also after a restart."""

from __future__ import annotations

import asyncio
import threading
import wave
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from switchhook.core.errors import Unavailable
from switchhook.exchange.archive import MemoryArchive
from switchhook.exchange.ports import RecordingFilter, RecordingRow
from switchhook.exchange.recordings import Recorded
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import VirtualLoop, in_virtual_time
from switchhook.stores.archive import SqlArchive
from switchhook.stores.database import connect
from tests.dialects.plivo.common import ACCOUNT, OTHER, OTHER_TOKEN, SUB, SUB_TOKEN, TOKEN, World, settings

SOUND = b"RIFF" + bytes(2000)
DAY_S = 86_400.0


def taped(folder: Path, story: Callable[[Stage, World], Coroutine[Any, Any, None]]) -> None:
    @in_virtual_time
    async def told() -> None:
        async with Stage(settings(media={"recordings": str(folder)}), dialects=("plivo",)) as on:
            await story(on, World(on))

    told()


async def talk(on: Stage) -> Line:
    caller = on.phone("1001").calls("1002")
    (await on.phone("1002").rings()).answers()
    await on.settled()
    return caller


async def recording(on: Stage, line: Line, account: str = ACCOUNT, seconds: float = 5.5, **how: Any) -> Recorded:
    """Records a leg for a while, and puts a file where the audio process would."""
    started = on.exchange.recordings.start(account, follow=line.leg, **how)
    assert started is not None
    started.path.parent.mkdir(parents=True, exist_ok=True)
    started.path.write_bytes(SOUND)
    await on.passes(seconds)
    on.exchange.recordings.stop(started.id)
    await on.settled()
    return started


def test_a_recording_is_listed_shown_and_deleted(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        caller = await talk(on)
        made = await recording(on, caller)
        listed = (await world.api("GET", "Recording/")).json()
        assert listed["meta"]["total_count"] == 1
        (found,) = listed["objects"]
        assert found["recording_id"] == made.id
        shown = (await world.api("GET", f"Recording/{made.id}/")).json()
        assert shown.pop("api_id")
        assert shown == found
        assert found["call_uuid"] == caller.leg
        assert (found["from_number"], found["to_number"]) == ("sip:1001@switchhook.local", "sip:1002@switchhook.local")
        assert (found["recording_format"], found["recording_type"]) == ("wav", "call")
        assert found["resource_uri"] == f"/v1/Account/{ACCOUNT}/Recording/{made.id}/"
        assert found["recording_url"].endswith(f"/v1/Account/{ACCOUNT}/Recording/{made.id}.wav")
        start, end = float(found["recording_start_ms"]), float(found["recording_end_ms"])
        assert end - start == pytest.approx(float(found["recording_duration_ms"]), abs=1)
        assert [type(found[name]) for name in ("rounded_recording_duration", "recording_storage_duration")] == [
            int,
            int,
        ]
        for name in ("recording_storage_rate", "monthly_recording_storage_amount"):
            assert type(found[name]) is float
        assert found["recording_duration_ms"].rpartition(".")[2] == "00000"
        assert (found["rounded_recording_duration"], found["recording_storage_duration"]) == (60, 0)
        assert found["add_time"].endswith("+00:00")
        file = await fetch(on, found["recording_url"])
        assert (file.status_code, file.content) == (200, SOUND)
        deleted = await world.api("DELETE", f"Recording/{made.id}/")
        assert (deleted.status_code, deleted.content) == (204, b"")
        assert not made.path.exists()
        for path in (f"Recording/{made.id}/", f"Recording/{made.id}.wav"):
            assert (await world.api("GET", path)).status_code == 404
        assert (await world.api("DELETE", f"Recording/{made.id}/")).status_code == 404
        assert (await world.api("GET", "Recording/")).json()["objects"] == []

    taped(tmp_path, story)


def test_one_that_runs_is_in_no_list(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        caller = await talk(on)
        running = on.exchange.recordings.start(ACCOUNT, follow=caller.leg)
        assert running is not None
        assert (await world.api("GET", "Recording/")).json()["objects"] == []
        for method in ("GET", "DELETE"):
            assert (await world.api(method, f"Recording/{running.id}/")).status_code == 404
        caller.hangs_up()
        await on.passes(1)
        assert (await world.api("GET", f"Recording/{running.id}/")).status_code == 200

    taped(tmp_path, story)


def test_everybody_sees_their_own(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        caller = await talk(on)
        mine, subs = await recording(on, caller), await recording(on, caller, SUB)

        async def seen(query: str = "", **who: Any) -> set[str]:
            return {
                each["recording_id"] for each in (await world.api("GET", f"Recording/{query}", **who)).json()["objects"]
            }

        sub: dict[str, Any] = {"auth": (SUB, SUB_TOKEN), "account": SUB}
        other: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        assert await seen() == {mine.id, subs.id}
        assert await seen(f"?subaccount={SUB}") == {subs.id}
        assert await seen(**sub) == {subs.id}
        assert await seen(**other) == set()
        for who, theirs in ((sub, mine), (other, mine), (other, subs)):
            for method in ("GET", "DELETE"):
                assert (await world.api(method, f"Recording/{theirs.id}/", **who)).status_code == 404
        assert mine.path.exists()

    taped(tmp_path, story)


def test_a_recording_of_a_conference_says_which(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        first = await world.arrives("<Conference>sales</Conference>")
        await world.arrives("<Conference>sales</Conference>", caller="+14155550124")
        leg = first.found
        assert leg is not None
        assert leg.focus is not None
        made = on.exchange.recordings.start(ACCOUNT, room=leg.focus)
        assert made is not None
        await on.passes(3)
        on.exchange.recordings.stop(made.id)
        await on.settled()
        (found,) = (await world.api("GET", "Recording/?conference_name=sales")).json()["objects"]
        assert (found["recording_id"], found["recording_type"], found["conference_name"]) == (
            made.id,
            "conference",
            "sales",
        )
        assert (found["conference_uuid"], found["call_uuid"]) == (leg.focus, first.leg)
        assert (found["from_number"], found["to_number"]) == ("14155550123", "14155550100")
        assert (await world.api("GET", "Recording/?conference_name=others")).json()["objects"] == []

    taped(tmp_path, story)


async def fetch(on: Stage, url: str, **headers: str) -> httpx2.Response:
    """Fetches a file, which is read by threads that virtual time does not know of."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    with loop.outside_work():
        return await on.http.get(url, auth=(ACCOUNT, TOKEN), headers=headers)


ROW = RecordingRow(
    id="6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10", account=ACCOUNT, call="c", leg="leg-1", room="", room_kind="",
    room_name="", caller="+14155550123", called="+14155550100", format="wav", started_at=0.0, ended_at=0.0,
    duration_ms=90_000, added_at=0.0,
)  # fmt: skip


def of_days(now: float) -> MemoryArchive:
    """An archive with recordings that were added just over 0, 2, 10 and 40 days ago."""
    archive = MemoryArchive()
    rows: tuple[tuple[int, dict[str, Any]], ...] = (
        (0, {}),
        (2, {"room": "r-1", "room_kind": "conference", "room_name": "sales", "caller": "+4930123456"}),
        (10, {"room": "r-2", "room_kind": "party", "room_name": "sales"}),
        (40, {"leg": "leg-2"}),
    )
    for days, more in rows:
        archive.add(replace(ROW, **{"id": f"day-{days}", "added_at": now - days * DAY_S - 5.0, **more}))
    return archive


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 2]),
        ("add_time__gte=2027-01-05", [0, 2, 10]),
        ("add_time__gt=2027-01-01&add_time__lt=2027-01-14", [2, 10]),
        ("add_time__lte=2027-01-06%2000:00", [10]),
        ("add_time__lt=2026-12-07", [40]),
        ("conference_name=sales", [2]),
        ("conference_uuid=r-1", [2]),
        ("mpc_name=sales&add_time__gte=2027-01-05", [10]),
        ("mpc_uuid=r-2&add_time__gte=2027-01-05", [10]),
        ("call_uuid=leg-1", [0, 2]),
        ("call_uuid=leg-2", []),
        ("from_number=1415", [0]),
        ("from_number=%2B4930", [2]),
        ("to_number=14155550100", [0, 2]),
        ("recording_storage_duration=0", [0]),
        ("recording_storage_duration=10", [10]),
        ("recording_storage_duration__gt=2", [10, 40]),
        ("recording_storage_duration__gte=2", [2, 10, 40]),
        ("recording_storage_duration__lt=2", [0]),
        ("recording_storage_duration_lte=2", [0, 2]),
        ("limit=1", [0]),
        ("limit=1&offset=1", [2]),
        ("offset=100", []),
    ],
)
def test_filters(query: str, found: list[int], tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(of_days(on.now))
        answer = await world.api("GET", f"Recording/?{query}")
        assert answer.status_code == 200, answer.text
        assert [each["recording_id"] for each in answer.json()["objects"]] == [f"day-{days}" for days in found]

    taped(tmp_path, story)


def test_what_a_conference_recording_says(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(of_days(on.now))
        two = (await world.api("GET", "Recording/day-2/")).json()
        assert (two["recording_type"], two["conference_name"], two["conference_uuid"]) == ("conference", "sales", "r-1")
        assert (two["recording_duration_ms"], two["rounded_recording_duration"]) == ("90000.00000", 120)
        assert two["recording_storage_duration"] == 2
        ten = (await world.api("GET", "Recording/day-10/")).json()
        assert (ten["mpc_name"], ten["mpc_uuid"]) == ("sales", "r-2")

    taped(tmp_path, story)


def test_the_list_survives_a_restart(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'archive.db'}")
    kept: list[str] = []

    async def first(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(SqlArchive(engine))
        kept.append((await recording(on, await talk(on))).id)

    async def second(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(SqlArchive(engine))
        (found,) = (await world.api("GET", "Recording/")).json()["objects"]
        assert found["recording_id"] == kept[0]
        assert (await fetch(on, found["recording_url"])).content == SOUND

    taped(tmp_path, first)
    taped(tmp_path, second)
    engine.dispose()


def mp3_of(source: Path, made: Path) -> None:
    made.write_bytes(b"ID3" + source.read_bytes())


def test_mp3_is_told_when_it_is_there(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(MemoryArchive(), mp3_of)
        told: list[Recorded] = []
        made = await recording(on, await talk(on), wanted_format="mp3", ended=told.append)
        assert on.exchange.recordings.url(made).endswith(".mp3")  # what was announced is where it will be
        shown = (await world.api("GET", f"Recording/{made.id}/")).json()
        assert (shown["recording_format"], shown["recording_url"]) == ("mp3", on.exchange.recordings.url(told[0]))
        assert told[0].finished
        file = await fetch(on, shown["recording_url"])
        assert (file.content[:3], file.headers["content-type"]) == (b"ID3", "audio/mpeg")
        part = await fetch(on, shown["recording_url"], Range="bytes=1-2")
        assert (part.status_code, part.content) == (206, b"D3")
        assert not made.path.exists()
        assert (await world.api("DELETE", f"Recording/{made.id}/")).status_code == 204
        assert list(made.path.parent.iterdir()) == []

    taped(tmp_path, story)


@pytest.mark.parametrize("able", [False, True])
def test_where_no_mp3_can_be_made_there_is_a_wav_file_and_it_says_so(able: bool, tmp_path: Path) -> None:
    def broken(source: Path, made: Path) -> None:
        raise Unavailable("no encoder")

    async def story(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(MemoryArchive(), broken if able else None)
        told: list[Recorded] = []
        made = await recording(on, await talk(on), wanted_format="mp3", ended=told.append)
        shown = (await world.api("GET", f"Recording/{made.id}/")).json()
        assert (shown["recording_format"], shown["recording_url"]) == ("wav", on.exchange.recordings.url(told[0]))
        assert (await fetch(on, shown["recording_url"])).content == SOUND
        assert any("no encoder" in text for text in world.warnings) is able

    taped(tmp_path, story)


class Shaky(MemoryArchive):
    """A disk that refuses at first."""

    def __init__(self, refuses: int) -> None:
        super().__init__()
        self.refuses = refuses

    def add(self, row: RecordingRow) -> None:
        self.refuses -= 1
        if self.refuses >= 0:
            raise Unavailable("the store cannot be written: locked")
        super().add(row)

    def page(self, wanted: RecordingFilter, *, limit: int, offset: int) -> tuple[list[RecordingRow], int]:
        if self.refuses > 0:
            raise Unavailable("the store cannot be read: locked")
        return super().page(wanted, limit=limit, offset=offset)


def test_a_row_that_the_disk_refuses_is_written_again(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(Shaky(5))
        await recording(on, await talk(on))
        refused = await world.api("GET", "Recording/")
        assert (refused.status_code, "locked" in refused.json()["error"]) == (409, True)
        await on.passes(30)
        assert (await world.api("GET", "Recording/")).json()["meta"]["total_count"] == 1
        on.exchange.recordings.keep_in(Shaky(99))
        made = await recording(on, await talk(on))
        await on.passes(60)
        assert any(made.id in text and "in no list" in text for text in world.warnings)

    taped(tmp_path, story)


def sound(path: Path, seconds: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000 * seconds))


def test_a_recording_that_a_crash_cut_short_is_in_the_list_of_the_next_start(tmp_path: Path) -> None:
    archive, started = MemoryArchive(), []

    async def crashes(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(archive)
        caller = await talk(on)
        for seconds in (3, 0):
            found = on.exchange.recordings.start(ACCOUNT, follow=caller.leg, wanted_format="mp3")
            assert found is not None
            started.append(found)
            if seconds:
                sound(found.path, seconds)
        await on.settled()
        assert (await world.api("GET", "Recording/")).json()["objects"] == []
        assert len(archive.unfinished()) == 2  # and nothing ends them

    async def starts_again(on: Stage, world: World) -> None:
        on.exchange.recordings.keep_in(archive)
        shown = (await world.api("GET", f"Recording/{started[0].id}/")).json()
        assert (shown["recording_duration_ms"], shown["recording_format"]) == ("3000.00000", "wav")
        assert (await fetch(on, shown["recording_url"])).content[:4] == b"RIFF"
        assert (await world.api("GET", f"Recording/{started[1].id}/")).status_code == 404  # of which there is no file
        assert archive.unfinished() == []

    taped(tmp_path, crashes)
    taped(tmp_path, starts_again)


def test_an_mp3_file_that_was_never_made_is_a_wav_file_under_its_name(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        archive = MemoryArchive()
        on.exchange.recordings.keep_in(archive)
        row = replace(ROW, format="mp3", added_at=on.now)
        archive.add(row)
        sound(tmp_path / ACCOUNT / f"{ROW.id}.wav", 1)
        shown = (await world.api("GET", f"Recording/{ROW.id}/")).json()
        file = await fetch(on, shown["recording_url"])
        assert (file.status_code, file.content[:4], file.headers["content-type"]) == (200, b"RIFF", "audio/wav")
        assert (await world.api("DELETE", f"Recording/{ROW.id}/")).status_code == 204
        assert (await fetch(on, shown["recording_url"])).status_code == 404

    taped(tmp_path, story)


def test_it_is_not_finished_before_its_mp3_file_is_there(tmp_path: Path) -> None:
    async def story(on: Stage, world: World) -> None:
        go = threading.Event()

        def slow(source: Path, made: Path) -> None:
            assert go.wait(10)
            mp3_of(source, made)

        on.exchange.recordings.keep_in(MemoryArchive(), slow)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        caller = await talk(on)
        started = on.exchange.recordings.start(ACCOUNT, follow=caller.leg, wanted_format="mp3")
        assert started is not None
        sound(started.path, 1)
        await on.passes(1)
        on.exchange.recordings.stop(started.id)
        while started.id not in on.exchange.recordings._turning:
            await asyncio.sleep(0)
        found = on.exchange.recordings.find(started.id)
        assert found is not None
        assert not found.finished
        go.set()
        await on.settled()
        assert (await world.api("GET", f"Recording/{started.id}/")).json()["recording_format"] == "mp3"

    taped(tmp_path, story)
