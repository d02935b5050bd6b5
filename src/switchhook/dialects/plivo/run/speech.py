"""What a caller says to a GetInput, from the tape to the recogniser."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Unavailable
from switchhook.core.events import VOICE_HANGOVER_MS
from switchhook.dialects.plivo.run.live_tape import LiveTape
from switchhook.dialects.plivo.xml import elements as e
from switchhook.exchange.recognising import Interim, Recognised, Wanted

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

LISTENER = "getinput"
_SILENT = "words"


class Told(Protocol):
    """Who wants to know what was said."""

    def on_voice_begun(self) -> None: ...

    def on_interim(self, interim: Interim) -> None: ...

    def on_words(self, found: Recognised | None) -> None: ...


class Speech:
    """One attempt at words: from `start` until `on_words` is told once, or `stop`."""

    def __init__(self, session: Session, element: e.GetInput, told: Told) -> None:
        self._session = session
        self._element = element
        self._told = told
        self.heard = False
        self._tape = LiveTape(session)
        self._listening = False
        self._task: asyncio.Task[None] | None = None
        self._over = False

    def start(self) -> None:
        """Begins to listen."""
        session = self._session
        if not self._tape.start():
            return
        self._listening = session.ask(r.ListenFor(session.call.leg, True, LISTENER)) is not None
        live = session.leg
        if live is not None and live.talking:
            self._begun()

    def on_voice(self, fact: f.VoiceHeard) -> None:
        if self._over:
            return
        if fact.on:
            self._session.quiet(_SILENT)
            if not self.heard:
                self._begun()
        elif self.heard:
            left_s = max(0.0, self._element.speech_end_s - VOICE_HANGOVER_MS / 1000)
            self._session.alarm(_SILENT, left_s, self.finish)

    def _begun(self) -> None:
        self.heard = True
        self._task = self._session.dialect.exchange.spawn(self._recognise(), name=f"words {self._session.call.leg}")
        self._told.on_voice_begun()

    def finish(self) -> None:
        """The caller has said what there was to say."""
        self._session.quiet(_SILENT)
        self._tape.stop()
        if self._listening and self._session.leg is not None:
            self._session.ask(r.ListenFor(self._session.call.leg, False, LISTENER))
        self._listening = False

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._over = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self.finish()

    async def _recognise(self) -> None:
        recogniser, element = self._session.dialect.recogniser, self._element
        assert recogniser is not None
        wanted = Wanted(element.language, element.model, element.hints, element.profanity_filter)
        interim = self._told.on_interim if element.interim is not None else None
        found: Recognised | None = None
        try:
            found = await recogniser.recognise(self._tape.samples(), wanted, interim)
        except Unavailable as error:
            self._session.warn(f"GetInput: nothing was recognised: {error}")
        if not self._over:
            self._over = True
            self.finish()
            self._told.on_words(found)
