"""Rooms of several parties: who may wait alone, why a room is over, keys that are relayed, targets rung one by one."""

from __future__ import annotations

import pytest

from switchhook.core import actions as a
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Alone, Closing, Role, RoomKind, RoomPlan, Seat
from switchhook.core.outcomes import Outcome
from tests.core.rig import MUSIC, RINGBACK, Rig, dial

PARTY = RoomPlan(RoomKind.PARTY, name="party", waits_for_company=True, limit_s=600.0)
SILENCE: set[str] = set()


def enters(rig: Rig, name: str, role: Role = Role.CUSTOMER, **seat: object) -> RoomId:
    asked = r.EnterRoom(rig.arrives(name), PARTY, role, Seat(**seat))  # type: ignore[arg-type]
    room = rig.ask(asked).room
    assert room is not None
    return room


def why(rig: Rig) -> Closing:
    (closed,) = rig.told(f.RoomClosed)
    return closed.why  # type: ignore[no-any-return]


def test_who_had_no_company_yet_is_kept_when_nobody_answers() -> None:
    rig = Rig()
    room = enters(rig, "customer")
    rig.ask(r.AddParty(room, dial("agent")))
    rig.hear({"customer": {RINGBACK}})
    rig.rejects("agent")
    rig.hear({"customer": {MUSIC}})
    rig.ask(r.AddParty(room, dial("agent")))
    rig.answers("agent")
    rig.hear({"customer": {"agent"}})
    rig.hangs_up("agent")
    assert why(rig) is Closing.ALONE
    assert [fact.leg for fact in rig.told(f.LegFreed)] == [rig.leg("customer")]


def test_who_may_stay_alone_stays_with_music() -> None:
    rig = Rig()
    room = enters(rig, "customer", stays_alone=True)
    enters(rig, "agent", Role.AGENT)
    rig.hangs_up("agent")
    rig.hear({"customer": {MUSIC}})
    assert room in rig.state.rooms
    rig.hangs_up("customer")
    assert why(rig) is Closing.EMPTY


def test_a_listener_who_barges_in_is_company_that_has_been() -> None:
    rig = Rig()
    room = enters(rig, "customer")
    enters(rig, "boss", Role.SUPERVISOR, muted=True)
    assert not rig.state.rooms[room].met
    rig.ask(r.MuteMember(room, rig.leg("boss"), on=False))
    assert rig.state.rooms[room].met
    rig.hangs_up("boss")
    assert why(rig) is Closing.ALONE


@pytest.mark.parametrize("how", ["hangs up", "is asked out", "is taken"])
def test_the_one_with_whom_it_ends(how: str) -> None:
    rig = Rig()
    room = enters(rig, "customer")
    enters(rig, "agent", Role.AGENT, ends_room=True)
    enters(rig, "second")
    if how == "hangs up":
        rig.hangs_up("agent")
    elif how == "is asked out":
        rig.ask(r.LeaveRoom(room, rig.leg("agent")))
    else:
        rig.ask(r.Take((rig.leg("agent"),), "flow"))
    assert why(rig) is Closing.LEADER


def test_time_over_and_asked() -> None:
    rig = Rig()
    enters(rig, "customer")
    rig.passes(601)
    assert why(rig) is Closing.LIMIT
    rig = Rig()
    rig.ask(r.EndRoom(enters(rig, "customer")))
    assert why(rig) is Closing.ASKED


def test_a_room_of_another_account_is_entered_by_name() -> None:
    rig = Rig()
    room = rig.ask(r.EnterRoom(rig.arrives("customer"), PARTY, account="other")).room
    assert room is not None
    assert rig.state.rooms[room].account == "other"
    assert rig.ask(r.EnterRoom(rig.arrives("second"), PARTY, account="other")).room == room
    assert rig.ask(r.EnterRoom(rig.arrives("third"), PARTY)).room != room


def test_a_room_that_decides_about_keys_has_them_kept_until_the_member_leaves() -> None:
    rig = Rig()
    room = enters(rig, "customer", relays_keys=True)
    enters(rig, "agent", relays_keys=False)
    enters(rig, "guest")
    rig.ask(r.LeaveRoom(room, rig.leg("customer")))
    kept = [act for act in rig.actions if isinstance(act, a.KeepKeys)]
    customer, agent = rig.leg("customer"), rig.leg("agent")
    assert kept == [a.KeepKeys(customer, True), a.KeepKeys(agent, True), a.KeepKeys(customer, False)]


def test_keys_are_relayed_to_those_who_hear_the_member() -> None:
    rig = Rig()
    room = enters(rig, "customer", relays_keys=True)
    enters(rig, "agent", Role.AGENT)
    enters(rig, "second", Role.AGENT)
    rig.ask(r.HoldMember(room, rig.leg("second"), on=True))
    rig.presses("customer", "5")
    rig.presses("agent", "6")
    assert [(fact.leg, fact.digits) for fact in rig.told(f.DigitsSent)] == [(rig.leg("agent"), "5")]
    rig.ask(r.MuteMember(room, rig.leg("customer"), on=True))
    rig.presses("customer", "7")
    assert len(rig.told(f.DigitsSent)) == 1


def test_targets_are_rung_when_their_time_has_come() -> None:
    rig = Rig()
    room = enters(rig, "customer")
    legs = (LegId("leg-1"), LegId("leg-2"), LegId("leg-3"))
    plan = dial("one", "two", "three", leg_ids=legs, delays_s=(0.0, 10.0, 25.0), target_ring_s=(5.0, 60.0, 60.0))
    assert rig.ask(r.AddParty(room, plan)).leg == "leg-1"
    assert (rig.leg("one"), rig.is_rung("two")) == ("leg-1", False)
    rig.passes(6)  # the first rings for 5 s; nobody rings until the second's time has come
    assert (rig.is_rung("one"), rig.is_rung("two")) == (False, False)
    rig.hear({"customer": {RINGBACK}})
    rig.passes(4.5)
    assert (rig.is_rung("two"), rig.leg("two")) == (True, "leg-2")
    rig.answers("two")
    rig.hear({"customer": {"two"}})
    rig.passes(60)
    assert "three" not in rig.lines


def test_targets_who_have_not_been_rung_are_not_when_it_is_cancelled() -> None:
    rig = Rig()
    room = enters(rig, "customer")
    asked = rig.ask(r.AddParty(room, dial("one", "two", delays_s=(5.0, 10.0))))
    assert asked.leg is None
    assert asked.dial is not None
    rig.ask(r.CancelDial(asked.dial))
    rig.passes(20)
    assert not {"one", "two"} & set(rig.lines)
    rig.everybody_hangs_up()


def test_nobody_is_reached_when_the_last_has_failed() -> None:
    rig = Rig()
    room = enters(rig, "customer")
    rig.ask(r.AddParty(room, dial("one", "two", delays_s=(0.0, 10.0))))
    rig.rejects("one")
    assert not rig.told(f.DialEnded)
    rig.passes(11)
    rig.rejects("two")
    (ended,) = rig.told(f.DialEnded)
    assert (ended.leg, ended.outcome) == (None, Outcome.BUSY)
    rig.hear({"customer": {MUSIC}})


def test_without_the_wish_to_wait_the_first_is_let_go() -> None:
    rig = Rig()
    plain = RoomPlan(RoomKind.CONFERENCE, alone=Alone.LET_GO, name="room")
    room = rig.ask(r.EnterRoom(rig.arrives("customer"), plain)).room
    assert room is not None
    rig.ask(r.AddParty(room, dial("agent")))
    rig.rejects("agent")
    assert why(rig) is Closing.ALONE


def test_a_room_whose_id_was_known_before() -> None:
    rig = Rig()
    plan = RoomPlan(RoomKind.PARTY, id=RoomId("known"))
    assert rig.ask(r.EnterRoom(rig.arrives("customer"), plan)).room == "known"
    assert rig.ask(r.EnterRoom(rig.arrives("second"), plan)).room != "known"  # that one is open
