"""The promises hold whatever happens, in whatever order: generated sequences of requests and world events.

Hypothesis makes up calls, requests of every kind, and what telephones do at every moment; news and orders travel late,
twice, out of order or not at all (`tests.promises.far`). Every promise is checked after every step, and in the end,
when everybody has hung up and time has passed, nothing may be left. `SWITCHHOOK_EXAMPLES` sets how many sequences are
tried (default 150, always the same ones; with the variable set they are new every time).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from switchhook.core import events as e
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.outcomes import Outcome
from tests.core.rig import ACCOUNT
from tests.promises.asks import KINDS, NAMES, TRANSFERS, Asks, Numbers, some_dial, some_room, some_transfer
from tests.promises.far import FarRig

NUMBER = st.integers(0, 2**40)
SMALL = st.integers(0, 63)
FAILURES = ((Outcome.BUSY, 486), (Outcome.REJECTED, 603), (Outcome.NO_ANSWER, 480), (Outcome.NOT_FOUND, 404))


class Calls(RuleBasedStateMachine):
    """A switch, its telephones and the post between them."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = FarRig()

    def ask(self, request: r.Request) -> None:
        try:
            self.rig.ask(request)
        except Refused:
            self.rig.refusals += 1

    # --- calls that begin -------------------------------------------------------------------------------------------

    @initialize(number=NUMBER)
    def somebody_calls(self, number: int) -> None:
        self.two_talk(number)

    @rule(number=NUMBER)
    def two_talk(self, number: int) -> None:
        n = Numbers(number)
        rig, slow = self.rig, self.rig.slow
        if n.yes(4):
            self.a_party(number)
            return
        rig.catch_up()
        first, second = n.of(NAMES), n.of(NAMES)
        rig.talking(first, second, program=n.of(("", "program")))
        rig.slow = slow

    @rule(number=NUMBER)
    def a_party(self, number: int) -> None:
        n = Numbers(number)
        plan = some_room(n)
        for _ in range(2 + n.below(2)):
            leg = self.rig.arrives(n.of(NAMES), program="phlo")
            self.ask(r.EnterRoom(leg, plan, ends_room=n.yes(8)))

    @rule(number=NUMBER)
    def a_telephone_calls(self, number: int) -> None:
        n = Numbers(number)
        routes: tuple[r.Route | None, ...] = (
            None,
            r.ToParties(ACCOUNT, some_dial(n)),
            r.ToNobody(Outcome.NOT_FOUND),
        )
        self.rig.arrives(n.of(NAMES), n.of(routes))

    # --- requests ---------------------------------------------------------------------------------------------------

    @rule(kind=st.integers(0, KINDS - 1), number=NUMBER)
    def anybody_asks_anything(self, kind: int, number: int) -> None:
        self.ask(Asks(self.rig.state, number).one(kind))

    @precondition(lambda self: any(len(room.members) > 1 for room in self.rig.state.rooms.values()))
    @rule(number=NUMBER)
    def an_agent_starts_a_transfer(self, number: int) -> None:
        n = Numbers(number)
        room = n.of([room for room in self.rig.state.rooms.values() if len(room.members) > 1])
        self.ask(r.StartTransfer(room.id, n.of([*room.members]), some_transfer(n)))

    @precondition(lambda self: self.rig.state.transfers)
    @rule(kind=st.sampled_from(list(TRANSFERS)), number=NUMBER)
    def an_agent_goes_on_with_a_transfer(self, kind: int, number: int) -> None:
        self.ask(Asks(self.rig.state, number).one(kind))

    # --- telephones -------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(phone.rings for phone in self.rig.world.telephones.values()))
    @rule(number=SMALL)
    def somebody_picks_up(self, number: int) -> None:
        ringing = [phone for phone in self.rig.world.telephones.values() if phone.rings]
        self.rig.pick_up(ringing[-1 - number % len(ringing)])

    @precondition(lambda self: any(phone.rings for phone in self.rig.world.telephones.values()))
    @rule(number=SMALL, failure=st.sampled_from(FAILURES))
    def somebody_is_not_reached(self, number: int, failure: tuple[Outcome, int]) -> None:
        ringing = [phone for phone in self.rig.world.telephones.values() if phone.rings]
        self.rig.decline(ringing[-1 - number % len(ringing)], *failure)

    @rule(number=SMALL)
    def somebody_hangs_up(self, number: int) -> None:
        there = [phone for phone in self.rig.world.telephones.values() if phone.on_line or phone.rings]
        if there:
            self.rig.put_down(there[-1 - number % len(there)])

    @rule(number=SMALL, what=st.integers(0, 5))
    def somebody_does_something(self, number: int, what: int) -> None:
        there = [phone for phone in self.rig.world.telephones.values() if phone.on_line or phone.rings]
        if not there:
            return
        phone = there[-1 - number % len(there)]
        match what:
            case 0:
                self.rig.say(e.LegRang(phone.leg))
            case 1 | 2:
                self.rig.say(e.LegHeld(phone.leg, what == 1))
            case 3:
                self.rig.say(e.DigitPressed(phone.leg, "1"))
            case 4:
                self.rig.end_of_sound(phone)
            case _:
                self.rig.say(e.MediaLost(phone.leg))

    # --- the post ---------------------------------------------------------------------------------------------------

    @rule()
    def the_post_becomes_slow(self) -> None:
        self.rig.slow = True

    @precondition(lambda self: self.rig.slow)
    @rule()
    def the_post_catches_up(self) -> None:
        self.rig.catch_up()

    @precondition(lambda self: self.rig.news)
    @rule(number=SMALL, how=st.integers(0, 5))
    def news_arrives(self, number: int, how: int) -> None:
        match how:
            case 0:
                self.rig.lose_news(number)
            case 1:
                self.rig.repeat_news(number)
            case _:
                self.rig.deliver_news(number)

    @precondition(lambda self: self.rig.orders)
    @rule(number=SMALL)
    def an_order_arrives(self, number: int) -> None:
        self.rig.deliver_order(number)

    # --- time -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.rig.world.timers)
    @rule(number=SMALL)
    def a_timer_fires(self, number: int) -> None:
        self.rig.fire(number)

    @precondition(lambda self: self.rig.old_timers)
    @rule(number=SMALL)
    def a_timer_fires_that_should_not(self, number: int) -> None:
        self.rig.fire_old(number)

    @rule(seconds=st.sampled_from((0.1, 6.0, 31.0, 121.0)))
    def time_passes(self, seconds: float) -> None:
        self.rig.passes(seconds)

    def teardown(self) -> None:
        self.rig.finish()


_EXAMPLES = os.environ.get("SWITCHHOOK_EXAMPLES")
Calls.TestCase.settings = settings(
    max_examples=int(_EXAMPLES or 150),
    stateful_step_count=40,
    derandomize=_EXAMPLES is None,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestPromises = pytest.mark.slow(Calls.TestCase)
