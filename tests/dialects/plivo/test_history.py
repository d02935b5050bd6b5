"""GET Call/: which past calls are listed, in what order, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from switchhook.lab.virtual_time import in_virtual_time, run
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader
from switchhook.stores.records import Complete, LegRecord, Recorder
from tests.dialects.plivo.common import ACCOUNT, OTHER, OTHER_TOKEN, SUB, World, stage

DAY = 86_400.0


def written(now: float) -> list[LegRecord]:
    """Calls of an account, of its sub-account and of a stranger; the times are relative to `now`."""

    def leg(name: str, ended: float, answered_s: float | None, **more: Any) -> LegRecord:
        end = now + ended
        given: dict[str, Any] = {
            "account": ACCOUNT,
            "direction": "inbound",
            "caller": "+14155550123",
            "called": "+14155550100",
            "started_at": end - 100,
            "answered_at": None if answered_s is None else end - answered_s,
            "ended_at": end,
            "outcome": "completed",
            "ended_by": "phone",
        }
        return LegRecord(name, **given | more)

    return [
        leg("talked", -60.0, 59.5),
        leg("b-leg", -61.0, 10.0, direction="outbound", parent="talked", called="sip:1001@switchhook.local"),
        leg("busy", -120.0, None, direction="outbound", outcome="busy", sip_status=486, caller="14155550100"),
        leg("ran-out", -180.0, 30.0, ended_by="program", reason="End Of XML Instructions", conference="conf-1"),
        leg("week", -6 * DAY, 1.0),
        leg("month", -20 * DAY, 1.0),
        leg("sub", -60.0, 1.0, account=SUB),
        leg("stranger", -60.0, 1.0, account=OTHER),
    ]


RECENT = ["talked", "b-leg", "busy", "ran-out", "week"]


class Shelf:
    """A world whose store has calls."""

    def __init__(self, world: World, reader: Reader) -> None:
        self.world, self.reader = world, reader

    async def listed(self, query: str, **how: Any) -> list[str]:
        answer = await self.world.api("GET", f"Call/?{query}", **how)
        assert answer.status_code == 200, answer.text
        return [each["call_uuid"] for each in answer.json()["objects"]]


def told(tmp_path: Path, story: Any) -> None:
    async def play() -> None:
        async with stage() as on:
            engine = connect(f"sqlite:///{tmp_path / 'journal.db'}")
            try:
                with engine.begin() as connection:
                    Recorder().write(connection, Complete(written(on.now), set(), {}, []))
                reader = Reader(engine)
                on.exchange.records = reader
                await story(Shelf(World(on), reader))
            finally:
                engine.dispose()

    run(play())


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ("", RECENT),
        ("call_direction=outbound", ["b-leg", "busy"]),
        ("from_number=14155550100", ["busy"]),
        ("from_number=%2B1415", RECENT),
        ("to_number=sip:1001@switchhook.local", ["b-leg"]),
        ("to_number=1001", ["b-leg"]),
        ("to_number=9", []),
        ("to_number=9<1001<+4", ["b-leg"]),
        ("from_number=14155550100<", ["busy"]),
        ("parent_call_uuid=talked", ["b-leg"]),
        ("bill_duration=60", ["talked"]),
        ("bill_duration=0", ["busy"]),
        ("bill_duration__gt=10", ["talked", "ran-out"]),
        ("bill_duration__gte=10", ["talked", "b-leg", "ran-out"]),
        ("bill_duration_gte=10", ["talked", "b-leg", "ran-out"]),
        ("bill_duration__lt=10", ["busy", "week"]),
        ("bill_duration__lte=10&bill_duration__gt=0", ["b-leg", "week"]),
        ("bill_duration__lt=0", []),
        ("hangup_cause_code=4010", ["ran-out"]),
        ("hangup_cause_code=3010", ["busy"]),
        ("hangup_cause_code=4000", ["talked", "b-leg", "week"]),
        ("hangup_cause_code=9100", []),
        ("hangup_source=callee", ["b-leg", "busy"]),
        ("hangup_source=Answer XML&hangup_cause_code=4010", ["ran-out"]),
        ("hangup_source=Answer XML&hangup_cause_code=4000", []),
        ("stir_verification=Not Applicable", RECENT),
        ("stir_verification=Verified", []),
        (f"subaccount={SUB}", ["sub"]),
        ("limit=2", ["talked", "b-leg"]),
        ("limit=2&offset=4", ["week"]),
        ("offset=5", []),
        ("limit=20&offset=999", []),
    ],
)
def test_filters(tmp_path: Path, query: str, calls: list[str]) -> None:
    async def story(shelf: Shelf) -> None:
        assert await shelf.listed(query) == calls

    told(tmp_path, story)


def test_times(tmp_path: Path) -> None:
    async def story(shelf: Shelf) -> None:
        async def at(name: str) -> str:
            answer = await shelf.world.api("GET", f"Call/{name}/")
            return str(answer.json()["end_time"]).removesuffix("+00:00")

        busy, ran_out = await at("busy"), await at("ran-out")
        assert await shelf.listed(f"end_time={busy}") == ["busy"]
        assert await shelf.listed(f"end_time__gt={busy}") == ["talked", "b-leg"]
        assert await shelf.listed(f"end_time__gte={busy}") == ["talked", "b-leg", "busy"]
        assert await shelf.listed(f"end_time_gte={busy}+00:00") == ["talked", "b-leg", "busy"]
        assert await shelf.listed(f"end_time__gte={busy}%2B00:00") == ["talked", "b-leg", "busy"]
        assert await shelf.listed(f"end_time__lt={busy}") == ["ran-out", "week", "month"]
        assert await shelf.listed(f"end_time__lte={busy}&end_time__gt={ran_out}") == ["busy"]
        assert await shelf.listed(f"end_time__gt={busy}.000001&end_time__lt={busy}.000002") == []

    told(tmp_path, story)


def test_a_page_names_its_neighbours_with_the_filters_kept(tmp_path: Path) -> None:
    async def story(shelf: Shelf) -> None:
        answer = await shelf.world.api("GET", "Call/?limit=2&offset=2&from_number=%2B1415")
        path = f"/v1/Account/{ACCOUNT}/Call/?from_number=%2B1415&limit=2&offset="
        assert answer.json()["meta"] == {
            "limit": 2,
            "offset": 2,
            "next": f"{path}4",
            "previous": f"{path}0",
            "total_count": 5,
            "count": 5,
        }
        assert [each["api_id"] for each in answer.json()["objects"]] == [answer.json()["api_id"]] * 2
        second = await shelf.world.api("GET", answer.json()["meta"]["next"].partition(f"{ACCOUNT}/")[2])
        assert [each["call_uuid"] for each in second.json()["objects"]] == ["week"]
        assert second.json()["meta"]["next"] is None
        found = await shelf.world.api("GET", "Call/ran-out/")
        assert found.json()["conference_uuid"] == "conf-1"

    told(tmp_path, story)


def test_nobody_sees_the_calls_of_a_stranger(tmp_path: Path) -> None:
    async def story(shelf: Shelf) -> None:
        other = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        assert await shelf.listed("", **other) == ["stranger"]
        assert await shelf.listed("parent_call_uuid=talked", **other) == []
        answer = await shelf.world.api("GET", f"Call/?subaccount={ACCOUNT}", **other)
        assert answer.status_code == 404

    told(tmp_path, story)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=21",
        "limit=x",
        "limit=-1",
        "offset=-1",
        "offset=x",
        "call_direction=sideways",
        "bill_duration=x",
        "bill_duration__gt=-1",
        "bill_duration__lte=1.5",
        "end_time=yesterday",
        "end_time__gt=2024-13-01 10:00",
        "end_time__lt=9999-12-31 23:59:59",
        "end_time__gte=2020-01-01 10:00",
        "end_time__gte=2024-01-01 10:00&end_time__lt=2024-02-01 10:00",
        "hangup_cause_code=x",
        "hangup_cause_code=-1",
        "hangup_source=Nobody",
        "stir_verification=perhaps",
        "status=ended",
    ],
)
def test_bad_filters_are_400(query: str) -> None:
    async def story() -> None:
        async with stage() as on:
            answer = await World(on).api("GET", f"Call/?{query}")
            assert answer.status_code == 400, answer.text
            assert "invalid" in answer.json()["error"]
            assert query.partition("=")[0].partition("__")[0] in answer.json()["error"]
            assert set(answer.json()) == {"api_id", "error"}

    run(story())


@in_virtual_time
async def test_without_a_store_there_are_no_past_calls() -> None:
    async with stage() as on:
        answer = await World(on).api("GET", "Call/")
        assert answer.json()["objects"] == []
        assert answer.json()["meta"]["total_count"] == 0
