"""What a telephone heard, as a line of time: the questions a test asks, whoever fills in the answers.

The line is cut into slots of 20 ms; each holds a set of labels (names of telephones, `MUSIC`, ...), none being
silence. `Ears` fills it from audio, `SymbolicEars` from what the fake media engine was told. All times are seconds of
one clock, given at the start (epoch seconds in the lab, so that they compare with the journal).

A slot is the smallest thing heard, but the codec, a switch in the middle of a frame or a click can make single slots
lie. `intervals` and what is built on it therefore close holes and drop islands shorter than 60 ms; `gaps` does not, for
it is there to find every missing frame. Ringing and busy tones pause by design: the pause belongs to the tone.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from switchhook.lab.tones import BUSY, FRAME_S, RINGBACK, SILENCE

Heard = frozenset[str]

FLICKER_SLOTS = 3  # runs shorter than this (60 ms) are not believed
_LATELY_SLOTS = 5
_PAUSE_S = {RINGBACK: 4.2, BUSY: 0.7}  # the longest pause inside these tones
_NOTHING: Heard = frozenset()


@dataclass(frozen=True, slots=True)
class Interval:
    """A label that was heard from `start_s` to `end_s` without a break."""

    label: str
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """Returns how long it lasted."""
        return self.end_s - self.start_s


class Missed(AssertionError):
    """What a test waited for did not come; the text says what came instead."""


class NotHeard(Missed):
    """What had to be heard was not; the text says what was heard instead."""


class Hearing(ABC):
    """The questions. A slot counts from the moment its audio is complete, about 40 ms after it was spoken."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock

    @property
    @abstractmethod
    def began_s(self) -> float:
        """Returns when the first slot starts (clock seconds)."""

    @abstractmethod
    def slots(self, first: int, last: int) -> list[Heard]:
        """Returns the raw label sets of slots `first` up to, not including, `last`, counted from `began_s`."""

    @abstractmethod
    def complete(self) -> int:
        """Returns how many slots are complete now."""

    def lately(self) -> Heard:
        """Returns what has been heard in most of the last 100 ms; empty in silence."""
        last = self.complete()
        recent = self.slots(max(0, last - _LATELY_SLOTS), last)
        counts: dict[str, int] = {}
        for slot in recent:
            for label in slot:
                counts[label] = counts.get(label, 0) + 1
        return frozenset(label for label, count in counts.items() if 2 * count > len(recent))

    def hears(self, *labels: str) -> bool:
        """Returns whether each of `labels` is being heard now; others may be heard too. `SILENCE` means nothing is."""
        heard = self.lately()
        return all(not heard if label == SILENCE else label in heard for label in labels)

    def hears_only(self, *labels: str) -> bool:
        """Returns whether exactly `labels` are being heard now; without any: whether it is silent."""
        return self.lately() == frozenset(labels) - {SILENCE}

    def silent_for(self, ms: float) -> bool:
        """Returns whether the last `ms` milliseconds were silent, and that long has been listened to."""
        count = max(1, round(ms / 1000 / FRAME_S))
        last = self.complete()
        return last >= count and not any(self.slots(last - count, last))

    def intervals(self, t0: float | None = None, t1: float | None = None) -> list[Interval]:
        """Returns everything heard between two times, silence included, sorted by start; flickers are left out."""
        first, last = self._range(t0, t1)
        return _intervals(steady(self.slots(first, last)), self.began_s + first * FRAME_S)

    def heard_between(self, t0: float, t1: float) -> Heard:
        """Returns every label heard for 60 ms or more between two times; silence is not one."""
        return frozenset(found.label for found in self.intervals(t0, t1)) - {SILENCE}

    def seconds_of(self, label: str, t0: float | None = None, t1: float | None = None) -> float:
        """Returns for how long a label was heard."""
        return sum(found.seconds for found in self.intervals(t0, t1) if found.label == label)

    def gaps(self, min_ms: float = 40, t0: float | None = None, t1: float | None = None) -> list[Interval]:
        """Returns the silences of `min_ms` or more, to the frame; the pauses of ringing and busy tones are not gaps.

        Silence before the first sound is a gap only with `t0`.
        """
        first, last = self._range(t0, t1)
        slots = self.slots(first, last)
        found: list[Interval] = []
        before: Heard = _NOTHING
        at = 0
        for silent, run in groupby(slots, key=lambda slot: not slot):
            length = len(list(run))
            if not silent:
                before = slots[at + length - 1]
            elif at > 0 or t0 is not None:
                start = self.began_s + (first + at) * FRAME_S
                pause = max((_PAUSE_S.get(label, 0.0) for label in before), default=0.0)
                if length * FRAME_S > pause and length * FRAME_S * 1000 >= min_ms - 0.001:
                    found.append(Interval(SILENCE, start, start + length * FRAME_S))
            at += length
        return found

    async def until(self, *labels: str, within_s: float = 2.0, only: bool = False) -> float:
        """Waits until `labels` are heard (`only`: and nothing else) and returns the time; raises `NotHeard`."""
        test = self.hears_only if only else self.hears
        wanted = ("only " if only else "") + (" and ".join(labels) or SILENCE)
        return await self._until(lambda: test(*labels), wanted, within_s)

    async def until_silent(self, ms: float = 200, *, within_s: float = 2.0) -> float:
        """Waits until it has been silent for `ms` and returns the time; raises `NotHeard`."""
        return await self._until(lambda: self.silent_for(ms), f"{ms:g} ms of silence", within_s)

    def story(self, t0: float | None = None, t1: float | None = None) -> str:
        """Returns what was heard in one line for people: `customer 0.00-1.20, music 1.20-3.40`, from the start."""
        parts = (
            f"{found.label} {found.start_s - self.began_s:.2f}-{found.end_s - self.began_s:.2f}"
            for found in self.intervals(t0, t1)
        )
        return ", ".join(parts) or "nothing yet"

    async def _until(self, test: Callable[[], bool], wanted: str, within_s: float) -> float:
        asked = self.clock()
        while not test():
            if self.clock() - asked >= within_s - 1e-6:
                raise NotHeard(f"{wanted} was not heard within {within_s:g} s, but: {self.story(asked)}")
            await asyncio.sleep(FRAME_S)
        return self.clock()

    def _range(self, t0: float | None, t1: float | None) -> tuple[int, int]:
        last = self.complete()
        first = 0 if t0 is None else max(0, round((t0 - self.began_s) / FRAME_S))
        if t1 is not None:
            last = min(last, round((t1 - self.began_s) / FRAME_S))
        return min(first, max(last, 0)), max(last, 0)


def steady(slots: list[Heard]) -> list[Heard]:
    """Returns the slots without flickers: holes and islands of a label shorter than 60 ms are closed or dropped."""
    kept: list[set[str]] = [set() for _ in slots]
    for label in frozenset().union(*slots) if slots else ():
        for start, end in _believed([label in slot for slot in slots]):
            for slot in kept[start:end]:
                slot.add(label)
    for i, slot in enumerate(kept):
        if not slot and slots[i]:  # a click: not silence, so what was before goes on
            kept[i] = set(kept[i - 1]) if i and kept[i - 1] else set(slots[i])
    return [frozenset(slot) for slot in kept]


def _believed(present: list[bool]) -> Iterable[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    at = 0
    for on, run in groupby(present):
        length = len(list(run))
        if on:
            if runs and at - runs[-1][1] < FLICKER_SLOTS:
                runs[-1] = (runs[-1][0], at + length)
            else:
                runs.append((at, at + length))
        at += length
    ends = (0, len(present))  # a run cut off by the edge of the question may be longer than it looks
    return [run for run in runs if run[1] - run[0] >= FLICKER_SLOTS or run[0] == ends[0] or run[1] == ends[1]]


def _intervals(slots: list[Heard], start_s: float) -> list[Interval]:
    found: list[tuple[int, int, str]] = []
    open_: dict[str, int] = {}
    for i, slot in enumerate([*slots, None]):
        labels = _NOTHING if slot is None else (slot or frozenset({SILENCE}))
        for label in [label for label in open_ if label not in labels]:
            found.append((open_.pop(label), i, label))
        for label in labels:
            open_.setdefault(label, i)
    return [
        Interval(label, start_s + first * FRAME_S, start_s + last * FRAME_S) for first, last, label in sorted(found)
    ]
