"""Figures for Prometheus, most of them read from the journal's lines as they pass.

Counting is a dict addition; families are built when somebody scrapes. Labels are enum values only, so a stranger's
text can never become a label. Figures that others keep (SIP drops, audio packets, queue lengths) are fetched at the
scrape through `watch`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from switchhook.core import facts
from switchhook.core.model import Kind, Side
from switchhook.exchange.ports import Entry

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Histogram
    from prometheus_client.metrics_core import Metric

E = TypeVar("E", bound=Enum)
TakeMessage = Callable[[float, str, str, bytes, str], None]  # when, leg, "in" or "out", the wire, the peer
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


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
        self.name, self.doc, self.labels = name, doc, labels
        self._counts: dict[tuple[Enum, ...], list[float]] = {}  # each count in a cell of its own: found by one look

    def add(self, *members: Enum, by: float = 1) -> None:
        """Counts once more; raises TypeError for a label that is no enum member."""
        cell = self._counts.get(members)
        if cell is None:
            if len(members) != len(self.labels) or not all(isinstance(member, Enum) for member in members):
                raise TypeError(f"{self.name} takes {len(self.labels)} enum members, not {members!r}")
            cell = self._counts[members] = [0]
        cell[0] += by

    def family(self) -> Metric:
        from prometheus_client.metrics_core import CounterMetricFamily

        family = CounterMetricFamily(self.name, self.doc, labels=self.labels)
        for values, (count,) in sorted((tuple(str(m.value) for m in key), cell) for key, cell in self._counts.items()):
            family.add_metric(values, count)
        return family


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
        self._watched: list[Callable[[], Metric]] = []
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
            cell = cells.get((way, wire[:9])) or new_cell(way, wire)
            cell[2] += 1
            take(at, leg, way, wire, peer)

        return counted

    def watch(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Shows a gauge that is read at each scrape, such as the journal's queue."""

        def family() -> Metric:
            from prometheus_client.metrics_core import GaugeMetricFamily

            return GaugeMetricFamily(name, doc, value=float(read()))

        self._watched.append(family)

    def watch_counts(self, name: str, doc: str, label: str, read: Callable[[], Mapping[Enum, float]]) -> None:
        """Shows a counter per enum member that is read at each scrape, such as SIP messages dropped by reason."""

        def family() -> Metric:
            from prometheus_client.metrics_core import CounterMetricFamily

            counts = CounterMetricFamily(name, doc, labels=(label,))
            for member, count in read().items():
                if not isinstance(member, Enum):
                    raise TypeError(f"{name} takes enum members, not {member!r}")
                counts.add_metric((str(member.value),), count)
            return counts

        self._watched.append(family)

    def watch_words(
        self, name: str, doc: str, labels: tuple[str, ...], read: Callable[[], tuple[str, ...] | None]
    ) -> None:
        """Shows a 1 with words of our own as labels (never a stranger's), such as what runs and why."""

        def family() -> Metric:
            from prometheus_client.metrics_core import GaugeMetricFamily

            shown = GaugeMetricFamily(name, doc, labels=labels)
            words = read()
            if words is not None:
                shown.add_metric(words, 1.0)
            return shown

        self._watched.append(family)

    def render(self) -> bytes:
        """Returns the page for `/metrics` (`CONTENT_TYPE`)."""
        from prometheus_client import generate_latest

        return generate_latest(self._exposed[0])

    @cached_property
    def _exposed(self) -> tuple[CollectorRegistry, Histogram]:
        """What a page shows, and the only figure that the library counts; made when first needed: it loads long."""
        from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

        registry = CollectorRegistry()
        seconds = Histogram(
            "switchhook_webhook_seconds", "Time until a webhook was answered", registry=registry, buckets=_BUCKETS_S
        )
        registry.register(self)  # it asks for no more than `collect` and `describe`
        ProcessCollector(registry=registry)
        return registry, seconds

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        yield GaugeMetricFamily("switchhook_calls_live", "Calls with at least one leg", value=self.live_calls)
        yield GaugeMetricFamily("switchhook_legs_live", "Legs that are not over", value=self.live_legs)
        yield GaugeMetricFamily("switchhook_uptime_seconds", "Time since the start", value=monotonic() - self._started)
        self._fold_cells()
        for tally in self._tallies:
            yield tally.family()
        for family in self._watched:
            yield family()

    def describe(self) -> Iterator[Metric]:
        return iter(())  # names come at the scrape; nothing is looked at before

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
            self._exposed[1].observe(ms / 1000)
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
