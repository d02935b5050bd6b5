"""How much is let through: under every overload nearly all that can be carried, and all of it after a stall."""

from __future__ import annotations

import pytest

from switchhook.sip.valve import FLOOR, LONG, PERIOD_S, QUIET_S, Delays, Valve
from tests.sip.one_core import OneCore


def spread(waits: list[float], share: float) -> float:
    return sorted(waits)[int(len(waits) * share)]


@pytest.mark.slow
@pytest.mark.parametrize("times", [1.05, 1.3, 2, 3, 5, 10])
def test_offered_more_than_it_can_carry_it_serves_nine_tenths_of_its_best_soon_and_promptly(times):
    server = OneCore(call_s=0.002)
    server.offer(server.best * times, 10.0)
    refusals = (times - 1) * server.best * server.refusal_s  # what saying no costs of the core, whoever decides
    assert server.goodput(2.0) > 0.9 * (1 - refusals)
    assert server.goodput(5.0) > 0.93 * (1 - refusals)
    early, late = ([wait for at, wait in server.waits if (at >= 4.0) is later] for later in (False, True))
    assert max(early) < 0.8
    assert spread(late, 0.5) < 0.1
    assert spread(late, 0.99) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 5])
def test_stalls_in_an_overload_cost_no_more_than_their_own_time(times):
    server = OneCore(call_s=0.002)
    server.stops = [(4.0, 0.3, False), (6.0, 0.2, True), (8.0, 0.4, False)]
    server.offer(server.best * times, 10.0)
    refusals = (times - 1) * server.best * server.refusal_s
    assert server.goodput(2.0) > 0.9 * (1 - refusals) * (8.0 - 0.9) / 8.0


@pytest.mark.parametrize("own", [False, True], ids=["the machine", "its own work"])
@pytest.mark.parametrize("load", [0.3, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("stall", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_within_its_means_a_stall_refuses_nobody(stall, load, own):
    server = OneCore(call_s=0.004, seed=int(stall * 100))
    server.stops = [(1.0 + stall / 7, stall, own)]
    server.offer(server.best * load, 4.0)
    assert not server.refused
    assert server.admission.rate is None


@pytest.mark.slow
def test_within_its_means_it_refuses_nobody_though_it_is_stopped_now_and_then():
    server = OneCore(call_s=0.002)
    server.stops = [(at + 0.3, 0.05 + at % 7 * 0.05, at % 2 == 0) for at in range(1, 30, 2)]
    server.offer(server.best * 0.6, 30.0)
    assert not server.refused


@pytest.mark.slow
def test_when_the_flood_is_over_everybody_is_taken_again():
    server = OneCore(call_s=0.002)
    server.offer(server.best * 3, 3.0)
    assert server.admission.rate is not None
    over = server.now
    server.offer(server.best * 0.5, QUIET_S + 3.0)
    assert server.admission.rate is None
    assert not [at for at in server.refused if at > over + 1.0]


# --- what is an overload


def delays(*each: float) -> Delays:
    found = Delays()
    for one in each:
        found.add(one, PERIOD_S)
    return found


def test_a_delay_that_grows_steeply_for_two_periods_is_an_overload():
    assert delays(0.05, 0.1, 0.15).overload
    assert not delays(0.0, 0.4).overload
    assert not delays(0.0, 0.4, 0.4, 0.39).overload
    assert not delays(0.01, 0.05, 0.09).overload  # nobody has to wait long yet


def test_a_delay_that_creeps_is_one_after_a_second():
    creeping = [0.11 + 0.005 * period for period in range(LONG)]
    assert not delays(*creeping[:-1]).overload
    assert delays(*creeping).overload
    assert not delays(*reversed(creeping)).overload


def test_so_is_one_at_which_telephones_send_again():
    assert delays(*[0.45] * LONG).overload
    assert not delays(*[0.3] * LONG).overload


def test_what_the_loop_did_not_run_is_no_growth():
    found = delays(0.02)
    found.add(0.0, PERIOD_S + 0.3)  # it was stopped, and has not looked yet
    assert found.growth <= 0
    found.add(0.2, PERIOD_S)  # what came meanwhile
    assert found.growth <= 0


def test_a_cut_is_by_what_was_too_much_and_not_repeated_before_it_shows():
    valve, seen = Valve(), delays(0.06, 0.11)
    for _ in range(5):
        valve.taken = 100
        valve.measure(PERIOD_S)
    seen.add(0.15, PERIOD_S)
    valve.adjust(seen, 1.0, squeeze=True)
    first = valve.rate
    assert first == pytest.approx(1000 / 1.4)
    seen.add(0.19, PERIOD_S)
    valve.adjust(seen, 1.1, squeeze=True)
    assert valve.rate == pytest.approx(0.98 * first)  # what waited at the cut is not through
    seen.add(0.23, PERIOD_S)
    valve.adjust(seen, 1.2, squeeze=True)
    assert valve.rate == pytest.approx(0.98 * first / 1.4)


def test_a_rate_never_falls_below_its_floor():
    valve, seen = Valve(), Delays()
    for period in range(200):
        seen.add(0.1 * period, PERIOD_S)
        valve.adjust(seen, period * PERIOD_S, squeeze=True)
    assert valve.rate == FLOOR


def test_who_is_not_to_blame_is_not_cut_while_the_delay_is_bearable():
    valve, seen = Valve(), delays(0.05, 0.1, 0.15)
    valve.adjust(seen, 1.0, squeeze=False)
    assert valve.rate is None
