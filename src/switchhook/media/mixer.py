"""Who hears whom among the mixed: rooms found from the listeners' sources, then one matrix product per room size.

Listeners and the voices they hear form rooms (connected groups). A room has one phase, so that its voices are read once
per tick. Rooms of about the same size are computed together: (rooms, listeners, voices) @ (rooms, voices, 160). Voices
that a room lacks point at the row that is nobody. A listener is never among its own voices: that is taken out when its
sources are stated, and the matrix holds exactly what was stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from switchhook.media.rtp import FRAME, Array

_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)


@dataclass(slots=True)
class Bucket:
    """Rooms of about one size."""

    voices: Array  # (rooms, voices) rows of the table
    listeners: Array  # (rooms, listeners) places in the plan's `listeners`; the last place is nobody
    hears: Array  # (rooms, listeners, voices) float32


@dataclass(slots=True)
class Plan:
    """What one phase mixes."""

    listeners: Array = field(default_factory=lambda: np.empty(0, np.int64))
    voices: Array = field(default_factory=lambda: np.empty(0, np.int64))
    buckets: list[Bucket] = field(default_factory=list)
    sounds: list[tuple[Array, Array]] = field(default_factory=list)  # (places, plays), a listener once in each

    def mix(self, said: Array, played: list[Array]) -> Array:
        """Returns what the listeners hear, int16, shape (listeners, 160).

        `said` holds all legs' frames by row, `played` the sounds' frames in the order of `sounds`.
        """
        heard = np.zeros((len(self.listeners) + 1, FRAME), np.float32)
        for bucket in self.buckets:
            heard[bucket.listeners] = np.matmul(bucket.hears, said[bucket.voices])
        for (places, _), frames in zip(self.sounds, played, strict=True):
            heard[places] += frames
        return np.clip(heard[:-1], -32_768, 32_767).astype(np.int16)


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


def phase_of(listeners: list[int], voices: list[int]) -> int:
    """Returns the phase of a room: that of its lowest row, so that it changes seldom."""
    return min(listeners + voices) % 4


def plan(found: list[tuple[list[int], list[int]]], hears: dict[int, list[int]], sounds: dict[int, list[int]],
         nobody: int) -> Plan:  # fmt: skip
    """Lays out the rooms of one phase."""
    made = Plan()
    listeners = [row for group, _ in found for row in group]
    place = {row: n for n, row in enumerate(listeners)}
    made.listeners = np.array(listeners, np.int64)
    made.voices = np.array(sorted({row for _, voices in found for row in voices}), np.int64)
    by_size: dict[tuple[int, int], list[tuple[list[int], list[int]]]] = {}
    for group, voices in found:
        if voices:
            by_size.setdefault((_size(len(group)), _size(len(voices))), []).append((group, voices))
    for (high, wide), same in by_size.items():
        voices_of = np.full((len(same), wide), nobody, np.int64)
        places = np.full((len(same), high), len(listeners), np.int64)
        matrix = np.zeros((len(same), high, wide), np.float32)
        for n, (group, voices) in enumerate(same):
            voices_of[n, : len(voices)] = voices
            places[n, : len(group)] = [place[row] for row in group]
            column = {row: k for k, row in enumerate(voices)}
            for line, row in enumerate(group):
                matrix[n, line, [column[voice] for voice in hears[row]]] = 1.0
        made.buckets.append(Bucket(voices_of, places, matrix))
    level = 0
    while pairs := [(place[row], sounds[row][level]) for row in listeners if len(sounds.get(row, ())) > level]:
        made.sounds.append((np.array([p for p, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)))
        level += 1
    return made


def _size(count: int) -> int:
    return next((size for size in _SIZES if size >= count), count)
