"""Limits as an API client meets them: queued calls, too many calls, too many requests."""

from __future__ import annotations

import pytest

from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import (
    ACCOUNT,
    APP,
    NUMBER,
    OTHER,
    OTHER_TOKEN,
    SIP,
    SUB,
    SUB_TOKEN,
    TOKEN,
    World,
    document,
    stage,
)

CALL = {"from": NUMBER, "to": f"sip:1001@{SIP}", "answer_url": f"{APP}/start", "hangup_url": f"{APP}/hangup"}


def limited(**limits: object) -> list[dict[str, object]]:
    return [
        {"auth_id": ACCOUNT, "auth_token": TOKEN, **limits},
        {"auth_id": OTHER, "auth_token": OTHER_TOKEN},
    ]


# --- calls per second -----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_that_waits_for_its_turn_is_shown_as_queued_and_not_as_live() -> None:
    async with stage(account=limited(cps=1)) as on:
        world = World(on)
        several = {**CALL, "to": f"sip:1001@{SIP}<sip:1002@{SIP}<sip:1003@{SIP}"}
        made = await world.api("POST", "Call/", several)
        assert made.status_code == 201
        first, second, third = made.json()["request_uuid"]
        assert (await world.api("GET", "Call/?status=live")).json()["calls"] == [first]
        assert (await world.api("GET", "Call/?status=queued")).json()["calls"] == [second, third]
        assert (await world.api("GET", "Call?status=queued&call_direction=inbound")).json()["calls"] == []
        other = await world.api("GET", "Call/?status=queued", auth=(OTHER, OTHER_TOKEN), account=OTHER)
        assert other.json()["calls"] == []
        view = (await world.api("GET", f"Call/{second}/?status=queued")).json()
        assert view["call_status"] == "queued"
        assert (view["call_uuid"], view["to"]) == (second, f"sip:1002@{SIP}")
        assert "session_start" not in view
        for name, status in ((second, "live"), (first, "queued")):
            answer = await world.api("GET", f"Call/{name}/?status={status}")
            assert answer.status_code == 404
            assert "not found" in answer.json()["error"]
        moved = await world.api("POST", f"Call/{second}/", {"legs": "aleg", "aleg_url": f"{APP}/other"})
        assert moved.status_code == 404
        await on.passes(2.1)
        assert (await world.api("GET", "Call/?status=live")).json()["calls"] == [first, second, third]
        assert [len(on.phone(name).lines) for name in ("1001", "1002", "1003")] == [1, 1, 1]


@in_virtual_time
async def test_a_queued_call_can_be_cancelled() -> None:
    for path in ("Call", "Request"):
        async with stage(account=limited(cps=0.2)) as on:
            world = World(on)
            await world.api("POST", "Call/", CALL)
            uuid = (await world.api("POST", "Call/", {**CALL, "to": f"sip:1002@{SIP}"})).json()["request_uuid"]
            assert (await world.api("DELETE", f"{path}/{uuid}/")).status_code == 204
            await on.passes(0.1)
            assert world.told("/hangup", "CallUUID", "HangupCauseCode", "CallStatus") == [(uuid, "1000", "cancel")]
            assert (await world.api("DELETE", f"{path}/{uuid}/")).status_code == 404
            await on.passes(20.0)
            assert not on.phone("1002").lines


@in_virtual_time
async def test_a_dial_waits_for_its_turn_too_while_the_caller_hears_ringing() -> None:
    async with stage(account=limited(cps=0.5)) as on:
        world = World(on)
        await world.api("POST", "Call/", {**CALL, "to": f"sip:1003@{SIP}"})
        on.web.on(f"{APP}/answer", document(f"<Speak>Hi</Speak><Dial><User>sip:1001@{SIP}</User></Dial>"))
        caller = await world.arrives("<Speak>Hi</Speak>", f"<Dial><User>sip:1001@{SIP}</User></Dial>")
        await on.passes(1.9)
        assert caller.up
        assert not on.phone("1001").lines
        await on.passes(0.2)
        on.phone("1001").line.answers()
        await on.settled()
        assert caller.hears == {"1001"}


# --- calls at a time ------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_too_many_calls_are_409_and_none_of_them_is_dialled() -> None:
    async with stage(account=limited(max_calls=2)) as on:
        world = World(on)
        answer = await world.api("POST", "Call/", {**CALL, "to": f"sip:1001@{SIP}<sip:1002@{SIP}<sip:1003@{SIP}"})
        assert answer.status_code == 409
        assert "[[account]] max_calls" in answer.json()["error"]
        assert "LegCreated" not in on.kinds()
        assert (await world.api("POST", "Call/", {**CALL, "to": f"sip:1001@{SIP}<sip:1002@{SIP}"})).status_code == 201
        assert (await world.api("POST", "Call/", {**CALL, "to": f"sip:1003@{SIP}"})).status_code == 409


@in_virtual_time
async def test_a_dial_over_the_limit_goes_on_with_its_action_and_the_rule_is_in_the_timeline() -> None:
    async with stage(account=limited(max_calls=1)) as on:
        world = World(on)
        world.page("/after", "<Speak>Sorry</Speak><Wait length='5'/>")
        dial = f"<Dial action='{APP}/after'><User>sip:1001@{SIP}</User></Dial>"
        await world.arrives("<Speak>Hi</Speak>", dial)
        await on.passes(2.0)
        assert world.told("/after", "DialStatus") == [("failed",)]
        assert not on.phone("1001").lines
        assert any("[[account]] max_calls" in text for text in world.warnings)


@in_virtual_time
async def test_the_second_target_of_a_dial_over_the_limit_ends_as_5030() -> None:
    async with stage(account=limited(max_calls=2)) as on:
        world = World(on)
        users = f"<User>sip:1001@{SIP}</User><User>sip:1002@{SIP}</User>"
        caller = await world.arrives(f"<Dial callbackUrl='{APP}/cb'>{users}</Dial>")
        on.phone("1001").line.answers()
        await on.settled()
        assert caller.hears == {"1001"}
        assert not on.phone("1002").lines
        refused = [each.fact for each in on.facts if type(each.fact).__name__ == "LegEnded"]
        assert [(each.outcome.value, "max_calls" in each.reason) for each in refused] == [("over_limit", True)]


# --- requests -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_too_many_requests_are_429_with_retry_after_and_calls_are_counted_apart() -> None:
    async with stage(account=limited(api_rate=3)) as on:
        world = World(on)
        for _ in range(3):
            assert (await world.api("GET", "Call/?status=live")).status_code == 200
        await on.passes(1.5)
        answer = await world.api("GET", "Call/?status=live")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "4"
        assert set(answer.json()) == {"api_id", "error"}
        assert "[[account]] api_rate" in answer.json()["error"]
        assert (await world.api("POST", "Call/", CALL)).status_code == 201
        other = await world.api("GET", "Call/?status=live", auth=(OTHER, OTHER_TOKEN), account=OTHER)
        assert other.status_code == 200
        for name in ("1002", "1003"):
            assert (await world.api("POST", "Call", {**CALL, "to": f"sip:{name}@{SIP}"})).status_code == 201
        refused = await world.api("POST", "call/", {**CALL, "to": f"sip:1004@{SIP}"})
        assert refused.status_code == 429
        await on.passes(5.0)
        assert not on.phone("1004").lines
        assert (await world.api("GET", "Call/?status=live")).status_code == 200


@in_virtual_time
async def test_wrong_credentials_are_not_counted() -> None:
    async with stage(account=limited(api_rate=1)) as on:
        world = World(on)
        for _ in range(3):
            assert (await world.api("GET", "Call/?status=live", auth=(ACCOUNT, "wrong"))).status_code == 401
        assert (await world.api("GET", "Call/?status=live")).status_code == 200


# --- who may be shown -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "checked", "status"),
    [
        (NUMBER, True, 201),
        ("14155550100", True, 201),
        ("1001", True, 201),
        (f"sip:1001@{SIP}", True, 201),
        ("+14155559999", True, 400),
        ("anonymous", True, 400),
        ("+14155559999", False, 201),
    ],
)
def test_a_call_shows_only_what_is_the_account_s_own_where_that_is_checked(
    shown: str, checked: bool, status: int
) -> None:
    async def story() -> None:
        async with stage(plivo={"check_caller_id": checked}) as on:
            world = World(on)
            answer = await world.api("POST", "Call/", {**CALL, "from": shown})
            assert answer.status_code == status, answer.text
            if status == 400:
                assert answer.json()["error"].startswith("from parameter is invalid.")
                assert "LegCreated" not in on.kinds()
            other = await world.api("POST", "Call/", {**CALL, "from": shown}, auth=(OTHER, OTHER_TOKEN), account=OTHER)
            assert other.status_code == (400 if checked else 201)
            mine = {**CALL, "from": shown, "to": f"sip:1002@{SIP}"}
            sub = await world.api("POST", "Call/", mine, auth=(SUB, SUB_TOKEN), account=SUB)
            assert sub.status_code == status

    run(story())
