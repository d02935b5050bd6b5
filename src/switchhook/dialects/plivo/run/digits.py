"""GetDigits: asks for keys (plivo-xml 2.5).

Each try plays the prompts; the first key stops them. A try ends with a finish key, with as many keys as wanted, when
no more come for `digitTimeout` seconds, or with nothing: no key within `timeout` seconds after the prompts, the finish
key alone, or an invalid one. Nothing in the last try means that the next element runs; the action is not called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.dialects.plivo.run.clips import play_clip
from switchhook.dialects.plivo.run.prompts import BEEP, Prompts, turns_of
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.nodes import KEYS

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

_KEY = "key"  # the alarm for the next one


class GetDigitsStep(Step):
    def __init__(self, session: Session, element: e.GetDigits) -> None:
        super().__init__(session)
        self._element = element
        self._tries = element.tries
        self._pressed = ""
        self._listening = False
        self._prompts = Prompts(session, (), lambda: None)

    def start(self) -> None:
        self.session.answer()
        self.session.veil_keys(not self._element.log)
        self._try()
        for typed in self.session.typed_ahead():
            self.on_digit(typed)

    def _try(self) -> None:
        self._tries -= 1
        self._pressed = ""
        self._listening = True
        turns = turns_of(self.session, self._element.prompts)
        if self._element.beep:
            turns.append((BEEP, 1))
        self._prompts = Prompts(self.session, turns, self._asked)
        self._prompts.start()

    def _asked(self) -> None:
        self.session.alarm(_KEY, self._element.timeout_s, self._nothing)

    def on_sound(self, fact: f.SoundFinished) -> None:
        self._prompts.on_sound(fact)

    def on_digit(self, fact: f.DigitHeard) -> None:
        key, element = fact.digit, self._element
        if not self._listening or key not in KEYS:
            return
        self._prompts.stop()
        self.session.quiet(_KEY)
        if key in element.finish_on:
            self._end()
        elif key not in element.valid:
            self._invalid()
        else:
            self._pressed += key
            if len(self._pressed) >= element.most:
                self._end()
            else:
                self.session.alarm(_KEY, element.digit_timeout_s, self._end)

    def _end(self) -> None:
        if not self._pressed:
            self._nothing()
            return
        self._listening = False
        self.session.veil_keys(False)
        self.session.follow(self._element.action, self._element.redirect, {"Digits": self._pressed})

    def _invalid(self) -> None:
        self._listening = False
        clip = play_clip(e.Play(self._element.invalid_sound), self.session.base)
        self._prompts = Prompts(self.session, [(clip, 1)] if clip else [], self._nothing)
        self._prompts.start()

    def _nothing(self) -> None:
        self._listening = False
        if self._tries > 0:
            self._try()
        else:
            self.session.veil_keys(False)
            self.session.done()

    def cancel(self) -> None:
        self._prompts.stop()
        self.session.veil_keys(False)

    def on_taken(self) -> None:
        self.session.veil_keys(False)
