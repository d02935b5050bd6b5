"""The prompts inside an element: played one after the other to the leg alone, until a key or a word stops them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import SoundId
from switchhook.dialects.plivo.run.clips import clip_of
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

BEEP = "builtin:beep"
Turn = tuple[str, int]  # a clip, and how often it is heard


def turns_of(session: Session, prompts: Sequence[e.Prompt]) -> list[Turn]:
    """Returns what prompts have to play; what has nothing to play is told in the timeline."""
    found: list[Turn] = []
    for prompt in prompts:
        clip = clip_of(prompt, session.base)
        if clip:
            found.append((clip, 1 if isinstance(prompt, e.Wait) else prompt.loop))
        else:
            session.warn(f"{type(prompt).__name__} has nothing to play and is skipped")
    return found


class Prompts:
    """Plays sounds in order and says once that they are over; after `stop` it says nothing."""

    def __init__(self, session: Session, turns: Sequence[Turn], over: Callable[[], None]) -> None:
        self._session = session
        self._turns = deque(turns)
        self._over = over
        self._sound: SoundId | None = None
        self._heard: set[SoundId] = set()
        self._silent = False

    def start(self) -> None:
        """Plays the next sound, or says that there is none left."""
        while self._turns and not self._silent:
            clip, loop = self._turns.popleft()
            self._sound = self._session.play((clip,), loop)
            if self._sound is not None and self._sound not in self._heard:
                return
        if not self._silent:
            self._silent = True
            self._over()

    def on_sound(self, fact: f.SoundFinished) -> None:
        self._heard.add(fact.sound)
        if fact.sound != self._sound or self._silent:
            return
        if fact.error:
            self._session.warn(f"a prompt was not played: {fact.error}")
        self._sound = None
        self.start()

    def stop(self) -> None:
        """Ends what is playing; nothing more is said about it."""
        was, self._silent = self._silent, True
        if not was and self._sound is not None and self._session.leg is not None:
            self._session.ask(r.StopSound(self._session.call.leg))

    @property
    def playing(self) -> bool:
        return not self._silent
