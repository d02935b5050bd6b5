"""The stage: a whole exchange with its dialects in virtual time, with symbolic telephones and a captured web.

No sockets, no audio, no disk: SIP is replaced by `StageSignalling`, audio by `FakeMedia`, HTTP clients and servers by
calls in the same loop. What is real is everything that decides: core, exchange, dialects. A story of minutes takes
milliseconds, and a test reads like the story:

    @in_virtual_time
    async def test_customer_hangs_up_while_the_target_rings():
        async with Stage(settings, dialects=("phlo",)) as stage:
            customer = stage.phone("+14155550123")          # behind the trunk
            agent = stage.phone("1001")                     # a registered endpoint
            line = customer.calls("+14155550100")           # a Line: one leg seen from the telephone
            at_agent = await agent.rings()                  # waits (virtual) for the next call to this telephone
            at_agent.answers()
            await stage.settled()
            assert line.hears == {"1001"}                   # names; or {MUSIC}, {RINGBACK}, set() = silence
            reply = await stage.http.post("/v1/...", json={...}, auth=(...))
            line.hangs_up()

`stage.web` is the user's web application: `stage.web.on("http://app/answer", "<Response/>")` (text, or a function
of `Hook`), and `stage.web.hooks` are all requests received so far, in order. `stage.entries` are the journal's lines,
`stage.facts` all facts, `stage.exchange` the exchange itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from switchhook.core import events as e
from switchhook.core.addresses import Endpoint, Trunk
from switchhook.core.errors import Unavailable
from switchhook.core.ids import LegId
from switchhook.core.model import Leg, LegState
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Entry, Invitation, Reply, Session
from switchhook.exchange.sender import TooLong, redirected
from switchhook.exchange.switch import Exchange, Stamped
from switchhook.exchange.timers import LoopTimers
from switchhook.lab.virtual_time import VirtualLoop, settle
from switchhook.media.fake import FakeMedia
from switchhook.settings import Settings
from switchhook.stores.encoding import fact_encoding

MUSIC = "music"
RINGBACK = "ringback"

DIALECTS = {
    "plivo": ("switchhook.dialects.plivo", "Plivo"),
    "phlo": ("switchhook.dialects.plivo.phlo", "Phlo"),
    "genesys": ("switchhook.dialects.genesys", "Genesys"),
}


@dataclass(frozen=True)
class Hook:
    """A request that our server sent to the user's web application."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def form(self) -> dict[str, str]:
        """The parameters: of the query for GET, of the body for POST."""
        text = urlsplit(self.url).query if self.method == "GET" else self.body.decode()
        return dict(parse_qsl(text, keep_blank_values=True))


Answer = str | bytes | tuple[int, str] | Exception | Callable[[Hook], Any]


class StageWeb:
    """The user's web application, and a `Sender` that reaches it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.hooks: list[Hook] = []
        self._answers: dict[str, Answer] = {}
        self._now = now
        self.delay_s = 0.0

    def on(self, url: str, answer: Answer) -> None:
        """Answers requests to `url` (compared without query) with a text, (status, text), an error, or a function."""
        self._answers[url] = answer

    def to(self, url: str) -> list[Hook]:
        """Returns the requests to `url` so far, compared without query."""
        return [hook for hook in self.hooks if hook.url.split("?", 1)[0] == url]

    async def reach(self, host: str) -> str:
        return "127.0.0.1"

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        connect_s: float = 2.0,
        read_s: float = 40.0,
        max_bytes: int = 100 * 1024,
        follow: bool = True,
    ) -> Reply:
        hook = Hook(method, url, {name.lower(): value for name, value in headers}, body, self._now())
        self.hooks.append(hook)
        await asyncio.sleep(self.delay_s)
        answer = self._answers.get(url.split("?", 1)[0])
        if answer is None:
            raise Unavailable(f"{url}: nobody listens there")
        if callable(answer):
            answer = answer(hook)
            if asyncio.iscoroutine(answer):
                answer = await answer
        if isinstance(answer, Exception):
            raise answer
        status, text = answer if isinstance(answer, tuple) else (200, answer)
        content = text.encode() if isinstance(text, str) else text
        if len(content) > max_bytes:
            raise TooLong(f"{url}: the answer is longer than {max_bytes} bytes", status)
        found = Reply(status, (("content-type", "application/xml"),), content, url)
        if 300 <= status < 400 and isinstance(text, str):  # its text says where to
            found = Reply(status, (("location", text),), b"", url)
        moved = redirected(method, url, body, found) if follow else None
        return found if moved is None else await self.send(moved[0], moved[1], headers=headers, body=moved[2])


@dataclass
class Line:
    """One leg, seen from its telephone."""

    stage: Stage
    phone: Telephone
    leg: LegId
    invitation: Invitation | None = None
    rang: bool = False
    up: bool = False
    over: Outcome | None = None
    status: int = 0  # the SIP status an unanswered call was refused with, 0 = the outcome's own
    talk_asked: bool = False
    early: bool = False

    def later(self, does: Callable[[], None]) -> None:
        """Lets the telephone do something by itself, if the call is still unanswered by then."""
        if self.over is None and not self.up:
            does()

    def rings(self, early: bool = False) -> None:
        """Says that it rings, with early audio if wanted."""
        if early:
            self._session()
        self.stage.exchange.tell(e.LegRang(self.leg, early))

    def answers(self) -> None:
        """Picks up."""
        self.up = True
        self._session()
        self.stage.exchange.tell(e.LegAnswered(self.leg))

    def rejects(self, outcome: Outcome = Outcome.BUSY, status: int = 486) -> None:
        self.over = outcome
        self.stage.exchange.tell(e.LegFailed(self.leg, outcome, status))

    def hangs_up(self) -> None:
        """Puts the telephone down: BYE, or CANCEL before the answer."""
        self.over = Outcome.COMPLETED
        self.stage.exchange.tell(e.LegGone(self.leg))

    def holds(self, on: bool = True) -> None:
        self.stage.exchange.tell(e.LegHeld(self.leg, on))

    def presses(self, digits: str) -> None:
        for digit in digits:
            self.stage.exchange.tell(e.DigitPressed(self.leg, digit, 100))

    def talks(self, on: bool = True) -> None:
        """Says something from now on, or (`on` False) nothing; nobody talks until told to."""
        self.stage.media.speak(self.leg, on)

    def _session(self) -> None:
        self.stage.exchange.on_session(self.leg, Session("127.0.0.1", 40_000, Codec.PCMU, 0, 101))

    @property
    def found(self) -> Leg | None:
        return self.stage.exchange.state.legs.get(self.leg)

    @property
    def hears(self) -> set[str]:
        """What this telephone hears: names of telephones, MUSIC, RINGBACK, clips; empty is silence."""
        if self.over is not None or not (self.up or self.early):
            return set()
        heard: set[str] = set()
        for source in self.stage.media.hears(self.leg):
            if isinstance(source, Voice):
                heard.add(self.stage.signalling.lines[source.leg].phone.name)
            elif isinstance(source, Sound):
                heard.update(_SOUNDS.get(clip, clip) for clip in source.clips)
        return heard


_SOUNDS = {"builtin:hold": MUSIC, "builtin:ringback": RINGBACK}


@dataclass
class Telephone:
    """A telephone, known by its number or user name; what it does by itself is set by its attributes."""

    stage: Stage
    name: str
    rings_after_s: float | None = 0.05  # None: never says that it rings
    answers_after_s: float | None = None
    refuses: tuple[Outcome, int] | None = None
    lines: list[Line] = field(default_factory=list)
    waiting: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)

    def calls(
        self, number: str, *, display: str = "", headers: tuple[tuple[str, str], ...] = (), hops_left: int = 70
    ) -> Line:
        """Calls a number of ours: as the endpoint of this name, else through the first trunk."""
        exchange = self.stage.exchange
        leg = LegId(exchange.state.ids.new())
        line = Line(self.stage, self, leg)
        self.lines.append(line)
        self.stage.signalling.lines[leg] = line
        self.stage.media.open(leg)
        endpoint = self.name in exchange.directory.endpoints
        trunk = exchange.settings.trunks[0].name if exchange.settings.trunks else ""
        arrival = e.Arrival(
            caller_kind=e.CallerKind.ENDPOINT if endpoint else e.CallerKind.TRUNK,
            caller_name=self.name if endpoint else trunk,
            from_user=self.name,
            from_display=display,
            to_user=number,
            from_host=exchange.settings.sip.domain if endpoint else "127.0.0.1",
            headers=headers,
            sip_call_id=f"{leg}@stage",
            source="127.0.0.1:5070",
            hops_left=hops_left,
        )
        exchange.tell(e.LegArrived(leg, arrival))
        return line

    async def rings(self, within_s: float = 30.0) -> Line:
        """Waits for the next call to this telephone and returns it ringing."""
        line = await asyncio.wait_for(self.waiting.get(), within_s)
        if self.rings_after_s is not None and line.over is None:
            await asyncio.sleep(self.rings_after_s + 0.001)
        return line

    @property
    def line(self) -> Line:
        """The latest call of this telephone."""
        return self.lines[-1]


class StageSignalling:
    """Implements `ports.Signalling`: carries everything to symbolic telephones."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lines: dict[LegId, Line] = {}

    def invite(self, invitation: Invitation) -> None:
        stage = self.stage
        target = invitation.target
        name = (
            target.username
            if isinstance(target, Endpoint)
            else target.user
            if isinstance(target, Trunk)
            else target.uri
        )
        stage.media.open(invitation.leg)
        phone = stage.phones.get(stage.exchange.directory.key(name))
        if phone is None:
            outcome = Outcome.NOT_REGISTERED if isinstance(target, Endpoint) else Outcome.NOT_FOUND
            status = 480 if isinstance(target, Endpoint) else 404
            stage.exchange.soon(e.LegFailed(invitation.leg, outcome, status))
            return
        line = Line(stage, phone, invitation.leg, invitation)
        self.lines[invitation.leg] = line
        phone.lines.append(line)
        phone.waiting.put_nowait(line)
        loop = asyncio.get_running_loop()
        if phone.refuses is not None:
            outcome, status = phone.refuses
            loop.call_later(0.05, line.later, lambda: line.rejects(outcome, status))
            return
        if phone.rings_after_s is not None:
            loop.call_later(phone.rings_after_s, line.later, line.rings)
        if phone.answers_after_s is not None:
            loop.call_later(phone.answers_after_s, line.later, line.answers)

    def ring(self, leg: LegId) -> None:
        self.lines[leg].rang = True

    def progress(self, leg: LegId) -> None:
        self.lines[leg].early = True

    def answer(self, leg: LegId) -> None:
        line = self.lines[leg]
        line.up = True
        line._session()
        self.stage.exchange.soon(e.LegAnswered(leg))

    def end(self, leg: LegId, outcome: Outcome, *, status: int = 0) -> None:
        line = self.lines.get(leg)
        if line is not None and line.over is None:
            line.over = outcome
            line.status = status

    def press_answer(self, leg: LegId) -> None:
        self.lines[leg].talk_asked = True

    def hidden(self, leg: LegId) -> str:
        return f"{leg}@stage"


class StageJournal:
    """Implements `ports.Journal` in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)


class _LoopClock:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.wall()


class Stage:
    """One exchange in virtual time. Use as `async with`, inside `in_virtual_time`."""

    def __init__(self, settings: Settings, *, dialects: Sequence[str] = (), registered: bool = True) -> None:
        self.settings = settings
        self._wanted = tuple(dialects)
        self._registered = registered
        self.dialects: dict[str, Any] = {}
        self.phones: dict[str, Telephone] = {}
        self.facts: list[Stamped] = []

    async def __aenter__(self) -> Stage:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop), "the stage needs virtual time: use lab.virtual_time.in_virtual_time"
        clock = _LoopClock(loop)
        self.journal = StageJournal()
        self.web = StageWeb(clock.now)
        encoding = fact_encoding()
        self.exchange = Exchange(
            self.settings, clock=clock, journal=self.journal, sender=self.web, encode=encoding.write, seed=7
        )
        self.media = FakeMedia(self.exchange.tell, call_later=loop.call_later, now=loop.time)
        self.signalling = StageSignalling(self)
        self.timers = LoopTimers(clock, self.exchange.tell)
        self.exchange.plug(self.signalling, self.media, self.timers)
        self.exchange.subscribe(self.facts.append)
        if self._registered:
            for endpoint in self.settings.endpoints:
                self.phone(endpoint.username)
                self.exchange.tell(e.EndpointChanged(endpoint.username, True))
        routes: list[BaseRoute] = []
        for name in self._wanted:
            module, cls = DIALECTS[name]
            self.dialects[name] = getattr(import_module(module), cls)(self.exchange)
            await self.dialects[name].start()
            routes += self.dialects[name].routes()
        self.app = Starlette(routes=routes)
        transport = httpx2.ASGITransport(app=self.app)
        self.http = httpx2.AsyncClient(transport=transport, base_url=self.settings.public_url, timeout=None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for dialect in self.dialects.values():
            await dialect.stop()
        await self.exchange.settle(0.0)
        self.timers.stop()
        self.exchange.sounds.close()
        await self.http.aclose()

    @property
    def entries(self) -> list[Entry]:
        """The journal's lines so far."""
        return self.journal.entries

    @property
    def now(self) -> float:
        return self.exchange.clock.now()

    def phone(self, name: str, **how: Any) -> Telephone:
        """Returns the telephone of that number or user name, made on first use; `how` sets its attributes."""
        key = self.exchange.directory.key(name)
        if key not in self.phones:
            self.phones[key] = Telephone(self, name)
        for attribute, value in how.items():
            setattr(self.phones[key], attribute, value)
        return self.phones[key]

    async def settled(self) -> None:
        """Returns when everything that could happen now has happened."""
        await settle()

    async def passes(self, seconds: float) -> None:
        """Lets virtual time pass."""
        await asyncio.sleep(seconds)
        await settle()

    def kinds(self) -> list[str]:
        """The class names of all facts so far."""
        return [type(stamped.fact).__name__ for stamped in self.facts]

    def nothing_left(self) -> bool:
        """True when no leg, room, dial, transfer or timer is left over."""
        state = self.exchange.state
        live = any(leg.state is not LegState.OVER for leg in state.legs.values())
        return not (live or state.legs or state.rooms or state.dials or state.transfers or self.timers.armed)
