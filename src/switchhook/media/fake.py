"""`FakeMedia`: the audio port without audio, for tests in virtual time. It passes the same exam as the real engine.

It keeps what was stated (`hears`, `sessions`, `digits_sent`), ends finite sounds on a clock that the test supplies,
and lets the test be the telephone (`press`, `lose`, `regain`) or the audio itself (`end_sound`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Protocol

from switchhook.core.errors import Unavailable
from switchhook.core.events import (
    VOICE_HANGOVER_MS,
    VOICE_ONSET_MS,
    DigitPressed,
    MediaBack,
    MediaLost,
    RecordingEnded,
    SoundEnded,
    StreamOver,
    VoiceStarted,
    VoiceStopped,
)
from switchhook.core.ids import LegId, RecordingId, SoundId, StreamId
from switchhook.core.sources import Sound, Sources, Voice
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Emit, Forked, MediaAddress, MediaStats, Recording, Session
from switchhook.media import clips

OnStats = Callable[[LegId, MediaStats], None]
DurationOf = Callable[[str], int]  # clip -> ms; raises `Unavailable` for a clip that cannot be loaded


class Cancellable(Protocol):
    def cancel(self) -> object: ...


CallLater = Callable[[float, Callable[[], None]], Cancellable]


def ordinary_duration(clip: str) -> int:
    """Returns a clip's length in ms: exact for tones and silence, 60 ms a letter for speech, 3 s for a file."""
    found = clips.parse(clip)
    if isinstance(found, clips.Silence | clips.Tone):
        return found.ms
    if isinstance(found, clips.Speech):
        return 60 * len(found.text)
    if isinstance(found, clips.Builtin):
        return clips.BUILTIN_MS[found.name]
    return 3_000


@dataclass(slots=True)
class _Play:
    left_s: float  # what of it this listener has not heard yet
    since: float = 0.0
    timer: Cancellable | None = None
    over: bool = False
    error: str = ""


@dataclass(slots=True)
class _Leg:
    address: MediaAddress
    session: Session | None = None
    sources: Sources = ()
    plays: dict[SoundId, _Play] = field(default_factory=dict)
    digits: str = ""
    lost: bool = False
    noticed: bool = False
    speaks: bool = False  # what the telephone does
    talking: bool = False  # what was told of it
    turned: float = 0.0  # when that began
    verdict: Cancellable | None = None  # the onset or the hangover under way


@dataclass(slots=True)
class _Tape:
    stated: Recording
    written_s: float = 0.0  # until `since`
    since: float | None = None  # when it began to write; None while it is paused
    timer: Cancellable | None = None  # the end of its longest time

    def length_s(self, now: float) -> float:
        return self.written_s + (now - self.since if self.since is not None else 0.0)


class FakeMedia:
    """Symbolic audio: nobody sends a packet, everything stated can be asked for.

    `call_later(delay_s, callback)` and `now()` are those of the (virtual) loop; without them finite sounds end only
    by `end_sound`. Calls about a leg that is not open are ignored, as in the real engine.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        on_stats: OnStats | None = None,
        call_later: CallLater | None = None,
        now: Callable[[], float] = lambda: 0.0,
        duration_of: DurationOf = ordinary_duration,
        host: str = "127.0.0.1",
        ports: tuple[int, int] = (20_000, 29_998),
        max_legs: int = 4_000,
        seed: int = 1,
    ) -> None:
        self._emit = emit
        self._on_stats = on_stats
        self._call_later = call_later
        self._now = now
        self._duration_of = duration_of
        self._host = host
        low, high = ports
        self._free = list(range(low + low % 2, high + 1, 2))[:max_legs]
        self._random = random.Random(seed)
        self._legs: dict[LegId, _Leg] = {}
        self._recordings: dict[RecordingId, _Tape] = {}
        self.prepared: list[str] = []
        self.forks: dict[StreamId, Forked] = {}  # those that are open, or being opened
        self.fork_digits: dict[StreamId, str] = {}
        self.batches: list[tuple[tuple[LegId, Sources], ...]] = []  # every `hear`, in order

    # --- the port -----------------------------------------------------------------------------------------------

    def open(self, leg: LegId) -> MediaAddress:
        found = self._legs.get(leg)
        if found is not None:
            return found.address
        if not self._free:
            raise Unavailable("no audio port is free")
        port = self._free.pop(self._random.randrange(len(self._free)))
        self._legs[leg] = _Leg(MediaAddress(self._host, port))
        return self._legs[leg].address

    def connect(self, leg: LegId, session: Session) -> None:
        found = self._legs.get(leg)
        if found is not None:
            found.session = session

    def hear(self, batch: Sequence[tuple[LegId, Sources]]) -> None:
        self.batches.append(tuple(batch))
        for leg, sources in batch:
            found = self._legs.get(leg)
            if found is not None:
                self._switch(leg, found, tuple(sources))

    def prepare(self, clips: Sequence[str]) -> None:
        self.prepared.extend(clips)

    def record(self, recording: Recording) -> None:
        tape = self._recordings.setdefault(recording.id, _Tape(recording))
        tape.stated = recording
        if recording.paused is not (tape.since is None):
            tape.written_s = tape.length_s(self._now())
            tape.since = None if recording.paused else self._now()
            self._time(tape)

    def _time(self, tape: _Tape) -> None:
        """Counts the longest time of a recording while it writes."""
        if tape.timer is not None:
            tape.timer.cancel()
            tape.timer = None
        if tape.stated.max_ms is not None and tape.since is not None and self._call_later is not None:
            left_s = max(0.0, tape.stated.max_ms / 1000 - tape.written_s)
            tape.timer = self._call_later(left_s, lambda: self.stop_recording(tape.stated.id))

    def stop_recording(self, recording: RecordingId) -> None:
        found = self._recordings.pop(recording, None)
        if found is None:
            return
        if found.timer is not None:
            found.timer.cancel()
        duration_ms = round(found.length_s(self._now()) * 1000)
        if found.stated.max_ms is not None:
            duration_ms = min(duration_ms, found.stated.max_ms)
        path = found.stated.path
        self._soon(lambda: self._emit(RecordingEnded(recording, path, duration_ms)))

    def send_digits(self, leg: LegId, digits: str, tone_ms: int = 160) -> None:
        found = self._legs.get(leg)
        if found is not None:
            found.digits += digits

    def notice(self, leg: LegId, on: bool) -> None:
        found = self._legs.get(leg)
        if found is None or found.noticed == on:
            return
        found.noticed, found.talking, found.turned = on, False, self._now()
        self._judge(leg, found)

    def fork(self, stream: Forked) -> None:
        if stream.leg in self._legs:
            self.forks[stream.id] = stream
        else:
            self._soon(lambda: self._emit(StreamOver(stream.id, "the leg has no audio")))

    def end_fork(self, stream: StreamId) -> None:
        self.forks.pop(stream, None)

    def tell_fork(self, stream: StreamId, digit: str) -> None:
        if stream in self.forks:
            self.fork_digits[stream] = self.fork_digits.get(stream, "") + digit

    def keep_keys(self, leg: LegId, on: bool) -> None:
        """Changes nothing: keys go nowhere here but to who asks for them."""

    def close(self, leg: LegId) -> None:
        found = self._legs.pop(leg, None)
        if found is None:
            return
        if found.verdict is not None:
            found.verdict.cancel()
        for play in found.plays.values():
            if play.timer is not None:
                play.timer.cancel()
        self._free.append(found.address.port)
        on_stats = self._on_stats
        if on_stats is not None:
            self._soon(lambda: on_stats(leg, MediaStats()))

    # --- what a test asks ---------------------------------------------------------------------------------------

    @property
    def legs(self) -> frozenset[LegId]:
        """The legs that hold a port now."""
        return frozenset(self._legs)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings that run now."""
        return tuple(tape.stated for tape in self._recordings.values())

    def hears(self, leg: LegId) -> Sources:
        """Returns what a leg was last told to hear; raises KeyError for a leg that is not open."""
        return self._legs[leg].sources

    def voices(self, leg: LegId) -> frozenset[LegId]:
        """Returns the legs whose voice this leg hears."""
        return frozenset(source.leg for source in self.hears(leg) if isinstance(source, Voice))

    def session(self, leg: LegId) -> Session | None:
        """Returns what was agreed with the telephone, or None before `connect`."""
        return self._legs[leg].session

    def digits_sent(self, leg: LegId) -> str:
        """Returns all digits sent to this telephone so far."""
        return self._legs[leg].digits

    # --- what a test does ---------------------------------------------------------------------------------------

    def press(self, leg: LegId, digit: str, duration_ms: int = 100) -> None:
        """Is the person at the telephone, pressing a key."""
        self._emit(DigitPressed(leg, digit, duration_ms))

    def speak(self, leg: LegId, on: bool = True) -> None:
        """Is the person at the telephone, beginning or stopping to talk.

        `VoiceStarted` and `VoiceStopped` follow where it is asked for, after the onset and the hangover, as they do in
        the real engine; without a clock at once.
        """
        found = self._legs[leg]
        if found.speaks != on:
            found.speaks = on
            self._judge(leg, found)

    def lose(self, leg: LegId) -> None:
        """Stops the telephone's audio: `MediaLost`, once."""
        if not self._legs[leg].lost:
            self._legs[leg].lost = True
            self._emit(MediaLost(leg))

    def regain(self, leg: LegId) -> None:
        """Brings the telephone's audio back after `lose`: `MediaBack`, once."""
        if self._legs[leg].lost:
            self._legs[leg].lost = False
            self._emit(MediaBack(leg))

    def end_sound(self, leg: LegId, sound: SoundId, error: str = "") -> None:
        """Ends a sound that this leg was told to hear: `SoundEnded`, once."""
        play = self._legs[leg].plays[sound]
        if play.timer is not None:
            play.timer.cancel()
        self._sound_over(leg, sound, play, error)

    # --- inside -------------------------------------------------------------------------------------------------

    def _switch(self, leg: LegId, found: _Leg, sources: Sources) -> None:
        wanted = {source.id: source for source in sources if isinstance(source, Sound)}
        before = {source.id for source in found.sources if isinstance(source, Sound)}
        found.sources = sources
        for sound in before - wanted.keys():
            self._pause(found.plays[sound])
        for id, sound_ in wanted.items():
            play = found.plays.get(id)
            if play is None:
                play = found.plays[id] = self._load(sound_)
            if id not in before:
                self._resume(leg, id, play)

    def _load(self, sound: Sound) -> _Play:
        try:
            turn_ms = sum(self._duration_of(clip) for clip in sound.clips)
        except Unavailable as error:
            return _Play(0.0, error=str(error))
        if sound.repeat == 0:
            return _Play(float("inf"))
        return _Play(turn_ms * sound.repeat / 1000)

    def _resume(self, leg: LegId, sound: SoundId, play: _Play) -> None:
        if play.over or play.left_s == float("inf") or self._call_later is None:
            return
        play.since = self._now()
        play.timer = self._call_later(play.left_s, lambda: self._sound_over(leg, sound, play, play.error))

    def _pause(self, play: _Play) -> None:
        if play.timer is not None and not play.over:
            play.timer.cancel()
            play.timer = None
            play.left_s = max(0.0, play.left_s - (self._now() - play.since))

    def _sound_over(self, leg: LegId, sound: SoundId, play: _Play, error: str) -> None:
        if not play.over:
            play.over = True
            self._emit(SoundEnded(leg, sound, error))

    def _judge(self, leg: LegId, found: _Leg) -> None:
        if found.verdict is not None:
            found.verdict.cancel()
            found.verdict = None
        if not found.noticed or found.speaks == found.talking:
            return
        wait_ms = VOICE_ONSET_MS if found.speaks else VOICE_HANGOVER_MS
        since = self._now()
        if self._call_later is None:
            self._turn(leg, found, since)
        else:
            found.verdict = self._call_later(wait_ms / 1000, lambda: self._turn(leg, found, since))

    def _turn(self, leg: LegId, found: _Leg, since: float) -> None:
        """Tells that a leg talks, or is silent, since `since`."""
        found.verdict = None
        after_ms = round((since - found.turned) * 1000)
        found.talking, found.turned = found.speaks, since
        self._emit((VoiceStarted if found.talking else VoiceStopped)(leg, after_ms))

    def _soon(self, callback: Callable[[], None]) -> None:
        """Runs a callback after the caller has returned, where there is a clock to do so."""
        if self._call_later is None:
            callback()
        else:
            self._call_later(0.0, callback)
