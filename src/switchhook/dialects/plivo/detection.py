"""Machine detection of calls made by API (plivo-voice-api 3.1, 7.5).

Without a URL of its own it comes before the answer URL, whose request carries the verdict. With one the call goes on at
once and the verdict is posted there. Whoever cannot be told for sure counts as a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.causes import Ending
from switchhook.dialects.plivo.links import Link
from switchhook.exchange.greeting import Answerer, Greeting, Thresholds

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

LISTENER = "machine detection"


@dataclass(frozen=True, slots=True)
class Detect:
    """What a request wants detected."""

    thresholds: Thresholds
    hang_up: bool  # on a machine
    link: Link | None  # where the verdict is posted; None: the answer URL waits for it


class Detections:
    """The detections under way, by leg."""

    def __init__(self) -> None:
        self._running: dict[LegId, Detection] = {}

    def begin(self, session: Session, wanted: Detect, go_on: Callable[[], None]) -> None:
        """Listens to a leg that has just answered; `go_on` fetches its first document when that is due."""
        leg = session.call.leg
        self._running[leg] = Detection(session, wanted, go_on, lambda: self._running.pop(leg, None))

    def heard(self, fact: f.VoiceHeard) -> None:
        """A leg began or stopped to talk."""
        running = self._running.get(fact.leg)
        if running is not None:
            running.heard(fact.on)

    def over(self, leg: LegId) -> None:
        """A leg is over, or somebody else's now: nobody is told anything."""
        running = self._running.get(leg)
        if running is not None:
            running.stop()


class Detection:
    """Listens to one leg until it knows."""

    def __init__(self, session: Session, wanted: Detect, go_on: Callable[[], None], done: Callable[[], object]) -> None:
        self._session = session
        self._wanted = wanted
        self._go_on = go_on
        self._done = done
        self._clock = session.dialect.exchange.clock
        self._greeting = Greeting(wanted.thresholds, self._clock.now())
        self._timer: asyncio.TimerHandle | None = None
        session.ask(r.ListenFor(session.call.leg, on=True, by=LISTENER))
        self._look()
        if wanted.link is not None:
            go_on()

    def heard(self, on: bool) -> None:
        self._greeting.heard(on, self._clock.now())
        self._look()

    def stop(self) -> None:
        """Listens no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._done()
        if self._session.leg is not None:
            self._session.ask(r.ListenFor(self._session.call.leg, on=False, by=LISTENER))

    def _look(self) -> None:
        now = self._clock.now()
        verdict = self._greeting.verdict(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if verdict is None:
            wait_s = max(0.001, self._greeting.decided_at - now)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)
        else:
            self._decided(verdict)

    def _decided(self, verdict: Answerer) -> None:
        session, wanted = self._session, self._wanted
        self.stop()
        machine = verdict is Answerer.MACHINE
        session.call.machine = "true" if machine else "false"
        session.ask(r.Note(session.call.leg, f"machine detection: {verdict.value.replace('_', ' ')}"))
        if wanted.link is not None:
            sent = {"Machine": session.call.machine, "IfMachine": "hangup" if wanted.hang_up else "continue"}
            session.notify(wanted.link, session.fields("MachineDetection") | sent)
        if machine and wanted.hang_up:
            session.end(Ending(9100, "Plivo"))
        elif wanted.link is None:
            self._go_on()
