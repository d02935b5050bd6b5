"""The same stories in virtual time and over real sockets and audio: what holds in one holds in the other."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from switchhook.lab.ears import Ears
from switchhook.lab.tones import MUSIC, RINGBACK
from switchhook.lab.world import NUMBER, Outcome, World
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_real import RealWorld


async def warm_transfer(world: AnyWorld) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    start = world.now
    await world.phlo.warm_transfer(agent, target)
    await target.is_ringing()
    await customer.hears_only(MUSIC)
    await agent.hears_only(RINGBACK)
    await target.answer()
    await customer.hears_only(MUSIC)
    await target.hears_only("agent")
    await agent.hang_up()
    await customer.hears_only("target")
    await target.hears_only("customer")
    assert world.outcome is Outcome.COMPLETED
    assert customer.ears.gaps(100, start) == []
    await world.everybody_hangs_up()


async def a_program_dials_and_keys_are_pressed(world: AnyWorld) -> None:
    user = "<User>sip:1001@switchhook.local</User>"
    world.web.on("http://app.test/answer", f"<Response><Dial>{user}</Dial></Response>")
    world.web.on("http://app.test/hangup", "")
    customer, agent = await world.phones("customer", "1001")
    await customer.call(NUMBER)
    await agent.answer()
    await agent.hears("customer")
    await customer.press("7")
    await world.passes(0.5)
    assert [entry.body["digit"] for entry in world.entries if entry.kind == "DigitHeard"] == ["7"]
    desk = await world.genesys.login("agent1")
    await desk.hold()
    await customer.hears_only(MUSIC)
    await desk.retrieve()
    await customer.hears_only("1001")
    await customer.hang_up()
    await agent.ended()
    assert world.web.hooks[0].path == "/answer"
    await world.everybody_hangs_up()


async def a_desktop_makes_a_conference(world: AnyWorld) -> None:
    """Two steps, then one more party in one step; whoever leaves, the others hear each other."""
    customer, agent, target, third = await world.phones("customer", "1001", "1002", "1003")
    await world.talking(customer, agent, through=agent.number)
    desk = await world.genesys.login("agent1")
    await desk.initiate_transfer(to=target)
    await target.answer()
    await customer.hears_only(MUSIC)
    await target.hears_only("1001")
    await desk.shows("Established", call_type="Consult")
    await desk.complete_conference()
    await desk.shows("Established", call_type="Inbound")
    await customer.hears_only("1001", "1002")
    await agent.hears_only("customer", "1002")
    await target.hears_only("customer", "1001")
    await desk.single_step_conference(to=third)
    await third.answer()
    await third.hears_only("customer", "1001", "1002")
    await desk.until(lambda: any(len(call["participants"]) == 3 for call in desk.calls))
    [call] = desk.calls
    await desk.operate("RemoveParticipantFromConference", participant=call["participants"][1]["phoneNumber"])
    await target.ended()
    await customer.hang_up()
    await agent.hears_only("1003")
    await third.hears_only("1001")
    await agent.hang_up()
    await third.ended()
    await world.everybody_hangs_up()


async def a_supervisor_listens_coaches_and_barges_in(world: AnyWorld) -> None:
    """The supervisor's own telephone is rung; the customer notices nothing until the supervisor barges in."""
    customer, agent, boss = await world.phones("customer", "1001", "1004")
    await world.talking(customer, agent, through=agent.number)
    watched, desk = await world.genesys.login("agent1"), await world.genesys.login("agent4")
    target, own = [
        (await each.http.get("/api/v2/me/devices", params={"fields": "*"})).json()["devices"][0]
        for each in (watched, desk)
    ]
    await desk.post(f"/api/v2/me/devices/{own['id']}", operationName="ListenIn", targetDeviceUri=target["uri"])
    await desk.shows("Established")  # its telephone picks up by itself
    await boss.hears_only("customer", "1001")
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await desk.operate("SwitchToCoach")
    await agent.hears_only("customer", "1004")
    await customer.hears_only("1001")
    await desk.operate("SwitchToBargeIn")
    await customer.hears_only("1001", "1004")
    await boss.hang_up()
    await customer.hears_only("1001")
    await world.everybody_hangs_up()


STORIES = pytest.mark.parametrize(
    "story",
    [
        warm_transfer,
        a_program_dials_and_keys_are_pressed,
        a_desktop_makes_a_conference,
        a_supervisor_listens_coaches_and_barges_in,
    ],
)


@STORIES
async def test_in_virtual_time(world: World, story) -> None:  # type: ignore[no-untyped-def]
    await story(world)


@pytest.mark.slow
@STORIES
async def test_over_real_sockets(real_world: RealWorld, story) -> None:  # type: ignore[no-untyped-def]
    await story(real_world)
    assert "INVITE" in real_world.ladder()


@pytest.mark.slow
async def test_real_audio_can_be_kept(real_world: RealWorld, tmp_path: Path) -> None:
    customer, agent = await real_world.phones("customer", "agent")
    await real_world.talking(customer, agent, through=agent.number)
    await real_world.passes(0.3)
    assert isinstance(customer.ears, Ears)
    customer.ears.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as heard:
        assert heard.getnframes() > 1600
    (judge,) = customer.ears.judges
    assert judge.continuous
