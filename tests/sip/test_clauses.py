"""Clauses of the RFCs that take one odd message each, and that no longer story shows."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegAnswered, LegFailed, LegGone
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Direction, Endpoint, Invitation
from switchhook.sip.message import parse
from tests.sip.house import House, telephone
from tests.sip.link import Wire, pair
from tests.sip.test_dialogs import SDP, Far
from tests.sip.test_mishaps import TRUNK, Talk


def last(talk: Talk) -> bytes:
    return next(wire for _, _, way, wire, _ in reversed(talk.house.taps) if way == "out")


# --- re-INVITE (RFC 3261 14, RFC 6141, RFC 5407)


def test_after_491_the_caller_waits_2_1_to_4_s_and_the_called_0_to_2_s():
    waited: dict[str, set[float]] = {"ann": set(), "bob": set()}
    for names in (("ann", "bob"), ("bob", "ann")):
        wire, ann, bob = pair()
        ann.call("bob")
        wire.run(3 + len(names[0]) * 0.1)
        start = wire.now
        for name in names:
            (ann if name == "ann" else bob).line.hold()
        wire.run(10)
        for at, source, _, message in wire.log:
            if at > start and message.startswith(b"INVITE "):
                waited["ann" if source == "10.0.0.1" else "bob"].add(at - start - 0.02)
    assert all(2.1 <= seconds <= 4.0 for seconds in waited["ann"])
    assert all(0.0 <= seconds <= 2.0 for seconds in waited["bob"])
    assert waited["ann"]
    assert waited["bob"]


def test_a_reinvite_comes_before_the_ack_of_the_first_answer():
    talk = Talk(acknowledged=False)
    assert talk.send("INVITE", body=SDP.replace(b"t=0 0", b"t=0 0\r\na=sendonly")) == "200"
    assert [event.leg for event in talk.house.told(LegAnswered)] == [talk.leg]
    talk.send("ACK")
    talk.wire.run(40)
    assert talk.house.line.live_legs == 1
    assert talk.counters.never_acknowledged == 0


def test_a_reinvite_without_a_contact_holds_the_call_and_its_target_stays():
    talk = Talk()
    assert talk.send("INVITE", contact=None, body=SDP.replace(b"t=0 0", b"t=0 0\r\na=sendonly")) == "200"
    assert talk.house.sessions[-1][1].direction is Direction.SENDONLY
    talk.send("ACK")
    assert talk.hung_up_at() == f"udp:{TRUNK}:5060"


def test_a_second_invite_before_the_first_is_answered_is_500():
    talk = Talk(answered=False)
    assert talk.send("INVITE", body=SDP) == "500"
    assert 0 <= int(last(talk).partition(b"Retry-After: ")[2].partition(b"\r\n")[0]) <= 10
    talk.house.line.answer(talk.leg)
    talk.number = 1
    talk.send("ACK")
    assert talk.house.told(LegAnswered)


def test_a_reinvite_that_is_cancelled_was_answered_already():
    talk = Talk()
    assert talk.send("INVITE", body=SDP) == "200"
    assert talk.send("CANCEL", of=2) == "200"
    assert talk.counters.late_cancels == 1
    assert talk.notes == ["a CANCEL came after our final answer and changed nothing"]
    assert talk.house.line.live_legs == 1


def test_a_reinvite_that_meets_our_bye_is_481_and_our_bye_still_ends_it():
    talk = Talk()
    talk.hung_up_at()
    assert talk.send("INVITE", body=SDP) == "481"
    assert talk.send("BYE") == "200"
    assert talk.counters.crossed_byes == 1


def test_a_bye_before_the_answer_ends_the_invite_with_487():
    talk = Talk(answered=False)
    talk.house.line.ring(talk.leg)
    before = len(talk.house.taps)
    assert talk.send("BYE") == "487"
    assert [wire[8:11] for _, _, way, wire, _ in talk.house.taps[before:] if way == "out"] == [b"200", b"487"]
    assert [event.outcome for event in talk.house.told(LegGone)] == [Outcome.CANCELLED]


@pytest.mark.parametrize("expires_s", [0, 2, 70])
def test_an_invitation_ends_when_its_expires_is_over(expires_s):
    talk = Talk(answered=False, more=f"Expires: {expires_s}\r\n")
    talk.house.line.ring(talk.leg)
    if expires_s:
        talk.wire.run(expires_s - 0.1)
        assert not talk.house.told(LegGone)
    talk.wire.run(1)
    assert [event.outcome for event in talk.house.told(LegGone)] == [Outcome.CANCELLED]
    assert last(talk).startswith(b"SIP/2.0 487 ")
    assert talk.notes == ["the telephone's INVITE expired: nobody answered within its Expires (487)"]
    talk.house.line.answer(talk.leg)
    assert last(talk).startswith(b"SIP/2.0 487 "), "nobody can pick it up any more"


@pytest.mark.parametrize("expires", ["2", "70", "4294967296", "soon", ""])
def test_an_expires_says_nothing_of_a_call_that_was_answered(expires):
    talk = Talk(more=f"Expires: {expires}\r\n")
    talk.wire.run(80)
    assert talk.house.line.live_legs == 1
    assert not talk.notes


def test_the_ack_of_an_answer_has_a_branch_of_its_own():
    talk = Talk(acknowledged=False)
    talk.send("ACK")  # `Talk` gives each request a branch with its method
    assert talk.house.told(LegAnswered)
    talk.wire.run(40)
    assert talk.counters.never_acknowledged == 0


# --- offer and answer (RFC 3264)


def test_a_stream_that_is_added_is_answered_with_port_0_in_its_place():
    talk = Talk()
    assert talk.send("INVITE", body=SDP + b"m=video 5000 RTP/AVP 31\r\n") == "200"
    media = [line for line in last(talk).split(b"\r\n") if line.startswith(b"m=")]
    assert [line.split()[:2] for line in media] == [[b"m=audio", b"30002"], [b"m=video", b"0"]]
    assert len(talk.house.sessions) == 1, "nothing changed for the audio"


def test_a_call_whose_audio_is_taken_away_goes_on_as_before():
    talk = Talk()
    assert talk.send("INVITE", body=SDP.replace(b"m=audio 4000", b"m=audio 0")) == "488"
    assert b"\r\nWarning: 304 " in last(talk)
    assert talk.house.line.live_legs == 1
    assert talk.send("INFO") == "200"


def test_the_offer_in_a_200_keeps_the_streams_of_the_call_in_their_places():
    talk = Talk()
    assert talk.send("INVITE", body=SDP.replace(b"m=audio", b"m=video 5000 RTP/AVP 31\r\nm=audio")) == "200"
    talk.send("ACK")
    assert talk.send("INVITE") == "200"
    media = [line.split()[:2] for line in last(talk).split(b"\r\n") if line.startswith(b"m=")]
    assert media == [[b"m=video", b"0"], [b"m=audio", b"30002"]]


# --- forks (RFC 3261 13.2.2.4, RFC 6228)


def test_early_audio_of_one_fork_and_the_answer_of_another():
    far = Far()
    far.reply(183, tag="one", body=SDP)
    far.reply(183, tag="two", body=SDP.replace(b"4000", b"5000"))
    far.reply(200, tag="one", body=SDP.replace(b"4000", b"6000"), to=far.all("INVITE")[0])
    assert [session.remote_port for session in far.ann.sessions] == [4000, 5000, 6000]
    assert far.line.call.dialog.remote_tag == "one"
    far.line.hang_up()
    far.wire.run(0.1)
    assert far.last("BYE").to_tag == "one"


def test_a_fork_that_has_ended_gets_no_requests_any_more():
    far = Far()
    far.reply(180, tag="one")
    far.reply(180, tag="two")
    far.reply(199, tag="two")
    far.line.call.notify_talk()
    far.wire.run(0.1)
    assert far.last("NOTIFY").to_tag == "one"
    far.reply(199, tag="one")
    far.reply(200, tag="three", body=SDP, to=far.all("INVITE")[0])
    assert far.ann.events[-1] == "answered"


def test_a_6xx_speaks_for_every_redirection():
    far = Far()
    far.reply(302, more="Contact: <sip:x@10.0.0.9:5060>, <sip:y@10.0.0.9>\r\n")
    far.reply(603)
    assert far.ann.outcome is Outcome.REJECTED
    assert len(far.all("INVITE")) == 2


def test_a_6xx_of_one_telephone_ends_the_ringing_of_the_others():
    wire = Wire()
    house = House(wire)
    one = telephone(wire, "1001", "10.0.0.1", "red", manner="ring")
    other = telephone(wire, "1001", "10.0.0.2", "red", manner="ring")
    for person in (one, other):
        person.agent.register()
    wire.run(1)
    house.line.invite(Invitation(house.leg(), Endpoint("1001"), "1002"))
    wire.run(1)
    one.line.reject(603)
    wire.run(40)
    assert [event.outcome for event in house.told(LegFailed)] == [Outcome.REJECTED]
    assert other.events[-1] == "ended cancelled"


# --- transport


@pytest.mark.parametrize("wire", [b"\r\n\r\n", b"\r\n", b"\0" * 4, b""])
def test_a_keepalive_in_a_datagram_is_neither_answered_nor_counted_as_damage(wire):
    talk = Talk()
    before = len(talk.wire.log)
    talk.house.line.receive(wire, talk.flow())
    assert len(talk.wire.log) == before
    assert not talk.counters.malformed


def test_each_element_takes_one_from_max_forwards():
    talk = Talk()
    assert talk.house.arrived.arrival.hops_left == 70
    wire = Wire()
    house = House(wire)
    telephone(wire, "1001", "10.0.0.1", "red", manner="ring").agent.register()
    wire.run(1)
    house.line.invite(Invitation(house.leg(), Endpoint("1001"), "1002", hops_left=41))
    assert parse(wire.seen("INVITE")[0]).first("max-forwards") == "41"
