"""Call records: one row for each ended leg and each ended transfer, made from the facts as they are written.

`Recorder` runs in the journal's thread; what it has made is written in the transaction of the lines that completed it,
so a record is on disk exactly when its last fact is. It keeps what it needs of live legs and transfers in memory; of a
leg that is older than the server, the beginning is read from the journal when it has ended. The dialects turn these
neutral rows into their own call detail records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from switchhook.core import facts as f
from switchhook.core.model import Leg, Role, RoomKind
from switchhook.core.values import dataclass
from switchhook.stores.encoding import Unreadable, fact_encoding
from switchhook.stores.sheets import lines_of_leg

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

Body = dict[str, Any]
Reader = Callable[[float, str, str, Any], None]  # at, call, cause, fact


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
    conference: str = ""  # the last conference room it was in
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


@dataclass(slots=True)
class Complete:
    """Records that are to be written with the lines that completed them."""

    legs: list[LegRecord]
    beginnings: set[str]  # of these legs, who was created before the server started: their beginning is in the journal
    figures: dict[str, Body]  # of legs that are on disk
    transfers: list[TransferRecord]


class Recorder:
    """`stores.sheets.Records`: reads each line once, in order, in the journal's thread."""

    def __init__(self) -> None:
        self._legs: dict[str, LegRecord] = {}
        self._ended: dict[str, LegRecord] = {}  # not yet written
        self._beginnings: set[str] = set()
        self._figures: dict[str, Body] = {}
        self._transfers: dict[str, TransferRecord] = {}
        self._over: list[TransferRecord] = []
        self._members: dict[str, dict[str, str]] = {}  # room -> leg -> role
        self._conferences: set[str] = set()  # rooms
        self.readers: dict[type, Reader] = {
            f.LegCreated: self._leg_created,
            f.LegConnected: self._leg_connected,
            f.FocusChanged: self._focus_changed,
            f.LegEnded: self._leg_ended,
            f.RoomOpened: self._room_opened,
            f.MemberJoined: self._member_joined,
            f.RoomClosed: self._room_closed,
            f.TransferStarted: self._transfer_started,
            f.TransferAdvanced: self._transfer_advanced,
            f.FallbackTaken: self._fallback_taken,
            f.TransferEnded: self._transfer_ended,
        }

    def complete(self) -> Complete | None:
        """Returns what is complete since the last call; None for nothing."""
        if not (self._ended or self._figures or self._over):
            return None
        found = Complete(list(self._ended.values()), self._beginnings, self._figures, self._over)
        self._ended, self._beginnings, self._figures, self._over = {}, set(), {}, []
        return found

    def write(self, connection: Connection, complete: Complete) -> None:
        """Writes them; the lines that completed them are in the same transaction already."""
        from switchhook.stores import schema

        for record in complete.legs:
            if record.leg in complete.beginnings:
                _begin(connection, record)
        _put(connection, schema.leg, schema.leg.c.leg, LEG_FIELDS, [_row(record) for record in complete.legs])
        _count(connection, complete.figures)
        rows = [_values_of(record) for record in complete.transfers]
        _put(connection, schema.transfer, schema.transfer.c.transfer, TRANSFER_FIELDS, rows)

    # --- legs -------------------------------------------------------------------------------------------------------

    def _leg_created(self, at: float, call: str, _cause: str, fact: f.LegCreated) -> None:
        self._legs[fact.leg.id] = _new(fact.leg, at, call)

    def _leg_connected(self, at: float, _call: str, _cause: str, fact: f.LegConnected) -> None:
        if (record := self._legs.get(fact.leg)) is not None:
            record.answered_at = fact.at or at

    def _focus_changed(self, _at: float, _call: str, _cause: str, fact: f.FocusChanged) -> None:
        if fact.room and (record := self._legs.get(fact.leg)) is not None:
            record.room = fact.room

    def _leg_ended(self, at: float, call: str, _cause: str, fact: f.LegEnded) -> None:
        record = self._legs.pop(fact.leg, None)
        if record is None:
            record = LegRecord(fact.leg)
            self._beginnings.add(fact.leg)
        record.call = record.call or call
        record.started_at = record.started_at or at
        record.ended_at = at
        record.outcome = fact.outcome._value_  # the attribute itself: `value` looks it up in 0.1 us
        record.ended_by = fact.by._value_
        record.sip_status = fact.sip_status
        record.q850 = fact.q850
        record.reason = fact.reason
        self._ended[fact.leg] = record

    def counted(self, leg: str, figures: Body) -> None:
        """Takes the audio figures of a leg, before or after its end."""
        known = self._legs.get(leg) or self._ended.get(leg)
        if known is not None:
            known.media = figures
        else:
            self._figures[leg] = figures

    # --- rooms and transfers ----------------------------------------------------------------------------------------

    def _room_opened(self, _at: float, _call: str, _cause: str, fact: f.RoomOpened) -> None:
        self._members[fact.room.id] = {leg: member.role.value for leg, member in fact.room.members.items()}
        if fact.room.plan.kind is RoomKind.CONFERENCE:
            self._conferences.add(fact.room.id)

    def _member_joined(self, _at: float, _call: str, _cause: str, fact: f.MemberJoined) -> None:
        self._members.setdefault(fact.room, {})[fact.member.leg] = fact.member.role._value_
        if fact.room in self._conferences and (record := self._legs.get(fact.member.leg)) is not None:
            record.conference = fact.room

    def _room_closed(self, _at: float, _call: str, _cause: str, fact: f.RoomClosed) -> None:
        self._members.pop(fact.room, None)
        self._conferences.discard(fact.room)

    def _transfer_started(self, _at: float, call: str, cause: str, fact: f.TransferStarted) -> None:
        transfer = fact.transfer
        targets = transfer.plan.dial.targets
        agent = self._legs.get(transfer.agent)
        others = {leg: role for leg, role in self._members.get(transfer.room, {}).items() if leg != transfer.agent}
        customer = next((leg for leg, role in others.items() if role == Role.CUSTOMER.value), next(iter(others), ""))
        self._transfers[transfer.id] = TransferRecord(
            transfer=transfer.id,
            call=call,
            account=agent.account if agent else "",
            room=transfer.room,
            kind=transfer.plan.kind.value,
            agent=transfer.agent,
            customer=customer,
            target_address=targets[0].address if targets else "",
            started_at=transfer.started_at,
            cause=cause,
        )

    def _transfer_advanced(self, at: float, call: str, _cause: str, fact: f.TransferAdvanced) -> None:
        if fact.target:
            self._transfer(at, call, fact.transfer).target = fact.target

    def _fallback_taken(self, at: float, call: str, _cause: str, fact: f.FallbackTaken) -> None:
        self._transfer(at, call, fact.transfer).fallback = fact.fallback.kind.value

    def _transfer_ended(self, at: float, call: str, _cause: str, fact: f.TransferEnded) -> None:
        record = self._transfer(at, call, fact.transfer)
        del self._transfers[record.transfer]
        record.room = record.room or fact.room
        record.target = fact.target or record.target
        record.outcome = fact.outcome.value
        record.ended_at = at
        self._over.append(record)

    def _transfer(self, at: float, call: str, transfer: str) -> TransferRecord:
        return self._transfers.setdefault(transfer, TransferRecord(transfer, call=call, started_at=at))


def _new(leg: Leg, at: float, call: str) -> LegRecord:
    return LegRecord(
        leg=leg.id,
        call=leg.call or call,
        parent=leg.parent or "",
        account=leg.account,
        direction=leg.side._value_,
        caller=leg.caller,
        called=leg.called,
        started_at=leg.created_at or at,
        source=leg.arrival.source if leg.arrival else "",
    )


def _begin(connection: Connection, record: LegRecord) -> None:
    """Completes the record of a leg that was there before this server: with what the journal has of it."""
    encoding = fact_encoding()
    for line in lines_of_leg(connection, record.leg):
        if line.kind not in ("LegCreated", "LegConnected", "FocusChanged"):
            continue
        try:
            fact = encoding.read(line.kind, line.body)
        except Unreadable:
            continue
        if isinstance(fact, f.LegCreated):
            new = _new(fact.leg, line.at, line.call)
            for name in _BEGINNING:
                setattr(record, name, getattr(new, name))
        elif isinstance(fact, f.LegConnected):
            record.answered_at = fact.at or line.at
        else:
            record.room = fact.room or record.room


def _put(
    connection: Connection, table: Table, key: Column[str], names: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """Writes records; one that is there already (a journal read again after a crash) is replaced."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection  # past SQLAlchemy, which costs more than the writing
        marks = ", ".join("?" * len(names))
        raw.executemany(f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows)
        return
    from sqlalchemy import delete, insert

    connection.execute(delete(table).where(key.in_([row[0] for row in rows])))
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _count(connection: Connection, figures: dict[str, Body]) -> None:
    if not figures:
        return
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.executemany("UPDATE leg SET media = ? WHERE leg = ?", [(_json(body), leg) for leg, body in figures.items()])
    else:
        from sqlalchemy import bindparam, update

        from switchhook.stores.schema import leg as legs

        counted = update(legs).where(legs.c.leg == bindparam("of")).values(media=bindparam("found"))
        connection.execute(counted, [{"of": leg, "found": _json(body)} for leg, body in figures.items()])


def _json(value: Body) -> str:
    return msgspec.json.encode(value).decode()


LEG_FIELDS = tuple(each.name for each in fields(LegRecord))
TRANSFER_FIELDS = tuple(each.name for each in fields(TransferRecord))
_BEGINNING = ("call", "parent", "account", "direction", "caller", "called", "started_at", "source")
_leg_values = attrgetter(*LEG_FIELDS[:-1])
_values_of = attrgetter(*TRANSFER_FIELDS)


def _row(record: LegRecord) -> tuple[Any, ...]:
    values: tuple[Any, ...] = _leg_values(record)
    return (*values, _json(record.media))
