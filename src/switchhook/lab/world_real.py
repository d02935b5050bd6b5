"""`RealWorld`: the words of `World` over real SIP, RTP and HTTP on loopback. The `real_world` fixture.

The server is the one of `switchhook serve`, in this process's loop, with its own audio processes and a journal on disk
(in a folder that is deleted). Telephones are separate SIP user agents that speak tones; their ears listen to the audio
they receive. Requests to its HTTP APIs go over a socket. Only the user's web application stays in-process: what
`world.web` has mounted is asked there, every other URL is fetched as the configuration allows.

Time is real here: a story takes as long as it takes, and a test should be marked slow.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import httpx2

from switchhook.app import Server
from switchhook.core.facts import Fact
from switchhook.exchange.entries import LineByLine
from switchhook.exchange.guard import Guard
from switchhook.exchange.ports import Entry, FactJournal
from switchhook.exchange.sender import HttpSender
from switchhook.lab.carrier import Carrier
from switchhook.lab.faults import Faults
from switchhook.lab.phones import Phones
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_house import Given, settings_of, with_trunks_at
from switchhook.lab.world_web import Web
from switchhook.settings import Settings
from switchhook.stores.encoding import fact_encoding

_MEDIA_PORTS = (31_000, 34_998)  # those in use are passed over
_MAX_LEGS = 40
_GOODBYE_S = 1.0


class _Tee:
    """A journal whose lines are kept for the story, too."""

    def __init__(self, journal: FactJournal, entries: list[Entry]) -> None:
        self._both = (LineByLine(_Kept(entries), fact_encoding().write), journal)

    def append(self, entry: Entry) -> None:
        for journal in self._both:
            journal.append(entry)

    def facts(self, at: float, facts: Sequence[Fact], cause: str) -> None:
        for journal in self._both:
            journal.facts(at, facts, cause)

    def message(self, at: float, leg: str, way: str, wire: bytes, peer: str) -> None:
        for journal in self._both:
            journal.message(at, leg, way, wire, peer)


class _Kept:
    def __init__(self, entries: list[Entry]) -> None:
        self.append = entries.append


class RealWorld(AnyWorld):
    """One real switch on loopback, listening on ports of its own. `faults` are on every telephone's own line."""

    def __init__(self, settings: Given = None, *, seed: int | None = None, faults: Faults | None = None) -> None:
        super().__init__()
        self._declared = settings_of(settings)
        self._seed = seed
        self._faults = faults
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> RealWorld:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        folder = self._stack.enter_context(TemporaryDirectory(prefix="switchhook-world-"))
        for trunk in self._declared.trunks:
            carrier = self.carriers[trunk.name] = await Carrier.real()
            self._stack.callback(carrier.close)
        places = {name: carrier.local for name, carrier in self.carriers.items()}
        self.settings = _on_loopback(with_trunks_at(self._declared, places), Path(folder))
        self._stack.callback(gc.set_threshold, *gc.get_threshold())
        self._stack.callback(gc.unfreeze)  # a server freezes what exists at its start
        self.server = await Server.start(self.settings)
        self._stack.push_async_callback(self.server.stop)
        self.server.lateness.close()  # the loop is the test's, too: its work would be taken for overload
        self.exchange, self.line = self.server.exchange, self.server.line
        self.exchange.journal = _Tee(self.exchange.journal, self.entries)
        self.exchange.subscribe(self._true)
        self.dialects = self.server.dialects
        self._open_web()
        self._clients(f"http://127.0.0.1:{self.server.http.port}", None)
        self._stack.push_async_callback(self.http.aclose)
        sip = next((host, port) for transport, host, port in self.server.sockets.addresses if transport == "udp")
        self.telephones = Phones(server=sip, domain=self.settings.sip.domain, seed=self._seed, faults=self._faults)

    def _open_web(self) -> None:
        self.web = Web(self.exchange.clock.now, outside=httpx2.AsyncHTTPTransport(trust_env=False))
        webhooks = self.settings.webhooks
        sender = HttpSender(
            Guard(webhooks.allow, loopback=True),
            user_agent=webhooks.user_agent,
            resolve=self.web.resolve,
            transport=self.web.transport,
        )
        self._stack.push_async_callback(self.web.close)
        self._stack.push_async_callback(sender.close)
        self.exchange.sender = sender

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and stops the server and its audio processes."""
        await self.genesys.close()
        for phone in self.telephones.opened.values():
            await phone.hang_up()
        until = self.now + _GOODBYE_S
        while self.left_over() and self.now < until:
            await asyncio.sleep(0.02)  # else the server would wait in vain for answers to its BYEs
        await self.telephones.close()
        await self._stack.aclose()

    async def passes(self, seconds: float) -> None:
        """Lets real time pass."""
        await asyncio.sleep(seconds)


def _on_loopback(settings: Settings, folder: Path) -> Settings:
    """Returns the settings with every address on loopback, free ports, and all files in `folder`."""
    return replace(
        settings,
        http=replace(settings.http, listen="127.0.0.1:0", certificate="", key=""),
        sip=replace(settings.sip, listen=("udp:127.0.0.1:0", "tcp:127.0.0.1:0")),
        media=replace(
            settings.media, address="127.0.0.1", ports=_MEDIA_PORTS, max_legs=_MAX_LEGS, recordings=str(folder)
        ),
        store=replace(settings.store, url=f"sqlite:///{folder / 'journal.db'}"),
    )
