"""Dial before the answer: the early audio of who is rung, and keys into it (plivo-xml 2.7)."""

from __future__ import annotations

from switchhook.core import events as e
from switchhook.lab.stage import RINGBACK, Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, SIP, World, stage

REAL = f'<Dial dialMusic="real"><User>sip:1001@{SIP}</User></Dial>'


def announces(on: Stage, line: Line) -> None:
    """Its network plays something to us before anybody answers (183 with SDP)."""
    on.exchange.tell(e.LegRang(line.leg, early=True))


@in_virtual_time
async def test_the_caller_hears_the_early_audio_and_ringing_until_there_is_any() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Speak>hi</Speak>", REAL)
        agent = on.phone("1001", rings_after_s=None)
        await on.passes(0.2)
        assert line.hears == {RINGBACK}
        agent.line.rings()
        assert line.hears == {RINGBACK}
        announces(on, agent.line)
        assert line.hears == {"1001"}
        agent.line.answers()
        await on.settled()
        assert line.hears == {"1001"}
        assert agent.line.hears == {"+14155550123"}


@in_virtual_time
async def test_a_caller_who_is_not_answered_hears_it_as_early_audio() -> None:
    async with stage() as on:
        world = World(on)
        on.phone("1001", rings_after_s=None)
        line = await world.arrives(REAL)
        await on.settled()
        agent = on.phone("1001")
        agent.line.rings()
        assert line.rang
        assert not line.early
        announces(on, agent.line)
        assert line.early
        assert not line.up
        assert line.hears == {"1001"}
        agent.line.rejects()
        await on.passes(0.1)
        assert line.over is not None


@in_virtual_time
async def test_of_several_the_first_with_audio_is_heard_and_who_is_asked_to_confirm_is_not() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/ask", "<Speak>press one</Speak>")
        for name in ("1001", "1002"):
            on.phone(name, rings_after_s=None)
        line = await world.arrives(
            "<Speak>hi</Speak>",
            f'<Dial dialMusic="real" confirmSound="{APP}/ask" confirmKey="1">'
            f"<User>sip:1001@{SIP}</User><User>sip:1002@{SIP}</User></Dial>",
        )
        await on.passes(0.2)
        announces(on, on.phone("1002").line)
        assert line.hears == {"1002"}
        on.phone("1002").line.answers()
        await on.settled()
        assert line.hears == {RINGBACK}
        on.phone("1002").line.presses("1")
        await on.settled()
        assert line.hears == {"1002"}


@in_virtual_time
async def test_keys_go_into_the_early_audio_of_who_wants_them_there() -> None:
    async with stage() as on:
        world = World(on)
        for name in ("1001", "1002"):
            on.phone(name, rings_after_s=None)
        await world.arrives(
            f'<Dial><User sendDigits="12" sendOnPreanswer="true">sip:1001@{SIP}</User>'
            f'<User sendDigits="34">sip:1002@{SIP}</User></Dial>'
        )
        first, second = on.phone("1001").line, on.phone("1002").line
        first.rings()
        announces(on, first)
        announces(on, second)
        assert on.media.digits_sent(first.leg) == "12"
        assert on.media.digits_sent(second.leg) == ""
        first.answers()
        await on.settled()
        assert on.media.digits_sent(first.leg) == "12"  # once


@in_virtual_time
async def test_keys_for_early_audio_that_never_comes_are_sent_after_the_answer() -> None:
    async with stage() as on:
        world = World(on)
        await world.arrives(f'<Dial><User sendDigits="12" sendOnPreAnswer="true">sip:1001@{SIP}</User></Dial>')
        agent = await on.phone("1001").rings()
        assert on.media.digits_sent(agent.leg) == ""
        agent.answers()
        await on.settled()
        assert on.media.digits_sent(agent.leg) == "12"
