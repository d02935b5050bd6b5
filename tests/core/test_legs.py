"""One leg: limits, sounds, taking, recordings, and events that come late, twice or about nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, RecordingId
from switchhook.core.model import Alone, Kind, RoomKind, RoomPlan, Seat, TransferOutcome
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


@pytest.mark.parametrize(
    ("up", "said", "written"),
    [
        (True, Outcome.COMPLETED, Outcome.COMPLETED),
        (True, Outcome.TIMED_OUT, Outcome.TIMED_OUT),
        (True, Outcome.FAILED, Outcome.FAILED),
        (False, Outcome.COMPLETED, Outcome.CANCELLED),  # it was never answered
        (False, Outcome.CANCELLED, Outcome.CANCELLED),
        (False, Outcome.ANSWERED_ELSEWHERE, Outcome.ANSWERED_ELSEWHERE),
    ],
)
def test_how_a_telephone_went_is_written_as_it_was_told(up: bool, said: Outcome, written: Outcome) -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    if up:
        rig.ask(r.AnswerLeg(leg))
    rig.hangs_up("caller", said)
    (ended,) = rig.told(f.LegEnded)
    assert ended.outcome is written


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


# --- refusals and departures that nothing else shows ------------------------------------------------------------------


def test_who_was_never_answered_can_be_played_nothing_and_put_nowhere() -> None:
    rig = Rig()
    rig.ask(r.Originate(ACCOUNT, destination("callee"), "100", "program"))
    leg = rig.leg("callee")
    room = RoomPlan(RoomKind.CONFERENCE, name="room")
    for request in (
        r.Play(leg, ("tone:1:1",)),
        r.SendKeys(leg, "1"),
        r.AnswerLeg(leg),
        r.EnterRoom(leg, room),
        r.Connect(leg, dial("other")),
        r.PlaceSecondCall(leg, dial("other")),
        r.TurnTo(leg, None),
        r.Take((leg,), "other"),
    ):
        with pytest.raises(Refused):
            rig.ask(request)
    rig.answers("callee")
    rig.ask(r.SendKeys(leg, "1"))
    assert rig.told(f.DigitsSent) == [f.DigitsSent(leg, "1")]


def test_who_is_in_a_room_is_put_into_no_other() -> None:
    rig = Rig()
    rig.talking()
    for request in (
        r.Connect(rig.leg("customer"), dial("other")),
        r.EnterRoom(rig.leg("customer"), RoomPlan(RoomKind.CONFERENCE, name="room")),
    ):
        with pytest.raises(Refused) as refused:
            rig.ask(request)
        assert refused.value.reason is Reason.WRONG_STATE


def test_nobody_is_added_to_a_room_whose_first_party_has_not_come() -> None:
    rig = Rig()
    room = rig.ask(r.PlaceCall(ACCOUNT, dial("agent"), dial("customer"))).room
    assert room is not None
    with pytest.raises(Refused):
        rig.ask(r.AddParty(room, dial("other")))


def test_a_member_that_leaves_goes_on_with_its_program_and_the_last_stays_by_the_rooms_rule() -> None:
    rig = Rig()
    room = rig.party("ann", "bob", agents=())
    rig.ask(r.LeaveRoom(room, rig.leg("ann")))
    assert [(fact.leg, fact.room) for fact in rig.told(f.LegFreed)] == [(rig.leg("ann"), room)]
    assert rig.hears("bob") == {"music"}
    rig.ask(r.LeaveRoom(room, rig.leg("bob")))
    assert room not in rig.state.rooms


def test_a_moderator_that_leaves_ends_the_conference() -> None:
    rig = Rig()
    room = RoomPlan(RoomKind.CONFERENCE, name="room")
    rig.ask(r.EnterRoom(rig.arrives("ann"), room))
    found = rig.ask(r.EnterRoom(rig.arrives("moderator"), room, seat=Seat(ends_room=True))).room
    assert found is not None
    rig.ask(r.LeaveRoom(found, rig.leg("moderator")))
    assert {fact.leg for fact in rig.told(f.LegFreed)} == {rig.leg("ann"), rig.leg("moderator")}
    assert not rig.state.rooms


def test_a_program_is_told_why_its_dial_failed() -> None:
    rig = Rig()
    leg = rig.arrives("caller", program="plivo")
    rig.ask(r.Connect(leg, dial("callee")))
    rig.rejects("callee", Outcome.NOT_FOUND, 404)
    (freed,) = rig.told(f.LegFreed)
    assert freed.outcome is Outcome.NOT_FOUND


def test_a_room_ends_at_its_longest_time() -> None:
    rig = Rig()
    rig.party("ann", "bob", agents=(), limit_s=60.0)
    rig.passes(61)
    assert not rig.state.rooms
    assert {fact.leg for fact in rig.told(f.LegFreed)} == {rig.leg("ann"), rig.leg("bob")}


def test_rooms_of_one_name_are_one_room_until_it_closes() -> None:
    rig = Rig()
    plan = RoomPlan(RoomKind.CONFERENCE, alone=Alone.MUSIC, name="room")
    first = rig.ask(r.EnterRoom(rig.arrives("ann"), plan)).room
    assert rig.ask(r.EnterRoom(rig.arrives("bob"), plan)).room == first
    rig.hangs_up("ann")
    rig.hangs_up("bob")
    assert rig.ask(r.EnterRoom(rig.arrives("ann"), plan)).room != first


def test_a_voicemail_drop_on_the_caller_of_three_leaves_the_other_two() -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.AddParty(room, dial("third")))
    rig.answers("third")
    rig.ask(r.DropVoicemail(room, rig.leg("customer"), ("tone:1:1",)))
    rig.hear({"agent": {"third"}, "third": {"agent"}, "customer": {"tone:1:1"}})


def test_who_leaves_a_call_of_two_ends_it_for_the_other() -> None:
    rig = Rig()
    room = rig.talking(program="plivo")
    rig.ask(r.LeaveRoom(room, rig.leg("agent")))
    assert not rig.on_line("agent")
    assert [fact.leg for fact in rig.told(f.LegFreed)] == [rig.leg("customer")]


def test_media_that_is_lost_and_back_is_told() -> None:
    rig = Rig()
    rig.talking()
    rig.tell(e.MediaLost(rig.leg("agent")))
    rig.tell(e.MediaBack(rig.leg("agent")))
    assert [fact.lost for fact in rig.told(f.MediaSilent)] == [True, False]


def test_a_room_recording_follows_its_members_and_stops_with_the_room() -> None:
    rig = Rig()
    room = rig.talking()
    tape = rig.ask(r.StartRecording((), (), "file", room=room)).recording
    assert tape is not None
    assert rig.state.tapes[tape].left == (rig.leg("customer"),)
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.WARM)))
    rig.answers("target")
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    assert rig.state.tapes[tape].right == (rig.leg("target"),)
    rig.hangs_up("customer")
    assert a.StopRecord(tape) in rig.actions
    rig.tell(e.RecordingEnded(tape, "file", 1000))
    assert rig.nothing_left()
    assert not rig.state.tapes


def test_a_paused_recording_stays_paused_whoever_comes() -> None:
    rig = Rig()
    room = rig.talking()
    tape = rig.ask(r.StartRecording((), (), "file", room=room, mono=True)).recording
    assert tape is not None
    for _ in range(2):
        rig.ask(r.PauseRecording(tape))
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.WARM)))
    rig.answers("target")
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    stated = [act.tape for act in rig.actions if isinstance(act, a.Record)]
    assert [each.paused for each in stated] == [False] + [True] * (len(stated) - 1)
    assert stated[-1].right == (rig.leg("target"),)
    for _ in range(2):
        rig.ask(r.ResumeRecording(tape))
    assert not rig.state.tapes[tape].paused
    assert [fact.on for fact in rig.told(f.RecordingPaused)] == [True, False]
    rig.ask(r.PauseRecording(tape))
    rig.hangs_up("customer")
    assert a.StopRecord(tape) in rig.actions
    rig.tell(e.RecordingEnded(tape, "file", 1000))
    for request in (r.PauseRecording(tape), r.ResumeRecording(tape)):
        with pytest.raises(Refused):
            rig.ask(request)


def test_ringing_is_told_once_in_both_directions() -> None:
    rig = Rig()
    inbound = rig.arrives("caller")
    for _ in range(2):
        rig.ask(r.TellRinging(inbound))
    assert [act for act in rig.actions if isinstance(act, a.Ring)] == [a.Ring(inbound)]
    rig.ask(r.Originate(ACCOUNT, destination("callee"), "100", "program"))
    for _ in range(2):
        rig.rings("callee")
    assert [fact.leg for fact in rig.told(f.LegRinging)] == [inbound, rig.leg("callee")]


def test_a_dial_ends_the_prompt_of_its_caller() -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    rig.ask(r.Play(leg, ("tone:1:1",), repeat=0))
    rig.ask(r.Connect(leg, dial("callee")))
    assert rig.hears("caller") == {"ringback"}
    assert [fact.stopped for fact in rig.told(f.SoundFinished)] == [True]


def test_nobody_to_dial_is_refused() -> None:
    rig = Rig()
    room = rig.party()
    waiting = rig.arrives("caller")
    for request in (
        r.Connect(waiting, dial()),
        r.AddParty(room, dial()),
        r.PlaceCall(ACCOUNT, dial(), dial("other")),
        r.PlaceCall(ACCOUNT, dial("other"), dial()),
        r.PlaceSecondCall(rig.leg("agent"), dial()),
        r.StartTransfer(room, rig.leg("agent"), replace(plan(Kind.WARM), dial=dial())),
    ):
        with pytest.raises(Refused) as refused:
            rig.ask(request)
        assert refused.value.reason is Reason.NO_ROUTE


def test_a_call_routed_to_nobody_at_all_is_refused_at_once() -> None:
    rig = Rig()
    rig.arrives("caller", r.ToParties(ACCOUNT, dial()))
    assert rig.nothing_left()


def test_who_is_no_member_is_refused_by_every_request_about_members() -> None:
    rig = Rig()
    room = rig.party()
    stranger = rig.arrives("stranger")
    rig.ask(r.AnswerLeg(stranger))
    for request in (
        r.HoldMember(room, stranger, True),
        r.MuteMember(room, stranger, True),
        r.LeaveRoom(room, stranger),
        r.DropVoicemail(room, stranger, ("tone:1:1",)),
        r.ReleaseCall(stranger, room),
        r.TurnTo(stranger, room),
        r.StartTransfer(room, stranger, plan(Kind.COLD)),
    ):
        with pytest.raises(Refused) as refused:
            rig.ask(request)
        assert refused.value.reason is Reason.NOT_A_MEMBER


def test_an_unanswered_caller_is_no_listener_for_a_voicemail() -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    room = rig.ask(r.Connect(leg, dial("callee"))).room
    assert room is not None
    with pytest.raises(Refused) as refused:
        rig.ask(r.DropVoicemail(room, leg, ("tone:1:1",)))
    assert refused.value.reason is Reason.NOT_ANSWERED


def test_a_customer_with_a_second_call_that_releases_the_first_has_left_its_transfer() -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.PlaceSecondCall(rig.leg("customer"), dial("other")))
    rig.answers("other")
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT)))
    rig.ask(r.ReleaseCall(rig.leg("customer"), room))
    assert rig.outcome is TransferOutcome.CUSTOMER_LEFT
    rig.hear({"customer": {"other"}, "other": {"customer"}, "agent": {"ringback"}})
