"""GET Call/: past calls, newest end first, with the filters of plivo-voice-api 6.2.

Times are shown in whole seconds and durations rounded up, so filters compare what is shown, not the fractions behind
it. Codes and sources of hangups are words of this dialect, which are not on disk: the ways in which the wanted legs
ended are few, so they are asked for first, and those that have the code are picked.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from switchhook.core.values import dataclass
from switchhook.dialects.plivo.asked import Answer, Asked
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import invalid
from switchhook.dialects.plivo.records import cause_of_record, record_view
from switchhook.dialects.plivo.shapes import Arguments, text, whole
from switchhook.exchange.records import LegFilter

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

USUAL_S = 7 * 86_400.0  # how far back a list goes that names no time
LONGEST_S = 30 * 86_400.0
SOURCES = ("Caller", "Callee", "Plivo", "Carrier", "API Request", "Answer XML", "Error", "Unknown")
STIR = ("Verified", "Not Verified", "Not Applicable")
_BLANK_OFFSET = re.compile(r" (\d\d:\d\d)$")  # a `+` in a query that nobody escaped


@dataclass(frozen=True, slots=True)
class History:
    """Which past calls are wanted."""

    legs: LegFilter
    code: int | None
    source: str
    verification: str


async def list_past_calls(rest: Rest, asked: Asked) -> Answer:
    """GET Call/ without a status."""
    wanted = history(asked.given, rest.wanted_account(asked), rest.exchange.clock.now())
    page, records, settings = page_of(asked.given), rest.exchange.records, rest.exchange.settings
    found, total = [], 0
    if records is not None and wanted.verification in ("", "Not Applicable"):  # there is no other
        legs = wanted.legs
        if wanted.code is not None or wanted.source:
            causes = {each: cause_of_record(each) for each in await asyncio.to_thread(records.endings, legs)}
            fits = [
                each
                for each, cause in causes.items()
                if wanted.code in (None, cause.code) and wanted.source in ("", cause.source)
            ]
            legs = replace(legs, endings=tuple(fits))
        rows, total = await asyncio.to_thread(records.legs, legs, limit=page.limit, offset=page.offset)
        found = [record_view(settings, row, asked.api_id) for row in rows]
    meta = page.meta(f"/v1/Account/{asked.account.auth_id}/Call/", asked.given, total)
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": found})


def history(given: Arguments, account: str, now: float) -> History:
    """Reads the filters; raises `Problem` 400 for the first that is invalid."""
    after, before = between(given, "end_time", now)
    least, most = _billed(given)
    filters = LegFilter(
        accounts=(account,),
        direction=one_of(given, "call_direction", ("inbound", "outbound")),
        caller=text(given, "from_number"),
        called=text(given, "to_number"),
        parent=text(given, "parent_call_uuid") or None,
        ended_from=after,
        ended_before=before,
        answered_s_from=least,
        answered_s_to=most,
    )
    source = one_of(given, "hangup_source", SOURCES)
    return History(filters, whole(given, "hangup_cause_code", 0), source, one_of(given, "stir_verification", STIR))


def one_of(given: Arguments, name: str, words: tuple[str, ...]) -> str:
    """Returns one of some words, in any case, or an empty text where none is given; raises `Problem` 400."""
    value = text(given, name)
    found = next((word for word in words if word.lower() == value.lower()), "")
    if value and not found:
        raise invalid(name, f"one of {', '.join(words)} is expected")
    return found


def between(given: Arguments, time: str, now: float) -> tuple[float, float | None]:
    """Returns the moments from and before which the filters on `time` want what they list; raises `Problem` 400."""
    starts, ends = [], []
    for suffix, start, end in (
        ("", "first", "next"),
        ("__gt", "next", ""),
        ("__gte", "first", ""),
        ("__lt", "", "first"),
        ("__lte", "", "next"),
    ):
        moment = _moment(given, time + suffix)
        if moment is not None:
            starts += [moment[start]] if start else []
            ends += [moment[end]] if end else []
    before = min(ends) if ends else None
    if not starts:
        return (now - USUAL_S if before is None else before - LONGEST_S), before
    if (now if before is None else before) - max(starts) > LONGEST_S:
        raise invalid(time, "at most 30 days can be asked for at a time")
    return max(starts), before


def _moment(given: Arguments, name: str) -> dict[str, float] | None:
    """Returns when a moment, as exact as it is written, begins and when the one after it does."""
    value = _either(given, name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(_BLANK_OFFSET.sub(r"+\1", value))
        first = found.replace(tzinfo=found.tzinfo or UTC)
        step = timedelta(microseconds=1) if first.microsecond else timedelta(seconds=1)
        return {"first": first.timestamp(), "next": (first + step).timestamp()}
    except (ValueError, OverflowError, OSError):
        raise invalid(name, "YYYY-MM-DD HH:MM[:SS[.ffffff]] is expected") from None


def _billed(given: Arguments) -> tuple[float | None, float | None]:
    """Returns the bounds of the answered time; the record shows it rounded up to whole seconds."""
    least, most = [], []
    for name, low, high in (
        ("bill_duration", -1, 0),
        ("bill_duration__gt", 0, None),
        ("bill_duration__gte", -1, None),
        ("bill_duration__lt", None, -1),
        ("bill_duration__lte", None, 0),
    ):
        number = whole({name: _either(given, name)}, name, 0)
        if number is not None:
            least += [number + low + _MORE] if low is not None and number + low >= 0 else []
            most += [number + high + _SAME] if high is not None else []
    return (max(least) if least else None), (min(most) if most else None)


_SAME, _MORE = 1e-6, 2e-6  # as `fields.seconds` rounds


def _either(given: Arguments, name: str) -> str:
    """Returns a filter by its name; SDKs that turn names into their own style lose an underscore."""
    return text(given, name) or text(given, name.replace("__", "_"))
