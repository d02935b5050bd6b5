"""The clock of the server: wall-clock time that never goes backwards."""

from __future__ import annotations

import time


class SystemClock:
    """Seconds since 1970: read once from the wall clock, then counted by the monotonic one."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset
