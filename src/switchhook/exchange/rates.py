"""How often an account may ask an API (plivo-voice-api 1.7): so many requests within five seconds, else 429."""

from __future__ import annotations

from collections import deque

from switchhook.exchange.ports import Clock

WINDOW_S = 5.0


class Rates:
    """Remembers when each account asked, as far as it counts; `kind` keeps requests apart that are counted apart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[tuple[str, str], deque[float]] = {}

    def wait_s(self, account: str, kind: str, most: int) -> float:
        """Counts a request and returns 0.0, or returns after how many seconds it may be made; `most` 0 is no limit."""
        if not most:
            return 0.0
        now = self._clock.now()
        asked = self._asked.setdefault((account, kind), deque())
        while asked and asked[0] <= now - WINDOW_S:
            asked.popleft()
        if len(asked) >= most:
            return asked[0] + WINDOW_S - now
        asked.append(now)
        return 0.0
