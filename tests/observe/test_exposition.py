"""What is written is what the library would write, and what its parser reads back."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from switchhook.observe.exposition import Family, Row
from switchhook.observe.metrics import Metrics

ROWS: list[Row] = [
    (("in", "2xx"), 3),
    (("out", 'a "word" \\ of\nours'), 0.25),
    (("ä", ""), -1.5),
    (("", "{}"), 123_456),
]


@pytest.mark.parametrize("kind", ["counter", "gauge"])
@pytest.mark.parametrize("labels", [("way", "word"), ("word", "way")], ids=["in order", "not in order"])
def test_a_family_is_written_as_the_library_writes_it(kind: str, labels: tuple[str, str]) -> None:
    theirs = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)("x_y", "What it is.", labels=labels)
    for values, figure in ROWS:
        theirs.add_metric(values, figure)

    class Collector:
        def collect(self) -> list[object]:
            return [theirs]

    registry = CollectorRegistry()
    registry.register(Collector())  # type: ignore[arg-type]
    name = "x_y_total" if kind == "counter" else "x_y"
    assert Family(name, kind, "What it is.", labels).write(ROWS).encode() == generate_latest(registry)


def test_a_figure_without_labels_and_a_family_without_figures() -> None:
    assert Family("x", "gauge", "d").write([((), 2)]) == "# HELP x d\n# TYPE x gauge\nx 2.0\n"
    assert Family("x", "gauge", "d", ("l",)).write([]) == "# HELP x d\n# TYPE x gauge\n"


def test_a_whole_page_can_be_read() -> None:
    metrics = Metrics()
    metrics.watch("large", "A large figure", lambda: 12_345_678)
    metrics.watch_words("words", "Words", ("wire", "note"), lambda: ("poll", 'no "ring" here'))
    read = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    assert [sample.value for sample in read["large"].samples] == [12_345_678.0]
    assert [sample.labels for sample in read["words"].samples] == [{"wire": "poll", "note": 'no "ring" here'}]
    assert {"switchhook_calls_live", "switchhook_webhook_seconds", "process_open_fds"} <= read.keys()
