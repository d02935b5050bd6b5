"""Writes recordings: from the rings that the pump fills to WAV files, in a thread of the workshop that may block.

The header is mended each second, so a file that is being written, or whose writer died, can be played. A gap in the
ring (a disk that stood still for longer than the ring is long) becomes silence of the same length and is told at the
end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from switchhook.media import wav
from switchhook.media.link import Message
from switchhook.media.table import FRAME, RECORDING_FRAMES, STOPPING, Table

EVERY_S, MEND_S = 0.05, 1.0


class _File:
    def __init__(self, use: int, path: Path, channels: int, resume: bool) -> None:
        self.use, self.channels = use, channels
        path.parent.mkdir(parents=True, exist_ok=True)
        again = resume and path.exists()
        self.file: BinaryIO = path.open("r+b" if again else "x+b", buffering=0)
        self.frames = max(0, path.stat().st_size - wav.HEADER_BYTES) // (2 * channels * FRAME) if again else 0
        self.mended = 0.0
        self.mend()
        self.file.seek(wav.HEADER_BYTES + self.frames * 2 * channels * FRAME)

    def mend(self) -> None:
        place = self.file.tell()
        self.file.seek(0)
        self.file.write(wav.header(self.channels, self.frames * 2 * self.channels * FRAME))
        self.file.seek(max(place, wav.HEADER_BYTES))
        self.mended = time.monotonic()

    def close(self) -> None:
        self.mend()
        self.file.close()


class Recorder:
    """All recordings of the workshop; `tell` hears of each one's end, once."""

    def __init__(self, table: Table, tell: Callable[[Message], None]) -> None:
        self._table, self._tell = table, tell
        self._files: dict[int, _File] = {}
        self._lock = threading.Lock()

    def begin(self, slot: int, use: int, path: str, channels: int, resume: bool) -> None:
        """Opens a file; one that cannot be written ends the recording at once, with the reason."""
        with self._lock:
            if slot in self._files and self._files[slot].use == use:
                return
        try:
            opened = _File(use, Path(path), channels, resume)
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell({"say": "recorded", "slot": slot, "use": use, "frames": 0, "error": reason})
            return
        with self._lock:
            before = self._files.pop(slot, None)
            self._files[slot] = opened
        if before is not None:  # of another recording, whose end was never stated
            before.close()

    def run(self, stopped: threading.Event) -> None:
        """Writes what has come, 20 times a second, until told to stop; then all files are left whole."""
        while not stopped.wait(EVERY_S):
            self.write()
        self.write()
        self.close()

    def close(self) -> None:
        """Leaves all files whole."""
        for found in self._files.values():
            found.close()

    def write(self) -> None:
        """Writes what has come so far."""
        with self._lock:
            waiting = list(self._files.items())
        for slot, found in waiting:
            if self._table.rec_use[slot] != found.use:
                continue
            try:
                self._drain(slot, found)
                over = bool(self._table.rec_state[slot] == STOPPING)
                if over:
                    self._drain(slot, found)
                if over or time.monotonic() - found.mended >= MEND_S:
                    found.mend()
                error = ""
            except (OSError, ValueError) as problem:  # ValueError: it was closed meanwhile
                if self._files.get(slot) is not found:
                    continue
                over, error = True, getattr(problem, "strerror", "") or str(problem)
            if over:
                self._end(slot, found, error)

    def _end(self, slot: int, found: _File, error: str) -> None:
        with self._lock:
            self._files.pop(slot, None)
        try:
            found.file.close()
        except OSError as problem:
            error = error or str(problem)
        self._tell({"say": "recorded", "slot": slot, "use": found.use, "frames": found.frames, "error": error})

    def _drain(self, slot: int, found: _File) -> None:
        table = self._table
        written = int(table.rec_written[slot])
        taken = int(table.rec_taken[slot])
        pieces = []
        for place in (n % RECORDING_FRAMES for n in range(taken, written)):
            gap = int(table.rec_gap[slot, place])
            if gap:
                pieces.append(np.zeros(gap * FRAME * found.channels, "<i2"))
                found.frames += gap
            sides = table.rec_ring[slot, place, : found.channels]
            pieces.append(np.ascontiguousarray(sides.T).reshape(-1))
            found.frames += 1
        if pieces:
            audio = np.concatenate(pieces).astype("<i2").tobytes()
            left = memoryview(audio)
            while left:
                left = left[found.file.write(left) or 0 :]
        table.rec_taken[slot] = written
