"""Hand-overs with Multi-Party Calls as clients do them, judged by ears: nobody is dropped, nobody hears dead air."""

from __future__ import annotations

import pytest

from switchhook.lab.phone import Phone
from switchhook.lab.tones import BEEP, MUSIC, RINGBACK
from switchhook.lab.world import NUMBER, World
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_real import RealWorld

APP = "http://app.test"
DESK = "MultiPartyCall/name_desk"
QUIET = {"enter_sound": "none", "exit_sound": "none"}


async def add(world: AnyWorld, to: str, role: str = "agent", **more: object) -> None:
    await world.plivo.ask("POST", f"{DESK}/Participant/", role=role, to=to, **{"from": NUMBER, **QUIET, **more})


async def member(world: AnyWorld, phone: Phone) -> str:
    uuid = world.plivo.uuid(phone)
    listed = await world.plivo.ask("GET", f"{DESK}/Participant/?call_uuid={uuid}")
    return str(listed["objects"][-1]["member_id"])


async def update(world: AnyWorld, phone: Phone, **body: object) -> None:
    await world.plivo.ask("POST", f"{DESK}/Participant/{await member(world, phone)}/", **body)


async def kick(world: AnyWorld, phone: Phone) -> None:
    await world.plivo.ask("DELETE", f"{DESK}/Participant/{await member(world, phone)}/")


async def on_a_call(world: AnyWorld) -> tuple[Phone, Phone, Phone]:
    """A customer in the Multi-Party Call from the start, with an agent added by the API; a second agent is free."""
    quiet = 'enterSound="none" exitSound="none"'
    element = f'<MultiPartyCall role="customer" {quiet}>desk</MultiPartyCall>'
    world.web.on(f"{APP}/answer", f"<Response>{element}</Response>")
    world.web.on(f"{APP}/hangup", "")
    customer, agent, target = await world.phones("customer", "1001", "1002")
    await customer.call(NUMBER)
    await customer.answered()
    await customer.hears(MUSIC)
    await add(world, "1001")
    await customer.hears_only(RINGBACK)
    await agent.answer()
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    return customer, agent, target


async def cold(world: AnyWorld) -> None:
    customer, agent, target = await on_a_call(world)
    began = world.now
    await add(world, "1002")
    await target.is_ringing()
    await customer.hears_only("1001")  # still talking
    await kick(world, agent)
    await agent.ended()
    await customer.hears_only(RINGBACK)
    await target.answer()
    await customer.hears_only("1002")
    await target.hears_only("customer")
    assert customer.ears.gaps(150, began, world.now) == []
    await customer.hang_up()
    await target.ended()
    await world.everybody_hangs_up()


async def warm(world: AnyWorld) -> None:
    customer, agent, target = await on_a_call(world)
    began = world.now
    await update(world, customer, hold=True)
    await customer.hears_only(MUSIC)
    await add(world, "1002")
    await target.answer()
    await agent.hears_only("1002")
    await target.hears_only("1001")
    await customer.hears_only(MUSIC)  # their talk is private
    await update(world, customer, hold=False)
    await customer.hears_only("1001", "1002")
    await target.hears_only("1001", "customer")
    await kick(world, agent)
    await agent.ended()
    await customer.hears_only("1002")
    await target.hears_only("customer")
    assert customer.ears.gaps(150, began, world.now) == []
    assert target.ears.gaps(200) == []
    await target.hang_up()
    await customer.ended()
    await world.everybody_hangs_up()


async def aborted(world: AnyWorld) -> None:
    customer, agent, target = await on_a_call(world)
    await update(world, customer, hold=True)
    await add(world, "1002")
    await target.answer()
    await agent.hears_only("1002")
    await kick(world, target)
    await target.ended()
    await customer.hears_only(MUSIC)
    await update(world, customer, hold=False)
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await add(world, "1002")
    await target.is_ringing()
    await target.reject()
    await world.passes(0.5)
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await customer.hang_up()
    await agent.ended()
    await world.everybody_hangs_up()


async def supervised(world: AnyWorld) -> None:
    customer, agent, boss = await on_a_call(world)
    await add(world, "1002", "supervisor")
    await boss.answer()
    await boss.hears_only("1001", "customer")
    await agent.hears_only("1002", "customer")
    await customer.hears_only("1001")
    await update(world, boss, coach_mode=False)
    await customer.hears_only("1001", "1002")
    await update(world, boss, mute=True)
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await agent.hang_up()
    await customer.ended()
    await boss.ended()
    await world.everybody_hangs_up()


async def a_plain_call_is_moved(world: AnyWorld) -> None:
    """The recipe for a call that is in no Multi-Party Call yet: agent first, then the customer by its uuid."""
    world.web.on(f"{APP}/answer", "<Response><Dial><User>sip:1001@switchhook.local</User></Dial></Response>")
    world.web.on(f"{APP}/hangup", "")
    customer, agent, target = await world.phones("customer", "1001", "1002")
    await customer.call(NUMBER)
    await agent.answer()
    await customer.hears("1001")
    await add(world, "1002", stay_alone=True, end_mpc_on_exit=True)
    await target.answer()
    await target.hears_only(MUSIC)
    uuid = world.plivo.uuid(customer)
    await world.plivo.ask("POST", f"{DESK}/Participant/", role="customer", call_uuid=uuid)
    await agent.ended()
    await target.hears("customer", BEEP)
    await customer.hears_only("1002")
    await target.hang_up()
    await customer.ended()
    await world.everybody_hangs_up()


STORIES = {each.__name__: each for each in (cold, warm, aborted, supervised, a_plain_call_is_moved)}


@pytest.mark.parametrize("name", list(STORIES))
async def test_in_virtual_time(world: World, name: str) -> None:
    await STORIES[name](world)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cold", "warm"])
async def test_over_real_sockets_and_audio(real_world: RealWorld, name: str) -> None:
    await STORIES[name](real_world)
