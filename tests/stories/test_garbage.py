"""What ended calls leave to the garbage collector: nothing. It may then look through new objects alone, and seldom.

Counted are objects of our classes (the lab's aside) in cycles that nothing refers to, after two rounds of everything a
call does most; the first round makes what is made once.
"""

from __future__ import annotations

import gc
from collections import Counter

import pytest

from switchhook.lab.phone import Phone
from switchhook.lab.world import Outcome, World


async def _round(world: World, parties: list[Phone]) -> None:
    customer, agent, target = parties
    await world.talking(customer, agent)
    await world.phlo.warm_transfer(trigger_source=agent.number, to=target.number)
    await target.answer()
    await agent.hang_up()
    await customer.hears_only("target")
    await customer.hang_up()
    await target.hang_up()
    assert world.outcome is Outcome.COMPLETED
    await world.passes(35)  # the timers of SIP have run out


@pytest.mark.slow
async def test_calls_and_transfers_leave_no_cycles(world: World) -> None:
    parties = await world.phones("customer", "agent", "target")
    await _round(world, parties)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await _round(world, parties)
        gc.collect()
        left = Counter(type(each).__qualname__ for each in gc.garbage if _ours(type(each)))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == Counter()


def _ours(cls: type) -> bool:
    return cls.__module__.startswith("switchhook.") and not cls.__module__.startswith("switchhook.lab")
