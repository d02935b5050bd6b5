"""Cold transfer (plivo-phlo 4.5): both moments of releasing the agent, and everybody leaving at every moment."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import CUSTOMER, NODE, Cast, node, party_flow, phlo_stage


async def following(cast: Cast) -> tuple[Line, Line, Line]:
    u2, u1 = await cast.talking()
    assert (await cast.act("cold_transfer")).status_code == 201
    return u1, u2, await cast.stage.phone("1002").rings()


@in_virtual_time
async def test_the_agent_is_released_at_once_and_the_target_answers() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await following(cast)
        assert u1.over is Outcome.COMPLETED
        assert u2.hears == {MUSIC}
        assert "TransferCompleted" not in cast.events
        u3.answers()
        await cast.stage.settled()
        assert (u2.hears, u3.hears) == ({"1002"}, {CUSTOMER})
        done = cast.event("TransferCompleted")
        assert (done["transfer_type"], done["trigger_source"], done["to"]) == ("cold_transfer", "1001", "1002")
        u3.hangs_up()
        await cast.stage.settled()
        assert u2.hears == {MUSIC}
        u2.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_busy_without_a_failed_line_leaves_the_customer_waiting_until_somebody_is_added() -> None:
    async with phlo_stage(party_flow()) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        await cast.stage.settled()
        assert u2.hears == {MUSIC}
        assert cast.event("TransferFailed")["cause"] == "busy"
        assert (await cast.act("call", to="1003", trigger=CUSTOMER)).status_code == 201
        u4 = await cast.picks_up("1003")
        assert (u2.hears, u4.hears) == ({"1003"}, {CUSTOMER})


@in_virtual_time
async def test_busy_with_a_failed_line_takes_the_customer_along_it() -> None:
    forward = node("n-fwd", "Overflow", "call_forward", **{"from": "{{Start.call.from}}", "to": "1004"})
    async with phlo_stage(party_flow(forward, lines=((f"{NODE}.failed", "n-fwd"),))) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        u4 = await cast.picks_up("1004")
        assert (u2.hears, u4.hears) == ({"1004"}, {CUSTOMER})
        assert u4.invitation is not None
        assert u4.invitation.caller == CUSTOMER
        assert cast.events[-3:] == ["MemberLeft", "TransferFailed", "RoomEnded"]
        u2.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_released_on_answer() -> None:
    async with phlo_stage(party_flow(cold_release="on_answer")) as cast:
        u1, u2, u3 = await following(cast)
        assert u1.over is None
        assert (u1.hears, u2.hears) == ({RINGBACK}, {MUSIC})
        u3.answers()
        await cast.stage.settled()
        assert u1.over is Outcome.COMPLETED
        assert (u2.hears, u3.hears) == ({"1002"}, {CUSTOMER})
        assert cast.events.count("TransferCompleted") == 1


@pytest.mark.parametrize(("outcome", "cause"), [(Outcome.BUSY, "busy"), (Outcome.REJECTED, "rejected")])
def test_released_on_answer_and_not_reached(outcome: Outcome, cause: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow(cold_release="on_answer")) as cast:
            u1, u2, u3 = await following(cast)
            u3.rejects(outcome, 486)
            await cast.stage.settled()
            assert (u1.hears, u2.hears) == ({CUSTOMER}, {"1001"})
            assert cast.event("TransferFailed")["cause"] == cause

    story()


@in_virtual_time
async def test_nobody_answers() -> None:
    async with phlo_stage(party_flow()) as cast:
        _, u2, u3 = await following(cast)
        await cast.stage.passes(29)
        assert u3.over is None
        await cast.stage.passes(2)
        assert u3.over is Outcome.NO_ANSWER
        assert cast.event("TransferFailed")["cause"] == "no_answer"
        assert u2.hears == {MUSIC}


@in_virtual_time
async def test_the_customer_leaves() -> None:
    async with phlo_stage(party_flow()) as cast:
        _, u2, u3 = await following(cast)
        u2.hangs_up()
        await cast.stage.settled()
        assert u3.over is Outcome.CANCELLED
        assert cast.event("TransferFailed")["cause"] == "customer_left"
        await cast.ended()


@in_virtual_time
async def test_abort_with_the_released_agents_address() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await following(cast)
        assert u1.over is Outcome.COMPLETED
        for word in ("hold", "resume_call", "hangup"):
            assert (await cast.member("1001", word)).status_code == 404
        assert (await cast.member("1001", "abort_transfer")).status_code == 201
        assert u3.over is Outcome.CANCELLED
        assert u2.hears == {MUSIC}
        assert cast.events[-1] == "TransferAborted"
        assert (await cast.member("1001", "abort_transfer")).status_code == 404


@in_virtual_time
async def test_hangup_of_the_ringing_target() -> None:
    async with phlo_stage(party_flow()) as cast:
        _, u2, u3 = await following(cast)
        assert (await cast.member("1002", "hangup")).status_code == 201
        assert u3.over is not None
        assert cast.event("TransferFailed")["cause"] == "rejected"
        assert u2.hears == {MUSIC}


@in_virtual_time
async def test_an_unanswered_wait_ends_with_the_rooms_longest_time() -> None:
    async with phlo_stage(party_flow(max_duration=120)) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        await cast.stage.passes(100)
        assert u2.over is None
        await cast.stage.passes(30)
        assert u2.over is not None
        await cast.ended()


# --- fallbacks of the node's model ----------------------------------------------------------------------------------


@in_virtual_time
async def test_fallback_recall_rings_the_agent_again() -> None:
    async with phlo_stage(party_flow(fallback="recall")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        back = await cast.picks_up("1001")
        assert (u2.hears, back.hears) == ({"1001"}, {CUSTOMER})
        assert cast.event("TransferFailed")["cause"] == "returned"


@in_virtual_time
async def test_abort_while_the_agent_is_rung_again() -> None:
    async with phlo_stage(party_flow(fallback="recall")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        back = await cast.stage.phone("1001").rings()
        assert (await cast.member("1001", "abort_transfer")).status_code == 201
        assert back.over is Outcome.CANCELLED
        assert u2.hears == {MUSIC}
        assert cast.events[-1] == "TransferAborted"


@in_virtual_time
async def test_hangup_of_the_agent_who_is_rung_again_takes_the_next_way_out() -> None:
    async with phlo_stage(party_flow(fallback="recall")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        back = await cast.stage.phone("1001").rings()
        assert (await cast.member("1001", "hangup")).status_code == 201
        assert back.over is not None
        assert u2.hears == {MUSIC}
        assert cast.events.count("TransferFailed") == 1


@in_virtual_time
async def test_fallback_next_rings_another_target() -> None:
    async with phlo_stage(party_flow(fallback="next:1003")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        u4 = await cast.picks_up("1003")
        assert (u2.hears, u4.hears) == ({"1003"}, {CUSTOMER})
        assert cast.event("TransferCompleted")["cause"] == ""


@in_virtual_time
async def test_fallback_next_that_fails_too_ends_as_without_one() -> None:
    async with phlo_stage(party_flow(fallback="next:1003")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        u4 = await cast.stage.phone("1003").rings()
        u4.rejects(Outcome.REJECTED, 603)
        await cast.stage.settled()
        assert u2.hears == {MUSIC}
        assert cast.events.count("TransferFailed") == 1


@in_virtual_time
async def test_fallback_announce_says_so_and_lets_the_customer_go() -> None:
    async with phlo_stage(party_flow(fallback="announce:Nobody is here.")) as cast:
        _, u2, u3 = await following(cast)
        u3.rejects()
        await cast.stage.settled()
        assert u2.hears == {"speak:en-US:WOMAN:Nobody is here."}
        await cast.stage.passes(60)
        assert u2.over is not None
        await cast.ended()


@in_virtual_time
async def test_brief_and_accept_digit_before_the_customer_joins() -> None:
    async with phlo_stage(party_flow(brief="A customer for you.", accept_digit="1")) as cast:
        _, u2, u3 = await following(cast)
        u3.answers()
        await cast.stage.settled()
        assert (u2.hears, u3.hears) == ({MUSIC}, {"speak:en-US:WOMAN:A customer for you."})
        u3.presses("1")
        await cast.stage.settled()
        assert (u2.hears, u3.hears) == ({"1002"}, {CUSTOMER})


@in_virtual_time
async def test_the_configurations_transfer_rules_hold_where_the_node_says_nothing() -> None:
    async with phlo_stage(party_flow(), transfers={"cold_release": "on_answer", "fallback": "next:1003"}) as cast:
        u1, u2, u3 = await following(cast)
        assert u1.over is None
        u1.hangs_up()
        await cast.stage.settled()
        u3.rejects()
        u4 = await cast.picks_up("1003")
        assert (u2.hears, u4.hears) == ({"1003"}, {CUSTOMER})
