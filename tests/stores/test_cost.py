"""What the journal writes for a call does not grow with the calls that are on disk already: counted in pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

from switchhook.core import facts
from switchhook.core.ids import Ids, LegId
from switchhook.core.model import By, Leg, LegState, Side
from switchhook.core.outcomes import Outcome
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.records import Recorder

AT_ONCE = 10  # calls in one write


async def _calls(journal: SqlJournal, ids: Ids, count: int) -> None:
    for number in range(count):
        legs = [LegId(ids.new()) for _ in range(2)]
        for leg in legs:
            side = Side.INBOUND if leg == legs[0] else Side.OUTBOUND
            made = Leg(
                leg, legs[0], "MA", side, LegState.UP, address="a", key="a", caller="1", called="2",
                created_at=1000.0,
            )  # fmt: skip
            journal.facts(1000.0, (facts.LegCreated(made),), "test")
        for leg in legs:
            journal.facts(1001.0, (facts.LegEnded(leg, Outcome.COMPLETED, By.PHONE),), "test")
        if number % AT_ONCE == AT_ONCE - 1:
            await journal.flush()


def test_the_pages_that_a_call_changes_do_not_grow_in_number(tmp_path: Path) -> None:
    async def story() -> tuple[float, float]:
        file = tmp_path / "cost.db"
        journal = SqlJournal(connect(f"sqlite:///{file}"), projection=Recorder())
        log = file.with_name("cost.db-wal")
        ids = Ids(7)
        written = []
        for count in (100, 100, 1200, 100):
            before = log.stat().st_size
            await _calls(journal, ids, count)
            written.append((log.stat().st_size - before) / 4096 / count)
        journal.close()
        return written[1], written[3]

    few, many = asyncio.run(story())
    assert few > 0.2
    assert many < few * 1.6  # with ids in no order: 3.4
