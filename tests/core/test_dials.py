"""Ringing one party or several: who wins, what the others and the caller are told, and what comes after."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.model import Order, Role, RoomKind, RoomPlan
from switchhook.core.outcomes import Outcome
from tests.core.rig import ACCOUNT, MUSIC, RINGBACK, Rig, destination, dial

SILENCE: set[str] = set()
BEEP = {"builtin:beep", "silence:2000"}


def ends(rig: Rig, name: str) -> a.End:
    """Returns the order that ended a telephone's latest line."""
    return next(act for act in rig.actions if isinstance(act, a.End) and act.leg == rig.leg(name))


def ended(rig: Rig, name: str) -> f.LegEnded:
    return next(fact for fact in rig.facts if isinstance(fact, f.LegEnded) and fact.leg == rig.leg(name))


def calls(rig: Rig, *targets: str, **how: object) -> None:
    rig.arrives("caller", r.ToParties(ACCOUNT, dial(*targets, **how)))


def test_the_caller_hears_ringing_and_is_answered_with_the_callee() -> None:
    rig = Rig()
    calls(rig, "callee")
    assert not [act for act in rig.actions if isinstance(act, a.Ring)]
    rig.rings("callee")
    assert [act for act in rig.actions if isinstance(act, a.Ring)] == [a.Ring(rig.leg("caller"))]
    assert not rig.on_line("caller")
    rig.answers("callee")
    rig.hear({"caller": {"callee"}, "callee": {"caller"}})
    rig.everybody_hangs_up()


def test_the_first_to_answer_wins_and_the_others_hear_completed_elsewhere() -> None:
    rig = Rig()
    calls(rig, "one", "two", "three")
    for name in ("one", "two", "three"):
        rig.rings(name)
    rig.answers("two")
    rig.hear({"caller": {"two"}, "two": {"caller"}})
    for name in ("one", "three"):
        assert ends(rig, name).outcome is Outcome.ANSWERED_ELSEWHERE
        assert not rig.is_rung(name)
    (over,) = rig.told(f.DialEnded)
    assert over.leg == rig.leg("two")


def test_an_answer_that_crossed_the_end_of_its_attempt_is_hung_up() -> None:
    rig = Rig()
    calls(rig, "one", "two")
    rig.answers("one")
    late = rig.phone("two")
    late.gone, late.on_line = False, True  # it picked up before our CANCEL came
    rig.tell(e.LegAnswered(late.leg))
    assert not late.on_line
    rig.hear({"caller": {"one"}, "one": {"caller"}})


def test_one_after_the_other() -> None:
    rig = Rig()
    calls(rig, "one", "two", "three", order=Order.SEQUENTIAL, ring_s=15.0)
    assert not rig.is_rung("two")
    rig.rejects("one")
    assert rig.is_rung("two")
    rig.passes(15.1)
    assert rig.is_rung("three")
    assert ended(rig, "two").outcome is Outcome.NO_ANSWER
    rig.answers("three")
    rig.hear({"caller": {"three"}, "three": {"caller"}})
    assert not rig.is_rung("one")


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ((Outcome.BUSY, 486), (Outcome.BUSY, 486)),
        ((Outcome.BUSY, 600), (Outcome.BUSY, 600)),
        ((Outcome.REJECTED, 603), (Outcome.REJECTED, 603)),
        ((Outcome.NOT_FOUND, 404), (Outcome.NO_ANSWER, 0)),
        ((Outcome.UNACCEPTABLE, 488), (Outcome.NO_ANSWER, 0)),
        ((Outcome.CONGESTED, 503), (Outcome.NO_ANSWER, 0)),
    ],
)
def test_486_600_and_603_are_relayed_and_all_else_is_480(
    answered: tuple[Outcome, int], told: tuple[Outcome, int]
) -> None:
    rig = Rig()
    calls(rig, "callee")
    rig.rejects("callee", *answered)
    end = ends(rig, "caller")
    assert (end.outcome, end.status) == told
    assert rig.nothing_left()


def test_with_several_targets_the_most_telling_outcome_speaks() -> None:
    rig = Rig()
    calls(rig, "one", "two", "three")
    rig.rejects("one", Outcome.NO_ANSWER, 480)
    rig.rejects("two", Outcome.BUSY, 486)
    rig.rejects("three", Outcome.NOT_FOUND, 404)
    assert ends(rig, "caller").outcome is Outcome.BUSY


def test_nobody_answers_in_time() -> None:
    rig = Rig()
    calls(rig, "callee", ring_s=20.0)
    rig.passes(19.9)
    assert rig.is_rung("callee")
    rig.passes(0.2)
    assert ended(rig, "callee").outcome is Outcome.NO_ANSWER
    assert ends(rig, "caller").outcome is Outcome.NO_ANSWER
    assert rig.nothing_left()


def test_the_caller_gives_up_and_the_ringing_stops() -> None:
    rig = Rig()
    calls(rig, "one", "two")
    rig.hangs_up("caller")
    assert ended(rig, "caller").outcome is Outcome.CANCELLED
    assert rig.nothing_left()


def test_a_brief_is_heard_alone_and_the_digit_takes_the_call() -> None:
    rig = Rig()
    calls(rig, "callee", brief=("speak:en::a customer",), accept_digit="1")
    rig.answers("callee")
    rig.hear({"callee": {"speak:en::a customer"}})
    assert not rig.on_line("caller")
    rig.presses("callee", "2")
    assert not rig.on_line("caller")
    rig.presses("callee", "1")
    rig.hear({"caller": {"callee"}, "callee": {"caller"}})


def test_a_brief_without_a_digit_takes_the_call_at_its_end() -> None:
    rig = Rig()
    calls(rig, "callee", brief=("speak:en::a customer",))
    rig.answers("callee")
    rig.sound_ends("callee")
    rig.hear({"caller": {"callee"}, "callee": {"caller"}})


def test_a_digit_without_a_brief_is_asked_for_by_a_beep() -> None:
    rig = Rig()
    calls(rig, "callee", accept_digit="5")
    rig.answers("callee")
    rig.hear({"callee": BEEP})
    with pytest.raises(Refused):
        rig.ask(r.StopSound(rig.leg("callee")))
    rig.presses("callee", "5")
    rig.hear({"caller": {"callee"}})


def test_who_does_not_take_the_call_in_time_has_declined() -> None:
    rig = Rig()
    calls(rig, "callee", accept_digit="5", accept_s=10.0)
    rig.answers("callee")
    rig.passes(10.1)
    assert ended(rig, "callee").outcome is Outcome.REJECTED
    assert ends(rig, "caller").outcome is Outcome.REJECTED
    assert rig.nothing_left()


def test_who_hangs_up_while_asked_has_declined() -> None:
    rig = Rig()
    calls(rig, "callee", accept_digit="5")
    rig.answers("callee")
    rig.hangs_up("callee")
    assert ends(rig, "caller").outcome is Outcome.REJECTED


def test_the_other_who_is_asked_when_one_takes_the_call() -> None:
    rig = Rig()
    calls(rig, "one", "two", accept_digit="1")
    rig.answers("one")
    rig.answers("two")
    rig.presses("two", "1")
    assert not rig.on_line("one")
    rig.hear({"caller": {"two"}, "two": {"caller"}})


def test_who_is_asked_can_be_put_nowhere_else() -> None:
    rig = Rig()
    calls(rig, "callee", accept_digit="5")
    leg = rig.answers("callee")
    for request in (
        r.Connect(leg, dial("other")),
        r.EnterRoom(leg, RoomPlan(RoomKind.CONFERENCE, name="room")),
        r.PlaceSecondCall(leg, dial("other")),
        r.Take((leg,), "program"),
        r.Play(leg, ("builtin:beep",)),
    ):
        with pytest.raises(Refused) as refused:
            rig.ask(request)
        assert refused.value.reason in (Reason.WRONG_STATE, Reason.NOT_ANSWERED)
    rig.presses("callee", "5")
    rig.hear({"caller": {"callee"}})


def test_keys_are_sent_to_the_answerers_machine_once() -> None:
    rig = Rig()
    calls(rig, "callee", send_digits="12w3")
    rig.answers("callee")
    assert [act for act in rig.actions if isinstance(act, a.SendDigits)] == [a.SendDigits(rig.leg("callee"), "12w3")]


def test_headers_and_credentials_go_to_their_own_target() -> None:
    rig = Rig()
    calls(
        rig,
        "one",
        "two",
        headers=(("X-PH-A", "1"),),
        target_headers=((("X-PH-B", "2"),), ()),
        credentials=(None, ("user", "secret")),
    )
    invites = {act.destination.address: act for act in rig.actions if isinstance(act, a.Invite)}
    assert invites["one"].headers == (("X-PH-A", "1"), ("X-PH-B", "2"))
    assert invites["two"].headers == (("X-PH-A", "1"),)
    assert (invites["one"].credentials, invites["two"].credentials) == (None, ("user", "secret"))


def test_a_cancelled_dial_lets_the_caller_go_to_its_program() -> None:
    rig = Rig()
    leg = rig.arrives("caller", program="plivo")
    rig.ask(r.Connect(leg, dial("callee")))
    rig.ask(r.CancelDial(rig.dial.id))
    assert not rig.is_rung("callee")
    (freed,) = rig.told(f.LegFreed)
    assert (freed.leg, freed.outcome) == (leg, Outcome.CANCELLED)


def test_the_callee_leaves_and_the_callers_program_goes_on() -> None:
    rig = Rig()
    rig.talking(program="plivo")
    rig.hangs_up("agent")
    (freed,) = rig.told(f.LegFreed)
    assert (freed.leg, freed.program, freed.outcome) == (rig.leg("customer"), "plivo", Outcome.COMPLETED)
    assert rig.on_line("customer")
    rig.everybody_hangs_up()


def test_the_caller_leaves_and_the_callee_is_hung_up() -> None:
    rig = Rig()
    rig.talking(program="plivo")
    rig.hangs_up("customer")
    assert ended(rig, "agent").outcome is Outcome.COMPLETED
    assert rig.nothing_left()


# --- a desktop's Dial -----------------------------------------------------------------------------------------------


def place(rig: Rig) -> None:
    first = dial("agent", answer_after=0, ring_s=20.0, role=Role.AGENT)
    rig.ask(r.PlaceCall(ACCOUNT, first, dial("customer", role=Role.CUSTOMER), {"key": "value"}, "desk"))


def test_the_agents_own_telephone_is_rung_first() -> None:
    rig = Rig()
    place(rig)
    (invite,) = [act for act in rig.actions if isinstance(act, a.Invite)]
    assert (invite.destination.address, invite.answer_after) == ("agent", 0)
    rig.answers("agent")
    assert rig.is_rung("customer")
    rig.hear({"agent": {RINGBACK}})
    rig.answers("customer")
    rig.hear({"agent": {"customer"}, "customer": {"agent"}})
    rig.everybody_hangs_up()


def test_the_own_telephone_is_not_answered_and_nobody_else_is_rung() -> None:
    rig = Rig()
    place(rig)
    rig.passes(20.1)
    assert "customer" not in rig.lines
    assert rig.nothing_left()


def test_the_destination_of_a_placed_call_is_busy() -> None:
    rig = Rig()
    place(rig)
    rig.answers("agent")
    rig.rejects("customer")
    assert rig.nothing_left()


def test_the_agent_gives_up_while_the_destination_rings() -> None:
    rig = Rig()
    place(rig)
    rig.answers("agent")
    rig.hangs_up("agent")
    assert not rig.is_rung("customer")
    assert rig.nothing_left()


# --- into a room ----------------------------------------------------------------------------------------------------


def test_a_party_that_is_added_and_does_not_come_changes_nothing() -> None:
    rig = Rig()
    room = rig.party()
    rig.ask(r.AddParty(room, dial("third")))
    rig.rejects("third")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    rig.ask(r.AddParty(room, dial("third")))
    rig.answers("third")
    rig.hear({"customer": {"agent", "third"}, "agent": {"customer", "third"}, "third": {"customer", "agent"}})


def test_alone_in_a_party_the_dial_sound_is_heard() -> None:
    rig = Rig()
    rig.party(agents=())
    rig.hear({"customer": {MUSIC}})


def test_a_room_that_is_full_or_has_that_party_refuses() -> None:
    rig = Rig()
    room = rig.party(max_members=3)
    with pytest.raises(Refused) as refused:
        rig.ask(r.AddParty(room, dial("agent")))
    assert refused.value.reason is Reason.ALREADY_THERE
    rig.ask(r.AddParty(room, dial("third")))
    with pytest.raises(Refused) as refused:
        rig.ask(r.AddParty(room, dial("fourth")))
    assert refused.value.reason is Reason.ROOM_FULL


def test_everybody_leaves_and_whoever_is_rung_for_the_room_is_left_alone() -> None:
    rig = Rig()
    room = rig.party(agents=())
    rig.ask(r.AddParty(room, dial("agent")))
    rig.hangs_up("customer")
    assert rig.nothing_left()


def test_each_target_may_be_shown_another_caller() -> None:
    rig = Rig()
    calls(rig, "first", "second", callers=(("1", "One"), ("2", "Two")))
    shown = [(act.caller, act.caller_name) for act in rig.actions if isinstance(act, a.Invite)]
    assert shown == [("1", "One"), ("2", "Two")]


# --- sent on --------------------------------------------------------------------------------------------------------


def test_a_ringing_call_is_sent_on_and_the_caller_waits_for_the_next() -> None:
    rig = Rig()
    calls(rig, "callee")
    rig.rings("callee")
    rig.ask(r.Redirect(rig.leg("callee"), destination("other")))
    assert ends(rig, "callee").outcome is Outcome.CANCELLED
    assert not rig.is_rung("callee")
    assert rig.is_rung("other")
    assert not rig.told(f.DialEnded)
    rig.rings("other")
    rig.answers("other")
    rig.hear({"caller": {"other"}, "other": {"caller"}})
    rig.everybody_hangs_up()


def test_whoever_is_sent_a_call_and_does_not_come_ends_the_attempt() -> None:
    rig = Rig()
    calls(rig, "callee")
    rig.rings("callee")
    rig.ask(r.Redirect(rig.leg("callee"), destination("other")))
    rig.rejects("other")
    assert ended(rig, "caller").outcome is Outcome.BUSY


def test_a_call_that_is_sent_on_keeps_its_place_among_those_rung_in_turn() -> None:
    rig = Rig()
    calls(rig, "one", "two", order=Order.SEQUENTIAL)
    rig.rings("one")
    rig.ask(r.Redirect(rig.leg("one"), destination("other")))
    assert not rig.is_rung("two")
    rig.rejects("other")
    assert rig.is_rung("two")
    rig.answers("two")
    rig.hear({"caller": {"two"}, "two": {"caller"}})
    rig.everybody_hangs_up()


@pytest.mark.parametrize(
    ("rung", "to", "reason"),
    [
        ("callee", "callee", Reason.TARGET_IS_SELF),
        ("callee", "caller", Reason.ALREADY_THERE),
        ("callee", "second", Reason.ALREADY_THERE),
        ("caller", "other", Reason.WRONG_STATE),
    ],
)
def test_a_call_that_cannot_be_sent_on_rings_as_before(rung: str, to: str, reason: Reason) -> None:
    rig = Rig()
    calls(rig, "callee", "second")
    rig.rings("callee")
    with pytest.raises(Refused) as refused:
        rig.ask(r.Redirect(rig.leg(rung), destination(to)))
    assert refused.value.reason is reason
    assert rig.is_rung("callee")


def test_an_answered_call_is_not_sent_on() -> None:
    rig = Rig()
    calls(rig, "callee")
    rig.answers("callee")
    with pytest.raises(Refused) as refused:
        rig.ask(r.Redirect(rig.leg("callee"), destination("other")))
    assert refused.value.reason is Reason.WRONG_STATE
