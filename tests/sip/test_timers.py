"""When somebody must look at the timers, and what is forgotten some time later."""

from __future__ import annotations

from switchhook.sip.later import SWEEP_S, Later
from switchhook.sip.timers import PATIENT_S, SLACK_S, Timers


def run(timers: Timers, until: float) -> None:
    while (due := timers.next_due()) is not None and due <= until:
        timers.advance(due)
    timers.advance(until)


def test_a_retransmission_is_ticked_in_time_and_a_lifetime_may_wait():
    timers = Timers(100.0)
    timers.start(32.0, lambda: None)
    assert timers.next_tick() == 132.0 + SLACK_S
    timers.start(PATIENT_S - 1.0, lambda: None)
    assert timers.next_tick() == 100.0 + PATIENT_S - 1.0


def test_a_timer_before_the_planned_tick_is_told_and_one_after_it_is_not():
    timers = Timers()
    told = []
    timers.on_start = lambda: told.append(timers.planned)
    timers.start(4.0, lambda: None)
    timers.start(5.0, lambda: None)
    timers.start(0.5, lambda: None)
    assert told == [4.0, 0.5]


def test_nothing_is_planned_when_all_timers_were_cancelled():
    timers = Timers()
    timers.start(4.0, lambda: None).cancel()
    assert timers.next_tick() is None
    told = []
    timers.on_start = lambda: told.append(timers.planned)
    timers.start(8.0, lambda: None)
    assert told == [8.0]


def test_of_two_timers_that_are_due_together_the_longer_one_fires_first():
    timers = Timers()
    fired = []
    timers.start(1.0, lambda: fired.append("long"))
    timers.advance(0.5)
    timers.start(0.5, lambda: fired.append("short"))
    timers.advance(1.0)
    assert fired == ["long", "short"]


def test_keys_are_forgotten_in_order_by_one_timer_and_none_is_left():
    timers = Timers()
    gone = []
    later = Later(timers, 60.0, lambda key: gone.append((key, timers.now)))
    later.put("a")
    timers.advance(10.2)
    later.put("b")
    run(timers, 59.9)
    assert gone == []
    run(timers, 60.0 + SWEEP_S)
    assert [key for key, _ in gone] == ["a"]
    assert gone[0][1] <= 60.0 + SWEEP_S
    run(timers, 70.1)
    assert len(gone) == 1
    run(timers, 70.2 + SWEEP_S)
    assert [key for key, _ in gone] == ["a", "b"]
    assert gone[1][1] <= 70.2 + SWEEP_S
    assert timers.next_due() is None
    later.put("c")
    run(timers, 200.0)
    assert [key for key, _ in gone] == ["a", "b", "c"]
