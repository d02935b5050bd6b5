"""Who waits for the end of a tape that is no recording of the account: what a caller says to a recogniser."""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core import facts as f
from switchhook.core.ids import RecordingId


class Tapes:
    """Finds by its id who wants to know that a tape is finished."""

    def __init__(self) -> None:
        self._waiting: dict[RecordingId, Callable[[], None]] = {}

    def watch(self, recording: RecordingId, finished: Callable[[], None]) -> None:
        self._waiting[recording] = finished

    def finished(self, fact: f.RecordingFinished) -> None:
        """Tells whoever waits for this tape, once."""
        then = self._waiting.pop(fact.recording, None)
        if then is not None:
            then()

    @property
    def empty(self) -> bool:
        return not self._waiting
