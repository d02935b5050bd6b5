"""Conferences of desktops: what every desktop is told, and what every telephone hears (genesys 2, 4.3 and 9)."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, Desktop, settings, states
from tests.dialects.genesys.scene import Scene, parties, talking, to

REMOVE = "RemoveParticipantFromConference"


async def conferring(scene: Scene, opened: str = "InitiateConference") -> Line:
    """Makes a conference of customer, agent1 and agent2; returns agent2's line."""
    held, dialing = await scene.desk.does(scene.call, opened, **to("5002"))
    assert states([held, dialing]) == [("Inbound", "Held"), ("Consult", "Dialing")]
    scene.consult = dialing["call"]
    target = await scene.stage.phone("1002").rings()
    target.answers()
    await scene.desk.told()
    await scene.other.told()
    await scene.desk.does(scene.second, "CompleteConference")
    everybody_talks(scene, target)
    return target


def everybody_talks(scene: Scene, target: Line) -> None:
    assert scene.customer.hears == {"1001", "1002"}
    assert scene.agent.hears == {OUTSIDE, "1002"}
    assert target.hears == {OUTSIDE, "1001"}


# --- in two steps -----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_initiate_conference_tells_what_initiate_transfer_tells() -> None:
    async with talking() as scene:
        held, dialing = await scene.desk.does(scene.call, "InitiateConference", **to("5002"))
        assert states([held, dialing]) == [("Inbound", "Held"), ("Consult", "Dialing")]
        assert "extensions" not in held
        assert "extensions" not in dialing
        assert dialing["call"]["parentCallUri"] == scene.call["uri"]
        assert scene.hear() == ({MUSIC}, {RINGBACK})
        assert await scene.desk.fails(dialing["call"], "CompleteConference") == 2
        target = await scene.stage.phone("1002").rings()
        target.answers()
        consult, original = await scene.desk.told()
        assert "CompleteConference" in consult["call"]["capabilities"]
        assert "CompleteConference" in original["call"]["capabilities"]
        assert scene.hear() == ({MUSIC}, {"1002"})


@in_virtual_time
@pytest.mark.parametrize("opened", ["InitiateConference", "InitiateTransfer"])
@pytest.mark.parametrize("named", ["consult", "original", "original with consultCallUri"])
async def test_completion_releases_the_consult_and_then_the_original_is_the_conference(opened: str, named: str) -> None:
    async with talking() as scene:
        _, dialing = await scene.desk.does(scene.call, opened, **to("5002"))
        scene.consult = dialing["call"]
        target = await scene.stage.phone("1002").rings()
        target.answers()
        await scene.desk.told()
        await scene.other.told()
        more = {"consultCallUri": scene.consult["uri"]} if "with" in named else {}
        addressed = scene.second if named == "consult" else scene.call
        released, conference = await scene.desk.does(addressed, "CompleteConference", **more)

        assert (released["call"]["id"], released["call"]["state"]) == (scene.second, "Released")
        assert released["call"]["capabilities"] == []
        assert released["call"]["parentCallUri"] == scene.call["uri"]
        assert (conference["call"]["id"], conference["call"]["state"]) == (scene.original, "Established")
        assert conference["notificationType"] == "StatusChange"
        assert conference["call"]["callType"] == "Inbound"
        assert conference["call"]["connId"] == scene.call["connId"]
        assert parties(conference) == [OUTSIDE, "5002"]
        assert REMOVE in conference["call"]["capabilities"]
        assert not {"SwapCalls", "CompleteConference", "CompleteTransfer"} & set(conference["call"]["capabilities"])
        everybody_talks(scene, target)

        [updated] = await scene.other.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert (updated["call"]["callType"], updated["call"]["state"]) == ("Inbound", "Established")
        assert updated["call"]["connId"] == scene.call["connId"]
        assert parties(updated) == [OUTSIDE, "5001"]
        assert REMOVE not in updated["call"]["capabilities"]


@in_virtual_time
async def test_a_conference_may_be_opened_by_one_operation_and_ended_as_a_transfer() -> None:
    async with talking() as scene:
        _, dialing = await scene.desk.does(scene.call, "InitiateConference", **to("5002"))
        target = await scene.stage.phone("1002").rings()
        target.answers()
        await scene.desk.told()
        told = await scene.desk.does(dialing["call"], "CompleteTransfer")
        assert states(told) == [("Inbound", "Released"), ("Consult", "Released")]
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}


@in_virtual_time
async def test_completing_while_the_original_is_talked_on_tells_the_new_party() -> None:
    async with talking() as scene:
        target = await scene.consults()
        await scene.desk.does(scene.call, "SwapCalls", otherCallUri=scene.consult["uri"])  # type: ignore[index]
        released, updated = await scene.desk.does(scene.call, "CompleteConference")
        assert released["call"]["id"] == scene.second
        assert (updated["notificationType"], updated["call"]["state"]) == ("ParticipantsUpdated", "Established")
        assert parties(updated) == [OUTSIDE, "5002"]
        everybody_talks(scene, target)


@in_virtual_time
async def test_an_agent_who_is_the_customer_sees_the_members_too() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk, theirs = await Desktop(stage).opens(), await Desktop(stage, "agent3").opens()
        customer = stage.phone("1003").calls("5001")
        (await stage.phone("1001").rings()).answers()
        [*_, established] = await desk.told()
        await theirs.told()
        _, dialing = await desk.does(established["call"], "InitiateConference", **to("5002"))
        (await stage.phone("1002").rings()).answers()
        await desk.does(dialing["call"], "CompleteConference")
        [updated] = await theirs.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert parties(updated) == ["5001", "5002"]
        assert REMOVE not in updated["call"]["capabilities"]
        assert customer.hears == {"1001", "1002"}


@in_virtual_time
async def test_completion_without_a_consult_or_with_a_wrong_one() -> None:
    async with talking() as scene:
        assert await scene.desk.fails(scene.call, "CompleteConference") == 2
        await scene.consults()
        api = "http://127.0.0.1:8080/api/v2/me/calls"
        assert await scene.desk.fails(scene.call, "CompleteConference", consultCallUri=f"{api}/NOSUCH") == 2
        assert await scene.desk.fails(scene.second, "CompleteConference", consultCallUri=f"{api}/{scene.second}") == 2
        assert await scene.desk.fails(scene.call, "InitiateConference", **to("5003")) == 2
        assert await scene.desk.fails("NOSUCH", "CompleteConference") == 6


# --- in one step ------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_party_is_added_in_one_step_while_the_others_talk_on() -> None:
    async with talking() as scene:
        assert await scene.desk.does(scene.call, "SingleStepConference", **to("5002")) == []
        target = await scene.stage.phone("1002").rings()
        assert scene.hear() == ({"1001"}, {OUTSIDE})
        [ringing] = await scene.other.told()
        assert ringing["call"]["state"] == "Ringing"
        assert await scene.desk.told() == []
        target.answers()
        [updated] = await scene.desk.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert updated["call"]["state"] == "Established"
        assert parties(updated) == [OUTSIDE, "5002"]
        assert REMOVE in updated["call"]["capabilities"]
        [established] = await scene.other.told()
        assert established["call"]["state"] == "Established"
        assert parties(established) == [OUTSIDE, "5001"]
        assert REMOVE not in established["call"]["capabilities"]
        everybody_talks(scene, target)


@in_virtual_time
async def test_a_party_that_does_not_come_is_told_as_an_error_and_changes_nothing() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "SingleStepConference", **to("5002"))
        (await scene.stage.phone("1002").rings()).rejects()
        [error] = await scene.desk.told()
        assert (error["messageType"], error["notificationType"]) == ("ErrorMessage", "Error")
        assert (error["operationName"], error["errorCode"]) == ("SingleStepConference", 4)
        assert error["callUri"] == scene.call["uri"]
        [call] = await scene.desk.calls()
        assert [each["phoneNumber"] for each in call["participants"]] == [OUTSIDE]
        assert REMOVE not in call["capabilities"]
        assert scene.hear() == ({"1001"}, {OUTSIDE})


@in_virtual_time
async def test_the_same_request_again_rings_nobody_twice() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "SingleStepConference", **to("5002"))
        await scene.desk.does(scene.call, "SingleStepConference", **to("5002"))
        target = await scene.stage.phone("1002").rings()
        target.answers()
        await scene.stage.settled()
        assert len(scene.stage.phone("1002").lines) == 1
        await scene.desk.told()
        assert await scene.desk.fails(scene.call, "SingleStepConference", **to("5002"), location="x") == 2


@in_virtual_time
async def test_a_conference_grows_and_its_owner_may_transfer_it() -> None:
    async with talking() as scene:
        target = await conferring(scene)
        await scene.desk.does(scene.call, "SingleStepConference", **to("5003"))
        third = await scene.stage.phone("1003").rings()
        third.answers()
        [updated] = await scene.desk.told()
        assert parties(updated) == [OUTSIDE, "5002", "5003"]
        assert scene.customer.hears == {"1001", "1002", "1003"}
        told = await scene.desk.does(scene.call, "Hold")
        assert states(told) == [("Inbound", "Held")]
        assert scene.hear() == ({"1002", "1003"}, set())
        assert target.hears == {OUTSIDE, "1003"}


# --- somebody leaves --------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_owner_removes_a_participant_and_the_others_talk_on() -> None:
    async with talking() as scene:
        target = await conferring(scene)
        await scene.other.told()
        [updated] = await scene.desk.does(scene.call, REMOVE, participant="5002")
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert parties(updated) == [OUTSIDE]
        assert REMOVE not in updated["call"]["capabilities"]
        assert target.over is Outcome.COMPLETED
        assert [data["call"]["state"] for data in await scene.other.told()] == ["Released"]
        assert scene.hear() == ({"1001"}, {OUTSIDE})


@in_virtual_time
async def test_the_customer_may_be_removed_and_the_agents_talk_on() -> None:
    async with talking() as scene:
        target = await conferring(scene)
        [updated] = await scene.desk.does(scene.call, REMOVE, participant=OUTSIDE)
        assert parties(updated) == ["5002"]
        assert scene.customer.over is not None
        assert scene.agent.hears == {"1002"}
        assert target.hears == {"1001"}


@in_virtual_time
async def test_only_the_owner_of_a_conference_removes_and_only_who_is_there() -> None:
    async with talking() as scene:
        assert await scene.desk.fails(scene.call, REMOVE, participant=OUTSIDE) == 2
        await conferring(scene)
        assert await scene.desk.fails(scene.call, REMOVE) == 1
        assert await scene.desk.fails(scene.call, REMOVE, participant="5003") == 2
        assert await scene.desk.fails(scene.call, REMOVE, participant=["5002"]) == 2
        assert await scene.desk.fails(scene.call, REMOVE, participant="5001") == 2
        await scene.other.told()
        [theirs] = await scene.other.calls()
        assert await scene.other.fails(theirs, REMOVE, participant=OUTSIDE) == 2


async def _customer(scene: Scene, target: Line) -> None:
    scene.customer.hangs_up()


async def _target(scene: Scene, target: Line) -> None:
    target.hangs_up()


async def _desk(scene: Scene, target: Line) -> None:
    assert await scene.desk.post(f"/me/calls/{scene.original}", "Hangup") == (200, 0)


async def _telephone(scene: Scene, target: Line) -> None:
    scene.agent.hangs_up()


@in_virtual_time
@pytest.mark.parametrize("leaves", [_customer, _target, _desk, _telephone])
async def test_whoever_leaves_the_other_two_talk_on_and_are_told(leaves: Any) -> None:
    async with talking() as scene:
        target = await conferring(scene)
        await scene.other.told()
        await leaves(scene, target)
        await scene.stage.settled()
        own, theirs = await scene.desk.told(), await scene.other.told()
        if leaves is _customer:
            assert [parties(data) for data in own + theirs] == [["5002"], ["5001"]]
            assert states(own + theirs) == [("Inbound", "Established")] * 2
            assert (scene.agent.hears, target.hears) == ({"1002"}, {"1001"})
        elif leaves is _target:
            assert [parties(data) for data in own] == [[OUTSIDE]]
            assert states(theirs) == [("Inbound", "Released")]
            assert scene.hear() == ({"1001"}, {OUTSIDE})
        else:
            assert states(own) == [("Inbound", "Released")]
            assert [parties(data) for data in theirs] == [[OUTSIDE]]
            assert (scene.customer.hears, target.hears) == ({"1002"}, {OUTSIDE})


# --- everybody leaves -------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_clear_call_ends_a_conference_for_everybody() -> None:
    async with talking(genesys={"clear_call": True}) as scene:
        assert "ClearCall" in scene.call["capabilities"]
        target = await conferring(scene)
        await scene.other.told()
        assert states(await scene.desk.does(scene.call, "ClearCall")) == [("Inbound", "Released")]
        assert states(await scene.other.told()) == [("Inbound", "Released")]
        assert None not in (scene.customer.over, scene.agent.over, target.over)


@in_virtual_time
async def test_clear_call_of_a_ringing_call_declines_it() -> None:
    async with Stage(settings(genesys={"clear_call": True}), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        customer = stage.phone(OUTSIDE).calls("+14155550100")
        agent = await stage.phone("1001").rings()
        [ringing] = await desk.told()
        assert "ClearCall" in ringing["call"]["capabilities"]
        assert states(await desk.does(ringing["call"], "ClearCall")) == [("Inbound", "Released")]
        assert customer.over is not None
        assert agent.over is not None
        assert stage.nothing_left()


@in_virtual_time
async def test_clear_call_is_not_offered_unless_it_is_wanted() -> None:
    async with talking() as scene:
        assert "ClearCall" not in scene.call["capabilities"]
        assert await scene.desk.fails(scene.call, "ClearCall") == 2


@in_virtual_time
async def test_clearing_a_consult_leaves_the_customer_held() -> None:
    async with talking(genesys={"clear_call": True}) as scene:
        target = await scene.consults()
        assert await scene.desk.post(f"/me/calls/{scene.second}", "ClearCall") == (200, 0)
        assert states(await scene.desk.told()) == [("Consult", "Released"), ("Inbound", "Held")]
        assert target.over is not None
        assert scene.customer.over is None
        assert scene.hear() == ({MUSIC}, set())


# --- meanwhile --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_muted_owner_hears_the_others_who_do_not_hear_it() -> None:
    async with talking(genesys={"mute": True}) as scene:
        target = await conferring(scene)
        await scene.other.told()
        [muted] = await scene.desk.does(scene.call, "MuteCall")
        assert (muted["notificationType"], muted["call"]["mute"]) == ("StatusChange", "On")
        assert {"UnmuteCall", REMOVE} <= set(muted["call"]["capabilities"])
        assert await scene.other.told() == []
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}
        assert scene.agent.hears == {OUTSIDE, "1002"}
        await scene.desk.does(scene.call, "UnmuteCall")
        everybody_talks(scene, target)


@in_virtual_time
async def test_an_agent_who_leaves_while_the_party_rings_leaves_the_customer_to_it() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "SingleStepConference", **to("5002"))
        target = await scene.stage.phone("1002").rings()
        assert states(await scene.desk.does(scene.call, "Hangup")) == [("Inbound", "Released")]
        assert scene.customer.hears == {RINGBACK}
        target.answers()
        await scene.stage.settled()
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}
        assert await scene.desk.told() == []


@in_virtual_time
async def test_a_customer_who_leaves_while_the_party_rings_ends_the_call_for_all() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "SingleStepConference", **to("5002"))
        target = await scene.stage.phone("1002").rings()
        scene.customer.hangs_up()
        told = [data for data in await scene.desk.told() if data["messageType"] == "CallStateChangeMessage"]
        assert states(told) == [("Inbound", "Released")]
        await scene.stage.settled()
        assert target.over is not None
        assert scene.agent.over is not None


@in_virtual_time
async def test_the_owner_may_consult_again_and_bring_one_more() -> None:
    async with talking() as scene:
        target = await conferring(scene)
        held, dialing = await scene.desk.does(scene.call, "InitiateConference", **to("5003"))
        assert states([held, dialing]) == [("Inbound", "Held"), ("Consult", "Dialing")]
        assert (scene.customer.hears, target.hears) == ({"1002"}, {OUTSIDE})
        third = await scene.stage.phone("1003").rings()
        third.answers()
        await scene.desk.told()
        assert (scene.agent.hears, third.hears) == ({"1003"}, {"1001"})
        await scene.desk.does(dialing["call"], "CompleteConference")
        everybody = {OUTSIDE, "1001", "1002", "1003"}
        lines = {OUTSIDE: scene.customer, "1001": scene.agent, "1002": target, "1003": third}
        assert {name: line.hears for name, line in lines.items()} == {name: everybody - {name} for name in lines}
