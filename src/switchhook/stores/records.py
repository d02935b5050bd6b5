"""Call records: one row for each ended leg and each ended transfer, made from the facts as they are written.

`Recorder` runs in the journal's thread and in its transaction, so a record is on disk exactly when its last fact is.
It keeps what it needs of live legs and transfers in memory; after a restart it reads the beginning of a leg from the
journal. The dialects turn these neutral rows into their own call detail records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from switchhook.exchange.ports import Entry
from switchhook.stores import schema

Body = dict[str, Any]


@dataclass(slots=True)
class LegRecord:
    """One telephone's part in a call, from the first INVITE to its end."""

    leg: str
    call: str = ""
    parent: str = ""  # the leg on whose behalf it was dialled
    account: str = ""
    direction: str = ""  # a core.model.Side value
    caller: str = ""
    called: str = ""
    started_at: float = 0.0
    answered_at: float | None = None
    ended_at: float = 0.0
    outcome: str = ""  # a core.outcomes.Outcome value
    ended_by: str = ""  # a core.model.By value
    sip_status: int = 0
    q850: int | None = None
    reason: str = ""
    room: str = ""  # the last room it talked in
    source: str = ""  # "ip:port" the SIP came from
    media: Body = field(default_factory=dict)  # exchange.ports.MediaStats


@dataclass(slots=True)
class TransferRecord:
    """One transfer and its one outcome."""

    transfer: str
    call: str = ""
    account: str = ""
    room: str = ""
    kind: str = ""  # a core.model.Kind value
    agent: str = ""
    customer: str = ""
    target: str = ""  # leg id of the target that answered
    target_address: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    outcome: str = ""  # a core.model.TransferOutcome value
    fallback: str = ""  # a core.model.FallbackKind value, if one was taken
    cause: str = ""  # what started it: api id, SIP message


class Recorder:
    """A `stores.journal.Projection`: reads each written line once, in order."""

    def __init__(self) -> None:
        self._ended: dict[str, LegRecord] = {}  # in the present batch; written together at its end
        self._counted: dict[str, Body] = {}  # audio figures of legs that ended in an earlier batch
        self._legs: dict[str, LegRecord] = {}
        self._transfers: dict[str, TransferRecord] = {}
        self._members: dict[str, dict[str, str]] = {}  # room -> leg -> role
        self._readers: dict[str, Callable[[Connection, Entry, Body], None]] = {
            "LegCreated": self._leg_created,
            "LegConnected": self._leg_connected,
            "FocusChanged": self._focus_changed,
            "LegEnded": self._leg_ended,
            "MediaStats": self._media_counted,
            "RoomOpened": self._room_opened,
            "MemberJoined": self._member_joined,
            "RoomClosed": self._room_closed,
            "TransferStarted": self._transfer_started,
            "TransferAdvanced": self._transfer_advanced,
            "FallbackTaken": self._fallback_taken,
            "TransferEnded": self._transfer_ended,
        }

    def __call__(self, connection: Connection, entries: Sequence[Entry]) -> None:
        self._ended, self._counted = {}, {}
        for entry in entries:
            read = self._readers.get(entry.kind)
            if read is not None:
                read(connection, entry, entry.body)
        self._write_legs(connection)

    def _write_legs(self, connection: Connection) -> None:
        if self._ended:
            if connection.dialect.name != "sqlite":
                connection.execute(delete(schema.leg).where(schema.leg.c.leg.in_(list(self._ended))))
            connection.execute(_ENDED, [_row(record) for record in self._ended.values()])
        if self._counted:
            connection.execute(_COUNTED, [{"of": leg, "found": _json(body)} for leg, body in self._counted.items()])

    # --- legs -------------------------------------------------------------------------------------------------------

    def _leg_created(self, _connection: Connection, entry: Entry, body: Body) -> None:
        leg: Body = body["leg"]
        arrival: Body = leg.get("arrival") or {}
        self._legs[leg["id"]] = LegRecord(
            leg=leg["id"],
            call=leg.get("call") or entry.call,
            parent=leg.get("parent") or "",
            account=leg.get("account") or "",
            direction=leg.get("side") or "",
            caller=leg.get("caller") or "",
            called=leg.get("called") or "",
            started_at=leg.get("created_at") or entry.at,
            source=arrival.get("source") or "",
        )

    def _leg_connected(self, connection: Connection, entry: Entry, body: Body) -> None:
        record = self._leg(connection, body["leg"])
        record.answered_at = body.get("at") or entry.at

    def _focus_changed(self, connection: Connection, _entry: Entry, body: Body) -> None:
        if body.get("room"):
            self._leg(connection, body["leg"]).room = body["room"]

    def _leg_ended(self, connection: Connection, entry: Entry, body: Body) -> None:
        record = self._leg(connection, body["leg"])
        self._legs.pop(record.leg, None)
        record.call = record.call or entry.call
        record.started_at = record.started_at or entry.at
        record.ended_at = entry.at
        record.outcome = body.get("outcome") or ""
        record.ended_by = body.get("by") or ""
        record.sip_status = body.get("sip_status") or 0
        record.q850 = body.get("q850")
        record.reason = body.get("reason") or ""
        self._ended[record.leg] = record

    def _media_counted(self, _connection: Connection, entry: Entry, body: Body) -> None:
        known = self._legs.get(entry.leg) or self._ended.get(entry.leg)
        if known is not None:
            known.media = body
        else:
            self._counted[entry.leg] = body

    def _leg(self, connection: Connection, leg: str) -> LegRecord:
        """The record so far; after a restart, from what the journal has of the leg."""
        found = self._legs.get(leg)
        if found is None:
            found = self._legs[leg] = LegRecord(leg=leg)
            columns = schema.entry.c
            wanted = columns.kind.in_(("LegCreated", "LegConnected", "FocusChanged"))
            rows = connection.execute(select(schema.entry).where(columns.leg == leg, wanted).order_by(columns.seq))
            for row in rows.all():
                entry = Entry(row.at, row.kind, row.call, row.leg, msgspec.json.decode(row.body), row.cause)
                self._readers[row.kind](connection, entry, entry.body)
            found = self._legs[leg]
        return found

    # --- rooms and transfers ----------------------------------------------------------------------------------------

    def _room_opened(self, _connection: Connection, _entry: Entry, body: Body) -> None:
        room: Body = body["room"]
        members: dict[str, Body] = room.get("members") or {}
        self._members[room["id"]] = {leg: member.get("role") or "" for leg, member in members.items()}

    def _member_joined(self, _connection: Connection, _entry: Entry, body: Body) -> None:
        member: Body = body["member"]
        self._members.setdefault(body["room"], {})[member["leg"]] = member.get("role") or ""

    def _room_closed(self, _connection: Connection, _entry: Entry, body: Body) -> None:
        self._members.pop(body["room"], None)

    def _transfer_started(self, _connection: Connection, entry: Entry, body: Body) -> None:
        transfer: Body = body["transfer"]
        plan: Body = transfer.get("plan") or {}
        targets: list[Body] = (plan.get("dial") or {}).get("targets") or []
        agent = self._legs.get(transfer.get("agent") or "")
        others = {
            leg: role for leg, role in self._members.get(transfer["room"], {}).items() if leg != transfer["agent"]
        }
        customer = next((leg for leg, role in others.items() if role == "customer"), next(iter(others), ""))
        self._transfers[transfer["id"]] = TransferRecord(
            transfer=transfer["id"],
            call=entry.call,
            account=agent.account if agent else "",
            room=transfer["room"],
            kind=plan.get("kind") or "",
            agent=transfer.get("agent") or "",
            customer=customer,
            target_address=targets[0].get("address") or "" if targets else "",
            started_at=transfer.get("started_at") or entry.at,
            cause=entry.cause,
        )

    def _transfer_advanced(self, _connection: Connection, entry: Entry, body: Body) -> None:
        if body.get("target"):
            self._transfer(entry, body).target = body["target"]

    def _fallback_taken(self, _connection: Connection, entry: Entry, body: Body) -> None:
        self._transfer(entry, body).fallback = (body.get("fallback") or {}).get("kind") or ""

    def _transfer_ended(self, connection: Connection, entry: Entry, body: Body) -> None:
        record = self._transfer(entry, body)
        self._transfers.pop(record.transfer, None)
        record.room = record.room or body.get("room") or ""
        record.target = body.get("target") or record.target
        record.outcome = body.get("outcome") or ""
        record.ended_at = entry.at
        connection.execute(delete(schema.transfer).where(schema.transfer.c.transfer == record.transfer))
        connection.execute(insert(schema.transfer), asdict(record))

    def _transfer(self, entry: Entry, body: Body) -> TransferRecord:
        blank = TransferRecord(body["transfer"], call=entry.call, started_at=entry.at)
        return self._transfers.setdefault(body["transfer"], blank)


def _json(value: Body) -> str:
    return msgspec.json.encode(value).decode()


def _row(record: LegRecord) -> Body:
    row = {name: getattr(record, name) for name in LEG_FIELDS}
    row["media"] = _json(record.media)
    return row


# A leg that ended twice (a journal read again after a crash) keeps its last record.
_ENDED = insert(schema.leg).prefix_with("OR REPLACE", dialect="sqlite")
_COUNTED = update(schema.leg).where(schema.leg.c.leg == bindparam("of")).values(media=bindparam("found"))
LEG_FIELDS = tuple(each.name for each in fields(LegRecord))
TRANSFER_FIELDS = tuple(each.name for each in fields(TransferRecord))
