"""A flood of requests that are refused is counted, and fills no journal; whoever may ask has every line."""

from __future__ import annotations

from switchhook.app import MAX_REFUSED, REFUSED_PER_S, CountedJournal
from switchhook.exchange.ports import Entry
from switchhook.observe.metrics import Metrics


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.append = self.entries.append
        self.facts = self.message = lambda *_: None


def request(at: float, status: int, kind: str = "HttpRequest") -> Entry:
    return Entry(at, kind, "", "", {"dialect": "plivo", "status": status})


def test_a_flood_of_refused_requests_is_counted_and_few_of_it_are_kept() -> None:
    kept, metrics = Kept(), Metrics()
    lines = CountedJournal(kept, metrics)  # type: ignore[arg-type]
    for n in range(3 * MAX_REFUSED):
        lines.append(request(100.0, (401, 429)[n % 2]))
    assert len(kept.entries) == MAX_REFUSED
    assert lines.left_out == 2 * MAX_REFUSED
    for n in range(100):
        lines.append(request(100.0 + n / 50, 401))
    assert len(kept.entries) == MAX_REFUSED + 2 * REFUSED_PER_S - 1
    counted = f'{{dialect="plivo",status="401"}} {1.5 * MAX_REFUSED + 100}'
    assert counted in metrics.render().decode()


def test_every_other_line_is_kept_meanwhile() -> None:
    kept = Kept()
    lines = CountedJournal(kept, Metrics())  # type: ignore[arg-type]
    for _ in range(3 * MAX_REFUSED):
        lines.append(request(100.0, 401))
        lines.append(request(100.0, 200))
        lines.append(request(100.0, 401, "Webhook"))
    assert len(kept.entries) == 7 * MAX_REFUSED
