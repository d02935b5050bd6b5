r"""Sheets: all lines of one call that were written together, as one row of the table `entry`.

A row and its place in every index cost more than what is in it, and a plain call has 36 lines within moments. So each
write makes one sheet per call: `kind` is empty, `at` is the time of its first line, `body` the lines as they came,
gathered by moment: `[[at, cause, [kind, body], [kind, body, leg], ...], ...]`. A line names its leg only where its
body does not say it under "leg". A sheet's own `leg` is the leg that was created in it, so that a leg is found by the
index as long as its call lives and after a crash; a second one in the same write begins a sheet of its own. Rows with
a kind are single lines of earlier versions.

What is written costs by the byte, too, and a third of it is the same two ids. So the sheet's call and leg stand in its
text as `\/0` and `\/1`: good JSON (of "/0"), which the encoder never writes by itself. A blank at the beginning says
so. A SIP message is the list of its values.

Facts arrive as the exchange has them, whole steps at a time, and messages as they were on the wire: everything that
can be left to the journal's thread is left to it, also finding out which call a line belongs to. That takes a second
`Calls`, which sees the same facts in the same order and so knows the same. The facts must not change: they are values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from switchhook.core.facts import Fact, LegCreated
from switchhook.core.masking import masked
from switchhook.core.values import dataclass
from switchhook.exchange.entries import LEARNT, MESSAGE, NAMES, Calls, Learn, Name, message_values, names_itself
from switchhook.exchange.ports import Entry
from switchhook.stores.encoding import Unreadable, fact_encoding

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_log = logging.getLogger(__name__)

_MESSAGE = "SipMessage"
_NOT_MADE = "call records could not be made"  # the facts they should be made of are more important

Step = tuple[float, Sequence[Fact], str]  # at, facts, cause
Message = tuple[float, str, str, bytes, int, str]  # at, leg, way, beginning of the message, its size, peer
Given = Entry | Step | Message
Values = tuple[float, str, str, str]  # of a row: at, call, leg, body


Read = Callable[[float, str, str, Any], None]  # takes at, call, cause, fact


class Records(Protocol):
    """Records made from lines as they are written, such as call records."""

    @property
    def readers(self) -> Mapping[type, Read]:
        """What takes a fact, by its class."""

    def counted(self, leg: str, figures: dict[str, Any]) -> None:
        """Takes the audio figures of a leg."""

    def complete(self) -> Any:
        """Returns what is complete since the last call and must be written with these lines; None for nothing."""

    def write(self, connection: Connection, complete: Any) -> None:
        """Writes what `complete` returned, inside the transaction of the lines."""


@dataclass(slots=True)
class Batch:
    """What one write brings to the disk."""

    rows: list[Values]
    lines: int
    records: Any = None


@dataclass(slots=True)
class _Sheet:
    at: float
    call: str
    leg: str = ""
    moments: list[Any] = field(default_factory=list)


# What is to be done with facts of one class, looked up once: its name, what names its leg and its owner, what makes its
# body, what learns from it, whether the body says the leg (the line need not), whether a leg is created, who reads it.
_Kind = tuple[str, Name, Name, Callable[[Any], Any], Learn | None, bool, bool, Read | None]


class Sheets:
    """Turns what the journal was given into rows, in its thread."""

    def __init__(self, records: Records | None = None) -> None:
        self._records = records
        self._calls = Calls()
        self._kinds: dict[type, _Kind] = {}
        self._readers = {} if records is None else {cls.__name__: read for cls, read in records.readers.items()}
        self._open: dict[str, _Sheet] = {}
        self._full: list[_Sheet] = []
        self._lines = 0

    def fold(self, given: Sequence[Given]) -> Batch:
        """Returns the rows of all these lines; each line is folded once, whatever becomes of the rows."""
        self._open, self._full, self._lines = {}, [], len(given)
        for each in given:
            if not isinstance(each, tuple):
                self._entry(each)
            elif len(each) == 3:
                self._step(*each)
            else:
                self._message(*each)
        rows = [
            (s.at, s.call, s.leg, _short(encoded(s.moments), s.call, s.leg))
            for s in (*self._full, *self._open.values())
        ]
        return Batch(rows, self._lines, None if self._records is None else self._records.complete())

    def _step(self, at: float, facts: Sequence[Fact], cause: str) -> None:
        kinds, call_of = self._kinds, self._calls.call_of
        last: str | None = None
        moment: list[Any] = []
        self._lines += len(facts) - 1
        for fact in facts:
            name, leg_of, owner_of, body, learn, says_leg, created, read = kinds.get(type(fact)) or self._kind(
                type(fact)
            )
            if learn is not None:
                learn(self._calls, fact)
            leg = leg_of(fact)
            call = call_of.get(leg) or call_of.get(owner_of(fact), "")
            if call != last or created:
                moment = [at, cause]
                sheet = self._sheet_of_leg(at, call, leg) if created else self._open.get(call) or self._sheet(at, call)
                sheet.moments.append(moment)
                last = call
            moment.append((name, body(fact)) if says_leg else (name, body(fact), leg))
            if read is not None:
                try:
                    read(at, call, cause, fact)
                except Exception:
                    _log.exception(_NOT_MADE)

    def _message(self, at: float, leg: str, way: str, wire: bytes, size: int, peer: str) -> None:
        call = self._calls.call_of.get(leg, leg)
        sheet = self._open.get(call) or self._sheet(at, call)
        sheet.moments.append((at, "", (_MESSAGE, message_values(way, wire, size, peer), leg)))

    def _entry(self, entry: Entry) -> None:
        at, call, kind, body, leg = entry.at, entry.call, entry.kind, entry.body, entry.leg
        line = (kind, body) if leg == _said(body) else (kind, body, leg)
        sheet = self._sheet_of_leg(at, call, leg) if kind == "LegCreated" else self._open.get(call)
        (sheet or self._sheet(at, call)).moments.append((at, entry.cause, line))
        if kind == "MediaStats" and self._records is not None:
            self._records.counted(leg, body)
        elif (read := self._readers.get(kind)) is not None:
            try:
                read(at, call, entry.cause, fact_encoding().read(kind, body))
            except Unreadable:
                return
            except Exception:
                _log.exception(_NOT_MADE)

    def _sheet(self, at: float, call: str) -> _Sheet:
        """Begins a sheet of a call."""
        sheet = self._open[call] = _Sheet(at, call)
        return sheet

    def _sheet_of_leg(self, at: float, call: str, leg: str) -> _Sheet:
        """The sheet by which a leg that is created now can be found: its own, or one named after its call."""
        sheet = self._open.get(call) or self._sheet(at, call)
        if leg != call:
            if sheet.leg:
                self._full.append(sheet)
                sheet = self._sheet(at, call)
            sheet.leg = leg
        return sheet

    def _kind(self, cls: type) -> _Kind:
        leg, owner = NAMES[cls]
        read = None if self._records is None else self._records.readers.get(cls)
        body = fact_encoding().lean(cls)
        kind = cls.__name__, leg, owner, body, LEARNT.get(cls), names_itself(cls), cls is LegCreated, read
        self._kinds[cls] = kind
        return kind


_ID = 36  # characters; what is no id of that length is left as it is
_SIGN, _CALL, _LEG = "\\/", "\\/0", "\\/1"
_encoder = msgspec.json.Encoder(enc_hook=str)


def encoded(moments: list[Any]) -> str:
    """Returns a sheet's lines as JSON; of a line that JSON cannot hold, what can be said of it as text.

    Passwords in URLs are masked: a journal is copied, mailed and shown.
    """
    try:
        return masked(_encoder.encode(moments).decode())
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        plain = [[at, _safe(cause), *map(_readable, lines)] for at, cause, *lines in moments]
        return masked(_encoder.encode(plain).decode())


def _short(text: str, call: str, leg: str) -> str:
    """Returns a text without its two ids, begun by a blank; as it is, if it has their signs already (in `\\\\/`)."""
    if len(call) != _ID or _SIGN in text:
        return text
    text = text.replace(call, _CALL)
    return f" {text.replace(leg, _LEG) if len(leg) == _ID else text}"


def _long(text: str, call: str, leg: str) -> str:
    return text.replace(_LEG, leg).replace(_CALL, call) if text.startswith(" ") else text


def _readable(line: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, body, *leg = line
    try:
        _encoder.encode(body)
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        body = {"unwritable": ascii(body)[:4000]}
    return (_safe(kind), body, *map(_safe, leg))


def _safe(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _said(body: Mapping[str, Any]) -> str:
    """The leg that a body names, in the one way that counts."""
    said = body.get("leg")
    return said if isinstance(said, str) else ""


def lines(row: Row[Any]) -> Iterator[Entry]:
    """Yields the lines of a row, in their order: those of a sheet, or the one line of a row with a kind."""
    if row.kind:
        yield Entry(row.at, row.kind, row.call, row.leg, msgspec.json.decode(row.body), row.cause)
        return
    restored = fact_encoding().restored
    for at, cause, *told in msgspec.json.decode(_long(row.body, row.call, row.leg)):
        for kind, body, *named in told:
            if kind == _MESSAGE and isinstance(body, list):
                body = dict(zip(MESSAGE, body, strict=False))
            yield Entry(at, kind, row.call, named[0] if named else _said(body), restored(kind, body), cause)


def lines_of_leg(connection: Connection, leg: str) -> list[Entry]:
    """Returns what the journal has of a leg in the calls that it was created in, in order."""
    from sqlalchemy import or_, select

    from switchhook.stores import schema

    table = schema.entry
    named = select(table.c.call).where(or_(table.c.leg == leg, table.c.call == leg)).distinct()
    calls = [call for call in connection.execute(named).scalars() if call]
    query = select(table).where(or_(table.c.call.in_(calls), table.c.leg == leg)).order_by(table.c.seq)
    return [line for row in connection.execute(query) for line in lines(row) if line.leg == leg]
