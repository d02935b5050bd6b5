"""Operations on one call: Dial, Answer, Hangup, Hold; with every refusal changing nothing."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, TREE, Desktop, settings, states


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


async def ringing(stage: Stage, desk: Desktop) -> dict[str, Any]:
    """Lets the agent's telephone ring for a customer from outside; returns the call."""
    stage.phone(OUTSIDE).calls(SERVICE)
    await stage.phone("1001").rings()
    [message] = await desk.told()
    found: dict[str, Any] = message["call"]
    return found


async def talking(stage: Stage, desk: Desktop) -> dict[str, Any]:
    call = await ringing(stage, desk)
    stage.phone("1001").line.answers()
    assert states(await desk.told()) == [("Inbound", "Established")]
    return call


# --- Dial -------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_dial_rings_the_own_telephone_first_then_the_destination() -> None:
    async with office() as stage:
        desk, other = await Desktop(stage).opens(), await Desktop(stage, "agent2").opens()
        [dialing] = await desk.dial("5002", userData={"case": "17"})
        assert states([dialing]) == [("Internal", "Dialing")]
        assert dialing["call"]["dnis"] == "5002"
        assert [each["digits"] for each in dialing["call"]["participants"]] == ["5002"]
        assert set(dialing["call"]["capabilities"]) == {
            *("AttachUserData", "UpdateUserData", "DeleteUserData", "DeleteUserDataPair", "SendDtmf", "Hangup")
        }
        own = await stage.phone("1001").rings()
        assert own.invitation is not None
        assert own.invitation.answer_after == 0
        assert stage.phone("1002").lines == []
        own.answers()
        target = await stage.phone("1002").rings()
        assert own.hears == {RINGBACK}
        assert await desk.told() == []
        [seen] = await other.told()
        assert states([seen]) == [("Internal", "Ringing")]
        assert seen["call"]["userData"] == {"case": "17"}
        assert seen["call"]["dnis"] == "5002"
        assert seen["call"]["connId"] == dialing["call"]["connId"]
        assert [each["digits"] for each in seen["call"]["participants"]] == ["5001"]
        target.answers()
        assert states(await desk.told()) == [("Internal", "Established")]
        assert own.hears == {"1002"}
        assert target.hears == {"1001"}


@in_virtual_time
async def test_dial_to_the_outside_shows_the_configured_number() -> None:
    endpoints = [{**TREE["endpoint"][0], "caller_id": "+14155550199"}, *TREE["endpoint"][1:]]
    async with office(endpoint=endpoints) as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", answers_after_s=0.1)
        [dialing] = await desk.dial(OUTSIDE)
        assert states([dialing]) == [("Outbound", "Dialing")]
        assert dialing["call"]["participants"][0]["e164Number"] == OUTSIDE
        assert dialing["call"]["ani"] == "+14155550199"
        target = await stage.phone(OUTSIDE).rings()
        assert target.invitation is not None
        assert target.invitation.caller == "+14155550199"
        target.answers()
        assert states(await desk.told()) == [("Outbound", "Established")]


@in_virtual_time
async def test_a_destination_that_declines_releases_the_call() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", answers_after_s=0.1)
        await desk.dial("5002")
        (await stage.phone("1002").rings()).rejects()
        assert states(await desk.told()) == [("Internal", "Released")]
        assert stage.phone("1001").line.over is not None
        assert stage.nothing_left()


@in_virtual_time
async def test_an_own_telephone_that_nobody_picks_up_releases_the_call() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await desk.dial("5002")
        await stage.passes(19)
        assert await desk.told() == []
        await stage.passes(1.1)
        assert states(await desk.told()) == [("Internal", "Released")]
        assert stage.phone("1002").lines == []
        assert stage.nothing_left()


@in_virtual_time
@pytest.mark.parametrize("when", ["own telephone rings", "destination rings"])
async def test_hangup_while_dialing(when: str) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        [dialing] = await desk.dial("5002")
        own = await stage.phone("1001").rings()
        if when == "destination rings":
            own.answers()
            await stage.phone("1002").rings()
        assert states(await desk.does(dialing["call"], "Hangup")) == [("Internal", "Released")]
        assert own.over is not None
        assert stage.nothing_left()


@in_virtual_time
async def test_a_dial_repeated_rings_once_and_a_new_request_id_dials_again() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", answers_after_s=0.1)
        await desk.dial("5002")
        await stage.phone("1002").rings()
        assert await desk.dial("5002") == []
        await stage.passes(1)
        assert len(stage.phone("1002").lines) == 1
        assert len(await desk.calls()) == 1
        stage.phone("1002").line.answers()
        await desk.told()
        path = f"/api/v2/me/devices/{desk.user.device}/calls"
        body = {"operationName": "Dial", "destination": {"phoneNumber": "5002"}}
        await stage.http.post(path, json=body, auth=desk.auth)
        assert states(await desk.told()) == [("Internal", "Held"), ("Internal", "Dialing")]


@in_virtual_time
async def test_a_second_call_while_the_first_is_held() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        customer, own = stage.phone(OUTSIDE).line, stage.phone("1001").line
        await desk.does(call, "Hold")
        [dialing] = await desk.dial("5003")
        assert states([dialing]) == [("Internal", "Dialing")]
        assert "parentCallUri" not in dialing["call"]
        third = await stage.phone("1003").rings()
        assert own.hears == {RINGBACK}
        third.answers()
        assert states(await desk.told()) == [("Internal", "Established")]
        assert (own.hears, third.hears, customer.hears) == ({"1003"}, {"1001"}, {MUSIC})
        assert states(await desk.does(call, "Retrieve")) == [("Inbound", "Established"), ("Internal", "Held")]
        assert (own.hears, third.hears, customer.hears) == ({OUTSIDE}, {MUSIC}, {"1001"})
        assert states(await desk.does(call, "Hangup")) == [("Inbound", "Released")]
        assert customer.over is not None
        assert own.over is None
        assert states(await desk.does(dialing["call"], "Retrieve")) == [("Internal", "Established")]
        assert own.hears == {"1003"}


@in_virtual_time
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 1),
        ({"destination": {"phoneNumber": None}}, 1),
        ({"destination": {"phoneNumber": "5001"}}, 2),
        ({"destination": {"phoneNumber": "12"}}, 2),
        ({"destination": {"phoneNumber": "5002"}, "userData": []}, 2),
        ({"destination": {"phoneNumber": "5002"}, "outboundCallerId": 7}, 2),
    ],
)
async def test_a_dial_that_cannot_be_changes_nothing(parameters: dict[str, Any], code: int) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        facts = len(stage.facts)
        assert (await desk.post(f"/me/devices/{desk.user.device}/calls", "Dial", **parameters))[1] == code
        assert len(stage.facts) == facts
        assert await desk.told() == []


@in_virtual_time
async def test_unknown_device_operations_are_not_available() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        for path in (f"/me/devices/{desk.user.device}", f"/me/devices/{desk.user.device}/calls"):
            assert await desk.post(path, "Teleport", destination="5002") == (403, 3)


@in_virtual_time
async def test_the_agents_telephone_dials_by_itself() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        line = stage.phone("1001").calls("5002")
        target = await stage.phone("1002").rings()
        assert states(await desk.told()) == [("Internal", "Dialing")]
        target.answers()
        assert states(await desk.told()) == [("Internal", "Established")]
        assert line.hears == {"1002"}
        [call] = await desk.calls()
        assert call["dnis"] == "5002"
        assert states(await desk.does(call, "Hangup")) == [("Internal", "Released")]
        assert line.over is not None
        assert target.over is not None


@in_virtual_time
async def test_an_agent_whose_telephone_is_behind_a_trunk() -> None:
    home = "+14155550188"
    agents = [{"username": "agent1", "password": "secret1", "address": home, "number": "5001"}, *TREE["agent"][1:]]
    async with office(agent=agents, number=[]) as stage:
        desk, other = await Desktop(stage).opens(), await Desktop(stage, "agent2").opens()
        own = stage.phone(home)
        assert (await desk.get("/me/devices?fields=deviceState,telephonyNetwork"))["devices"] == [
            {"deviceState": "Active", "telephonyNetwork": "Public"}
        ]
        [dialing] = await desk.dial("5002")
        (await own.rings()).answers()
        (await stage.phone("1002").rings()).answers()
        assert states(await desk.told()) == [("Internal", "Established")]
        told = await other.told()
        assert states(told) == [("Internal", "Ringing"), ("Internal", "Established")]
        assert [each["phoneNumber"] for each in told[0]["call"]["participants"]] == ["5001"]
        assert states(await desk.does(dialing["call"], "Hangup")) == [("Internal", "Released")]
        stage.phone("1002").calls("5001")
        (await own.rings()).answers()
        assert states(await desk.told()) == [("Internal", "Ringing"), ("Internal", "Established")]


# --- Answer, Hangup, Hold ---------------------------------------------------------------------------------------------


@in_virtual_time
async def test_answer_asks_the_telephone_and_waits_for_it() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        assert await desk.does(call, "Answer") == []
        assert stage.phone("1001").line.talk_asked
        assert stage.phone(OUTSIDE).line.hears == set()
        stage.phone("1001").line.answers()
        assert states(await desk.told()) == [("Inbound", "Established")]


@in_virtual_time
async def test_a_telephone_that_never_says_that_it_rings_is_shown_ringing_all_the_same() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", rings_after_s=None)
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        await stage.passes(0.9)
        assert await desk.told() == []
        await stage.passes(0.2)
        [ringing] = await desk.told()
        assert states([ringing]) == [("Inbound", "Ringing")]
        line = stage.phone("1001").line
        line.rings()
        assert await desk.does(ringing["call"], "Answer") == []
        assert line.talk_asked
        line.answers()
        assert states(await desk.told()) == [("Inbound", "Established")]
        customer.hangs_up()
        assert states(await desk.told()) == [("Inbound", "Released")]


@in_virtual_time
async def test_a_telephone_that_is_busy_at_once_is_not_shown() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        stage.phone("1001", refuses=(Outcome.BUSY, 486))
        stage.phone(OUTSIDE).calls(SERVICE)
        await stage.passes(3)
        assert await desk.told() == []


@in_virtual_time
async def test_a_telephone_that_does_not_obey_is_told_and_rings_on() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        await desk.does(call, "Answer")
        await stage.passes(4.9)
        assert await desk.told() == []
        await stage.passes(0.2)
        [error] = await desk.told()
        assert {key: error[key] for key in error if key != "errorMessage"} == {
            "messageType": "ErrorMessage",
            "notificationType": "Error",
            "errorCode": 4,
            "operationName": "Answer",
            "callUri": call["uri"],
            "callPath": call["path"],
            "phoneNumber": "5001",
        }
        assert error["errorMessage"]
        [shown] = await desk.calls()
        assert shown["state"] == "Ringing"
        stage.phone("1001").line.answers()
        assert states(await desk.told()) == [("Inbound", "Established")]


@in_virtual_time
@pytest.mark.parametrize("operation", ["Hangup", "Reject"])
async def test_a_ringing_call_can_be_declined_though_it_is_not_listed(operation: str) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        assert "Hangup" not in call["capabilities"]
        told = await desk.does(call, operation)
        assert states(told) == [("Inbound", "Released")]
        assert told[0]["call"]["capabilities"] == []
        assert stage.phone("1001").line.over is Outcome.REJECTED
        assert stage.phone(OUTSIDE).line.over is not None
        assert await desk.fails(call, operation) == 6


@in_virtual_time
async def test_a_caller_who_gives_up_releases_the_ringing_call() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        await ringing(stage, desk)
        stage.phone(OUTSIDE).line.hangs_up()
        assert states(await desk.told()) == [("Inbound", "Released")]
        assert stage.phone("1001").line.over is Outcome.CANCELLED


@in_virtual_time
async def test_hangup_ends_both() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        [released] = await desk.does(call, "Hangup")
        assert (released["call"]["state"], released["call"]["capabilities"]) == ("Released", [])
        assert stage.phone(OUTSIDE).line.over is not None
        assert await desk.calls() == []
        assert stage.nothing_left()


@in_virtual_time
async def test_hold_and_retrieve_with_their_capabilities() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        customer, own = stage.phone(OUTSIDE).line, stage.phone("1001").line
        [held] = await desk.does(call, "Hold")
        assert "Retrieve" in held["call"]["capabilities"]
        assert not {"Hold", "SendDtmf"} & set(held["call"]["capabilities"])
        assert (customer.hears, own.hears) == ({MUSIC}, set())
        assert await desk.fails(call, "Hold") == 2
        assert await desk.fails(call, "SendDtmf", digits="1") == 2
        [back] = await desk.does(call, "Retrieve")
        assert back["call"]["state"] == "Established"
        assert (customer.hears, own.hears) == ({"1001"}, {OUTSIDE})
        assert await desk.fails(call, "Retrieve") == 2


@in_virtual_time
@pytest.mark.parametrize(
    "operation",
    ["Hold", "Retrieve", "SendDtmf", "InitiateTransfer", "CompleteTransfer", "SingleStepTransfer", "SwapCalls"],
)
async def test_what_a_ringing_call_does_not_list_is_refused(operation: str) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        more = {"digits": "1", "destination": {"phoneNumber": "5002"}, "otherCallUri": call["uri"]}
        assert await desk.fails(call, operation, **more) == 2


@in_virtual_time
@pytest.mark.parametrize("operation", ["Accept", "Decline"])
async def test_operations_of_preview_calls_fit_no_call_here(operation: str) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        assert await desk.fails(call, operation) == 2
        assert stage.phone("1001").line.over is None
