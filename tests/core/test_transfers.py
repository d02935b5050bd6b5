"""What a transfer does besides its rows: several customers, hold and mute, brief and accept, data, programs, music."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import FallbackKind, Kind, Phase, Role, TransferOutcome
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound
from switchhook.core.transfer_steps import merged_data
from tests.core.rig import ACCOUNT, MUSIC, RINGBACK, Rig, destination, dial, fallback, plan

SILENCE: set[str] = set()
EVERY = (Kind.WARM, Kind.CONSULT, Kind.COLD)


def start(rig: Rig, room: RoomId, kind: Kind, *names: str, agent: str = "agent", **how: object) -> r.Accepted:
    return rig.ask(r.StartTransfer(room, rig.leg(agent), plan(kind, *names, **how)))


# --- several customers ----------------------------------------------------------------------------------------------


def test_several_customers_go_on_talking_while_the_agent_consults() -> None:
    rig = Rig()
    room = rig.party("ann", "bob")
    start(rig, room, Kind.WARM)
    rig.hear({"ann": {"bob"}, "bob": {"ann"}, "agent": {RINGBACK}})
    rig.answers("target")
    rig.hear({"ann": {"bob"}, "bob": {"ann"}, "agent": {"target"}, "target": {"agent"}})
    rig.hangs_up("ann")
    rig.hear({"bob": {MUSIC}})
    assert rig.transfer.phase is Phase.CONSULTING
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"bob": {"target"}, "target": {"bob"}})


def test_several_customers_who_can_talk_to_each_other_are_not_dropped_when_nobody_comes() -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.AddParty(room, dial("friend", role=Role.CUSTOMER)))
    rig.answers("friend")
    start(rig, room, Kind.COLD)
    rig.rejects("target")
    rig.hear({"customer": {"friend"}, "friend": {"customer"}})
    rig.everybody_hangs_up()


def test_all_customers_are_told_before_they_are_let_go() -> None:
    rig = Rig()
    room = rig.party("ann", "bob")
    start(rig, room, Kind.COLD, fallbacks=(fallback(FallbackKind.ANNOUNCE, clips=("tone:1:1",)),))
    rig.rejects("target")
    rig.hear({"ann": {"tone:1:1"}, "bob": {"tone:1:1"}})
    rig.sound_ends("ann")
    assert rig.transfer.phase is Phase.ANNOUNCING
    assert rig.hears("bob") == {"tone:1:1"}
    rig.sound_ends("bob")
    assert rig.outcome is TransferOutcome.BUSY
    assert [fact.leg for fact in rig.told(f.LegFreed)] == [rig.leg("ann"), rig.leg("bob")]


def test_one_of_the_told_hangs_up_and_the_other_had_heard_it_all() -> None:
    rig = Rig()
    room = rig.party("ann", "bob")
    start(rig, room, Kind.COLD, fallbacks=(fallback(FallbackKind.ANNOUNCE, clips=("tone:1:1",)),))
    rig.rejects("target")
    rig.sound_ends("ann")
    rig.hangs_up("bob")
    assert rig.outcome is TransferOutcome.BUSY


def test_a_party_that_was_added_meanwhile_keeps_the_customer() -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.COLD)
    rig.ask(r.AddParty(room, dial("helper")))
    rig.answers("helper")
    rig.rejects("target")
    assert rig.outcome is TransferOutcome.BUSY
    rig.hear({"customer": {"helper"}, "helper": {"customer"}})


# --- hold and mute --------------------------------------------------------------------------------------------------


def test_nobody_holds_an_agent_who_waits_for_the_target() -> None:
    rig = Rig()
    room = rig.party()
    consult = start(rig, room, Kind.WARM).room
    assert consult is not None
    for place in (room, consult):
        with pytest.raises(Refused) as refused:
            rig.ask(r.HoldMember(place, rig.leg("agent"), True))
        assert refused.value.reason is Reason.WRONG_STATE
    rig.answers("target")
    rig.ask(r.HoldMember(consult, rig.leg("agent"), True))
    rig.hear({"agent": {MUSIC}, "target": SILENCE, "customer": {MUSIC}})
    rig.ask(r.HoldMember(consult, rig.leg("agent"), False))
    rig.ask(r.MuteMember(consult, rig.leg("target"), True))
    rig.hear({"agent": SILENCE, "target": {"agent"}})


def test_a_held_customer_stays_held_after_the_transfer() -> None:
    rig = Rig()
    room = rig.party()
    start(rig, room, Kind.WARM)
    rig.ask(r.HoldMember(room, rig.leg("customer"), True))
    rig.answers("target")
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"customer": {MUSIC}, "target": SILENCE})
    rig.ask(r.HoldMember(room, rig.leg("customer"), False))
    rig.hear({"customer": {"target"}, "target": {"customer"}})


def test_a_target_that_holds_the_consult_by_its_telephone_gives_the_agent_music() -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.CONSULT)
    rig.answers("target")
    rig.holds("target")
    rig.hear({"agent": {MUSIC}, "target": SILENCE, "customer": {MUSIC}})
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"customer": {MUSIC}, "target": SILENCE})
    rig.holds("target", False)
    rig.hear({"customer": {"target"}, "target": {"customer"}})


def test_a_muted_agent_is_muted_when_it_talks_to_the_customer_again() -> None:
    rig = Rig()
    room = rig.party()
    start(rig, room, Kind.WARM)
    rig.ask(r.MuteMember(room, rig.leg("agent"), True))
    rig.rejects("target")
    rig.hear({"customer": SILENCE, "agent": {"customer"}})


# --- brief and accept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.WARM, Kind.CONSULT])
def test_the_brief_is_private_and_the_digit_begins_the_consult(kind: Kind) -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, kind, brief=("speak:en::vip",), accept_digit="1")
    rig.answers("target")
    rig.hear({"customer": {MUSIC}, "agent": {RINGBACK}, "target": {"speak:en::vip"}})
    rig.presses("target", "1")
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}})


def test_a_cold_target_hears_the_brief_and_then_the_customer() -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.COLD, brief=("speak:en::vip",))
    rig.answers("target")
    rig.hear({"customer": {MUSIC}, "target": {"speak:en::vip"}})
    rig.sound_ends("target")
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@pytest.mark.parametrize("kind", EVERY)
def test_a_target_that_does_not_accept_has_rejected(kind: Kind) -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, kind, accept_digit="1", accept_s=8.0, keep_agent=True)
    rig.answers("target")
    rig.passes(9)
    assert rig.outcome is TransferOutcome.REJECTED
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


def test_the_agent_leaves_while_the_target_hears_the_brief() -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.WARM, brief=("speak:en::vip",))
    rig.answers("target")
    rig.hangs_up("agent")
    rig.hear({"customer": {MUSIC}, "target": {"speak:en::vip"}})
    rig.sound_ends("target")
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})


@pytest.mark.parametrize("kind", EVERY)
def test_the_first_of_several_targets_gets_the_customer(kind: Kind) -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, kind, "one", "two", keep_agent=True)
    rig.answers("two")
    assert not rig.is_rung("one")
    if kind is not Kind.COLD:
        rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"customer": {"two"}, "two": {"customer"}})


# --- who may start ---------------------------------------------------------------------------------------------------


def test_what_refuses_a_transfer() -> None:
    rig = Rig()
    room = rig.party("customer", "friend")
    agent = rig.leg("agent")

    def refused(reason: Reason, request: r.Request) -> None:
        with pytest.raises(Refused) as error:
            rig.ask(request)
        assert error.value.reason is reason

    refused(Reason.UNKNOWN_ROOM, r.StartTransfer(RoomId("none"), agent, plan(Kind.WARM)))
    refused(Reason.UNKNOWN_LEG, r.StartTransfer(room, LegId("none"), plan(Kind.WARM)))
    refused(Reason.TARGET_IS_SELF, r.StartTransfer(room, agent, plan(Kind.WARM, "agent")))
    refused(Reason.ALREADY_THERE, r.StartTransfer(room, agent, plan(Kind.WARM, "friend")))
    rig.ask(r.HoldMember(room, agent, True))
    refused(Reason.MEMBER_HELD, r.StartTransfer(room, agent, plan(Kind.WARM)))
    rig.ask(r.HoldMember(room, agent, False))
    start(rig, room, Kind.WARM)
    refused(Reason.TRANSFER_RUNNING, r.StartTransfer(room, agent, plan(Kind.WARM, "other")))
    refused(Reason.TRANSFER_RUNNING, r.StartTransfer(room, rig.leg("friend"), plan(Kind.COLD, "other")))
    alone = Rig()
    room = alone.party(agents=())
    with pytest.raises(Refused) as error:
        alone.ask(r.StartTransfer(room, alone.leg("customer"), plan(Kind.COLD)))
    assert error.value.reason is Reason.NOBODY_TO_TRANSFER


def test_an_agent_with_another_call_may_transfer_it_once_it_has_left_the_first() -> None:
    rig = Rig()
    room = rig.talking()
    second = rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other"))).room
    assert second is not None
    rig.answers("other")
    start(rig, room, Kind.COLD, "one")
    assert rig.on_line("agent")  # it holds another call
    rig.hear({"customer": {MUSIC}, "agent": {"other"}, "other": {"agent"}})
    start(rig, second, Kind.COLD, "two")
    assert not rig.on_line("agent")
    rig.answers("two")
    rig.answers("one")
    rig.hear({"customer": {"one"}, "other": {"two"}})
    rig.everybody_hangs_up()


def test_a_new_transfer_may_follow_a_merge() -> None:
    rig = Rig()
    room = rig.party()
    start(rig, room, Kind.WARM)
    rig.answers("target")
    rig.ask(r.JoinTransfer(rig.transfer.id))
    start(rig, room, Kind.WARM, "third", agent="target")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "target": {RINGBACK}})
    rig.answers("third")
    rig.hangs_up("target")
    rig.hear({"customer": {"agent", "third"}, "agent": {"customer", "third"}, "third": {"customer", "agent"}})


# --- whose telephone is whose ----------------------------------------------------------------------------------------


def test_the_caller_of_a_dial_may_be_the_agent() -> None:
    rig = Rig()
    rig.arrives("agent", r.ToParties(ACCOUNT, dial("customer")))
    rig.answers("customer")
    room = rig.room_of("agent").id
    start(rig, room, Kind.CONSULT)
    rig.answers("target")
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    assert rig.state.rooms[room].lead is None
    rig.hangs_up("target")
    assert rig.nothing_left()


def test_the_caller_of_a_dial_keeps_its_place_when_the_callee_transfers_it() -> None:
    rig = Rig()
    room = rig.talking(program="plivo")
    start(rig, room, Kind.WARM)
    rig.answers("target")
    rig.hangs_up("agent")
    assert rig.state.rooms[room].lead == rig.leg("customer")
    assert not rig.told(f.LegFreed)
    rig.hangs_up("target")
    assert [fact.leg for fact in rig.told(f.LegFreed)] == [rig.leg("customer")]


def test_a_recall_rings_the_agents_own_address_also_when_the_agent_had_called() -> None:
    rig = Rig()
    rig.arrives("agent", r.ToParties(ACCOUNT, dial("customer")))
    rig.answers("customer")
    start(
        rig,
        rig.room_of("agent").id,
        Kind.COLD,
        fallbacks=(fallback(FallbackKind.RECALL),),
        target_headers=((("X-Only", "target"),),),
        credentials=(("user", "secret"),),
    )
    rig.rejects("target")
    invite = next(act for act in reversed(rig.actions) if isinstance(act, a.Invite))
    assert invite.destination == destination("agent")
    assert (invite.headers, invite.credentials) == ((), None)
    rig.answers("agent")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


@pytest.mark.parametrize("who", ["customer", "target"])
def test_a_party_that_leaves_the_room_goes_to_its_program(who: str) -> None:
    rig = Rig()
    room = rig.party()
    consult = start(rig, room, Kind.WARM).room
    rig.answers("target")
    place = room if who == "customer" else consult
    assert place is not None
    rig.ask(r.LeaveRoom(place, rig.leg(who)))
    assert rig.outcome is (TransferOutcome.CUSTOMER_LEFT if who == "customer" else TransferOutcome.TARGET_LEFT)
    if who == "customer":
        assert [fact.leg for fact in rig.told(f.LegFreed)] == [rig.leg("customer")]
        rig.hear({"agent": {"target"}, "target": {"agent"}})
    else:
        assert not rig.on_line("target")
        rig.hear({"agent": {"customer"}, "customer": {"agent"}})


def test_an_agent_that_leaves_the_consult_has_not_left_the_customer() -> None:
    rig = Rig()
    room = rig.talking()
    consult = start(rig, room, Kind.CONSULT).room
    rig.answers("target")
    assert consult is not None
    rig.ask(r.LeaveRoom(consult, rig.leg("agent")))
    assert rig.outcome is TransferOutcome.ABORTED
    rig.hear({"agent": {"customer"}, "customer": {"agent"}})


@pytest.mark.parametrize("answered", [False, True])
def test_ending_the_consult_room_aborts_and_ending_the_main_room_leaves_the_consult(answered: bool) -> None:
    for main in (False, True):
        rig = Rig()
        room = rig.talking()
        consult = start(rig, room, Kind.CONSULT).room
        assert consult is not None
        if answered:
            rig.answers("target")
        rig.ask(r.EndRoom(room if main else consult))
        assert rig.outcome is (TransferOutcome.CUSTOMER_LEFT if main else TransferOutcome.ABORTED)
        assert rig.on_line("agent")
        assert rig.on_line("customer") is not main


@pytest.mark.parametrize("room_ends", ["target", "main"])
def test_cancelling_the_ringing_target_counts_as_declined(room_ends: str) -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.WARM)
    if room_ends == "target":
        rig.ask(r.HangUp(rig.leg("target"), outcome=Outcome.COMPLETED))
    else:
        rig.ask(r.CancelDial(rig.dial.id))
    assert rig.outcome is TransferOutcome.REJECTED
    rig.hear({"agent": {"customer"}, "customer": {"agent"}})


# --- the desktop's two calls ------------------------------------------------------------------------------------------


def test_a_desktop_turns_between_its_two_calls_by_the_tables_swap() -> None:
    rig = Rig()
    room = rig.talking()
    consult = start(rig, room, Kind.CONSULT, rejoin=False).room
    rig.answers("target")
    rig.ask(r.TurnTo(rig.leg("agent"), room))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "target": {MUSIC}})
    rig.ask(r.TurnTo(rig.leg("agent"), consult))
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}})
    rig.ask(r.TurnTo(rig.leg("agent"), None))
    rig.hear({"customer": {MUSIC}, "agent": SILENCE, "target": {MUSIC}})
    rig.ask(r.TurnTo(rig.leg("agent"), room))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "target": {MUSIC}})


def test_turning_to_a_third_call_is_no_swap() -> None:
    rig = Rig()
    room = rig.talking()
    third = rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other"))).room
    rig.answers("other")
    start(rig, room, Kind.CONSULT)
    rig.answers("target")
    rig.ask(r.TurnTo(rig.leg("agent"), third))
    rig.hear({"customer": {MUSIC}, "target": {MUSIC}, "agent": {"other"}})
    rig.ask(r.TurnTo(rig.leg("agent"), room))
    rig.hear({"customer": {"agent"}, "target": {MUSIC}, "agent": {"customer"}})


def test_releasing_the_consult_cancels_it_and_the_customer_stays_held() -> None:
    rig = Rig()
    room = rig.talking()
    consult = start(rig, room, Kind.CONSULT, rejoin=False).room
    assert consult is not None
    rig.answers("target")
    rig.ask(r.ReleaseCall(rig.leg("agent"), consult))
    assert rig.outcome is TransferOutcome.ABORTED
    rig.hear({"customer": {MUSIC}, "agent": SILENCE})


# --- data that travels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("main", "inherited", "consult", "merged"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ({"a": 9}, {"a": 1}, {"a": 1}, {"a": 9}),  # the main call changed it meanwhile
        ({"a": 9}, {"a": 1}, {"a": 2}, {"a": 2}),  # both did: the consult is later
        ({"a": 1, "c": 3}, {"a": 1}, {}, {"c": 3}),  # the consult deleted it
        ({}, {"a": 1}, {"a": 1}, {}),  # the main call deleted it
    ],
)
def test_only_the_consults_own_changes_are_merged(
    main: dict[str, object], inherited: dict[str, object], consult: dict[str, object], merged: dict[str, object]
) -> None:
    assert merged_data(main, inherited, consult) == merged


@pytest.mark.parametrize("answered", [False, True])
def test_what_was_noted_in_the_consult_travels_with_the_customer(answered: bool) -> None:
    rig = Rig()
    room = rig.talking()
    rig.ask(r.SetData(room, {"name": "Ann", "tier": "gold"}))
    accepted = rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT), {"note": "angry"}))
    assert accepted.room is not None
    assert rig.state.rooms[accepted.room].data == {"name": "Ann", "tier": "gold", "note": "angry"}
    if answered:
        rig.answers("target")
    rig.ask(r.SetData(room, {"name": "Ann B.", "tier": "gold"}))
    rig.ask(r.SetData(accepted.room, {"name": "Ann", "note": "calm"}))
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    assert rig.state.rooms[room].data == {"name": "Ann B.", "note": "calm"}


# --- music goes on ----------------------------------------------------------------------------------------------------


def test_the_customers_music_goes_on_through_the_whole_transfer() -> None:
    rig = Rig()
    room = rig.talking()
    customer = rig.leg("customer")
    rings = (fallback(FallbackKind.NEXT, "second"), fallback(FallbackKind.RECALL), fallback(FallbackKind.PARK))
    places = []

    def place() -> None:
        (source,) = rig.state.legs[customer].heard
        assert isinstance(source, Sound)
        places.append(source.id)

    start(rig, room, Kind.WARM, fallbacks=rings)
    place()
    rig.ask(r.CompleteTransfer(rig.transfer.id))
    place()
    rig.rejects("target")
    place()
    rig.rejects("second")
    place()
    rig.rejects("agent")
    place()
    assert len(set(places)) == 1


def test_the_agents_node_music_replaces_the_ringback_of_the_consult() -> None:
    rig = Rig()
    room = rig.talking()
    start(rig, room, Kind.WARM, consult_music=("file:agent.wav",))
    assert rig.hears("agent") == {"file:agent.wav"}


def test_an_agent_that_leaves_the_main_room_completes_and_goes_on_with_its_program() -> None:
    rig = Rig()
    room = rig.party(agents=())
    rig.ask(r.AddParty(room, dial("agent", program="plivo")))
    rig.answers("agent")
    start(rig, room, Kind.WARM)
    rig.answers("target")
    rig.ask(r.LeaveRoom(room, rig.leg("agent")))
    assert rig.outcome is TransferOutcome.COMPLETED
    rig.hear({"customer": {"target"}, "target": {"customer"}})
    assert rig.on_line("agent")
    assert [(fact.leg, fact.program) for fact in rig.told(f.LegFreed)] == [(rig.leg("agent"), "plivo")]
