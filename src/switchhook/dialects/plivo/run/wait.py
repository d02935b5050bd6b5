"""Wait: silence for a while, or until the far side is silent or beeps (plivo-xml 2.3).

It does not answer the call; an unanswered caller hears ringing meanwhile, and nobody listens to it. For a beep the
leg is taped and listened to closely (`run.beeps`), which only a call that is up is worth.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.events import VOICE_HANGOVER_MS
from switchhook.dialects.plivo.run.live_tape import LiveTape
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

LISTENER = "wait"
_SILENT = "silent"


class WaitStep(Step):
    def __init__(self, session: Session, element: e.Wait) -> None:
        super().__init__(session)
        self._element = element
        self._listening = False
        self._tape = LiveTape(session)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        session, element = self.session, self._element
        if session.early:
            session.play((f"silence:{element.length_s * 1000}",), 1)
        else:
            session.show_ringing()
        if element.silence_ms and session.up:
            self._listening = session.ask(r.ListenFor(session.call.leg, True, LISTENER)) is not None
            session.alarm(_SILENT, element.silence_ms / 1000, self._end)
        if element.beep is not None and session.up and self._tape.start():
            self._task = session.dialect.exchange.spawn(self._for_beep(element.beep), name=f"beep {session.call.leg}")
        session.alarm("length", element.length_s, self._end)

    async def _for_beep(self, wanted: e.BeepWanted) -> None:
        from switchhook.dialects.plivo.run.beeps import Beeps  # it takes NumPy, which few calls need

        beeps = Beeps(wanted)
        async for samples in self._tape.samples():
            if beeps.hear(samples):
                self._task = None
                self._end()
                return

    def on_voice(self, fact: f.VoiceHeard) -> None:
        if not self._listening:
            return
        if fact.on:
            self.session.quiet(_SILENT)
        else:
            left_ms = max(0, self._element.silence_ms - VOICE_HANGOVER_MS)
            self.session.alarm(_SILENT, left_ms / 1000, self._end)

    def _end(self) -> None:
        self.cancel()
        self.session.done()

    def cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self._tape.stop()
        if self._listening and self.session.leg is not None:
            self.session.ask(r.ListenFor(self.session.call.leg, False, LISTENER))
        self._listening = False

    def on_taken(self) -> None:
        self.cancel()

    def on_over(self) -> None:
        self.cancel()
