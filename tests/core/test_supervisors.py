"""Supervisors and sounds laid over a call: who hears a whisper, who counts as company, what goes on beneath a sound."""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import RoomId
from switchhook.core.model import Role, RoomKind, RoomPlan, Seat
from tests.core.rig import MUSIC, Rig, dial

PARTY = RoomPlan(RoomKind.PARTY, name="party")
PROMPT = "tone:440:1000"
SILENCE: set[str] = set()


def party(rig: Rig, **seat: object) -> RoomId:
    for name, role in (("customer", Role.CUSTOMER), ("agent", Role.AGENT)):
        rig.ask(r.EnterRoom(rig.arrives(name), PARTY, role))
    asked = r.EnterRoom(rig.arrives("boss"), PARTY, Role.SUPERVISOR, Seat(**seat))  # type: ignore[arg-type]
    room = rig.ask(asked).room
    assert room is not None
    return room


def test_a_supervisor_listens_whispers_and_barges_in() -> None:
    rig = Rig()
    room = party(rig, muted=True)
    everybody = {"customer", "agent"}
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "boss": everybody})
    rig.ask(r.SetWhisper(room, rig.leg("boss"), on=True))
    rig.ask(r.MuteMember(room, rig.leg("boss"), on=False))
    rig.hear({"customer": {"agent"}, "agent": {"customer", "boss"}, "boss": everybody})
    rig.ask(r.SetWhisper(room, rig.leg("boss"), on=False))
    rig.hear({"customer": {"agent", "boss"}, "agent": {"customer", "boss"}, "boss": everybody})


def test_a_whisper_to_one_agent_reaches_no_other() -> None:
    rig = Rig()
    room = party(rig, whispers=True)
    rig.ask(r.EnterRoom(rig.arrives("second"), PARTY, Role.AGENT))
    rig.ask(r.SetWhisper(room, rig.leg("boss"), on=True, coached=rig.leg("second")))
    rig.hear({"customer": {"agent", "second"}, "agent": {"customer", "second"}})
    rig.hear({"second": {"customer", "agent", "boss"}})


def test_who_only_listens_is_no_company() -> None:
    rig = Rig()
    party(rig, muted=True)
    rig.hangs_up("agent")
    assert rig.told(f.RoomClosed)
    assert {fact.leg for fact in rig.told(f.LegFreed)} == {rig.leg("customer"), rig.leg("boss")}


def test_who_has_barged_in_is_company() -> None:
    rig = Rig()
    room = party(rig)
    rig.hangs_up("agent")
    rig.hear({"customer": {"boss"}, "boss": {"customer"}})
    rig.ask(r.MuteMember(room, rig.leg("boss"), on=True))  # nobody is left who could talk to the customer
    assert rig.told(f.RoomClosed)


def test_a_whisper_is_heard_over_the_music_of_who_has_nobody_else() -> None:
    rig = Rig()
    room = party(rig, whispers=True)
    rig.holds("customer")
    rig.hear({"customer": SILENCE, "agent": {MUSIC, "boss"}, "boss": {"agent"}})
    rig.ask(r.DeafenMember(room, rig.leg("agent"), on=True))
    rig.hear({"agent": {MUSIC}})


def test_a_deaf_member_is_heard_and_hears_nobody() -> None:
    rig = Rig()
    room = party(rig, muted=True)
    rig.ask(r.DeafenMember(room, rig.leg("agent"), on=True))
    rig.hear({"customer": {"agent"}, "agent": SILENCE})
    rig.ask(r.DeafenMember(room, rig.leg("agent"), on=False))
    rig.hear({"agent": {"customer"}})


def test_a_sound_laid_over_a_talk_ends_and_leaves_the_talk_as_it_was() -> None:
    rig = Rig()
    party(rig, muted=True)
    rig.ask(r.PlayOver(rig.leg("customer"), (PROMPT,)))
    rig.hear({"customer": {"agent", PROMPT}, "agent": {"customer"}})
    rig.ask(r.PlayOver(rig.leg("customer"), ("tone:300:500",), mixed=False))
    rig.hear({"customer": {"tone:300:500"}, "agent": {"customer"}})
    rig.ask(r.StopOver(rig.leg("customer")))
    rig.hear({"customer": {"agent"}})
    assert [fact.stopped for fact in rig.told(f.OverlayFinished)] == [True, True]


def test_a_sound_laid_over_ends_when_its_time_is_over_and_not_that_of_the_one_after_it() -> None:
    rig = Rig()
    party(rig, muted=True)
    leg = rig.leg("customer")
    rig.ask(r.PlayOver(leg, (PROMPT,), repeat=0, max_s=5))
    armed = [act for act in rig.actions if isinstance(act, a.Arm) and act.timer.startswith("over:")]
    assert [act.at for act in armed] == [rig.now + 5]
    rig.ask(r.PlayOver(leg, ("tone:300:500",), repeat=0))
    assert a.Disarm(armed[0].timer) in rig.actions
    rig.hear({"customer": {"agent", "tone:300:500"}})
    rig.ask(r.PlayOver(leg, (PROMPT,), repeat=0, max_s=5))
    rig.tell(e.TimerFired(armed[0].timer))
    rig.hear({"customer": {"agent"}})
    rig.tell(e.TimerFired(armed[0].timer))
    assert [fact.stopped for fact in rig.told(f.OverlayFinished)] == [True, True, True]


def test_who_is_taken_away_hears_nothing_of_what_was_laid_over() -> None:
    rig = Rig()
    party(rig, muted=True)
    rig.ask(r.PlayOver(rig.leg("customer"), (PROMPT,), repeat=0))
    rig.ask(r.Take((rig.leg("customer"),), "program"))
    rig.hear({"customer": SILENCE})


def test_a_party_that_is_called_first_begins_with_its_answer() -> None:
    rig = Rig()
    room = rig.ask(r.PlaceParty("account", PARTY, dial("agent"))).room
    rig.answers("agent")
    assert rig.state.rooms[room].started  # type: ignore[index]
    assert rig.ask(r.PlaceParty("account", PARTY, dial("customer"))).room == room
    rig.answers("customer")
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})


def test_a_party_whose_first_member_does_not_answer_is_closed() -> None:
    rig = Rig()
    rig.ask(r.PlaceParty("account", PARTY, dial("agent")))
    rig.rejects("agent")
    assert rig.told(f.RoomClosed)
    assert not rig.state.rooms
