"""Supervisors and sounds laid over a call: who hears a whisper, who counts as company, what goes on beneath a sound."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import RoomId
from switchhook.core.model import Kind, Role, RoomKind, RoomPlan, Seat
from tests.core.rig import MUSIC, Rig, dial, plan

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


def watched(rig: Rig, **seat: object) -> RoomId:
    """A customer talks to an agent, and a supervisor is rung into their room."""
    room = rig.talking("customer", "agent")
    rung = dial("boss", role=Role.SUPERVISOR, seat=Seat(**seat), insistent=True)  # type: ignore[arg-type]
    rig.ask(r.AddParty(room, rung))
    return room


def test_nobody_waits_for_a_supervisor_who_is_rung() -> None:
    rig = Rig()
    watched(rig, muted=True)
    rig.hear({"customer": {"agent"}, "agent": {"customer"}})
    rig.hangs_up("agent")
    assert rig.told(f.RoomClosed)
    assert not rig.is_rung("boss")
    assert rig.nothing_left()


def test_a_supervisor_goes_with_the_agent_into_a_consult_and_back() -> None:
    rig = Rig()
    main = watched(rig, muted=True)
    rig.answers("boss")
    rig.ask(r.StartTransfer(main, rig.leg("agent"), plan(Kind.CONSULT, "target")))
    rig.answers("target")
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "boss": {"customer"}})
    consult = rig.transfer.consult
    assert consult is not None
    rig.ask(r.Accompany(rig.leg("boss"), consult))
    rig.hear({"customer": {MUSIC}, "agent": {"target"}, "target": {"agent"}, "boss": {"agent", "target"}})
    rig.ask(r.AbortTransfer(rig.transfer.id))
    assert rig.on_line("boss")
    rig.ask(r.TurnTo(rig.leg("boss"), main))
    rig.hear({"customer": {"agent"}, "agent": {"customer"}, "boss": {"customer", "agent"}})
    assert not rig.on_line("target")


def test_only_a_supervisor_may_go_along() -> None:
    rig = Rig()
    main = watched(rig, muted=True)
    with pytest.raises(Refused) as refused:
        rig.ask(r.Accompany(rig.leg("agent"), main))
    assert refused.value.reason is Reason.WRONG_STATE
    rig.answers("boss")
    with pytest.raises(Refused) as refused:
        rig.ask(r.Accompany(rig.leg("boss"), main))
    assert refused.value.reason is Reason.ALREADY_THERE


@pytest.mark.parametrize("muted", [False, True])
def test_a_call_with_a_supervisor_who_talks_is_a_conference_that_goes_on_without_its_caller(muted: bool) -> None:
    rig = Rig()
    room = rig.talking("customer", "agent")
    boss = dial("boss", role=Role.SUPERVISOR, seat=Seat(muted=muted))
    rig.ask(r.AddParty(room, boss))
    rig.answers("boss")
    rig.hangs_up("customer")
    if muted:
        assert not rig.on_line("agent")
        assert not rig.on_line("boss")
        return
    rig.hear({"agent": {"boss"}, "boss": {"agent"}})
    rig.ask(r.MuteMember(room, rig.leg("boss"), on=True))
    assert not rig.on_line("agent")
    assert rig.nothing_left()


def test_a_caller_who_leaves_during_a_consult_ends_the_call_though_a_supervisor_talks_in_it() -> None:
    rig = Rig()
    room = rig.talking("customer", "agent")
    rig.ask(r.AddParty(room, dial("boss", role=Role.SUPERVISOR)))
    rig.answers("boss")
    rig.ask(r.StartTransfer(room, rig.leg("agent"), plan(Kind.CONSULT)))
    rig.answers("target")
    rig.hangs_up("customer")
    assert not rig.on_line("boss")
    rig.hear({"agent": {"target"}, "target": {"agent"}})
    rig.everybody_hangs_up()
