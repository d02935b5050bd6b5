"""The fake audio port: what was stated can be asked for, and finite sounds end on the test's own clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.events import DigitPressed, Event, MediaBack, MediaLost, RecordingEnded, SoundEnded
from switchhook.core.ids import LegId, RecordingId, SoundId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import MediaStats, Recording
from switchhook.media.fake import FakeMedia

A, B = LegId("a"), LegId("b")


class Clock:
    def __init__(self) -> None:
        self.time = 0.0
        self.waiting: list[tuple[float, int, Callable[[], None]]] = []

    class Timer:
        def __init__(self) -> None:
            self.off = False

        def cancel(self) -> None:
            self.off = True

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = self.Timer()
        heapq.heappush(
            self.waiting, (self.time + delay_s, len(self.waiting), lambda: None if timer.off else callback())
        )
        return timer

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self.waiting and self.waiting[0][0] <= end:
            self.time, _, callback = heapq.heappop(self.waiting)
            callback()
        self.time = end


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def media(clock: Clock, events: list[Event]) -> FakeMedia:
    return FakeMedia(events.append, call_later=clock.call_later, now=lambda: clock.time)


def test_a_finite_sound_ends_once_after_the_time_it_was_heard(
    media: FakeMedia, clock: Clock, events: list[Event]
) -> None:
    media.open(A)
    prompt = Sound(SoundId("s"), ("silence:300", "tone:440:200"))
    media.hear([(A, (prompt,))])
    clock.run(0.4)
    media.hear([(A, (Voice(B),))])
    clock.run(5)
    assert events == []
    media.hear([(A, (prompt, Voice(B)))])
    clock.run(0.09)
    assert events == []
    clock.run(0.02)
    assert events == [SoundEnded(A, SoundId("s"))]
    media.hear([(A, ())])
    media.hear([(A, (prompt,))])
    clock.run(5)
    assert len(events) == 1


def test_a_clip_that_nobody_can_load_ends_with_the_reason(media: FakeMedia, clock: Clock, events: list[Event]) -> None:
    media.open(A)
    media.hear([(A, (Sound(SoundId("s"), ("https://example.com/a.wav",)),))])
    clock.run(0.01)
    assert len(events) == 1
    assert isinstance(events[0], SoundEnded)
    assert "fetched" in events[0].error


def test_endless_music_never_ends(media: FakeMedia, clock: Clock, events: list[Event]) -> None:
    media.open(A)
    media.hear([(A, (Sound(SoundId("m"), ("builtin:hold",), repeat=0),))])
    clock.run(10_000)
    assert events == []


def test_ports_are_even_random_and_run_out() -> None:
    media = FakeMedia(lambda event: None, ports=(30_001, 30_007))
    ports = [media.open(LegId(str(n))).port for n in range(3)]
    assert sorted(ports) == [30_002, 30_004, 30_006]
    with pytest.raises(Unavailable):
        media.open(LegId("more"))
    media.close(LegId("1"))
    assert media.open(LegId("more")).port == ports[1]


def test_recordings_and_statistics_come_once(clock: Clock, events: list[Event]) -> None:
    stats: list[tuple[LegId, MediaStats]] = []
    media = FakeMedia(
        events.append,
        on_stats=lambda leg, found: stats.append((leg, found)),
        call_later=clock.call_later,
        now=lambda: clock.time,
    )
    media.open(A)
    media.record(Recording(RecordingId("r"), "r.wav", (A,), max_ms=2_000))
    clock.run(3)
    media.stop_recording(RecordingId("r"))
    media.close(A)
    media.close(A)
    clock.run(1)
    assert events == [RecordingEnded(RecordingId("r"), "r.wav", 2_000)]
    assert stats == [(A, MediaStats())]


def test_a_test_can_be_the_telephone(media: FakeMedia, events: list[Event]) -> None:
    media.open(A)
    media.press(A, "5")
    media.lose(A)
    media.lose(A)
    media.regain(A)
    assert events == [DigitPressed(A, "5", 100), MediaLost(A), MediaBack(A)]
    media.send_digits(A, "12w3")
    assert media.digits_sent(A) == "12w3"
