"""What the search over all interleavings found, told one by one."""

from __future__ import annotations

from switchhook.core.outcomes import Outcome
from tests.sip.link import pair
from tests.sip.test_dialogs import SDP, Far


def talking(faults: dict[int, str] | None = None):
    """Ann and Bob talk; the messages of that were 1 INVITE, 2 100, 3 180, 4 200, 5 ACK."""
    wire, ann, bob = pair(faults)
    ann.call("bob")
    wire.run(3)
    return wire, ann, bob


def test_the_ack_of_a_hold_is_lost_and_the_next_offer_comes_first():
    wire, ann, bob = talking({8: "lose"})  # 6 INVITE, 7 200, 8 ACK
    ann.line.hold()
    wire.run(0.1)
    ann.line.resume()
    wire.run(60)
    assert ann.line.up
    assert bob.line.up
    assert bob.agent.engine.counters.never_acknowledged == 0
    assert [one.split(b"\r\n")[0] for one in wire.seen("SIP/2.0 200")][1:] == [b"SIP/2.0 200 OK"] * 2


def test_an_answer_seen_again_gets_its_own_ack_behind_a_later_one():
    far = Far()
    far.reply(200, body=SDP)
    first, second = [], []
    for found in (first, second):
        far.line.hold()
        far.wire.run(0.1)
        found.append(far.last("INVITE"))
        far.reply(200, body=SDP, to=found[0])
    far.got.clear()
    far.reply(200, body=SDP, to=first[0])
    assert far.last("ACK").cseq.number == first[0].cseq.number


def test_a_request_that_crosses_a_lost_bye_waits_for_it():
    wire, ann, bob = talking({7: "lose"})  # 6 INVITE, 7 BYE
    ann.line.hold()
    bob.line.hang_up('Reason: Q.850;cause=31;text="done"\r\n')
    wire.run(10)
    assert (ann.outcome, bob.outcome) == (Outcome.COMPLETED, Outcome.COMPLETED)
    assert (ann.endings[0].q850, ann.endings[0].reason) == (31, "done")


def test_no_bye_comes_behind_a_481():
    far = Far()
    far.reply(200, body=SDP)
    far.line.send_digit("5")
    far.wire.run(0.1)
    far.reply(481, to=far.last("INFO"))
    assert not far.line.over
    far.line.hold()  # of no use any more, and not sent
    far.wire.run(5)
    assert len(far.all("INVITE")) == 1
    assert far.ann.outcome is Outcome.FAILED


def test_a_bye_overtakes_the_ack():
    wire, ann, bob = pair({4: "lose"}, manner="at once")  # 1 INVITE, 2 100, 3 200, 4 ACK
    ann.call("bob")
    wire.run(0.031)
    ann.line.hang_up()
    wire.run(60)
    assert bob.events == ["incoming", "answered", "ended completed"]
    assert bob.endings[0].answered
    assert ann.clean()
    assert bob.clean()


def test_nothing_is_left_of_a_reinvite_that_got_only_100():
    far = Far()
    far.reply(200, body=SDP)
    far.line.hold()
    far.wire.run(0.1)
    far.reply(100)
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(200, to=far.last("BYE"))
    far.wire.run(40)
    assert far.ann.clean()


def test_a_reinvite_that_got_no_answer_is_not_sent_again_when_the_call_is_over():
    far = Far()
    far.reply(200, body=SDP)
    far.line.hold()
    far.wire.run(1.0)
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(200, to=far.last("BYE"))
    far.got.clear()
    far.wire.run(40)
    assert far.got == []
    assert far.ann.clean()


def test_a_hold_that_had_to_wait_for_an_ack_comes_behind_it():
    wire, ann, bob = talking({8: "lose"})  # 6 INVITE, 7 200, 8 ACK
    ann.line.hold()
    wire.run(0.1)
    bob.line.hold()
    wire.run(0.1)
    assert "held" not in ann.events  # our answer to ann's hold is not acknowledged yet
    wire.run(5)
    assert "held" in ann.events


def test_a_reinvite_without_an_offer_that_met_another_is_tried_again_without_one():
    wire, ann, bob = talking()
    bob.line.reoffer()
    ann.line.hold()
    wire.run(10)
    again = [one for one in wire.seen("INVITE sip:ann") if b"m=audio" not in one]
    assert len(again) == 2
    assert "held" in bob.events
