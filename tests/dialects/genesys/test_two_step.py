"""Two-step and one-step transfers: every row of genesys 9, with who hears whom and what each desktop is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop, settings, states

STEPS = {"SingleStepTransfer", "SingleStepConference", "InitiateTransfer", "InitiateConference"}


def to(number: str) -> dict[str, Any]:
    return {"destination": {"phoneNumber": number}}


@dataclass
class Scene:
    """A customer from outside who talks to agent1; agent2 may be asked."""

    stage: Stage
    desk: Desktop
    other: Desktop  # agent2's
    customer: Line
    agent: Line
    call: dict[str, Any]
    consult: dict[str, Any] | None = None

    @property
    def original(self) -> str:
        found: str = self.call["id"]
        return found

    @property
    def second(self) -> str:
        assert self.consult is not None
        found: str = self.consult["id"]
        return found

    async def consults(self, *, answered: bool = True) -> Line:
        """Initiates a transfer to agent2."""
        told = await self.desk.does(self.call, "InitiateTransfer", **to("5002"))
        assert states(told) == [("Inbound", "Held"), ("Consult", "Dialing")]
        self.consult = told[1]["call"]
        target = await self.stage.phone("1002").rings()
        assert states(await self.other.told()) == [("Consult", "Ringing")]
        if answered:
            target.answers()
            assert states(await self.desk.told()) == [("Consult", "Established"), ("Inbound", "Held")]
            assert states(await self.other.told()) == [("Consult", "Established")]
        return target

    def hear(self) -> tuple[set[str], set[str]]:
        return self.customer.hears, self.agent.hears


@asynccontextmanager
async def talking(**sections: Any) -> AsyncIterator[Scene]:
    async with Stage(settings(**sections), dialects=("genesys",)) as stage:
        desk = await Desktop(stage).opens()
        other = await Desktop(stage, "agent2").opens()
        customer = stage.phone(OUTSIDE).calls(SERVICE)
        agent = await stage.phone("1001").rings()
        agent.answers()
        [ringing, established] = await desk.told()
        assert states([ringing, established]) == [("Inbound", "Ringing"), ("Inbound", "Established")]
        assert customer.hears == {"1001"}
        assert agent.hears == {OUTSIDE}
        yield Scene(stage, desk, other, customer, agent, established["call"])
        await stage.settled()
        for line in [line for phone in stage.phones.values() for line in phone.lines if line.over is None]:
            if line.over is None:
                line.hangs_up()
                await stage.settled()
        assert stage.nothing_left()


def parties(data: dict[str, Any]) -> list[str]:
    return [each["phoneNumber"] for each in data["call"]["participants"]]


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


# --- after the completion ---------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_target_that_fails_after_the_completion_lets_the_customer_go() -> None:
    async with talking() as scene:
        target = await scene.consults(answered=False)
        await scene.desk.does(scene.second, "CompleteTransfer")
        target.rejects()
        await scene.stage.settled()
        assert scene.customer.over is not None
        assert await scene.desk.told() == []


@in_virtual_time
async def test_a_recall_rings_the_agent_again_with_the_same_data() -> None:
    async with talking(genesys={"recall": True}) as scene:
        await scene.desk.does(scene.call, "UpdateUserData", userData={"case": "17"})
        target = await scene.consults(answered=False)
        await scene.desk.does(scene.second, "CompleteTransfer")
        target.rejects()
        back = await scene.stage.phone("1001").rings()
        [ringing] = await scene.desk.told()
        assert states([ringing]) == [("Inbound", "Ringing")]
        assert ringing["call"]["id"] not in (scene.original, scene.second)
        assert ringing["call"]["userData"] == {"case": "17"}
        assert parties(ringing) == [OUTSIDE]
        assert scene.customer.hears == {MUSIC}
        back.answers()
        assert states(await scene.desk.told()) == [("Inbound", "Established")]
        assert scene.customer.hears == {"1001"}
        assert back.hears == {OUTSIDE}


@in_virtual_time
@pytest.mark.parametrize("fallback", ["next:1003", "voicemail:1003"])
async def test_a_configured_fallback_takes_the_customer(fallback: str) -> None:
    async with talking(transfers={"fallback": fallback}) as scene:
        target = await scene.consults(answered=False)
        await scene.desk.does(scene.second, "CompleteTransfer")
        target.rejects()
        third = await scene.stage.phone("1003").rings()
        assert scene.customer.hears == {MUSIC}
        third.answers()
        await scene.stage.settled()
        assert scene.customer.hears == {"1003"}


# --- one step ---------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_single_step_releases_the_agent_at_once() -> None:
    async with talking() as scene:
        [released] = await scene.desk.does(scene.call, "SingleStepTransfer", **to("5002"), userData={"why": "tax"})
        assert released["call"]["state"] == "Released"
        assert parties(released) == [OUTSIDE]
        assert scene.agent.over is not None
        assert scene.customer.hears == {MUSIC}
        target = await scene.stage.phone("1002").rings()
        [ringing] = await scene.other.told()
        assert states([ringing]) == [("Inbound", "Ringing")]
        assert parties(ringing) == [OUTSIDE]
        assert ringing["call"]["userData"] == {"why": "tax"}
        assert target.invitation is not None
        assert target.invitation.caller == OUTSIDE
        target.answers()
        assert states(await scene.other.told()) == [("Inbound", "Established")]
        assert scene.customer.hears == {"1002"}


@in_virtual_time
async def test_a_single_step_to_nobody_lets_the_customer_go() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "SingleStepTransfer", **to("5002"))
        (await scene.stage.phone("1002").rings()).rejects()
        await scene.stage.settled()
        assert scene.customer.over is not None


@in_virtual_time
@pytest.mark.parametrize("answered", [True, False])
async def test_a_single_step_may_keep_the_agent_until_the_answer(answered: bool) -> None:
    async with talking(transfers={"cold_release": "on_answer"}) as scene:
        await scene.desk.does(scene.call, "SingleStepTransfer", **to("5002"))
        target = await scene.stage.phone("1002").rings()
        assert scene.agent.over is None
        assert scene.customer.hears == {MUSIC}
        if answered:
            target.answers()
            told = await scene.desk.told()
            assert {data["call"]["state"] for data in told} == {"Released"}
            assert scene.agent.over is not None
            assert scene.customer.hears == {"1002"}
        else:
            target.rejects()
            await scene.desk.told()
            assert scene.hear() == ({"1001"}, {OUTSIDE})


# --- repeats and refusals ---------------------------------------------------------------------------------------------


@in_virtual_time
@pytest.mark.parametrize("operation", ["InitiateTransfer", "SingleStepTransfer"])
async def test_the_same_request_twice_rings_once(operation: str) -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, operation, **to("5002"))
        facts = len(scene.stage.facts)
        assert await scene.desk.does(scene.call, operation, **to("5002")) == []
        assert len(scene.stage.facts) == facts
        await scene.stage.passes(1)
        assert len(scene.stage.phone("1002").lines) == 1


@in_virtual_time
async def test_a_second_consult_is_refused_and_changes_nothing() -> None:
    async with talking() as scene:
        await scene.consults(answered=False)
        assert await scene.desk.fails(scene.call, "InitiateTransfer", **to("5003")) == 2
        assert await scene.desk.fails(scene.second, "InitiateTransfer", **to("5003")) == 2
        assert scene.stage.phone("1003").lines == []


@in_virtual_time
async def test_once_the_target_answered_an_equal_request_is_new() -> None:
    async with talking() as scene:
        await scene.consults()
        assert await scene.desk.fails(scene.call, "InitiateTransfer", **to("5002")) == 2


@in_virtual_time
@pytest.mark.parametrize("operation", ["InitiateTransfer", "SingleStepTransfer"])
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 1),
        ({"destination": {}}, 1),
        ({"destination": "5002"}, 1),
        ({"destination": {"phoneNumber": ""}}, 2),
        ({"destination": {"phoneNumber": "5001"}}, 2),  # the agent itself
        ({"destination": {"phoneNumber": OUTSIDE}}, 2),  # the customer
        ({"destination": {"phoneNumber": "77"}}, 2),  # nobody
        ({"destination": {"phoneNumber": "sip:x@elsewhere.example"}}, 3),
        ({"destination": {"phoneNumber": "5002"}, "userData": "x"}, 2),
    ],
)
async def test_a_destination_that_cannot_be_changes_nothing(
    operation: str, parameters: dict[str, Any], code: int
) -> None:
    async with talking() as scene:
        assert await scene.desk.fails(scene.call, operation, **parameters) == code
        assert scene.hear() == ({"1001"}, {OUTSIDE})


@in_virtual_time
async def test_conference_operations_are_not_available_yet() -> None:
    async with talking() as scene:
        for operation in ("InitiateConference", "SingleStepConference", "NoSuchThing"):
            assert await scene.desk.fails(scene.call, operation, **to("5002")) == 3
        await scene.consults()
        assert await scene.desk.fails(scene.second, "CompleteConference") == 3


@in_virtual_time
async def test_user_data_goes_with_the_consult_and_comes_back_with_the_call() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "UpdateUserData", userData={"case": "17"})
        told = await scene.desk.does(scene.call, "InitiateTransfer", **to("5002"), userData={"why": "tax"})
        assert told[0]["call"]["userData"] == {"case": "17"}
        assert told[1]["call"]["userData"] == {"case": "17", "why": "tax"}
        target = await scene.stage.phone("1002").rings()
        target.answers()
        [*_, established] = await scene.other.told()
        assert established["call"]["userData"] == {"case": "17", "why": "tax"}
        await scene.other.does(established["call"], "UpdateUserData", userData={"seen": "yes"})
        told = await scene.desk.told()
        [consult] = [data["call"] for data in told if data["notificationType"] == "AttachedDataChanged"]
        assert consult["userData"] == {"case": "17", "why": "tax", "seen": "yes"}
        await scene.desk.does(consult, "CompleteTransfer")
        [updated] = await scene.other.told()
        assert updated["call"]["userData"] == {"case": "17", "why": "tax", "seen": "yes"}
        assert "userData" not in scene.call
