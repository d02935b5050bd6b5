"""A sheet is one row and gives back every line that went into it, as a journal in memory would have kept it."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from switchhook.core import facts as f
from switchhook.core.addresses import Destination, Trunk
from switchhook.core.ids import DialId, LegId, RecordingId, RoomId, SoundId, TransferId
from switchhook.core.model import (
    By,
    Dial,
    DialPlan,
    Kind,
    Leg,
    LegState,
    Member,
    Phase,
    Purpose,
    Role,
    Room,
    RoomKind,
    RoomPlan,
    Side,
    Tape,
    Transfer,
    TransferPlan,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.entries import LineByLine
from switchhook.exchange.ports import Entry, FactJournal
from switchhook.stores import journal as journals
from switchhook.stores.database import connect
from switchhook.stores.encoding import fact_encoding
from switchhook.stores.journal import SqlJournal
from switchhook.stores.reading import Reader
from switchhook.stores.records import Recorder
from switchhook.stores.sheets import Sheets, lines

CALL = LegId("1715609f-0000-4000-8000-7c746c700000")
SECOND = LegId("f1bbcdcb-0000-4000-8000-fa53e0af0000")
THIRD = LegId("53845412-0000-4000-8000-7b09649a0000")
OTHER = LegId("9a1c1f2e-0000-4000-8000-9d3b1c0f7a11")
ROOM = RoomId("b54cda58-0000-4000-8000-fbbee8850000")
INVITE = b"INVITE sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nCSeq:  1 INVITE \r\n\r\nv=0\r\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'journal.db'}")
    yield engine
    engine.dispose()


def created(leg: LegId, call: str = CALL, **more: Any) -> f.LegCreated:
    side = Side.OUTBOUND if more else Side.INBOUND
    return f.LegCreated(Leg(leg, call, "MA", side, LegState.DIALLING, "a", "a", "+4930", "1001", 5.5, **more))


def ended(leg: LegId) -> f.LegEnded:
    return f.LegEnded(leg, Outcome.COMPLETED, By.PHONE)


def a_call(journal: FactJournal) -> None:
    """A call with everything whose leg or call is not plain to see in the fact itself."""
    target = Destination("+4931", Trunk("load", "+4931"), "4931")
    plan = DialPlan((target,), "+4930", role=Role.AGENT, accept_s=7.0)
    dial = Dial(DialId("dial-1"), ROOM, plan, Purpose.JOIN)
    transfer = Transfer(
        TransferId("transfer-1"), ROOM, SECOND, TransferPlan(Kind.WARM, plan), Phase.RINGING, 9.0, None, Role.AGENT
    )
    room = Room(ROOM, CALL, "MA", RoomPlan(RoomKind.CALL), 1.0, data={"type": "Voice", "deep": {"a": [1, None]}})
    tape = Tape(RecordingId("tape-1"), "/x.wav", (SECOND,), ())
    journal.message(1.0, CALL, "in", INVITE, "udp:192.0.2.1:5060")
    journal.facts(1.1, [created(CALL), f.RoomOpened(room), f.MemberJoined(ROOM, Member(CALL, Role.CUSTOMER))], "INVITE")
    journal.facts(1.1, [f.DialStarted(dial), created(SECOND, parent=CALL, destination=target)], "INVITE")
    journal.message(1.2, SECOND, "out", INVITE, "udp:192.0.2.2:5060")
    journal.append(Entry(1.3, "Webhook", CALL, "", {"url": "http://x/", "status": 200}, "answer"))
    journal.facts(1.4, [f.LegConnected(SECOND, 1.4), f.FocusChanged(SECOND, ROOM), f.FocusChanged(CALL, None)], "200")
    heard = (Voice(SECOND), Sound(SoundId("s"), ("builtin:hold",), 0))
    journal.facts(1.4, [f.HearingChanged(CALL, heard), f.DialEnded(dial.id, ROOM, SECOND, Outcome.COMPLETED)], "200")
    journal.facts(1.5, [f.RecordingStarted(tape), f.TransferStarted(transfer)], "api 7")
    journal.facts(1.6, [created(OTHER, OTHER), f.EndpointRegistered("1001", True)], "INVITE")
    journal.facts(1.7, [ended(OTHER), f.RecordingFinished(tape.id, "/x.wav", 10), ended(SECOND)], "BYE")
    journal.append(Entry(1.8, "MediaStats", CALL, CALL, {"received": 9}))
    journal.append(Entry(1.8, "Warning", "", "", {"text": "the disk is slow"}))
    journal.facts(1.9, [ended(CALL), f.RoomClosed(ROOM)], "BYE")


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.lines: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.lines.append(entry)


def in_memory(play: Callable[[FactJournal], None], call: str = CALL) -> list[Entry]:
    kept = Kept()
    play(LineByLine(kept, fact_encoding().write))
    return [line for line in kept.lines if line.call == call]


@pytest.mark.parametrize("together", [1, 2, 100])
def test_the_disk_gives_back_what_memory_keeps(engine: Engine, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "TOGETHER", together)
    journal = SqlJournal(engine, projection=Recorder())
    a_call(journal)
    journal.close()

    reader = Reader(engine)
    for call in (CALL, OTHER, ""):
        assert reader.call(call) == in_memory(a_call, call)
    assert journal.written == sum(len(in_memory(a_call, call)) for call in (CALL, OTHER, ""))
    assert sorted(leg.leg for leg in reader.legs()[0]) == sorted((CALL, SECOND, OTHER))
    assert reader.recent(1)[0].entries in (len(in_memory(a_call)), len(in_memory(a_call, OTHER)))


def test_lines_of_a_call_that_are_written_together_are_one_row(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "GATHER_S", 60.0)  # until it is closed
    journal = SqlJournal(engine)
    a_call(journal)
    journal.close()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT call, leg FROM entry ORDER BY seq")).all()
    assert [tuple(row) for row in rows] == [(CALL, SECOND), (OTHER, ""), ("", "")]


def test_lines_that_follow_are_numbered_and_none_is_missed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "GATHER_S", 60.0)  # until it is closed
    journal = SqlJournal(engine)
    a_call(journal)
    journal.close()
    reader, found, after = Reader(engine), [], 0
    while page := reader.since(after, 1):
        found += [line for _, line in page]
        after = page[-1][0]
    everything = [line for call in (CALL, OTHER, "") for line in in_memory(a_call, call)]
    assert found == everything


def test_a_leg_is_found_while_its_call_lives(engine: Engine) -> None:
    journal = SqlJournal(engine)
    journal.facts(1.0, [created(CALL), created(SECOND, parent=CALL), created(THIRD, parent=CALL)], "INVITE")
    journal.facts(2.0, [f.LegRinging(THIRD), f.LegRinging(SECOND), f.LegRinging(CALL)], "180")
    journal.close()
    reader = Reader(engine)
    for leg in (CALL, SECOND, THIRD):
        assert reader.find(leg[:8]) == CALL
        assert [line.kind for line in reader.leg(leg)] == ["LegCreated", "LegRinging"]
    assert [line.leg for line in reader.call(CALL)] == [CALL, SECOND, THIRD, THIRD, SECOND, CALL]


@pytest.mark.parametrize("said", ["\\/0 and \\/1", CALL, f"\\/0{SECOND}\\", "\\\\/1", "/0", "\x7f\ud7ff\u2028"])
def test_texts_that_look_like_a_sheets_own_short_words(engine: Engine, said: str) -> None:
    def play(journal: FactJournal) -> None:
        journal.facts(1.0, [created(CALL), created(SECOND, parent=CALL), f.Noted(SECOND, said)], said)
        journal.append(Entry(1.0, "Warning", CALL, SECOND, {said: [said]}, said))

    journal = SqlJournal(engine)
    play(journal)
    journal.close()
    assert Reader(engine).call(CALL) == in_memory(play)


def test_no_secret_and_no_content_of_a_message_reaches_the_file(engine: Engine) -> None:
    journal = SqlJournal(engine)
    plan = DialPlan((), "+4930", credentials=(("user", "hidden"),))
    journal.facts(1.0, [created(CALL), f.DialStarted(Dial(DialId("d"), ROOM, plan, Purpose.JOIN))], "INVITE")
    journal.message(1.0, CALL, "in", INVITE, "udp:192.0.2.1:5060")
    journal.close()
    with engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM entry")).all())
    assert "DialStarted" in kept
    assert "hidden" not in kept
    assert "v=0" not in kept


def test_of_a_message_the_first_line_and_its_number_are_kept_however_it_ends(engine: Engine) -> None:
    long = b"INVITE sip:" + b"x" * 9000 + b" SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"
    journal = SqlJournal(engine)
    for wire in (INVITE, b"SIP/2.0 200 \xff\r\n\r\n", long):
        journal.message(1.0, CALL, "out", wire, "udp:192.0.2.1:5060")
    journal.close()
    first, second, third = (line.body for line in Reader(engine).call(CALL))
    assert first == {
        "direction": "out",
        "peer": "udp:192.0.2.1:5060",
        "first_line": "INVITE sip:1001@127.0.0.1 SIP/2.0",
        "cseq": "1 INVITE",
        "bytes": len(INVITE),
    }
    assert (second["first_line"], second["cseq"]) == ("SIP/2.0 200 \ufffd", "")
    assert (len(str(third["first_line"])), third["cseq"], third["bytes"]) == (4095, "", len(long))


class Camera(Recorder):
    """Takes a copy of the file in the middle of the second write: what a crash then would leave."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.writes = folder, 0

    def write(self, connection: Connection, complete: Any) -> None:
        super().write(connection, complete)
        self.writes += 1
        if self.writes == 2:
            (self.folder / "crash").mkdir()
            for file in self.folder.glob("journal.db*"):
                shutil.copy(file, self.folder / "crash")


@pytest.mark.anyio
async def test_a_crash_in_the_middle_of_a_write_leaves_the_writes_before_it_whole(
    engine: Engine, tmp_path: Path
) -> None:
    journal = SqlJournal(engine, projection=Camera(tmp_path))
    journal.facts(1.0, [created(CALL), created(SECOND, parent=CALL), ended(SECOND)], "INVITE")
    await journal.flush()
    journal.facts(2.0, [f.LegRinging(CALL), ended(CALL)], "BYE")
    journal.close()
    assert len(Reader(engine).call(CALL)) == 5

    after = connect(f"sqlite:///{tmp_path / 'crash' / 'journal.db'}")
    reader = Reader(after)
    assert [line.kind for line in reader.call(CALL)] == ["LegCreated", "LegCreated", "LegEnded"]
    assert (reader.leg_record(SECOND) is None, reader.leg_record(CALL) is None) == (False, True)
    again = SqlJournal(after, projection=Recorder())
    again.append(Entry(3.0, "LegEnded", CALL, CALL, {"leg": CALL, "outcome": "failed", "by": "server"}))
    again.close()
    record = reader.leg_record(CALL)
    assert record is not None
    assert (record.caller, record.started_at, record.ended_at, record.outcome) == ("+4930", 5.5, 3.0, "failed")
    after.dispose()


@pytest.mark.anyio
async def test_a_disk_that_fails_for_long_costs_the_oldest_lines_only(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "TOGETHER", 10)
    monkeypatch.setattr(journals, "MAX_WAITING", 35)
    journal = SqlJournal(engine)
    with engine.begin() as other:
        other.exec_driver_sql("ALTER TABLE entry RENAME TO gone")
    for number in range(100):
        journal.append(Entry(float(number), "Noted", CALL, "", {}))
    with pytest.raises(Exception, match="cannot be written"):
        await journal.flush()
    with engine.begin() as other:
        other.exec_driver_sql("ALTER TABLE gone RENAME TO entry")
    journal.close()
    kept = [line.at for line in Reader(engine).call(CALL)]
    assert kept == [float(number) for number in range(100 - len(kept), 100)]
    assert (len(kept) <= 35, journal.dropped, journal.written) == (True, 100 - len(kept), len(kept))


Columns = namedtuple("Columns", ("at", "kind", "call", "leg", "cause", "body"))
json_bodies = st.dictionaries(st.text(max_size=6), st.text(max_size=6) | st.integers(0, 9) | st.none(), max_size=3)


@given(body=json_bodies, kind=st.sampled_from(("LegEnded", "Noted", "Webhook", "SipMessage", "FocusChanged")))
@settings(max_examples=60, deadline=None)
def test_a_body_from_elsewhere_keeps_all_that_it_says(body: dict[str, object], kind: str) -> None:
    """Also one that names a kind of ours and is none."""
    (row,) = Sheets().fold([Entry(1.0, kind, CALL, "somebody", body, "why")]).rows
    at, call, leg, written = row
    (line,) = lines(Columns(at, "", call, leg, "", written))  # type: ignore[arg-type]
    assert (line.kind, line.leg, line.cause) == (kind, "somebody", "why")
    assert body.items() <= line.body.items()
