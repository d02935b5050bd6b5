"""What a leg says, as samples, while it says it: for whoever has to listen closer than `VoiceHeard` tells.

The leg is taped into a file of its own, outside of all recordings, and the file is read while it grows: the audio
engine writes it 20 times a second, so the reader is 0.1 s behind the caller. The file is deleted when it is done with.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.ids import RecordingId

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

HEADER_BYTES = 44  # of the WAV files that the audio engine writes
LOOK_S = 0.1  # how often a growing file is read


class LiveTape:
    """One tape of a leg, from `start` until `stop` or the leg's end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path = Path()
        self._tape: RecordingId | None = None
        self._closed = asyncio.Event()
        self._read = True  # nobody reads the file (any more)

    def start(self) -> bool:
        """Begins; False, with a warning, where the leg cannot be taped."""
        handle, path = tempfile.mkstemp(prefix="switchhook-live-", suffix=".wav")
        os.close(handle)
        os.unlink(path)  # the audio engine makes the file, and never writes over one
        self._path = Path(path)
        accepted = self._session.ask(r.StartRecording((self._session.call.leg,), (), path))
        if accepted is None or accepted.recording is None:
            return False
        self._tape = accepted.recording
        self._session.dialect.tapes.watch(self._tape, self._file_closed)
        return True

    def stop(self) -> None:
        """Ends the tape; what is on it can still be read."""
        tape, self._tape = self._tape, None
        if tape is not None and tape in self._session.dialect.exchange.state.tapes:
            self._session.ask(r.StopRecording(tape))

    async def samples(self) -> AsyncIterator[bytes]:
        """Yields what is said (16 bit, little-endian, 8 kHz) from the start on, until the tape is closed."""
        self._read = False
        try:
            at = HEADER_BYTES
            while True:
                last = self._closed.is_set()
                found = await asyncio.to_thread(_read_from, self._path, at)
                if found:
                    at += len(found)
                    yield found
                if last:
                    return
                try:
                    await asyncio.wait_for(self._closed.wait(), LOOK_S)
                except TimeoutError:
                    pass
        finally:
            self._read = True
            self._forget()

    def _file_closed(self) -> None:
        self._closed.set()
        self._forget()

    def _forget(self) -> None:
        if self._read and self._closed.is_set():
            self._path.unlink(missing_ok=True)


def _read_from(path: Path, at: int) -> bytes:
    """Returns whole samples of a file from a place on; nothing where there is no file (yet)."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            found = file.read()
    except OSError:
        return b""
    return found[: len(found) // 2 * 2]
