"""The promises hold whatever happens, in whatever order: generated sequences of requests and world events.

Hypothesis makes up calls, requests of every kind, and what telephones do at every moment; news and orders travel late,
twice, out of order or not at all (`tests.promises.far`). Every promise is checked after every step, and in the end,
when everybody has hung up and time has passed, nothing may be left. `SWITCHHOOK_EXAMPLES` sets how many sequences are
tried (default 400, always the same ones; with the variable set they are new every time). Hypothesis finds the short
story behind a failure; plain random walks over the same rules, twice as many, go deeper into transfers.
"""

from __future__ import annotations

import os
import random
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from switchhook.core import events as e
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.model import Room, Seat
from switchhook.core.outcomes import Outcome
from tests.core.rig import ACCOUNT
from tests.promises.asks import KINDS, NAMES, Asks, Numbers, some_dial, some_room, some_transfer
from tests.promises.far import FarRig

# Hypothesis likes small numbers; spread, each of them makes other choices (0 stays 0, the simplest).
NUMBER = st.integers(0, 2**40).map(lambda number: (number * 0x9E3779B97F4A7C15) >> 8 & (2**48 - 1))
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
    def the_first_call(self, number: int) -> None:
        self.a_call_begins(number)

    @precondition(lambda self: len(self.rig.state.legs) < 9)
    @rule(number=NUMBER)
    def a_call_begins(self, number: int) -> None:
        n = Numbers(number)
        n.of((self.two_talk, self.two_talk, self.a_party, self.a_telephone_calls))(n)

    def two_talk(self, n: Numbers) -> None:
        slow = self.rig.slow
        self.rig.catch_up()
        self.rig.talking(n.of(NAMES), n.of(NAMES), program=n.of(("", "program")), insistent=True)
        self.rig.slow = slow

    def a_party(self, n: Numbers) -> None:
        plan = some_room(n)
        for _ in range(2 + n.below(2)):
            leg = self.rig.arrives(n.of(NAMES), program="phlo")
            self.ask(r.EnterRoom(leg, plan, seat=Seat(ends_room=n.yes(8))))

    def a_telephone_calls(self, n: Numbers) -> None:
        name = n.of(NAMES)
        route = n.of((None, r.ToParties(ACCOUNT, some_dial(n)), r.ToNobody(Outcome.NOT_FOUND)))
        self.rig.arrives(name, route)

    @precondition(lambda self: len(self.rig.state.legs) < 9)
    @rule(number=NUMBER)
    def a_call_begins_and_is_transferred(self, number: int) -> None:
        n = Numbers(number)
        self.two_talk(n)
        room = [*self.rig.state.rooms.values()][-1]
        self._transfer(room, n)

    def _transfer(self, room: Room, n: Numbers) -> None:
        there = {self.rig.state.legs[leg].key for leg in room.members}
        absent = [name for name in NAMES if name not in there]
        agent = n.of([*room.members][::-1])
        self.ask(r.StartTransfer(room.id, agent, some_transfer(n, absent or NAMES)))

    # --- requests ---------------------------------------------------------------------------------------------------

    @rule(kind=st.integers(0, KINDS - 1), number=NUMBER)
    def anybody_asks_anything(self, kind: int, number: int) -> None:
        self.ask(Asks(self.rig.state, number).one(kind))

    @precondition(lambda self: any(len(room.members) > 1 for room in self.rig.state.rooms.values()))
    @rule(number=NUMBER)
    def an_agent_starts_a_transfer(self, number: int) -> None:
        n = Numbers(number)
        self._transfer(n.of([room for room in self.rig.state.rooms.values() if len(room.members) > 1]), n)

    @precondition(lambda self: self.rig.state.transfers)
    @rule(number=NUMBER)
    def a_party_of_a_transfer_acts(self, number: int) -> None:
        n, state, phones = Numbers(number), self.rig.state, self.rig.world.telephones
        transfer = n.of([*state.transfers.values()])
        dial = state.dials.get(transfer.dial) if transfer.dial is not None else None
        rung = [leg for leg in dial.legs if leg in phones] if dial is not None else []  # who refuses is not rung
        if rung and n.below(2):
            phone = phones[n.of(rung)]
            if n.below(2):
                self.rig.pick_up(phone)
            else:
                self.rig.decline(phone, *n.of(FAILURES))
            return
        target = [transfer.target] if transfer.target in phones else []
        phone = phones[n.of([*state.rooms[transfer.room].members, *target])]
        match n.below(4):
            case 0:
                self.rig.put_down(phone)
            case 1:
                self.rig.end_of_sound(phone)
            case 2:
                self.ask(r.ReleaseCall(transfer.agent, transfer.room))
            case _:
                self.an_agent_goes_on(n)

    def an_agent_goes_on(self, n: Numbers) -> None:
        transfer = n.of([*self.rig.state.transfers])
        asked: tuple[r.Request, ...] = (
            r.CompleteTransfer(transfer),
            r.AbortTransfer(transfer),
            r.JoinTransfer(transfer),
            r.SwapTransfer(transfer),
        )
        self.ask(n.of(asked))

    # --- telephones -------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(phone.on_line or phone.rings for phone in self.rig.world.telephones.values()))
    @rule(number=NUMBER)
    def somebody_does_something(self, number: int) -> None:
        n, rig = Numbers(number), self.rig
        phone = n.of([phone for phone in rig.world.telephones.values() if phone.on_line or phone.rings][::-1])
        if phone.rings and n.below(3):
            if n.below(3):
                rig.pick_up(phone)
            else:
                rig.decline(phone, *n.of(FAILURES))
            return
        match n.below(7):
            case 0:
                rig.say(e.LegRang(phone.leg, early=n.yes(3)))
            case 1 | 2 as what:
                rig.say(e.LegHeld(phone.leg, what == 1))
            case 3:
                rig.say(e.DigitPressed(phone.leg, "1"))
            case 4:
                rig.end_of_sound(phone)
            case 5:
                rig.say(e.MediaLost(phone.leg))
            case _:
                rig.put_down(phone)

    # --- the post, and time -----------------------------------------------------------------------------------------

    @rule(number=NUMBER)
    def the_post_comes(self, number: int) -> None:
        n, rig = Numbers(number), self.rig
        match n.below(8):
            case 0:
                rig.catch_up()
            case 1 if rig.news:
                rig.lose_news(n.below(64))
            case 2 if rig.news:
                rig.repeat_news(n.below(64))
            case 3 | 4 | 5 if rig.news:
                rig.deliver_news(n.below(64))
            case 6 | 7 if rig.orders:
                rig.deliver_order(n.below(64))
            case _:
                rig.slow = True

    @rule(number=NUMBER)
    def time_passes(self, number: int) -> None:
        n, rig = Numbers(number), self.rig
        match n.below(4):
            case 0 if rig.world.timers:
                rig.fire(n.below(64))
            case 1 if rig.old_timers:
                rig.fire_old(n.below(64))
            case _:
                rig.passes(n.of((0.1, 6.0, 31.0, 121.0)))

    def teardown(self) -> None:
        self.rig.finish()


_EXAMPLES = os.environ.get("SWITCHHOOK_EXAMPLES")
Calls.TestCase.settings = settings(
    max_examples=int(_EXAMPLES or 400),
    stateful_step_count=50,
    derandomize=_EXAMPLES is None,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestPromises = pytest.mark.slow(Calls.TestCase)


# --- the same rules, as random walks --------------------------------------------------------------------------------


def walk(seed: int, steps: int) -> None:
    """Takes `steps` rules at random; transfers go on more often than anything else happens."""
    chance = random.Random(seed)
    calls = Calls()
    calls.a_call_begins_and_is_transferred(chance.getrandbits(48))
    for _ in range(steps):
        number = chance.getrandbits(48)
        state = calls.rig.state
        rules = [calls.the_post_comes, calls.time_passes]
        rules += [partial(calls.anybody_asks_anything, chance.randrange(KINDS))] * 4
        rules += [calls.a_party_of_a_transfer_acts] * 9 if state.transfers else []
        rules += [calls.a_call_begins_and_is_transferred, calls.a_call_begins] if len(state.legs) < 9 else []
        if any(len(room.members) > 1 for room in state.rooms.values()):
            rules += [calls.an_agent_starts_a_transfer] * 3
        if any(phone.on_line or phone.rings for phone in calls.rig.world.telephones.values()):
            rules += [calls.somebody_does_something] * 3
        chance.choice(rules)(number)
    calls.teardown()


@pytest.mark.slow
def test_random_walks() -> None:
    first = random.SystemRandom().getrandbits(32) if _EXAMPLES else 0
    for seed in range(first, first + 2 * int(_EXAMPLES or 400)):
        try:
            walk(seed, 4 + seed % 30)
        except Exception as error:
            raise AssertionError(f"walk({seed}, {4 + seed % 30})") from error
