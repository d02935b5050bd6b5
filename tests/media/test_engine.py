"""The real engine over loopback: who hears whom, by ear."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.events import DigitPressed, MediaBack, MediaLost, SoundEnded
from switchhook.core.ids import LegId, SoundId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Direction
from switchhook.media import g711, tones
from tests.media.phones import Heard, amplitude
from tests.media.studio import story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]
TONE = 7_980  # amplitude of a telephone's pitch
NOTHING = 60


def decode(heard: Heard) -> np.ndarray:
    return g711.decode(np.frombuffer(heard.packet.payload, np.uint8), g711.ULAW).astype(int)


def music(name: str = "m") -> Sound:
    return Sound(SoundId(name), ("builtin:hold",), 0)


@story
async def test_two_telephones_hear_each_other_and_nobody_else() -> None:
    async with studio() as s:
        a, b, c = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1200)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.9)
        assert a.level(900, 0.5) == pytest.approx(TONE, rel=0.02)
        assert b.level(600, 0.5) == pytest.approx(TONE, rel=0.02)
        assert a.level(600, 0.5) < NOTHING
        for phone in (a, b, c):
            assert phone.breaks() == []
            assert phone.worst_clock() < 100 + 1000 * s.excuse_s
        assert c.audio(0.5).std() < 40
        await s.until(lambda: len(c.heard) > 40)  # nothing to hear is noise, not no packets
        assert c.longest_step() <= s.most_step_ms


@story
async def test_a_switch_loses_at_most_a_frame_and_the_whole_batch_switches_together() -> None:
    async with studio() as s:
        a, b, c = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1500)
        s.hear(a="b", b="a", c=[music()])
        await asyncio.sleep(0.5)
        for phone in s.phones:
            phone.forget()
        s.hear(a="c", c="a", b=[music("m2")])
        await asyncio.sleep(0.5)
        s.hear(a="b c", b="a c", c="a b")
        await asyncio.sleep(0.5)
        s.hear(a=[], b="c", c="b")
        await asyncio.sleep(0.5)
        for phone in s.phones:
            assert phone.breaks() == []
            assert phone.longest_step() <= s.most_step_ms
            assert max(phone.gaps()) < 0.1 + s.excuse_s  # by this test's own clock
            assert phone.worst_clock() < 100 + 1000 * s.excuse_s
        assert a.audio(0.3).std() < 40
        assert b.level(1500, 0.3) == pytest.approx(TONE, rel=0.02)
        assert c.level(900, 0.3) == pytest.approx(TONE, rel=0.02)
        assert c.level(600, 0.3) < NOTHING


@story
async def test_music_goes_on_where_it_was_and_a_new_one_starts_anew() -> None:
    async with studio() as s:
        a = s.phone("a", 0)
        s.engine.prepare(["builtin:hold"])
        begun = time.monotonic()
        s.hear(a=[music()])
        await asyncio.sleep(0.5)
        played_s = time.monotonic() - begun
        s.hear(a=[])
        await asyncio.sleep(0.3)
        a.forget()
        s.hear(a=[music()])
        await asyncio.sleep(0.5)
        heard = a.audio()
        loud = abs(heard) > 200
        first = heard[loud.argmax() :][:1600]
        whole = tones.hold().astype(float)
        place = min(range(0, 16_000, 1), key=lambda n: abs(whole[n : n + 1600] - first).sum() if n < 14_000 else 1e18)
        assert abs(place / 8000 - played_s) < 0.2 + s.excuse_s


@story
async def test_ringback_busy_and_prompts_sound_as_they_should() -> None:
    async with studio() as s:
        a, b, c = s.phone("a", 0), s.phone("b", 0, codec=Codec.PCMA), s.phone("c", 0)
        s.hear(
            a=[Sound(SoundId("r"), ("builtin:ringback",), 0)],
            b=[Sound(SoundId("b"), ("tone:1000:200", "silence:200", "tone:2000:200"))],
            c=[music()],
        )
        await s.until(lambda: s.came(SoundEnded))
        assert s.came(SoundEnded) == [SoundEnded(LegId("b"), SoundId("b"))]
        assert a.level(425, 0.4) == pytest.approx(tones.LEVEL, rel=0.03)
        frames = b.audio()
        start = int((abs(frames) > 300).argmax())
        assert amplitude(frames[start : start + 1600], 1000) > 6_000
        second = start + 1_700 + int((abs(frames[start + 1_700 :]) > 300).argmax())
        assert second - start >= 3_190  # longer where the next clip was not ready in time
        assert abs(frames[start + 1_700 : second - 40]).max() < 30
        assert amplitude(frames[second : second + 1_600], 2000) > 6_000
        strongest = sorted(range(200, 3400, 10), key=lambda hz: c.level(hz, 0.3))[-1]
        assert any(abs(strongest - hz) < 25 for chord in tones.HOLD_CHORDS for note in chord for hz in (note, 2 * note))
        await asyncio.sleep(0.3)
        assert len(s.came(SoundEnded)) == 1
        assert b.breaks() == []


@story
async def test_a_sound_that_cannot_be_played_ends_with_the_reason_once() -> None:
    async with studio(espeak="no-such-program") as s:
        s.phone("a", 0)
        wanted = ["file:/nowhere/x.wav", "https://example.com/a.wav", "speak:en-US:WOMAN:hello", "what:ever"]
        for n, clip in enumerate(wanted):
            s.hear(a=[Sound(SoundId(str(n)), ("silence:20", clip, "tone:500:1000"))])
            await s.until(lambda n=n: len(s.came(SoundEnded)) == n + 1)
            assert s.came(SoundEnded)[n].sound == str(n)
            assert s.came(SoundEnded)[n].error
        s.hear(a=[Sound(SoundId("0"), (wanted[0],))])
        await asyncio.sleep(0.2)
        assert len(s.came(SoundEnded)) == 4


@story
async def test_transcoding_and_other_frame_lengths_are_mixed() -> None:
    async with studio() as s:
        a = s.phone("a", 600, codec=Codec.PCMU)
        b = s.phone("b", 900, codec=Codec.PCMA)
        s.phone("c", 1500, frame=240)
        s.hear(a="b", b="a", c="a")
        await asyncio.sleep(1.2)
        assert a.level(900, 0.5) == pytest.approx(TONE, rel=0.05)
        assert b.level(600, 0.5) == pytest.approx(TONE, rel=0.05)
        s.hear(b="c")
        await asyncio.sleep(1.0)
        assert b.level(1500, 0.5) == pytest.approx(TONE, rel=0.05)
        assert all(len(h.packet.payload) == 160 for h in b.heard)
        assert b.breaks() == []


@pytest.mark.parametrize("count", [3, 10])
def test_everybody_in_a_room_hears_all_the_others_and_not_himself(count: int) -> None:
    @story
    async def run() -> None:
        async with studio() as s:
            pitches = [400 + 250 * n for n in range(count)]
            for n, hz in enumerate(pitches):
                s.phone(f"p{n}", hz, codec=(Codec.PCMU, Codec.PCMA)[n % 2], loud=2_500)
            names = [p.leg for p in s.phones]
            s.engine.hear([(me, tuple(Voice(other) for other in names if other != me)) for me in names])
            await asyncio.sleep(1.2)
            for n, phone in enumerate(s.phones):
                levels = [phone.level(hz, 0.4) for hz in pitches]
                assert levels[n] < 0.12 * max(levels)
                assert min(level for k, level in enumerate(levels) if k != n) > 0.3 * max(levels)
                assert phone.breaks() == []

    run()


@story
async def test_private_talk_stays_private() -> None:
    async with studio() as s:
        customer, agent, target = s.phone("customer", 600), s.phone("agent", 900), s.phone("target", 1500)
        s.hear(customer=[music()], agent="target", target="agent")
        await asyncio.sleep(0.8)
        assert agent.level(1500, 0.4) > 7_000
        assert customer.level(900, 0.4) < 250
        assert customer.level(1500, 0.4) < 250
        assert target.level(600, 0.4) < NOTHING


@story
async def test_a_voice_and_a_sound_together_are_both_heard() -> None:
    async with studio() as s:
        a, _ = s.phone("a", 600), s.phone("b", 900)
        s.hear(a=[Voice(LegId("b")), Sound(SoundId("w"), ("tone:2000:200",), 0)], b="a")
        await asyncio.sleep(1.0)
        assert a.level(900, 0.4) == pytest.approx(TONE, rel=0.05)
        assert a.level(2000, 0.4) > 5_000


@story
async def test_keys_are_reported_once_relayed_and_mixed() -> None:
    async with studio() as s:
        a, b, c, d = s.phone("a", 0), s.phone("b", 0, digits_payload=96), s.phone("c", 0), s.phone("d", 0)
        s.hear(a="b", b="a", c="a d", d="c")
        await asyncio.sleep(0.3)
        a.press(7, frames=6)
        await s.until(lambda: len(b.keys()) + len(c.keys()) == 2)
        assert s.came(DigitPressed) == [DigitPressed(LegId("a"), "7", 120)]
        assert b.keys() == [(7, 960)]
        assert [code for code, _ in c.keys()] == [7]  # noqa: SIM118
        assert d.keys() == []
        b.press(11, frames=3, ends=0)  # the end is lost
        await s.until(lambda: len(s.came(DigitPressed)) == 2)
        assert s.came(DigitPressed)[1] == DigitPressed(LegId("b"), "#", 60)
        await asyncio.sleep(0.3)
        assert [phone.breaks() for phone in s.phones] == [[], [], [], []]


@story
async def test_keys_are_sent_and_the_audio_is_held() -> None:
    async with studio() as s:
        a, _ = s.phone("a", 600), s.phone("b", 900)
        inband = s.phone("c", 0, digits_payload=None)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        s.engine.send_digits(LegId("a"), "1w9", 200)
        s.engine.send_digits(LegId("c"), "5", 300)
        await s.until(lambda: len(a.keys()) == 2)
        assert a.keys() == [(1, 1600), (9, 1600)]
        await asyncio.sleep(0.3)
        assert a.breaks() == []
        events = [h.packet for h in a.heard if h.packet.payload_type == 101]
        assert len(events) == 2 * (9 + 3)
        assert [p.marker for p in events].count(True) == 2
        first = next(n for n, h in enumerate(a.heard) if h.packet.payload_type == 101)
        after = next(h.packet for h in a.heard[first:] if h.packet.payload_type == 0)
        assert 1600 <= (after.ts - events[0].ts) & 0xFFFFFFFF <= 1760
        best = max((inband.audio()[n : n + 1600] for n in range(0, 6_000, 400)), key=lambda w: amplitude(w, 770))
        assert amplitude(best, 770) > 5_000
        assert amplitude(best, 1336) > 5_000


@story
async def test_a_telephone_that_falls_silent_is_missed_and_found_again() -> None:
    async with studio(rtp_timeout_s=0.5) as s:
        a, b = s.phone("a", 600), s.phone("b", 900, session={"direction": Direction.SENDONLY})
        await asyncio.sleep(0.3)
        a.muted = b.muted = True
        await s.until(lambda: s.came(MediaLost))
        assert s.came(MediaLost) == [MediaLost(LegId("a"))]
        a.muted = False
        await s.until(lambda: s.came(MediaBack))
        await asyncio.sleep(0.3)
        assert s.events == [MediaLost(LegId("a")), MediaBack(LegId("a"))]
        assert b.heard == []  # it put us on hold: nothing is sent


@story
async def test_a_new_codec_by_reinvite_keeps_the_stream() -> None:
    async with studio() as s:
        a, b = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.5)
        b.codec = Codec.PCMA
        s.engine.connect(b.leg, b.session())
        await asyncio.sleep(0.8)
        assert a.level(900, 0.3) == pytest.approx(TONE, rel=0.05)
        assert b.level(600, 0.3) == pytest.approx(TONE, rel=0.05)
        assert {h.packet.payload_type for h in b.heard[-10:]} == {8}
        assert a.breaks() == b.breaks() == []


@story
async def test_ports_run_out_and_come_back() -> None:
    async with studio(max_legs=3) as s:
        ports = [s.engine.open(LegId(str(n))).port for n in range(3)]
        assert len(set(ports)) == 3
        assert all(port % 2 == 0 for port in ports)
        assert s.engine.open(LegId("0")).port == ports[0]
        with pytest.raises(Unavailable):
            s.engine.open(LegId("3"))
        s.engine.close(LegId("1"))
        await s.until(lambda: LegId("1") in s.stats)
        assert s.engine.open(LegId("3")).port == ports[1]


@story
async def test_a_pump_that_is_at_its_limit_takes_no_new_leg_as_long_as_it_says_so() -> None:
    async with studio() as s:
        a = s.phone("a", 0)
        await s.until(lambda: s.engine.counters)
        assert s.engine.counters is not None
        s.engine.counters = replace(s.engine.counters, load=0.81, legs=200)
        s.engine._counted_at = asyncio.get_running_loop().time()
        assert s.engine.open(a.leg) == a.target
        with pytest.raises(Unavailable, match="limit"):
            s.engine.open(LegId("b"))
        s.engine._counted_at -= 2.5  # it has said nothing for so long: nobody knows
        assert s.engine.open(LegId("b")).port


@story
async def test_no_port_at_all_is_said_at_once() -> None:
    with pytest.raises(Unavailable):
        async with studio(ports=(41_001, 41_001)):
            pass


@story
async def test_statistics_count_what_was_lost_and_doubled() -> None:
    async with studio() as s:
        a = s.phone("a", 600, talks=False)
        frame = bytes(160)
        await s.until(lambda: a.heard)
        for n in range(50):
            if n % 10 == 5:
                a.seq, a.ts = a.seq + 1 & 0xFFFF, a.ts + 160 & 0xFFFFFFFF
            if n == 20:
                a.send(frame)
                a.seq = a.seq - 1 & 0xFFFF
            a.send(frame, advance=160)
            await asyncio.sleep(0.004)
        await s.counted(received=51, lost=5)
        assert s.engine.counters is not None
        assert (s.engine.counters.lost, s.engine.counters.duplicated) == (5, 1)
        s.engine.close(a.leg)
        stats = await s.until(lambda: s.stats.get(LegId("a")))
        assert (stats.received, stats.lost, stats.duplicated, stats.strangers) == (51, 5, 1, 0)
        await s.until(lambda: s.engine.counters and s.engine.counters.legs == 0)
        assert (s.engine.counters.lost, s.engine.counters.duplicated) == (5, 1)
        assert stats.sent > 5


@story
async def test_sounds_of_many_listeners_are_apart() -> None:
    async with studio() as s:
        first, second = s.phone("a", 0), s.phone("b", 0)
        s.hear(a=[Sound(SoundId("x"), ("tone:1000:400",))])
        await asyncio.sleep(0.2)
        s.hear(b=[Sound(SoundId("x"), ("tone:1000:400",))])
        await s.until(lambda: len(s.came(SoundEnded)) == 2)
        assert [event.leg for event in s.came(SoundEnded)] == ["a", "b"]
        for phone in (first, second):
            await s.until(lambda phone=phone: len(phone.heard) > 20)
            loud = [n for n, h in enumerate(phone.heard) if abs(decode(h)).max() > 500]
            assert len(loud) == 20
            assert all(b - a == 1 for a, b in pairwise(loud))
