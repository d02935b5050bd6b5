"""What can be asked of the records of past calls: which of them, and how they ended."""

from __future__ import annotations

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class EndedAs:
    """How a leg ended, as far as its record tells: a dialect makes its own word for it of these."""

    direction: str  # a core.model.Side value
    outcome: str  # a core.outcomes.Outcome value
    ended_by: str  # a core.model.By value
    answered: bool
    sip_status: int
    reason: str  # of a leg that a program ended; else empty


@dataclass(frozen=True, kw_only=True)
class LegFilter:
    """Which leg records are wanted; unset fields do not restrict. Numbers match exactly or by their first digits.

    `caller` and `called` may name several with `<` between them.
    """

    accounts: tuple[str, ...] = ()
    direction: str = ""
    caller: str = ""
    called: str = ""
    parent: str | None = None  # "" = only legs without a parent
    outcomes: tuple[str, ...] = ()
    ended_by: tuple[str, ...] = ()
    ended_from: float | None = None  # inclusive
    ended_before: float | None = None  # exclusive
    answered_s_from: float | None = None  # time since the answer, inclusive
    answered_s_to: float | None = None  # inclusive
    endings: tuple[EndedAs, ...] | None = None  # any of these; () is none at all
