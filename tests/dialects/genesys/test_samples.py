"""The two samples of the public InitiateTransfer page, replayed and compared field by field.

Ids are compared by shape and by where the same one stands again, capabilities as sets, durations in virtual time. Two
things are not repeated: sample 1's `parentCallPath`, which names a call that does not exist (genesys 4.2), and the
order of members.
"""

from __future__ import annotations

import re
from typing import Any

from switchhook.lab.stage import MUSIC, RINGBACK, Stage
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.settings import Settings
from tests.dialects.genesys.office import ACCOUNT, Desktop, settings

BASE = "http://127.0.0.1:8080/api/v2"
USER_DATA = {"UpdateUserData", "DeleteUserData", "AttachUserData", "DeleteUserDataPair"}
STEPS = {"SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference"}
RULES = {
    "id": "[0-9A-V]{32}",
    "connId": "[0-9a-f]{16}",
    "device": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}


class Ids:
    """Stands for the ids of a sample: each name is bound to the first id found in its place."""

    def __init__(self) -> None:
        self._bound: dict[str, str] = {}

    def same(self, kind: str, name: str, found: str) -> None:
        assert re.fullmatch(RULES[kind], found), found
        assert self._bound.setdefault(f"{kind} {name}", found) == found
        assert len(set(self._bound.values())) == len(self._bound)


def participant(number: str) -> dict[str, str]:
    return {"e164Number": "", "formattedPhoneNumber": number, "phoneNumber": number, "digits": number}


def check(ids: Ids, message: dict[str, Any], sample: dict[str, Any]) -> None:
    """Compares a whole message with a sample's."""
    call = message["data"]["call"]
    name = sample["call"]
    ids.same("id", name, call["id"])
    ids.same("connId", name, call["connId"])
    ids.same("device", "own", call["deviceUri"].removeprefix(f"{BASE}/devices/"))
    expected: dict[str, Any] = {
        "id": call["id"],
        "state": sample["state"],
        "callUuid": call["id"],
        "connId": call["connId"],
        "deviceUri": call["deviceUri"],
        "participants": [participant(sample["other"])],
        "dnis": sample["dnis"],
        "callType": sample["type"],
        "duration": sample["duration"],
        "mute": "Off",
        "supervisorListeningIn": False,
        "monitoredUserMuted": False,
        "uri": f"{BASE}/me/calls/{call['id']}",
        "path": f"/calls/{call['id']}",
    }
    if sample["generation"] == 2016:
        expected["monitoring"] = False
    if "parent" in sample:
        parent = call["parentCallUri"].removeprefix(f"{BASE}/me/calls/")
        ids.same("id", sample["parent"], parent)
        expected["parentCallUri"] = f"{BASE}/me/calls/{parent}"
        if sample["generation"] == 2016:
            expected["parentCallPath"] = f"/calls/{parent}"
    assert len(call["capabilities"]) == len(set(call["capabilities"]))
    assert set(call["capabilities"]) == sample["capabilities"]
    assert {key: value for key, value in call.items() if key != "capabilities"} == expected
    data = {
        "notificationType": "StatusChange",
        "call": call,
        "phoneNumber": sample["own"],
        "messageType": "CallStateChangeMessage",
    }
    if "extensions" in sample:
        data["extensions"] = sample["extensions"]
    assert message == {"channel": "/v2/me/calls", "data": data}


def office(profile: str, *numbers: str) -> Settings:
    return settings(
        genesys={"profile": profile},
        endpoint=[{"username": number, "password": "x", "account": ACCOUNT} for number in numbers],
        agent=[{"username": "agent1", "password": "secret1", "endpoint": numbers[0], "number": numbers[0]}],
        number=[],
    )


@in_virtual_time
async def test_sample_1_a_transfer_is_initiated() -> None:
    common = {"generation": 2016, "own": "15000"}
    async with Stage(office("2016", "15000", "15001", "15002"), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        own, other = stage.phone("15000", answers_after_s=0.0), stage.phone("15001")
        await desk.dial("15001")
        began = stage.now
        (await other.rings()).answers()
        [established] = (await desk.told())[-1:]
        await stage.passes(99 - (stage.now - began))

        await desk.post(
            f"/me/calls/{established['call']['id']}", "InitiateTransfer", destination={"phoneNumber": "15002"}
        )
        held, dialing = await desk.fetched()

        ids = Ids()
        ids.same("id", "M", established["call"]["id"])
        check(
            ids,
            held,
            common
            | {"call": "M", "state": "Held", "other": "15001", "dnis": "15001", "type": "Internal", "duration": "99"}
            | {"capabilities": USER_DATA | STEPS | {"SwapCalls", "Hangup", "CompleteTransfer"}},
        )
        check(
            ids,
            dialing,
            common
            | {"call": "N", "state": "Dialing", "other": "15002", "dnis": "15002", "type": "Consult", "duration": "0"}
            | {"parent": "M", "capabilities": USER_DATA | {"SendDtmf", "SwapCalls", "Hangup", "CompleteTransfer"}},
        )
        assert own.line.hears == {RINGBACK}
        assert other.line.hears == {MUSIC}


@in_virtual_time
async def test_sample_2_a_whole_transfer_in_two_steps() -> None:
    extensions = {"WrapUpTime": 0, "BusinessCall": 0}
    first = {"generation": 2014, "own": "5005", "extensions": extensions}
    first |= {"call": "05", "other": "5000", "dnis": "5005", "type": "Internal"}
    second = {"generation": 2014, "own": "5005", "extensions": extensions}
    second |= {"call": "06", "other": "5001", "dnis": "5001", "type": "Consult", "parent": "05"}
    talking = USER_DATA | STEPS | {"Hangup", "SendDtmf", "Hold"}
    waiting = USER_DATA | STEPS | {"Hangup", "Retrieve"}
    consulting = USER_DATA | {"Hangup", "SwapCalls", "CompleteTransfer", "SendDtmf"}
    ids = Ids()
    async with Stage(office("2014", "5005", "5000", "5001"), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        customer = stage.phone("5000").calls("5005")
        agent = await stage.phone("5005").rings()
        began = stage.now
        [ringing] = await desk.fetched()
        check(ids, ringing, first | {"state": "Ringing", "duration": "0", "capabilities": USER_DATA | {"Answer"}})
        call = ringing["data"]["call"]

        await stage.passes(10 - (stage.now - began))
        assert await desk.does(call, "Answer") == []
        assert agent.talk_asked
        agent.answers()
        [established] = await desk.fetched()
        check(ids, established, first | {"state": "Established", "duration": "10", "capabilities": talking})

        await stage.passes(36 - (stage.now - began))
        await desk.post(f"/me/calls/{call['id']}", "InitiateTransfer", destination={"phoneNumber": "5001"})
        held, dialing = await desk.fetched()
        check(ids, held, first | {"state": "Held", "duration": "36", "capabilities": waiting})
        check(ids, dialing, second | {"state": "Dialing", "duration": "0", "capabilities": consulting})

        target = await stage.phone("5001").rings()
        await stage.passes(48 - (stage.now - began))
        await desk.post(f"/me/calls/{dialing['data']['call']['id']}", "CompleteTransfer")
        released, consult_released = await desk.fetched()
        check(ids, released, first | {"state": "Released", "duration": "48", "capabilities": set()})
        check(ids, consult_released, second | {"state": "Released", "duration": "12", "capabilities": set()})

        assert agent.over is not None
        assert customer.hears == {MUSIC}
        target.answers()
        await stage.settled()
        assert customer.hears == {"5001"}
        assert target.hears == {"5000"}


@in_virtual_time
async def test_sample_2_with_an_answered_target_tells_one_more_message_only() -> None:
    async with Stage(office("2014", "5005", "5000", "5001"), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        customer = stage.phone("5000").calls("5005")
        (await stage.phone("5005").rings()).answers()
        [*_, established] = await desk.told()
        await desk.does(established["call"], "InitiateTransfer", destination={"phoneNumber": "5001"})
        target = await stage.phone("5001").rings()
        target.answers()
        [consult] = await desk.told()
        assert (consult["call"]["state"], consult["call"]["callType"]) == ("Established", "Consult")
        assert {"SwapCalls", "CompleteTransfer", "CompleteConference"} <= set(consult["call"]["capabilities"])
        assert customer.hears == {MUSIC}
        released = await desk.does(consult["call"], "CompleteTransfer")
        assert [data["call"]["state"] for data in released] == ["Released", "Released"]
        assert [data["call"]["id"] for data in released] == [established["call"]["id"], consult["call"]["id"]]
        assert customer.hears == {"5001"}
