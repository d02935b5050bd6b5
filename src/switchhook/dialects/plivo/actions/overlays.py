"""Sounds that API clients have laid over live calls: whose they are, so that a stop ends what its start began.

There is one such sound per leg at a time; a new one takes the place of the one before. It ends by itself, with the leg,
when a transfer takes the leg, and when the leg leaves the conference in which it was played to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId, RoomId, SoundId
from switchhook.core.model import Clips
from switchhook.core.values import dataclass

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange, Stamped


@dataclass(frozen=True, slots=True)
class Layer:
    """Who laid a sound over a leg: Play or Speak, of a call or of a conference."""

    kind: str  # "play" or "speak"
    owner: LegId | RoomId


class Overlays:
    """The sounds laid over legs by this dialect's API."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._laid: dict[LegId, tuple[SoundId, Layer]] = {}

    def start(self) -> None:
        """Begins to listen for the ends of sounds."""
        self._exchange.subscribe(self._heard, (f.OverlayFinished, f.MemberLeft), held=(self._laid,))

    def lay(
        self,
        legs: Iterable[LegId],
        clips: Clips,
        layer: Layer,
        *,
        repeat: int = 1,
        mixed: bool = True,
        max_s: float | None = None,
        cause: str = "",
    ) -> None:
        """Lays a sound over each leg; raises `Refused` when the first cannot hear it."""
        for number, leg in enumerate(legs):
            try:
                asked = r.PlayOver(leg, clips, repeat=repeat, mixed=mixed, max_s=max_s)
                sound = self._exchange.ask(asked, cause=cause).sound
            except Refused:
                if not number:
                    raise
                continue
            assert sound is not None
            self._laid[leg] = (sound, layer)

    def lift(self, layer: Layer, legs: Iterable[LegId] | None = None, cause: str = "") -> None:
        """Ends the sounds of a layer, on all legs or on some."""
        chosen = None if legs is None else frozenset(legs)
        for leg, (_, laid) in list(self._laid.items()):
            if laid == layer and (chosen is None or leg in chosen):
                self._lift(leg, cause)

    def _lift(self, leg: LegId, cause: str) -> None:
        sound, _ = self._laid.pop(leg)
        found = self._exchange.state.legs.get(leg)
        if found is not None and found.overlay is not None and found.overlay.id == sound:
            self._exchange.ask(r.StopOver(leg), cause=cause)

    def _heard(self, stamped: Stamped) -> None:
        fact = stamped.fact
        if isinstance(fact, f.OverlayFinished):
            sound, layer = self._laid.get(fact.leg, (None, None))
            if sound == fact.sound and layer is not None:
                del self._laid[fact.leg]
                if fact.error:
                    text = f"{layer.kind.capitalize()} by API: {fact.error}"
                    self._exchange.write("Warning", {"dialect": "plivo", "text": text}, leg=fact.leg)
        elif isinstance(fact, f.MemberLeft):
            sound, layer = self._laid.get(fact.leg, (None, None))
            if layer is not None and layer.owner == fact.room:
                self._lift(fact.leg, stamped.cause)
