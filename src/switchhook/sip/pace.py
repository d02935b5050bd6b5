"""How fast somebody may go: so many at once, and so many a second ever after.

A telephone asks for something within its call a few times a minute, and presses ten keys a second at most. One that
asks a thousand times a second is broken or wants to harm: each request is work, a transaction kept for 32 s, and lines
of the journal.
"""

from __future__ import annotations


class Pace:
    """Lets `burst` through at once and `per_s` a second (a token bucket); starts full."""

    __slots__ = ("_at", "_left")

    def __init__(self, burst: float, now: float) -> None:
        self._left = burst
        self._at = now

    def lets(self, now: float, burst: float, per_s: float) -> bool:
        """Takes one, or says that it comes too fast."""
        left = min(burst, self._left + (now - self._at) * per_s)
        self._at = now
        if left < 1.0:
            self._left = left
            return False
        self._left = left - 1.0
        return True
