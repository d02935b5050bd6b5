from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from switchhook.lab.ears import Ears, SymbolicEars
from switchhook.lab.heard import NotHeard, steady
from switchhook.lab.packets import PCMA, PCMU, Packet, parse
from switchhook.lab.rhythm import TONE_425
from switchhook.lab.tones import BUSY, MUSIC, RINGBACK, SILENCE, SPEECH, Voices, tone
from switchhook.lab.virtual_time import in_virtual_time
from tests.lab.sounds import Clock, Stream, mix, music, noise, silence, voice

AT = pytest.approx


class Line:
    """Ears on a clock of the test, a stream into them, and two voices they know."""

    def __init__(self, law: int = PCMU) -> None:
        self.clock = Clock()
        voices = Voices()
        self.agent, self.customer = voices.assign("agent"), voices.assign("customer")
        self.ears = Ears(self.clock, voices)
        self.ears.learn(MUSIC, music(4))
        self.stream = Stream(self.ears, self.clock, law=law)

    def heard(self) -> list[tuple[str, float, float]]:
        """Returns the intervals, in seconds from the start."""
        start = self.ears.began_s
        return [(i.label, round(i.start_s - start, 3), round(i.end_s - start, 3)) for i in self.ears.intervals()]


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_a_call_is_told_in_order(law: int) -> None:
    line = Line(law)
    line.stream.play(voice(line.agent, 1.0))
    line.stream.play(music(2.0))
    line.stream.play(mix(voice(line.agent, 1.0), voice(line.customer, 1.0)))
    line.stream.play(noise(1.0, 0.001))
    line.clock.now += 0.04
    assert line.heard() == [
        ("agent", 0.0, 1.0),
        (MUSIC, 1.0, 3.0),
        ("agent", 3.0, 4.0),
        ("customer", 3.0, 4.0),
        (SILENCE, 4.0, 5.0),
    ]
    assert line.ears.heard_between(line.ears.began_s + 0.5, line.ears.began_s + 2) == {"agent", MUSIC}
    assert line.ears.seconds_of("agent") == AT(2.0)
    assert line.ears.silent_for(900)
    assert not line.ears.silent_for(1100)
    assert line.ears.hears(SILENCE)
    assert line.ears.hears_only()
    assert (
        line.ears.story() == "agent 0.00-1.00, music 1.00-3.00, agent 3.00-4.00, customer 3.00-4.00, silence 4.00-5.00"
    )
    assert line.ears.judge.continuous


def test_what_is_heard_now() -> None:
    line = Line()
    line.stream.play(mix(voice(line.agent, 0.4), voice(line.customer, 0.4)))
    assert line.ears.hears("customer")
    assert line.ears.hears("agent", "customer")
    assert line.ears.hears_only("agent", "customer")
    assert not line.ears.hears_only("agent")
    assert not line.ears.hears(MUSIC)
    assert not line.ears.hears(SILENCE)


def test_nothing_has_been_silent_before_it_was_listened_to() -> None:
    line = Line()
    assert not line.ears.silent_for(20)
    line.clock.now += 0.5
    assert line.ears.silent_for(300)
    assert not line.ears.silent_for(800)


def test_jitter_of_arrival_makes_no_gaps() -> None:
    line = Line()
    line.stream.play(voice(line.agent, 4.0), jitter=(0.0, 0.012, 0.003, 0.019, 0.007))
    line.clock.now += 0.04
    assert line.ears.gaps(20) == []
    assert line.heard() == [("agent", 0.0, 4.0)]


def test_lost_packets_are_small_gaps_inside_one_interval() -> None:
    line = Line()
    line.stream.play(voice(line.agent, 2.0), lose=(20, 50, 51))
    assert [interval[0] for interval in line.heard()] == ["agent"]
    gaps = line.ears.gaps(20)
    assert [round((gap.start_s - line.ears.began_s) / 0.02) for gap in gaps] == [20, 50]
    assert [gap.seconds for gap in gaps] == [AT(0.02), AT(0.04)]
    assert [gap.seconds for gap in line.ears.gaps(40)] == [AT(0.04)]
    assert line.ears.judge.lost == 3
    assert line.ears.judge.continuous


@pytest.mark.parametrize("clock_runs", [True, False])
def test_a_pause_is_as_long_as_it_was_whatever_the_timestamps_say(clock_runs: bool) -> None:
    line = Line()
    line.stream.play(voice(line.agent, 1.0))
    line.stream.pause(0.3, clock_runs=clock_runs)
    line.stream.play(voice(line.agent, 1.0))
    assert [gap.seconds for gap in line.ears.gaps()] == [AT(0.3)]
    assert line.ears.judge.max_gap_ms == AT(320)
    assert line.ears.judge.continuous is clock_runs


def test_a_click_and_a_cut_frame_are_not_believed() -> None:
    line = Line()
    line.stream.play(np.concatenate([voice(line.agent, 0.5), noise(0.02, 0.2), voice(line.agent, 0.48)]))
    line.stream.play(np.concatenate([voice(line.agent, 0.01), voice(line.customer, 0.99)]))
    labels = [interval[0] for interval in line.heard()]
    assert labels == ["agent", "customer"]


def test_a_packet_read_late_corrects_the_answer() -> None:
    line = Line()
    line.stream.play(voice(line.agent, 1.0))
    at = line.clock.now
    line.clock.now += 0.5
    assert line.ears.silent_for(300)
    line.clock.now = at
    line.stream.play(voice(line.agent, 0.5))
    assert line.ears.gaps() == []


def test_reordered_packets_fill_their_places() -> None:
    line = Line()
    packets: list[bytes] = []
    whole = line.ears.receive
    line.ears.receive = lambda datagram, at=None: packets.append(datagram)  # type: ignore[method-assign,assignment,func-returns-value]
    line.stream.play(voice(line.agent, 1.0))
    for i in range(0, 50, 2):
        whole(packets[i + 1], 1000.0 + i * 0.02 + 0.02)
        whole(packets[i], 1000.0 + i * 0.02 + 0.021)
    assert line.ears.gaps(20) == []
    assert line.ears.judge.old == 25
    assert line.ears.judge.continuous


def test_ringing_pauses_are_not_gaps_but_dead_air_is() -> None:
    line = Line()
    for _ in range(2):
        line.stream.play(tone((440, 480), 2.0))
        line.stream.play(silence(4.0))
    line.stream.play(voice(line.agent, 1.0))
    assert line.ears.gaps() == []
    line.stream.play(silence(1.0))
    line.clock.now += 0.04
    assert [round(gap.seconds, 2) for gap in line.ears.gaps()] == [1.0]
    assert line.ears.seconds_of(RINGBACK) == AT(4.0)


def test_busy_is_told_from_ringing() -> None:
    line = Line()
    line.stream.play(np.concatenate([tone((480, 620), 0.5), silence(0.5)] * 3))
    assert {label for label, _, _ in line.heard()} == {BUSY, SILENCE}


def test_one_frequency_is_ringing_or_busy_by_its_rhythm() -> None:
    line = Line()
    line.stream.play(np.concatenate([tone(425, 0.5), silence(0.5)] * 3))
    assert line.ears.seconds_of(BUSY) == AT(1.5)
    assert line.ears.seconds_of(RINGBACK) == 0
    ringing = line.clock.now
    line.stream.play(np.concatenate([silence(1.0), tone(425, 0.5)]))
    assert line.ears.hears(TONE_425)
    line.stream.play(np.concatenate([tone(425, 0.5), silence(4.0)]))
    assert line.ears.seconds_of(RINGBACK, ringing) == AT(1.0)
    line.stream.play(np.concatenate([tone(425, 0.4), voice(line.agent, 1.0)]))
    assert line.ears.seconds_of(RINGBACK, ringing) == AT(1.4)
    assert line.ears.seconds_of(BUSY) == AT(1.5)


def test_a_broken_stream_is_judged() -> None:
    line = Line()
    line.stream.play(voice(line.agent, 0.2))
    line.stream.ssrc = 99
    line.stream.play(voice(line.agent, 0.2))
    line.stream.sequence += 20_000
    line.stream.play(voice(line.agent, 0.2))
    line.stream.timestamp += 80_000
    line.stream.play(voice(line.agent, 0.2))
    assert [found.kind for found in line.ears.judge.breaks] == ["ssrc", "sequence", "timestamp"]
    assert line.ears.judge.ssrcs == [7, 99]
    assert not line.ears.judge.continuous
    assert line.ears.gaps(20) == []


def test_what_was_heard_is_written_as_a_file(tmp_path: Path) -> None:
    line = Line()
    line.stream.play(voice(line.agent, 0.5))
    line.clock.now += 0.04
    line.ears.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples[:4000].astype(int) - voice(line.agent, 0.5)).max() < 200
    assert len(line.ears.audio(line.ears.began_s + 0.1, line.ears.began_s + 0.3)) == 1600


def test_old_audio_is_forgotten_but_not_what_it_was() -> None:
    clock = Clock()
    voices = Voices()
    hz = voices.assign("agent")
    ears = Ears(clock, voices, keep_s=1.0)
    stream = Stream(ears, clock)
    for _ in range(10):
        stream.play(voice(hz, 1.0))
        assert ears.hears("agent")
    assert ears.seconds_of("agent") > 9.9
    assert len(ears.audio()) < 8000 * 8


def test_what_is_not_rtp_is_left_alone() -> None:
    ears = Ears(Clock())
    rtcp = bytes([0x80, 200]) + bytes(26)
    assert [ears.receive(wrong) for wrong in (b"", b"short", rtcp, b"\x00" * 40, b"\x8f\x00" + bytes(10))] == [None] * 5
    assert ears.packets == 0


def test_extensions_and_padding_are_stepped_over() -> None:
    plain = Packet(0, 1, 2, 3, b"abcd", True).encode()
    extended = bytes([plain[0] | 0x31]) + plain[1:12] + bytes(4) + bytes([0, 0, 0, 1]) + bytes(4) + b"abcd" + b"\0\0\3"
    assert parse(extended) == Packet(0, 1, 2, 3, b"abcd", True)


def test_steady_closes_holes_and_drops_islands() -> None:
    a, s, none = frozenset({"a"}), frozenset({SPEECH}), frozenset[str]()
    assert steady([a, a, a, none, none, a, a, s, a]) == [a] * 9
    assert steady([none, none, none, a, a, none, none, none]) == [none, none, none, a, a, none, none, none]
    assert steady([none] * 4 + [a] * 3 + [none] * 3) == [none] * 4 + [a] * 3 + [none] * 3
    assert steady([]) == []


@in_virtual_time
async def test_symbolic_ears_answer_the_same_questions() -> None:
    loop = asyncio.get_running_loop()
    ears = SymbolicEars(loop.time)
    start = loop.time()
    loop.call_later(1.0, ears.set, MUSIC)
    loop.call_later(3.0, ears.set, "agent", "customer")
    loop.call_later(4.0, ears.set)
    assert await ears.until(MUSIC, within_s=2) == AT(start + 1.0, abs=0.021)
    assert await ears.until("agent", "customer", within_s=3, only=True) == AT(start + 3.0, abs=0.021)
    assert await ears.until_silent(500, within_s=3) == AT(start + 4.5, abs=0.021)
    assert ears.heard_between(start, start + 2) == {MUSIC}
    assert [(i.label, round(i.seconds, 1)) for i in ears.intervals(t1=start + 4)] == [
        (SILENCE, 1.0),
        (MUSIC, 2.0),
        ("agent", 1.0),
        ("customer", 1.0),
    ]


@in_virtual_time
async def test_what_is_not_heard_says_what_was_heard_instead() -> None:
    ears = SymbolicEars(asyncio.get_running_loop().time)
    ears.set(MUSIC)
    with pytest.raises(NotHeard, match=r"customer was not heard within 1 s, but: music 0\.00-1\.00"):
        await ears.until("customer", within_s=1)
