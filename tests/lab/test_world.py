"""Stories in a world: real SIP over a fake network, all dialects, symbolic ears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from switchhook.core import facts as f
from switchhook.core.outcomes import Outcome as LegOutcome
from switchhook.lab.heard import Missed, NotHeard
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import PhoneCall
from switchhook.lab.virtual_time import run
from switchhook.lab.world import (
    BEEP,
    MUSIC,
    NUMBER,
    RINGBACK,
    SPEECH,
    Faults,
    HoldStyle,
    Manners,
    Outcome,
    World,
)
from switchhook.lab.world_clients import Declined

APP = "http://app.test"


def answers(world: World, path: str, *elements: str) -> str:
    """Serves a document and returns its URL."""
    world.web.on(f"{APP}{path}", f"<Response>{''.join(elements)}</Response>")
    return f"{APP}{path}"


def ending(call: PhoneCall) -> LegOutcome:
    assert call.ending is not None
    return call.ending.outcome


async def pair(world: World) -> tuple[Phone, Phone]:
    """Customer and agent talk on a plain call to the agent's number."""
    customer, agent = await world.phones("customer", "agent")
    await world.talking(customer, agent, through=agent.number)
    return customer, agent


# --- the story of the design


async def test_customer_hangs_up_while_the_target_rings(world: World) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    await world.phlo.warm_transfer(trigger_source=agent.number, to=target.number)
    await target.is_ringing()
    assert await customer.hears(MUSIC)

    await customer.hang_up()

    await target.stops_ringing(within_s=0.5)
    assert world.outcome is Outcome.CUSTOMER_LEFT
    await world.everybody_hangs_up()


# --- ears


async def test_each_hears_the_other_and_nobody_after_the_end(world: World) -> None:
    customer, agent = await pair(world)
    await world.passes(1)
    await customer.hang_up()
    await agent.ended()
    await customer.hears_only()
    await agent.hears_only()
    assert customer.ears.seconds_of("agent") == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("style", HoldStyle)
async def test_hold_by_the_telephone_in_every_style(world: World, style: HoldStyle) -> None:
    customer, agent = await pair(world)
    await agent.hold(style)
    await customer.hears_only(MUSIC)
    await agent.hears_only()
    await agent.resume()
    await customer.hears_only("agent")
    await agent.hears_only("customer")


async def test_a_telephone_that_sends_nothing_is_silent_and_is_let_go(world: World) -> None:
    customer = await world.phone("customer", manners=Manners(sends_audio=False))
    agent = await world.phone("agent")
    await customer.call(agent.number)
    await agent.answer()
    await customer.hears_only("agent")
    await agent.hears_only()
    await world.passes(world.settings.media.rtp_timeout_s + 1)
    assert ending(await customer.ended()) is LegOutcome.COMPLETED  # we said BYE
    ended = [s.fact.outcome for s in world.facts if isinstance(s.fact, f.LegEnded)]
    assert ended == [LegOutcome.MEDIA_LOST, LegOutcome.COMPLETED]


async def test_a_dead_telephone_is_noticed_by_its_silence(world: World) -> None:
    customer, agent = await pair(world)
    agent.dies()
    await customer.hears_only()
    await customer.ended(within_s=world.settings.media.rtp_timeout_s + 1)


async def test_a_telephone_that_holds_may_be_silent(world: World) -> None:
    customer, agent = await pair(world)
    await agent.hold(HoldStyle.INACTIVE)
    await world.passes(world.settings.media.rtp_timeout_s * 3)
    await agent.resume()
    await customer.hears_only("agent")


async def test_spoken_words_tones_and_the_ringing_tone(world: World) -> None:
    answers(
        world,
        "/answer",
        "<Speak>Good morning</Speak>",
        '<Wait length="2"/>',
        "<Dial><User>sip:1001@switchhook.local</User></Dial>",
    )
    answers(world, "/hangup")
    customer, agent = await world.phones("customer", "1001")
    await customer.call(NUMBER)
    await customer.hears_only(SPEECH)
    assert world.said_to(customer) == ["Good morning"]
    await customer.ears.until_silent(1500, within_s=3)
    await agent.is_ringing(within_s=3)
    await customer.hears_only(RINGBACK)
    await agent.answer()
    await customer.hears_only("1001")
    await world.everybody_hangs_up()
    await world.passes(100)
    assert world.said_to(customer) == ["Good morning"]


# --- keys


async def test_keys_pressed_at_a_telephone_arrive_in_order(world: World) -> None:
    customer, _ = await pair(world)
    await customer.press("12#")
    await world.passes(2)
    assert [s.fact.digit for s in world.facts if isinstance(s.fact, f.DigitHeard)] == ["1", "2", "#"]


async def test_keys_pressed_by_info_arrive_too(world: World) -> None:
    customer, _ = await pair(world)
    await customer.press("5", by_info=True)
    await world.passes(1)
    assert [s.fact.digit for s in world.facts if isinstance(s.fact, f.DigitHeard)] == ["5"]


async def test_keys_sent_to_a_telephone_arrive_with_their_pauses(world: World) -> None:
    customer, agent = await pair(world)
    world.media.send_digits(world.leg(agent), "4W2")
    await world.passes(0.5)
    assert agent.keys == "4"
    await agent.was_pressed("42", within_s=2)
    assert customer.keys == ""


# --- the web


async def test_a_users_application_is_asked_in_process(world: World) -> None:
    async def answer(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        return Response(f"<Response><Speak>You are {form['From']}</Speak></Response>", media_type="text/xml")

    async def moved(request: Request) -> Response:
        return RedirectResponse("/really", 307)

    paths = [
        Route("/answer", moved, methods=["POST"]),
        Route("/hangup", lambda r: PlainTextResponse(), methods=["POST"]),
    ]
    world.web.mount(APP, Starlette(routes=[*paths, Route("/really", answer, methods=["POST"])]))
    customer = await world.phone("customer")
    await customer.call(NUMBER)
    await customer.ended(within_s=20)
    assert world.said_to(customer) == [f"You are {customer.number.removeprefix('+')}"]
    assert [hook.path for hook in world.web.hooks] == ["/answer", "/really", "/hangup"]


async def test_an_application_that_raises_is_a_500_and_is_kept(world: World) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise LookupError("no such page")

    world.web.mount(APP, broken)
    customer = await world.phone("customer")
    await customer.call(NUMBER)
    await customer.ended(within_s=60)
    assert "LookupError: no such page" in world.web.errors[0]
    statuses = [entry.body["status"] for entry in world.entries if entry.kind == "Webhook"]
    assert 500 in statuses


async def test_a_host_that_nobody_mounted_refuses(world: World) -> None:
    customer = await world.phone("customer")
    await customer.call(NUMBER)
    await customer.ended(within_s=60)
    assert world.web.to(f"{APP}/answer")
    assert "nobody listens at http://app.test" in world.timeline()


async def test_an_application_that_takes_too_long_is_given_up(world: World) -> None:
    answers(world, "/answer", "<Hangup/>")
    world.web.delay_s = 1000
    customer = await world.phone("customer")
    await customer.call(NUMBER)
    await customer.ended(within_s=200)
    assert "within 15 s" in world.timeline()


def test_an_application_starts_with_its_first_request_and_ends_with_the_world() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        told.append("start")
        yield {"greeting": "Hello"}
        told.append("end")

    async def answer(request: Request) -> Response:
        told.append(request.url.path)
        return Response(f"<Response><Speak>{request.state.greeting}</Speak></Response>")

    async def story() -> list[str]:
        async with World() as world:
            routes = [Route("/answer", answer, methods=["POST"]), Route("/hangup", answer, methods=["POST"])]
            world.web.mount(APP, Starlette(routes=routes, lifespan=lifespan))
            customer = await world.phone("customer")
            await customer.call(NUMBER)
            await customer.ended(within_s=20)
            await world.passes(1)
            assert world.web.errors == []
            return world.said_to(customer)

    assert run(story()) == ["Hello"]
    assert told == ["start", "/answer", "/hangup", "end"]


async def test_an_application_that_cannot_start_is_a_500(world: World) -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    world.web.mount(APP, Starlette(lifespan=lifespan))
    customer = await world.phone("customer")
    await customer.call(NUMBER)
    await customer.ended(within_s=60)
    assert "did not start" in world.web.errors[0]
    assert "no database" in world.web.errors[0]


def test_only_whole_hosts_can_be_mounted() -> None:
    from switchhook.lab.world_web import Web

    with pytest.raises(ValueError, match="whole host"):
        Web(lambda: 0.0).mount("http://app.test/path", None)  # type: ignore[arg-type]


# --- the clients


async def test_plivo_calls_transfers_and_hangs_up(world: World) -> None:
    answers(world, "/hangup")
    hello = answers(world, "/hello", "<Speak>Hello</Speak>", '<Wait length="60"/>')
    later = answers(world, "/later", "<Speak>Later</Speak>", '<Wait length="60"/>')
    agent = await world.phone("agent")
    uuid = await world.plivo.call(agent, hello)
    await agent.answer()
    await agent.hears(SPEECH)
    assert await world.plivo.live() == [uuid] == [world.plivo.uuid(agent)]

    await world.plivo.transfer(agent, legs="aleg", aleg_url=later)
    await world.passes(5)
    assert world.said_to(agent) == ["Hello", "Later"]

    await world.plivo.hang_up(agent)
    await agent.ended()
    with pytest.raises(Declined) as declined:
        await world.plivo.hang_up(uuid)
    assert declined.value.status == 404


async def test_phlo_members_are_held_and_taken_back(world: World) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    await world.phlo.member(customer, "hold")
    await customer.hears_only(MUSIC)
    await world.phlo.member(customer, "unhold")
    await customer.hears_only("agent")
    await world.phlo.call(agent, target)
    await target.answer()
    await customer.hears_only("agent", "target")
    with pytest.raises(Declined, match="trigger_source"):
        await world.phlo.cold_transfer("+4930999", target)


async def test_a_support_line_with_a_fallback(world: World) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    world.support(agent, fallback="recall")
    await customer.call("+14155550199")
    await agent.answer()
    await world.phlo.cold_transfer(agent, target)
    await agent.ended()
    await target.reject()
    await agent.answer()
    await customer.hears_only("agent")
    assert world.outcome is Outcome.RETURNED


async def test_a_desktop_dials_holds_swaps_and_completes(world: World) -> None:
    customer, agent, target = await world.phones("1004", "1001", "1002")
    desk = await world.genesys.login("agent1")
    await desk.dial(customer)
    await agent.answer()
    await customer.answer()
    await desk.shows("Established")
    await customer.hears_only("1001")
    await desk.hold()
    await customer.hears_only(MUSIC)
    await desk.retrieve()
    await customer.hears_only("1001")
    await desk.initiate_transfer(target)
    await target.answer()
    await desk.shows("Established", call_type="Consult")
    await agent.hears_only("1002")
    await desk.swap()
    await agent.hears_only("1004")
    await target.hears_only(MUSIC)
    await desk.complete_transfer()
    await customer.hears_only("1002")
    await desk.until(lambda: not desk.calls)
    assert world.outcome is Outcome.COMPLETED


async def test_a_desktop_hands_over_at_once(world: World) -> None:
    customer, agent, target = await world.phones("customer", "1001", "1002")
    desk = await world.genesys.login("agent1")
    await customer.call(agent.number)
    await desk.answer()
    await customer.hears_only("1001")
    await desk.single_step_transfer(target)
    await target.answer()
    await customer.hears_only("1002")
    with pytest.raises(Missed, match="no call"):
        await desk.operate("Hold")
    with pytest.raises(Missed, match="no Ringing call"):
        await desk.shows("Ringing", within_s=0.1)


# --- telephones, network, what is left


async def test_telephones_inside_and_outside(world: World) -> None:
    phones = await world.phones("customer", "customer 2", "1003", *(f"agent {n}" for n in range(6)))
    assert [phone.number for phone in phones[:3]] == ["+14155550123", "+14155550124", "1003"]
    inside = [phone.number for phone in phones[3:8]]
    assert inside == ["1001", "1002", "1004", "1005", "1006"]
    assert phones[8].number == "+14155550125"  # no endpoint was left
    boss = await world.phone("boss", number="+442071234567")
    assert boss.number == "+442071234567"
    await phones[2].call(boss.number)
    assert (await boss.is_ringing()).number == "1003"


async def test_manners_are_copied_for_each_telephone(world: World) -> None:
    one, two = await world.phones("1001", "1002", manners=Manners(answers_after_s=2))
    one.manners.rejects_with = 486
    assert two.manners.rejects_with is None


async def test_a_cut_line_is_a_dead_telephone(world: World) -> None:
    customer, agent = await pair(world)
    world.network.partition(agent.place[0])
    await agent.hang_up()
    await world.passes(1)
    assert world.left_over()
    assert any("agent" in left or "1001" in left for left in world.left_over())
    await customer.ended(within_s=world.settings.media.rtp_timeout_s + 40)


async def test_what_is_left_over_is_named(world: World) -> None:
    await pair(world)
    left = ", ".join(world.left_over())
    for part in ("leg 1001 (up)", "room", "2 SIP dialogs", "timers", "audio of leg", "agent's telephone is answered"):
        assert part in left
    await world.everybody_hangs_up()
    assert world.left_over() == []


async def test_faults_can_come_and_go(world: World) -> None:
    customer, agent = await pair(world)
    lossless = world.network.link(customer.place, ("10.0.0.1", 5060)).count.lost
    assert lossless == 0
    world.network.faults(Faults(loss=1.0), "10.0.0.1", agent.place[0])
    await customer.hang_up()
    with pytest.raises(Missed):
        await agent.ended(within_s=3)
    world.network.heal("10.0.0.1", agent.place[0])
    await agent.ended(within_s=10)


async def test_the_story_is_told(world: World) -> None:
    customer, _ = await pair(world)
    await world.passes(1)
    with pytest.raises(NotHeard, match=r"beep was not heard within 0\.1 s, but: agent"):
        await customer.hears(BEEP, within_s=0.1)
    assert "+14155550123 calls 1001" in world.timeline()
    assert "INVITE" in world.timeline(sip=True)
    assert "INVITE" not in world.timeline()
    assert "INVITE" in world.ladder(world.calls[-1])
    assert "customer: " in world.heard()
    assert len(world.hears(customer)) == 1


def test_a_world_needs_virtual_time() -> None:
    async def story() -> None:
        async with World():
            raise AssertionError("never")

    with pytest.raises(RuntimeError, match="virtual time"):
        asyncio.run(story())


def test_two_worlds_in_one_process_do_not_meet() -> None:
    async def story() -> list[str]:
        async with World(seed=3) as world:
            await pair(world)
            return [type(s.fact).__name__ for s in world.facts]

    assert run(story()) == run(story())


async def test_a_consult_that_is_refused_at_once_was_begun_all_the_same(world: World) -> None:
    customer, agent, target = await world.phones("customer", "agent", "target")
    target.manners.rejects_with = 486
    desk = await world.genesys.login("agent1")
    await customer.call(agent.number)
    await desk.answer()
    consult = await desk.initiate_transfer(target)
    assert consult["callType"] == "Consult"
    await desk.shows("Held")
    await desk.retrieve()
    await customer.hears_only(agent.name)
