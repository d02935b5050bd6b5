"""The sequence ladder of a call: who sent what to whom, and who heard whom from then on.

This file turns journal lines into columns and steps; `ladder_text`, `ladder_mermaid` and `ladder_svg` draw them.
The caller stands left of Switchhook and the called right of it, so that an arrow to the right is a call's way forward.
A leg whose SIP messages are not in the journal is drawn from its facts instead, so that no ladder is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from enum import Enum
from typing import Any

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Entry
from switchhook.observe import wording
from switchhook.observe.order import in_order
from switchhook.observe.parties import Parties, plain

SERVER = "Switchhook"


class Look(Enum):
    """What a step is; decides colour and line."""

    SIP = "sip"
    HTTP = "http"
    WEBHOOK = "webhook"
    AUDIO = "audio"  # a note over one column
    NOTE = "note"
    BAND = "band"  # a note over all columns
    WARNING = "warning"


@dataclass(frozen=True)
class Column:
    key: str
    name: str
    role: str = ""  # customer, agent, target, server, client, web, or ""


@dataclass(frozen=True)
class Step:
    """An arrow from one column to another, or a note when both are the same."""

    at: float
    look: Look
    source: int
    target: int
    label: str
    reply: bool = False  # drawn dashed
    bad: bool = False

    @property
    def is_arrow(self) -> bool:
        return self.source != self.target


@dataclass
class Ladder:
    columns: list[Column] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def start(self) -> float:
        return self.steps[0].at if self.steps else 0.0

    def rows(self) -> Iterable[list[Step]]:
        """Puts notes of the same moment on different columns into one row."""
        row: list[Step] = []
        for step in self.steps:
            together = (
                row
                and step.look is row[0].look is Look.AUDIO
                and step.at - row[0].at < 0.001
                and step.source not in {each.source for each in row}
            )
            if row and not together:
                yield row
                row = []
            row.append(step)
        if row:
            yield row


def ladder(entries: Sequence[Entry]) -> Ladder:
    """Builds the ladder of one call from its journal lines, which must be in order."""
    return _Builder(in_order(entries, split=True)).build()


_NOTES = (
    "DigitHeard",
    "DigitsSent",
    "PhoneHeld",
    "MemberHeld",
    "MemberMuted",
    "MemberDeafened",
    "WhisperSet",
    "MediaSilent",
    "AnswerNotPressed",
    "Noted",
)
_BANDS = ("TransferStarted", "TransferAdvanced", "TransferMissed", "FallbackTaken", "TransferEnded")
_FACTS = ("LegCreated", "LegRinging", "LegConnected", "LegEnded")


class _Builder:
    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._parties = Parties.of(entries)
        self._with_sip = {entry.leg for entry in entries if entry.kind == "SipMessage"}
        self._columns = list(self._stand())
        self._index = {column.key: number for number, column in enumerate(self._columns)}
        self._steps: list[Step] = []
        self._up: set[str] = set()  # legs whose INVITE was answered
        self._invited: dict[str, tuple[object, object]] = {}  # the first INVITE of a leg

    def build(self) -> Ladder:
        for entry in self._entries:
            try:
                self._step(entry)
            except (KeyError, TypeError, AttributeError, IndexError, ValueError):
                continue  # a line of another version
        return Ladder(self._columns, self._steps)

    def _stand(self) -> Iterable[Column]:
        kinds = {entry.kind for entry in self._entries}
        drawn = {e.leg for e in self._entries if e.kind in ("SipMessage", "HearingChanged", *_FACTS)}
        seen = [leg for leg in self._parties.legs.values() if leg.leg in drawn]
        if kinds & {"HttpRequest", "HttpReply", "Notification"}:
            yield Column("http", "API client", "client")
        for leg in seen:
            if leg.inbound:
                yield Column(leg.leg, leg.name, leg.role)
        yield Column("server", SERVER, "server")
        for leg in seen:
            if not leg.inbound:
                yield Column(leg.leg, leg.name, leg.role)
        if "Webhook" in kinds:
            yield Column("web", "Web application", "web")

    def _step(self, entry: Entry) -> None:
        kind, body = entry.kind, entry.body
        server = self._index["server"]
        if kind == "SipMessage":
            self._arrow(entry, Look.SIP, entry.leg, self._message(entry), inwards=body["direction"] == "in")
        elif kind == "HttpRequest":
            self._arrow(entry, Look.HTTP, "http", wording.http_line(body))
        elif kind == "HttpReply":
            self._arrow(entry, Look.HTTP, "http", str(body["status"]), inwards=False, reply=True)
        elif kind == "Notification":
            self._arrow(entry, Look.HTTP, "http", wording.notification_line(body), inwards=False, reply=True)
        elif kind == "Webhook":
            label = f"{wording.webhook_line(body)}: {wording.webhook_result(body)}"
            self._add(entry, Look.WEBHOOK, server, self._index["web"], label, bad=bool(body.get("error")))
        elif kind == "HearingChanged":
            label = f"hears {wording.sources(body['sources'], self._parties)}"  # type: ignore[arg-type]
            self._note(entry, Look.AUDIO, label)
        elif kind in _NOTES:
            # The note stands under the name of whom it is about.
            name = f"{self._parties.name(entry.leg)} " if entry.leg else ""
            self._note(entry, Look.NOTE, wording.say(entry, self._parties).removeprefix(name))
        elif kind == "SipNote":
            self._note(entry, Look.NOTE, str(body["text"]))
        elif kind in _BANDS and wording.say(entry, self._parties):
            self._add(entry, Look.BAND, server, server, wording.say(entry, self._parties))
        elif kind == "Warning":
            self._add(entry, Look.WARNING, server, server, wording.say(entry, self._parties), bad=True)
        elif kind in _FACTS and entry.leg not in self._with_sip:
            self._fact(entry, body)

    def _message(self, entry: Entry) -> str:
        """An INVITE of a call that is up is named so: its address is only a contact, which tells nobody anything."""
        label = wording.sip_line(entry.body)
        if label == "200 OK (INVITE)":
            self._up.add(entry.leg)
        if not label.startswith("INVITE "):
            return label
        this = (entry.body.get("direction"), entry.body.get("cseq"))
        again = self._invited.setdefault(entry.leg, this) == this  # sent once more, since the answer was lost
        return "re-INVITE" if entry.leg in self._up and not again else label

    def _fact(self, entry: Entry, body: dict[str, Any]) -> None:
        """A leg without SIP messages: its facts, as the messages they stand for."""
        inbound = self._parties.legs[entry.leg].inbound
        if entry.kind == "LegCreated":
            self._arrow(entry, Look.SIP, entry.leg, "calls" if inbound else "is dialled", inwards=inbound)
        elif entry.kind == "LegEnded":
            outcome = str(body["outcome"]).replace("_", " ")
            self._arrow(entry, Look.SIP, entry.leg, f"ends: {outcome}", inwards=body.get("by") == "phone")
        else:
            label = "rings" if entry.kind == "LegRinging" else "answers"
            self._arrow(entry, Look.SIP, entry.leg, label, inwards=not inbound, reply=True)

    def _arrow(
        self, entry: Entry, look: Look, column: str, label: str, *, inwards: bool = True, reply: bool = False
    ) -> None:
        ends = (self._index[column], self._index["server"])
        source, target = ends if inwards else ends[::-1]
        answer = reply or label[:1].isdigit()
        self._add(entry, look, source, target, label, reply=answer, bad=answer and label[:1] in "456")

    def _note(self, entry: Entry, look: Look, label: str) -> None:
        column = self._index.get(entry.leg, self._index["server"])
        self._add(entry, look, column, column, label)

    def _add(
        self, entry: Entry, look: Look, source: int, target: int, label: str, *, reply: bool = False, bad: bool = False
    ) -> None:
        self._steps.append(Step(entry.at, look, source, target, plain(label), reply, bad))
