"""Recordings that are over (plivo-voice-api 12.4); the files themselves are served by `dialects.plivo.recordings`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from switchhook.core.errors import Unavailable
from switchhook.core.model import RoomKind
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.calls import shown as shown_party
from switchhook.dialects.plivo.history import between
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import Problem, invalid, not_found
from switchhook.dialects.plivo.resources.reach import family, reached, shown, uri
from switchhook.dialects.plivo.shapes import text, whole
from switchhook.exchange.archive import RecordingFilter, RecordingRow

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

DAY_S = 86_400.0


class View(msgspec.Struct):
    """A recording as clients see it."""

    add_time: str
    call_uuid: str
    conference_name: str
    conference_uuid: str | None
    mpc_name: str | None
    mpc_uuid: str | None
    from_number: str
    to_number: str
    recording_id: str
    recording_format: str
    recording_type: str
    recording_url: str
    recording_duration_ms: str
    recording_start_ms: str
    recording_end_ms: str
    rounded_recording_duration: int
    recording_storage_duration: int
    resource_uri: str
    recording_storage_rate: float = 0.0
    monthly_recording_storage_amount: float = 0.0


def view(rest: Rest, asked: Asked, row: RecordingRow) -> View:
    """Returns what clients see of a recording."""
    exchange = rest.exchange
    zone = fields.settings_zone(exchange.settings, row.account)
    party = row.room_kind == RoomKind.PARTY.value
    conference = row.room_kind == RoomKind.CONFERENCE.value
    return View(
        add_time=datetime.fromtimestamp(row.added_at, zone).isoformat(" ", "microseconds"),
        call_uuid=row.leg,
        conference_name=row.room_name if conference or party else "",
        conference_uuid=row.room if conference else None,
        mpc_name=row.room_name if party else None,
        mpc_uuid=row.room if party else None,
        from_number=_party(rest, row.caller),
        to_number=_party(rest, row.called),
        recording_id=row.id,
        recording_format=row.format,
        recording_type="conference" if conference or party else "call",
        recording_url=exchange.recordings.row_url(row),
        recording_duration_ms=f"{row.duration_ms:.5f}",
        recording_start_ms=f"{row.started_at * 1000:.5f}",
        recording_end_ms=f"{row.ended_at * 1000:.5f}",
        rounded_recording_duration=fields.billed(fields.seconds(0.0, row.duration_ms / 1000)),
        recording_storage_duration=max(0, int((exchange.clock.now() - row.added_at) // DAY_S)),
        resource_uri=uri(asked, "Recording", row.id),
    )


def _party(rest: Rest, address: str) -> str:
    """Shows a party as the webhooks of its call did."""
    directory = rest.exchange.directory
    key = directory.key(address)
    return shown_party(rest.exchange.settings, address, key if key in directory.endpoints else "")


async def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Recording/: the last seven days, or up to 30 days by `add_time`, newest first."""
    page = page_of(asked.given)
    wanted = _filter(asked, reached(rest, asked), rest.exchange.clock.now())
    try:
        rows, total = await rest.exchange.recordings.page(wanted, limit=page.limit, offset=page.offset)
    except Unavailable as failed:
        raise Problem(409, f"not possible now: {failed}") from failed
    meta = page.meta(uri(asked, "Recording"), asked.given, total)
    found = [msgspec.to_builtins(view(rest, asked, row)) for row in rows]
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": found})


async def get(rest: Rest, asked: Asked) -> Answer:
    """GET Recording/{recording_id}/."""
    return shown(asked, view(rest, asked, await _need(rest, asked)))


async def delete(rest: Rest, asked: Asked) -> Answer:
    """DELETE Recording/{recording_id}/: the file, too."""
    row = await _need(rest, asked)
    try:
        await rest.exchange.recordings.delete(row)
    except Unavailable as failed:
        raise Problem(409, f"not possible now: {failed}") from failed
    return Answer(204)


async def _need(rest: Rest, asked: Asked) -> RecordingRow:
    recording = asked.words["recording_id"].lower()
    try:
        row = await rest.exchange.recordings.row(recording)
    except Unavailable as failed:
        raise Problem(409, f"not possible now: {failed}") from failed
    if row is None or row.account not in family(rest, asked.account):
        raise not_found("no recording with this recording_id")
    return row


def _filter(asked: Asked, accounts: tuple[str, ...], now: float) -> RecordingFilter:
    given = asked.given
    names = {kind: (text(given, f"{kind}_name"), text(given, f"{kind}_uuid")) for kind in ("conference", "mpc")}
    if any(names["conference"]) and any(names["mpc"]):
        raise invalid("mpc_name", "a recording is of a conference or of a multi-party call")
    kind = next((kind for kind, wanted in names.items() if any(wanted)), "")
    name, room = names.get(kind, ("", ""))
    low, high = _stored(asked, now)
    start, end = between(given, "add_time", now)
    if low is not None or high is not None:
        if not any(each.startswith("add_time") for each in given):  # of all times, unless one is named
            start, end = 0.0, None
        start = start if low is None else max(start, low)
        end = high if end is None else end if high is None else min(end, high)
    return RecordingFilter(
        accounts=accounts,
        leg=text(given, "call_uuid").lower(),
        room=room.lower(),
        room_name=name,
        room_kind={"conference": RoomKind.CONFERENCE.value, "mpc": RoomKind.PARTY.value}.get(kind, ""),
        caller=text(given, "from_number"),
        called=text(given, "to_number"),
        added_from=start,
        added_before=end,
    )


def _stored(asked: Asked, now: float) -> tuple[float | None, float | None]:
    """Returns the moments from and before which was added what is stored for so many whole days."""
    lows, highs = [], []
    for suffix, more, less in (
        ("", 1, 0),
        ("__gt", None, 1),
        ("__gte", None, 0),
        ("__lt", 0, None),
        ("__lte", 1, None),
    ):
        name = f"recording_storage_duration{suffix}"
        written = name if name in asked.given else name.replace("__", "_")  # as SDKs with a style of their own do
        days = whole(asked.given, written, 0)
        if days is not None:
            days = min(days, 100_000)
            lows += [] if more is None else [now - (days + more) * DAY_S + _MOMENT_S]
            highs += [] if less is None else [now - (days + less) * DAY_S + _MOMENT_S]
    return max(lows, default=None), min(highs, default=None)


_MOMENT_S = 1e-6  # a whole day is over when it is over

RESOURCES: Resources = (
    (path("recording"), {"GET": list_all}),
    (path("recording/{recording_id}"), {"GET": get, "DELETE": delete}),
)
