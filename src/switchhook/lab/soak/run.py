"""The soak itself: lanes that play, a killer of audio processes, a report every 10 s, and the reckoning at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random
from time import monotonic

import httpx2

from switchhook.core.errors import SwitchhookError
from switchhook.exchange.ports import Entry
from switchhook.lab.carrier import Carrier
from switchhook.lab.demo.house import DOMAIN
from switchhook.lab.faults import Faults
from switchhook.lab.heard import Missed, NotHeard
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Phone
from switchhook.lab.phones import Phones
from switchhook.lab.soak.audit import MEMORY, REMEMBERED, Audit, audit, left_over, read_figures
from switchhook.lab.soak.play import Around, Play
from switchhook.lab.soak.scenes import STORIES, Story
from switchhook.lab.soak.site import Lane, Site, UnreliableWeb
from switchhook.lab.tones import Voices
from switchhook.observe.timeline import timeline
from switchhook.sip.lateness import Lateness
from switchhook.stores.reading import Reader

FAULTS = Faults(delay_ms=0.0, loss=0.01, duplicate=0.01, reorder=0.01)
LANES_OF_A_GROUP = 4  # they share the twenty voices; lanes of other groups would not tell each other apart
TELL_S = 10.0
KILL_S = (15.0, 40.0)
LATE_S = 0.06  # a stall of the laboratory's own that makes its ears unreliable
ALL_ENDED_S = 45.0  # a SIP transaction tries for 32 s
NOTHING_LEFT_S = 110.0
# Of the memory after the warm-up, whichever is more. SQLite keeps up to 16 MB of pages for each of two connections,
# ended PHLO runs can be asked for (10,000), and so can the last calls of the other dialects.
MEMORY_MARGIN = 0.15, 45_000_000


@dataclass
class Violation:
    """A scene in which something was not as the rules say."""

    scene: str
    lane: Lane
    start_s: float
    end_s: float
    faults: list[str]


@dataclass
class Verdict:
    """What came of a soak."""

    seed: int
    seconds: float = 0.0
    played: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # in the journal, in the log, and what is left
    kills: int = 0
    hooks_failed: int = 0
    journal: Audit = field(default_factory=Audit)
    gaps_s: list[float] = field(default_factory=list)
    changes_s: list[float] = field(default_factory=list)
    unjudged: int = 0
    late: int = 0
    before: dict[str, float] = field(default_factory=dict)
    warm: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.violations and not self.wrong


class Soak:
    """One run. `folder` keeps database, log and report; one that is not `patient` does not wait for SIP to forget."""

    def __init__(
        self,
        folder: Path,
        *,
        seconds: float,
        seed: int,
        lanes: int = 4,
        stories: tuple[Story, ...] = STORIES,
        patient: bool = True,
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder = folder
        self.seconds = seconds
        self.lanes = [Lane(number) for number in range(1, lanes + 1)]
        self.verdict = Verdict(seed)
        self._stories = stories
        self._forgotten = frozenset[str]() if patient else REMEMBERED
        self._say = say
        self._around = Around()
        self._phones: dict[str, Phone] = {}
        self._opened = seed  # so that a telephone which takes the place of a dead one does not repeat its tokens

    async def run(self) -> Verdict:
        """Plays until the time is over, then counts what is left."""
        self._carrier = await Carrier.real()
        self._web = UnreliableWeb()
        await self._web.listen()
        self._web.chance = Random(f"{self.verdict.seed} web")
        self._site = Site(self.folder, self.lanes, self._carrier.local, self._web.url)
        try:
            await self._site.start()
            async with httpx2.AsyncClient(base_url=self._site.http, timeout=20, trust_env=False) as self._http:
                await self._play_all()
        finally:
            await self._site.stop()
            await self._web.stop()
            self._carrier.close()
        self._reckon()
        return self.verdict

    async def _play_all(self) -> None:
        verdict = self.verdict
        voices = {group: Voices() for group in range(len(self.lanes) // LANES_OF_A_GROUP + 1)}
        self._telephones = Phones(server=self._site.sip, domain=DOMAIN, seed=verdict.seed, faults=FAULTS, keep_s=60.0)
        self._voices = {lane: voices[(lane.number - 1) // LANES_OF_A_GROUP] for lane in self.lanes}
        loop = asyncio.get_running_loop()
        watch = Lateness(loop, self._telephones.clock, self._observe, lambda: 0.0, worked=None)
        verdict.before = await self._figures()
        for lane in self.lanes:
            await self._furnish(lane)
        began = monotonic()
        self._until = began + self.seconds
        beside = [asyncio.create_task(work) for work in (self._kill(), self._tell(began), self._remember_memory())]
        try:
            await asyncio.gather(*(self._play_lane(lane) for lane in self.lanes))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            watch.close()
            verdict.seconds = monotonic() - began
            self._web.calm = True
            await self._telephones.close()
        verdict.hooks_failed = self._web.failed
        await self._wait_for_nothing()

    # --- the telephones

    async def _furnish(self, lane: Lane) -> None:
        for part in ("customer", "agent", "target", "desk", "colleague"):
            await self._open(lane, part)

    async def _open(self, lane: Lane, part: str) -> None:
        self._opened += 1
        number = getattr(lane, part)
        name, voices = f"{part}-{lane.number}", self._voices[lane]
        if part in ("desk", "colleague"):
            phone = await self._telephones.open(
                name, username=number, password=f"soak-{number}", voices=voices, seed=self._opened
            )
            await phone.register(within_s=30)
        else:
            line = self._carrier.line(number)
            phone = await self._telephones.open(name, username=number, transport=line, voices=voices, seed=self._opened)
        self._phones[name] = phone

    def _of(self, lane: Lane) -> dict[str, Phone]:
        return {
            part: self._phones[f"{part}-{lane.number}"] for part in ("customer", "agent", "target", "desk", "colleague")
        }

    async def _tidy(self, lane: Lane, play: Play, phones: dict[str, Phone]) -> None:
        """Everybody hangs up and waits for it; who died is replaced by a new telephone of the same name."""
        for part, phone in phones.items():
            if phone.name in play.died:
                await phone.close()
                del self._telephones.opened[phone.name]
                await self._open(lane, part)
                continue
            for one in fields(Manners):
                setattr(phone.manners, one.name, getattr(Manners(), one.name))
            await phone.hang_up()
        for phone in self._of(lane).values():
            if phone.calls:
                await phone.ended(within_s=ALL_ENDED_S)

    # --- the scenes

    async def _play_lane(self, lane: Lane) -> None:
        chance = Random(f"{self.verdict.seed} lane {lane.number}")
        while monotonic() < self._until:
            await self._play(lane, chance.choice(self._stories), chance)
            await asyncio.sleep(chance.uniform(0.1, 0.5))

    async def _play(self, lane: Lane, story: Story, chance: Random) -> None:
        phones = self._of(lane)
        play = Play(
            story.__name__, lane, chance, self._http, self._web.url, self._telephones.clock, self._around, dict(phones)
        )
        try:
            await story(play)
        except (Missed, NotHeard, TimeoutError, RuntimeError, SwitchhookError, httpx2.HTTPError) as missed:
            play.faults.append(f"it broke off: {missed or type(missed).__name__}")
        faults = play.judge()
        try:
            await self._tidy(lane, play, phones)
        except (Missed, SwitchhookError) as missed:
            faults.append(f"afterwards: {missed}")
        play.end_s = self._telephones.clock()
        self._note(play, faults)

    def _note(self, play: Play, faults: list[str]) -> None:
        verdict = self.verdict
        verdict.played[play.name] += 1
        verdict.gaps_s += play.gaps_s
        verdict.changes_s += play.changes_s
        verdict.unjudged += play.unjudged
        if faults:
            verdict.violations.append(Violation(play.name, play.lane, play.start_s, play.end_s, faults))
            self._say(f"  VIOLATION lane {play.lane.number}, {play.name}: {'; '.join(faults)}")

    # --- around them

    def _observe(self, delay_s: float, now: float) -> None:
        if delay_s > LATE_S:
            self.verdict.late += 1
            self._around.late.append((now - delay_s - 0.05, now))
            del self._around.late[:-500]

    async def _kill(self) -> None:
        """Kills the pump or the workshop now and then, where the system says who they are."""
        chance = Random(f"{self.verdict.seed} killer")
        while True:
            await asyncio.sleep(chance.uniform(*KILL_S))
            audio = [child for keeper in _children(self._site.pid) for child in _children(keeper)]
            if audio:
                self._around.kills.append(self._telephones.clock())
                self.verdict.kills += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(audio), signal.SIGKILL)

    async def _tell(self, began: float) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            now = await self._figures()
            verdict = self.verdict
            self._say(
                f"  {monotonic() - began:6.0f} s  {sum(verdict.played.values())} scenes, "
                f"{len(verdict.violations)} violations, {verdict.kills} kills, {self._web.failed} webhooks failed; "
                f"live: {now.get('switchhook_legs_live', 0):.0f} legs, "
                f"{now.get('switchhook_transfers_live', 0):.0f} transfers; "
                f"memory {now.get(MEMORY, 0) / 1e6:.1f} MB, worst gap {max(verdict.gaps_s, default=0) * 1000:.0f} ms"
            )

    async def _remember_memory(self) -> None:
        """Memory is compared with what it was when everything had happened once: a fifth of the time, 60 s at most."""
        await asyncio.sleep(min(60.0, self.seconds / 5))
        self.verdict.warm = await self._figures()

    async def _figures(self) -> dict[str, float]:
        return read_figures((await self._http.get("/metrics")).text)

    async def _wait_for_nothing(self) -> None:
        verdict, until = self.verdict, monotonic() + NOTHING_LEFT_S
        self._say("  all telephones are closed; waiting until nothing is left (SIP remembers for 32 s)")
        while True:
            verdict.after = await self._figures()
            left = left_over(verdict.after, verdict.before, self._forgotten)
            if not left or monotonic() > until:
                break
            await asyncio.sleep(1.0)
        verdict.wrong += [f"left over: {each}" for each in left]
        warm, now = verdict.warm.get(MEMORY, 0.0), verdict.after.get(MEMORY, 0.0)
        share, bytes_ = MEMORY_MARGIN
        if warm and now > warm + max(share * warm, bytes_):
            verdict.wrong.append(f"memory: {now / 1e6:.1f} MB, was {warm / 1e6:.1f} MB after the warm-up")

    # --- the reckoning

    def _reckon(self) -> None:
        verdict = self.verdict
        entries = self._site.read(_everything)
        verdict.journal = audit(entries)
        verdict.wrong += [f"journal: call {call}: {text}" for call, text in verdict.journal.faults]
        log = (self.folder / "soak.log").read_text(encoding="utf-8", errors="replace")
        errors = [line for line in log.splitlines() if re.search(r'"level": ?"(error|critical)"|Traceback', line)]
        verdict.wrong += [f"log: {line[:600]}" for line in errors[:20]]
        told = [self._story_of(each, entries) for each in verdict.violations]
        (self.folder / "violations.txt").write_text("\n\n".join(told), encoding="utf-8")

    def _story_of(self, violation: Violation, entries: list[Entry]) -> str:
        lane = violation.lane
        ours = {number.lstrip("+") for number in (lane.customer, lane.agent, lane.target, lane.desk, lane.colleague)}
        calls: dict[str, None] = {}
        for entry in entries:
            leg = entry.body.get("leg")
            if entry.kind != "LegCreated" or not isinstance(leg, dict):
                continue
            parties = {str(leg.get(end, "")).lstrip("+") for end in ("caller", "called")}
            if parties & ours and violation.start_s - 1 < entry.at < violation.end_s:
                calls[entry.call] = None
        lines = [f"lane {lane.number}, {violation.scene}, seed {self.verdict.seed}", *violation.faults]
        lines += [timeline([entry for entry in entries if entry.call == call], sip=True) for call in calls]
        return "\n".join(lines)


def _everything(reader: Reader) -> list[Entry]:
    found: list[Entry] = []
    seq = 0
    while page := reader.since(seq, 5000):
        found += [entry for _, entry in page]
        seq = page[-1][0]
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
