"""Who answered, a person or a machine: judged by how the answering side begins to talk.

A person says a short greeting and waits; a machine talks on, or takes long to begin. What counts is when the telephone
talks and when it is silent (`core.events.VoiceStarted`), measured from the answer:

    nobody talks for `silence_s`                       machine
    the first utterance lasts `greeting_s`             machine
    any utterance lasts `speech_s`                     machine
    more than `words` utterances                       machine
    silence of `AFTER_S` behind an utterance           a person, who waits for us
    none of these until `total_s`                      not sure

Voice events come late by known times, which are taken off again. Pauses shorter than their hangover do not part words,
so "words" are utterances here. Rejected: the beep alone, which many machines do not send, and speech recognition, which
takes longer than a person waits for an answer.
"""

from __future__ import annotations

from enum import Enum

from switchhook.core.events import VOICE_HANGOVER_MS, VOICE_ONSET_MS
from switchhook.core.values import dataclass

VOICE_ONSET_S, VOICE_HANGOVER_S = VOICE_ONSET_MS / 1000, VOICE_HANGOVER_MS / 1000
AFTER_S = 0.8  # a person who has said hello waits at least so long
_SAME_S = 1e-4  # times that meet are compared with this grain


class Answerer(Enum):
    HUMAN = "human"
    MACHINE = "machine"
    NOT_SURE = "not_sure"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Times in seconds; the defaults are those of plivo-voice-api 3.1."""

    total_s: float = 5.0
    speech_s: float = 5.0
    silence_s: float = 4.5
    words: int = 3
    greeting_s: float = 1.5


class Greeting:
    """Listens to one answering side from `at` on; all times are seconds of one clock."""

    def __init__(self, thresholds: Thresholds, at: float) -> None:
        self._wanted = thresholds
        self._began = at
        self._words = 0
        self._since: float | None = None  # of the present utterance, or of the silence behind the last one
        self._talking = False
        self._too_long = False

    def heard(self, on: bool, at: float) -> None:
        """Takes a voice event that came at `at`."""
        was = self._since
        self._talking = on
        self._since = max(self._began, at - (VOICE_ONSET_S if on else VOICE_HANGOVER_S))
        self._words += on
        if not on and was is not None:
            self._too_long = self._since - was >= self._longest_s - _SAME_S

    def verdict(self, at: float) -> Answerer | None:
        """Returns who answered, or None while that is open."""
        if self._words > self._wanted.words or self._too_long:
            return Answerer.MACHINE
        decided, who = self._next()
        return who if at >= decided - _SAME_S else None

    @property
    def decided_at(self) -> float:
        """When there will be a verdict if nothing else is heard."""
        return self._next()[0]

    @property
    def _longest_s(self) -> float:
        """How long a person talks at most without a pause."""
        wanted = self._wanted
        return min(wanted.greeting_s, wanted.speech_s) if self._words == 1 else wanted.speech_s

    def _next(self) -> tuple[float, Answerer]:
        wanted = self._wanted
        end = self._began + wanted.total_s
        if self._since is None:
            at, who = self._began + wanted.silence_s, Answerer.MACHINE
        elif self._talking:
            at, who = self._since + self._longest_s + VOICE_HANGOVER_S, Answerer.MACHINE  # it may have just stopped
        else:
            at, who = self._since + AFTER_S, Answerer.HUMAN
        return (at, who) if at <= end else (end, Answerer.NOT_SURE)
