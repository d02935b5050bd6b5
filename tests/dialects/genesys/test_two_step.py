"""Two-step transfers: the rows of genesys 9, with who hears whom and what each desktop is told."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, Desktop, settings, states
from tests.dialects.genesys.scene import STEPS, Scene, parties, talking, to

# --- who hears whom ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_who_hears_whom_through_a_whole_transfer() -> None:
    async with talking() as scene:
        assert states(await scene.desk.does(scene.call, "Hold")) == [("Inbound", "Held")]
        assert scene.hear() == ({MUSIC}, set())
        assert states(await scene.desk.does(scene.call, "Retrieve")) == [("Inbound", "Established")]
        assert scene.hear() == ({"1001"}, {OUTSIDE})

        target = await scene.consults(answered=False)
        assert scene.hear() == ({MUSIC}, {RINGBACK})
        target.answers()
        await scene.stage.settled()
        assert scene.hear() == ({MUSIC}, {"1002"})
        assert target.hears == {"1001"}

        await scene.desk.told()
        uri = scene.call["uri"]
        told = await scene.desk.does(scene.second, "SwapCalls", otherCallUri=uri)
        assert states(told) == [("Inbound", "Established"), ("Consult", "Held")]
        assert scene.hear() == ({"1001"}, {OUTSIDE})
        assert target.hears == {MUSIC}

        told = await scene.desk.does(scene.call, "CompleteTransfer")
        assert states(told) == [("Inbound", "Released"), ("Consult", "Released")]
        assert scene.hear() == ({"1002"}, set())
        assert target.hears == {OUTSIDE}


@in_virtual_time
async def test_swapping_there_and_back_tells_the_established_call_first() -> None:
    async with talking() as scene:
        target = await scene.consults()
        there = await scene.desk.does(scene.call, "SwapCalls", otherCallUri=scene.consult["uri"])  # type: ignore[index]
        assert states(there) == [("Inbound", "Established"), ("Consult", "Held")]
        assert set(there[0]["call"]["capabilities"]) >= {"SwapCalls", "CompleteTransfer", "CompleteConference", "Hold"}
        back = await scene.desk.does(scene.call, "SwapCalls", otherCallUri=scene.consult["uri"])  # type: ignore[index]
        assert states(back) == [("Consult", "Established"), ("Inbound", "Held")]
        assert target.hears == {"1001"}
        assert scene.customer.hears == {MUSIC}


@in_virtual_time
async def test_swapping_while_the_target_rings_gives_the_customer_back_meanwhile() -> None:
    async with talking() as scene:
        target = await scene.consults(answered=False)
        told = await scene.desk.does(scene.second, "SwapCalls", otherCallUri=scene.call["uri"])
        assert states(told) == [("Inbound", "Established")]
        assert scene.hear() == ({"1001"}, {OUTSIDE})
        target.answers()
        assert states(await scene.desk.told()) == [("Consult", "Held"), ("Inbound", "Established")]
        assert target.hears == {MUSIC}
        assert scene.hear() == ({"1001"}, {OUTSIDE})


# --- completing -------------------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("named", ["consult", "original", "original with consultCallUri"])
async def test_completion_releases_the_original_first_whichever_call_is_named(named: str) -> None:
    async with talking() as scene:
        target = await scene.consults()
        assert scene.consult is not None
        more = {"consultCallUri": scene.consult["uri"]} if "with" in named else {}
        told = await scene.desk.does(scene.second if named == "consult" else scene.call, "CompleteTransfer", **more)
        assert [data["call"]["id"] for data in told] == [scene.original, scene.second]
        assert [data["call"]["state"] for data in told] == ["Released", "Released"]
        assert [data["call"]["capabilities"] for data in told] == [[], []]
        assert told[1]["call"]["parentCallUri"] == scene.call["uri"]
        assert scene.agent.over is Outcome.COMPLETED
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}
        assert await scene.desk.calls() == []


@in_virtual_time
async def test_the_target_keeps_its_call_and_sees_the_customer_in_it() -> None:
    async with talking() as scene:
        await scene.consults()
        [consult] = await scene.other.calls()
        assert [each["phoneNumber"] for each in consult["participants"]] == ["5001"]
        assert consult["dnis"] == "5002"
        assert consult["connId"] == scene.consult["connId"]  # type: ignore[index]
        assert "parentCallUri" not in consult
        assert not STEPS & set(consult["capabilities"])
        await scene.desk.does(scene.second, "CompleteTransfer")
        [updated] = await scene.other.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert updated["call"]["id"] == consult["id"]
        assert updated["call"]["callType"] == "Inbound"
        assert updated["call"]["connId"] == scene.call["connId"]
        assert parties(updated) == [OUTSIDE]
        assert set(updated["call"]["capabilities"]) >= STEPS | {"Hold"}


@in_virtual_time
async def test_completing_while_the_target_rings() -> None:
    async with talking() as scene:
        target = await scene.consults(answered=False)
        told = await scene.desk.does(scene.second, "CompleteTransfer")
        assert states(told) == [("Inbound", "Released"), ("Consult", "Released")]
        assert scene.agent.over is not None
        assert scene.customer.hears == {MUSIC}
        [ringing] = await scene.other.told()
        assert (ringing["notificationType"], ringing["call"]["state"]) == ("ParticipantsUpdated", "Ringing")
        assert parties(ringing) == [OUTSIDE]
        target.answers()
        [established] = await scene.other.told()
        assert states([established]) == [("Inbound", "Established")]
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}


@in_virtual_time
async def test_an_internal_customers_own_desktop_sees_the_agent_replaced() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        desk, theirs = await Desktop(stage).opens(), await Desktop(stage, "agent3").opens()
        customer = stage.phone("1003").calls("5001")
        (await stage.phone("1001").rings()).answers()
        [*_, established] = await desk.told()
        assert states(await theirs.told()) == [("Internal", "Dialing"), ("Internal", "Established")]
        await desk.does(established["call"], "InitiateTransfer", **to("5002"))
        (await stage.phone("1002").rings()).answers()
        consult = (await desk.told())[0]["call"]
        assert await theirs.told() == []
        await desk.does(consult, "CompleteTransfer")
        [updated] = await theirs.told()
        assert updated["notificationType"] == "ParticipantsUpdated"
        assert parties(updated) == ["5002"]
        assert updated["call"]["state"] == "Established"
        assert customer.hears == {"1002"}


@in_virtual_time
async def test_parameters_of_a_completion_that_fit_no_consult() -> None:
    async with talking() as scene:
        assert await scene.desk.fails(scene.call, "CompleteTransfer") == 2
        await scene.consults()
        api = "http://127.0.0.1:8080/api/v2/me/calls"
        assert await scene.desk.fails(scene.call, "CompleteTransfer", consultCallUri=f"{api}/NOSUCH") == 2
        assert await scene.desk.fails(scene.call, "CompleteTransfer", consultCallUri=scene.call["uri"]) == 2
        assert await scene.desk.fails(scene.second, "CompleteTransfer", consultCallUri=f"{api}/{scene.second}") == 2
        assert await scene.desk.fails(scene.call, "CompleteTransfer", consultCallUri="nonsense") == 2
        assert await scene.desk.fails("NOSUCH", "CompleteTransfer") == 6


# --- the consult ends -------------------------------------------------------------------------------------------------


async def _busy(scene: Scene, target: Line) -> None:
    target.rejects()


async def _no_answer(scene: Scene, target: Line) -> None:
    await scene.stage.passes(31)


async def _cancelled(scene: Scene, target: Line) -> None:
    assert await scene.desk.post(f"/me/calls/{scene.second}", "Hangup") == (200, 0)


@in_virtual_time
@pytest.mark.parametrize("end", [_busy, _no_answer, _cancelled])
async def test_a_target_that_is_not_reached_leaves_the_original_held(end: Any) -> None:
    async with talking() as scene:
        target = await scene.consults(answered=False)
        await end(scene, target)
        released, held = await scene.desk.told()
        assert (released["call"]["id"], released["call"]["state"]) == (scene.second, "Released")
        assert (held["call"]["id"], held["call"]["state"]) == (scene.original, "Held")
        assert held["notificationType"] == "StatusChange"
        assert "Retrieve" in held["call"]["capabilities"]
        assert "SwapCalls" not in held["call"]["capabilities"]
        assert scene.hear() == ({MUSIC}, set())
        assert states(await scene.other.told()) == [("Consult", "Released")]
        assert states(await scene.desk.does(scene.call, "Retrieve")) == [("Inbound", "Established")]
        assert scene.hear() == ({"1001"}, {OUTSIDE})


@in_virtual_time
@pytest.mark.parametrize("who", ["agent's desktop", "target"])
async def test_a_consult_that_ends_after_the_answer_leaves_the_original_held(who: str) -> None:
    async with talking() as scene:
        target = await scene.consults()
        if who == "target":
            target.hangs_up()
            told = await scene.desk.told()
        else:
            told = await scene.desk.does(scene.second, "Hangup")
        assert states(told) == [("Consult", "Released"), ("Inbound", "Held")]
        assert "Retrieve" in told[1]["call"]["capabilities"]
        assert scene.hear() == ({MUSIC}, set())
        assert target.over is not None
        assert scene.agent.over is None


# --- the original ends ------------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("who", ["customer", "agent's desktop"])
@pytest.mark.parametrize("answered", [True, False])
async def test_an_original_that_ends_leaves_the_consult_as_an_ordinary_call(who: str, answered: bool) -> None:
    async with talking() as scene:
        target = await scene.consults(answered=answered)
        if who == "customer":
            scene.customer.hangs_up()
            told = await scene.desk.told()
        else:
            told = await scene.desk.does(scene.call, "Hangup")
        assert states(told) == [("Inbound", "Released"), ("Consult", "Established" if answered else "Dialing")]
        consult = told[1]["call"]
        assert told[1]["notificationType"] == "StatusChange"
        assert consult["parentCallUri"] == scene.call["uri"]
        assert not {"SwapCalls", "CompleteTransfer", "CompleteConference"} & set(consult["capabilities"])
        assert scene.customer.over is not None
        if not answered:
            assert scene.agent.hears == {RINGBACK}
            target.answers()
            assert states(await scene.desk.told()) == [("Consult", "Established")]
        assert scene.agent.hears == {"1002"}
        assert target.hears == {"1001"}
        assert await scene.desk.fails(scene.second, "CompleteTransfer") == 2
        assert states(await scene.desk.does(scene.second, "Hold")) == [("Consult", "Held")]
        assert target.hears == {MUSIC}
        assert states(await scene.desk.does(scene.second, "Retrieve")) == [("Consult", "Established")]
        assert states(await scene.desk.does(scene.second, "Hangup")) == [("Consult", "Released")]
        assert target.over is not None


# --- the telephone itself ---------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("answered", [True, False])
async def test_a_telephone_put_down_during_a_consult_completes_it(answered: bool) -> None:
    async with talking() as scene:
        target = await scene.consults(answered=answered)
        scene.agent.hangs_up()
        assert states(await scene.desk.told()) == [("Inbound", "Released"), ("Consult", "Released")]
        if not answered:
            assert scene.customer.hears == {MUSIC}
            target.answers()
            await scene.stage.settled()
        assert scene.customer.hears == {"1002"}
        assert target.hears == {OUTSIDE}


@in_virtual_time
async def test_a_telephone_put_down_without_a_consult_ends_the_call() -> None:
    async with talking() as scene:
        scene.agent.hangs_up()
        assert states(await scene.desk.told()) == [("Inbound", "Released")]
        assert scene.customer.over is not None


@in_virtual_time
async def test_a_telephone_that_holds_by_itself_shows_the_call_held() -> None:
    async with talking() as scene:
        scene.agent.holds()
        assert states(await scene.desk.told()) == [("Inbound", "Held")]
        assert scene.customer.hears == {MUSIC}
        assert await scene.desk.fails(scene.call, "Retrieve") == 2
        scene.agent.holds(False)
        assert states(await scene.desk.told()) == [("Inbound", "Established")]
