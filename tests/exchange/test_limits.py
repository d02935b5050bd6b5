"""Limits of accounts: how many calls, how fast, how long; the same for whoever dials."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.model import DialPlan, Kind, LegState, Role, RoomKind, RoomPlan, TransferPlan
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Entry
from switchhook.exchange.rates import Rates
from switchhook.exchange.records import EndedAs, LegFilter
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time, run
from switchhook.settings import Settings
from switchhook.settings.loading import load

MAIN, SUB = "MASWITCHHOOK00000000", "SASWITCHHOOK00000000"
CUSTOMER, NUMBER = "+14155550123", "+14155550100"


def settings(main: dict[str, object], sub: dict[str, object] | None = None) -> Settings:
    tree = {
        "account": [
            {"auth_id": MAIN, "auth_token": "t", **main},
            {"auth_id": SUB, "auth_token": "s", "parent": MAIN, **(sub or {})},
        ],
        "endpoint": [{"username": name, "password": "p", "account": MAIN} for name in ("1001", "1002", "1003")],
        "trunk": [{"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}],
        "number": [{"number": NUMBER, "account": MAIN, "forward": "1001"}],
    }
    return load(None, environ={}, tree=tree)


def originate(on: Stage, to: str = "1001", account: str = MAIN, ring_s: float = 30.0) -> r.Accepted:
    where = on.exchange.directory.destination(account, to)
    return on.exchange.ask(r.Originate(account, where, NUMBER, "plivo", ring_s=ring_s))


def ended(on: Stage) -> list[f.LegEnded]:
    return [each.fact for each in on.facts if isinstance(each.fact, f.LegEnded)]


def refusal(on: Stage, request: r.Request) -> str:
    before = len(on.facts)
    with pytest.raises(Refused) as caught:
        on.exchange.ask(request)
    assert caught.value.reason is Reason.OVER_LIMIT
    assert len(on.facts) == before
    return str(caught.value)


# --- how many -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_one_call_too_many_is_refused_and_names_the_rule() -> None:
    async with Stage(settings({"max_calls": 2})) as on:
        first = originate(on)
        originate(on, "1002")
        where = on.exchange.directory.destination(MAIN, "1003")
        text = refusal(on, r.Originate(MAIN, where, NUMBER, "plivo"))
        assert text == f"account {MAIN} may have 2 calls at a time ([[account]] max_calls)"
        assert first.leg is not None
        on.exchange.ask(r.HangUp(first.leg))
        originate(on, "1003")


@in_virtual_time
async def test_a_sub_account_is_held_to_its_own_limit_and_its_main_account_s() -> None:
    async with Stage(settings({"max_calls": 2}, {"max_calls": 1})) as on:
        originate(on, account=SUB)
        where = on.exchange.directory.destination(MAIN, "1003")
        assert SUB in refusal(on, r.Originate(SUB, where, NUMBER, "plivo"))
        originate(on, "1002")
        assert MAIN in refusal(on, r.Originate(MAIN, where, NUMBER, "plivo"))


async def talking(on: Stage) -> tuple[Line, Line]:
    """A customer whose call was forwarded to 1001: two legs."""
    customer = on.phone(CUSTOMER).calls(NUMBER)
    agent = await on.phone("1001").rings()
    agent.answers()
    await on.settled()
    assert customer.hears == {"1001"}
    return customer, agent


@in_virtual_time
async def test_whoever_dials_is_held_to_it_and_who_talks_goes_on_talking() -> None:
    async with Stage(settings({"max_calls": 2})) as on:
        customer, agent = await talking(on)
        room = next(iter(on.exchange.state.rooms))
        where = on.exchange.directory.destination(MAIN, "1002")
        plan = DialPlan((where,), NUMBER)
        for request in (
            r.StartTransfer(room, agent.leg, TransferPlan(Kind.WARM, plan)),
            r.AddParty(room, plan),
            r.PlaceCall(MAIN, plan, plan),
            r.PlaceSecondCall(agent.leg, plan),
            r.PlaceParty(MAIN, RoomPlan(RoomKind.PARTY, name="a"), plan),
            r.Connect(customer.leg, plan, role=Role.CUSTOMER),
        ):
            before = len(on.entries)
            assert "max_calls" in refusal(on, request)
            (line,) = on.entries[before:]
            assert "max_calls" in str(line.body["text"])
            assert (line.call != "") == (not isinstance(request, r.PlaceCall | r.PlaceParty))  # in whose timeline
        assert customer.hears == {"1001"}
        assert agent.hears == {CUSTOMER}


@in_virtual_time
async def test_of_targets_rung_together_those_beyond_the_limit_are_not_dialled() -> None:
    async with Stage(settings({"max_calls": 2})) as on:
        targets = tuple(on.exchange.directory.destination(MAIN, name) for name in ("1001", "1002", "1003"))
        on.exchange.ask(r.PlaceParty(MAIN, RoomPlan(RoomKind.PARTY, name="a"), DialPlan(targets, NUMBER)))
        await on.settled()
        assert [phone.name for phone in on.phones.values() if phone.lines] == ["1001", "1002"]
        assert [(each.outcome, "max_calls" in each.reason) for each in ended(on)] == [(Outcome.OVER_LIMIT, True)]


@in_virtual_time
async def test_a_call_that_comes_in_over_the_limit_is_refused_with_503_and_the_rule_is_in_its_timeline() -> None:
    async with Stage(settings({"max_calls": 2})) as on:
        await talking(on)
        late = on.phone("+14155550177").calls(NUMBER)
        assert late.over is Outcome.OVER_LIMIT
        refused = [each for each in on.entries if each.kind == "LegEnded"]
        assert [(each.leg, "max_calls" in str(each.body["reason"])) for each in refused] == [(late.leg, True)]


@in_virtual_time
async def test_calls_that_come_in_too_fast_are_refused() -> None:
    async with Stage(settings({"inbound_cps": 2})) as on:
        lines = [on.phone(f"+1415555017{n}").calls(NUMBER) for n in range(3)]
        assert [line.over for line in lines] == [None, None, Outcome.OVER_LIMIT]
        await on.passes(1.0)
        assert on.phone("+14155550175").calls(NUMBER).over is None


# --- how long -------------------------------------------------------------------------------------------------------


class Talked:
    """Implements `ports.Records` for an account that has talked before the server began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[tuple[str, float]] = []

    def talked_s(self, account: str, since: float) -> float:
        self.asked.append((account, since))
        return self.seconds if account == MAIN else 0.0

    def leg_record(self, leg: str) -> None:
        return None

    def legs(self, wanted: LegFilter, *, limit: int = 20, offset: int = 0) -> tuple[list[object], int]:
        return [], 0

    def endings(self, wanted: LegFilter) -> list[EndedAs]:
        return []

    def call(self, call: str) -> list[Entry]:
        return []


def test_when_the_minutes_of_the_day_are_used_no_new_call_is_made_until_the_next() -> None:
    run(_minutes(), limit_s=200_000.0)


async def _minutes() -> None:
    async with Stage(settings({"max_minutes": 3})) as on:
        on.exchange.records = records = Talked(60.0)
        on.exchange.limits.remember()
        assert {name for name, _ in records.asked} == {MAIN, SUB}
        assert all(0 <= on.now - since < 86_400 for _, since in records.asked)
        customer, _ = await talking(on)
        await on.passes(60.0)
        originate(on, "1002")
        await on.passes(61.0)
        where = on.exchange.directory.destination(MAIN, "1003")
        text = refusal(on, r.Originate(SUB, where, NUMBER, "plivo"))
        assert text == f"account {MAIN} has used its 3 minutes of today ([[account]] max_minutes)"
        assert customer.hears == {"1001"}  # who talks goes on
        customer.hangs_up()
        await on.passes(1.0)
        assert "max_minutes" in refusal(on, r.Originate(MAIN, where, NUMBER, "plivo"))
        await on.passes(86_400.0)
        originate(on, "1003")


# --- how fast -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_calls_over_the_pace_are_queued_and_dialled_in_order() -> None:
    async with Stage(settings({"cps": 2.0})) as on:
        for name in ("1001", "1002", "1003"):
            originate(on, name)
        others = originate(on, "1001", SUB)  # without a pace of its own it shares the queue

        def rung() -> list[str]:
            return [name for name in ("1001", "1002", "1003") for _ in on.phone(name).lines]

        waits = on.exchange.pacing.waits
        await on.settled()
        assert rung() == ["1001"]
        assert [waits(leg) for leg in on.exchange.state.legs] == [False, True, True, True]
        await on.passes(0.5)
        assert rung() == ["1001", "1002"]
        await on.passes(0.5)
        assert rung() == ["1001", "1002", "1003"]
        assert others.leg is not None
        assert waits(others.leg)
        await on.passes(0.5)
        assert rung() == ["1001", "1001", "1002", "1003"]
        said = [str(each.fact.text) for each in on.facts if isinstance(each.fact, f.Noted)]
        assert said.count(f"queued: account {MAIN} starts 2 calls a second ([[account]] cps)") == 3
        assert "dialled after 1.5 s in the queue" in said


@in_virtual_time
async def test_who_is_cancelled_in_the_queue_is_never_dialled_and_the_others_move_up() -> None:
    async with Stage(settings({"cps": 1.0})) as on:
        originate(on, "1001")
        second = originate(on, "1002")
        originate(on, "1003")
        assert second.leg is not None
        on.exchange.ask(r.HangUp(second.leg))
        assert [(each.leg, each.outcome) for each in ended(on)] == [(second.leg, Outcome.CANCELLED)]
        await on.passes(1.0)
        assert on.phone("1003").lines
        await on.passes(5.0)
        assert not on.phone("1002").lines


@in_virtual_time
async def test_the_ringing_time_begins_when_the_invite_goes_out() -> None:
    async with Stage(settings({"cps": 0.1})) as on:
        originate(on, "1001", ring_s=5.0)
        late = originate(on, "1002", ring_s=5.0)
        assert late.leg is not None
        await on.passes(14.9)
        assert on.exchange.state.legs[late.leg].state is LegState.RINGING
        await on.passes(0.2)
        assert [each.outcome for each in ended(on)] == [Outcome.NO_ANSWER, Outcome.NO_ANSWER]
        assert not on.timers.armed


@in_virtual_time
async def test_a_caller_who_leaves_takes_the_call_that_waits_for_it_along() -> None:
    async with Stage(settings({"cps": 0.5})) as on:
        originate(on, "1002")
        customer = on.phone(CUSTOMER).calls(NUMBER)
        await on.settled()
        assert not on.phone("1001").lines
        customer.hangs_up()
        await on.passes(10.0)
        assert not on.phone("1001").lines
        assert on.exchange.pacing.waits(customer.leg) is False


@in_virtual_time
async def test_the_pace_does_not_hold_up_who_has_none_and_an_idle_account_dials_at_once() -> None:
    async with Stage(settings({}, {"cps": 1.0})) as on:
        for name in ("1001", "1002", "1003"):
            originate(on, name)
        await on.settled()
        assert all(on.phone(name).lines for name in ("1001", "1002", "1003"))
        for _ in range(2):
            originate(on, "1001", SUB)
            await on.settled()
            await on.passes(3.0)
        assert len(on.phone("1001").lines) == 3


# --- how often ------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at


def test_requests_within_five_seconds_are_counted_by_account_and_kind() -> None:
    clock = Clock()
    rates = Rates(clock)
    assert [rates.wait_s(MAIN, "calls", 2) for _ in range(2)] == [0.0, 0.0]
    clock.at = 4.0
    assert rates.wait_s(MAIN, "calls", 2) == pytest.approx(1.0)
    assert rates.wait_s(MAIN, "others", 2) == 0.0
    assert rates.wait_s(SUB, "calls", 2) == 0.0
    clock.at = 5.0
    assert [rates.wait_s(MAIN, "calls", 2) for _ in range(2)] == [0.0, 0.0]
    assert rates.wait_s(MAIN, "calls", 2) == pytest.approx(5.0)
    assert rates.wait_s(MAIN, "calls", 0) == 0.0
