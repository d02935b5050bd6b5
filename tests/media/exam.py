"""One exam for every audio engine behind the `Media` port: what it promises without anybody listening to the audio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.events import Event, RecordingEnded, SoundEnded, StreamOver
from switchhook.core.ids import LegId, RecordingId, SoundId, StreamId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Forked, Media, MediaStats, Recording, Session

A, B, C = LegId("a"), LegId("b"), LegId("c")
SESSION = Session("127.0.0.1", 9, Codec.PCMU, 0)


@dataclass
class Candidate:
    """An engine with room for exactly three legs; `passes` lets that many seconds go by."""

    media: Media
    passes: Callable[[float], Awaitable[None]]
    folder: str
    events: list[Event] = field(default_factory=list)
    stats: list[tuple[LegId, MediaStats]] = field(default_factory=list)


async def ports_are_even_different_and_limited(c: Candidate) -> None:
    ports = {c.media.open(leg).port for leg in (A, B, C)}
    assert len(ports) == 3
    assert all(port % 2 == 0 for port in ports)
    assert c.media.open(A).port in ports  # asking again is no new leg
    with pytest.raises(Unavailable):
        c.media.open(LegId("d"))
    c.media.close(A)
    await c.passes(0.3)
    assert c.media.open(LegId("d")).port in ports


async def closing_gives_statistics_once(c: Candidate) -> None:
    c.media.open(A)
    c.media.connect(A, SESSION)
    c.media.close(A)
    c.media.close(A)
    await c.passes(0.3)
    assert [leg for leg, _ in c.stats] == [A]


async def a_finite_sound_ends_once_and_pauses_while_unheard(c: Candidate) -> None:
    sound = Sound(SoundId("s"), ("tone:800:200", "silence:100"), repeat=2)
    c.media.open(A)
    c.media.hear([(A, (sound,))])
    await c.passes(0.3)
    c.media.hear([(A, ())])
    await c.passes(0.8)
    assert c.events == []
    c.media.hear([(A, (sound, Voice(B)))])
    await c.passes(0.8)
    assert c.events == [SoundEnded(A, SoundId("s"))]
    c.media.hear([(A, (sound,))])
    c.media.hear([(A, (Sound(SoundId("t"), ("tone:800:100",)),))])
    await c.passes(0.5)
    assert c.events[1:] == [SoundEnded(A, SoundId("t"))]


async def an_endless_sound_does_not_end(c: Candidate) -> None:
    c.media.open(A)
    c.media.hear([(A, (Sound(SoundId("m"), ("silence:40",), repeat=0),))])
    await c.passes(0.6)
    assert c.events == []


async def what_cannot_be_played_ends_with_a_reason(c: Candidate) -> None:
    c.media.open(A)
    c.media.hear([(A, (Sound(SoundId("u"), ("https://example.com/x.mp3",), repeat=0),))])
    await c.passes(0.3)
    assert len(c.events) == 1
    ended = c.events[0]
    assert isinstance(ended, SoundEnded)
    assert (ended.leg, ended.sound) == (A, "u")
    assert ended.error


async def paused_time_is_not_in_a_recording(c: Candidate) -> None:
    c.media.open(A)
    tape = Recording(RecordingId("r"), f"{c.folder}/p.wav", (A,), max_ms=400)
    c.media.record(tape)
    await c.passes(0.1)
    c.media.record(replace(tape, paused=True))
    c.media.record(replace(tape, paused=True))
    await c.passes(0.7)
    assert not c.events
    c.media.record(tape)
    await c.passes(0.9)
    assert c.events == [RecordingEnded(RecordingId("r"), tape.path, 400)]


async def a_recording_ends_once(c: Candidate) -> None:
    c.media.open(A)
    path = f"{c.folder}/r.wav"
    c.media.record(Recording(RecordingId("r"), path, (A,), (B,), max_ms=200))
    c.media.record(Recording(RecordingId("r"), path, (A,), (B,), max_ms=200))
    await c.passes(0.8)
    c.media.stop_recording(RecordingId("r"))
    c.media.stop_recording(RecordingId("never"))
    await c.passes(0.3)
    assert c.events == [RecordingEnded(RecordingId("r"), path, 200)]


async def strangers_are_ignored(c: Candidate) -> None:
    c.media.connect(A, SESSION)
    c.media.hear([(A, (Voice(B),)), (B, ())])
    c.media.send_digits(A, "1")
    c.media.close(A)
    c.media.prepare(["nonsense", "tone:440:100"])
    await c.passes(0.2)
    assert (c.events, c.stats) == ([], [])


async def nobody_who_is_silent_talks(c: Candidate) -> None:
    c.media.open(A)
    c.media.connect(A, SESSION)
    c.media.notice(A, on=True)
    c.media.notice(A, on=True)
    c.media.notice(B, on=True)
    await c.passes(0.6)
    c.media.notice(A, on=False)
    assert c.events == []


async def a_stream_of_a_leg_that_is_not_open_is_over_and_strange_streams_change_nothing(c: Candidate) -> None:
    forked = Forked(StreamId("s"), A, "ws://127.0.0.1:9/", "127.0.0.1", ())
    c.media.fork(forked)
    c.media.tell_fork(StreamId("t"), "1")
    c.media.end_fork(StreamId("t"))
    await c.passes(0.3)
    (over,) = c.events
    assert isinstance(over, StreamOver)
    assert (over.stream, bool(over.error)) == ("s", True)


QUESTIONS = [
    ports_are_even_different_and_limited,
    closing_gives_statistics_once,
    a_finite_sound_ends_once_and_pauses_while_unheard,
    an_endless_sound_does_not_end,
    what_cannot_be_played_ends_with_a_reason,
    a_recording_ends_once,
    paused_time_is_not_in_a_recording,
    nobody_who_is_silent_talks,
    a_stream_of_a_leg_that_is_not_open_is_over_and_strange_streams_change_nothing,
    strangers_are_ignored,
]
