"""The air between symbolic telephones and the fake media engine: who hears whom, by what SIP agreed.

No packet is sent, and still nothing is assumed. A telephone hears what its leg was told to hear only while both ends
agree on the addresses: the leg sends to the address that the telephone's SDP named, the telephone listens there, and
the direction allows it. A telephone is heard by who hears its leg only while it sends to that leg's address. So a wrong
SDP, a hold that was not taken back or a dead telephone is silence here, as it is with real audio.

What it leaves out, on purpose: the audio is never late and never lost; the faults of the network are for SIP. Keys
pressed arrive once. A leg from which nothing comes for `rtp_timeout_s` is lost, as in the real engine (a leg that its
telephone holds is exempt).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from switchhook.core.events import StreamOver
from switchhook.core.ids import LegId, StreamId
from switchhook.core.sources import Sound, Source, Sources, Stream, Voice
from switchhook.exchange.ports import Direction, Emit, Forked, MediaAddress, Session
from switchhook.lab.audio import OnKey, SymbolicAudio
from switchhook.lab.bots import Bot, Talk
from switchhook.lab.ears import SymbolicEars
from switchhook.lab.phone import Phone
from switchhook.lab.tones import BEEP, BUSY, MUSIC, RINGBACK, SPEECH, Utterance
from switchhook.media.fake import FakeMedia

_THEY_LISTEN = (Direction.SENDRECV, Direction.RECVONLY)
_PAUSES_S = {"w": 0.5, "W": 1.0}
_KEY_S = 0.2  # a tone and the pause behind it
_BUILTIN = {"hold": MUSIC, "ringback": RINGBACK, "busy": BUSY, "beep": BEEP}


class AirAudio(SymbolicAudio):
    """The audio of one call at one telephone."""

    def __init__(self, air: Air, phone: Phone, address: MediaAddress, on_key: OnKey) -> None:
        super().__init__(address)
        self.phone = phone
        self.on_key = on_key
        self._air = air
        self._silent = True
        self._spoken_out: asyncio.TimerHandle | None = None

    def connect(self, session: Session, *, sends: bool) -> None:
        """Keeps what was agreed, and who hears whom follows."""
        first = self.session is None
        super().connect(session, sends=sends)
        if first:
            self._begin(self.phone.utterance)
        self._air.changed()

    def say(self, utterance: Utterance) -> None:
        """Says something else from now on; an utterance that ends is followed by silence."""
        if self.session is not None:
            self._begin(utterance)
            self._air.changed()

    def _begin(self, utterance: Utterance) -> None:
        if self._spoken_out is not None:
            self._spoken_out.cancel()
            self._spoken_out = None
        self._silent = utterance.is_silent
        if utterance.lasts_s is not None:
            self._spoken_out = asyncio.get_running_loop().call_later(utterance.lasts_s, self._fall_silent)

    def _fall_silent(self) -> None:
        self._silent = True
        self._air.changed()

    def press(self, digits: str) -> bool:
        """Presses keys, one after the other; returns False when the far end takes no telephone events."""
        if not super().press(digits):
            return False
        self._air.pressed(self, digits)
        return True

    def close(self) -> None:
        """Falls silent; may be called twice."""
        super().close()
        if self._spoken_out is not None:
            self._spoken_out.cancel()
        self._air.gone(self)

    @property
    def is_silent(self) -> bool:
        """Returns whether its packets, if it sends any, hold nothing to be heard."""
        return self._silent

    @property
    def speaks_to(self) -> tuple[str, int] | None:
        """Returns the address that its packets go to, or None while it sends none."""
        session = self.session
        if self.closed or session is None or not self.sends or not self.phone.manners.sends_audio:
            return None
        return _remote(session) if session.direction in _THEY_LISTEN else None


@dataclass(slots=True)
class _Leg:
    address: tuple[str, int]
    session: Session | None = None
    sources: Sources = ()
    lost: bool = False
    timeout: asyncio.TimerHandle | None = None


class Air:
    """Joins telephones and media. `hold_music` is the configured clip; `rtp_timeout_s` 0 means never."""

    def __init__(self, *, hold_music: str = "builtin:hold", rtp_timeout_s: float = 60.0) -> None:
        self._music = {hold_music, f"file:{hold_music}", "builtin:hold"}
        self._rtp_timeout_s = rtp_timeout_s
        self._loop = asyncio.get_running_loop()
        self._legs: dict[LegId, _Leg] = {}
        self._audios: list[AirAudio] = []
        self._forks: dict[StreamId, Forked] = {}
        self.bots: dict[str, Bot] = {}  # by URL without query
        self.media: FakeMedia

    def audio(self, phone: Phone, address: MediaAddress, on_key: OnKey) -> AirAudio:
        """Makes the audio of a telephone's new call."""
        audio = AirAudio(self, phone, address, on_key)
        self._audios.append(audio)
        return audio

    # --- told by the telephones

    def gone(self, audio: AirAudio) -> None:
        if audio in self._audios:
            self._audios.remove(audio)
            self.changed()
            if isinstance(audio.phone.ears, SymbolicEars):
                self._listen(audio.phone)

    def pressed(self, audio: AirAudio, digits: str) -> None:
        for after_s, digit in _in_time(digits):
            self._loop.call_later(after_s, self._press, audio, digit)

    def _press(self, audio: AirAudio, digit: str) -> None:
        for leg, known in self._legs.items():
            if audio.speaks_to == known.address and known.session is not None:
                self.media.press(leg, digit)
                return

    # --- told by the media

    def opened(self, leg: LegId, address: MediaAddress) -> None:
        self._legs.setdefault(leg, _Leg((address.host, address.port)))

    def connected(self, leg: LegId, session: Session) -> None:
        if leg in self._legs:
            self._legs[leg].session = session
            self.changed()

    def stated(self, batch: Iterable[tuple[LegId, Sources]]) -> None:
        for leg, sources in batch:
            if leg in self._legs:
                self._legs[leg].sources = tuple(sources)
        self.changed()

    def closed(self, leg: LegId) -> None:
        found = self._legs.pop(leg, None)
        if found is not None and found.timeout is not None:
            found.timeout.cancel()
        self.changed()

    def sent(self, leg: LegId, digits: str) -> None:
        """Keys go out to the telephone of a leg."""
        for after_s, digit in _in_time(digits):
            self._loop.call_later(after_s, self._ring_key, leg, digit)

    def _ring_key(self, leg: LegId, digit: str) -> None:
        found = self._legs.get(leg)
        for audio in self._audios:
            if found is not None and self._reaches(found, audio):
                audio.on_key(digit)

    def forked(self, stream: Forked, emit: Emit) -> None:
        """A leg's audio goes to a program."""
        bot = self._bot(stream)
        self._forks[stream.id] = stream
        if bot is None:
            self._loop.call_soon(emit, StreamOver(stream.id, f"{stream.url}: nobody listens there"))
        else:
            bot.asked(stream)

    def unforked(self, stream: StreamId) -> None:
        found = self._forks.pop(stream, None)
        bot = self._bot(found) if found is not None else None
        if bot is not None:
            bot.ended(stream)
            self.changed()

    def told(self, stream: StreamId, digit: str) -> None:
        talk = self._talk(stream)
        if talk is not None:
            talk.keys += digit

    def _bot(self, stream: Forked) -> Bot | None:
        return self.bots.get(stream.url.partition("?")[0])

    def _talk(self, stream: StreamId) -> Talk | None:
        """Returns a stream that is open."""
        found = self._forks.get(stream)
        bot = self._bot(found) if found is not None else None
        talks = bot.streams if bot is not None else []
        return next((talk for talk in talks if talk.open and talk.forked.id == stream), None)

    # --- who hears whom

    def changed(self) -> None:
        """Tells all ears what they hear now, and watches over legs that hear nothing from their telephone."""
        for phone in {id(audio.phone): audio.phone for audio in self._audios}.values():
            self._listen(phone)
        for leg, known in self._legs.items():
            self._watch(leg, known)
            self.media.speak(leg, bool(self._labels(Voice(leg))))
        for bot in self.bots.values():
            labels = frozenset(label for talk in bot.streams if talk.open for label in self._carried(talk.forked))
            if labels != bot.ears.lately():
                bot.ears.set(*sorted(labels))

    def _carried(self, stream: Forked) -> list[str]:
        """What a stream carries to its program."""
        known = self._legs.get(stream.leg)
        if known is None:
            return []
        if stream.is_leg:
            return [label for source in known.sources for label in self._labels(source)]
        inbound = self._labels(Voice(stream.leg)) if "inbound" in stream.tracks else ()
        heard = known.sources if "outbound" in stream.tracks else ()
        return [*inbound, *(label for source in heard for label in self._labels(source))]

    def _listen(self, phone: Phone) -> None:
        labels = frozenset(
            label
            for audio in self._audios
            if audio.phone is phone
            for known in self._legs.values()
            if self._reaches(known, audio)
            for source in known.sources
            for label in self._labels(source)
        )
        assert isinstance(phone.ears, SymbolicEars)
        if labels != phone.ears.lately():
            phone.ears.set(*sorted(labels))

    def _reaches(self, known: _Leg, audio: AirAudio) -> bool:
        """Whether the telephone hears the leg: each has the other's address, and SDP lets us send."""
        ours, theirs = known.session, audio.session
        if ours is None or theirs is None or audio.closed or ours.direction not in _THEY_LISTEN:
            return False
        here = (audio.address.host, audio.address.port)
        return _remote(ours) == here and _remote(theirs) == known.address

    def _labels(self, source: Source) -> Sequence[str]:
        if isinstance(source, Voice):
            program = next((each.id for each in self._forks.values() if each.is_leg and each.leg == source.leg), None)
            if program is not None:
                return self._labels(Stream(program))
            speaker = self._speaker(self._legs.get(source.leg))
            return [speaker.phone.name] if speaker is not None and not speaker.is_silent else []
        if isinstance(source, Stream):
            bot = self._bot(self._forks[source.stream]) if self._talk(source.stream) is not None else None
            return [bot.name] if bot is not None and bot.speaks else []
        return [label for clip in source.clips if (label := self._label(clip))]

    def _speaker(self, known: _Leg | None) -> AirAudio | None:
        """Returns the telephone whose packets arrive at a leg, or nobody."""
        if known is None or known.session is None:
            return None
        return next((audio for audio in self._audios if audio.speaks_to == known.address), None)

    def _label(self, clip: str) -> str:
        """Says what ears make of a clip: a known sound, a tone, or speech (anything that is none of the known)."""
        if clip in self._music:
            return MUSIC
        kind, _, rest = clip.partition(":")
        if kind == "silence":
            return ""
        if kind == "builtin":
            return _BUILTIN.get(rest, SPEECH)
        if kind == "tone":
            return f"tone {float(rest.partition(':')[0]):g} Hz"
        return SPEECH

    def _watch(self, leg: LegId, known: _Leg) -> None:
        waits = known.session is not None and known.session.direction is Direction.SENDRECV
        if not waits or self._speaker(known):
            if known.timeout is not None:
                known.timeout.cancel()
                known.timeout = None
            if known.lost and waits:
                known.lost = False
                self.media.regain(leg)
        elif known.timeout is None and not known.lost and self._rtp_timeout_s > 0:
            known.timeout = self._loop.call_later(self._rtp_timeout_s, self._lose, leg)

    def _lose(self, leg: LegId) -> None:
        known = self._legs.get(leg)
        if known is not None:
            known.timeout, known.lost = None, True
            self.media.lose(leg)


class AirMedia(FakeMedia):
    """`FakeMedia` whose statements are heard by telephones."""

    def __init__(self, air: Air, emit: Callable[..., None], **how: object) -> None:
        super().__init__(emit, **how)  # type: ignore[arg-type]
        self._air = air
        air.media = self

    def open(self, leg: LegId) -> MediaAddress:
        address = super().open(leg)
        self._air.opened(leg, address)
        return address

    def connect(self, leg: LegId, session: Session) -> None:
        super().connect(leg, session)
        self._air.connected(leg, session)

    def hear(self, batch: Sequence[tuple[LegId, Sources]]) -> None:
        super().hear(batch)
        self._air.stated(batch)

    def send_digits(self, leg: LegId, digits: str, tone_ms: int = 160) -> None:
        super().send_digits(leg, digits, tone_ms)
        self._air.sent(leg, digits)

    def fork(self, stream: Forked) -> None:
        super().fork(stream)
        self._air.forked(stream, self._emit)

    def end_fork(self, stream: StreamId) -> None:
        super().end_fork(stream)
        self._air.unforked(stream)

    def tell_fork(self, stream: StreamId, digit: str) -> None:
        super().tell_fork(stream, digit)
        self._air.told(stream, digit)

    def close(self, leg: LegId) -> None:
        super().close(leg)
        self._air.closed(leg)


def spoken(sources: Iterable[Source]) -> list[str]:
    """Returns the texts among these sources: what is said in words."""
    clips = [clip for source in sources if isinstance(source, Sound) for clip in source.clips]
    return [clip.split(":", 3)[-1] for clip in clips if clip.startswith("speak:")]


def _remote(session: Session) -> tuple[str, int]:
    return session.remote_host, session.remote_port


def _in_time(digits: str) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    at = 0.0
    for digit in digits:
        if digit in _PAUSES_S:
            at += _PAUSES_S[digit]
        else:
            found.append((at, digit))
            at += _KEY_S
    return found
