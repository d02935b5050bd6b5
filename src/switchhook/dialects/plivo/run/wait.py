"""Wait: silence for a while, or until the far side is silent or beeps (plivo-xml 2.3).

It does not answer the call; an unanswered caller hears ringing meanwhile, and nobody listens to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.events import VOICE_HANGOVER_MS
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

    def start(self) -> None:
        session, element = self.session, self._element
        if element.beep:
            session.warn("Wait: beeps are not listened for; it waits its whole length")
        if session.early:
            session.play((f"silence:{element.length_s * 1000}",), 1)
        else:
            session.show_ringing()
        if element.silence_ms and session.up:
            self._listening = session.ask(r.ListenFor(session.call.leg, True, LISTENER)) is not None
            session.alarm(_SILENT, element.silence_ms / 1000, self._end)
        session.alarm("length", element.length_s, self._end)

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
        if self._listening and self.session.leg is not None:
            self.session.ask(r.ListenFor(self.session.call.leg, False, LISTENER))
        self._listening = False

    def on_taken(self) -> None:
        self.cancel()
