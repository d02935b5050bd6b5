"""What callers of the front desk hear, tested with telephones. Run it with `pytest examples/front_desk`."""

from __future__ import annotations

import pytest
from front_desk import app

from switchhook.lab.world import MUSIC, NUMBER, RINGBACK, SPEECH, Faults, Manners, Outcome, World

BUSY = Manners(rejects_with=486)


@pytest.fixture
def desk(world: World) -> World:
    """A switch whose number asks our program."""
    world.web.mount("http://app.test", app)
    return world


async def test_a_caller_is_greeted_and_talks_to_the_agent(world: World, desk: World) -> None:
    customer, agent = await world.phones("customer", "1001")
    await customer.call(NUMBER)
    await customer.hears(SPEECH)
    assert world.said_to(customer) == ["Welcome to Example and Sons."]

    await agent.answer()

    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await customer.hang_up()
    await agent.ended()


async def test_a_caller_hears_sorry_when_the_agent_is_busy(world: World, desk: World) -> None:
    customer = await world.phone("customer")
    await world.phone("1001", manners=BUSY)

    await customer.call(NUMBER)

    await customer.ended(within_s=30)
    assert world.said_to(customer)[-1] == "Sorry. Everybody is talking to somebody else. Please call again later."


async def test_a_caller_hears_ringing_and_then_sorry_when_nobody_answers(world: World, desk: World) -> None:
    customer, agent = await world.phones("customer", "1001")

    await customer.call(NUMBER)

    await agent.is_ringing()
    await customer.hears(RINGBACK)
    await agent.stops_ringing(within_s=25)
    await customer.ended(within_s=30)
    assert world.said_to(customer)[-1].startswith("Sorry. Nobody is at the desk.")


async def test_an_agent_hands_the_caller_to_a_colleague(world: World, desk: World) -> None:
    customer, _, colleague = await world.phones("customer", "1001", "1002")
    desktop = await world.genesys.login("agent1")
    await customer.call(NUMBER)
    await desktop.shows("Ringing")
    await desktop.answer()
    await customer.hears_only("1001")

    await desktop.initiate_transfer(colleague)
    await customer.hears_only(MUSIC)
    await colleague.answer()
    await desktop.complete_transfer()

    await customer.hears_only("1002")
    assert world.outcome is Outcome.COMPLETED


@pytest.mark.world(seed=7, faults=Faults(delay_ms=30, jitter_ms=20, loss=0.15, duplicate=0.05, reorder=0.1))
async def test_all_is_well_on_a_bad_network(world: World, desk: World) -> None:
    customer, agent = await world.phones("customer", "1001")
    await customer.call(NUMBER)
    await agent.answer(within_s=world.patience_s)
    await customer.hears_only("1001", within_s=world.patience_s)
    await world.everybody_hangs_up()
