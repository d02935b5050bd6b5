"""Nothing of an ended call waits for the garbage collector: it runs rarely, and then on everything there is.

What holds itself in a ring (a call and its owner, functions that call each other) stays until the collector's last
generation is looked at, which on a busy server is hundreds of thousands of calls later.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType

import pytest

from switchhook.lab.world import MUSIC, Phone, World

FORGOTTEN_S = 100.0  # a transaction and what late messages need of it live for up to 64 s

Story = Callable[[World, Phone, Phone, Phone], Awaitable[None]]
APP = "http://app.test"


async def plain(world: World, customer: Phone, agent: Phone, _: Phone) -> None:
    await world.talking(customer, agent, through=agent.number)
    await agent.hang_up()


async def given_up(_: World, customer: Phone, agent: Phone, __: Phone) -> None:
    await customer.call(agent.number)
    await agent.is_ringing()
    await customer.hang_up()


async def held(world: World, customer: Phone, agent: Phone, _: Phone) -> None:
    await world.talking(customer, agent, through=agent.number)
    await agent.hold()
    assert await customer.hears(MUSIC)
    await agent.resume()
    await customer.hang_up()


async def warm(world: World, customer: Phone, agent: Phone, target: Phone) -> None:
    await world.talking(customer, agent)
    await world.phlo.warm_transfer(trigger_source=agent, to=target)
    await target.is_ringing()
    await target.answer()
    await agent.hang_up()
    assert await customer.hears(target.name)


async def cold_refused(world: World, customer: Phone, agent: Phone, target: Phone) -> None:
    await world.talking(customer, agent)
    target.manners.rejects_with = 486
    await world.phlo.cold_transfer(trigger_source=agent, to=target)
    await world.passes(5)
    await customer.hang_up()


async def documents(world: World, customer: Phone, agent: Phone, _: Phone) -> None:
    dial = f'<Dial callbackUrl="{APP}/dial" action="{APP}/after"><User>sip:{agent.number}@phone.plivo.com</User></Dial>'
    world.web.on(f"{APP}/answer", f"<Response>{dial}</Response>")
    world.web.on(f"{APP}/after", "<Response><Hangup/></Response>")
    await world.plivo.call(customer, f"{APP}/answer")
    await customer.answer()
    await agent.is_ringing()
    await agent.answer()
    assert await customer.hears(agent.name)
    await agent.hang_up()


async def two_step(world: World, customer: Phone, agent: Phone, target: Phone) -> None:
    desk = await world.genesys.login("agent1")
    await customer.call(agent.number)
    await desk.answer()
    await customer.hears_only(agent.name)
    await desk.initiate_transfer(target)
    await target.answer()
    await desk.shows("Established", call_type="Consult")
    await desk.complete_transfer()
    await customer.hears_only(target.name)
    await desk.close()


def ours(found: list[object]) -> Counter[str]:
    """Counts what is of the server's own making, by its name; the laboratory's telephones are no matter."""
    names = []
    for each in found:
        thing = each.__func__ if isinstance(each, MethodType) else each
        kind = thing if isinstance(thing, FunctionType) else type(thing)
        module = kind.__module__ or ""
        if module.startswith("switchhook.") and not module.startswith("switchhook.lab"):
            names.append(f"{module}.{kind.__qualname__}")
    return Counter(names)


@pytest.mark.slow
@pytest.mark.parametrize("story", [plain, given_up, held, warm, cold_refused, documents, two_step])
async def test_what_ended_is_freed_at_once(world: World, story: Story) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")

    async def play() -> None:
        await story(world, customer, agent, target)
        await world.everybody_hangs_up()
        await world.passes(FORGOTTEN_S)

    await play()  # what is made once is there now
    gc.collect()
    gc.disable()
    try:
        await play()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = ours(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert found == Counter()
