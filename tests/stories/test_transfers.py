"""Transfers through the whole exchange: real timers in virtual time, sounds that end by themselves, telephones."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import RoomId
from switchhook.core.model import DialPlan, Fallback, FallbackKind, Kind, TransferOutcome, TransferPlan
from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import ACCOUNT, settings

CUSTOMER = "+14155550123"
NUMBER = "+14155550100"
AGENT, TARGET, SECOND = "1001", "1002", "1003"
MUSIC, RINGBACK = {"music"}, {"ringback"}
SORRY = "speak:en-US::Nobody can take your call now."


async def talking(stage: Stage) -> tuple[Line, Line]:
    customer = stage.phone(CUSTOMER).calls(NUMBER)
    agent = await stage.phone(AGENT).rings()
    agent.answers()
    await stage.settled()
    assert (customer.hears, agent.hears) == ({AGENT}, {CUSTOMER})
    return customer, agent


def room_of(line: Line) -> RoomId:
    assert line.found is not None
    assert line.found.focus is not None
    return line.found.focus


def start(stage: Stage, agent: Line, kind: Kind, **how: object) -> r.Accepted:
    of_plan = {key: how.pop(key) for key in tuple(how) if key in TransferPlan.__dataclass_fields__}
    targets = (stage.exchange.directory.destination(ACCOUNT, TARGET),)
    dial = DialPlan(targets=targets, caller=CUSTOMER, **how)  # type: ignore[arg-type]
    plan = TransferPlan(kind=kind, dial=dial, **of_plan)  # type: ignore[arg-type]
    return stage.exchange.ask(r.StartTransfer(room_of(agent), agent.leg, plan))


def outcome(stage: Stage) -> TransferOutcome | None:
    ended = [stamped.fact for stamped in stage.facts if isinstance(stamped.fact, f.TransferEnded)]
    return ended[-1].outcome if ended else None


@in_virtual_time
async def test_warm_from_the_first_ring_to_the_last_bye() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        start(stage, agent, Kind.WARM)
        assert (customer.hears, agent.hears) == (MUSIC, RINGBACK)
        target = await stage.phone(TARGET).rings()
        target.answers()
        await stage.settled()
        assert (customer.hears, agent.hears, target.hears) == (MUSIC, {TARGET}, {AGENT})
        agent.hangs_up()
        await stage.settled()
        assert outcome(stage) is TransferOutcome.COMPLETED
        assert (customer.hears, target.hears) == ({TARGET}, {CUSTOMER})
        customer.hangs_up()
        await stage.settled()
        assert target.over is Outcome.COMPLETED
        assert stage.nothing_left()


@in_virtual_time
async def test_customer_hangs_up_while_the_target_rings() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        start(stage, agent, Kind.WARM)
        target = await stage.phone(TARGET).rings()
        customer.hangs_up()
        await stage.settled()
        assert target.over is Outcome.CANCELLED
        assert outcome(stage) is TransferOutcome.CUSTOMER_LEFT
        assert stage.nothing_left()


@in_virtual_time
async def test_a_consult_that_is_not_answered_in_time_leaves_the_customer_held() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        room = room_of(agent)
        start(stage, agent, Kind.CONSULT, rejoin=False, ring_s=20.0)
        target = await stage.phone(TARGET).rings()
        await stage.passes(20.0)
        assert target.over is Outcome.NO_ANSWER
        assert outcome(stage) is TransferOutcome.NO_ANSWER
        assert (customer.hears, agent.hears) == (MUSIC, set())
        stage.exchange.ask(r.TurnTo(agent.leg, room))
        assert (customer.hears, agent.hears) == ({AGENT}, {CUSTOMER})


@in_virtual_time
async def test_a_cold_transfer_that_nobody_takes_recalls_the_agent() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        start(stage, agent, Kind.COLD, fallbacks=(Fallback(FallbackKind.RECALL),), ring_s=15.0)
        assert agent.over is Outcome.COMPLETED
        await stage.passes(15.1)
        assert customer.hears == MUSIC
        again = await stage.phone(AGENT).rings()
        again.answers()
        await stage.settled()
        assert outcome(stage) is TransferOutcome.RETURNED
        assert (customer.hears, again.hears) == ({AGENT}, {CUSTOMER})


@in_virtual_time
async def test_the_customer_is_told_that_nobody_came_and_let_go_at_the_end_of_the_sentence() -> None:
    async with Stage(settings()) as stage:
        stage.phone(TARGET, refuses=(Outcome.BUSY, 486))
        customer, agent = await talking(stage)
        start(stage, agent, Kind.COLD, fallbacks=(Fallback(FallbackKind.ANNOUNCE, clips=(SORRY,)),))
        await stage.passes(0.2)
        assert customer.hears == {SORRY}
        await stage.passes(10)
        assert customer.over is not None
        assert outcome(stage) is TransferOutcome.BUSY
        assert stage.nothing_left()


@in_virtual_time
async def test_a_target_is_briefed_in_private_and_takes_the_call_with_a_key() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        start(stage, agent, Kind.COLD, brief=("tone:440:500",), accept_digit="1")
        target = await stage.phone(TARGET).rings()
        target.answers()
        await stage.passes(3)
        assert (customer.hears, target.hears) == (MUSIC, {"tone:440:500"})
        target.presses("1")
        await stage.settled()
        assert (customer.hears, target.hears) == ({TARGET}, {CUSTOMER})


@in_virtual_time
async def test_a_telephone_that_is_not_registered_is_unreachable_at_once() -> None:
    async with Stage(settings()) as stage:
        customer, agent = await talking(stage)
        del stage.phones[TARGET]
        start(stage, agent, Kind.WARM)
        await stage.settled()
        assert outcome(stage) is TransferOutcome.UNREACHABLE
        assert (customer.hears, agent.hears) == ({AGENT}, {CUSTOMER})


@in_virtual_time
async def test_a_request_that_is_refused_leaves_no_trace() -> None:
    async with Stage(settings()) as stage:
        _, agent = await talking(stage)
        start(stage, agent, Kind.WARM)
        known, lines = len(stage.facts), len(stage.entries)
        with pytest.raises(Refused):
            start(stage, agent, Kind.WARM)
        assert (len(stage.facts), len(stage.entries)) == (known, lines)


@in_virtual_time
async def test_a_listener_that_asks_back_sees_the_same_order_as_all_others() -> None:
    async with Stage(settings()) as stage:
        seen: list[str] = []

        def aborts(stamped: object) -> None:
            fact = stamped.fact  # type: ignore[attr-defined]
            if isinstance(fact, f.TransferStarted):
                stage.exchange.ask(r.AbortTransfer(fact.transfer.id))

        stage.exchange.subscribe(aborts)
        stage.exchange.subscribe(lambda stamped: seen.append(type(stamped.fact).__name__))
        _, agent = await talking(stage)
        del seen[:]
        first = len(stage.facts)
        start(stage, agent, Kind.WARM)
        assert seen == stage.kinds()[first:]
        assert seen.index("TransferStarted") < seen.index("DialStarted") < seen.index("TransferEnded")
        assert outcome(stage) is TransferOutcome.ABORTED
