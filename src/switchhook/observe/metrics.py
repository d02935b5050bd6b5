"""Figures for Prometheus, most of them read from the journal's lines as they pass.

Counting is a dict addition; texts are written when somebody scrapes. Labels are enum values only, so a stranger's
text can never become a label. Figures that others keep (SIP drops, audio packets, queue lengths) are fetched at the
scrape through `watch`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from switchhook.core import facts
from switchhook.core.model import Kind, Side
from switchhook.exchange.ports import Entry
from switchhook.observe.exposition import Family, Row

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Histogram

E = TypeVar("E", bound=Enum)
TakeMessage = Callable[[float, str, str, bytes, str], None]  # when, leg, "in" or "out", the wire, the peer
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CALLS = Family("switchhook_calls_live", "gauge", "Calls with at least one leg")
_LEGS = Family("switchhook_legs_live", "gauge", "Legs that are not over")
_UPTIME = Family("switchhook_uptime_seconds", "gauge", "Time since the start")


class Dialect(Enum):
    PLIVO = "plivo"
    PHLO = "phlo"
    GENESYS = "genesys"
    NATIVE = "native"
    OTHER = "other"  # console, health, unknown paths


class WebhookResult(Enum):
    OK = "ok"  # 2xx
    REFUSED = "refused"  # any other status
    FAILED = "failed"  # no whole answer came


class Way(Enum):
    IN = "in"
    OUT = "out"


class SipWord(Enum):
    """A SIP method, or the class of an answer."""

    INVITE = "INVITE"
    ACK = "ACK"
    BYE = "BYE"
    CANCEL = "CANCEL"
    OPTIONS = "OPTIONS"
    REGISTER = "REGISTER"
    INFO = "INFO"
    NOTIFY = "NOTIFY"
    REFER = "REFER"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    GLOBAL_ERROR = "6xx"
    OTHER = "other"


class Tally:
    """A counter with a fixed number of labels, each an Enum member."""

    def __init__(self, name: str, doc: str, labels: tuple[str, ...]) -> None:
        self._family = Family(f"{name}_total", "counter", doc, labels)
        self._counts: dict[tuple[Enum, ...], list[float]] = {}  # each count in a cell of its own: found by one look

    def add(self, *members: Enum, by: float = 1) -> None:
        """Counts once more; raises TypeError for a label that is no enum member."""
        cell = self._counts.get(members)
        if cell is None:
            family = self._family
            if len(members) != len(family.labels) or not all(isinstance(member, Enum) for member in members):
                raise TypeError(f"{family.name} takes {len(family.labels)} enum members, not {members!r}")
            cell = self._counts[members] = [0]
        cell[0] += by

    def write(self) -> str:
        """Returns the counter's part of a page."""
        counts = [(tuple([str(member.value) for member in key]), cell[0]) for key, cell in self._counts.items()]
        return self._family.write(sorted(counts))


class Metrics:
    """All figures of one server: of every fact, every SIP message of a leg, and every other line of the journal."""

    def __init__(self) -> None:
        self.legs = Tally("switchhook_legs_ended", "Legs that are over", ("direction", "outcome"))
        self.transfers = Tally("switchhook_transfers_ended", "Transfers that are over", ("kind", "outcome"))
        self.http = Tally("switchhook_http_requests", "HTTP requests answered", ("dialect", "status"))
        self.webhooks = Tally("switchhook_webhooks", "HTTP requests sent", ("result",))
        self.sip = Tally("switchhook_sip_messages", "SIP messages", ("way", "word"))
        self.warnings = Tally("switchhook_warnings", "Warnings in the journal", ())
        self._tallies = (self.legs, self.transfers, self.http, self.webhooks, self.sip, self.warnings)
        self._live: dict[str, tuple[str, Enum]] = {}  # leg -> call, direction
        self._calls: Counter[str] = Counter()
        self._kinds: dict[str, Kind] = {}
        self._cells: dict[tuple[str, bytes], list[Any]] = {}  # by a message's first bytes, which tell its word
        self._watched: list[Callable[[], str]] = []
        self._started = monotonic()
        self._take: dict[str, Callable[[Entry], None]] = {
            "HttpRequest": self._http,
            "HttpReply": self._http,
            "Webhook": self._webhook,
            "Warning": lambda _entry: self.warnings.add(),
        }
        self._count: dict[type, Callable[[Any], None]] = {
            facts.LegCreated: self._leg_created,
            facts.LegEnded: self._leg_ended,
            facts.TransferStarted: self._transfer_started,
            facts.TransferEnded: self._transfer_ended,
        }

    @property
    def live_legs(self) -> int:
        return len(self._live)

    @property
    def live_calls(self) -> int:
        return len(self._calls)

    def take(self, entry: Entry) -> None:
        """Counts one journal line; a line that does not look as expected is counted as far as it goes."""
        take = self._take.get(entry.kind)
        if take is not None:
            take(entry)

    @property
    def counted(self) -> frozenset[type[facts.Fact]]:
        """The kinds of fact that `fact` counts."""
        return frozenset(self._count)

    def fact(self, fact: facts.Fact) -> None:
        """Counts one fact."""
        count = self._count.get(type(fact))
        if count is not None:
            count(fact)

    def counting(self, take: TakeMessage) -> TakeMessage:
        """Returns a taker of SIP messages that counts each, by its method or the class of its status."""
        cells, new_cell = self._cells, self._cell

        def counted(at: float, leg: str, way: str, wire: bytes, peer: str) -> None:
            try:
                cells[way, wire[:9]][2] += 1
            except KeyError:
                new_cell(way, wire)[2] += 1
            take(at, leg, way, wire, peer)

        return counted

    def watch(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Shows a gauge that is read at each scrape, such as the journal's queue."""
        family = Family(name, "gauge", doc)
        self._watched.append(lambda: family.write([((), read())]))

    def watch_counts(self, name: str, doc: str, label: str, read: Callable[[], Mapping[Enum, float]]) -> None:
        """Shows a counter per enum member that is read at each scrape, such as SIP messages dropped by reason."""
        family = Family(f"{name}_total", "counter", doc, (label,))

        def write() -> str:
            rows: list[Row] = []
            for member, count in read().items():
                if not isinstance(member, Enum):
                    raise TypeError(f"{name} takes enum members, not {member!r}")
                rows.append(((str(member.value),), count))
            return family.write(rows)

        self._watched.append(write)

    def watch_words(
        self, name: str, doc: str, labels: tuple[str, ...], read: Callable[[], tuple[str, ...] | None]
    ) -> None:
        """Shows a 1 with words of our own as labels (never a stranger's), such as what runs and why."""
        family = Family(name, "gauge", doc, labels)
        self._watched.append(lambda: family.write([(words, 1.0)] if (words := read()) is not None else []))

    def render(self) -> bytes:
        """Returns the page for `/metrics` (`CONTENT_TYPE`)."""
        from prometheus_client import generate_latest

        self._fold_cells()
        own = [
            _CALLS.write([((), self.live_calls)]),
            _LEGS.write([((), self.live_legs)]),
            _UPTIME.write([((), monotonic() - self._started)]),
            *(tally.write() for tally in self._tallies),
            *(write() for write in self._watched),
        ]
        return "".join(own).encode() + generate_latest(self._counted_by_library[0])

    @cached_property
    def _counted_by_library(self) -> tuple[CollectorRegistry, Histogram]:
        """What the library shows, and the only figure that it counts; made when first needed: it loads long."""
        from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

        registry = CollectorRegistry()
        seconds = Histogram(
            "switchhook_webhook_seconds", "Time until a webhook was answered", registry=registry, buckets=_BUCKETS_S
        )
        ProcessCollector(registry=registry)
        return registry, seconds

    # --- journal lines ----------------------------------------------------------------------------------------------

    def _leg_created(self, fact: facts.LegCreated) -> None:
        leg = fact.leg
        if leg.id not in self._live:
            self._calls[leg.call] += 1
        self._live[leg.id] = (leg.call, leg.side)

    def _leg_ended(self, fact: facts.LegEnded) -> None:
        call, side = self._live.pop(fact.leg, (None, Side.INBOUND))
        if call is not None:
            self._calls[call] -= 1
            if self._calls[call] <= 0:
                del self._calls[call]
        self.legs.add(side, fact.outcome)

    def _transfer_started(self, fact: facts.TransferStarted) -> None:
        self._kinds[fact.transfer.id] = fact.transfer.plan.kind

    def _transfer_ended(self, fact: facts.TransferEnded) -> None:
        self.transfers.add(self._kinds.pop(fact.transfer, Kind.WARM), fact.outcome)

    def _http(self, entry: Entry) -> None:
        if status := _whole(entry.body.get("status")):
            self.http.add(_member(Dialect, entry.body.get("dialect"), Dialect.OTHER), _status(status))

    def _webhook(self, entry: Entry) -> None:
        status = _whole(entry.body.get("status"))
        ms = entry.body.get("ms")
        if isinstance(ms, int | float):
            self._counted_by_library[1].observe(ms / 1000)
        answered = WebhookResult.OK if 200 <= status < 300 else WebhookResult.REFUSED
        self.webhooks.add(answered if status and not entry.body.get("error") else WebhookResult.FAILED)

    def _cell(self, way: str, wire: bytes) -> list[Any]:
        """A cell for messages that begin so. Beginnings are strangers' texts: beyond some, they are counted at once."""
        member, word = _member(Way, way, Way.IN), _sip_word(wire[:16].decode("ascii", "replace"))
        if len(self._cells) < _CELLS:
            return self._cells.setdefault((way, wire[:9]), [member, word, 0])
        self.sip.add(member, word)
        return [member, word, 0]

    def _fold_cells(self) -> None:
        for cell in self._cells.values():
            if cell[2]:
                self.sip.add(cell[0], cell[1], by=cell[2])
                cell[2] = 0


def _member(cls: type[E], value: object, otherwise: E) -> E:
    try:
        return cls(value)
    except ValueError:
        return otherwise


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _status(status: int) -> Enum:
    return _member(HTTPStatus, status, HTTPStatus.INTERNAL_SERVER_ERROR if status >= 500 else HTTPStatus.BAD_REQUEST)


_CELLS = 1000  # a telephone's address may begin in any way: `ACK sip:a`


def _sip_word(first_line: str) -> SipWord:
    if found := re.match(r"SIP/2\.0 ([1-6])\d\d", first_line):
        return SipWord(f"{found[1]}xx")
    return _member(SipWord, first_line.partition(" ")[0], SipWord.OTHER)
