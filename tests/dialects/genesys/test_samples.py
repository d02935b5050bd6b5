"""The two samples of the public InitiateTransfer page, replayed and compared field by field.

Ids are compared by shape and by where the same one stands again, capabilities as sets, durations in virtual time. Two
things are not repeated: sample 1's `parentCallPath`, which names a call that does not exist (genesys 4.2), and the
order of members.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

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
    ids.same("connId", sample.get("conn", name), call["connId"])
    ids.same("device", sample["own"], call["deviceUri"].removeprefix(f"{BASE}/devices/"))
    expected: dict[str, Any] = {
        "id": call["id"],
        "state": sample["state"],
        "callUuid": call["id"],
        "connId": call["connId"],
        "deviceUri": call["deviceUri"],
        "participants": [participant(number) for number in sample["other"].split()],
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
        "notificationType": sample.get("notification", "StatusChange"),
        "call": call,
        "phoneNumber": sample["own"],
        "messageType": "CallStateChangeMessage",
    }
    if "extensions" in sample:
        data["extensions"] = sample["extensions"]
    assert message == {"channel": "/v2/me/calls", "data": data}


def office(profile: str, *numbers: str, desks: int = 1) -> Settings:
    """Telephones with these numbers, the first of them on the desks of agent1, agent2 and so on."""
    return settings(
        genesys={"profile": profile},
        endpoint=[{"username": number, "password": "x", "account": ACCOUNT} for number in numbers],
        agent=[
            {"username": f"agent{n}", "password": f"secret{n}", "endpoint": number, "number": number}
            for n, number in enumerate(numbers[:desks], 1)
        ],
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


# --- the same with a desktop on every desk: what the others see is not in the samples (genesys 9) ---------------------

TALKING = USER_DATA | STEPS | {"Hangup", "SendDtmf", "Hold"}


class Three:
    """Sample 2 up to the answered consult: 5000 calls 5005, who consults 5001; each has a desktop."""

    def __init__(self, stage: Stage, profile: str) -> None:
        self.stage = stage
        self.ids = Ids()
        older: dict[str, Any] = {"generation": 2014, "extensions": {"WrapUpTime": 0, "BusinessCall": 0}}
        newer: dict[str, Any] = {"generation": 2016, "extensions": {"BusinessCall": 0}}
        self.common = older if profile == "2014" else newer
        self.began: dict[str, float] = {}

    async def check(self, desk: Desktop, *samples: dict[str, Any]) -> list[dict[str, Any]]:
        """Compares what waits for a desktop with samples; durations count from the first message of each call."""
        found = await desk.fetched()
        for message, sample in zip(found, samples, strict=True):
            began = self.began.setdefault(sample["call"], self.stage.now)
            duration = str(int(self.stage.now - began + 0.001))
            check(self.ids, message, self.common | {"duration": duration, "own": desk.user.number} | sample)
            shown = await desk.get(f"/me/calls/{message['data']['call']['id']}")
            if sample["state"] == "Released":
                assert (shown["http"], shown["statusCode"]) == (404, 6)
            else:
                assert shown["call"] == message["data"]["call"]
        return found

    async def begin(self) -> None:
        self.desk = await Desktop(self.stage).opens()
        self.target = await Desktop(self.stage, "agent2").opens()
        self.customer = await Desktop(self.stage, "agent3").opens()
        self.callers = self.stage.phone("5000").calls("5005")
        own = await self.stage.phone("5005").rings()
        first: dict[str, Any] = {"call": "05", "conn": "main", "other": "5000", "dnis": "5005", "type": "Internal"}
        theirs: dict[str, Any] = {"call": "C", "conn": "main", "other": "5005", "dnis": "5005", "type": "Internal"}
        dialing = {"state": "Dialing", "capabilities": USER_DATA | {"SendDtmf", "Hangup"}}
        await self.check(self.desk, first | {"state": "Ringing", "capabilities": USER_DATA | {"Answer"}})
        await self.check(self.customer, theirs | dialing)
        await self.stage.passes(10)
        own.answers()
        [message] = await self.check(self.desk, first | {"state": "Established", "capabilities": TALKING})
        await self.check(self.customer, theirs | {"state": "Established", "capabilities": TALKING})
        self.call = message["data"]["call"]
        self.first, self.theirs = first, theirs

    async def consults(self, operation: str) -> None:
        await self.stage.passes(26)
        self.began["06"] = self.began["T"] = self.stage.now
        await self.desk.post(f"/me/calls/{self.call['id']}", operation, destination={"phoneNumber": "5001"})
        *_, dialing = await self.desk.fetched()
        self.consult = dialing["data"]["call"]
        self.ids.same("id", "06", self.consult["id"])
        target = await self.stage.phone("5001").rings()
        self.began["T"] = self.stage.now
        at_target: dict[str, Any] = {"call": "T", "conn": "06", "other": "5005", "dnis": "5001", "type": "Consult"}
        await self.check(self.target, at_target | {"state": "Ringing", "capabilities": USER_DATA | {"Answer"}})
        await self.stage.passes(5)
        target.answers()
        consulting = {"state": "Established", "capabilities": USER_DATA | {"Hangup", "SendDtmf", "Hold"}}
        await self.check(self.target, at_target | consulting)
        second = {"call": "06", "other": "5001", "dnis": "5001", "type": "Consult", "parent": "05"}
        both = {"SwapCalls", "CompleteTransfer", "CompleteConference"}
        told = [second | {"state": "Established", "capabilities": USER_DATA | {"Hangup", "SendDtmf"} | both}]
        if self.common["generation"] == 2016:  # the held original offers one more thing now
            held = {"state": "Held", "capabilities": USER_DATA | STEPS | {"Hangup"} | both}
            told.append(self.first | held)
        await self.check(self.desk, *told)
        assert await self.customer.fetched() == []
        self.second, self.at_target = second, at_target
        await self.stage.passes(7)


@in_virtual_time
@pytest.mark.parametrize("profile", ["2014", "2016"])
async def test_what_everybody_sees_of_a_transfer(profile: str) -> None:
    async with Stage(office(profile, "5005", "5001", "5000", desks=3), dialects=("genesys",)) as stage:
        three = Three(stage, profile)
        await three.begin()
        await three.consults("InitiateTransfer")
        await three.desk.post(f"/me/calls/{three.consult['id']}", "CompleteTransfer")
        over: dict[str, Any] = {"state": "Released", "capabilities": set()}
        await three.check(three.desk, three.first | over, three.second | over)
        updated = {"notification": "ParticipantsUpdated", "state": "Established", "capabilities": TALKING}
        moved = {"conn": "main", "other": "5000", "type": "Internal"}
        await three.check(three.target, three.at_target | moved | updated)
        await three.check(three.customer, three.theirs | {"other": "5001"} | updated)
        assert three.callers.hears == {"5001"}


@in_virtual_time
@pytest.mark.parametrize("profile", ["2014", "2016"])
@pytest.mark.parametrize("operation", ["InitiateTransfer", "InitiateConference"])
async def test_what_everybody_sees_of_a_conference(profile: str, operation: str) -> None:
    async with Stage(office(profile, "5005", "5001", "5000", desks=3), dialects=("genesys",)) as stage:
        three = Three(stage, profile)
        await three.begin()
        await three.consults(operation)
        await three.desk.post(f"/me/calls/{three.consult['id']}", "CompleteConference")
        owned: dict[str, Any] = {"other": "5000 5001", "state": "Established"}
        owned |= {"capabilities": TALKING | {"RemoveParticipantFromConference"}}
        released: dict[str, Any] = {"state": "Released", "capabilities": set()}
        await three.check(three.desk, three.second | released, three.first | owned)
        updated = {"notification": "ParticipantsUpdated", "state": "Established", "capabilities": TALKING}
        moved = {"conn": "main", "other": "5000 5005", "type": "Internal"}
        await three.check(three.target, three.at_target | moved | updated)
        await three.check(three.customer, three.theirs | {"other": "5005 5001"} | updated)
        assert three.callers.hears == {"5001", "5005"}
