"""A past call again: who heard whom comes out of the journal, and what does not fit is found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from switchhook.cli import main
from switchhook.commands.replay import report
from switchhook.exchange.ports import Entry
from switchhook.lab.replay import replay
from switchhook.lab.virtual_time import run
from switchhook.lab.world import World
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal


async def _transferred() -> tuple[list[Entry], str]:
    async with World() as world:
        customer, agent, target = await world.phones("customer", "agent", "target")
        await world.talking(customer, agent)
        call = world.calls[-1]
        await world.passes(1)
        await world.phlo.warm_transfer(agent, target)
        await target.answer()
        await world.passes(1)
        await agent.hang_up()
        await customer.hears_only("target")
        await world.everybody_hangs_up()
        return world.entries, call


@pytest.fixture(scope="module")
def past() -> tuple[list[Entry], str]:
    """The journal of a warm transfer, and its call."""
    return run(_transferred())


Past = tuple[list[Entry], str]


def lines_of(past: Past) -> list[Entry]:
    return [entry for entry in past[0] if entry.call == past[1]]


def test_a_call_is_rebuilt_to_its_end(past: Past) -> None:
    played = replay(lines_of(past))
    assert played.doubts == []
    assert played.ended
    assert (played.left, played.foreign) == ([], 0)
    told = [step.hears for step in played.steps]
    customer, agent, target = "customer +14155550123", "agent 1001", "target 1002"
    assert {customer: agent, agent: customer} in told
    assert {customer: "hold music", agent: target, target: agent} in told
    assert {customer: target, target: customer} in told
    assert told[-1] == {}


def test_a_switch_that_was_never_written_is_found(past: Past) -> None:
    lines = lines_of(past)
    lost = next(
        e for e in lines if e.kind == "HearingChanged" and "builtin:hold" in str(e.body) and e.at > lines[0].at + 1
    )
    lines.remove(lost)
    doubts = replay(lines).doubts
    assert doubts
    assert "was told to hear agent 1001, and must hear hold music" in doubts[0]


def test_what_stays_behind_is_found(past: Past) -> None:
    lines = [entry for entry in lines_of(past) if entry.kind != "TransferEnded"]
    assert any(doubt.startswith("left after the end: transfer ") for doubt in replay(lines).doubts)


def test_a_call_that_is_not_over_is_no_doubt(past: Past) -> None:
    lines = lines_of(past)
    half = lines[: next(n for n, entry in enumerate(lines) if entry.kind == "TransferStarted")]
    played = replay(half)
    assert not played.ended
    assert played.doubts == []
    assert "not over" in list(report(played))[-1]


def test_lines_that_are_no_facts_of_this_version_are_told(past: Past) -> None:
    lines = lines_of(past)
    n = next(n for n, entry in enumerate(lines) if entry.kind == "LegEnded")
    lines[n] = Entry(lines[n].at, "LegEnded", lines[n].call, lines[n].leg, {"leg": "x"}, "")
    assert any("LegEnded" in doubt for doubt in replay(lines).doubts)


def test_facts_of_another_call_are_counted_and_not_judged(past: Past) -> None:
    lines = [entry for entry in lines_of(past) if entry.kind != "RoomOpened"]
    played = replay(lines)
    assert played.foreign > 0
    assert "concern another call" in list(report(played))[-1]


@pytest.mark.slow
def test_the_command_replays_the_last_call(past: Past, tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'past.db'}")
    journal = SqlJournal(engine)
    for entry in past[0]:
        journal.append(entry)
    asyncio.run(journal.flush())
    journal.close()
    engine.dispose()
    url = f"store.url=sqlite:///{tmp_path / 'past.db'}"

    result = CliRunner().invoke(main, ["replay", past[1][:13], "--set", url])

    assert result.exit_code == 0, result.output
    assert "customer +14155550123 hears target 1002" in result.output
    assert result.output.splitlines()[-1].endswith("they rebuild the call, and nothing is left of it")
    missing = CliRunner().invoke(main, ["replay", "no-such-call", "--set", url])
    assert missing.exit_code == 1
