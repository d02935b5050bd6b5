"""The soak: a short one, and its auditor's eye for what was left over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from switchhook.exchange.ports import Entry
from switchhook.lab.faults import LinkCount
from switchhook.lab.soak import scenes
from switchhook.lab.soak.__main__ import main
from switchhook.lab.soak.audit import (
    NOTHING_LEFT,
    REMEMBERED,
    SAME_AGAIN,
    Audit,
    left_over,
    read_figures,
    wrong_rows,
)
from switchhook.lab.soak.injected import WAYS, Injected, missed
from switchhook.lab.soak.ledger import Ledger
from switchhook.lab.soak.play import Around, Phase, Play
from switchhook.lab.soak.processes import MOST_GROWTH_KB, Seen, alive, grown, look
from switchhook.lab.soak.report import table
from switchhook.lab.soak.run import Soak
from switchhook.lab.tones import BUSY, MUSIC, RINGBACK, SILENCE
from switchhook.lab.world import World


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
    found = Audit()
    for line in lines(*told):
        found.take(line)
    assert found.faults() == wrong


@pytest.mark.parametrize("minutes", ["0", "-1", "abc"])
def test_a_soak_of_no_length_is_refused(minutes: str) -> None:
    result = CliRunner().invoke(main, ["--minutes", minutes])
    assert result.exit_code == 2
    assert "--minutes" in result.output


def test_a_soak_that_is_stopped_gives_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped(soak: Soak) -> None:
        soak.verdict.played["hold"] = 3
        raise KeyboardInterrupt

    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(Soak, "run", stopped)
    result = CliRunner().invoke(main, ["--folder", str(tmp_path)])
    assert result.exit_code == 130
    assert "stopped: 3 scenes, 0 violations" in result.output
    assert "no verdict" in result.output


def test_what_is_left_is_named() -> None:
    clean = dict.fromkeys(NOTHING_LEFT, 0.0) | dict.fromkeys(SAME_AGAIN, 6.0) | {"process_open_fds": 24.0}
    assert left_over(clean, clean) == []
    assert left_over(clean | {"switchhook_rooms_live": 2.0}, clean) == ["switchhook_rooms_live is 2, not 0"]
    assert left_over(clean | {"process_open_fds": 60.0}, clean) == ["process_open_fds is 60, was 24"]
    timers = clean | {"switchhook_sip_timers": 60.0}
    assert left_over(timers, clean) == ["switchhook_sip_timers is 60, was 6"]
    assert left_over(timers, clean, REMEMBERED) == []


@pytest.mark.parametrize("name", [*NOTHING_LEFT, *SAME_AGAIN])
def test_a_figure_that_the_server_does_not_tell_is_no_zero(name: str) -> None:
    told = dict.fromkeys([*NOTHING_LEFT, *SAME_AGAIN], 0.0)
    del told[name]
    assert left_over(told, told) == [f"{name} is not told"]


def test_each_row_is_of_something_in_the_journal() -> None:
    found = Audit()
    for line in lines(BEGAN, ENDED):
        found.take(line)
    rows = {"entry": 9, "leg": 0, "transfer": 1, "recording": 0, "object": 0, "ended_room": 0}
    assert wrong_rows(rows, found) == []
    assert wrong_rows(rows | {"transfer": 2}, found) == ["2 rows of transfer, and 1 TransferStarted in the journal"]
    assert wrong_rows(rows | {"recording": 1}, found) == ["1 rows of recording, and 0 RecordingFinished in the journal"]
    assert wrong_rows(rows | {"object": 3}, found) == ["3 rows of object, which should have none"]


def test_a_soak_to_which_nothing_happened_is_no_proof() -> None:
    def links(count: LinkCount) -> Injected:
        return Injected(dict.fromkeys(WAYS, count), kills=1, hooks_failed=1, died=1)

    all_of_it = links(LinkCount(2_500, 1, 1, 1))
    assert missed(all_of_it, 250, 130.0, 40.0) == []
    assert missed(Injected(), 9, 100.0, 40.0) == []  # too short to tell
    assert missed(links(LinkCount(2_500, 0, 1, 1)), 9, 10.0, 40.0) == [
        f"{way}: none of 2500 datagrams was lost" for way in WAYS
    ]
    assert len(missed(links(LinkCount(2_500, 1, 0, 0)), 9, 10.0, 40.0)) == 2 * len(WAYS)
    nothing = missed(Injected(), 250, 130.0, 40.0)
    assert len(nothing) == 3 * len(WAYS) + 3
    assert nothing[-3:] == ["no audio process was killed in 130 s", "no callback failed", "no telephone died"]


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
    assert set(verdict.injected.links) == set(WAYS)  # all that every telephone says and hears passes a bad link
    assert all(link.offered for link in verdict.injected.links.values())


@pytest.mark.slow
def test_a_soak_sees_what_it_should_see(tmp_path: Path) -> None:
    """A story that expects what does not happen is a violation, told with the timeline of its call."""

    async def wrong(play) -> None:
        customer, _, _ = await scenes.dialled(play)
        await play.phase("nonsense", customer=frozenset())
        await customer.hang_up()

    soak = Soak(tmp_path, seconds=1, seed=3, lanes=1, stories=(wrong,), patient=False, say=lambda _: None)
    verdict = asyncio.run(soak.run())
    assert not verdict.good
    assert "nonsense" in verdict.violations[0].faults[0]
    assert "is connected" in (tmp_path / "violations.txt").read_text(encoding="utf-8")


# --- the ledger: the journal, judged while it grows


async def journal_of(world: World) -> list[Entry]:
    """A warm transfer from the first ring to the last BYE, as it was written."""
    customer, agent, target = await world.phones("customer", "agent", "target")
    await world.talking(customer, agent)
    await world.phlo.warm_transfer(trigger_source=agent, to=target)
    await target.is_ringing()
    await target.answer()
    await agent.hang_up()
    await customer.hears(target.name)
    await world.everybody_hangs_up()
    return list(world.entries)


def doubts(entries: list[Entry]) -> list[str]:
    ledger = Ledger()
    for start in range(0, len(entries), 7):
        ledger.take(entries[start : start + 7])
    return ledger.read(last=True)


async def test_a_true_journal_leaves_no_doubt(world: World) -> None:
    entries = await journal_of(world)
    ledger = Ledger()
    ledger.take(entries)
    assert ledger.read(last=True) == []
    assert ledger.transfers == {("warm", "completed"): 1}
    assert doubts(entries) == []
    by_call = sorted(entries, key=lambda entry: (entry.call, entry.at))  # as lines written together may come
    assert doubts(by_call) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [("HearingChanged", "must hear"), ("LegEnded", "has 0 LegEnded"), ("MemberJoined", "must hear")],
)
async def test_a_line_that_is_missing_is_noticed(world: World, kind: str, said: str) -> None:
    entries = await journal_of(world)
    missing = next(n for n, entry in enumerate(entries) if entry.kind == kind)
    found = doubts(entries[:missing] + entries[missing + 1 :])
    assert any(said in each for each in found), found


# --- the processes


def seen(memory_kb: int, descriptors: int = 20) -> dict[str, Seen]:
    return {"control": Seen(1, memory_kb, descriptors)}


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (seen(70_000), []),
        (seen(70_000 + MOST_GROWTH_KB["control"] + 1), ["memory of control is 76.0 MB, was 70.0 MB"]),
        (seen(60_000, 21), ["control has 21 file descriptors, had 20"]),
        ({}, ["the control process is gone"]),
    ],
)
def test_what_a_process_has_more_is_named(after: dict[str, Seen], said: list[str]) -> None:
    assert grown(seen(70_000), after) == said


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only where the system shows its processes")
def test_a_process_is_looked_at_and_its_database_is_not_counted(tmp_path: Path) -> None:
    database = tmp_path / "soak.db"
    database.write_text("")
    before = look(os.getpid(), database)["control"]
    assert before.memory_kb > 1000
    with database.open() as _, (tmp_path / "other").open("w") as _:
        assert look(os.getpid(), database)["control"].descriptors == before.descriptors + 1
    assert alive({"control": before}) == ["control"]
    assert alive({"control": Seen(2**22 + 1, 1, 1)}) == []


# --- the judgement


class Tape:
    """Ears that have heard these labels, all the time."""

    def __init__(self, *labels: str) -> None:
        self.labels = frozenset(labels)

    def heard_between(self, start_s: float, end_s: float) -> frozenset[str]:
        return self.labels

    def gaps(self, least_ms: int, start_s: float, end_s: float) -> list[object]:
        return []


@pytest.mark.parametrize(
    ("expected", "heard", "said"),
    [
        ({"agent-1"}, {"agent-1"}, []),
        ({"agent-1"}, {"agent-1", "target-1"}, ["talk: customer heard target-1"]),
        ({"agent-1"}, set(), ["talk: customer did not hear agent-1"]),
        (set(), {"agent-1"}, ["talk: customer heard agent-1"]),
        ({RINGBACK}, {SILENCE}, []),  # it was heard when the phase began; then came its pause
        ({RINGBACK}, {BUSY}, []),  # a packet of it was lost, and now it looks like one
        ({MUSIC}, {BUSY}, ["talk: customer did not hear music", "talk: customer heard busy"]),
    ],
)
def test_what_is_heard_in_a_phase_is_judged(expected: set[str], heard: set[str], said: list[str]) -> None:
    phone: Any = SimpleNamespace(name="customer-1", ears=Tape(*heard))
    made: Any = SimpleNamespace()
    play = Play("test", made, made, made, "", lambda: 0.0, Around(), {"customer": phone})
    play.phases = [Phase("talk", 10.0, 11.0, {"customer": frozenset(expected)})]
    assert sorted(play.judge()) == said
