"""Who answered is told by ear: real tones of a person's hello and of a machine's greeting, in virtual and real time."""

from __future__ import annotations

import pytest

from switchhook.lab.tones import VOICE_HZ, Utterance, tone
from switchhook.lab.world import World
from switchhook.lab.world_real import RealWorld

APP = "http://app.test"
HZ = VOICE_HZ[15]
HELLO, GREETING = 0.6, 4.0  # seconds that a person and a machine talk
DETECT = {"machine_detection": "true", "hangup_url": f"{APP}/over"}


async def answered_by(world: World | RealWorld, talks_s: float, **more: str) -> str:
    """Returns what the application is told of a telephone that talks once, for so long."""
    world.web.on(f"{APP}/start", "<Response><Play loop='0'>http://app.test/hello.wav</Play></Response>")
    world.web.on(f"{APP}/over", "")
    (who,) = await world.phones("somebody")
    who.falls_silent()
    await world.plivo.call(who, f"{APP}/start", **{**DETECT, **more})
    await who.answer()
    await world.passes(0.4)
    assert world.web.to(f"{APP}/start") == []
    who.say(Utterance(tone(HZ, talks_s), loop=False))
    for _ in range(60):
        told = world.web.to(f"{APP}/start") or world.web.to(f"{APP}/over")
        if told:
            break
        await world.passes(0.1)
    if who.call_now is not None:
        await who.hang_up()
    return told[0].form["Machine"]


@pytest.mark.parametrize(("talks_s", "machine"), [(HELLO, "false"), (GREETING, "true")])
async def test_in_virtual_time(world: World, talks_s: float, machine: str) -> None:
    assert await answered_by(world, talks_s) == machine


@pytest.mark.slow
@pytest.mark.parametrize(("talks_s", "machine"), [(HELLO, "false"), (GREETING, "true")])
async def test_over_real_audio(real_world: RealWorld, talks_s: float, machine: str) -> None:
    assert await answered_by(real_world, talks_s) == machine


async def test_a_machine_is_hung_up(world: World) -> None:
    assert await answered_by(world, GREETING, machine_detection="hangup") == "true"
    assert world.web.to(f"{APP}/start") == []
    assert world.web.to(f"{APP}/over")[0].form["HangupCauseCode"] == "9100"
