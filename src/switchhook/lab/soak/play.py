"""One scene as a lane plays it: who takes part, what each must hear in each phase, and what was heard instead.

A phase begins when everybody hears exactly what the rules say. How long that may take is `WITHIN_S`: a SIP message that
is lost is sent again after 0.5, 1.5 and 3.5 s, and a change may take two of them. Judged afterwards, from the audio
that was received:

- within a phase nobody hears anything else, for longer than the 60 ms that a codec or a click may lie;
- between two phases nobody hears what neither of them wants (a stranger, or the consult when it should be private);
- who hears something in a phase hears it without a hole of more than `GAP_S`, or `KILLED_GAP_S` around a kill;
- a customer who hears something in two phases is without a sound between them for `SILENT_S` at most.

A hole counts only when the laboratory itself was not late then (`late`): it cannot judge what it could not play.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from switchhook.lab.demo.house import ACCOUNT, TOKEN
from switchhook.lab.heard import Missed, NotHeard
from switchhook.lab.phone import Phone
from switchhook.lab.soak.site import Lane, Support
from switchhook.lab.tones import BEEP, BUSY, RINGBACK, SILENCE

WITHIN_S = 12.0
PHASE_S = (0.6, 1.6)  # how long a phase is listened to, by chance
EDGE_S = 0.12  # at both ends of a phase, not judged: the switch itself
GAP_S = 0.2
KILLED_GAP_S = 0.6
SILENT_S = 4.5
UNJUDGED = frozenset({BEEP, BUSY, RINGBACK})  # tones that pause, and those of a change


@dataclass(frozen=True)
class Phase:
    """From `start_s` to `end_s` each of these telephones heard exactly these labels."""

    name: str
    start_s: float
    end_s: float
    expected: dict[str, frozenset[str]]


@dataclass
class Around:
    """What happened to the whole soak, as the judge needs it: when audio processes were killed, when we were late."""

    kills: list[float] = field(default_factory=list)
    late: list[tuple[float, float]] = field(default_factory=list)

    def was_killed(self, start_s: float, end_s: float) -> bool:
        return any(start_s - 1.0 <= at <= end_s + 0.1 for at in self.kills)

    def was_late(self, start_s: float, end_s: float) -> bool:
        return any(first <= end_s + 0.1 and last >= start_s - 0.1 for first, last in self.late)


@dataclass
class Play:
    """One scene. The story calls `phase` and the telephones; `judge` says what was wrong."""

    name: str
    lane: Lane
    chance: Random
    http: httpx2.AsyncClient
    web: str  # where the web application is
    clock: Callable[[], float]
    around: Around
    phones: dict[str, Phone] = field(default_factory=dict)  # by part: customer, agent, ...
    line: Support | None = None  # the PHLO's line that the customer has called
    phases: list[Phase] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    changes_s: list[float] = field(default_factory=list)  # how long each phase took to come
    unjudged: int = 0
    died: set[str] = field(default_factory=set)  # telephones whose plug was pulled
    start_s: float = 0.0
    end_s: float = 0.0

    def __post_init__(self) -> None:
        self.start_s = self.clock()

    def hears(self, *parts: str) -> frozenset[str]:
        """Returns the labels that these parts are heard as."""
        return frozenset(self.phones[part].name if part in self.phones else part for part in parts)

    async def phase(self, name: str, **expected: Collection[str]) -> None:
        """Waits until each part hears exactly what is expected (parts or sounds), then listens for a while."""
        asked = self.clock()
        wanted = {part: self.hears(*labels) - {SILENCE} for part, labels in expected.items()}
        found = await asyncio.gather(
            *(self._reached(p, labels) for p, labels in wanted.items()), return_exceptions=True
        )
        for failed in found:
            if isinstance(failed, NotHeard):
                raise Missed(f"{name}: {failed}")
            if isinstance(failed, BaseException):
                raise failed
        start = self.clock()
        self.changes_s.append(start - asked)
        await asyncio.sleep(self.chance.uniform(*PHASE_S))
        self.phases.append(Phase(name, start, self.clock(), wanted))

    async def _reached(self, part: str, labels: frozenset[str]) -> None:
        ears = self.phones[part].ears
        try:
            if labels:
                await ears.until(*labels, within_s=WITHIN_S, only=True)
            else:
                await ears.until_silent(100, within_s=WITHIN_S)
        except NotHeard as error:
            raise NotHeard(f"{part}: {error}") from None

    async def until(self, test: Callable[[], object], what: str) -> None:
        """Waits until `test` holds; raises `Missed`."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not test():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Missed(f"waited {WITHIN_S:g} s for {what}") from None

    def dies(self, part: str) -> None:
        """Pulls the plug of a telephone."""
        self.died.add(self.phones[part].name)
        self.phones[part].dies()

    # --- requests

    async def phlo(self, action: str, **more: str) -> None:
        """Sends an action to the multi-party call of the line that was called, as its agent."""
        line = self.line or self.lane.support()
        body = {"action": action, "trigger_source": self.lane.agent, **more}
        await self.post(f"/v1/phlo/{line.phlo}/multi_party_call/{line.node}", body)

    async def post(self, path: str, body: dict[str, str]) -> None:
        """Sends a request; raises `Missed` when it is not accepted."""
        reply = await self.http.post(path, json=body, auth=(ACCOUNT, TOKEN))
        if reply.status_code not in (200, 201, 202):
            raise Missed(f"{path} {body} was answered {reply.status_code}: {reply.text[:200]}")

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        reply = await self.http.get(path, params=parameters, auth=(ACCOUNT, TOKEN))
        answer: dict[str, Any] = reply.json()
        return answer

    # --- the judgement

    def judge(self) -> list[str]:
        """Returns everything that was not as the rules say."""
        for part, phone in self.phones.items():
            for phase in self.phases:
                if part in phase.expected:
                    self._judge_phase(part, phone, phase)
            for before, after in zip(self.phases, self.phases[1:], strict=False):
                if part in before.expected and part in after.expected:
                    self._judge_change(part, phone, before, after)
        return self.faults

    def _judge_phase(self, part: str, phone: Phone, phase: Phase) -> None:
        expected = phase.expected[part]
        start, end = phase.start_s + EDGE_S, phase.end_s - EDGE_S
        heard = phone.ears.heard_between(start, end) - {SILENCE}
        if RINGBACK in expected:
            heard -= {BUSY}  # the same 425 Hz, told apart by its rhythm, which a lost packet cuts
        for stranger in sorted(heard - expected):
            self.faults.append(f"{phase.name}: {part} heard {stranger}")
        if not self.around.was_late(start, end):
            for missing in sorted(expected - heard - UNJUDGED):  # a tone was heard when the phase began, and may pause
                self.faults.append(f"{phase.name}: {part} did not hear {missing}")
        if expected and not expected & UNJUDGED:
            self._judge_holes(part, phone, phase.name, phase.start_s, phase.end_s, GAP_S)

    def _judge_change(self, part: str, phone: Phone, before: Phase, after: Phase) -> None:
        was, now = before.expected[part], after.expected[part]
        heard = phone.ears.heard_between(before.end_s, after.start_s) - {SILENCE} - UNJUDGED
        where = f"between {before.name} and {after.name}"
        for stranger in sorted(heard - was - now - self._may_hear(part)):
            self.faults.append(f"{where}: {part} heard {stranger}")
        if part == "customer" and was and now and not (was | now) & UNJUDGED:
            self._judge_holes(part, phone, where, before.end_s, after.start_s, SILENT_S)

    def _may_hear(self, part: str) -> frozenset[str]:
        """Hold music may bridge any change."""
        return frozenset({"music"})

    def _judge_holes(self, part: str, phone: Phone, where: str, start_s: float, end_s: float, most_s: float) -> None:
        for gap in phone.ears.gaps(60, start_s, end_s):
            if self.around.was_late(gap.start_s, gap.end_s):
                self.unjudged += 1
                continue
            killed = self.around.was_killed(gap.start_s, gap.end_s)
            if most_s == GAP_S:
                self.gaps_s.append(gap.seconds)
            if gap.seconds > max(most_s, KILLED_GAP_S if killed else 0.0):
                self.faults.append(f"{where}: {part} heard nothing for {gap.seconds * 1000:.0f} ms")
