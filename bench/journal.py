"""How many facts per second the journal takes to disk, and what one append costs the event loop.

Run: python -m bench.journal [facts]. The facts look like those of a call: ids, a small JSON body, a cause.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter

from bench.measure import Reading
from switchhook.core.ids import Ids
from switchhook.exchange.ports import Entry
from switchhook.stores.database import connect
from switchhook.stores.journal import SqlJournal
from switchhook.stores.reading import Reader
from switchhook.stores.records import Recorder

BODY: dict[str, object] = {
    "leg": "6f1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a10",
    "sources": [{"type": "Voice", "leg": "9a1c1f2e-6c1b-4f52-9c55-9d3b1c0f7a11"}],
}


def measure(facts: int) -> dict[str, float]:
    """Appends `facts` lines as fast as the writer takes them; returns facts/s on disk and microseconds per append."""
    ids = Ids(42)
    calls = [(ids.new(), ids.new()) for _ in range(facts // 40 + 1)]
    entries = [
        Entry(1_790_000_000.0 + n / 1000, "HearingChanged", calls[n // 40][0], calls[n // 40][n % 2], BODY, "api 42")
        for n in range(facts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'journal.db'}")
        journal = SqlJournal(engine, projection=Recorder())
        started = perf_counter()
        for entry in entries:
            journal.append(entry)
        appended = perf_counter() - started
        asyncio.run(journal.flush())
        taken = perf_counter() - started
        journal.close()
        kept = _lines(Reader(engine))
        engine.dispose()
        if kept != facts:
            raise SystemExit(f"only {kept} of {facts} facts are on disk")
    return {"journal_facts_per_s": facts / taken, "append_us": appended / facts * 1e6}


def _lines(reader: Reader) -> int:
    """Counts the facts that can be read again."""
    count = last = 0
    while lines := reader.since(last):
        count, last = count + len(lines), lines[-1][0]
    return count


def bare(facts: int) -> float:
    """Returns the rows/s of SQLite alone: one INSERT of the same size each, a thousand to a transaction, no index."""
    body = json.dumps(BODY)
    rows = [
        (1_790_000_000.0 + n / 1000, "HearingChanged", f"call-{n // 40}", "leg", body, "api 42") for n in range(facts)
    ]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "bare.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, at, kind, call, leg, body, cause)")
        started = perf_counter()
        for first in range(0, facts, 1000):
            with database:
                statement = "INSERT INTO entry (at, kind, call, leg, body, cause) VALUES (?, ?, ?, ?, ?, ?)"
                database.executemany(statement, rows[first : first + 1000])
        return facts / (perf_counter() - started)


def read() -> Reading:
    """Takes the measure once for the table."""
    found = measure(100_000)
    return Reading(
        found["journal_facts_per_s"],
        "100,000 facts of the size of a call's, call records made beside them, until they are on disk",
        floor=bare(100_000),
        floor_is="rows/s of SQLite alone, a thousand to a transaction",
        second={"append_us": found["append_us"]},
    )


def main() -> None:
    facts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    runs = [measure(facts) for _ in range(3)]
    runs.sort(key=lambda run: run["journal_facts_per_s"])
    print(json.dumps({"median": runs[1], "worst": runs[0], "best": runs[2], "aim": 20_000}))


if __name__ == "__main__":
    main()
