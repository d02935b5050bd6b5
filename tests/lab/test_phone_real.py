"""Two telephones calling each other over real UDP on loopback, judged by their ears."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Codec
from switchhook.lab.ears import Ears
from switchhook.lab.faults import Faults
from switchhook.lab.manners import PICKS_UP, Manners
from switchhook.lab.phones import Phones
from switchhook.lab.tones import Voices, read_wav

pytestmark = pytest.mark.slow


def test_each_hears_the_tone_of_the_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with Phones() as phones:
            ann = await phones.open("ann")
            bob = await phones.open("bob", manners=PICKS_UP, codecs=(Codec.PCMA,))
            await ann.call(bob.uri)
            await ann.answered()
            await ann.hears_only("bob", within_s=10)
            await bob.hears_only("ann", within_s=10)
            await ann.press("5")
            await bob.was_pressed("5")
            await ann.hang_up()
            await bob.ended(within_s=1)
            for phone, other in ((ann, "bob"), (bob, "ann")):
                assert isinstance(phone.ears, Ears)
                assert phone.ears.judge.continuous
                assert phone.ears.heard_between(phone.ears.began_s, phone.ears.clock()) == {other}
                phone.ears.save(tmp_path / f"{phone.name}.wav")
            assert abs(read_wav(tmp_path / "ann.wav").astype(int)).max() > 2000

    asyncio.run(story())


def test_a_call_over_bad_lines() -> None:
    async def story() -> None:
        faults = Faults(delay_ms=2, jitter_ms=8, loss=0.05, duplicate=0.03, reorder=0.03, reorder_ms=30)
        async with Phones(faults=faults, seed=5) as phones:
            ann = await phones.open("ann")
            bob = await phones.open("bob", manners=PICKS_UP)
            await ann.call(bob.uri)
            await ann.answered(within_s=20)
            await ann.hears_only("bob", within_s=10)
            await bob.hears_only("ann", within_s=10)
            await asyncio.sleep(0.6)
            await ann.hang_up()
            await bob.ended(within_s=20)
            for phone, other in ((ann, "bob"), (bob, "ann")):
                assert isinstance(phone.ears, Ears)
                judge = phone.ears.judge
                assert judge.continuous
                assert judge.lost + judge.old > 0
                assert phone.ears.heard_between(phone.ears.began_s, phone.ears.clock()) == {other}

    asyncio.run(story())


def test_groups_with_voices_of_their_own_are_not_limited_to_twenty() -> None:
    async def story() -> None:
        async with Phones() as phones:
            for group in range(3):
                voices = Voices()
                for i in range(10):
                    await phones.open(f"phone {group} {i}", voices=voices)
            assert len(phones.opened) == 30
            with pytest.raises(Unavailable, match="named"):
                await phones.open("phone 0 0")

    asyncio.run(story())


def test_twenty_telephones_in_one_process() -> None:
    async def story() -> None:
        async with Phones() as phones:
            callers = [await phones.open(f"caller {i}") for i in range(10)]
            callees = [await phones.open(f"callee {i}", manners=Manners(answers_after_s=0.05)) for i in range(10)]
            for caller, callee in zip(callers, callees, strict=True):
                await caller.call(callee.uri)
            for caller, callee in zip(callers, callees, strict=True):
                await caller.hears_only(callee.name, within_s=10)
                await callee.hears_only(caller.name, within_s=10)
            for caller in callers:
                await caller.hang_up()
            for phone in (*callers, *callees):
                await phone.ended()
                assert isinstance(phone.ears, Ears)
                assert phone.ears.judge.continuous

    asyncio.run(story())
