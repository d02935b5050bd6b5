"""One leg: limits, sounds, taking, recordings, and events that come late, twice or about nobody."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, RecordingId
from switchhook.core.model import Kind
from switchhook.core.outcomes import Outcome
from tests.core.rig import ACCOUNT, Rig, destination, dial, plan


def test_an_inbound_call_that_its_program_never_answers_ends_by_itself() -> None:
    rig = Rig()
    rig.arrives("caller")
    rig.passes(181)
    assert rig.nothing_left()


def test_an_answered_leg_ends_at_its_longest_time() -> None:
    rig = Rig()
    rig.ask(r.Originate(ACCOUNT, destination("callee"), "100", "program", limit_s=60.0))
    rig.answers("callee")
    rig.passes(59)
    assert rig.on_line("callee")
    rig.passes(2)
    (ended,) = rig.told(f.LegEnded)
    assert ended.outcome is Outcome.TIME_LIMIT


def test_a_limit_set_before_the_answer_counts_after_it() -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    rig.ask(r.SetLimit(leg, 30.0))
    rig.ask(r.AnswerLeg(leg))
    rig.passes(31)
    assert rig.nothing_left()


def test_a_limit_can_be_moved_and_the_old_timer_changes_nothing() -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    rig.ask(r.AnswerLeg(leg))
    rig.ask(r.SetLimit(leg, 30.0))
    rig.ask(r.SetLimit(leg, 90.0))
    rig.now += 30
    rig.tell(e.TimerFired(f"limit:{leg}"))
    assert rig.on_line("caller")
    rig.passes(61)
    assert rig.nothing_left()


def test_a_telephone_that_is_asked_to_answer_and_does_not() -> None:
    rig = Rig()
    rig.ask(r.Originate(ACCOUNT, destination("callee"), "100", "program"))
    leg = rig.leg("callee")
    rig.ask(r.PressAnswerKey(leg))
    assert a.PressAnswer(leg) in rig.actions
    rig.passes(5.1)
    assert rig.told(f.AnswerNotPressed) == [f.AnswerNotPressed(leg)]
    rig.answers("callee")
    with pytest.raises(Refused):
        rig.ask(r.PressAnswerKey(leg))


def test_an_answer_in_time_stops_the_wait_for_the_answer_key() -> None:
    rig = Rig()
    rig.ask(r.Originate(ACCOUNT, destination("callee"), "100", "program"))
    rig.ask(r.PressAnswerKey(rig.leg("callee")))
    rig.answers("callee")
    rig.passes(6)
    assert not rig.told(f.AnswerNotPressed)


def test_sounds_replace_each_other_and_end_once() -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    first = rig.ask(r.Play(leg, ("tone:1:1",))).sound
    second = rig.ask(r.Play(leg, ("tone:2:2",))).sound
    assert first is not None
    assert second is not None
    rig.tell(e.SoundEnded(leg, first))  # too late: it was replaced
    assert rig.hears("caller") == {"tone:2:2"}
    rig.sound_ends("caller")
    rig.tell(e.SoundEnded(leg, second))
    assert [(fact.sound, fact.stopped) for fact in rig.told(f.SoundFinished)] == [(first, True), (second, False)]


@pytest.mark.parametrize("stop", [False, True])
def test_a_leg_that_is_hung_up_after_its_sound_is_so_even_when_it_is_stopped_or_replaced(stop: bool) -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    rig.ask(r.Play(leg, ("tone:1:1",), hang_up_after=True))
    rig.ask(r.Play(leg, ("tone:2:2",)))
    if stop:
        rig.ask(r.StopSound(leg))
    else:
        rig.sound_ends("caller")
    assert rig.nothing_left()


def test_a_voicemail_drop_cuts_one_off_and_the_others_stay() -> None:
    rig = Rig()
    room = rig.party("one", "two")
    rig.ask(r.DropVoicemail(room, rig.leg("one"), ("speak:en::please call back",)))
    rig.hear({"one": {"speak:en::please call back"}, "two": {"agent"}, "agent": {"two"}})
    rig.sound_ends("one")
    assert not rig.on_line("one")
    rig.hear({"two": {"agent"}, "agent": {"two"}})


def test_a_voicemail_drop_on_the_last_customer_leaves_the_agent_in_the_room() -> None:
    rig = Rig()
    room = rig.party()
    rig.ask(r.DropVoicemail(room, rig.leg("customer"), ("tone:1:1",)))
    assert rig.on_line("agent")
    rig.sound_ends("customer")
    rig.ask(r.AddParty(room, dial("next")))
    rig.answers("next")
    rig.hear({"agent": {"next"}, "next": {"agent"}})


def test_a_voicemail_drop_needs_something_to_say_and_no_transfer() -> None:
    rig = Rig()
    room = rig.party()
    customer = rig.leg("customer")
    with pytest.raises(Refused) as refused:
        rig.ask(r.DropVoicemail(room, customer, ()))
    assert refused.value.reason is Reason.NO_PROMPT
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.WARM)))
    with pytest.raises(Refused) as refused:
        rig.ask(r.DropVoicemail(room, customer, ("tone:1:1",)))
    assert refused.value.reason is Reason.TRANSFER_RUNNING


# --- Take: who stays behind -----------------------------------------------------------------------------------------


def freed(rig: Rig) -> list[tuple[str, str]]:
    names = {leg: phone.name for leg, phone in rig.world.telephones.items()}
    return [(names[fact.leg], fact.program) for fact in rig.told(f.LegFreed)]


def test_taking_the_a_leg_hangs_up_the_b_leg() -> None:
    rig = Rig()
    rig.talking(program="plivo")
    rig.ask(r.Take((rig.leg("customer"),), "plivo"))
    assert rig.on_line("customer")
    assert not rig.on_line("agent")
    assert freed(rig) == []
    assert rig.state.legs[rig.leg("customer")].rooms == ()


def test_taking_the_b_leg_lets_the_a_leg_go_on_with_its_program() -> None:
    rig = Rig()
    rig.talking(program="plivo")
    rig.ask(r.Take((rig.leg("agent"),), "flow"))
    assert rig.on_line("agent")
    assert freed(rig) == [("customer", "plivo")]
    assert rig.state.legs[rig.leg("agent")].program == "flow"


@pytest.mark.parametrize("order", [("customer", "agent"), ("agent", "customer")])
def test_taking_both_hangs_up_nobody_and_closes_the_room(order: tuple[str, str]) -> None:
    rig = Rig()
    rig.talking(program="plivo")
    rig.ask(r.Take((rig.leg(order[0]), rig.leg(order[1])), "plivo"))
    assert rig.on_line("customer")
    assert rig.on_line("agent")
    assert freed(rig) == []
    assert not rig.state.rooms


def test_taking_a_waiting_caller_stops_the_ringing() -> None:
    rig = Rig()
    leg = rig.arrives("customer", program="plivo")
    rig.ask(r.Connect(leg, dial("agent")))
    rig.ask(r.Take((leg,), "plivo"))
    assert not rig.is_rung("agent")
    assert not rig.state.dials


@pytest.mark.parametrize("kind", [Kind.WARM, Kind.CONSULT])
def test_taking_the_agent_of_a_transfer_completes_it_and_keeps_the_agents_telephone(kind: Kind) -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(kind)))
    rig.answers("target")
    rig.ask(r.Take((rig.leg("agent"),), "plivo"))
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    assert rig.on_line("agent")


def test_taking_agent_and_customer_of_a_transfer_ends_it_without_a_success() -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT)))
    rig.answers("target")
    rig.ask(r.Take((rig.leg("agent"), rig.leg("customer")), "plivo"))
    assert rig.outcome is not None
    assert not rig.outcome.succeeded
    assert rig.on_line("agent")
    assert rig.on_line("customer")
    assert not rig.on_line("target")


# --- the post -------------------------------------------------------------------------------------------------------


def test_events_about_nobody_change_nothing() -> None:
    rig = Rig()
    rig.talking()
    known = len(rig.facts)
    nobody = LegId("nobody")
    for event in (
        e.LegRang(nobody),
        e.LegFailed(nobody, Outcome.BUSY),
        e.LegGone(nobody),
        e.LegHeld(nobody, True),
        e.DigitPressed(nobody, "1"),
        e.MediaLost(nobody),
        e.MediaBack(nobody),
        e.RecordingEnded(RecordingId("none"), "", 0),
        e.TimerFired("ring:nobody"),
        e.TimerFired("limit:nobody"),
        e.TimerFired("accept:nobody"),
        e.TimerFired("press:nobody"),
        e.TimerFired("room:nowhere"),
        e.TimerFired("nonsense"),
    ):
        rig.tell(event)
    assert len(rig.facts) == known


def test_an_event_that_comes_twice_counts_once() -> None:
    rig = Rig()
    rig.talking()
    agent = rig.leg("agent")
    known = len(rig.facts)
    rig.tell(e.LegAnswered(agent))
    rig.tell(e.LegRang(agent))
    assert len(rig.facts) == known
    rig.hangs_up("agent")
    known = len(rig.facts)
    rig.tell(e.LegGone(agent))
    assert len(rig.facts) == known


def test_a_recording_stops_when_the_last_of_its_left_side_is_gone() -> None:
    rig = Rig()
    rig.talking()
    left = (rig.leg("customer"), rig.leg("agent"))
    tape = rig.ask(r.StartRecording(left, (), "file.wav")).recording
    assert tape is not None
    rig.hangs_up("customer")
    assert a.StopRecord(tape) in rig.actions
    rig.tell(e.RecordingEnded(tape, "file.wav", 1200))
    assert not rig.state.tapes
    with pytest.raises(Refused):
        rig.ask(r.StopRecording(tape))


def test_endpoints_are_known_once() -> None:
    rig = Rig()
    for on in (True, True, False, False):
        rig.tell(e.EndpointChanged("1001", on))
    assert [fact.on for fact in rig.told(f.EndpointRegistered)] == [True, False]
