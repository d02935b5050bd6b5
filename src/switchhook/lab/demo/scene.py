"""A scene: what is done, what each telephone must hear in each phase, and the judgement by what was received.

A phase begins when everybody hears exactly what the rules say, and lasts until the next request. Judged afterwards, on
20 ms slots of the received audio: inside a phase nothing else may be heard; between two phases only what the one or
the other wants; nobody may lose more than 100 ms of sound; every stream keeps one SSRC, contiguous sequence numbers and
a timestamp that follows the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from switchhook.lab.ears import Ears
from switchhook.lab.heard import Interval, Missed, NotHeard
from switchhook.lab.phone import Phone
from switchhook.lab.tones import RINGBACK, SILENCE

if TYPE_CHECKING:
    from switchhook.lab.demo.house import House

PHASE_S = 0.7  # how long a phase is listened to
WITHIN_S = 3.0  # how long a change may take to be heard, ringing included
EDGE_S = 0.08  # at both ends of a phase, not judged: the switch itself
LONGEST_GAP_S = 0.1


@dataclass(frozen=True)
class Phase:
    """From `start_s` to `end_s` each of these telephones heard exactly these labels."""

    name: str
    start_s: float
    end_s: float
    expected: dict[str, frozenset[str]]


@dataclass
class Scene:
    """One scene as it is played, and what came of it."""

    number: str
    title: str
    house: House
    request: str = ""
    phases: list[Phase] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    heard: dict[str, list[Interval]] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    start_s: float = 0.0
    end_s: float = 0.0
    say: Callable[[str], None] = print
    phones: dict[str, Phone] = field(default_factory=dict)
    switch_ms: list[float] = field(default_factory=list)

    def take(self, *phones: Phone) -> None:
        """Says who plays in this scene."""
        self.phones.update({phone.name: phone for phone in phones})

    async def phase(self, name: str, **expected: Collection[str]) -> None:
        """Waits until each telephone hears exactly what is expected, then listens for a while."""
        asked = self.house.phones.clock()
        wanted = {phone: frozenset(labels) - {SILENCE} for phone, labels in expected.items()}
        results = await asyncio.gather(
            *(self._reached(p, labels) for p, labels in wanted.items()), return_exceptions=True
        )
        for failed in results:
            if isinstance(failed, NotHeard):
                self.faults.append(f"{name}: {failed}")
            elif isinstance(failed, BaseException):
                raise failed
        start = self.house.phones.clock()
        self.switch_ms.append((start - asked) * 1000)
        await asyncio.sleep(PHASE_S)
        self.phases.append(Phase(name, start, self.house.phones.clock(), wanted))
        said = "; ".join(f"{phone} hears {' + '.join(sorted(labels)) or 'nothing'}" for phone, labels in wanted.items())
        self.say(f"    {start - self.start_s:5.2f} s  {name}: {said}")

    async def _reached(self, phone: str, labels: frozenset[str]) -> None:
        ears = self.phones[phone].ears
        if labels:
            await ears.until(*labels, within_s=WITHIN_S, only=True)
        else:
            await ears.until_silent(100, within_s=WITHIN_S)

    async def play(self, story: Callable[[Scene], Awaitable[None]]) -> None:
        """Plays the story and judges it; a telephone that waited in vain is a fault, not an exception."""
        self.start_s = self.house.phones.clock()
        try:
            await story(self)
        except (Missed, TimeoutError, RuntimeError) as missed:
            self.faults.append(f"the scene broke off: {missed or type(missed).__name__}")
        self.end_s = self.house.phones.clock()
        await self._everybody_hangs_up()
        self._judge()

    async def _everybody_hangs_up(self) -> None:
        for phone in self.phones.values():
            await phone.hang_up()
        await asyncio.sleep(0.15)

    # --- judgement --------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        for name, phone in self.phones.items():
            self.heard[name] = phone.ears.intervals(self.start_s, self.end_s)
            for phase in self.phases:
                if name in phase.expected:
                    self._judge_phase(phone, phase, phase.expected[name])
            for before, after in zip(self.phases, self.phases[1:], strict=False):
                if name in before.expected and name in after.expected:
                    self._judge_switch(phone, before, after)
            self._judge_streams(phone)

    def _judge_phase(self, phone: Phone, phase: Phase, expected: frozenset[str]) -> None:
        heard = phone.ears.heard_between(phase.start_s + EDGE_S, phase.end_s - EDGE_S)
        for stranger in sorted(heard - expected):
            self.faults.append(f"{phase.name}: {phone.name} heard {stranger}")
        for missing in sorted(expected - heard):
            self.faults.append(f"{phase.name}: {phone.name} did not hear {missing}")
        if expected and RINGBACK not in expected:
            self._judge_gaps(phone, phase.name, phase.start_s, phase.end_s)

    def _judge_switch(self, phone: Phone, before: Phase, after: Phase) -> None:
        was, now = before.expected[phone.name], after.expected[phone.name]
        heard = phone.ears.heard_between(before.end_s, after.start_s)
        for stranger in sorted(heard - was - now):
            self.faults.append(f"between {before.name} and {after.name}: {phone.name} heard {stranger}")
        if was and was == now and RINGBACK not in was:
            self._judge_gaps(phone, f"{before.name} to {after.name}", before.end_s, after.start_s)

    def _judge_gaps(self, phone: Phone, where: str, start_s: float, end_s: float) -> None:
        for gap in phone.ears.gaps(LONGEST_GAP_S * 1000 + 1, start_s, end_s):
            self.faults.append(f"{where}: {phone.name} heard nothing for {gap.seconds * 1000:.0f} ms")

    def _judge_streams(self, phone: Phone) -> None:
        ears = phone.ears
        assert isinstance(ears, Ears)
        judges = [judge for judge in ears.judges if judge.received]
        judges = [judge for judge in judges if judge.last_at >= self.start_s]
        broken = [each for judge in judges for each in judge.breaks if self.start_s <= each.at <= self.end_s]
        for each in broken:
            self.faults.append(f"{phone.name}'s stream broke: {each.kind}, {each.text}")
        packets = sum(judge.received for judge in judges)
        lost = sum(judge.lost for judge in judges)
        gap = max((judge.max_gap_ms for judge in judges), default=0.0)
        self.streams[phone.name] = f"{packets} packets, {lost} lost, longest gap {gap:.0f} ms, {len(broken)} breaks"
