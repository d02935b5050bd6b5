"""Who hears whom among the mixed: rooms found from the listeners' sources, then one matrix product per room size.

Listeners and the voices they hear form rooms (connected groups). A room has one phase, so that its voices are read once
per tick. Rooms of about the same size are computed together: (rooms, listeners, voices) @ (rooms, voices, 160). Voices
that a room lacks point at the row that is nobody. A listener is never among its own voices: that is taken out when its
sources are stated, and the matrix holds exactly what was stated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

import numpy as np

from switchhook.core.values import dataclass
from switchhook.media.rtp import FRAME, Array

_SIZES = (*range(1, 17), 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
_NONE = np.empty(0, np.int64)
_GOLDEN = 0x9E37_79B1  # 2 ** 32 by the golden ratio: multiples of anything are spread evenly (Fibonacci hashing)


@dataclass(slots=True, eq=False)
class Room:
    """Listeners and the voices they hear, with nobody else in either; laid out once, when it changes."""

    listeners: list[int]
    voices: list[int]
    size: tuple[int, int]  # (listeners, voices), each with padding
    padded: Array  # (voices) rows of the table
    hears: Array  # (listeners, voices) float32
    sounds: list[tuple[int, list[int]]]  # (listener, what it hears besides)

    @property
    def phase(self) -> int:
        """The phase of a room: by its lowest row, so that it changes seldom; rooms of any one size have all four."""
        return (min(self.listeners + self.voices) * _GOLDEN & 0xFFFF_FFFF) >> 30


@dataclass(slots=True)
class Bucket:
    """Rooms of one size; their listeners lie together in the plan."""

    first: int  # place of the first listener
    places: Array | None  # (rooms, listeners) where rooms are padded (the last place is nobody), else None
    voices: Array  # (rooms, voices) rows of the table
    hears: Array  # (rooms, listeners, voices) float32


@dataclass(slots=True)
class Plan:
    """What one phase mixes."""

    listeners: Array = field(default_factory=lambda: _NONE)
    voices: Array = field(default_factory=lambda: _NONE)
    buckets: list[Bucket] = field(default_factory=list)
    sounds: list[tuple[Array, Array]] = field(default_factory=list)  # (places, plays), a listener once in each
    unvoiced: Array = field(default_factory=lambda: _NONE)  # places that hear sounds only

    def mix(self, said: Array, played: list[Array]) -> Array:
        """Returns what the listeners hear, float32 within 16 bits, shape (listeners, 160).

        `said` holds all legs' frames by row (int16), `played` the sounds' frames in the order of `sounds`.
        """
        heard = np.empty((len(self.listeners) + 1, FRAME), np.float32)  # the last place is nobody's
        heard[self.unvoiced] = 0.0
        for bucket in self.buckets:
            spoken = said.take(bucket.voices, axis=0).astype(np.float32)
            if bucket.places is None:
                rooms, high, _ = bucket.hears.shape
                into = heard[bucket.first : bucket.first + rooms * high].reshape(rooms, high, FRAME)
                np.matmul(bucket.hears, spoken, out=into)
            else:
                heard[bucket.places] = np.matmul(bucket.hears, spoken)
        for (places, _), frames in zip(self.sounds, played, strict=True):
            heard[places] += frames
        result = heard[:-1]
        np.clip(result, -32_768.0, 32_767.0, out=result)
        return result


def rooms(hears: dict[int, list[int]]) -> list[tuple[list[int], list[int]]]:
    """Returns connected groups as (listeners, voices), sorted, each listener in exactly one of them."""
    parent: dict[int, int] = {}

    def find(row: int) -> int:
        root = row
        while parent.setdefault(root, root) != root:
            root = parent[root]
        while parent[row] != root:
            parent[row], row = root, parent[row]
        return root

    for listener, voices in hears.items():
        for voice in voices:
            parent[find(voice)] = find(listener)
    groups: dict[int, tuple[list[int], set[int]]] = {}
    for listener, voices in hears.items():
        group = groups.setdefault(find(listener), ([], set()))
        group[0].append(listener)
        group[1].update(voices)
    return [(sorted(listeners), sorted(voices)) for listeners, voices in groups.values()]


def room(listeners: list[int], voices: list[int], hears: dict[int, list[int]], sounds: dict[int, list[int]],
         nobody: int) -> Room:  # fmt: skip
    """Lays out one room of those that `rooms` found."""
    high, wide = _size(len(listeners)), _size(len(voices))
    padded = np.full(wide, nobody, np.int64)
    padded[: len(voices)] = voices
    matrix = np.zeros((high, wide), np.float32)
    column = {row: n for n, row in enumerate(voices)}
    for line, row in enumerate(listeners):
        matrix[line, [column[voice] for voice in hears[row]]] = 1.0
    besides = [(row, sounds[row]) for row in listeners if sounds.get(row)]
    return Room(listeners, voices, (high, wide), padded, matrix, besides)


def plan(found: Iterable[Room]) -> Plan:
    """Lays out the rooms of one phase."""
    made = Plan()
    by_size: dict[tuple[int, int], list[Room]] = {}
    for one in found:
        by_size.setdefault(one.size, []).append(one)
    listeners: list[int] = []
    for same in by_size.values():
        for one in same:
            listeners += one.listeners
    made.listeners = np.array(listeners, np.int64)
    made.voices = np.array([row for same in by_size.values() for one in same for row in one.voices], np.int64)
    first = 0
    for (high, wide), same in by_size.items():
        full = all(len(one.listeners) == high for one in same)
        places = None if full else np.full((len(same), high), len(listeners), np.int64)
        start = first
        for n, one in enumerate(same):
            if places is not None:
                places[n, : len(one.listeners)] = np.arange(first, first + len(one.listeners))
            first += len(one.listeners)
        if not wide:
            made.unvoiced = np.concatenate((made.unvoiced, np.arange(start, first)))
        else:
            voices, hears = np.stack([one.padded for one in same]), np.stack([one.hears for one in same])
            made.buckets.append(Bucket(start, places, voices, hears))
    besides = [pair for same in by_size.values() for one in same for pair in one.sounds]
    place = {row: n for n, row in enumerate(listeners)} if besides else {}
    level = 0
    while pairs := [(place[row], sounds[level]) for row, sounds in besides if len(sounds) > level]:
        made.sounds.append((np.array([p for p, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)))
        level += 1
    return made


def _size(count: int) -> int:
    return next((size for size in _SIZES if size >= count), count) if count else 0
