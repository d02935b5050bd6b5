"""Offers in the middle and at the edges of a call: what becomes of ours when the far end answers in every odd way."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegAnswered, LegGone
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Direction
from tests.sip.test_clauses import last
from tests.sip.test_dialogs import SDP, Far
from tests.sip.test_mishaps import Talk

NOTHING_FOR_US = SDP.replace(b"AVP 0", b"AVP 9")


def talking(**more) -> Far:
    """Ann's call is up."""
    far = Far(**more)
    far.reply(200, body=SDP)
    assert far.ann.events[-1] == "answered"
    far.got.clear()
    return far


def held(far: Far, status: int, **more) -> None:
    """Ann presses hold, and the far end answers that."""
    far.line.hold()
    far.wire.run(0.1)
    far.reply(status, **more)


# --- our re-INVITE is answered


@pytest.mark.parametrize("status", [488, 500, 606])
def test_a_hold_that_is_refused_changes_nothing_and_may_be_tried_again(status):
    far = talking()
    before = far.line.session
    held(far, status)
    assert far.line.up
    assert far.line.session == before
    held(far, 200, body=SDP.replace(b"t=0 0", b"t=0 0\r\na=recvonly"))
    assert far.line.session.direction is Direction.RECVONLY
    assert [message.verb for message, _ in far.got] == ["INVITE", "ACK", "INVITE", "ACK"]


@pytest.mark.parametrize("status", [200, 488])
def test_what_was_wished_meanwhile_is_offered_after_the_answer(status):
    far = talking()
    far.line.hold()
    far.line.resume()
    far.wire.run(0.1)
    assert len(far.all("INVITE")) == 1
    far.reply(status, body=SDP if status == 200 else b"")
    assert b"a=sendrecv" in far.last("INVITE").body
    assert len(far.all("INVITE")) == 2
    far.reply(200, body=SDP)
    far.wire.run(40)
    assert len(far.all("INVITE")) == 2, "nothing more was wished"


def test_a_408_to_a_hold_ends_the_call_with_bye():
    far = talking()
    held(far, 408)
    assert far.ann.outcome is Outcome.FAILED
    assert len(far.all("BYE")) == 1


def test_a_hold_that_nobody_answers_ends_the_call_with_bye():
    far = talking()
    far.line.hold()
    far.wire.run(31.0)
    assert far.line.up
    far.wire.run(2.0)
    assert far.ann.outcome is Outcome.TIMED_OUT
    assert len({message.first("cseq") for message in far.all("BYE")}) == 1


def test_a_481_without_a_bye_behind_it_ends_the_call_after_a_while():
    far = talking()
    held(far, 481)
    far.wire.run(3.0)
    assert far.line.up, "its BYE may have been lost"
    far.wire.run(2.0)
    assert far.ann.outcome is Outcome.FAILED


def test_a_hold_is_challenged_once_and_then_left():
    far = talking()
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="1"\r\n'
    held(far, 401, more=challenge)
    assert "realm=" in far.last("INVITE").get("authorization")
    assert far.last("INVITE").cseq.number == 3
    far.reply(401, more=challenge)
    assert len(far.all("INVITE")) == 2
    assert far.line.up


def test_the_contact_of_an_answer_to_a_hold_is_where_the_next_request_goes():
    far = talking()
    far.place("10.0.0.22")
    held(far, 200, more="Contact: <sip:moved@10.0.0.22>\r\n", body=SDP)
    assert far.ann.agent.engine.counters.moved == 1
    assert far.last("ACK").uri == "sip:moved@10.0.0.22"
    far.line.hang_up()
    far.wire.run(0.1)
    assert (far.last("BYE").uri, far.got[-1][1].local) == ("sip:moved@10.0.0.22", "10.0.0.22:5060")


@pytest.mark.parametrize("body", [b"", NOTHING_FOR_US])
def test_an_offer_that_we_asked_for_and_cannot_take_leaves_the_call_as_it_was(body):
    far = talking()
    before = far.line.session
    far.line.reoffer()
    far.wire.run(0.1)
    far.reply(200, body=body)
    assert far.last("ACK").body == b""
    assert far.line.up
    assert far.line.session == before


# --- an INVITE of ours without an offer


def test_each_fork_of_an_invite_without_an_offer_has_an_answer_in_its_ack():
    far = Far(offerless=True)
    assert far.last("INVITE").body == b""
    far.reply(200, tag="one", body=SDP)
    far.reply(200, tag="two", body=SDP, to=far.all("INVITE")[0])
    acks = far.all("ACK")
    assert [ack.to_tag for ack in acks] == ["one", "two"]
    assert all(b"m=audio 20000 " in ack.body for ack in acks)
    assert [bye.to_tag for bye in far.all("BYE")] == ["two"]


def test_an_offer_that_comes_when_the_call_is_over_is_answered_in_the_ack_too():
    far = Far(offerless=True)
    far.reply(180)
    invite = far.last("INVITE")
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(487, to=invite)
    assert far.ann.outcome is Outcome.CANCELLED
    far.reply(200, tag="other", body=SDP, to=invite)
    assert b"m=audio 20000 " in far.last("ACK").body
    assert far.last("BYE").to_tag == "other"


@pytest.mark.parametrize("body", [b"", NOTHING_FOR_US])
def test_an_answer_without_an_offer_for_us_is_acknowledged_and_ended(body):
    far = Far(offerless=True)
    far.reply(200, body=body)
    assert far.ann.outcome is Outcome.UNACCEPTABLE
    assert [message.verb for message, _ in far.got] == ["INVITE", "ACK", "BYE"]


# --- an INVITE of theirs without an offer: ours is in the 200, their answer in the ACK


@pytest.mark.parametrize("answer", [b"", NOTHING_FOR_US, b"hello"])
def test_an_ack_without_an_answer_for_us_ends_the_call_with_bye(answer):
    talk = Talk(offer=b"", acknowledged=False)
    assert b"m=audio 30002 RTP/AVP 0 8 13 101" in last(talk)
    talk.send("ACK", body=answer)
    assert last(talk).startswith(b"BYE ")
    assert [event.outcome for event in talk.house.told(LegGone)] == [Outcome.UNACCEPTABLE]
    assert not talk.house.told(LegAnswered)


def test_an_ack_with_the_answer_begins_the_call():
    talk = Talk(offer=b"", acknowledged=False)
    assert not talk.house.sessions
    talk.send("ACK", body=SDP)
    assert talk.house.told(LegAnswered) == [LegAnswered(talk.leg)]
    assert [session.remote_port for _, session in talk.house.sessions] == [4000]


def test_a_reinvite_without_an_offer_whose_ack_answers_nothing_leaves_the_call_as_it_was():
    talk = Talk()
    assert talk.send("INVITE") == "200"
    talk.send("ACK")
    talk.wire.run(40)
    assert talk.house.line.live_legs == 1
    assert len(talk.house.sessions) == 1


def test_without_an_offer_there_is_no_early_audio_but_it_rings():
    talk = Talk(offer=b"", answered=False)
    talk.house.line.progress(talk.leg)
    assert last(talk).startswith(b"SIP/2.0 180 ")
    talk.wire.run(61)
    assert sum(wire.startswith(b"SIP/2.0 180 ") for _, _, _, wire, _ in talk.house.taps) == 2, "a minute later again"
