"""One 20 ms beat for all telephones of an event loop: a timer per telephone would cost more than what it sends.

The beat keeps absolute time: a late one is made up for by more at once, up to five; beyond that the time is lost,
as it is for a real telephone that was asleep.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from switchhook.lab.tones import FRAME_S

Beat = Callable[[], None]
_CATCH_UP = 5


class Pulse:
    """Calls everyone who joined, each 20 ms; it stops by itself when nobody is left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._joined: list[Beat] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    @classmethod
    def of_loop(cls) -> Pulse:
        """Returns the pulse of the running loop."""
        loop = asyncio.get_running_loop()
        found = _PULSES.get(loop)
        if found is None:
            found = _PULSES[loop] = cls(loop)
        return found

    def join(self, beat: Beat) -> None:
        """Calls `beat` from the next one on."""
        self._joined.append(beat)
        if self._timer is None:
            self._due = self._loop.time() + FRAME_S
            self._timer = self._loop.call_at(self._due, self._beat)

    def leave(self, beat: Beat) -> None:
        """Ends what `join` began; may be called twice."""
        if beat in self._joined:
            self._joined.remove(beat)
        if not self._joined and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        late = int((self._loop.time() - self._due) / FRAME_S)
        for _ in range(1 + min(late, _CATCH_UP)):
            for beat in tuple(self._joined):
                beat()
        self._due += (1 + late) * FRAME_S
        self._timer = self._loop.call_at(self._due, self._beat) if self._joined else None


_PULSES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pulse] = weakref.WeakKeyDictionary()
