"""Operations on one call: keys, mute, user data, and the shapes of what is told; a refusal changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core import facts as f
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop, settings, states


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


# --- keys, mute -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_digits_go_to_the_other_party_and_are_not_echoed() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        [sent] = await desk.does(call, "SendDtmf", digits="12#*A")
        assert sent["notificationType"] == "DtmfSent"
        assert sent["call"]["id"] == call["id"]
        assert sent["call"]["state"] == "Established"
        assert "12#*A" not in str(sent["call"].get("digits", ""))
        pressed = [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.DigitsSent)]
        assert pressed == [f.DigitsSent(stage.phone(OUTSIDE).line.leg, "12#*A")]


@in_virtual_time
@pytest.mark.parametrize(("digits", "code"), [(None, 1), ("", 1), ("12x", 10), (12, 10), ("1 2", 10)])
async def test_digits_that_are_none(digits: Any, code: int) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        assert await desk.fails(call, "SendDtmf", digits=digits) == code


@in_virtual_time
async def test_mute_where_it_is_offered() -> None:
    async with office(genesys={"mute": True}) as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        [muted] = await desk.does(call, "MuteCall")
        assert (muted["notificationType"], muted["call"]["mute"]) == ("StatusChange", "On")
        assert "UnmuteCall" in muted["call"]["capabilities"]
        assert stage.phone(OUTSIDE).line.hears == set()
        assert stage.phone("1001").line.hears == {OUTSIDE}
        [open_] = await desk.does(call, "UnmuteCall")
        assert open_["call"]["mute"] == "Off"
        assert stage.phone(OUTSIDE).line.hears == {"1001"}


@in_virtual_time
async def test_mute_where_it_is_not_offered() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        assert await desk.fails(call, "MuteCall") == 2


# --- user data --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_user_data_is_added_replaced_deleted_and_told() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        [told] = await desk.does(call, "AttachUserData", userData={"case": "17", "tier": {"name": "gold"}})
        assert told["notificationType"] == "AttachedDataChanged"
        assert told["call"]["userData"] == {"case": "17", "tier": {"name": "gold"}}
        assert "extensions" not in told
        [told] = await desk.does(call, "UpdateUserData", userData={"case": "18", "new": "1"})
        assert told["call"]["userData"] == {"case": "18", "tier": {"name": "gold"}, "new": "1"}
        [told] = await desk.does(call, "DeleteUserDataPair", key="tier")
        assert told["call"]["userData"] == {"case": "18", "new": "1"}
        assert await desk.does(call, "DeleteUserDataPair", key="tier") == []
        [told] = await desk.does(call, "DeleteUserData")
        assert "userData" not in told["call"]
        assert told["call"]["state"] == "Ringing"


@in_virtual_time
async def test_attaching_a_key_again_duplicates_it() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        for value in ("a", "b", "c"):
            await desk.does(call, "AttachUserData", userData={"note": value})
        reply = await stage.http.get(f"/api/v2/me/calls/{call['id']}", auth=desk.auth)
        assert '"userData":{"note":"a","note":"b","note":"c"}' in reply.text
        [told] = await desk.does(call, "UpdateUserData", userData={"note": "d"})
        assert told["call"]["userData"] == {"note": "d"}


@in_virtual_time
@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("AttachUserData", {}, 1),
        ("AttachUserData", {"userData": "x"}, 2),
        ("UpdateUserData", {}, 1),
        ("DeleteUserDataPair", {}, 1),
        ("DeleteUserDataPair", {"key": 7}, 2),
    ],
)
async def test_user_data_operations_that_are_refused(operation: str, parameters: dict[str, Any], code: int) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        assert await desk.fails(call, operation, **parameters) == code


# --- shapes of messages -----------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize(
    ("profile", "extensions"), [("2016", {"BusinessCall": 0}), ("2014", {"WrapUpTime": 0, "BusinessCall": 0})]
)
async def test_extensions_of_each_profile(profile: str, extensions: dict[str, int]) -> None:
    async with office(genesys={"profile": profile}) as stage:
        desk = await Desktop(stage).opens()
        call = await talking(stage, desk)
        told = await desk.does(call, "Hold")
        told += await desk.does(call, "Retrieve")
        assert [message["extensions"] for message in [*desk.seen[:2], *told]] == [extensions] * 4
        held, dialing = await desk.does(call, "InitiateTransfer", destination={"phoneNumber": "5002"})
        [data] = await desk.does(call, "UpdateUserData", userData={"a": 1})
        for message in (held, dialing, data):
            assert message.get("extensions") == (extensions if profile == "2014" else None)
        for message in (held, dialing):
            assert ("monitoring" in message["call"]) == (profile == "2016")
        assert ("parentCallPath" in dialing["call"]) == (profile == "2016")


@in_virtual_time
async def test_duration_counts_from_the_first_event_and_the_ringing_too() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens()
        call = await ringing(stage, desk)
        await stage.passes(22)
        stage.phone("1001").line.answers()
        [established] = await desk.told()
        assert established["call"]["duration"] == "22"
        await stage.passes(7.9)
        assert (await desk.get(f"/me/calls/{call['id']}"))["call"]["duration"] == "29"
