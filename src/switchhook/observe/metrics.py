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
from http import HTTPStatus
from time import monotonic
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from switchhook.core.model import Kind, Side, TransferOutcome
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Entry

E = TypeVar("E", bound=Enum)
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
        self._counts: Counter[tuple[Enum, ...]] = Counter()

    def add(self, *members: Enum, by: float = 1) -> None:
        """Counts once more; raises TypeError for a label that is no enum member."""
        if members not in self._counts and (
            len(members) != len(self.labels) or not all(isinstance(member, Enum) for member in members)
        ):
            raise TypeError(f"{self.name} takes {len(self.labels)} enum members, not {members!r}")
        self._counts[members] += by  # type: ignore[assignment]

    def family(self) -> Metric:
        family = CounterMetricFamily(self.name, self.doc, labels=self.labels)
        for values, count in sorted((tuple(str(m.value) for m in key), count) for key, count in self._counts.items()):
            family.add_metric(values, count)
        return family


class Metrics(Collector):
    """All figures of one server. `take` is called for each journal line."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.legs = Tally("switchhook_legs_ended", "Legs that are over", ("direction", "outcome"))
        self.transfers = Tally("switchhook_transfers_ended", "Transfers that are over", ("kind", "outcome"))
        self.http = Tally("switchhook_http_requests", "HTTP requests answered", ("dialect", "status"))
        self.webhooks = Tally("switchhook_webhooks", "HTTP requests sent", ("result",))
        self.sip = Tally("switchhook_sip_messages", "SIP messages", ("way", "word"))
        self.warnings = Tally("switchhook_warnings", "Warnings in the journal", ())
        self._tallies = (self.legs, self.transfers, self.http, self.webhooks, self.sip, self.warnings)
        buckets = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
        self.webhook_seconds = Histogram(
            "switchhook_webhook_seconds", "Time until a webhook was answered", registry=self.registry, buckets=buckets
        )
        self._live: dict[str, tuple[str, Enum]] = {}  # leg -> call, direction
        self._calls: Counter[str] = Counter()
        self._kinds: dict[str, Kind] = {}
        # A response is told by its status, a request by its method: few enough for a cell each, found without work.
        words = {f"SIP/2.0 {status}": SipWord(f"{status // 100}xx") for status in range(100, 700)}
        words |= {word.value: word for word in SipWord if word.value.isupper()}
        self._cells: dict[tuple[object, str], list[Any]] = {
            (way.value, head): [way, word, 0] for way in Way for head, word in words.items()
        }
        self._watched: list[Callable[[], Metric]] = []
        self._started = monotonic()
        self._take: dict[str, Callable[[Entry], None]] = {
            "LegCreated": self._leg_created,
            "LegEnded": self._leg_ended,
            "TransferStarted": self._transfer_started,
            "TransferEnded": self._transfer_ended,
            "HttpRequest": self._http,
            "HttpReply": self._http,
            "Webhook": self._webhook,
            "SipMessage": self._sip_message,
            "Warning": lambda _entry: self.warnings.add(),
        }
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

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

    def watch(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Shows a gauge that is read at each scrape, such as the journal's queue."""

        def family() -> Metric:
            return GaugeMetricFamily(name, doc, value=float(read()))

        self._watched.append(family)

    def watch_counts(self, name: str, doc: str, label: str, read: Callable[[], Mapping[Enum, float]]) -> None:
        """Shows a counter per enum member that is read at each scrape, such as SIP messages dropped by reason."""

        def family() -> Metric:
            counts = CounterMetricFamily(name, doc, labels=(label,))
            for member, count in read().items():
                if not isinstance(member, Enum):
                    raise TypeError(f"{name} takes enum members, not {member!r}")
                counts.add_metric((str(member.value),), count)
            return counts

        self._watched.append(family)

    def render(self) -> bytes:
        """Returns the page for `/metrics` (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
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

    def _leg_created(self, entry: Entry) -> None:
        leg = entry.body.get("leg")
        side = leg.get("side") if isinstance(leg, dict) else None
        if entry.leg not in self._live:
            self._calls[entry.call] += 1
        self._live[entry.leg] = (entry.call, _member(Side, side, Side.INBOUND))

    def _leg_ended(self, entry: Entry) -> None:
        call, side = self._live.pop(entry.leg, (None, Side.INBOUND))
        if call is not None:
            self._calls[call] -= 1
            if self._calls[call] <= 0:
                del self._calls[call]
        self.legs.add(side, _member(Outcome, entry.body.get("outcome"), Outcome.FAILED))

    def _transfer_started(self, entry: Entry) -> None:
        transfer = entry.body.get("transfer")
        if isinstance(transfer, dict):
            self._kinds[str(transfer.get("id"))] = _member(Kind, (transfer.get("plan") or {}).get("kind"), Kind.WARM)

    def _transfer_ended(self, entry: Entry) -> None:
        kind = self._kinds.pop(str(entry.body.get("transfer")), Kind.WARM)
        self.transfers.add(kind, _member(TransferOutcome, entry.body.get("outcome"), TransferOutcome.UNREACHABLE))

    def _http(self, entry: Entry) -> None:
        if status := _whole(entry.body.get("status")):
            self.http.add(_member(Dialect, entry.body.get("dialect"), Dialect.OTHER), _status(status))

    def _webhook(self, entry: Entry) -> None:
        status = _whole(entry.body.get("status"))
        ms = entry.body.get("ms")
        if isinstance(ms, int | float):
            self.webhook_seconds.observe(ms / 1000)
        answered = WebhookResult.OK if 200 <= status < 300 else WebhookResult.REFUSED
        self.webhooks.add(answered if status and not entry.body.get("error") else WebhookResult.FAILED)

    def _sip_message(self, entry: Entry) -> None:
        line, direction = str(entry.body.get("first_line", "")), entry.body.get("direction")
        cell = self._cells.get((direction, line[:11] if line.startswith("SIP/2.0 ") else line[: line.find(" ")]))
        if cell is not None:
            cell[2] += 1
        else:
            self.sip.add(_member(Way, direction, Way.IN), _sip_word(line))

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


def _sip_word(first_line: str) -> SipWord:
    if found := re.match(r"SIP/2\.0 ([1-6])\d\d", first_line):
        return SipWord(f"{found[1]}xx")
    return _member(SipWord, first_line.partition(" ")[0], SipWord.OTHER)
