"""The server's line: who may call, where calls go, forks, credentials, endings."""

from __future__ import annotations

import pytest

from switchhook.core.events import (
    CallerKind,
    DigitPressed,
    EndpointChanged,
    LegAnswered,
    LegArrived,
    LegFailed,
    LegGone,
    LegHeld,
    LegRang,
)
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Direction, Endpoint, Invitation, Trunk, Uri
from switchhook.sip.flow import Flow
from tests.sip.house import House, telephone
from tests.sip.link import Person, Wire


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def house(wire):
    return House(wire)


def carrier(wire: Wire, **more) -> Person:
    return Person(wire, "carrier", "10.0.0.50", "10.0.0.100", **more)


def test_registered_telephone_calls_and_is_called(wire, house):
    ann = telephone(wire, "1001", "10.0.0.1", "red")
    bob = telephone(wire, "1002", "10.0.0.2", "green")
    ann.agent.register()
    bob.agent.register()
    wire.run(1)
    assert ann.events == ["registered 200"]
    assert [e.username for e in house.told(EndpointChanged)] == ["1001", "1002"]

    ann.call("1002", extra="X-PH-Tier: gold\r\nX-Other: no\r\n")
    wire.run(0.5)
    arrival = house.arrived.arrival
    assert arrival.caller_kind is CallerKind.ENDPOINT
    assert (arrival.caller_name, arrival.from_user, arrival.to_user) == ("1001", "1001", "1002")
    assert arrival.headers == (("X-PH-Tier", "gold"),)
    a = house.arrived.leg
    assert house.line.hidden(a) == ann.line.call_id
    house.line.ring(a)
    b = house.leg()
    house.line.invite(Invitation(b, Endpoint("1002"), "1001", "Ann"))
    wire.run(0.5)
    assert bob.line.remote_user == "1001"
    assert bob.line.remote_display == "Ann"
    assert "rang" in ann.events
    wire.run(1)
    assert [e.leg for e in house.told(LegRang)] == [b]
    assert [e.leg for e in house.told(LegAnswered)] == [b]
    house.line.answer(a)
    wire.run(1)
    assert [e.leg for e in house.told(LegAnswered)] == [b, a]
    assert {leg for leg, _ in house.sessions} == {a, b}
    assert b"X-CallUUID: " + a.encode() in wire.seen("SIP/2.0 200")[-1] or any(
        b"X-CallUUID: " + a.encode() in w for w in wire.seen("SIP/2.0 200")
    )
    bob.line.hang_up()
    wire.run(1)
    assert [(e.leg, e.outcome) for e in house.told(LegGone)] == [(b, Outcome.COMPLETED)]
    house.line.end(a, Outcome.COMPLETED)
    wire.run(100)
    assert ann.events[-1] == "ended completed"
    assert b"Reason: Q.850;cause=16" in wire.seen("BYE")[-1]
    assert house.clean()
    assert {leg for _, leg, _, _, _ in house.taps} == {None, a, b}


def test_wrong_password_and_unknown_user_are_alike(wire, house):
    wrong = telephone(wire, "1001", "10.0.0.1", "not red")
    unknown = telephone(wire, "nobody", "10.0.0.2", "x")
    for person in (wrong, unknown):
        person.agent.register()
        person.call("1002")
    wire.run(40)
    assert wrong.events == unknown.events
    assert sorted(wrong.events) == ["ended forbidden", "registered 403"]
    assert not house.told(LegArrived)
    assert house.clean()


def test_strangers_get_403(wire, house):
    stranger = Person(wire, "eve", "10.0.0.66", "10.0.0.100")
    stranger.agent.identity = type(stranger.agent.identity)("eve", "elsewhere.net")
    stranger.call("1002")
    wire.run(40)
    assert stranger.endings[0].status == 403
    assert house.line.counters.forbidden == 1


def test_strangers_reach_what_anybody_may_call_and_nothing_else(wire, house):
    house.line.callers.open_to = {"42"}.__contains__
    stranger = Person(wire, "eve", "10.0.0.66", "10.0.0.100")
    stranger.agent.identity = type(stranger.agent.identity)("eve", "elsewhere.net")
    stranger.call("42")
    wire.run(0.5)
    arrival = house.arrived.arrival
    assert arrival.caller_kind is CallerKind.STRANGER
    assert (arrival.caller_name, arrival.from_user, arrival.to_user) == ("", "sip:eve@elsewhere.net", "42")
    assert arrival.source.startswith("10.0.0.66:")
    house.line.end(house.arrived.leg, Outcome.REJECTED)
    wire.run(40)
    for user in ("1002", "43", "421"):
        stranger.call(user)
        wire.run(40)
        assert stranger.endings[-1].status == 403, user
    assert len(house.told(LegArrived)) == 1


def test_a_telephone_cannot_call_other_hosts_through_us(wire, house):
    ann = telephone(wire, "1001", "10.0.0.1", "red")
    ann.line = ann.agent.call("sip:premium@elsewhere.net", ann.media)
    wire.run(40)
    assert ann.endings[0].status == 404
    assert house.line.counters.not_served == 1
    assert not house.told(LegArrived)


def test_an_offer_without_audio_of_ours_makes_no_leg_and_is_counted(wire, house):
    ann = telephone(wire, "1001", "10.0.0.1", "red")
    ann.agent.codecs = ()
    ann.call("1002")
    wire.run(40)
    assert ann.endings[0].status == 488
    assert b'\r\nWarning: 305 switchhook "none of our codecs"\r\n' in wire.seen("SIP/2.0 488 ")[0]
    assert house.line.counters.refused_offers == 1
    assert not house.told(LegArrived)


def test_who_says_to_be_ours_authenticates_whatever_is_called(wire, house):
    house.line.callers.open_to = lambda user: True
    liar = Person(wire, "1001", "10.0.0.66", "10.0.0.100")
    liar.call("42")
    wire.run(40)
    assert not house.told(LegArrived)


def test_trunk_calls_by_address_and_only_the_user_part_counts(wire, house):
    peer = carrier(wire)
    peer.agent.identity = type(peer.agent.identity)("+4930123", "carrier.net")
    peer.agent.call("sip:%2B14155550100@whatever.example", peer.media)
    wire.run(0.5)
    arrival = house.arrived.arrival
    assert arrival.caller_kind is CallerKind.TRUNK
    assert (arrival.caller_name, arrival.from_user, arrival.to_user) == ("carrier", "+4930123", "+14155550100")
    assert arrival.source == "10.0.0.50:5060"
    house.line.end(house.arrived.leg, Outcome.NOT_FOUND)
    wire.run(40)
    assert peer.endings[0].status == 404
    assert house.clean()


def test_nobody_registered_is_told_later_not_within_invite(wire, house):
    house.line.invite(Invitation(LegId("leg-9"), Endpoint("1003"), "1001"))
    assert house.events == []
    wire.run(1)
    assert house.events == [LegFailed(LegId("leg-9"), Outcome.NOT_REGISTERED, 480, 20, "not registered")]


def test_no_audio_port(wire, house):
    house.full = True
    peer = carrier(wire)
    peer.call("+1")
    wire.run(0.5)
    house.line.answer(house.arrived.leg)
    house.line.invite(Invitation(house.leg(), Trunk("carrier", "1"), "1001"))
    wire.run(40)
    assert peer.endings[0].status == 503
    assert [e.outcome for e in house.told(LegGone)] == [Outcome.CONGESTED]
    assert [e.outcome for e in house.told(LegFailed)] == [Outcome.CONGESTED]


def two_telephones(wire, manner="answer", other="ring"):
    first = telephone(wire, "1001", "10.0.0.1", "red", manner=manner)
    second = telephone(wire, "1001", "10.0.0.2", "red", manner=other)
    first.agent.register()
    second.agent.register()
    wire.run(1)
    return first, second


def test_all_contacts_ring_and_the_first_answer_wins(wire, house):
    first, second = two_telephones(wire)
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1001"), "1002"))
    wire.run(3)
    assert len(house.told(LegRang)) == 1
    assert [e.leg for e in house.told(LegAnswered)] == [leg]
    assert "answered" in first.events
    assert second.events[-1] == "ended answered_elsewhere"
    assert b'Reason: SIP;cause=200;text="Call completed elsewhere"' in wire.seen("CANCEL")[0]
    house.line.end(leg, Outcome.COMPLETED)
    wire.run(100)
    assert not house.told(LegFailed)
    assert house.clean()


def test_both_contacts_answer_at_once(wire, house):
    first, second = two_telephones(wire, "at once", "at once")
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1001"), "1002"))
    wire.run(3)
    assert len(house.told(LegAnswered)) == 1
    assert sorted([len(first.endings), len(second.endings)]) == [0, 1]
    house.line.end(leg, Outcome.COMPLETED)
    wire.run(100)
    assert house.clean()
    assert first.clean()
    assert second.clean()


def test_a_contact_whose_way_is_found_when_another_has_answered_is_not_rung(wire, house):
    """It is behind a proxy whose name is still being looked up; its telephone would ring in vain, and ring on."""
    _, second = two_telephones(wire, "at once", "ring")
    named = telephone(wire, "1001", "10.0.0.3", "red", manner="ring")
    send, path = named.end.send, b"Supported: path\r\nPath: <sip:edge.example.net;lr>\r\nExpires"
    named.end.send = lambda wire, flow: send(wire.replace(b"Expires", path, 1), flow)
    named.agent.register()
    wire.run(1)
    asked = []
    house.line.engine.locate = lambda uri, found: asked.append((uri, found))
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1001"), "1002"))
    wire.run(3)
    assert len(house.told(LegAnswered)) == 1
    ((uri, found),) = asked
    assert uri == "sip:edge.example.net;lr"
    found([Flow("udp", "10.0.0.3", 5060, "10.0.0.100:5060")])
    wire.run(1)
    assert named.events == ["registered 200"]
    house.line.end(leg, Outcome.COMPLETED)
    wire.run(100)
    assert second.endings[0].outcome is Outcome.ANSWERED_ELSEWHERE
    assert house.clean()


def test_one_busy_the_other_rings_until_cancelled(wire, house):
    _, second = two_telephones(wire, "busy", "ring")
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1001"), "1002"))
    wire.run(3)
    assert not house.told(LegFailed)
    house.line.end(leg, Outcome.NO_ANSWER)
    wire.run(100)
    assert [(e.outcome, e.sip_status) for e in house.told(LegFailed)] == [(Outcome.NO_ANSWER, 480)]
    assert second.outcome is Outcome.CANCELLED
    assert house.clean()


def test_all_busy(wire, house):
    two_telephones(wire, "busy", "busy")
    house.line.invite(Invitation(house.leg(), Endpoint("1001"), "1002"))
    wire.run(60)
    assert [(e.outcome, e.sip_status) for e in house.told(LegFailed)] == [(Outcome.BUSY, 486)]
    assert house.clean()


def test_telephone_holds_and_presses(wire, house):
    peer = carrier(wire)
    leg = house.leg()
    house.line.invite(Invitation(leg, Trunk("carrier", "+1415"), "+1999", headers=(("X-PH-A", "b\r\nEvil: 1"),)))
    wire.run(3)
    assert peer.line.called_user == "+1415"
    assert b"X-PH-A: b  Evil: 1\r\n" in wire.seen("INVITE")[0]
    peer.line.hold()
    wire.run(1)
    assert house.told(LegHeld) == [LegHeld(leg, True)]
    assert house.sessions[-1][1].direction is Direction.SENDONLY
    peer.line.resume()
    peer.line.send_digit("7", 200)
    wire.run(1)
    assert house.told(LegHeld)[-1] == LegHeld(leg, False)
    assert house.told(DigitPressed) == [DigitPressed(leg, "7", 200)]
    peer.line.hang_up('Reason: Q.850;cause=31;text="done"\r\n')
    wire.run(60)
    assert house.told(LegGone) == [LegGone(leg, Outcome.COMPLETED, 31, "done")]
    assert house.clean()


def test_caller_gives_up(wire, house):
    peer = carrier(wire)
    line = peer.call("+1")
    wire.run(0.5)
    house.line.ring(house.arrived.leg)
    wire.run(0.5)
    line.hang_up()
    wire.run(60)
    assert [(e.leg, e.outcome) for e in house.told(LegGone)] == [(house.arrived.leg, Outcome.CANCELLED)]
    assert house.clean()


def test_answer_after_and_press_answer(wire, house):
    bob = telephone(wire, "1002", "10.0.0.2", "green", manner="ring")
    bob.agent.register()
    wire.run(1)
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1002"), "1001", answer_after=3))
    wire.run(0.5)
    assert bob.line.answer_after == 3
    house.line.press_answer(leg)
    wire.run(1)
    assert house.told(LegAnswered) == [LegAnswered(leg)]


def pressed(wire, house, *, rings_after_s):
    """Bob's telephone is called and asked to pick up after a second; it rings when it likes."""
    bob = telephone(wire, "1002", "10.0.0.2", "green", manner="nothing")
    bob.agent.register()
    wire.run(1)
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1002"), "1001"))
    wire.after(rings_after_s, lambda: bob.line.ring())
    wire.run(1)
    house.line.press_answer(leg)
    return bob, leg


def notifies(wire):
    return [sent for _, _, _, sent in wire.log if sent.startswith(b"NOTIFY")]


def test_a_telephone_whose_only_180_was_lost_is_asked_to_answer(wire, house):
    wire.faults[7] = "lose"  # 1 to 4 are the registration, 5 INVITE, 6 100 Trying, 7 180 Ringing
    _, leg = pressed(wire, house, rings_after_s=0.5)
    assert wire.log[6][3].startswith(b"SIP/2.0 180")
    assert not house.told(LegRang)
    wire.run(1)
    assert house.told(LegAnswered) == [LegAnswered(leg)]
    assert len(notifies(wire)) == 1


def test_a_telephone_that_rings_late_is_asked_then(wire, house):
    _, leg = pressed(wire, house, rings_after_s=4.0)
    wire.run(4)
    assert house.told(LegAnswered) == [LegAnswered(leg)]
    assert len(notifies(wire)) == 1


def test_a_telephone_that_rings_when_nobody_waits_any_more_rings_on(wire, house):
    bob, leg = pressed(wire, house, rings_after_s=6.5)
    wire.run(20)
    assert house.told(LegRang) == [LegRang(leg)]
    assert not house.told(LegAnswered)
    assert notifies(wire) == []
    bob.line.reject(486)
    wire.run(60)
    assert house.clean()


def test_uri_of_the_configuration(wire, house):
    Person(wire, "x", "10.0.0.77", "10.0.0.100")
    leg = house.leg()
    house.line.invite(Invitation(leg, Uri("sip:door@10.0.0.77"), "1001"))
    wire.run(3)
    assert house.told(LegAnswered) == [LegAnswered(leg)]


def test_our_own_invite_coming_back_is_a_loop(wire, house):
    leg, notes = house.leg(), list[str]()
    house.line.engine.note = lambda _, text: notes.append(text)
    house.line.invite(Invitation(leg, Uri("sip:door@10.0.0.100:5060"), "1001"))
    wire.run(40)
    assert notes == ["our own INVITE came back to us: a loop, refused with 482"]
    assert house.told(LegFailed)[0].outcome is Outcome.LOOPED
    assert house.line.counters.looped == 1


def test_telephone_forwards_to_another_extension(wire, house):
    ann = telephone(wire, "1001", "10.0.0.1", "red", manner="nothing")
    bob = telephone(wire, "1002", "10.0.0.2", "green", manner="at once")
    for person in (ann, bob):
        person.agent.register()
    wire.run(1)
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1001"), "1003"))
    wire.run(0.5)
    ann.line.reject(302, "Contact: <sip:1002@example.org>\r\n")
    wire.run(2)
    assert house.told(LegAnswered) == [LegAnswered(leg)]
    assert "answered" in bob.events


def test_draining_refuses_new_calls(wire, house):
    house.line.draining = True
    peer = carrier(wire)
    peer.call("+1")
    wire.run(40)
    assert peer.endings[0].status == 503
