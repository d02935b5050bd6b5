"""The words for a piece of sound, as in `core.sources.Sound`: pure parsing, no audio.

builtin:hold | builtin:ringback | builtin:busy | builtin:beep | silence:<ms> | tone:<Hz>:<ms>
speak:<language>:<voice>:<text> | file:<path>
"""

from __future__ import annotations

from pathlib import Path

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass

BUILTIN_MS = {"hold": 8_000, "ringback": 6_000, "busy": 1_000, "beep": 200}  # one turn of each loop
LONGEST_MS = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Builtin:
    name: str


@dataclass(frozen=True, slots=True)
class Silence:
    ms: int


@dataclass(frozen=True, slots=True)
class Tone:
    hz: float
    ms: int


@dataclass(frozen=True, slots=True)
class Speech:
    language: str
    voice: str
    text: str


@dataclass(frozen=True, slots=True)
class File:
    path: str


Clip = Builtin | Silence | Tone | Speech | File


def parse(clip: str) -> Clip:
    """Returns what a clip asks for; raises `Unavailable`, with a sentence for people, when nobody can play it."""
    kind, _, rest = clip.partition(":")
    if kind == "builtin" and rest in BUILTIN_MS:
        return Builtin(rest)
    if kind == "silence":
        return Silence(_ms(rest, clip))
    if kind == "tone":
        hz, _, ms = rest.partition(":")
        try:
            pitch = float(hz)
        except ValueError:
            pitch = 0.0
        if not 20.0 <= pitch <= 3_990.0:
            raise Unavailable(f"a tone needs a pitch from 20 to 3990 Hz: {clip!r}")
        return Tone(pitch, _ms(ms, clip))
    if kind == "speak":
        language, _, voiced = rest.partition(":")
        voice, _, text = voiced.partition(":")
        if not text.strip():
            raise Unavailable("there is no text to speak")
        return Speech(language or "en-US", voice or "WOMAN", text)
    if kind == "file" and rest:
        return File(rest)
    if kind in ("http", "https"):
        raise Unavailable(f"a URL must be fetched before it is played: {clip!r}")
    raise Unavailable(f"nobody knows how to play {clip!r}")


def cache_key(clip: str) -> str:
    """Returns a text that is equal for equal audio: a file counts as changed when its time or size has changed."""
    if not clip.startswith("file:"):
        return clip
    try:
        stat = Path(clip[5:]).stat()
    except OSError:
        return clip
    return f"{clip}\0{stat.st_mtime_ns}\0{stat.st_size}"


def _ms(text: str, clip: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_MS:
        raise Unavailable(f"a length in milliseconds is missing or too long: {clip!r}")
    return int(text)
