"""What a caller says to a GetInput, from the tape to the recogniser.

The leg is taped into a file of its own, outside of all recordings, and the file is read while it grows: the audio
engine writes it 20 times a second, so the recogniser is 0.1 s behind the caller. The file is deleted when it was read.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Unavailable
from switchhook.core.events import VOICE_HANGOVER_MS
from switchhook.core.ids import RecordingId
from switchhook.dialects.plivo.xml import elements as e
from switchhook.exchange.recognising import Interim, Recognised, Wanted

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

LISTENER = "getinput"
HEADER_BYTES = 44  # of the WAV files that the audio engine writes
LOOK_S = 0.1  # how often a growing file is read
CLOSED_S = 5.0  # how long the end of a tape is waited for
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
        self._path = ""
        self._tape: RecordingId | None = None
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._over = False

    def start(self) -> None:
        """Begins to listen."""
        session = self._session
        leg = session.call.leg
        handle, self._path = tempfile.mkstemp(prefix="switchhook-words-", suffix=".wav")
        os.close(handle)
        os.unlink(self._path)  # the audio engine makes the file, and never writes over one
        accepted = session.ask(r.StartRecording((leg,), (), self._path))
        if accepted is None or accepted.recording is None:
            return
        self._tape = accepted.recording
        session.dialect.tapes.watch(self._tape, self._file_closed)
        session.ask(r.ListenFor(leg, True, LISTENER))
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
        self._end_tape()

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._over = True
        self._session.quiet(_SILENT)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._end_tape()

    def _end_tape(self) -> None:
        session, tape = self._session, self._tape
        self._tape = None
        if tape is None:
            return
        if tape in session.dialect.exchange.state.tapes:
            session.ask(r.StopRecording(tape))
        if session.leg is not None:
            session.ask(r.ListenFor(session.call.leg, False, LISTENER))

    def _file_closed(self) -> None:
        self._closed.set()
        if self._over or self._task is None:
            Path(self._path).unlink(missing_ok=True)

    async def _recognise(self) -> None:
        recogniser, element = self._session.dialect.recogniser, self._element
        assert recogniser is not None
        wanted = Wanted(element.language, element.model, element.hints, element.profanity_filter)
        interim = self._told.on_interim if element.interim is not None else None
        found: Recognised | None = None
        try:
            found = await recogniser.recognise(growing(Path(self._path), self._closed), wanted, interim)
        except Unavailable as error:
            self._session.warn(f"GetInput: nothing was recognised: {error}")
        finally:
            if self._closed.is_set():
                Path(self._path).unlink(missing_ok=True)
        if not self._over:
            self._over = True
            self._end_tape()
            self._told.on_words(found)


async def growing(path: Path, closed: asyncio.Event) -> AsyncIterator[bytes]:
    """Yields the samples of a WAV file that is being written, until it is closed and read to its end."""
    at = HEADER_BYTES
    while True:
        last = closed.is_set()
        found = await asyncio.to_thread(_read_from, path, at)
        if found:
            at += len(found)
            yield found
        if last:
            return
        try:
            await asyncio.wait_for(closed.wait(), LOOK_S)
        except TimeoutError:
            pass


def _read_from(path: Path, at: int) -> bytes:
    """Returns whole samples of a file from a place on; nothing where there is no file (yet)."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            found = file.read()
    except OSError:
        return b""
    return found[: len(found) // 2 * 2]
