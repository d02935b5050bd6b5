"""Call/{uuid}/Stream/: streams of a live call, begun and ended by API (plivo-voice-api 5.5)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.auth import owns
from switchhook.dialects.plivo.fields import FREE, billed
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import not_found, of_refusal
from switchhook.dialects.plivo.streaming.book import Row
from switchhook.dialects.plivo.streaming.wishes import asked_for

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest


def start(rest: Rest, asked: Asked) -> Answer:
    """POST Call/{uuid}/Stream/."""
    wishes = asked_for(asked.given)
    leg = rest.need(asked)
    try:
        stream = rest.dialect.streams.begin(leg, wishes, asked.api_id)
    except Refused as refused:
        raise of_refusal(refused) from refused
    return Answer(202, {"api_id": asked.api_id, "message": "audio streaming started", "stream_id": stream})


def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Call/{uuid}/Stream/."""
    page = page_of(asked.given)
    rows = _of_call(rest, asked)
    objects = [view(row, asked) for row in rows[page.offset : page.offset + page.limit]]
    meta = page.meta(asked.path, asked.given, len(rows))
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": objects})


def get(rest: Rest, asked: Asked) -> Answer:
    """GET Call/{uuid}/Stream/{stream_id}/."""
    return Answer(200, {"api_id": asked.api_id, **view(_need(rest, asked), asked)})


def stop(rest: Rest, asked: Asked) -> Answer:
    """DELETE Call/{uuid}/Stream/{stream_id}/."""
    _stop(rest, _need(rest, asked), asked)
    return Answer(204)


def stop_all(rest: Rest, asked: Asked) -> Answer:
    """DELETE Call/{uuid}/Stream/: ends all streams of the call; none is fine."""
    rest.need(asked)
    for row in _of_call(rest, asked):
        if row.ended_at is None:
            _stop(rest, row, asked)
    return Answer(204)


def _stop(rest: Rest, row: Row, asked: Asked) -> None:
    try:
        rest.dialect.exchange.ask(r.StopStream(row.id), cause=asked.api_id)
    except Refused as refused:
        raise not_found("the stream has ended") from refused


def _of_call(rest: Rest, asked: Asked) -> list[Row]:
    settings = rest.dialect.exchange.settings
    rows = [row for row in rest.dialect.streams.of_call(asked.words["uuid"])
            if owns(settings, asked.account, row.call.account)]  # fmt: skip
    if not rows:
        rest.need(asked)
    return rows


def _need(rest: Rest, asked: Asked) -> Row:
    row = next((row for row in _of_call(rest, asked) if row.id == asked.words["stream"]), None)
    if row is None:
        raise not_found("no stream of this call has this id")
    return row


def view(row: Row, asked: Asked) -> dict[str, object]:
    """Returns a stream as clients see it."""
    wishes, call = row.wishes, row.call
    began, ended = row.started_at, row.ended_at
    seconds = math.ceil(ended - began) if began is not None and ended is not None else 0
    return {
        "stream_id": row.id,
        "call_uuid": call.leg,
        "plivo_auth_id": call.account,
        "resource_uri": f"/v1/Account/{asked.account.auth_id}/Call/{call.leg}/Stream/{row.id}/",
        "service_url": wishes.url,
        "status": row.status,
        "status_callback_url": wishes.callback.url if wishes.callback is not None else "",
        "audio_track": wishes.track,
        "bidirectional": wishes.bidirectional,
        "content_type": wishes.content_type,
        "created_at": _at(row.created_at),
        "start_time": _at(began),
        "end_time": _at(ended),
        "bill_duration": seconds,
        "rounded_bill_duration": str(billed(seconds)),
        "billed_amount": FREE,
    }


def _at(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


RESOURCES: Resources = (
    (path("call/{uuid}/stream"), {"POST": start, "GET": list_all, "DELETE": stop_all}),
    (path("call/{uuid}/stream/{stream}"), {"GET": get, "DELETE": stop}),
)
