"""The soak itself: lanes that play, a killer of audio processes, a report every 10 s, and the reckoning at the end.

It is played in two parts. After the warm-up everybody waits until nothing is left of it and the server has come to
rest; its processes are looked at. Then comes the long part, and the same rest at its end. So memory is compared with
memory at rest, and how long the soak was makes no difference.
"""

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
from switchhook.lab.soak.audit import MEMORY, REMEMBERED, Audit, left_over, read_figures, wrong_rows
from switchhook.lab.soak.injected import Injected, missed
from switchhook.lab.soak.ledger import Ledger
from switchhook.lab.soak.play import Around, Play
from switchhook.lab.soak.processes import Seen, alive, children, grown, look, shows_processes
from switchhook.lab.soak.repertoire import STORIES
from switchhook.lab.soak.scenes import Story
from switchhook.lab.soak.site import Lane, Site, UnreliableWeb
from switchhook.lab.tones import Voices
from switchhook.observe.timeline import timeline
from switchhook.sip.lateness import Lateness
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader

FAULTS = Faults(delay_ms=0.0, loss=0.01, duplicate=0.01, reorder=0.01)
LANES_OF_A_GROUP = 4  # they share the twenty voices; lanes of other groups would not tell each other apart
TELL_S = 10.0
KILL_S = (15.0, 40.0)
LATE_S = 0.06  # a stall of the laboratory's own that makes its ears unreliable
ALL_ENDED_S = 45.0  # a SIP transaction tries for 32 s
NOTHING_LEFT_S = 110.0
WARM_UP_S = 120.0  # a fifth of the time at most
AT_REST_S = 40.0  # the server gives memory back `exchange.rest.QUIET_S` after the last call, half of which is over then


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
    injected: Injected = field(default_factory=Injected)
    journal: Audit = field(default_factory=Audit)
    gaps_s: list[float] = field(default_factory=list)
    changes_s: list[float] = field(default_factory=list)
    unjudged: int = 0
    late: int = 0
    before: dict[str, float] = field(default_factory=dict)  # /metrics before the first call
    after: dict[str, float] = field(default_factory=dict)  # at the end
    most_memory: float = 0.0  # bytes of the control process, while calls are up
    transfers: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind, outcome
    steps: int = 0  # of the journal, judged while it was written
    rows: dict[str, int] = field(default_factory=dict)  # of the database's tables
    cold: dict[str, Seen] = field(default_factory=dict)  # the processes before the first call
    warm: dict[str, Seen] = field(default_factory=dict)  # at rest after the warm-up
    rested: dict[str, Seen] = field(default_factory=dict)  # at rest after all

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
        self._patient = patient
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
            self._engine = connect(f"sqlite:///{self._site.database}", migrate=False)
            self._ledger = Ledger(Reader(self._engine))
            async with httpx2.AsyncClient(base_url=self._site.http, timeout=20, trust_env=False) as self._http:
                await self._play_all()
            last = self._look()
        finally:
            await self._site.stop()
            await self._web.stop()
            self._carrier.close()
        self.verdict.wrong += [f"the {name} process has outlived the server" for name in alive(last)]
        if self._site.code != 0:
            self.verdict.wrong.append(f"the server ended with code {self._site.code}")
        self._reckon()
        self._engine.dispose()
        return self.verdict

    async def _play_all(self) -> None:
        verdict = self.verdict
        voices = {group: Voices() for group in range(len(self.lanes) // LANES_OF_A_GROUP + 1)}
        self._telephones = Phones(server=self._site.sip, domain=DOMAIN, seed=verdict.seed, faults=FAULTS, keep_s=60.0)
        self._voices = {lane: voices[(lane.number - 1) // LANES_OF_A_GROUP] for lane in self.lanes}
        self._chances = {lane: Random(f"{verdict.seed} lane {lane.number}") for lane in self.lanes}
        loop = asyncio.get_running_loop()
        watch = Lateness(loop, self._telephones.clock, self._observe, lambda: 0.0, worked=None)
        verdict.before, verdict.cold = await self._figures(), self._look()
        for lane in self.lanes:
            await self._furnish(lane)
        self._began = monotonic()
        try:
            await self._warm_up()
            await self._play_for(self.seconds)
        finally:
            watch.close()
        if self._patient:
            await self._nothing_left("all calls have ended", frozenset())
            verdict.rested = await self._at_rest()
            verdict.wrong += grown(verdict.warm, verdict.rested)
        await self._telephones.close()
        verdict.injected.hooks_failed, verdict.injected.links = self._web.failed, self._telephones.mishaps
        left = await self._nothing_left("all telephones are closed", frozenset() if self._patient else REMEMBERED)
        verdict.wrong += [f"left over: {each}" for each in left]

    async def _warm_up(self) -> None:
        if self._patient:
            await self._play_for(min(WARM_UP_S, self.seconds / 5))
            await self._nothing_left("the warm-up is over", frozenset())
            self.verdict.warm = await self._at_rest()

    async def _play_for(self, seconds: float) -> None:
        began = monotonic()
        self._until = began + seconds
        self._web.calm = False
        beside = [asyncio.create_task(work) for work in (self._kill(), self._tell())]
        try:
            await asyncio.gather(*(self._play_lane(lane) for lane in self.lanes))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            self._web.calm = True
            self.verdict.seconds += monotonic() - began

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
        chance = self._chances[lane]
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
            play.faults.append(f"it broke off: {type(missed).__name__} {missed}")
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
        verdict.injected.died += len(play.died)
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
        chance = Random(f"{self.verdict.seed} killer {self.verdict.seconds > 0}")
        while True:
            await asyncio.sleep(chance.uniform(*KILL_S))
            audio = [child for keeper in children(self._site.pid) for child in children(keeper)]
            if audio:
                self._around.kills.append(self._telephones.clock())
                self.verdict.injected.kills += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(audio), signal.SIGKILL)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            await self._read_journal()
            now = await self._figures()
            verdict, kinds = self.verdict, Counter[str]()
            for (kind, _), count in self._ledger.transfers.items():
                kinds[kind] += count
            memory = now.get(MEMORY, 0.0)
            verdict.most_memory = max(verdict.most_memory, memory)
            transfers = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
            self._say(
                f"  {monotonic() - self._began:5.0f} s  {sum(verdict.played.values())} scenes, "
                f"{self._ledger.audit.began['LegCreated']} legs ({now.get('switchhook_legs_live', 0):.0f} live), "
                f"transfers: {transfers}; {verdict.injected.kills} kills, {self._web.failed} webhooks failed; "
                f"{len(verdict.violations)} violations, {len(verdict.wrong)} wrong in the journal; "
                f"memory {memory / 1e6:.1f} MB, worst hole {max(verdict.gaps_s, default=0) * 1000:.0f} ms"
            )

    async def _read_journal(self, *, last: bool = False) -> None:
        """Reads what the journal says by now, in a thread, so that the telephones do not stutter."""
        for doubt in await asyncio.to_thread(self._ledger.read, last=last):
            self.verdict.wrong.append(f"journal: {doubt}")
            self._say(f"  WRONG in the journal: {doubt}")

    def _look(self) -> dict[str, Seen]:
        return look(self._site.pid, self._site.database)

    async def _figures(self) -> dict[str, float]:
        return read_figures((await self._http.get("/metrics")).text)

    async def _nothing_left(self, why: str, but: frozenset[str]) -> list[str]:
        """Waits until nothing is left; returns what is, in words."""
        verdict, until = self.verdict, monotonic() + NOTHING_LEFT_S
        self._say(f"  {why}; waiting until nothing is left (SIP remembers for 32 s)")
        while True:
            verdict.after = await self._figures()
            left = left_over(verdict.after, verdict.before, but)
            if not left or monotonic() > until:
                return left
            await asyncio.sleep(1.0)

    async def _at_rest(self) -> dict[str, Seen]:
        self._say(f"  nothing is left; {AT_REST_S:.0f} s of rest, until the server has given memory back")
        await asyncio.sleep(AT_REST_S)
        seen = self._look()
        self._say("  at rest: " + ", ".join(f"{name} {one.memory_kb / 1e3:.1f} MB" for name, one in seen.items()))
        return seen

    # --- the reckoning

    def _reckon(self) -> None:
        verdict, ledger = self.verdict, self._ledger
        verdict.wrong += [f"journal: {doubt}" for doubt in ledger.read(last=True)]
        verdict.journal, verdict.transfers, verdict.steps = ledger.audit, ledger.transfers, ledger.steps
        verdict.rows = self._site.rows()
        verdict.wrong += wrong_rows(verdict.rows, ledger.audit)
        killing_s = self.seconds if shows_processes() else 0.0
        verdict.wrong += missed(verdict.injected, sum(verdict.played.values()), killing_s, KILL_S[1])
        log = (self.folder / "soak.log").read_text(encoding="utf-8", errors="replace")
        errors = [line for line in log.splitlines() if re.search(r'"level": ?"(error|critical)"|Traceback', line)]
        verdict.wrong += [f"log: {line[:600]}" for line in errors[:20]]
        entries = self._site.read(_everything) if verdict.violations else []
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
