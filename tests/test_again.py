"""Who is told again: a test that failed while it was kept waiting, and nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import again


class Waited:
    """Stands in the place of `Waits`: what the machine did, one time after the other."""

    def __init__(self, *seconds: float) -> None:
        self.left = list(seconds)

    def __call__(self, pids: Any) -> Waited:
        return self

    def __enter__(self) -> Waited:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def longest_s(self) -> float:
        return self.left.pop(0)

    def worst_s(self) -> float:
        return again.OFTEN_S


def report(outcome: str) -> Any:
    return pytest.TestReport("a.py::b", ("a.py", 7, "b"), {}, outcome, "assert 1 == 2", "call")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waited", "outcomes", "ends"),
    [
        ([0.0], ["passed"], "passed"),
        ([0.9], ["passed"], "passed"),
        ([0.01], ["failed"], "failed"),
        ([0.1, 0.1], ["failed", "passed"], "passed"),
        ([0.1, 0.01], ["failed", "failed"], "failed"),  # it fails in itself
        ([0.9, 0.9, 0.1], ["failed"] * 3, "failed"),
        ([0.9, 0.9, 0.3], ["failed"] * 3, "skipped"),
        ([0.9, 0.9, 0.9], ["failed", "failed", "passed"], "passed"),
    ],
)
def test_a_test_is_told_again_only_when_it_failed_and_was_kept_waiting(
    waited: list[float], outcomes: list[str], ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, waits = list(outcomes), Waited(*waited)
    item: Any = SimpleNamespace(_initrequest=lambda: None, _fixtureinfo=SimpleNamespace(name2fixturedefs={}))
    monkeypatch.setattr(again, "Waits", waits)
    monkeypatch.setattr(again, "runtestprotocol", lambda *_, **__: [report(told.pop(0))])
    (last,) = again.told(item, None)
    assert (last.outcome, told, waits.left) == (ends, [], [])
    if ends == "skipped":
        assert last.longrepr == (
            "a.py", 7, "Skipped: the machine kept it waiting for 900, 900, 300 ms; it said: assert 1 == 2",
        )  # fmt: skip
