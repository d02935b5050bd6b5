"""People who do anything at any moment, over a network that loses and reorders: nothing may be left over.

Telephones call, answer, refuse, hold, hang up and die; agents transfer by PHLO and by desktop, sensibly or not. What is
refused is fine. Whatever happened, once everybody has hung up nothing is left of any call, no error of ours was caught
on the way, every transfer has one outcome, and the journal rebuilds every call.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from switchhook.core import facts as f
from switchhook.lab.faults import Faults
from switchhook.lab.heard import Missed
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.replay import replay
from switchhook.lab.world import SUPPORT_LINE, HoldStyle, World
from switchhook.lab.world_clients import Declined
from switchhook.lab.world_desks import Desktop

STORM = Faults(delay_ms=15, jitter_ms=40, loss=0.15, duplicate=0.1, reorder=0.2, reorder_ms=80)
ENDPOINTS = ("1001", "1002", "1003")
SEEDS = range(12)


class Chaos:
    """One run: what is done next is drawn from the seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)

    async def play(self, steps: int) -> None:
        world, random = self.world, self.random
        self.callers = await world.phones("customer", "caller")
        self.desks = await world.phones(*ENDPOINTS)
        self.desktop = await world.genesys.login("agent1")
        world.support(self.desks[0], fallback=random.choice(["return", "recall", "park"]))
        for _ in range(steps):
            try:
                await self._anything()
            except (Missed, Declined, RuntimeError):
                pass  # somebody did what was not possible just now
            await world.passes(random.choice([0.0, 0.01, 0.05, 0.3, 2.0]))

    async def _anything(self) -> None:
        choice = self.random.choice
        phone = choice([*self.callers, *self.desks])
        agent, other = sorted(self.random.sample(self.desks, 2), key=lambda one: one.state is not State.ANSWERED)
        match self.random.randrange(20):
            case 0 | 1:
                await choice(self.callers).call(choice([SUPPORT_LINE, agent.number]))
            case 2 | 3 | 4 | 5 | 6:
                await self._picks_up()
            case 7:
                await phone.reject(choice([486, 603, 480])) if self._rings(phone) else None
            case 8:
                await phone.hang_up()
            case 9:
                await phone.hold(choice(list(HoldStyle)))
            case 10:
                await phone.resume()
            case 11 | 12 | 13 | 14:
                act = choice([self.world.phlo.warm_transfer, self.world.phlo.cold_transfer, self.world.phlo.call])
                await act(agent, other)
            case 15:
                await self.world.phlo.member(
                    agent, choice(["abort_transfer", "resume_call", "hold", "unhold", "hangup"])
                )
            case _:
                await self._at_the_desktop(other)

    async def _at_the_desktop(self, other: Phone) -> None:
        desktop: Desktop = self.desktop
        match self.random.randrange(7):
            case 0:
                await desktop.answer()
            case 1:
                await desktop.initiate_transfer(other)
            case 2:
                await desktop.complete_transfer()
            case 3:
                await desktop.hold()
            case 4:
                await desktop.retrieve()
            case 5:
                await desktop.single_step_transfer(other)
            case _:
                await desktop.hang_up()

    async def _picks_up(self) -> None:
        for phone in filter(self._rings, (*self.callers, *self.desks)):
            with suppress(Missed):  # the ACK may come later
                await phone.answer(within_s=0.001)

    def _rings(self, phone: Phone) -> bool:
        call = phone.call_now
        return call is not None and call.incoming and call.state is State.RINGING


async def chaos(world: World, seed: int, *, steps: int = 40) -> None:
    people = Chaos(world, seed)
    await people.play(steps)
    await world.passes(70)
    for caller in people.callers:
        call = caller.call_now
        if call is not None and call.state is State.ANSWERED and not call.holding:
            assert caller.ears.lately(), f"{caller.name} waits in silence: {caller.ears.story()}"
    await world.everybody_hangs_up(within_s=200)

    assert world.line.counters.bugs == 0
    started = [s.fact.transfer.id for s in world.facts if isinstance(s.fact, f.TransferStarted)]
    ended = [s.fact.transfer for s in world.facts if isinstance(s.fact, f.TransferEnded)]
    assert sorted(started) == sorted(ended)
    for call in world.calls:
        played = replay([entry for entry in world.entries if entry.call == call])
        assert played.ended
        assert played.doubts == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.world(seed=n, faults=STORM)) for n in SEEDS])
async def test_nothing_is_left_over(world: World, seed: int) -> None:
    await chaos(world, seed)
