"""The frames of Plivo's audio streaming protocol, both ways, as JSON texts (plivo-xml 4.3 to 4.5). Pure.

Every frame that we send carries a number, one counter per connection from 1. What a program sends is forgiven where
that is safe: a content type with a rate behind it, a rate as a text, a missing stream id. Anything unknown, broken or
meant for another stream is None, and is ignored; it never ends the stream.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Any

import msgspec

from switchhook.core.values import dataclass

MULAW, L16 = "audio/x-mulaw", "audio/x-l16"
_KEYS = frozenset("0123456789*#ABCDwW")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Play:
    """Audio to be played after what waits already."""

    audio: bytes
    mulaw: bool
    rate: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tell when everything before this has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget what waits."""


@dataclass(frozen=True, slots=True)
class Press:
    digits: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the stream."""


Command = Play | Checkpoint | Clear | Press | Stop


class Frames:
    """Makes the frames of one connection."""

    def __init__(
        self, stream: str, *, call: str, account: str, tracks: tuple[str, ...], mulaw: bool, rate: int, extra: str
    ) -> None:
        self._stream, self._call, self._account, self._extra = stream, call, account, extra or "{}"
        self._tracks = tracks
        self._format = {"encoding": MULAW if mulaw else L16, "sampleRate": rate}
        self._number = 0
        self._chunks = dict.fromkeys(tracks, 0)

    def start(self) -> str:
        ids = {"callId": self._call, "streamId": self._stream, "accountId": self._account}
        start = {**ids, "tracks": list(self._tracks), "mediaFormat": self._format}
        return self._text({"event": "start"}, {"start": start, "extra_headers": self._extra})

    def media(self, track: str, at_ms: int, audio: bytes) -> str:
        """Returns a frame of 20 ms; `at_ms` is milliseconds since 1970."""
        self._chunks[track] += 1
        payload = b64encode(audio).decode()
        media = {"track": track, "timestamp": str(at_ms), "chunk": self._chunks[track], "payload": payload}
        return self._text({"event": "media"}, {"streamId": self._stream, "media": media, "extra_headers": self._extra})

    def dtmf(self, digit: str, at_ms: int) -> str:
        dtmf = {"track": "inbound", "digit": digit, "timestamp": str(at_ms)}
        return self._text({"event": "dtmf"}, {"streamId": self._stream, "dtmf": dtmf, "extra_headers": self._extra})

    def played(self, name: str) -> str:
        return self._text({"event": "playedStream"}, {"streamId": self._stream, "name": name})

    def cleared(self) -> str:
        return self._text({"event": "clearedAudio"}, {"streamId": self._stream})

    def stop(self) -> str:
        return self._text({"event": "stop"}, {"streamId": self._stream})

    def _text(self, event: dict[str, object], rest: dict[str, object]) -> str:
        self._number += 1
        return _encode({**event, "sequenceNumber": self._number, **rest}).decode()


def read(text: str | bytes, stream: str) -> Command | None:
    """Returns what a program asks for, or None for what is no command to this stream."""
    try:
        given = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(given, dict) or given.get("streamId", stream) not in (stream, None, ""):
        return None
    match given.get("event"):
        case "playAudio":
            return _play(given.get("media"))
        case "checkpoint":
            name = given.get("name")
            return Checkpoint(name) if isinstance(name, str) and name else None
        case "clearAudio":
            return Clear()
        case "sendDTMF":
            digits = given.get("dtmf")
            if not isinstance(digits, str) or not 0 < len(digits) <= 128 or not set(digits) <= _KEYS:
                return None
            return Press(digits)
        case "stop":
            return Stop()
    return None


def _play(media: Any) -> Play | None:
    if not isinstance(media, dict):
        return None
    kind, rate, payload = media.get("contentType"), media.get("sampleRate", 8000), media.get("payload")
    if not isinstance(kind, str) or not isinstance(payload, str):
        return None
    kind = kind.partition(";")[0].strip().lower()
    try:
        rate = int(rate)
        audio = b64decode(payload, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None
    if kind not in (MULAW, L16) or not 8_000 <= rate <= 48_000:
        return None
    return Play(audio, kind == MULAW, rate)
