"""Each element of a document, judged by the ears of telephones: over SIP in virtual time, some over real audio."""

from __future__ import annotations

import pytest

from switchhook.exchange.recognising import Recognised
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.tones import BEEP, RINGBACK, SPEECH, Utterance, tone
from switchhook.lab.world import NUMBER, World
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_real import RealWorld
from tests.dialects.plivo.test_get_input import Ear

APP = "http://app.test"
TO_1001 = "<User>sip:1001@switchhook.local</User>"


def page(world: AnyWorld, path: str, *elements: str) -> None:
    world.web.on(f"{APP}{path}", f"<Response>{''.join(elements)}</Response>")


def fields(world: AnyWorld, path: str) -> dict[str, str]:
    (hook,) = world.web.to(f"{APP}{path}")
    return hook.form


async def caller(world: AnyWorld, *elements: str, silent: bool = True) -> Phone:
    """Somebody calls the application, which answers with these elements."""
    page(world, "/answer", *elements)
    world.web.on(f"{APP}/hangup", "")
    (customer,) = await world.phones("customer")
    if silent:
        customer.falls_silent()
    await customer.call(NUMBER)
    return customer


async def test_get_digits(world: World) -> None:
    customer = await caller(world, f'<GetDigits action="{APP}/got" playBeep="true"><Speak>hello</Speak></GetDigits>')
    page(world, "/got", "<Speak loop='0'>thanks</Speak>")
    await customer.hears_only(SPEECH)
    assert world.said_to(customer)[-1] == "hello"
    await customer.hears_only(BEEP)
    await customer.press("42#")
    await customer.hears_only(SPEECH)
    assert world.said_to(customer)[-1] == "thanks"
    assert fields(world, "/got")["Digits"] == "42"
    await customer.hang_up()


async def test_get_input_by_voice(world: World) -> None:
    world.dialects["plivo"].recogniser = Ear(Recognised("yes", 0.9))
    customer = await caller(
        world, f'<GetInput action="{APP}/got" inputType="speech"><Speak loop="0">hello</Speak></GetInput>'
    )
    page(world, "/got", "<Speak loop='0'>thanks</Speak>")
    await customer.hears_only(SPEECH)
    customer.say(Utterance(tone(600, 1.0), loop=False))
    await customer.hears_only()  # who talks is not talked over
    await customer.hears_only(SPEECH, within_s=4.0)
    assert world.said_to(customer)[-1] == "thanks"
    assert fields(world, "/got")["Speech"] == "yes"
    await customer.hang_up()


async def test_record(world: World) -> None:
    customer = await caller(world, f'<Record action="{APP}/done" timeout="3"/>')
    page(world, "/done", "<Speak loop='0'>thanks</Speak>")
    await customer.hears_only(BEEP)
    await customer.hears_only()
    customer.say(Utterance(tone(600, 4.0), loop=False))
    await world.passes(6.5)
    assert not world.web.to(f"{APP}/done")
    await customer.hears_only(SPEECH, within_s=2.0)
    assert 6_900 <= int(fields(world, "/done")["RecordingDurationMs"]) <= 7_200
    await customer.hang_up()


async def test_record_of_a_session_takes_both(world: World) -> None:
    customer = await caller(
        world, '<Record recordSession="true" redirect="false"/>', f"<Dial>{TO_1001}</Dial>", silent=False
    )
    (agent,) = await world.phones("1001")
    await agent.answer()
    await customer.hears_only("1001")
    (tape,) = world.media.recordings
    assert (tape.left, tape.right) == ((world.leg(customer),), (world.leg(agent),))
    await customer.hang_up()


async def test_pre_answer(world: World) -> None:
    customer = await caller(
        world, "<PreAnswer><Speak>hello</Speak></PreAnswer>", "<Wait length='3'/><Speak loop='0'>up</Speak>"
    )
    await customer.hears_only(SPEECH)
    assert customer.state is State.RINGING  # not answered
    await customer.answered(within_s=6.0)
    await customer.hears_only(SPEECH)
    assert world.said_to(customer)[-1] == "up"
    await customer.hang_up()


async def test_wait_for_silence(world: World) -> None:
    customer = await caller(
        world,
        "<Speak>hello</Speak>",
        '<Wait length="30" silence="true"/>',
        "<Speak loop='0'>quiet</Speak>",
        silent=False,
    )
    await world.passes(5)
    await customer.hears_only()
    customer.falls_silent()
    await customer.hears_only(SPEECH, within_s=3.0)
    assert world.said_to(customer)[-1] == "quiet"
    await customer.hang_up()


async def test_keys_arrive_at_the_telephone(world: World) -> None:
    customer = await caller(world, '<DTMF async="false">12w3</DTMF>', "<Speak loop='0'>sent</Speak>")
    await customer.was_pressed("123")
    await customer.hears_only(SPEECH)
    await customer.hang_up()


@pytest.mark.parametrize("answered", [False, True])
async def test_real_dial_music_is_what_the_called_network_plays(world: World, answered: bool) -> None:
    before = ("<Speak>hello</Speak>",) if answered else ()
    (agent,) = await world.phones("1001", manners=Manners(early_audio=True))
    customer = await caller(world, *before, f'<Dial dialMusic="real">{TO_1001}</Dial>', silent=False)
    await agent.is_ringing()
    await customer.hears_only("1001")
    await agent.hears_only()  # and it hears nothing of the caller yet
    await agent.answer()
    await customer.hears_only("1001")
    await agent.hears_only("customer")
    await customer.hang_up()


async def test_real_dial_music_of_a_network_that_plays_nothing_is_ringing(world: World) -> None:
    (agent,) = await world.phones("1001")
    customer = await caller(world, "<Speak>hello</Speak>", f'<Dial dialMusic="real">{TO_1001}</Dial>')
    await agent.is_ringing()
    await customer.hears_only(RINGBACK)
    await agent.answer()
    await customer.hears_only("1001")
    await customer.hang_up()


async def test_keys_into_the_early_audio(world: World) -> None:
    (agent,) = await world.phones("1001", manners=Manners(early_audio=True))
    dial = "<Dial><User sendDigits='77' sendOnPreanswer='true'>sip:1001@switchhook.local</User></Dial>"
    customer = await caller(world, dial)
    await agent.was_pressed("77")
    assert agent.state is State.RINGING
    await customer.hang_up()


# --- over real audio ------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_real_dial_music_over_real_audio(real_world: RealWorld) -> None:
    world = real_world
    (agent,) = await world.phones("1001", manners=Manners(early_audio=True))
    customer = await caller(world, f'<Dial dialMusic="real">{TO_1001}</Dial>', silent=False)
    await agent.is_ringing()
    await customer.hears_only("1001", within_s=4.0)
    await agent.answer()
    await agent.hears_only("customer", within_s=4.0)
    await customer.hang_up()


@pytest.mark.slow
async def test_early_audio_and_keys_pressed_in_it_over_real_audio(real_world: RealWorld) -> None:
    world = real_world
    customer = await caller(
        world, f'<PreAnswer><GetDigits action="{APP}/got"><Speak loop="0">hello</Speak></GetDigits></PreAnswer>'
    )
    page(world, "/got", "<Wait length='1'/>", "<Speak loop='0'>thanks</Speak>")
    await customer.hears(SPEECH, within_s=5.0)
    assert customer.state is State.RINGING
    assert customer.call_now is not None
    customer.call_now.press("5#", by_info=False)
    await customer.answered(within_s=6.0)
    assert fields(world, "/got")["Digits"] == "5"
    await customer.hang_up()
