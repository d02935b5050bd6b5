"""Transfers over a bad network: what telephones hear and do is right from outside, and nothing is left over.

SIP messages are lost, doubled, delayed and overtaken. What may take longer then is signalling; who hears whom may not
be wrong, and nobody whose server knows better may wait in silence.
"""

from __future__ import annotations

import pytest

from switchhook.lab.faults import Faults
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.replay import replay
from switchhook.lab.world import MUSIC, RINGBACK, HoldStyle, Outcome, World

ROUGH = Faults(delay_ms=20, jitter_ms=15, loss=0.05, duplicate=0.05, reorder=0.1, reorder_ms=40)
BAD = Faults(delay_ms=20, jitter_ms=30, loss=0.2, duplicate=0.1, reorder=0.2, reorder_ms=60)


def on_bad_networks(story):  # type: ignore[no-untyped-def]
    """Plays a story on each network; the options go to the `world` fixture by its mark."""
    marks = [
        pytest.param(seed, id=f"{name}-{seed}", marks=pytest.mark.world(seed=seed, faults=faults))
        for name, faults, seeds in (("rough", ROUGH, (1, 2)), ("bad", BAD, (3, 4, 5, 6)))
        for seed in seeds
    ]
    return pytest.mark.parametrize("seed", marks)(story)


async def hears_only(world: World, **expected: set[str]) -> None:
    """Waits until each telephone hears exactly this."""
    for name, labels in expected.items():
        await world.telephones.opened[name].hears_only(*labels, within_s=world.patience_s)


async def over(world: World) -> None:
    """Everybody hangs up; nothing may be left over, and the journal must rebuild all of it."""
    await world.everybody_hangs_up()
    played = replay(world.entries)
    assert played.ended
    assert played.doubts == []


def never_heard(listener: Phone, speaker: str, since: float, until: float) -> None:
    assert speaker not in listener.ears.heard_between(since, until), listener.ears.story()


@on_bad_networks
async def test_a_plain_call(world: World, seed: int) -> None:
    customer, agent = await world.phones("customer", "agent")
    await world.talking(customer, agent, through=agent.number)
    await world.passes(2)
    await hears_only(world, customer={"agent"}, agent={"customer"})

    await customer.hang_up()

    await agent.ended(within_s=world.patience_s)
    await customer.ended(within_s=world.patience_s)
    await over(world)


@on_bad_networks
async def test_an_unanswered_caller_gives_up(world: World, seed: int) -> None:
    customer, agent = await world.phones("customer", "agent")
    await customer.call(agent.number)
    await agent.is_ringing(within_s=world.patience_s)

    await customer.hang_up()

    await agent.stops_ringing(within_s=world.patience_s)
    assert agent.state is State.ENDED
    await over(world)


@on_bad_networks
async def test_hold_by_the_telephone(world: World, seed: int) -> None:
    customer, agent = await world.phones("customer", "agent")
    await world.talking(customer, agent, through=agent.number)
    start = world.now

    await agent.hold(HoldStyle.SENDONLY)
    await hears_only(world, customer={MUSIC}, agent=set())
    await agent.resume()
    await hears_only(world, customer={"agent"}, agent={"customer"})
    await world.passes(1)

    assert customer.ears.gaps(40, start) == []
    await over(world)


@on_bad_networks
async def test_warm_transfer(world: World, seed: int) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    start = world.now
    await world.phlo.warm_transfer(agent, target)
    await hears_only(world, customer={MUSIC}, agent={RINGBACK})
    await target.answer(within_s=world.patience_s)
    await hears_only(world, customer={MUSIC}, agent={"target"}, target={"agent"})
    await world.passes(1)
    private = world.now

    await agent.hang_up()

    await hears_only(world, customer={"target"}, target={"customer"}, agent=set())
    await agent.ended(within_s=world.patience_s)
    assert world.outcome is Outcome.COMPLETED
    assert customer.ears.gaps(40, start) == []
    never_heard(customer, "target", start, private)
    never_heard(target, "customer", start, private)
    await over(world)


@on_bad_networks
async def test_cold_transfer(world: World, seed: int) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    start = world.now

    await world.phlo.cold_transfer(agent, target)

    await hears_only(world, customer={MUSIC}, agent=set())
    await agent.ended(within_s=world.patience_s)
    await target.answer(within_s=world.patience_s)
    await hears_only(world, customer={"target"}, target={"customer"})
    await world.passes(1)
    assert world.outcome is Outcome.COMPLETED
    assert customer.ears.gaps(40, start) == []
    never_heard(agent, "target", start, world.now)
    await over(world)


@on_bad_networks
async def test_two_step_transfer_at_the_desktop(world: World, seed: int) -> None:
    customer, agent, target = await world.phones("customer", "1001", "1002")
    desk = await world.genesys.login("agent1")
    await customer.call(agent.number)
    await agent.answer(within_s=world.patience_s)  # nobody repeats a lost 180, so the desktop may not show the ringing
    await desk.shows("Established", within_s=world.patience_s)
    await hears_only(world, customer={"1001"}, **{"1001": {"customer"}})
    start = world.now

    await desk.initiate_transfer(target)
    await hears_only(world, customer={MUSIC}, **{"1001": {RINGBACK}})
    await target.answer(within_s=world.patience_s)
    await hears_only(world, customer={MUSIC}, **{"1001": {"1002"}, "1002": {"1001"}})
    await world.passes(1)
    private = world.now
    await desk.complete_transfer()

    await hears_only(world, customer={"1002"}, **{"1002": {"customer"}, "1001": set()})
    assert world.outcome is Outcome.COMPLETED
    assert customer.ears.gaps(40, start) == []
    never_heard(customer, "1002", start, private)
    await over(world)


@on_bad_networks
async def test_the_customer_leaves_while_the_target_rings(world: World, seed: int) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    await world.phlo.warm_transfer(agent, target)
    await target.is_ringing(within_s=world.patience_s)

    await customer.hang_up()

    await target.stops_ringing(within_s=world.patience_s)
    assert world.outcome is Outcome.CUSTOMER_LEFT
    await over(world)
