"""The official packages, Python's and Node's, list past calls, see queued ones, and have machines detected."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from plivo import plivoxml
from plivo.exceptions import InvalidRequestError, ResourceNotFoundError, ValidationError
from sqlalchemy import Engine

from switchhook.stores.database import connect
from switchhook.stores.reading import Reader
from switchhook.stores.records import Complete, Recorder
from tests.dialects.plivo.common import ACCOUNT, NUMBER, SIP, TOKEN
from tests.dialects.plivo.test_history import RECENT, written
from tests.sdks.test_plivo_actions import node
from tests.sdks.test_plivo_calls import Live, on_a_live_server

pytestmark = pytest.mark.slow


def shelved(on: Live, folder: Path) -> Engine:
    """Puts past calls into a store of the server."""
    engine = connect(f"sqlite:///{folder / 'journal.db'}")
    with engine.begin() as connection:
        Recorder().write(connection, Complete(written(on.stage.exchange.clock.now()), set(), {}, []))
    on.stage.exchange.records = Reader(engine)
    return engine


def test_past_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_live_server(partial(_past_calls, tmp_path))(monkeypatch)


async def _past_calls(folder: Path, on: Live) -> None:
    engine = shelved(on, folder)
    try:
        await _python_lists(on)
        await _node_lists()
    finally:
        engine.dispose()


async def _python_lists(on: Live) -> None:
    calls = on.client.calls

    async def listed(**filters: Any) -> list[str]:
        found = await on.sdk(lambda: calls.list(**filters))
        return [each.call_uuid for each in found]

    assert await listed() == RECENT
    assert await listed(limit=2, offset=1) == RECENT[1:3]
    assert await listed(call_direction="outbound") == ["b-leg", "busy"]
    assert await listed(hangup_cause_code=3010, hangup_source="Callee") == ["busy"]
    assert await listed(parent_call_uuid="talked") == ["b-leg"]
    assert await listed(bill_duration=60) == ["talked"]
    assert await listed(from_number="14155550100") == ["busy"]
    found = await on.sdk(lambda: calls.list(limit=2))
    assert (found.meta.total_count, found.meta.previous) == (5, None)
    busy = await on.sdk(lambda: calls.get("busy"))
    assert (busy.call_uuid, busy.hangup_cause_code, busy.call_state) == ("busy", 3010, "BUSY")
    assert await listed(end_time__gte=busy.end_time) == ["talked", "b-leg", "busy"]
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: calls.get("nobody"))
    with pytest.raises(ValidationError, match="hangup_source"):
        await on.sdk(lambda: calls.list(hangup_source="Nobody"))
    spawned = await on.sdk(lambda: calls.list(limit=2, callback_url=f"{on.app.base}/listed"))
    assert spawned.message == "async api spawned"
    await on.until(lambda: on.app.to("/listed"))
    assert '"total_count": 5' in on.app.to("/listed")[0]["response"]


async def _node_lists() -> None:
    async with node() as ask:
        found = await ask.ok("calls.list", {"limit": 3, "offset": 0})
        assert [each["callUuid"] for each in found] == RECENT[:3]
        found = await ask.ok("calls.list", {"hangupCauseCode": 4010, "callDirection": "inbound"})
        assert [each["callUuid"] for each in found] == ["ran-out"]
        one = await ask.ok("calls.get", "ran-out")
        assert (one["hangupCauseCode"], one["conferenceUuid"]) == (4010, "conf-1")
        lost = await ask("calls.get", "nobody")
        assert "not found" in lost["error"]


SLOW = [{"auth_id": ACCOUNT, "auth_token": TOKEN, "cps": 0.02, "max_calls": 3}]


async def _queue(on: Live) -> None:
    start = on.app.page("/start", plivoxml.WaitElement(length=60))
    calls = on.client.calls

    def make(to: str) -> Any:
        return calls.create(from_=NUMBER, to_=f"sip:{to}@{SIP}", answer_url=start)

    first, second, third = [(await on.sdk(partial(make, to))).request_uuid for to in ("1001", "1002", "1003")]
    assert (await on.sdk(calls.live_call_list_ids)).calls == [first]
    assert (await on.sdk(calls.queued_call_list_ids)).calls == [second, third]
    queued = await on.sdk(lambda: calls.queued_call_get(third))
    assert (queued.call_status, queued.call_uuid) == ("queued", third)
    with pytest.raises(InvalidRequestError, match="max_calls"):
        await on.sdk(partial(make, "1001"))
    async with node() as ask:
        listed = await ask.ok("calls.listQueuedCalls")
        assert [each.get("id") or each.get("callUuid") for each in listed] == [second, third]
        assert (await ask.ok("calls.getQueuedCall", second))["callStatus"] == "queued"
    assert await on.sdk(lambda: calls.cancel(third)) is None
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: calls.queued_call_get(third))
    assert on.stage.phone("1002").lines == []


test_queued_calls = on_a_live_server(_queue, account=SLOW)


@on_a_live_server
async def test_machine_detection(on: Live) -> None:
    """The telephone answers and says nothing for as long as a person would not."""
    start = on.app.page("/start", plivoxml.WaitElement(length=60))
    made = await on.sdk(
        lambda: on.client.calls.create(
            from_=NUMBER,
            to_=f"sip:1001@{SIP}",
            answer_url=start,
            machine_detection="true",
            machine_detection_time=2000,
            machine_detection_url=f"{on.app.base}/machine",
            machine_detection_method="GET",
        )
    )
    await on.until(lambda: on.app.to("/machine"))
    told = on.app.to("/machine")[0]
    assert (told["CallUUID"], told["Machine"], told["IfMachine"]) == (made.request_uuid, "false", "continue")
    assert told["Event"] == "MachineDetection"
