"""Who hears whom, state by state: conferences, hold, mute, telephones that hold, and legs that hold two calls."""

from __future__ import annotations

import pytest

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Alone, HoldAudience, Role, RoomKind, RoomPlan, Seat, Waiting
from switchhook.core.sources import Sound
from tests.core.rig import MUSIC, RINGBACK, Rig, dial

SILENCE: set[str] = set()


def conference(rig: Rig, *names: str, **how: object) -> RoomId:
    plan = RoomPlan(RoomKind.CONFERENCE, alone=Alone.MUSIC, name="room", **how)  # type: ignore[arg-type]
    room: RoomId | None = None
    for name in names:
        room = rig.ask(r.EnterRoom(rig.arrives(name), plan)).room
    assert room is not None
    return room


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_in_a_conference_everybody_hears_everybody_else(size: int) -> None:
    rig = Rig()
    names = [f"p{n}" for n in range(size)]
    conference(rig, *names)
    rig.hear({name: set(names) - {name} for name in names})
    for gone in names[:-1]:
        rig.hangs_up(gone)
        left = names[names.index(gone) + 1 :]
        rig.hear({name: (set(left) - {name}) or {MUSIC} for name in left})
    rig.everybody_hangs_up()


def test_a_held_member_hears_music_and_the_others_go_on() -> None:
    rig = Rig()
    room = conference(rig, "a", "b", "c")
    rig.ask(r.HoldMember(room, rig.leg("b"), True))
    rig.hear({"a": {"c"}, "b": {MUSIC}, "c": {"a"}})
    rig.ask(r.HoldMember(room, rig.leg("c"), True))
    rig.hear({"a": SILENCE, "b": {MUSIC}, "c": {MUSIC}})  # left alone with held members
    rig.ask(r.HoldMember(room, rig.leg("b"), False))
    rig.hear({"a": {"b"}, "b": {"a"}, "c": {MUSIC}})


def test_who_joins_only_held_members_hears_silence() -> None:
    rig = Rig()
    room = conference(rig, "a")
    rig.ask(r.HoldMember(room, rig.leg("a"), True))
    conference(rig, "b")
    rig.hear({"a": {MUSIC}, "b": SILENCE})


def test_a_muted_member_hears_and_is_not_heard() -> None:
    rig = Rig()
    room = conference(rig, "a", "b", "c")
    rig.ask(r.MuteMember(room, rig.leg("b"), True))
    rig.hear({"a": {"c"}, "b": {"a", "c"}, "c": {"a"}})
    rig.hangs_up("c")
    rig.hear({"a": SILENCE, "b": {"a"}})  # not music: somebody is there
    rig.ask(r.MuteMember(room, rig.leg("b"), False))
    rig.hear({"a": {"b"}, "b": {"a"}})


def test_repeating_hold_and_mute_says_nothing_twice() -> None:
    rig = Rig()
    room = conference(rig, "a", "b")
    for _ in range(2):
        rig.ask(r.HoldMember(room, rig.leg("a"), True))
        rig.ask(r.MuteMember(room, rig.leg("b"), True))
    assert len(rig.told(f.MemberHeld)) == len(rig.told(f.MemberMuted)) == 1


@pytest.mark.parametrize(
    ("audience", "held", "others"),
    [
        (HoldAudience.HELD, {MUSIC}, {"c"}),
        (HoldAudience.OTHERS, SILENCE, {MUSIC}),
        (HoldAudience.BOTH, {MUSIC}, {MUSIC}),
    ],
)
def test_the_audience_of_hold_music_can_be_chosen(audience: HoldAudience, held: set[str], others: set[str]) -> None:
    rig = Rig()
    room = rig.party("b", "c", hold_audience=audience)
    rig.ask(r.HoldMember(room, rig.leg("b"), True))
    assert rig.hears("b") == held
    assert rig.hears("agent") == others


def test_a_telephone_that_holds_in_a_room_of_two_gives_the_other_music() -> None:
    rig = Rig()
    rig.talking()
    rig.holds("agent")
    rig.hear({"customer": {MUSIC}, "agent": SILENCE})
    rig.holds("customer")
    rig.hear({"customer": SILENCE, "agent": SILENCE})
    rig.holds("agent", False)
    rig.hear({"customer": SILENCE, "agent": {MUSIC}})
    rig.holds("customer", False)
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


def test_a_telephone_that_holds_in_a_larger_room_is_only_away() -> None:
    rig = Rig()
    conference(rig, "a", "b", "c")
    rig.holds("a")
    rig.hear({"a": SILENCE, "b": {"c"}, "c": {"b"}})
    rig.holds("b")
    rig.hear({"a": SILENCE, "b": SILENCE, "c": {MUSIC}})


def test_a_conference_that_has_not_started_plays_its_wait_sound() -> None:
    rig = Rig()
    plan = RoomPlan(RoomKind.CONFERENCE, alone=Alone.MUSIC, name="room", wait_sound=("tone:300:200",))
    for name in ("a", "b"):
        rig.ask(r.EnterRoom(rig.arrives(name), plan, seat=Seat(starts_room=False)))
    rig.hear({"a": {"tone:300:200"}, "b": {"tone:300:200"}})
    rig.ask(r.EnterRoom(rig.arrives("moderator"), plan, seat=Seat(ends_room=True)))
    rig.hear({"a": {"b", "moderator"}, "b": {"a", "moderator"}})
    rig.hangs_up("moderator")
    assert rig.told(f.RoomClosed)


@pytest.mark.parametrize(("alone", "heard"), [(Alone.MUSIC, {MUSIC}), (Alone.SILENCE, SILENCE)])
def test_alone_in_a_conference(alone: Alone, heard: set[str]) -> None:
    rig = Rig()
    rig.ask(r.EnterRoom(rig.arrives("a"), RoomPlan(RoomKind.CONFERENCE, alone=alone, name="room")))
    assert rig.hears("a") == heard


def test_a_prompt_is_for_one_alone_and_the_others_miss_its_voice() -> None:
    rig = Rig()
    conference(rig, "a", "b", "c")
    rig.ask(r.Play(rig.leg("a"), ("tone:440:1000",)))
    rig.hear({"a": {"tone:440:1000"}, "b": {"c"}, "c": {"b"}})
    rig.sound_ends("a")
    rig.hear({"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}})


def test_music_follows_the_role() -> None:
    rig = Rig()
    room = rig.party(customer_music=("file:customer.wav",), agent_music=("file:agent.wav",))
    rig.ask(r.HoldMember(room, rig.leg("customer"), True))
    assert rig.hears("customer") == {"file:customer.wav"}
    rig.ask(r.HoldMember(room, rig.leg("customer"), False))
    rig.hangs_up("customer")
    assert rig.hears("agent") == {"file:agent.wav"}
    assert rig.role("agent") is Role.AGENT


@pytest.mark.parametrize(
    ("waiting", "heard"),
    [
        (Waiting.RINGBACK, {RINGBACK}),
        (Waiting.MUSIC, {MUSIC}),
        (Waiting.CLIPS, {"tone:200:100"}),
        (Waiting.SILENCE, SILENCE),
    ],
)
def test_what_an_answered_caller_hears_while_a_telephone_rings(waiting: Waiting, heard: set[str]) -> None:
    rig = Rig()
    leg = rig.arrives("caller")
    rig.ask(r.AnswerLeg(leg))
    rig.ask(r.Connect(leg, dial("callee", waiting=waiting, waiting_clips=("tone:200:100",))))
    assert rig.hears("caller") == heard


def test_members_who_talk_hear_nothing_of_a_dial() -> None:
    rig = Rig()
    room = rig.party("a", "b", agents=())
    rig.ask(r.AddParty(room, dial("agent", waiting=Waiting.MUSIC)))
    rig.hear({"a": {"b"}, "b": {"a"}})
    rig.hangs_up("b")
    rig.hear({"a": {MUSIC}})


def test_who_is_on_hold_hears_music_also_while_somebody_is_dialled() -> None:
    rig = Rig()
    room = rig.party("a", "b", agents=())
    rig.ask(r.AddParty(room, dial("agent", waiting=Waiting.RINGBACK)))
    rig.holds("b")
    rig.hear({"a": {MUSIC}, "b": SILENCE})
    rig.hangs_up("b")
    rig.hear({"a": {RINGBACK}})


def test_a_leg_holds_two_calls_and_swaps_between_them() -> None:
    rig = Rig()
    first = rig.talking()
    agent = rig.leg("agent")
    rig.ask(r.TurnTo(agent, None))
    rig.hear({"customer": {MUSIC}, "agent": SILENCE})
    second = rig.ask(r.PlaceSecondCall(agent, dial("other"))).room
    rig.hear({"customer": {MUSIC}, "agent": {RINGBACK}})
    rig.answers("other")
    rig.hear({"customer": {MUSIC}, "agent": {"other"}, "other": {"agent"}})
    rig.ask(r.TurnTo(agent, first))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "other": {MUSIC}})
    rig.ask(r.TurnTo(agent, second))
    rig.ask(r.ReleaseCall(agent, first))
    assert not rig.on_line("customer")
    rig.hear({"agent": {"other"}, "other": {"agent"}})
    rig.ask(r.ReleaseCall(agent, rig.room_of("agent").id))
    assert rig.nothing_left()


def test_a_second_call_that_is_not_answered_leaves_the_first_held() -> None:
    rig = Rig()
    first = rig.talking()
    rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other")))
    rig.rejects("other")
    rig.hear({"customer": {MUSIC}, "agent": SILENCE})
    rig.ask(r.TurnTo(rig.leg("agent"), first))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


def test_the_telephone_goes_and_all_its_calls_with_it() -> None:
    rig = Rig()
    rig.talking()
    rig.ask(r.PlaceSecondCall(rig.leg("agent"), dial("other")))
    rig.answers("other")
    rig.hangs_up("agent")
    assert rig.nothing_left()


# --- where music goes on, and where it begins -----------------------------------------------------------------------


def music_of(rig: Rig, leg: LegId) -> str:
    (source,) = rig.state.legs[leg].heard
    assert isinstance(source, Sound)
    return source.id


def test_a_new_hold_begins_the_music_anew() -> None:
    rig = Rig()
    room = rig.party()
    leg = rig.leg("customer")
    places = []
    for _ in range(2):
        rig.ask(r.HoldMember(room, leg, True))
        places.append(music_of(rig, leg))
        rig.ask(r.HoldMember(room, leg, False))
    assert places[0] != places[1]
