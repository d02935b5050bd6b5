"""Which legs an action is for: the call that its path names, the one it is bridged with, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core.ids import LegId
from switchhook.core.model import Leg, LegState
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.asked import Asked
from switchhook.dialects.plivo.problems import invalid, not_found
from switchhook.dialects.plivo.views import bridged

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

NOT_NOW = "the call is not in progress"


def leg_in_progress(rest: Rest, asked: Asked) -> Leg:
    """Returns the leg that the path names; raises `Problem` 404 when it is not in progress."""
    leg = rest.need(asked)
    if leg.state is not LegState.UP or leg.dial is not None:
        raise not_found(NOT_NOW)
    return leg


def legs_wanted(rest: Rest, asked: Asked, wanted: str) -> tuple[LegId, ...]:
    """Returns the legs that `wanted` (aleg, bleg or both) means; raises `Problem` 404 when there is none.

    `both` of a call that is bridged with nobody is that call alone.
    """
    leg = leg_in_progress(rest, asked)
    if wanted == "aleg":
        return (leg.id,)
    partner = _partner(rest, leg)
    if partner is None and wanted == "bleg":
        raise not_found("no bleg is bridged with this call")
    own = (leg.id,) if wanted == "both" else ()
    return (*own, *((partner,) if partner is not None else ()))


def legs_argument(asked: Asked, *names: str, choices: tuple[str, ...] = ("aleg", "bleg", "both")) -> str:
    """Returns which legs are asked for, by the first of these arguments that is given; aleg when none is."""
    for name in names:
        found = shapes.text(asked.given, name).lower()
        if found:
            if found not in choices:
                raise invalid(name, f"{', '.join(choices[:-1])} or {choices[-1]}")
            return found
    return "aleg"


def flag(asked: Asked, name: str, default: bool) -> bool:
    """Returns a boolean argument, as JSON or as text; raises `Problem` 400 for what is neither true nor false."""
    value = asked.given.get(name)
    if isinstance(value, bool):
        return value
    found = shapes.text(asked.given, name).lower()
    if found in ("", "true", "false", "1", "0"):
        return found in ("true", "1") if found else default
    raise invalid(name, "true or false")


def _partner(rest: Rest, leg: Leg) -> LegId | None:
    found = bridged(rest.exchange.state, leg)
    other = rest.exchange.state.legs.get(found) if found is not None else None
    return other.id if other is not None and other.state is LegState.UP and other.dial is None else None
