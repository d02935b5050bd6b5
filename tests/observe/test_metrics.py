"""Figures follow the journal, and labels come from closed lists only."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import pytest

from switchhook.exchange.ports import Entry
from switchhook.observe.metrics import Metrics, Tally
from switchhook.sip.connection import Dropped
from switchhook.sip.counters import Counters
from switchhook.sip.overload import Reason
from tests.observe.story import encoding, story

OPERATING = Path(__file__).parent.parent.parent / "docs" / "operate.md"


def test_every_count_of_sip_is_explained_to_operators() -> None:
    explained = OPERATING.read_text(encoding="utf-8")
    assert [name for name in Counters().by_reason() if f"`{name}`" not in explained] == []
    assert [reason.value for reason in (*Dropped, *Reason) if f"`{reason.value}`" not in explained] == []


class Colour(Enum):
    RED = "red"


def count(metrics: Metrics, entry: Entry) -> None:
    """Counts a line as a server does: facts as facts, messages as bytes."""
    if entry.kind in {kind.__name__ for kind in metrics.counted}:
        metrics.fact(encoding.read(entry.kind, entry.body))
    elif entry.kind == "SipMessage":
        count_message(metrics, str(entry.body["direction"]), str(entry.body["first_line"]).encode() + b"\r\n")
    else:
        metrics.take(entry)


def count_message(metrics: Metrics, way: str, wire: bytes) -> None:
    metrics.counting(lambda *_: None)(0.0, "leg", way, wire, "udp:192.0.2.1:5060")


def page(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_a_whole_call_leaves_its_marks_and_nothing_live() -> None:
    metrics = Metrics()
    lines = story()
    for entry in lines[:20]:
        count(metrics, entry)
    assert (metrics.live_calls, metrics.live_legs) == (1, 2)
    assert "switchhook_calls_live 1.0" in page(metrics)

    for entry in lines[20:]:
        count(metrics, entry)

    shown = page(metrics)
    assert (metrics.live_calls, metrics.live_legs) == (0, 0)
    for line in (
        'switchhook_legs_ended_total{direction="outbound",outcome="completed"} 2.0',
        'switchhook_legs_ended_total{direction="inbound",outcome="completed"} 1.0',
        'switchhook_transfers_ended_total{kind="warm",outcome="completed"} 1.0',
        'switchhook_http_requests_total{dialect="plivo",status="201"} 1.0',
        'switchhook_webhooks_total{result="ok"} 1.0',
        'switchhook_webhooks_total{result="failed"} 1.0',
        'switchhook_sip_messages_total{way="in",word="INVITE"} 1.0',
        'switchhook_sip_messages_total{way="in",word="6xx"} 1.0',
        "switchhook_webhook_seconds_count 2.0",
        "switchhook_warnings_total 1.0",
    ):
        assert line in shown, line


def test_a_message_that_is_counted_goes_on_as_it_came() -> None:
    kept: list[object] = []
    metrics = Metrics()
    take = metrics.counting(lambda *message: kept.append(message))
    messages = [(float(n), "leg", "out", b"BYE sip:a@b SIP/2.0\r\n\r\n", "udp:10.0.0.1:5060") for n in range(2)]
    for message in messages:
        take(*message)
    assert kept == messages
    assert 'switchhook_sip_messages_total{way="out",word="BYE"} 2.0' in page(metrics)


def test_texts_of_strangers_never_become_labels() -> None:
    metrics = Metrics()
    for number in range(1500):
        count_message(metrics, "sideways", f'EVIL{number}"}} x\r\n'.encode())
    metrics.take(Entry(0, "HttpRequest", "", "", {"dialect": "evil", "status": 799}))
    assert "evil" not in metrics.render().decode().lower()
    assert 'switchhook_sip_messages_total{way="in",word="other"} 1500.0' in page(metrics)


def test_only_enum_members_are_labels() -> None:
    tally = Tally("x", "y", ("colour",))
    tally.add(Colour.RED, by=2)
    with pytest.raises(TypeError):
        tally.add("red")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        tally.add(Colour.RED, Colour.RED)


def test_figures_that_others_keep_are_read_at_the_scrape() -> None:
    metrics = Metrics()
    queue = [1, 2, 3]
    metrics.watch("switchhook_journal_waiting", "Lines not on disk", lambda: len(queue))
    metrics.watch_counts("switchhook_sip_dropped", "Dropped", "reason", lambda: {Colour.RED: 4})
    assert "switchhook_journal_waiting 3.0" in page(metrics)
    queue.clear()
    shown = page(metrics)
    assert "switchhook_journal_waiting 0.0" in shown
    assert 'switchhook_sip_dropped_total{reason="red"} 4.0' in shown


def test_counts_without_an_enum_are_refused() -> None:
    metrics = Metrics()
    metrics.watch_counts("a", "b", "c", lambda: {"red": 1})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        metrics.render()


def test_a_leg_named_twice_counts_once() -> None:
    metrics = Metrics()
    created = next(entry for entry in story() if entry.kind == "LegCreated")
    count(metrics, created)
    count(metrics, created)
    assert (metrics.live_calls, metrics.live_legs) == (1, 1)
