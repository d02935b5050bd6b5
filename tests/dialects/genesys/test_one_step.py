"""One-step transfers, what follows a completion that fails, and requests that are refused or repeated (genesys 9)."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.lab.stage import MUSIC
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, states
from tests.dialects.genesys.scene import parties, talking, to

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
async def test_operations_that_are_not_of_this_api_are_forbidden() -> None:
    async with talking() as scene:
        for operation in ("MuteTransfer", "Alternate", "Reconnect", "Merge", "Redirect", "ReleaseCall", "NoSuchThing"):
            assert await scene.desk.fails(scene.call, operation, **to("5002")) == 3


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
