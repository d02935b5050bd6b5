"""Two telephones on a fake network in virtual time, with real RTP and with symbols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Codec, Direction
from switchhook.lab.faults import BAD_WIFI, Faults
from switchhook.lab.heard import Missed
from switchhook.lab.manners import BUSY_ALWAYS, PICKS_UP, HoldStyle, Manners
from switchhook.lab.network import Network
from switchhook.lab.phone import Phone
from switchhook.lab.phones import Phones
from switchhook.lab.tones import KEYS
from switchhook.lab.virtual_time import in_virtual_time


@asynccontextmanager
async def two(
    manners: Manners | None = None, *, rtp: bool = False, faults: Faults | None = None
) -> AsyncIterator[tuple[Phone, Phone]]:
    network = Network(seed=3, faults=faults) if faults else Network(seed=3)
    async with Phones(network=network, rtp=rtp) as phones:
        yield await phones.open("ann"), await phones.open("bob", manners=manners)


@in_virtual_time
async def test_a_call_is_answered_and_ended() -> None:
    async with two() as (ann, bob):
        await ann.call(bob.uri)
        ringing = await bob.is_ringing()
        assert ringing.number == "ann"
        await ann.far_end_rings()
        await bob.answer(after_s=3)
        await ann.answered()
        await bob.hang_up()
        over = await ann.ended(within_s=1)
        assert over.ending is not None
        assert over.ending.outcome is Outcome.COMPLETED
        assert [one.what for one in bob.log] == ["ringing", "audio", "answered", "ended"]
        assert [one.what for one in ann.log] == ["calling", "far end rings", "audio", "answered", "ended"]


@in_virtual_time
async def test_each_hears_the_other() -> None:
    async with two(PICKS_UP, rtp=True) as (ann, bob):
        await ann.call(bob.uri)
        await ann.hears_only("bob")
        await bob.hears_only("ann")
        await asyncio.sleep(2)
        await ann.hang_up()
        await bob.ended()
        assert ann.ears.gaps() == []
        assert ann.ears.seconds_of("bob") > 1.9
        assert "ann" not in {interval.label for interval in ann.ears.intervals()}


@in_virtual_time
async def test_calls_survive_a_bad_network() -> None:
    async with two(Manners(answers_after_s=5), rtp=True, faults=BAD_WIFI) as (ann, bob):
        for _ in range(5):
            await ann.call(bob.uri)
            await ann.answered(within_s=40)
            await ann.hears("bob", within_s=3)
            await ann.hang_up()
            await bob.ended(within_s=40)
            await ann.ended(within_s=40)


@pytest.mark.parametrize(
    ("status", "outcome"), [(486, Outcome.BUSY), (603, Outcome.REJECTED), (480, Outcome.NO_ANSWER)]
)
def test_a_call_is_refused(status: int, outcome: Outcome) -> None:
    @in_virtual_time
    async def story() -> None:
        async with two() as (ann, bob):
            await ann.call(bob.uri)
            await bob.reject(status)
            over = await ann.ended()
            assert over.ending is not None
            assert (over.ending.outcome, over.ending.status) == (outcome, status)
            with pytest.raises(Missed, match="answered"):
                await ann.answered()

    story()


@in_virtual_time
async def test_a_caller_gives_up() -> None:
    async with two() as (ann, bob):
        await ann.call(bob.uri)
        await bob.is_ringing()
        await ann.far_end_rings()
        await ann.hang_up()
        await bob.stops_ringing(within_s=0.5)
        over = await bob.ended()
        assert over.ending is not None
        assert over.ending.outcome is Outcome.CANCELLED


@in_virtual_time
async def test_always_busy_and_busy_with_another_call() -> None:
    async with Phones(network=Network(), rtp=False) as phones:
        ann = await phones.open("ann")
        bob = await phones.open("bob", manners=BUSY_ALWAYS)
        carl = await phones.open("carl", manners=PICKS_UP)
        await ann.call(bob.uri)
        assert (await ann.ended()).ending.outcome is Outcome.BUSY  # type: ignore[union-attr]
        await ann.call(carl.uri)
        await carl.answered()
        await bob.call(carl.uri)
        assert (await bob.ended()).ending.outcome is Outcome.BUSY  # type: ignore[union-attr]
        assert len(carl.calls) == 1


@pytest.mark.parametrize("style", list(HoldStyle))
def test_hold_in_three_styles_and_back(style: HoldStyle) -> None:
    @in_virtual_time
    async def story() -> None:
        async with two(PICKS_UP, rtp=True) as (ann, bob):
            await ann.call(bob.uri)
            await ann.hears("bob")
            await ann.hold(style)
            await bob.is_held()
            await ann.ears.until_silent(200)
            await ann.resume()
            await bob.is_held(False)
            await ann.hears("bob")
            await bob.hears("ann")

    story()


@in_virtual_time
async def test_both_hold_at_once_and_glare_is_settled() -> None:
    async with two(PICKS_UP) as (ann, bob):
        await ann.call(bob.uri)
        await ann.answered()
        await bob.answered()
        await asyncio.gather(ann.hold(), bob.hold())
        await ann.is_held()
        await bob.is_held()


@in_virtual_time
async def test_keys_arrive_once_each_by_packets_and_by_info() -> None:
    async with two(PICKS_UP, rtp=True) as (ann, bob):
        await ann.call(bob.uri)
        await ann.hears("bob")
        await ann.press("12#4")
        await bob.was_pressed("12#4")
        await bob.press("*9", by_info=True)
        await ann.was_pressed("*9")
        with pytest.raises(ValueError, match="no key"):
            await ann.press("x")
        assert bob.ears.gaps() == []  # a key is heard in place of the voice, not silence
        assert bob.ears.seconds_of(KEYS) > 0.45
        assert bob.ears.judge.continuous  # type: ignore[attr-defined]


@in_virtual_time
async def test_early_audio_is_heard_before_the_answer() -> None:
    async with two(Manners(early_audio=True), rtp=True) as (ann, bob):
        await ann.call(bob.uri)
        await ann.hears("bob")
        assert ann.state is not None
        assert ann.state.value == "ringing"
        await bob.answer()
        await ann.answered()


@in_virtual_time
async def test_a_dead_telephone_tells_nobody() -> None:
    async with two(PICKS_UP, rtp=True) as (ann, bob):
        await ann.call(bob.uri)
        await ann.hears("bob")
        bob.dies()
        await ann.ears.until_silent(500)
        assert ann.state is not None
        assert ann.state.value == "answered"
        await ann.hang_up()
        await ann.ended()
        await asyncio.sleep(40)
        assert bob.log[-1].what == "died"


@in_virtual_time
async def test_only_what_both_can_do_is_spoken() -> None:
    async with Phones(network=Network()) as phones:
        ann = await phones.open("ann")
        bob = await phones.open("bob", manners=PICKS_UP, codecs=(Codec.PCMA,))
        call = await ann.call(bob.uri)
        await ann.hears("bob")
        assert call.session is not None
        assert (call.session.codec, call.session.direction) == (Codec.PCMA, Direction.SENDRECV)
        assert 8 in ann.ears.judge.payload_types  # type: ignore[attr-defined]


@in_virtual_time
async def test_a_mute_telephone_sends_nothing() -> None:
    async with two(Manners(answers_after_s=0, sends_audio=False), rtp=True) as (ann, bob):
        await ann.call(bob.uri)
        await bob.hears("ann")
        assert ann.ears.judge.received == 0  # type: ignore[attr-defined]


@in_virtual_time
async def test_an_offerless_call_works_too() -> None:
    async with two(rtp=True) as (ann, bob):
        bob.manners.offerless = True
        ann.manners.answers_after_s = 0
        await bob.call(ann.uri)
        await bob.hears("ann")
        await ann.hears("bob")


@in_virtual_time
async def test_nobody_at_the_address() -> None:
    async with two() as (ann, _):
        with pytest.raises(Unavailable, match="IP address"):
            await ann.call("1002")
        await ann.call("sip:nobody@10.9.9.9")
        over = await ann.ended(within_s=40)
        assert over.ending is not None
        assert over.ending.outcome is Outcome.TIMED_OUT
        with pytest.raises(Unavailable, match="nobody answered"):
            await ann.register("ann", "secret", within_s=2)


@in_virtual_time
async def test_what_was_missed_is_told_with_the_log() -> None:
    async with two() as (ann, bob):
        await ann.call(bob.uri)
        with pytest.raises(Missed, match=r"ann waited up to 2 s for the call to be answered.*far end rings"):
            await ann.answered(within_s=2)
