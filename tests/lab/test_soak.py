"""The soak: a short one, and its auditor's eye for what was left over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from switchhook.exchange.ports import Entry
from switchhook.lab.soak import scenes
from switchhook.lab.soak.audit import NOTHING_LEFT, audit, left_over, read_figures
from switchhook.lab.soak.report import table
from switchhook.lab.soak.run import Soak


def lines(*told: tuple[str, dict[str, object]]) -> list[Entry]:
    return [Entry(float(at), kind, "call-1", "", body, "") for at, (kind, body) in enumerate(told)]


BEGAN = ("TransferStarted", {"transfer": {"id": "t1"}})
ENDED = ("TransferEnded", {"transfer": "t1", "outcome": "completed"})


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([BEGAN, ENDED], []),
        ([BEGAN], [("call-1", "TransferStarted t1 has 0 TransferEnded")]),
        ([BEGAN, ENDED, ENDED], [("call-1", "TransferStarted t1 has 2 TransferEnded")]),
        ([ENDED], [("", "TransferEnded t1 of nothing that began")]),
    ],
)
def test_everything_that_began_has_one_end(told, wrong) -> None:
    assert audit(lines(*told)).faults == wrong


def test_what_is_left_is_named() -> None:
    clean = dict.fromkeys(NOTHING_LEFT, 0.0) | {"switchhook_tasks": 6.0, "process_open_fds": 24.0}
    assert left_over(clean, clean) == []
    assert left_over(clean | {"switchhook_rooms_live": 2.0}, clean) == ["switchhook_rooms_live is 2, not 0"]
    assert left_over(clean | {"process_open_fds": 60.0}, clean) == ["process_open_fds is 60, was 24"]


def test_figures_are_read_with_their_labels() -> None:
    page = '# HELP a b\n# TYPE a gauge\na 1.5\nb_total{reason="bugs"} 2.0\n'
    assert read_figures(page) == {"a": 1.5, 'b_total{reason="bugs"}': 2.0}


@pytest.mark.slow
def test_a_short_soak_finds_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    say: Callable[[str], None] = said.append
    stories = (scenes.plain_call, scenes.warm_completed, scenes.cold_completed, scenes.two_step, scenes.conference)
    verdict = asyncio.run(Soak(tmp_path, seconds=8, seed=3, lanes=2, stories=stories, patient=False, say=say).run())
    assert verdict.good, "\n".join([*said, table(verdict)])
    assert sum(verdict.played.values()) >= 2
    assert verdict.journal.began["LegCreated"] >= 4


@pytest.mark.slow
def test_a_soak_sees_what_it_should_see(tmp_path: Path) -> None:
    """A story that expects what does not happen is a violation, told with the timeline of its call."""

    async def wrong(play) -> None:
        customer, _, _ = await scenes._dialled(play)
        await play.phase("nonsense", customer=frozenset())
        await customer.hang_up()

    soak = Soak(tmp_path, seconds=1, seed=3, lanes=1, stories=(wrong,), patient=False, say=lambda _: None)
    verdict = asyncio.run(soak.run())
    assert not verdict.good
    assert "nonsense" in verdict.violations[0].faults[0]
    assert "is connected" in (tmp_path / "violations.txt").read_text(encoding="utf-8")
