"""The composition root: opens the ports, connects them to the exchange, and decides nothing.

Start: the journal, audio processes, SIP sockets, dialects, then HTTP; whatever fails ends with one clear line and
leaves nothing behind. Stop: new calls are refused, live ones ended properly, webhooks under way finished, the journal
flushed.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import structlog
from starlette.routing import BaseRoute

from switchhook.audio import audio_settings
from switchhook.console import console_routes
from switchhook.core.ids import LegId
from switchhook.exchange.chance import PooledRandom
from switchhook.exchange.clock import SystemClock
from switchhook.exchange.guard import Guard, refused_urls
from switchhook.exchange.made import MadeEndpoint
from switchhook.exchange.ports import Entry, FactJournal, MediaAddress, MediaStats
from switchhook.exchange.rest import Rest, give_back
from switchhook.exchange.sender import HttpSender
from switchhook.exchange.switch import Exchange
from switchhook.exchange.timers import LoopTimers
from switchhook.figures import watch_all
from switchhook.http import HttpServer, application, bind, operator_routes
from switchhook.http_connections import Refused
from switchhook.media import mp3
from switchhook.media.control import MediaEngine
from switchhook.media.guard import Guard as Keeper
from switchhook.observe.metrics import Metrics
from switchhook.settings import Settings
from switchhook.sip.lateness import Lateness
from switchhook.sip.line import LegTap, Line
from switchhook.sip.overload import Reason
from switchhook.sip.pace import Pace
from switchhook.sip.resolver import Resolver
from switchhook.sip.settings import EndpointSettings, LineSettings, TrunkSettings
from switchhook.sip.sockets import Sockets
from switchhook.sip.ticking import Ticking
from switchhook.stores.encoding import fact_encoding
from switchhook.stores.journal import SqlJournal
from switchhook.stores.opening import Store
from switchhook.stores.records import Recorder
from switchhook.warming import Warming

log = structlog.get_logger("switchhook")

JOURNAL_BEHIND = 100_000  # lines not yet on disk, some seconds' work; beyond it new calls are refused

STRANGERS_NOTED = 5  # fewer are a telephone that spoke before its answer had arrived

DIALECTS = (
    ("switchhook.dialects.plivo", "Plivo"),
    ("switchhook.dialects.plivo.phlo", "Phlo"),
    ("switchhook.dialects.genesys", "Genesys"),
)


class Dialect(Protocol):
    def __init__(self, exchange: Exchange) -> None: ...
    def routes(self) -> list[BaseRoute]: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


# Requests without credentials, or beyond an account's rate: anybody can send them, and each is up to a kilobyte.
REFUSED = (401, 429)
MAX_REFUSED, REFUSED_PER_S = 200, 5.0  # lines of them in the journal: at once, and a second ever after

_STATS = tuple(MediaStats.__slots__)
_stats_of = attrgetter(*_STATS)


class CountedJournal:
    """A journal whose lines are also counted for `/metrics` as they pass; facts are counted as they are told.

    Of a flood of refused requests most are only counted: nobody who may not even ask can fill the disk.
    """

    def __init__(self, journal: FactJournal, metrics: Metrics) -> None:
        self.left_out = 0  # lines
        self._pace = Pace(MAX_REFUSED, 0.0)
        self._journal = journal
        self._metrics = metrics
        self.facts = journal.facts
        self.message = metrics.counting(journal.message)

    def append(self, entry: Entry) -> None:
        self._metrics.take(entry)
        refused = entry.kind == "HttpRequest" and entry.body.get("status") in REFUSED
        if refused and not self._pace.lets(entry.at, MAX_REFUSED, REFUSED_PER_S):
            self.left_out += 1
        else:
            self._journal.append(entry)


# A call leaves no cycles, so there is little to collect. Looking through 2,000 new objects takes a millisecond, through
# all that came since the start a quarter of a second, in which no message is read: that is for quiet times (see Rest).
COLLECT = (2_000, 5_000, 10)


class Server:
    """One running switch. Make it with `start`, end it with `stop`."""

    settings: Settings
    exchange: Exchange
    line: Line
    media: MediaEngine
    metrics: Metrics
    http: HttpServer
    sockets: Sockets
    timers: LoopTimers
    lateness: Lateness
    warming: Warming

    def __init__(self, settings: Settings, audio: Keeper | None = None) -> None:
        self.settings = settings
        self.stopping = False
        self._audio = audio or Keeper(audio_settings(settings))
        self.dialects: dict[str, Any] = {}  # by class name in lower case
        self._stack = AsyncExitStack()

    @classmethod
    async def start(cls, settings: Settings, audio: Keeper | None = None) -> Server:
        """Starts everything and returns when calls and requests are taken; raises `Unavailable` with one line.

        `audio` is a keeper that was started ahead, and ends with the server also if that does not start.
        """
        server = cls(settings, audio)
        try:
            await server._start()
        except BaseException:
            await server._stack.aclose()
            raise
        return server

    async def _start(self) -> None:
        settings, stack = self.settings, self._stack
        stack.push_async_callback(self._audio.stop)
        sock = bind(settings.http_listen.host, settings.http_listen.port)
        stack.callback(sock.close)
        self.sockets = Sockets()
        stack.callback(self.sockets.close)
        await self.sockets.open([(each.transport, each.host, each.port) for each in settings.sip_listen])
        store = Store(settings.store.url)
        stack.callback(store.close)
        self.metrics = Metrics()
        recorder = Recorder()
        self.journal = SqlJournal(store.engine, projection=recorder)
        stack.callback(self.journal.close)
        guard = Guard(settings.webhooks.allow, loopback=settings.http_listen.is_loopback)
        for refused in refused_urls(guard, _urls(settings)):
            log.warning("a configured URL will not be asked", reason=refused)
        sender = HttpSender(
            guard,
            user_agent=settings.webhooks.user_agent,
            verify=settings.webhooks.verify_tls,
        )
        stack.push_async_callback(sender.close)
        self.lines = CountedJournal(self.journal, self.metrics)
        self.exchange = Exchange(
            settings,
            clock=SystemClock(),
            journal=self.lines,
            sender=sender,
            encode=lambda fact: fact_encoding().write(fact),
            seed=secrets.randbits(64),
        )
        self.exchange.subscribe(lambda stamped: self.metrics.fact(stamped.fact), self.metrics.counted)
        self.exchange.records = store.records
        self.exchange.ended_rooms = store.ended_rooms
        self.exchange.declared.open(store.objects)
        await asyncio.to_thread(self.exchange.limits.remember)
        self.exchange.recordings.keep_in(store.archive, mp3.converter())
        self.exchange.recordings.read_with(_words_of)
        stack.callback(self.exchange.sounds.close)
        for module, _ in DIALECTS:
            import_module(module)  # while the audio processes load
        await self._open_audio()
        self._open_line()
        self.exchange.diversions.open(store.objects)
        self.exchange.sounds.stock()
        await self._open_http(sock)
        watch_all(self)
        # What exists now stays: the collector need not look at it again (sip-engineering, rule 2).
        gc.freeze()
        gc.set_threshold(*COLLECT)
        # From here on: what the start itself took is no sign of overload.
        loop, clock, admission = asyncio.get_running_loop(), self.exchange.clock, self.line.admission
        self.lateness = Lateness(loop, clock.now, admission.observe, self.sockets.standing_s)
        stack.callback(self.lateness.close)
        self.warming = Warming(loop, (fact_encoding, sender.warm, store.warm))
        stack.callback(self.warming.close)
        rest = Rest(
            loop,
            busy=lambda: bool(self.exchange.state.legs or self.line.engine.calls),
            done=lambda: self.journal.written,
            works=(self.journal.rest, give_back),
        )
        stack.callback(rest.close)

    async def _open_audio(self) -> None:
        self.media = await MediaEngine.start(
            self._audio.settings,
            guard=self._audio,
            emit=self.exchange.tell,
            on_stats=self._counted,
            on_restart=self._audio_replaced,
            on_warning=lambda text: log.warning(text),
        )
        self._stack.push_async_callback(self.media.stop)

    def _open_line(self) -> None:
        loop = asyncio.get_running_loop()
        clock = self.exchange.clock
        resolver = Resolver(self.sockets, clock=clock.now, random=PooledRandom())
        self._stack.callback(resolver.close)
        self.line = Line(
            line_settings(self.settings, self.sockets.addresses, secrets.token_bytes(32)),
            self.sockets,
            emit=self.exchange.tell,
            on_session=self.exchange.on_session,
            media_address=self._media_address,
            new_leg=lambda: LegId(self.exchange.state.ids.new()),
            clock=clock.now,
            defer=loop.call_soon,
            random=PooledRandom(),
            locate=resolver,
            tap=sip_notes(self.exchange),
            busy=self._busy,
            on_overload=self._overloaded,
            on_note=self._sip_noted,
        )
        self.line.callers.open_to = self.exchange.directory.is_public
        self.exchange.directory.listening([f"{host}:{port}" for _, host, port in self.sockets.addresses])
        ticking = Ticking(self.line.engine.timers, self.line.tick, loop)
        self._stack.callback(ticking.close)
        self.timers = LoopTimers(clock, self.exchange.tell)
        self._stack.callback(self.timers.stop)
        self.exchange.plug(self.line, self.media, self.timers)

    async def _open_http(self, sock: Any) -> None:
        routes = operator_routes(self._parts, self.metrics.render) + console_routes()
        self._stack.push_async_callback(self._close_http)  # after the dialects, which answer whoever waits
        for name, dialect in dialects(self.exchange):
            self.dialects[name] = dialect
            await dialect.start()
            self._stack.push_async_callback(dialect.stop)
            routes += dialect.routes()
        refused = dict.fromkeys(Refused, 0)
        self.http = HttpServer(application(routes, refused), self.settings, sock, refused)
        await self.http.start()

    async def _close_http(self) -> None:
        if hasattr(self, "http"):
            await self.http.stop()

    async def stop(self, grace_s: float = 5.0) -> None:
        """Ends every call properly, finishes the webhooks under way, and closes everything; loses nothing accepted."""
        self.stopping = True
        self.line.draining = True
        if not await self.exchange.drain(grace_s):
            log.warning("some calls did not end in time", legs=len(self.exchange.state.legs))
        await self.exchange.settle(grace_s)
        await self._said_goodbye(grace_s)
        await self._stack.aclose()

    async def _said_goodbye(self, grace_s: float) -> None:
        """Waits until the telephones have confirmed, so that no BYE is lost with the socket."""
        loop = asyncio.get_running_loop()
        until = loop.time() + min(grace_s, 2.0)
        while self.line.engine.calls and loop.time() < until:
            await asyncio.sleep(0.02)

    # --- what passes through here -----------------------------------------------------------------------------------

    def _media_address(self, leg: LegId) -> MediaAddress:
        return self.media.open(leg)

    def _counted(self, leg: LegId, stats: MediaStats) -> None:
        body: dict[str, object] = dict(zip(_STATS, _stats_of(stats), strict=True))
        self.exchange.write("MediaStats", body, leg=leg)
        if stats.strangers >= STRANGERS_NOTED:
            sender = f": from {stats.stranger}" if stats.stranger else ""
            self._noted(leg, f"{stats.strangers} audio packets of a stranger's address were not played{sender}")

    def _noted(self, leg: LegId, text: str) -> None:
        self.exchange.write("Warning", {"text": text}, leg=leg)

    def _sip_noted(self, leg: LegId, text: str) -> None:
        """A mishap of SIP that was dealt with (a late ACK, a crossing BYE): told in the timeline, no warning."""
        self.exchange.write("SipNote", {"leg": leg, "text": text}, leg=leg)

    def _busy(self) -> Reason | None:
        """A limit outside SIP at which new calls are refused."""
        if self.media.counters is not None and self.media.counters.full:
            return Reason.AUDIO
        return Reason.JOURNAL if self.journal.waiting > JOURNAL_BEHIND else None

    def _overloaded(self, reason: Reason, on: bool, text: str) -> None:
        log.warning("overload begins" if on else "overload ends", reason=reason.value, text=text)
        self.exchange.write("Warning", {"text": text, "overload": reason.value, "on": on})

    def _audio_replaced(self, which: str) -> None:
        text = _REPLACED.get(which, f"the audio process {which} died and was replaced")
        log.warning("an audio process was replaced", which=which, text=text)
        self.exchange.write("Warning", {"text": text, "replaced": which})

    def _parts(self) -> dict[str, bool]:
        return {
            "journal": not self.journal.failure,
            "audio": self.media.pids["keeper"] != 0,
            "sip": bool(self.sockets.addresses),
            "accepting": not self.stopping,
        }


_REPLACED = {
    "pump": "the audio process (pump) died and was replaced: all calls went on after a short gap in their audio",
    "workshop": "the process for sound files and recordings (workshop) died and was replaced: talk went on",
    "keeper": "all audio processes (keeper) died and were replaced: all calls went on after a gap in their audio",
}


def _urls(settings: Settings) -> Iterator[str]:
    """Yields the URLs of the configured applications."""
    for each in settings.applications:
        yield from filter(None, (each.answer_url, each.hangup_url, each.fallback_answer_url))


def _words_of(path: Path) -> Iterator[bytes]:
    from switchhook.media.decode import words_of  # it takes NumPy, which no start needs here

    return words_of(path)


def dialects(exchange: Exchange) -> list[tuple[str, Dialect]]:
    """Makes all dialects on an exchange, not yet started, by their class names in lower case."""
    return [(name.lower(), getattr(import_module(module), name)(exchange)) for module, name in DIALECTS]


def sip_notes(exchange: Exchange) -> LegTap:
    """Returns a tap that writes every SIP message of a leg into the journal: its first line, not its content."""

    def note(at: float, leg: LegId | None, way: str, wire: bytes, peer: str) -> None:
        if leg is not None:
            # The engine's own time stands still while it works: what it sends would come before what it sends it for.
            exchange.journal.message(at if way == "in" else now(), leg, way, wire, peer)  # looked up: a lab replaces it

    now = exchange.clock.now
    return note


def line_settings(settings: Settings, bound: Sequence[tuple[str, str, int]], secret: bytes) -> LineSettings:
    """Returns what the SIP line needs to know of a configuration; `secret` keys its nonces."""
    return LineSettings(
        listen=tuple(bound),
        domain=settings.sip.domain,
        endpoints=tuple(
            EndpointSettings(each.username, each.password, latching=each.media_from)
            for each in settings.endpoints
            if not isinstance(each, MadeEndpoint)  # it has no password; the line learns of it by `Telephones.admit`
        ),
        trunks=tuple(
            TrunkSettings(
                each.name, each.uri, each.match, each.username, each.password, each.realm, latching=each.media_from
            )
            for each in settings.trunks
        ),
        min_expires_s=settings.sip.min_expires_s,
        max_legs=settings.media.max_legs,
        algorithms=settings.sip.digest,
        secret=secret,
    )
