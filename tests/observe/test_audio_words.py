"""What a timeline says of a leg's audio at its end."""

from __future__ import annotations

import pytest

from switchhook.exchange.ports import Entry, MediaStats
from switchhook.observe.timeline import timeline

LEG, CALL = "1001-leg", "call"


def told(**counted: object) -> str:
    stats = MediaStats(received=1_500, sent=1_400, jitter_ms=4.25, remote_jitter_ms=3.0, **counted)  # type: ignore[arg-type]
    body: dict[str, object] = {name: getattr(stats, name) for name in MediaStats.__slots__}
    lines = timeline([Entry(1.0, "Noted", CALL, "", {"text": "x"}), Entry(2.0, "MediaStats", CALL, LEG, body)])
    return lines.partition("audio packets of ")[2].strip()


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ({}, ""),
        ({"remote_lost": -2, "strangers": 3}, ""),  # strangers have a line of their own, also while the call is up
        ({"lost": 12}, "1001-leg: 12 lost (of 1512, jitter 4.2 ms)"),
        ({"lost": 1, "late": 7, "duplicated": 2}, "1001-leg: 1 lost, 7 too late, 2 doubled (of 1499, jitter 4.2 ms)"),
        ({"remote_lost": 9}, "1001-leg: 9 of ours lost on the way to it (jitter 3.0 ms)"),
        (
            {"late": 1, "remote_lost": 9},
            "1001-leg: 1 too late (of 1500, jitter 4.2 ms), 9 of ours lost on the way to it (jitter 3.0 ms)",
        ),
    ],
)
def test_what_did_not_come_is_told_and_nothing_when_all_came(counted: dict[str, object], said: str) -> None:
    assert told(**counted) == said


def test_a_line_of_another_version_does_no_harm() -> None:
    assert "written by another version" in timeline([Entry(1.0, "MediaStats", CALL, LEG, {"lost": 3})])
