"""A customer calls a number that is put through to a telephone; no program is asked."""

from __future__ import annotations

from switchhook.core.outcomes import Outcome
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.stories.common import settings

CUSTOMER = "+14155550123"
NUMBER = "+14155550100"


@in_virtual_time
async def test_the_caller_is_answered_when_the_telephone_answers_and_both_talk() -> None:
    async with Stage(settings()) as stage:
        customer, agent = stage.phone(CUSTOMER), stage.phone("1001")
        line = customer.calls(NUMBER)
        at_agent = await agent.rings()
        assert line.rang
        assert not line.up
        at_agent.answers()
        await stage.settled()
        assert line.hears == {"1001"}
        assert at_agent.hears == {CUSTOMER}
        line.hangs_up()
        await stage.settled()
        assert at_agent.over is Outcome.COMPLETED
        assert stage.nothing_left()


@in_virtual_time
async def test_busy_is_relayed_and_other_failures_are_480() -> None:
    async with Stage(settings()) as stage:
        customer, agent = stage.phone(CUSTOMER), stage.phone("1001")
        for refused, expected in (
            ((Outcome.BUSY, 600), (Outcome.BUSY, 600)),
            ((Outcome.BUSY, 486), (Outcome.BUSY, 486)),
            ((Outcome.REJECTED, 603), (Outcome.REJECTED, 603)),
            ((Outcome.NOT_FOUND, 404), (Outcome.NO_ANSWER, 0)),
        ):
            agent.refuses = refused
            line = customer.calls(NUMBER)
            await stage.passes(1)
            assert (line.over, line.status) == expected
        assert stage.nothing_left()


@in_virtual_time
async def test_nobody_answers_in_time() -> None:
    async with Stage(settings()) as stage:
        customer, agent = stage.phone(CUSTOMER), stage.phone("1001")
        line = customer.calls(NUMBER)
        at_agent = await agent.rings()
        await stage.passes(30)
        assert at_agent.over is Outcome.NO_ANSWER
        assert line.over is Outcome.NO_ANSWER
        assert stage.nothing_left()


@in_virtual_time
async def test_a_telephone_that_holds_gives_the_other_music() -> None:
    async with Stage(settings()) as stage:
        line = stage.phone(CUSTOMER).calls(NUMBER)
        at_agent = await stage.phone("1001").rings()
        at_agent.answers()
        await stage.settled()
        at_agent.holds()
        await stage.settled()
        assert line.hears == {"music"}
        at_agent.holds(False)
        await stage.settled()
        assert line.hears == {"1001"}


@in_virtual_time
async def test_a_trunk_is_no_way_out_to_another_trunk() -> None:
    async with Stage(settings()) as stage:
        line = stage.phone(CUSTOMER).calls("+442079460000")
        await stage.settled()
        assert line.over is Outcome.NOT_FOUND


@in_virtual_time
async def test_a_call_that_is_put_through_may_pass_one_element_less() -> None:
    async with Stage(settings()) as stage:
        customer = stage.phone(CUSTOMER)
        customer.calls(NUMBER, hops_left=5)
        at_agent = await stage.phone("1001").rings()
        assert at_agent.invitation is not None
        assert at_agent.invitation.hops_left == 4
