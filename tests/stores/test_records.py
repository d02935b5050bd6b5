"""Call records are made from the facts of the core, as the journal writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from switchhook.core import facts
from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.events import Arrival, CallerKind
from switchhook.core.ids import LegId, RoomId, TransferId
from switchhook.core.model import (
    By,
    DialPlan,
    Fallback,
    FallbackKind,
    Kind,
    Leg,
    LegState,
    Member,
    Phase,
    Role,
    Room,
    RoomKind,
    RoomPlan,
    Side,
    Transfer,
    TransferOutcome,
    TransferPlan,
)
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import EndedAs, Entry
from switchhook.stores.database import connect
from switchhook.stores.encoding import Encoding, facts_of
from switchhook.stores.journal import SqlJournal
from switchhook.stores.reading import Ambiguous, LegFilter, NotFound, Reader
from switchhook.stores.records import Recorder

CUSTOMER, AGENT, TARGET = LegId("customer-leg"), LegId("agent-leg"), LegId("target-leg")
ROOM, TRANSFER = RoomId("room-1"), TransferId("transfer-1")
encoding = Encoding(facts_of(facts.Fact))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'journal.db'}")
    yield engine
    engine.dispose()


def entry(at: float, fact: object, leg: str = "", call: str = "call-1", cause: str = "") -> Entry:
    kind, body = encoding.write(fact)
    return Entry(at, kind, call, leg, body, cause)


def leg(id: LegId, side: Side, at: float, parent: LegId | None = None) -> facts.LegCreated:
    arrival = Arrival(CallerKind.TRUNK, "carrier", "+4930", "", "1001", source="192.0.2.1:5060")
    made = Leg(id, "call-1", "MA", side, LegState.RINGING, "a", "a", "+4930", "1001", at, parent=parent)
    return facts.LegCreated(made if side is Side.OUTBOUND else Leg(*_values(made), arrival=arrival))


def _values(made: Leg) -> tuple[object, ...]:
    return tuple(getattr(made, name) for name in list(Leg.__dataclass_fields__)[:10])


def call() -> list[Entry]:
    """A customer is answered by an agent, who hands over to a busy target, and is recalled."""
    target = Destination("1003", Endpoint("1003"), "1003")
    plan = TransferPlan(Kind.WARM, DialPlan((target,), "+4930"))
    transfer = Transfer(TRANSFER, ROOM, AGENT, plan, Phase.RINGING, 20.0, None, Role.AGENT)
    room = Room(ROOM, "call-1", "MA", RoomPlan(RoomKind.CALL), 10.0, {CUSTOMER: Member(CUSTOMER, Role.CUSTOMER)})
    return [
        entry(10.0, leg(CUSTOMER, Side.INBOUND, 10.0), CUSTOMER),
        entry(10.1, facts.RoomOpened(room)),
        entry(10.2, leg(AGENT, Side.OUTBOUND, 10.2, CUSTOMER), AGENT),
        entry(12.0, facts.LegConnected(AGENT, 12.0), AGENT),
        entry(12.0, facts.LegConnected(CUSTOMER, 12.0), CUSTOMER),
        entry(12.1, facts.MemberJoined(ROOM, Member(AGENT, Role.AGENT)), AGENT),
        entry(12.1, facts.FocusChanged(CUSTOMER, ROOM), CUSTOMER),
        entry(20.0, facts.TransferStarted(transfer), AGENT, cause="api 77"),
        entry(20.1, leg(TARGET, Side.OUTBOUND, 20.1, AGENT), TARGET),
        entry(21.0, facts.TransferAdvanced(TRANSFER, Phase.CONSULTING, TARGET)),
        entry(22.0, facts.FallbackTaken(TRANSFER, Fallback(FallbackKind.RECALL), TransferOutcome.BUSY)),
        entry(22.0, facts.LegEnded(TARGET, Outcome.BUSY, By.PHONE, 486, 17, "Busy Here"), TARGET),
        entry(23.0, facts.TransferEnded(TRANSFER, ROOM, TransferOutcome.RETURNED)),
        entry(30.0, facts.LegEnded(CUSTOMER, Outcome.COMPLETED, By.PHONE, q850=16), CUSTOMER),
        entry(30.1, facts.LegEnded(AGENT, Outcome.COMPLETED, By.PEER), AGENT),
        entry(30.2, facts.RoomClosed(ROOM)),
        Entry(30.3, "MediaStats", "call-1", CUSTOMER, {"received": 900, "jitter_ms": 1.5}),
    ]


def record(engine: Engine, lines: list[Entry], recorder: Recorder | None = None) -> Reader:
    journal = SqlJournal(engine, projection=recorder or Recorder())
    for each in lines:
        journal.append(each)
    journal.close()
    return Reader(engine)


def test_each_leg_gets_one_record(engine: Engine) -> None:
    reader = record(engine, call())

    found, total = reader.legs()
    assert total == 3
    assert [each.leg for each in found] == [AGENT, CUSTOMER, TARGET]
    customer = reader.leg_record(CUSTOMER)
    assert customer is not None
    assert (customer.direction, customer.caller, customer.called) == ("inbound", "+4930", "1001")
    assert (customer.started_at, customer.answered_at, customer.ended_at) == (10.0, 12.0, 30.0)
    assert (customer.outcome, customer.ended_by, customer.q850) == ("completed", "phone", 16)
    assert (customer.room, customer.source) == (ROOM, "192.0.2.1:5060")
    assert customer.media == {"received": 900, "jitter_ms": 1.5}
    target = reader.leg_record(TARGET)
    assert target is not None
    assert (target.outcome, target.sip_status, target.answered_at, target.parent) == ("busy", 486, None, AGENT)
    assert reader.leg_record("nobody") is None


def test_a_transfer_gets_one_record_with_its_parties(engine: Engine) -> None:
    (transfer,) = record(engine, call()).transfers("call-1")
    assert (transfer.kind, transfer.agent, transfer.customer, transfer.target) == ("warm", AGENT, CUSTOMER, TARGET)
    assert (transfer.target_address, transfer.account, transfer.cause) == ("1003", "MA", "api 77")
    assert (transfer.outcome, transfer.fallback) == ("returned", "recall")
    assert (transfer.started_at, transfer.ended_at) == (20.0, 23.0)


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_restart_in_the_middle_of_a_call_costs_no_leg_record(engine: Engine, cut: int) -> None:
    lines = call()
    record(engine, lines[:cut])
    reader = record(engine, lines[cut:])
    customer = reader.leg_record(CUSTOMER)
    assert customer is not None
    assert (customer.caller, customer.answered_at, customer.outcome, customer.room) == (
        "+4930",
        12.0,
        "completed",
        ROOM,
    )


@pytest.mark.parametrize(
    ("wanted", "legs"),
    [
        (LegFilter(accounts=("MA",)), 3),
        (LegFilter(accounts=("MB",)), 0),
        (LegFilter(direction="inbound"), 1),
        (LegFilter(caller="49"), 3),
        (LegFilter(caller="+4930", called="1002"), 0),
        (LegFilter(parent=""), 1),
        (LegFilter(parent=AGENT), 1),
        (LegFilter(outcomes=("busy", "failed")), 1),
        (LegFilter(ended_by=("peer",)), 1),
        (LegFilter(ended_from=30.0, ended_before=30.1), 1),
        (LegFilter(answered_s_from=18.0), 2),
        (LegFilter(answered_s_to=0.0), 1),
    ],
)
def test_leg_records_can_be_picked(engine: Engine, wanted: LegFilter, legs: int) -> None:
    found, total = record(engine, call()).legs(wanted)
    assert total == len(found) == legs


def test_the_ways_in_which_legs_ended_are_few_and_can_be_picked(engine: Engine) -> None:
    reader = record(engine, call())
    busy = EndedAs("outbound", "busy", "phone", answered=False, sip_status=486, reason="")
    found = reader.endings(LegFilter())
    assert len(found) == 3
    assert busy in found
    assert [each.leg for each in reader.legs(LegFilter(endings=(busy,)))[0]] == [TARGET]
    assert reader.legs(LegFilter(endings=(busy, found[0], found[1], found[2])))[1] == 3
    assert reader.legs(LegFilter(endings=())) == ([], 0)
    assert reader.endings(LegFilter(accounts=("MB",))) == []


def test_how_long_the_legs_that_an_account_dialled_were_answered(engine: Engine) -> None:
    reader = record(engine, call())
    assert reader.talked_s("MA", 0.0) == pytest.approx(18.1)  # the agent; who called in is not counted
    assert reader.talked_s("MA", 30.2) == 0.0
    assert reader.talked_s("MB", 0.0) == 0.0


def test_the_conference_of_a_leg_is_kept(engine: Engine) -> None:
    plan = RoomPlan(RoomKind.CONFERENCE, name="daily")
    room = Room(RoomId("conference-1"), "call-1", "MA", plan, 11.0)
    lines = call()
    lines.insert(6, entry(12.05, facts.RoomOpened(room)))
    lines.insert(7, entry(12.06, facts.MemberJoined(room.id, Member(CUSTOMER, Role.CUSTOMER)), CUSTOMER))
    reader = record(engine, lines)
    kept = {each.leg: each.conference for each in reader.legs()[0]}
    assert kept == {CUSTOMER: room.id, AGENT: "", TARGET: ""}


def test_pages_of_leg_records(engine: Engine) -> None:
    found, total = record(engine, call()).legs(limit=1, offset=1)
    assert total == 3
    assert [each.leg for each in found] == [CUSTOMER]


def test_a_call_is_found_by_any_of_its_ids(engine: Engine) -> None:
    other = Entry(50.0, "LegRinging", "call-2", "other-leg", {"leg": "other-leg", "note": "100%_sure"}, "api 78")
    reader = record(engine, [*call(), other])

    for wanted in ("call-1", "customer-", "target-leg", "transfer-1", "api 77", "room-1"):
        assert reader.find(wanted) == "call-1", wanted
    assert reader.find("last") == "call-2"
    assert reader.find("100%") == "call-2"
    day = r"\(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)"
    with pytest.raises(Ambiguous, match=f"fits 2 calls, the newest first: call-2 {day}, call-1 {day}"):
        reader.find("call-")
    for wanted in ("nothing", "", "%", "_"):
        with pytest.raises(NotFound):
            reader.find(wanted)
    assert [summary.call for summary in reader.recent()] == ["call-2", "call-1"]
    assert reader.recent(1)[0].entries == 1


def test_the_last_call_is_the_one_that_began_last(engine: Engine) -> None:
    new = Entry(50.0, "LegRinging", "call-2", "new-leg", {"leg": "new-leg"})
    late = Entry(60.0, "SipNote", "call-1", "", {"leg": "customer-leg", "text": "it does not answer to our BYE"})
    assert record(engine, [*call(), new]).find("last") == "call-2"
    reader = record(engine, [late])
    assert reader.recent(1)[0].call == "call-1"
    assert reader.find("last") == "call-2"


def test_an_empty_journal_has_no_last_call(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no call yet"):
        Reader(engine).find("last")


def test_a_call_is_shown_with_what_befell_the_whole_server_meanwhile(engine: Engine) -> None:
    first, last = call()[0].at, call()[-1].at
    overload = {"text": "new calls are refused", "overload": "legs", "on": True}
    during, before, after = (Entry(at, "Warning", "", "", overload) for at in (first + 1, first - 1, last + 1))
    replaced = Entry(first + 2, "Warning", "", "", {"text": "the audio process was replaced", "replaced": "pump"})
    others = Entry(first + 1, "Warning", "", "", {"text": "a sound of somebody's was not fetched"})
    shown = record(engine, [before, *call(), others, during, replaced, after]).call("call-1")
    assert [line for line in shown if line.kind == "Warning"] == [during, replaced]
    up = [line for line in call() if line.kind != "LegEnded"]
    still = record(engine, [replace(line, call="call-3") for line in up]).call("call-3")
    assert after in still


def test_a_call_is_shown_with_the_requests_that_caused_it(engine: Engine) -> None:
    asked = Entry(19.9, "HttpRequest", "", "", {"method": "POST", "api_id": "api 77"}, "")
    stranger = Entry(19.9, "HttpRequest", "", "", {"method": "POST", "api_id": "api 79"}, "")
    named = Entry(20.5, "HttpRequest", "", "", {"method": "POST"}, "BYE by agent1")
    later = Entry(40.5, "HttpRequest", "", "", {"method": "POST"}, "BYE by agent1")
    told = [replace(line, cause="BYE by agent1") if line.at == 20.1 else line for line in call()]
    lines = record(engine, [asked, stranger, named, later, *told]).call("call-1")
    assert [line.kind for line in lines[7:11]] == ["HttpRequest", "TransferStarted", "LegCreated", "HttpRequest"]
    assert len(lines) == len(call()) + 2
