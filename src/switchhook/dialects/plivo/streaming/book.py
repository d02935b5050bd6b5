"""The streams of this dialect's calls: begun here, told of by status callbacks, known for a while after their end.

A stream belongs to its leg, not to the document that began it. `StartStream` is told when the program has had its
first frame. The end is told as `DroppedStream` where the connection was lost or a transfer took the leg, else as
`StopStream` (plivo-xml 4.7); no more than one of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId, StreamId
from switchhook.core.model import Leg, StreamEnd, StreamPlan
from switchhook.core.values import dataclass
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.auth import main_of
from switchhook.dialects.plivo.calls import Call, call_of
from switchhook.dialects.plivo.links import Link, Tuning
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.run.stream import StreamStep
from switchhook.dialects.plivo.streaming.signing import upgrade_headers, without_login
from switchhook.dialects.plivo.streaming.wishes import CONTENT_TYPES, Wishes, extra_headers

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo
    from switchhook.exchange.switch import Stamped

KEPT = 10_000  # ended streams that are still known

Fields = fields.Fields


@dataclass(slots=True)
class Row:
    """One stream."""

    id: StreamId
    call: Call
    wishes: Wishes
    created_at: float
    status: str = "initiated"
    started_at: float | None = None
    ended_at: float | None = None


class Streams:
    """Begins streams, and reads what becomes of them."""

    def __init__(self, dialect: Plivo) -> None:
        self._dialect = dialect
        self._exchange = dialect.exchange
        self._rows: OrderedDict[StreamId, Row] = OrderedDict()
        self._coming: dict[LegId, tuple[Call, Wishes]] = {}
        self._told: dict[type, Callable[[Row, Any, float], None]] = {
            f.StreamOpened: self._opened, f.StreamNoted: self._noted, f.StreamEnded: self._ended,
        }  # fmt: skip

    def start(self) -> None:
        """Begins to listen."""
        self._exchange.subscribe(self._begun, (f.StreamStarted,))
        self._exchange.subscribe(self._heard, tuple(self._told))

    def begin(self, leg: Leg, wishes: Wishes, cause: str) -> StreamId:
        """Streams a leg's audio; raises `Refused`."""
        plan = self.plan(leg.account, wishes)
        session = self._dialect.sessions.get(leg.id)
        call = session.call if session is not None else call_of(self._exchange.settings, leg)
        stream = self._exchange.ask(r.StartStream(leg.id, plan), cause=cause).stream
        assert stream is not None
        self._keep(stream, call, wishes)
        return stream

    def plan(self, account: str, wishes: Wishes, *, is_leg: bool = False) -> StreamPlan:
        """Returns how the core is to stream; as a leg's far end, in place of its telephone, with `is_leg`."""
        settings = self._exchange.settings
        prefix = "X-PH-" if settings.plivo.stream_header_prefix else ""
        encoding, rate = CONTENT_TYPES[wishes.content_type]
        url, login = without_login(wishes.url)  # a password in the URL must not come into the journal
        return StreamPlan(
            url=url, bidirectional=wishes.bidirectional, tracks=wishes.tracks, encoding=encoding, rate=rate,
            timeout_s=float(wishes.timeout_s), extra=extra_headers(wishes.extra, prefix), retries=wishes.retries,
            credentials=(*login, *upgrade_headers(settings, account, url)), is_leg=is_leg,
        )  # fmt: skip

    def expect(self, call: Call, wishes: Wishes) -> None:
        """Takes note of the program of a leg that is to be dialled, and tells of its stream as of any other."""
        self._coming[call.leg] = (call, wishes)

    def expect_no_more(self, leg: LegId) -> None:
        """The leg was not dialled after all."""
        self._coming.pop(leg, None)

    def _keep(self, stream: StreamId, call: Call, wishes: Wishes) -> None:
        self._rows[stream] = Row(stream, call, wishes, self._exchange.clock.now())
        while len(self._rows) > KEPT and next(iter(self._rows.values())).ended_at is not None:
            self._rows.popitem(last=False)

    def find(self, stream: str) -> Row | None:
        """Returns a stream that runs, or one of the latest that have ended."""
        return self._rows.get(StreamId(stream))

    def of_call(self, leg: str) -> list[Row]:
        """Returns the streams of a call, oldest first."""
        return [row for row in self._rows.values() if row.call.leg == LegId(leg)]

    # --- what becomes of them -----------------------------------------------------------------------------------

    def _begun(self, stamped: Stamped) -> None:
        fact = stamped.fact
        found = self._coming.pop(fact.leg, None) if isinstance(fact, f.StreamStarted) else None
        if found is not None and isinstance(fact, f.StreamStarted):
            self._keep(fact.stream.id, *found)

    def _heard(self, stamped: Stamped) -> None:
        fact = stamped.fact
        assert isinstance(fact, f.StreamOpened | f.StreamNoted | f.StreamEnded)
        row = self._rows.get(fact.stream)
        if row is not None:
            self._told[type(fact)](row, fact, stamped.at)

    def _opened(self, row: Row, fact: f.StreamOpened, at: float) -> None:
        if row.started_at is None:
            row.started_at = at
        row.status = "in-progress"
        self._tell(row, "StartStream", at)

    def _noted(self, row: Row, fact: f.StreamNoted, at: float) -> None:
        match fact.what:
            case "played":
                self._tell(row, "PlayedStream", at, Name=fact.text)
            case "cleared":
                self._tell(row, "ClearedAudio", at)
            case "degraded":
                self._tell(row, "DegradedStream", at, Error=fact.text or "connection degraded")

    def _ended(self, row: Row, fact: f.StreamEnded, at: float) -> None:
        row.ended_at = at
        row.status = "failed" if fact.end is StreamEnd.LOST and row.started_at is None else "completed"
        if fact.end in (StreamEnd.LOST, StreamEnd.TAKEN):
            error = "connection disconnected with the remote service"
            self._tell(row, "DroppedStream", at, Error=error)
            if fact.error:
                self._exchange.write("Warning", {"dialect": "plivo", "text": f"Stream: {fact.error}"}, leg=fact.leg)
        else:
            self._tell(row, "StopStream", at)
        session = self._dialect.sessions.get(fact.leg)
        if session is not None and isinstance(session.step, StreamStep):
            session.step.on_stream_over(fact.stream)

    def _tell(self, row: Row, event: str, at: float, **more: str) -> None:
        callback = row.wishes.callback
        if callback is None or not (callback.valid_url and callback.valid_method):
            return
        link = Link(urldefrag(callback.url).url, callback.method)  # the fragment's tuning does not apply here
        sent = self._fields(row, event, at) | more
        self._dialect.outgoing.tell(Webhook(row.call.leg, row.call.account, link, sent, Tuning(retries=1)))

    def _fields(self, row: Row, event: str, at: float) -> Fields:
        settings, call, wishes = self._exchange.settings, row.call, row.wishes
        main = main_of(settings, call.account)
        callback = wishes.callback
        return {
            "Event": event,
            "From": call.sender,
            "To": call.receiver,
            "CallUUID": call.leg,
            "StreamID": row.id,
            "ServiceURL": wishes.url,
            "ParentAuthID": main.auth_id if main is not None else call.account,
            "Timestamp": fields.local(at, fields.settings_zone(settings, call.account)),
            "status_callback_url": callback.url if callback is not None else "",
            "status_callback_method": callback.method if callback is not None else "",
            "bidirectional": str(wishes.bidirectional).lower(),
            "audioTrack": wishes.track,
            "streamTimeout": str(wishes.timeout_s),
            "contentType": wishes.content_type,
            "extraHeaders": wishes.extra,
            "keepCallAlive": str(wishes.keep_alive).lower(),
        }
