"""GetInput: asks for keys, for words, or for whichever comes first (plivo-xml 2.6).

Prompts are stopped by the first key, or by the first sound of a voice. The first kind of input wins: a key ends the
listening, and where words are on their way, keys count no more. Words are taken down from the beginning of each try and
given to the recogniser (`exchange.recognising`) as they come; they end when the caller is silent for `speechEndTimeout`
seconds. What the recogniser makes nothing of is listened for again while there is time.

Without a recogniser there is a warning, words never match, and the element times out or takes keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.dialects.plivo.run.prompts import Prompts, turns_of
from switchhook.dialects.plivo.run.speech import Speech
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.nodes import KEYS
from switchhook.exchange.recognising import Interim, Recognised

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

_KEY, _START, _WHOLE = "key", "start", "whole"


class GetInputStep(Step):
    def __init__(self, session: Session, element: e.GetInput) -> None:
        super().__init__(session)
        self._element = element
        self._tries = element.tries
        self._pressed = ""
        self._open = False
        self._prompts = Prompts(session, (), lambda: None)
        self._speech: Speech | None = None
        self._told = 0  # interim results so far

    def start(self) -> None:
        session, element = self.session, self._element
        session.answer()
        session.veil_keys(not element.log)
        if element.speech and session.dialect.recogniser is None:
            session.warn("GetInput: words are not recognised: [plivo] recogniser is not set")
        self._try()
        for typed in session.typed_ahead():
            self.on_digit(typed)

    def _try(self) -> None:
        self._tries -= 1
        self._pressed, self._open = "", True
        if self._element.speech and self.session.dialect.recogniser is not None and self.session.up:
            self._speech = Speech(self.session, self._element, self)
            self._speech.start()
        self._prompts = Prompts(self.session, turns_of(self.session, self._element.prompts), self._asked)
        self._prompts.start()

    def _asked(self) -> None:
        """The prompts are over, or somebody has begun to answer them: the time runs."""
        element, session = self._element, self.session
        session.alarm(_WHOLE, element.execution_s, self._time_over)
        if element.start_s is not None and not self._begun:
            session.alarm(_START, element.start_s, self._nothing)

    @property
    def _begun(self) -> bool:
        return bool(self._pressed) or (self._speech is not None and self._speech.heard)

    # --- keys -------------------------------------------------------------------------------------------------------

    def on_sound(self, fact: f.SoundFinished) -> None:
        self._prompts.on_sound(fact)

    def on_digit(self, fact: f.DigitHeard) -> None:
        key, element = fact.digit, self._element
        if not self._open or not element.dtmf or key not in KEYS or (self._speech is not None and self._speech.heard):
            return
        self._interrupted()
        self._hush()
        if key in element.finish_on:
            self._keys_over()
            return
        self._pressed += key
        if len(self._pressed) >= element.most:
            self._keys_over()
        else:
            self.session.alarm(_KEY, element.digit_end_s, self._keys_over)

    def _keys_over(self) -> None:
        if self._pressed:
            self._end({"InputType": "dtmf", "Digits": self._pressed})
        else:
            self._nothing()

    def _interrupted(self) -> None:
        """The caller answers: what still plays is stopped."""
        playing = self._prompts.playing
        self._prompts.stop()
        self.session.quiet(_START)
        if playing:
            self._asked()

    # --- words ------------------------------------------------------------------------------------------------------

    def on_voice(self, fact: f.VoiceHeard) -> None:
        if self._speech is not None and not self._pressed:
            self._speech.on_voice(fact)

    def on_voice_begun(self) -> None:
        """The caller has begun to talk (told by `Speech`)."""
        self._interrupted()

    def on_interim(self, interim: Interim) -> None:
        """The recogniser has a first idea."""
        session, element = self.session, self._element
        self._told += 1
        fields = {
            "StableSpeech": interim.stable,
            "UnstableSpeech": interim.unstable,
            "Stability": f"{interim.stability:g}",
            "SequenceNumber": str(self._told),
        }
        session.notify(element.interim, session.fields("InterimSpeech") | fields)

    def on_words(self, found: Recognised | None) -> None:
        """The recogniser has spoken: words, or nothing (None)."""
        if found is not None and found.text:
            score = f"{found.confidence:.2f}"
            self._end({"InputType": "speech", "Speech": found.text, "SpeechConfidenceScore": score})
        elif self._open:
            self._speech = Speech(self.session, self._element, self)
            self._speech.start()
        else:
            self._nothing()

    # --- endings ----------------------------------------------------------------------------------------------------

    def _time_over(self) -> None:
        """The whole time is over; what is there by now counts."""
        self._open = False
        if self._pressed:
            self._keys_over()
        elif self._speech is not None and self._speech.heard:
            self._speech.finish()
        else:
            self._nothing()

    def _end(self, found: dict[str, str]) -> None:
        self._close()
        empty = {"InputType": "", "Digits": "", "Speech": "", "SpeechConfidenceScore": "", "BilledAmount": "0"}
        self.session.follow(self._element.action, self._element.redirect, empty | found)

    def _nothing(self) -> None:
        self._close()
        if self._tries > 0:
            self.session.veil_keys(not self._element.log)
            self._try()
        else:
            self.session.done()

    def _hush(self) -> None:
        """Words do not count any more."""
        if self._speech is not None:
            self._speech.stop()
            self._speech = None

    def _close(self) -> None:
        self._open = False
        self._prompts.stop()
        self._hush()
        for alarm in (_KEY, _START, _WHOLE):
            self.session.quiet(alarm)
        self.session.veil_keys(False)

    def cancel(self) -> None:
        self._close()

    def on_taken(self) -> None:
        self._close()

    def on_over(self) -> None:
        self._hush()
