"""What control knows of clips and of the sounds made of them: which place in the shared memory each has, who uses it.

A clip is decoded once for all; its key changes when its file does. Clips nobody plays stay until room is needed, then
the longest unused goes first. Pure bookkeeping: the messages it returns are sent by `control`.
"""

from __future__ import annotations

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass
from switchhook.media import clips
from switchhook.media.link import Message


@dataclass(slots=True)
class Clip:
    place: int
    spec: str
    key: str
    users: int = 0
    frames: int = 0
    done: bool = False
    error: str = ""
    used: int = 0  # a count, for age


class Cupboard:
    """All clips by key and by place."""

    def __init__(self, places: int, frames: int) -> None:
        self._free = list(range(places - 1, -1, -1))
        self._most_frames = frames * 3 // 4
        self._by_key: dict[str, Clip] = {}
        self._by_place: dict[int, Clip] = {}
        self._count = 0

    def want(self, spec: str) -> tuple[Clip, list[Message]]:
        """Returns a clip's record and what to tell the workshop; raises `Unavailable` for what cannot be played."""
        key = clips.cache_key(spec)
        self._count += 1
        found = self._by_key.get(key)
        if found is None:
            clips.parse(spec)
        messages: list[Message] = []
        if found is not None and found.error and not found.users:
            messages.append(self._forget(found))  # perhaps it can be loaded by now
            found = None
        if found is None:
            messages += self._make_room()
            if not self._free:
                raise Unavailable("too many different sounds at once")
            found = Clip(self._free.pop(), spec, key)
            self._by_key[key] = self._by_place[found.place] = found
            messages.append(self._load(found, again=True))
        found.used = self._count
        return found, messages

    def at(self, place: int) -> Clip | None:
        return self._by_place.get(place)

    def all_wanted(self) -> list[Message]:
        """Returns what to tell a workshop that knows nothing: every clip, which it may find decoded already."""
        return [self._load(clip, again=not clip.done) for clip in self._by_place.values() if not clip.error]

    def _load(self, clip: Clip, *, again: bool) -> Message:
        return {"say": "load", "clip": clip.place, "spec": clip.spec, "again": again}

    def _make_room(self) -> list[Message]:
        messages: list[Message] = []
        idle = sorted((c for c in self._by_place.values() if not c.users and (c.done or c.error)), key=lambda c: c.used)
        total = sum(clip.frames for clip in self._by_place.values())
        for clip in idle:
            if total <= self._most_frames and len(self._free) > 16:
                break
            total -= clip.frames
            messages.append(self._forget(clip))
        return messages

    def _forget(self, clip: Clip) -> Message:
        self._by_key.pop(clip.key, None)
        self._by_place.pop(clip.place, None)
        self._free.insert(0, clip.place)  # taken from the other end: a place rests before it is used again
        return {"say": "forget", "clip": clip.place}


@dataclass(slots=True)
class Play:
    """One sound on one leg: its row in the shared table, and whether it is over."""

    place: int
    use: int
    clips: tuple[Clip, ...]
    repeat: int
    heard: bool = False

    @property
    def statement(self) -> Message:
        return {
            "say": "play", "play": self.place, "use": self.use, "clips": [clip.place for clip in self.clips],
            "repeat": self.repeat,
        }  # fmt: skip
