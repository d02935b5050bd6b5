"""Questions to the journal and the call records. Every call blocks for one query: ask from a thread, or a command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, and_, case, false, func, or_, select

from switchhook.core.errors import SwitchhookError
from switchhook.core.model import By
from switchhook.core.values import dataclass
from switchhook.exchange.ports import EndedAs, Entry
from switchhook.exchange.ports import LegFilter as LegFilter
from switchhook.stores import schema
from switchhook.stores.records import LEG_FIELDS, TRANSFER_FIELDS, LegRecord, TransferRecord
from switchhook.stores.sheets import lines as lines_in
from switchhook.stores.sheets import lines_of_leg

_entry = schema.entry.c
MOST_CALLS = 20  # that are looked at when an id fits several
LONGEST_S = 4 * 3600.0  # a call that is up has its last line ahead of it, so far at most
_TOP = "\U0010ffff"  # sorts after every id


class NotFound(SwitchhookError):
    """Nothing in the journal has such an id."""


class Ambiguous(SwitchhookError):
    """Several calls match; `calls` has when the newest of them began, newest first."""

    def __init__(self, prefix: str, calls: Sequence[tuple[str, float]]) -> None:
        some = ", ".join(f"{call} ({datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S})" for call, at in calls[:5])
        many = f"{len(calls)} calls" if len(calls) < MOST_CALLS else "many calls"
        super().__init__(f"{prefix!r} fits {many}, the newest first: {some}")
        self.calls = [call for call, _ in calls]


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One call in a list."""

    call: str
    started_at: float
    last_at: float
    entries: int


class Reader:
    """Reads a database that a journal writes, at the same time if need be."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, wanted: str) -> str:
        """Returns the call that an id or its unique beginning belongs to: a call, a leg, or any other id.

        `last` is the call that began last, whatever came later of older ones (a BYE that nobody answers, after 32 s).
        Raises NotFound, or Ambiguous when several calls fit.
        """
        if wanted == "last":
            calls = self._newest()
        else:
            calls = self._calls(or_(_begins(_entry.call, wanted), _begins(_entry.leg, wanted))) if wanted else []
            exact = [call for call in calls if call == wanted]
            calls = exact or calls or (self._calls(_mentions(wanted)) if wanted else [])
        if not calls:
            raise NotFound("the journal has no call yet" if wanted == "last" else f"no call has an id like {wanted!r}")
        if len(calls) > 1:
            raise Ambiguous(wanted, self._begun(calls))
        return calls[0]

    def call(self, call: str) -> list[Entry]:
        """Returns all lines of a call in their order, with the HTTP exchanges that caused them.

        What befell the whole server while the call was up (an overload, a new audio process) is among them.
        """
        lines = self._entries(_entry.call == call)
        if not lines or not call:
            return lines
        caused: dict[str, list[float]] = {}
        for line in lines:
            if line.cause:
                caused.setdefault(line.cause, []).append(line.at)
        first, last = lines[0].at, lines[-1].at + (LONGEST_S if _is_up(lines) else 0)
        others = self._entries(_entry.call == "", _entry.at.between(first - 60, last + 60))
        http = [line for line in others if line.kind in ("HttpRequest", "HttpReply")]
        lines += [line for line in http if line.body.get("api_id") in caused or _is_near(line, caused)]
        lines += [line for line in others if _befell_all(line) and first <= line.at <= last]
        return sorted(lines, key=lambda line: line.at)

    def leg(self, leg: str) -> list[Entry]:
        """Returns what the journal has of a leg."""
        with self._engine.connect() as connection:
            return lines_of_leg(connection, leg)

    def since(self, seq: int, limit: int = 1000) -> list[tuple[int, Entry]]:
        """Returns the lines of up to `limit` rows after number `seq`, with their numbers: how a reader follows.

        Lines that were written together and belong to one call have the same number; those of other calls follow.
        """
        query = select(schema.entry).where(_entry.seq > seq).order_by(_entry.seq).limit(limit)
        with self._engine.connect() as connection:
            return [(row.seq, line) for row in connection.execute(query) for line in lines_in(row)]

    def recent(self, limit: int = 20) -> list[CallSummary]:
        """Returns the calls that had something happen last, newest first."""
        newest = func.max(_entry.seq).desc()
        query = select(_entry.call).where(_entry.call != "").group_by(_entry.call).order_by(newest).limit(limit)
        with self._engine.connect() as connection:
            calls = connection.execute(query).scalars().all()
        return [_summary(call, self._entries(_entry.call == call)) for call in calls]

    def legs(self, wanted: LegFilter | None = None, *, limit: int = 20, offset: int = 0) -> tuple[list[LegRecord], int]:
        """Returns a page of leg records, newest end first, and how many there are in all."""
        rules = list(_rules(wanted or LegFilter()))
        order = (schema.leg.c.ended_at.desc(), schema.leg.c.leg)
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(schema.leg).where(*rules).order_by(*order).limit(limit).offset(offset)
            ).all()
            total = connection.execute(select(func.count()).select_from(schema.leg).where(*rules)).scalar_one()
        return [_leg_record(row) for row in rows], total

    def endings(self, wanted: LegFilter) -> list[EndedAs]:
        """Returns the different ways in which the wanted legs ended: a few, however many legs there are."""
        query = select(*_ENDING).where(*_rules(wanted)).distinct()
        with self._engine.connect() as connection:
            return [EndedAs(*row[:3], bool(row[3]), *row[4:]) for row in connection.execute(query)]

    def talked_s(self, account: str, since: float) -> float:
        """Returns how long the legs that an account dialled were answered, of those that ended since a moment."""
        leg = schema.leg.c
        talked = func.sum(leg.ended_at - leg.answered_at)
        ours = and_(leg.account == account, leg.direction == "outbound", leg.ended_at >= since)
        with self._engine.connect() as connection:
            return float(connection.execute(select(talked).where(ours, leg.answered_at.is_not(None))).scalar() or 0.0)

    def leg_record(self, leg: str) -> LegRecord | None:
        """Returns the record of an ended leg."""
        with self._engine.connect() as connection:
            row = connection.execute(select(schema.leg).where(schema.leg.c.leg == leg)).first()
        return None if row is None else _leg_record(row)

    def transfers(self, call: str = "", *, limit: int = 100) -> list[TransferRecord]:
        """Returns the transfers of a call in their order, or the newest ones of all calls."""
        table = schema.transfer
        query = select(table).limit(limit)
        query = (
            query.where(table.c.call == call).order_by(table.c.started_at)
            if call
            else query.order_by(table.c.ended_at.desc())
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [TransferRecord(**{name: getattr(row, name) for name in TRANSFER_FIELDS}) for row in rows]

    def _entries(self, *rules: ColumnElement[bool]) -> list[Entry]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(schema.entry).where(*rules).order_by(_entry.seq))
            return [line for row in rows for line in lines_in(row)]

    def _begun(self, calls: Sequence[str]) -> list[tuple[str, float]]:
        at = func.min(_entry.at).label("at")
        query = select(_entry.call, at).where(_entry.call.in_(calls)).group_by(_entry.call).order_by(at.desc())
        with self._engine.connect() as connection:
            return [(str(call), float(at)) for call, at in connection.execute(query)]

    def _newest(self) -> list[str]:
        first = func.min(_entry.seq).desc()
        query = select(_entry.call).where(_entry.call != "").group_by(_entry.call).order_by(first).limit(1)
        with self._engine.connect() as connection:
            return [str(call) for call in connection.execute(query).scalars()]

    def _calls(self, rule: ColumnElement[bool]) -> list[str]:
        newest = func.max(_entry.seq).desc()
        query = select(_entry.call).where(rule, _entry.call != "").group_by(_entry.call).order_by(newest)
        query = query.limit(MOST_CALLS)
        with self._engine.connect() as connection:
            return [str(call) for call in connection.execute(query).scalars()]


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Ids that begin so; a range, because an index serves it in every database."""
    return column.between(prefix, prefix + _TOP)


def _is_up(lines: Iterable[Entry]) -> bool:
    kinds = [line.kind for line in lines]
    return kinds.count("LegCreated") > kinds.count("LegEnded")


def _befell_all(line: Entry) -> bool:
    return line.kind == "Warning" and ("overload" in line.body or "replaced" in line.body)


def _is_near(line: Entry, caused: dict[str, list[float]]) -> bool:
    """A cause without an id of its own, such as `Hold by agent1`, may be that of another call: the time decides."""
    return any(abs(at - line.at) < 2 for at in caused.get(line.cause, ()))


def _mentions(wanted: str) -> ColumnElement[bool]:
    """Any other id: api id, transfer, room, SIP Call-ID; reads the whole journal."""
    return or_(_entry.cause.contains(wanted, autoescape=True), _entry.body.contains(f'"{wanted}', autoescape=True))


def _rules(wanted: LegFilter) -> Iterable[ColumnElement[bool]]:
    leg = schema.leg.c
    if wanted.accounts:
        yield leg.account.in_(wanted.accounts)
    if wanted.direction:
        yield leg.direction == wanted.direction
    for column, text in ((leg.caller, wanted.caller), (leg.called, wanted.called)):
        wanted_ones = [each.strip().removeprefix("sip:").removeprefix("+") for each in text.split("<") if each.strip()]
        if wanted_ones:
            spelt = [before + each for each in wanted_ones for before in ("", "+", "sip:", "sip:+")]
            yield or_(*(_begins(column, each) for each in spelt))
    if wanted.parent is not None:
        yield leg.parent == wanted.parent
    if wanted.outcomes:
        yield leg.outcome.in_(wanted.outcomes)
    if wanted.ended_by:
        yield leg.ended_by.in_(wanted.ended_by)
    if wanted.ended_from is not None:
        yield leg.ended_at >= wanted.ended_from
    if wanted.ended_before is not None:
        yield leg.ended_at < wanted.ended_before
    if wanted.endings is not None:
        yield or_(false(), *(_ended(each) for each in wanted.endings))
    answered_s = leg.ended_at - func.coalesce(leg.answered_at, leg.ended_at)
    if wanted.answered_s_from is not None:
        yield answered_s >= wanted.answered_s_from
    if wanted.answered_s_to is not None:
        yield answered_s <= wanted.answered_s_to


_leg = schema.leg.c
_ENDING = (
    _leg.direction,
    _leg.outcome,
    _leg.ended_by,
    case((_leg.answered_at.is_(None), 0), else_=1),
    _leg.sip_status,
    case((_leg.ended_by == By.PROGRAM.value, _leg.reason), else_=""),  # what telephones say of it is no word of ours
)


def _ended(ending: EndedAs) -> ColumnElement[bool]:
    values = (ending.direction, ending.outcome, ending.ended_by, int(ending.answered), ending.sip_status, ending.reason)
    return and_(*(column == value for column, value in zip(_ENDING, values, strict=True)))


def _summary(call: str, lines: Sequence[Entry]) -> CallSummary:
    return CallSummary(call, min(line.at for line in lines), max(line.at for line in lines), len(lines))


def _leg_record(row: Row[Any]) -> LegRecord:
    values = {name: getattr(row, name) for name in LEG_FIELDS}
    return LegRecord(**values | {"media": msgspec.json.decode(row.media)})
