"""Record: takes down what A says, or the whole call beside the document (plivo-xml 2.4).

In the foreground it ends with silence, a key, its longest time, or the hangup; then the action goes on at once, with
the URL that the file will have, for A does not wait in silence until an MP3 is made; `callbackUrl` is told of the file.
In the background (`recordSession`, `startOnDialAnswer`) it returns at once with durations of -1; the tape follows A
through documents, rooms and transfers, and ends with its longest time or with A.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.events import VOICE_HANGOVER_MS
from switchhook.core.ids import RecordingId
from switchhook.dialects.plivo.actions.delivery import deliver
from switchhook.dialects.plivo.actions.recording import document_facts_of
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.run.prompts import BEEP, Prompts
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.nodes import KEYS
from switchhook.exchange.recordings import Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

LISTENER = "record"
_SILENT = "silent"


class RecordStep(Step):
    """The foreground; what goes on in the background is `start_session`'s."""

    def __init__(self, session: Session, element: e.Record) -> None:
        super().__init__(session)
        self._element = element
        any_key = session.dialect.exchange.settings.plivo.record_any_key
        self._finish_on = (KEYS if any_key else "#") if element.finish_on is None else element.finish_on
        self._tape: Recorded | None = None
        self._beep = Prompts(session, (), lambda: None)
        self._pressed = ""
        self._stopped = False
        self._told = False  # the document goes on, or nothing of it is left
        self._away = False  # a transfer has taken the leg: no action

    def start(self) -> None:
        session, element = self.session, self._element
        session.answer()
        if element.transcription is not None and session.dialect.transcripts.recogniser is None:
            session.warn("Record: the transcription will be reported as failed: [plivo] recogniser is not set")
        if element.on_dial:
            self._tell_running(session.record_on_dial(element))
        elif element.session:
            tape = start_session(session, element)
            self._tell_running(tape.id if tape is not None else None)
        else:
            self._beep = Prompts(session, [(BEEP, 1)] if element.beep else [], self._record)
            self._beep.start()

    def _tell_running(self, tape: RecordingId | None) -> None:
        """Goes on at once; the length is not known yet."""
        session, element = self.session, self._element
        told = running(session, tape, element.file_format) if tape is not None else {}
        session.follow(element.action, element.redirect, told | {"Digits": ""})

    def _record(self) -> None:
        session, element = self.session, self._element
        leg = session.call.leg
        self._tape = session.dialect.exchange.recordings.start(
            session.call.account, only=leg, max_s=element.max_s, wanted_format=element.file_format,
            ended=self._finished, cause="XML",
        )  # fmt: skip
        if self._tape is None:
            session.done()
            return
        session.dialect.tapes.watch(self._tape.id, self._over)
        session.ask(r.ListenFor(leg, True, LISTENER))
        session.alarm(_SILENT, element.silence_s, self._stop)

    # --- what ends it -----------------------------------------------------------------------------------------------

    def on_sound(self, fact: f.SoundFinished) -> None:
        self._beep.on_sound(fact)

    def on_voice(self, fact: f.VoiceHeard) -> None:
        if self._tape is None or self._stopped:
            return
        if fact.on:
            self.session.quiet(_SILENT)
        else:
            left_s = max(0.0, self._element.silence_s - VOICE_HANGOVER_MS / 1000)
            self.session.alarm(_SILENT, left_s, self._stop)

    def on_digit(self, fact: f.DigitHeard) -> None:
        if fact.digit in self._finish_on and self._tape is not None and not self._stopped:
            self._pressed = fact.digit
            self._stop()

    def _stop(self) -> None:
        if self._tape is not None and not self._stopped:
            self._stopped = True
            self.session.quiet(_SILENT)
            self.session.dialect.exchange.recordings.stop(self._tape.id, cause="XML")

    def _over(self) -> None:
        """Nothing more is recorded; the file may still have to be made into an MP3."""
        found = self.session.dialect.exchange.recordings.find(self._tape.id) if self._tape is not None else None
        if found is not None:
            self._go_on(replace(found, finished=True))

    def _finished(self, recorded: Recorded) -> None:
        """The file is there, or never will be."""
        tell(self.session, self._element, recorded)
        self._go_on(recorded)

    def _go_on(self, recorded: Recorded) -> None:
        """Tells the action, once; the document goes on where the leg is still up and ours."""
        session, element = self.session, self._element
        if self._away or self._told:
            return
        self._told = True
        fields = document_facts_of(session.dialect, recorded) | {"Digits": self._pressed}
        if session.leg is not None and session.step is self:
            self._deafen()
            session.follow(element.action, element.redirect, fields)
        else:
            session.notify(element.action, session.fields("Redirect") | fields)

    def _deafen(self) -> None:
        if self._tape is not None and self.session.leg is not None:
            self.session.ask(r.ListenFor(self.session.call.leg, False, LISTENER))

    def cancel(self) -> None:
        self._away = True
        self._beep.stop()
        self._stop()
        self._deafen()

    def on_taken(self) -> None:
        self.cancel()


def start_session(session: Session, element: e.Record, id: RecordingId | None = None) -> Recorded | None:
    """Begins to record the whole call beside its document; None, with a warning, when that cannot be.

    `id` is the name that its action was told already.
    """
    return session.dialect.exchange.recordings.start(
        session.call.account, follow=session.call.leg, id=id, max_s=element.max_s, mono=element.mono,
        wanted_format=element.file_format, ended=lambda recorded: tell(session, element, recorded), cause="XML",
    )  # fmt: skip


def running(session: Session, recording: RecordingId, wanted_format: str) -> dict[str, str]:
    """Returns the fields of a recording that goes on, or that will begin when a Dial connects."""
    recordings = session.dialect.exchange.recordings
    found = recordings.find(recording)
    return {
        "RecordUrl": recordings.url_to_be(session.call.account, recording, wanted_format),
        "RecordingID": recording,
        "RecordingDuration": "-1",
        "RecordingDurationMs": "-1",
        "RecordingStartMs": str(round(found.started_at * 1000)) if found is not None else "-1",
        "RecordingEndMs": "-1",
    }


def tell(session: Session, element: e.Record, recorded: Recorded) -> None:
    """Tells of a finished recording, and in time what is said in it."""
    if recorded.has_file:
        fields = session.fields("RecordStop") | document_facts_of(session.dialect, recorded)
        _deliver(session, element.callback, fields)
    call = session.call
    session.dialect.transcripts.tell(
        session.reachable(element.transcription), recorded,
        lambda link, words: Webhook(call.leg, call.account, link, words | {"call_uuid": call.leg}),
    )  # fmt: skip


def _deliver(session: Session, link: Link | None, fields: dict[str, str]) -> None:
    found = session.reachable(link)
    if found is not None:
        deliver(session.dialect, Webhook(session.call.leg, session.call.account, found, fields))
