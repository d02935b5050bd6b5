"""Warm transfer, each row of the tables of plivo-phlo 4.5, with who hears whom in each state.

U1 is the agent 1001, U2 the customer, U3 the target 1002.
"""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import MUSIC, RINGBACK, Line
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.phlo.common import CUSTOMER, NODE, Cast, node, party_flow, phlo_stage


async def ringing(cast: Cast) -> tuple[Line, Line, Line]:
    """U1 has asked for a warm transfer, U3 rings."""
    u2, u1 = await cast.talking()
    assert (await cast.act("warm_transfer")).status_code == 201
    u3 = await cast.stage.phone("1002").rings()
    return u1, u2, u3


async def consulting(cast: Cast) -> tuple[Line, Line, Line]:
    u1, u2, u3 = await ringing(cast)
    u3.answers()
    await cast.stage.settled()
    return u1, u2, u3


def hear(*lines: Line) -> list[set[str]]:
    return [line.hears for line in lines]


@in_virtual_time
async def test_answer_merge_and_the_agent_leaves() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        assert hear(u1, u2, u3) == [{RINGBACK}, {MUSIC}, set()]
        u3.answers()
        await cast.stage.settled()
        assert hear(u1, u2, u3) == [{"1002"}, {MUSIC}, {"1001"}]
        assert (await cast.member("1002", "resume_call")).status_code == 201
        assert hear(u1, u2, u3) == [{CUSTOMER, "1002"}, {"1001", "1002"}, {"1001", CUSTOMER}]
        assert cast.event("TransferCompleted")["cause"] == "merged"
        assert (await cast.member("1001", "hangup")).status_code == 201
        assert hear(u1, u2, u3) == [set(), {"1002"}, {CUSTOMER}]
        assert u1.over is Outcome.COMPLETED
        u2.hangs_up()
        await cast.stage.settled()
        assert u3.hears == {MUSIC}
        u3.hangs_up()
        await cast.ended()
        transfers = [name for name in cast.events if name.startswith("Transfer")]
        assert transfers == ["TransferStarted", "TransferConsult", "TransferCompleted"]
        assert cast.events[-1] == "RoomEnded"


@in_virtual_time
async def test_the_agents_own_music_is_heard_while_the_target_rings() -> None:
    async with phlo_stage(party_flow(agent_hold_music="builtin:beep", customer_hold_music="builtin:busy")) as cast:
        u1, u2, _ = await ringing(cast)
        assert hear(u1, u2) == [{"builtin:beep"}, {"builtin:busy"}]


@in_virtual_time
async def test_the_agent_resumes_during_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        assert (await cast.member("1001", "resume_call")).status_code == 201
        assert hear(u1, u2, u3) == [{CUSTOMER, "1002"}, {"1001", "1002"}, {"1001", CUSTOMER}]
        u1.hangs_up()
        await cast.stage.settled()
        assert hear(u2, u3) == [{"1002"}, {CUSTOMER}]


@in_virtual_time
async def test_the_agent_just_leaves_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        u1.hangs_up()
        await cast.stage.settled()
        assert hear(u2, u3) == [{"1002"}, {CUSTOMER}]
        assert cast.event("TransferCompleted")["cause"] == ""
        assert cast.event("TransferCompleted")["transfer_type"] == "warm_transfer"


@in_virtual_time
async def test_the_agent_is_hung_up_by_request_in_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        _, u2, u3 = await consulting(cast)
        await cast.member("1001", "hangup")
        assert hear(u2, u3) == [{"1002"}, {CUSTOMER}]
        assert cast.events.count("TransferCompleted") == 1


@pytest.mark.parametrize(
    ("outcome", "status", "cause"),
    [
        (Outcome.BUSY, 486, "busy"),
        (Outcome.REJECTED, 603, "rejected"),
        (Outcome.FORBIDDEN, 403, "rejected"),
        (Outcome.NOT_FOUND, 404, "unreachable"),
    ],
)
def test_the_target_is_not_reached(outcome: Outcome, status: int, cause: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            u1, u2, u3 = await ringing(cast)
            u3.rejects(outcome, status)
            await cast.stage.settled()
            assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
            failed = cast.event("TransferFailed")
            assert (failed["cause"], failed["trigger_source"], failed["to"]) == (cause, "1001", "1002")

    story()


@in_virtual_time
async def test_nobody_answers_at_the_target() -> None:
    async with phlo_stage(party_flow(ring_timeout=12)) as cast:
        u1, u2, u3 = await ringing(cast)
        await cast.stage.passes(11)
        assert u3.over is None
        await cast.stage.passes(2)
        assert u3.over is Outcome.NO_ANSWER
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.event("TransferFailed")["cause"] == "no_answer"


@in_virtual_time
async def test_the_target_has_no_telephone() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, u1 = await cast.talking()
        assert (await cast.act("warm_transfer", to="+14155559999")).status_code == 201
        await cast.stage.settled()
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.event("TransferFailed")["cause"] == "unreachable"


@in_virtual_time
async def test_abort_while_the_target_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        assert (await cast.member("1001", "abort_transfer")).status_code == 201
        assert u3.over is Outcome.CANCELLED
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.events[-1] == "TransferAborted"


@in_virtual_time
async def test_abort_in_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        assert (await cast.member("1001", "abort_transfer")).status_code == 201
        assert u3.over is Outcome.COMPLETED
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.events[-1] == "TransferAborted"


@in_virtual_time
async def test_only_the_one_who_started_it_can_abort() -> None:
    async with phlo_stage(party_flow()) as cast:
        await ringing(cast)
        assert (await cast.member(CUSTOMER, "abort_transfer")).status_code == 400
        assert (await cast.member("1002", "abort_transfer")).status_code == 400
        cast.stage.phone("1002").line.answers()
        await cast.stage.settled()
        assert (await cast.member("1002", "abort_transfer")).status_code == 400
        assert (await cast.member(CUSTOMER, "abort_transfer")).status_code == 400
        assert "TransferAborted" not in cast.events


@in_virtual_time
async def test_the_agent_resumes_while_the_target_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        assert (await cast.member("1002", "resume_call")).status_code == 400
        assert (await cast.member("1001", "resume_call")).status_code == 201
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert u3.over is None
        u3.answers()
        await cast.stage.settled()
        assert hear(u1, u2, u3) == [{CUSTOMER, "1002"}, {"1001", "1002"}, {"1001", CUSTOMER}]
        assert cast.event("TransferCompleted")["cause"] == "merged"


@pytest.mark.parametrize("by_request", [False, True])
def test_the_agent_leaves_while_the_target_rings(by_request: bool) -> None:
    @in_virtual_time
    async def story() -> None:
        async with phlo_stage(party_flow()) as cast:
            u1, u2, u3 = await ringing(cast)
            if by_request:
                await cast.member("1001", "hangup")
            else:
                u1.hangs_up()
            await cast.stage.settled()
            assert u1.over is Outcome.COMPLETED
            assert u2.hears == {MUSIC}
            assert "TransferCompleted" not in cast.events
            u3.answers()
            await cast.stage.settled()
            assert hear(u2, u3) == [{"1002"}, {CUSTOMER}]
            assert cast.event("TransferCompleted")["cause"] == ""

    story()


@in_virtual_time
async def test_the_agent_leaves_and_then_nobody_answers() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, _ = await ringing(cast)
        u1.hangs_up()
        await cast.stage.passes(40)
        assert cast.event("TransferFailed")["cause"] == "no_answer"
        assert u2.hears == {MUSIC}
        assert (await cast.act("call", to="1003", trigger=CUSTOMER)).status_code == 201
        u4 = await cast.picks_up("1003")
        assert hear(u2, u4) == [{"1003"}, {CUSTOMER}]


@in_virtual_time
async def test_the_customer_leaves_while_the_target_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        u2.hangs_up()
        await cast.stage.settled()
        assert u3.over is Outcome.CANCELLED
        assert u1.hears == {MUSIC}
        assert cast.event("TransferFailed")["cause"] == "customer_left"
        u1.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_the_customer_leaves_during_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        u2.hangs_up()
        await cast.stage.settled()
        assert hear(u1, u3) == [{"1002"}, {"1001"}]
        assert cast.event("TransferFailed")["cause"] == "customer_left"
        u1.hangs_up()
        await cast.stage.settled()
        assert u3.hears == {MUSIC}
        u3.hangs_up()
        await cast.ended()


@in_virtual_time
async def test_the_target_leaves_the_consult() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        u3.hangs_up()
        await cast.stage.settled()
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.event("TransferFailed")["cause"] == "target_left"


@in_virtual_time
async def test_hangup_on_the_target() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        assert (await cast.member("1002", "hangup")).status_code == 201
        assert u3.over is not None
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        failed = cast.event("MemberFailed")
        assert (failed["member_address"], failed["cause"]) == ("1002", "rejected")
        assert cast.event("TransferFailed")["cause"] == "rejected"
        assert cast.events[-2:] == ["MemberFailed", "TransferFailed"]
        await cast.act("warm_transfer", to="1003")
        u4 = await cast.picks_up("1003")
        assert hear(u1, u2, u4) == [{"1003"}, {MUSIC}, {"1001"}]
        assert (await cast.member("1003", "hangup")).status_code == 201
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]
        assert cast.event("TransferFailed")["cause"] == "target_left"


@in_virtual_time
async def test_hold_and_mute_while_the_target_rings() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        for word in ("hold", "unhold"):
            assert (await cast.member("1001", word)).status_code == 400
        for word in ("hold", "unhold", "mute", "unmute"):
            assert (await cast.member("1002", word)).status_code == 400
        assert (await cast.member("1001", "mute")).status_code == 201
        assert cast.events.count("MemberMuted") == 1
        u3.rejects()
        await cast.stage.settled()
        assert hear(u1, u2) == [{CUSTOMER}, set()]
        await cast.member("1001", "unmute")
        assert u2.hears == {"1001"}


@in_virtual_time
async def test_mute_of_the_waiting_agent_counts_in_the_consult_too() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, _, u3 = await ringing(cast)
        await cast.member("1001", "mute")
        u3.answers()
        await cast.stage.settled()
        assert hear(u1, u3) == [{"1002"}, set()]


@in_virtual_time
async def test_a_mute_from_the_wait_that_is_undone_in_the_consult_does_not_come_back() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        await cast.member("1001", "mute")
        u3.answers()
        await cast.stage.settled()
        assert (await cast.member("1001", "unmute")).status_code == 201
        assert hear(u1, u3) == [{"1002"}, {"1001"}]
        assert cast.events.count("MemberUnmuted") == 1
        await cast.member("1001", "abort_transfer")
        assert hear(u1, u2) == [{CUSTOMER}, {"1001"}]


@in_virtual_time
async def test_a_mute_from_before_the_transfer_outlasts_one_of_the_private_talk() -> None:
    async with phlo_stage(party_flow()) as cast:
        u2, u1 = await cast.talking()
        await cast.member("1001", "mute")
        await cast.act("warm_transfer")
        u3 = await cast.picks_up("1002")
        assert hear(u1, u2, u3) == [{"1002"}, {MUSIC}, {"1001"}]
        await cast.member("1001", "unmute")
        await cast.member("1001", "abort_transfer")
        assert hear(u1, u2) == [{CUSTOMER}, set()]


@in_virtual_time
async def test_hold_and_mute_inside_the_private_talk() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        assert (await cast.member("1002", "mute")).status_code == 201
        assert hear(u1, u3) == [set(), {"1001"}]
        await cast.member("1002", "unmute")
        assert (await cast.member("1001", "hold")).status_code == 201
        assert hear(u1, u2, u3) == [{MUSIC}, {MUSIC}, set()]
        await cast.member("1001", "unhold")
        assert hear(u1, u3) == [{"1002"}, {"1001"}]


@in_virtual_time
async def test_a_held_customer_stays_held_after_the_transfer() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await ringing(cast)
        assert (await cast.member(CUSTOMER, "hold")).status_code == 201
        u3.answers()
        await cast.stage.settled()
        u1.hangs_up()
        await cast.stage.settled()
        assert hear(u2, u3) == [{MUSIC}, set()]
        assert (await cast.member(CUSTOMER, "unhold")).status_code == 201
        assert hear(u2, u3) == [{"1002"}, {CUSTOMER}]


@in_virtual_time
async def test_several_customers_go_on_talking_without_music() -> None:
    async with phlo_stage(party_flow()) as cast:
        cast.stage.phone("+14155550177")
        u2, u1 = await cast.talking()
        await cast.act("call", to="+14155550177", role="customer")
        other = await cast.picks_up("+14155550177")
        await cast.act("warm_transfer")
        u3 = await cast.stage.phone("1002").rings()
        assert hear(u1, u2, other) == [{RINGBACK}, {"+14155550177"}, {CUSTOMER}]
        u3.answers()
        await cast.stage.settled()
        u2.hangs_up()
        await cast.stage.settled()
        assert hear(u1, other, u3) == [{"1002"}, {MUSIC}, {"1001"}]
        u1.hangs_up()
        await cast.stage.settled()
        assert hear(other, u3) == [{"1002"}, {"+14155550177"}]


@in_virtual_time
async def test_a_second_transfer_is_refused_and_an_exact_repeat_gets_the_first_answer() -> None:
    async with phlo_stage(party_flow()) as cast:
        await cast.talking()
        first = await cast.act("warm_transfer")
        again = await cast.act("warm_transfer")
        assert (again.status_code, again.json()) == (201, first.json())
        assert (await cast.act("warm_transfer", to="1003")).status_code == 400
        assert (await cast.act("cold_transfer")).status_code == 400
        await cast.stage.settled()
        assert len(cast.stage.phone("1002").lines) == 1
        assert cast.stage.phone("1003").lines == []
        await cast.member("1001", "abort_transfer")
        later = await cast.act("warm_transfer")
        assert later.json()["api_id"] != first.json()["api_id"]
        assert len(cast.stage.phone("1002").lines) == 2


@in_virtual_time
async def test_a_new_transfer_after_the_merge_takes_everybody_else_as_customers() -> None:
    async with phlo_stage(party_flow()) as cast:
        u1, u2, u3 = await consulting(cast)
        await cast.member("1001", "resume_call")
        assert (await cast.act("warm_transfer", to="1003", trigger="1002")).status_code == 201
        u4 = await cast.picks_up("1003")
        assert hear(u1, u2, u3, u4) == [{CUSTOMER}, {"1001"}, {"1003"}, {"1002"}]
        u3.hangs_up()
        await cast.stage.settled()
        assert hear(u1, u2, u4) == [{CUSTOMER, "1003"}, {"1001", "1003"}, {"1001", CUSTOMER}]


@in_virtual_time
async def test_a_line_from_failed_takes_the_customer_on_when_agent_and_target_are_gone() -> None:
    forward = node("n-fwd", "Overflow", "call_forward", **{"from": "{{Start.call.from}}", "to": "1004"})
    async with phlo_stage(party_flow(forward, lines=((f"{NODE}.failed", "n-fwd"),))) as cast:
        u1, u2, u3 = await ringing(cast)
        u1.hangs_up()
        await cast.stage.settled()
        u3.rejects()
        u4 = await cast.picks_up("1004")
        assert hear(u2, u4) == [{"1004"}, {CUSTOMER}]
        assert cast.event("TransferFailed")["cause"] == "busy"
        u4.hangs_up()
        await cast.ended()
