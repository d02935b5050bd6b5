"""What a leg can be made to hear. The core decides it (`core.hearing`), media carries it out."""

from __future__ import annotations

from switchhook.core.ids import LegId, SoundId, StreamId
from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """The audio that arrives from another leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Sound:
    """Recorded or made audio, played to this listener from its start.

    `clips` are played one after the other, the whole list `repeat` times (0 = for ever). A clip is one of
    `builtin:hold|ringback|busy|beep`, `silence:<ms>`, `tone:<Hz>:<ms>`, `speak:<language>:<voice>:<text>`,
    `file:<path>`, or an http(s) URL. The same `id` on the same listener keeps its place: music goes on where it was,
    also when other sources were heard in between.
    """

    id: SoundId
    clips: tuple[str, ...]
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """What the program at the far end of a bidirectional audio stream says to this listener, its stream's own leg."""

    stream: StreamId


Source = Voice | Sound | Stream
Sources = tuple[Source, ...]  # mixed together; none at all is silence (comfort noise on the wire, never no packets)
