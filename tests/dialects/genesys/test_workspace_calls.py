"""The Workspace API: each call operation, what the desktops are told, and who hears whom."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.lab.stage import MUSIC, RINGBACK
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE
from tests.dialects.genesys.test_call_recordings import AGENTS
from tests.dialects.genesys.worker import states, talking


@in_virtual_time
async def test_hold_retrieve_and_release() -> None:
    async with talking() as office:
        [held] = await office.desk.does(office.call, "hold")
        assert held["messageType"] == "CallStateChanged"
        assert held["notificationType"] == "StateChange"
        assert held["call"]["state"] == "Held"
        assert "retrieve" in held["call"]["capabilities"]
        assert office.customer.hears == {"music"}
        assert states(await office.desk.does(office.call, "retrieve")) == [("Inbound", "Established")]
        assert office.customer.hears == {"1001"}
        assert await office.desk.fails(office.call, "retrieve") == 400
        [released] = await office.desk.does(office.call, "release")
        assert (released["call"]["state"], released["call"]["capabilities"]) == ("Released", [])
        assert office.customer.over is not None
        assert await office.desk.calls() == []
        assert await office.desk.fails(office.call, "hold") == 404


@in_virtual_time
async def test_a_call_as_its_agent_sees_it() -> None:
    async with talking() as office:
        call = dict(office.call)
        capabilities = set(call.pop("capabilities"))
        uuid, conn = call.pop("callUuid"), call.pop("connId")
        assert (len(uuid), len(conn)) == (32, 16)
        assert call == {
            "id": conn,
            "phoneNumber": "5001",
            "callType": "Inbound",
            "state": "Established",
            "participants": [{"number": OUTSIDE, "role": "RoleOrigination"}],
            "dnis": "+14155550100",
            "ani": OUTSIDE,
            "userData": [],
        }
        assert capabilities == {
            *("attach-user-data", "update-user-data", "delete-user-data-pair", "release", "hold", "send-dtmf"),
            *("initiate-transfer", "single-step-transfer", "initiate-conference", "single-step-conference"),
        }
        assert await office.desk.calls() == [office.call]


@in_virtual_time
async def test_two_step_transfer_and_the_target_learns_the_new_id() -> None:
    async with talking() as office:
        consult, target, asked = await office.consults()
        assert {"complete-transfer", "complete-conference", "alternate", "reconnect"} <= set(consult["capabilities"])
        [original] = [call for call in await office.desk.calls() if call["id"] == office.call["id"]]
        assert not {"complete-transfer", "alternate", "reconnect", "merge"} & set(original["capabilities"])
        assert await office.desk.fails(consult, "complete-transfer") == 400
        assert await office.desk.fails(consult, "complete-transfer", parentConnId=consult["id"]) == 400
        assert await office.desk.fails(original, "complete-transfer", parentConnId=consult["id"]) == 400
        told = await office.desk.does(consult, "complete-transfer", parentConnId=office.call["id"])
        assert states(told) == [("Inbound", "Released"), ("Consult", "Released")]
        moved = (await office.other.told())[-1]["call"]
        assert (moved["id"], moved["previousConnId"]) == (office.call["id"], asked["id"])
        assert moved["callUuid"] == asked["callUuid"]
        assert [each["number"] for each in moved["participants"]] == [OUTSIDE]
        assert (office.customer.hears, target.hears) == ({"1002"}, {OUTSIDE})
        [held] = await office.other.does(asked["id"], "hold")  # the old id still names it
        assert held["call"]["id"] == moved["id"]


@in_virtual_time
async def test_single_step_transfer() -> None:
    async with talking() as office:
        told = await office.desk.does(office.call, "single-step-transfer", destination="5002")
        assert states(told) == [("Inbound", "Released")]
        target = await office.stage.phone("1002").rings()
        target.answers()
        await office.stage.settled()
        assert (office.customer.hears, target.hears) == ({"1002"}, {OUTSIDE})


@in_virtual_time
async def test_alternate_puts_the_one_on_hold_and_takes_the_other() -> None:
    async with talking() as office:
        consult, target, _ = await office.consults()
        assert office.agent.hears == {"1002"}
        told = await office.desk.does(consult, "alternate", heldConnId=office.call["id"])
        assert states(told)[:2] == [("Inbound", "Established"), ("Consult", "Held")]
        assert (office.agent.hears, office.customer.hears) == ({OUTSIDE}, {"1001"})
        assert await office.desk.fails(consult, "alternate", heldConnId=office.call["id"]) == 400
        await office.desk.does(office.call, "alternate", heldConnId=consult["id"])
        assert office.agent.hears == {"1002"}
        assert await office.desk.fails(consult, "alternate") == 400
        assert await office.desk.fails(consult, "alternate", heldConnId="nothing") == 400
        assert target.over is None


@in_virtual_time
async def test_alternate_and_reconnect_while_the_consult_still_dials() -> None:
    async with talking() as office:
        told = await office.desk.does(office.call, "initiate-transfer", destination="5002")
        consult = told[1]["call"]
        await office.stage.phone("1002").rings()
        assert states(await office.desk.does(consult, "alternate", heldConnId=office.call["id"])) == [
            ("Inbound", "Established")
        ]
        assert (office.agent.hears, office.customer.hears) == ({OUTSIDE}, {"1001"})
        await office.desk.does(office.call, "alternate", heldConnId=consult["id"])
        assert (office.agent.hears, office.customer.hears) == ({RINGBACK}, {MUSIC})
        await office.desk.does(consult, "alternate", heldConnId=office.call["id"])
        told = await office.desk.does(consult, "reconnect", heldConnId=office.call["id"])
        assert ("Consult", "Released") in states(told)
        assert (office.agent.hears, office.customer.hears) == ({OUTSIDE}, {"1001"})


@in_virtual_time
async def test_reconnect_releases_the_consult_and_retrieves_the_customer() -> None:
    async with talking() as office:
        consult, target, _ = await office.consults()
        told = await office.desk.does(consult, "reconnect", heldConnId=office.call["id"])
        assert ("Consult", "Released") in states(told)
        assert states(told)[-1] == ("Inbound", "Established")
        assert (office.agent.hears, office.customer.hears) == ({OUTSIDE}, {"1001"})
        assert target.over is not None


@in_virtual_time
async def test_a_reconnect_that_cannot_be_leaves_the_consult_alone() -> None:
    async with talking() as office:
        consult, target, _ = await office.consults()
        office.agent.holds()
        await office.stage.settled()
        await office.desk.told()
        assert await office.desk.fails(consult, "reconnect", heldConnId=office.call["id"]) == 400
        assert await office.desk.fails(consult, "reconnect", heldConnId=consult["id"]) == 400
        assert target.over is None


@pytest.mark.parametrize("how", ["complete-conference", "merge"])
@in_virtual_time
async def test_two_step_conference_and_a_party_taken_out(how: str) -> None:
    async with talking() as office:
        consult, target, _ = await office.consults("initiate-conference")
        named = {"parentConnId": office.call["id"]} if how == "complete-conference" else {"otherConnId": consult["id"]}
        asked_of = consult if how == "complete-conference" else office.call
        told = await office.desk.does(asked_of, how, **named)
        assert ("Consult", "Released") in states(told)
        conference = told[-1]["call"]
        assert conference["id"] == office.call["id"]
        assert {each["number"] for each in conference["participants"]} == {OUTSIDE, "5002"}
        assert [each["role"] for each in conference["participants"]] == ["RoleOrigination", "RoleNewParty"]
        assert "delete-from-conference" in conference["capabilities"]
        assert (office.customer.hears, target.hears) == ({"1001", "1002"}, {"1001", OUTSIDE})
        assert await office.desk.fails(conference, "delete-from-conference", dnToDrop="5003") == 400
        [smaller] = await office.desk.does(conference, "delete-from-conference", dnToDrop="5002")
        assert smaller["notificationType"] == "ParticipantsUpdated"
        assert [each["number"] for each in smaller["call"]["participants"]] == [OUTSIDE]
        assert (office.customer.hears, target.over is None) == ({"1001"}, False)


@in_virtual_time
async def test_single_step_conference() -> None:
    async with talking() as office:
        await office.desk.does(office.call, "single-step-conference", destination="5002")
        target = await office.stage.phone("1002").rings()
        target.answers()
        told = await office.desk.told()
        assert "ParticipantsUpdated" in {each["notificationType"] for each in told}
        assert (office.customer.hears, target.hears) == ({"1001", "1002"}, {"1001", OUTSIDE})


@in_virtual_time
async def test_clear_ends_the_call_for_everybody() -> None:
    async with talking(genesys={"clear_call": True}) as office:
        assert "clear" in office.call["capabilities"]
        consult, target, _ = await office.consults("initiate-conference")
        await office.desk.does(consult, "complete-conference", parentConnId=office.call["id"])
        assert states(await office.desk.does(office.call, "clear"))[-1] == ("Inbound", "Released")
        assert office.customer.over is not None
        assert target.over is not None


@in_virtual_time
async def test_recording() -> None:
    async with talking(genesys={"recorder": True}, agent=AGENTS) as office:
        assert office.call["recordingState"] == "Stopped"
        for operation, state in (
            ("start-recording", "Recording"),
            ("pause-recording", "Paused"),
            ("resume-recording", "Recording"),
            ("stop-recording", "Stopped"),
        ):
            told = await office.desk.does(office.call, operation)
            assert {each["notificationType"] for each in told} == {"StateChange"}
            assert told[-1]["call"]["recordingState"] == state
            assert await office.desk.fails(office.call, operation) == 400


@in_virtual_time
async def test_digits() -> None:
    async with talking() as office:
        [sent] = await office.desk.does(office.call, "send-dtmf", dtmfDigits="12#")
        assert (sent["notificationType"], sent["call"]["state"]) == ("StateChange", "Established")
        assert await office.desk.fails(office.call, "send-dtmf") == 400
        assert await office.desk.fails(office.call, "send-dtmf", dtmfDigits="x") == 400
        pressed = [stamped.fact for stamped in office.stage.facts if isinstance(stamped.fact, f.DigitsSent)]
        assert pressed == [f.DigitsSent(office.customer.leg, "12#")]


@in_virtual_time
async def test_operations_that_are_not_there() -> None:
    async with talking() as office:
        assert await office.desk.fails(office.call, "teleport", destination="5003") == 404
        assert await office.desk.fails(office.call, "complete") == 404
        assert await office.desk.fails("0000000000000000", "release") == 404
        assert await office.desk.fails(office.call, "answer") == 400


@in_virtual_time
@pytest.mark.parametrize("operation", ["initiate-transfer", "initiate-conference"])
async def test_the_target_of_a_consult_is_shown_the_number_that_was_asked_for(operation: str) -> None:
    async with talking() as office:
        await office.desk.does(office.call, operation, destination="5002", outboundCallerId="+14155550188")
        target = await office.stage.phone("1002").rings()
        assert target.invitation is not None
        assert target.invitation.caller == "+14155550188"
