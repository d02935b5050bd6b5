"""A live server for clients in other languages: HTTP on a free port of 127.0.0.1, symbolic telephones behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from switchhook.console import console_routes
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.dialects.genesys import Genesys
from switchhook.exchange.clock import SystemClock
from switchhook.exchange.switch import Exchange, Stamped
from switchhook.exchange.timers import LoopTimers
from switchhook.http import HttpServer, application, bind
from switchhook.lab.stage import Stage, StageJournal, StageSignalling, StageWeb
from switchhook.media.fake import FakeMedia
from switchhook.settings import Settings
from switchhook.stores.encoding import fact_encoding


class LiveStage(Stage):
    """A stage in real time; its telephones pick up when they are asked to."""

    genesys: Genesys

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        clock = SystemClock()
        self.journal = StageJournal()
        self.web = StageWeb(clock.now)
        encode = fact_encoding().write
        self.exchange = Exchange(
            self.settings, clock=clock, journal=self.journal, sender=self.web, encode=encode, seed=7
        )
        self.media = FakeMedia(self.exchange.tell, call_later=loop.call_later, now=loop.time)
        self.signalling = StageSignalling(self)
        self.timers = LoopTimers(clock, self.exchange.tell)
        self.exchange.plug(self.signalling, self.media, self.timers)
        self.exchange.subscribe(self._obeys)
        for endpoint in self.settings.endpoints:
            self.phone(endpoint.username)
            self.exchange.tell(e.EndpointChanged(endpoint.username, True))

    def _obeys(self, stamped: Stamped) -> None:
        if isinstance(stamped.fact, f.AnswerAsked):
            line = self.signalling.lines[stamped.fact.leg]
            asyncio.get_running_loop().call_soon(line.later, line.answers)


@asynccontextmanager
async def live(settings: Callable[[str], Settings]) -> AsyncIterator[tuple[LiveStage, str]]:
    """Runs a Genesys server made of `settings(base URL)`; gives the stage and the base URL."""
    sock = bind("127.0.0.1", 0)
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    stage = LiveStage(settings(base))
    stage.open()
    dialect = stage.genesys = Genesys(stage.exchange)
    await dialect.start()
    http = HttpServer(application(dialect.routes() + console_routes()), stage.settings, sock)
    await http.start()
    try:
        yield stage, base
    finally:
        await dialect.stop()
        await http.stop()
        await stage.exchange.settle(1.0)
        stage.timers.stop()
