"""Which Multi-Party Calls a list shows: the filters of GET MultiPartyCall/ (plivo-voice-api 10.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import floor, inf, nextafter
from operator import ge, gt, le, lt
from typing import Any

from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.mpc.party import ACTIVE, ENDED, INITIALIZED, TERMINATIONS, Party
from switchhook.dialects.plivo.mpc.times import moment
from switchhook.dialects.plivo.problems import invalid
from switchhook.exchange.ended_rooms import EndedRoomFilter

Arguments = Mapping[str, Any]
_BOUNDS: dict[str, Callable[[float, float], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_TIMES: dict[str, Callable[[Party], float | None]] = {
    "creation_time": lambda party: party.created_at,
    "end_time": lambda party: party.ended_at,
}


def chosen(parties: Iterable[Party], given: Arguments) -> list[Party]:
    """Returns those that pass all filters, in their order; raises `Problem` 400 for a filter that says nothing."""
    name = shapes.text(given, "friendly_name")
    status = _status(given)
    code = shapes.whole(given, "termination_cause_code", 0)
    bounds = _bounds(given)
    return [
        party
        for party in parties
        if (not name or party.name == name)
        and (not status or party.status == status)
        and (code is None or (party.cause is not None and TERMINATIONS[party.cause][0] == code))
        and all(within(party) for within in bounds)
    ]


def ended(given: Arguments, accounts: tuple[str, ...]) -> EndedRoomFilter | None:
    """Returns the same filters for those that are over; None where only live ones are wanted."""
    if _status(given) not in ("", ENDED):
        return None
    within = {name: _span(given, name) for name in _TIMES}
    return EndedRoomFilter(
        accounts=accounts,
        name=shapes.text(given, "friendly_name"),
        code=shapes.whole(given, "termination_cause_code", 0),
        created_from=within["creation_time"][0],
        created_before=within["creation_time"][1],
        ended_from=within["end_time"][0],
        ended_before=within["end_time"][1],
    )


def _span(given: Arguments, name: str) -> tuple[float | None, float | None]:
    """Returns from and before which moments the bounds on a time lie, compared as exactly as each is written."""
    starts, ends = [], []
    for word in _BOUNDS:
        at = _moment(given, name, word)
        if at is not None:
            next_ = at + 1 if at == floor(at) else nextafter(at, inf)
            starts += [next_] if word == "gt" else [at] if word == "gte" else []
            ends += [at] if word == "lt" else [next_] if word == "lte" else []
    return max(starts, default=None), min(ends, default=None)


def _status(given: Arguments) -> str:
    text = shapes.text(given, "status").capitalize()
    if text and text not in (INITIALIZED, ACTIVE, ENDED):
        raise invalid("status", "initialized, active or ended")
    return text


def _bounds(given: Arguments) -> list[Callable[[Party], bool]]:
    found = []
    for field, read in _TIMES.items():
        for word, holds in _BOUNDS.items():
            at = _moment(given, field, word)
            if at is not None:
                found.append(_bound(read, holds, at))
    return found


def _moment(given: Arguments, field: str, word: str) -> float | None:
    text = shapes.text(given, f"{field}__{word}") or shapes.text(given, f"{field}_{word}")
    if not text:
        return None
    at = moment(text)
    if at is None:
        raise invalid(f"{field}__{word}", "YYYY-MM-DD HH:MM[:SS[.ffffff]]")
    return at


def _bound(
    read: Callable[[Party], float | None], holds: Callable[[float, float], bool], at: float
) -> Callable[[Party], bool]:
    def within(party: Party) -> bool:
        value = read(party)
        if value is not None and at == floor(at):  # compared as exactly as it is written
            value = floor(value)
        return value is not None and holds(value, at)

    return within
