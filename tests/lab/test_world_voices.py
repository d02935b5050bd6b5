"""Voice activity in virtual time: telephones that talk, fall silent, say something once, or are held."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId
from switchhook.lab.tones import Utterance, tone
from switchhook.lab.world import World


def heard(world: World, leg: LegId) -> list[tuple[bool, int]]:
    facts = [stamped.fact for stamped in world.facts]
    return [(fact.on, fact.after_ms) for fact in facts if isinstance(fact, f.VoiceHeard) and fact.leg == leg]


async def test_a_telephone_is_heard_to_talk_to_fall_silent_and_to_say_something_once(world: World) -> None:
    customer, agent = await world.phones("customer", "agent")
    await world.talking(customer, agent, through=agent.number)
    leg = next(iter(world.exchange.state.legs))
    world.exchange.ask(r.ListenFor(leg, on=True, by="test"))
    await world.passes(2.0)
    assert heard(world, leg) == [(True, 0)]
    customer.falls_silent()
    await agent.hears_only()
    await world.passes(1.0)
    assert heard(world, leg)[1:] == [(False, pytest.approx(2000, abs=10))]
    customer.say(Utterance(tone(600, 0.5), loop=False))
    await agent.hears("customer")
    await world.passes(2.0)
    assert heard(world, leg)[2][0] is True
    assert heard(world, leg)[3] == (False, pytest.approx(500, abs=10))
    customer.talks()
    await agent.hears("customer")
