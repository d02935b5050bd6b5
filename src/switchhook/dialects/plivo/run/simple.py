"""The elements that concern one leg alone and need few words: Speak, Play, Redirect, Hangup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import SoundId
from switchhook.core.model import LegState
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo.causes import Ending
from switchhook.dialects.plivo.run.clips import clip_of
from switchhook.dialects.plivo.run.step import Origin, Step
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


class SoundStep(Step):
    """Speak and Play: answers an unanswered call and plays to the leg alone."""

    types_ahead = True

    def __init__(self, session: Session, element: e.Speak | e.Play) -> None:
        super().__init__(session)
        self._element = element
        self._sound: SoundId | None = None
        self._over: set[SoundId] = set()

    def start(self) -> None:
        element = self._element
        clip = clip_of(element, self.session.base)
        if not clip:
            self.session.warn(f"{type(element).__name__} has nothing to play and is skipped")
            self.session.done()
            return
        self._sound = self.session.play((clip,), element.loop)
        if self._sound is None or self._sound in self._over:  # refused, or failed before it began
            self.session.done()

    def on_sound(self, fact: f.SoundFinished) -> None:
        self._over.add(fact.sound)
        if fact.error:
            self.session.warn(f"{type(self._element).__name__}: {fact.error}")
        if fact.sound == self._sound:
            self.session.done()

    def cancel(self) -> None:
        self._sound = None
        if self.session.leg is not None:
            self.session.ask(r.StopSound(self.session.call.leg))


class RedirectStep(Step):
    """Goes on with another document; nothing after it runs."""

    def __init__(self, session: Session, element: e.Redirect) -> None:
        super().__init__(session)
        self._element = element

    def start(self) -> None:
        if self._element.link is None:
            self.session.warn("Redirect has no URL")
            self.session.end(Ending(Origin.REDIRECT.bad_url, "Error"))
            return
        self.session.begin(Origin.REDIRECT, self._element.link)


class HangupStep(Step):
    """Ends the call now, or later while the document goes on; before the answer it refuses the call."""

    def __init__(self, session: Session, element: e.Hangup, last: bool) -> None:
        super().__init__(session)
        self._element = element
        self._last = last

    def start(self) -> None:
        element = self._element
        if element.schedule_s and not self._last:
            self.session.hang_up_in(element.schedule_s)
            self.session.done()
            return
        leg = self.session.leg
        if leg is None or leg.state is LegState.UP:
            self.session.end(Ending(4000, "Answer XML"))
        elif element.reason == "busy":
            self.session.end(Ending(3010, "Answer XML", "USER_BUSY"), Outcome.BUSY, 486)
        else:
            self.session.end(Ending(3020, "Answer XML", "CALL_REJECTED"), Outcome.REJECTED, 603)
