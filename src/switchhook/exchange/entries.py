"""Facts and messages as lines of the journal: which call and which leg they belong to, and what is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from switchhook.core import facts as f
from switchhook.exchange.ports import Entry, Journal

Encode = Callable[[f.Fact], tuple[str, dict[str, object]]]  # class name and JSON body

_KEPT = 4096  # ended legs, rooms and transfers whose call is still known, for lines that come late


class Calls:
    """Knows the call (chain of rooms) of every leg, room, dial and transfer, also a little after its end."""

    def __init__(self) -> None:
        self.call_of: dict[str, str] = {}  # for reading only
        self._ended: deque[str] = deque()

    def learn(self, fact: f.Fact) -> None:
        """Takes note of what a fact brings into being or ends; of the kinds in `LEARNT`."""
        learn = LEARNT.get(type(fact))
        if learn is not None:
            learn(self, fact)

    def _leg_created(self, fact: f.LegCreated) -> None:
        self.call_of[fact.leg.id] = fact.leg.call

    def _room_opened(self, fact: f.RoomOpened) -> None:
        self.call_of[fact.room.id] = fact.room.call

    def _dial_started(self, fact: f.DialStarted) -> None:
        self.call_of[fact.dial.id] = self.call_of.get(fact.dial.room, "")

    def _transfer_started(self, fact: f.TransferStarted) -> None:
        self.call_of[fact.transfer.id] = self.call_of.get(fact.transfer.room, "")

    def _recording_started(self, fact: f.RecordingStarted) -> None:
        call_of, tape = self.call_of, fact.tape
        taken = (tape.room, *tape.left, *tape.right)
        call_of[tape.id] = next((found for name in taken if name and (found := call_of.get(name))), "")

    def _end(self, name: str) -> None:
        ended = self._ended
        ended.append(name)
        if len(ended) > _KEPT:
            self.call_of.pop(ended.popleft(), None)

    def of(self, name: str) -> str:
        """Returns the call of a leg, room, dial or transfer, or an empty text."""
        return self.call_of.get(name, "")

    def entry(self, fact: f.Fact, at: float, cause: str, encode: Encode) -> Entry:
        """Makes the journal line of a fact."""
        self.learn(fact)
        kind, body = encode(fact)
        leg_of, owner_of = NAMES[type(fact)]
        leg = leg_of(fact)
        return Entry(at, kind, self.call_of.get(leg) or self.call_of.get(owner_of(fact), ""), leg, body, cause)


class LineByLine:
    """Implements `ports.FactJournal` on a journal that wants every line as an `Entry`, such as a list in memory."""

    def __init__(self, journal: Journal, encode: Encode) -> None:
        self._journal = journal
        self._encode = encode
        self._calls = Calls()

    def append(self, entry: Entry) -> None:
        """Takes a line."""
        self._journal.append(entry)

    def facts(self, at: float, facts: Sequence[f.Fact], cause: str) -> None:
        """Takes what one step made true."""
        for fact in facts:
            self._journal.append(self._calls.entry(fact, at, cause, self._encode))

    def message(self, at: float, leg: str, way: str, wire: bytes, peer: str) -> None:
        """Takes a SIP message of a leg."""
        body: dict[str, object] = dict(zip(MESSAGE, message_values(way, wire, len(wire), peer), strict=True))
        self._journal.append(Entry(at, "SipMessage", self._calls.of(leg) or leg, leg, body))


MESSAGE = ("direction", "peer", "first_line", "cseq", "bytes")  # the body of a SIP message's line


def message_values(way: str, wire: bytes, size: int, peer: str) -> tuple[str, str, str, str, int]:
    """Returns what is kept of a SIP message, of which `wire` is at least the beginning: its first line, no content."""
    cseq = wire.find(b"\r\nCSeq:")
    number = b"" if cseq < 0 else wire[cseq + 7 : wire.find(b"\r\n", cseq + 7)].strip()
    return way, peer, wire[: wire.find(b"\r\n")].decode("utf-8", "replace"), number.decode("utf-8", "replace"), size


Name = Callable[[Any], str]
Learn = Callable[[Calls, Any], None]
LEARNT: dict[type, Learn] = {
    f.LegCreated: Calls._leg_created,
    f.RoomOpened: Calls._room_opened,
    f.DialStarted: Calls._dial_started,
    f.TransferStarted: Calls._transfer_started,
    f.RecordingStarted: Calls._recording_started,
    f.LegEnded: lambda calls, fact: calls._end(fact.leg),
    f.RoomClosed: lambda calls, fact: calls._end(fact.room),
    f.DialEnded: lambda calls, fact: calls._end(fact.dial),
    f.TransferEnded: lambda calls, fact: calls._end(fact.transfer),
    f.RecordingFinished: lambda calls, fact: calls._end(fact.recording),
}


def _nobody(_: Any) -> str:
    return ""


def _leg_name(kind: type) -> Name:
    named = {each.name: str(each.type) for each in fields(kind)}.get("leg", "")
    if not named.startswith("LegId"):
        return _nobody
    if "None" in named:
        return lambda fact: fact.leg or ""
    return attrgetter("leg")


def _owner_name(kind: type) -> Name:
    """The first of room, dial, transfer and recording that a fact names."""
    for each in fields(kind):
        if str(each.type) in ("RoomId", "DialId", "TransferId", "RecordingId"):
            return attrgetter(each.name)
    return _nobody


def names_itself(kind: type) -> bool:
    """Returns whether the body of such a fact says under "leg" which leg it is about, or it is about none."""
    leg = NAMES[kind][0]
    return leg is _nobody or (kind not in _ELSEWHERE and _leg_name(kind) is not _nobody)


_ELSEWHERE: dict[type, tuple[Name, Name]] = {
    f.LegCreated: (attrgetter("leg.id"), _nobody),
    f.MemberJoined: (attrgetter("member.leg"), attrgetter("room")),
    f.RoomOpened: (_nobody, attrgetter("room.id")),
    f.DialStarted: (_nobody, attrgetter("dial.id")),
    f.TransferStarted: (attrgetter("transfer.agent"), attrgetter("transfer.id")),
    f.RecordingStarted: (lambda fact: fact.tape.left[0] if fact.tape.left else "", attrgetter("tape.id")),
}
NAMES: dict[type, tuple[Name, Name]] = {kind: (_leg_name(kind), _owner_name(kind)) for kind in get_args(f.Fact)}
NAMES |= _ELSEWHERE
