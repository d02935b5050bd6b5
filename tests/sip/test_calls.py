"""Whole calls between two engines over a fake link, in virtual time; every single message lost, doubled or late."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Codec, Direction
from tests.sip.link import Person, Wire, pair


def test_plain_call_takes_seven_messages_on_each_leg():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.after(3.0, lambda: ann.line.hang_up())
    wire.run()
    assert ann.events == ["rang", "answered", "ended completed"]
    assert bob.events == ["incoming", "answered", "ended completed"]
    assert [w.split(b" ")[0] if not w.startswith(b"SIP") else w.split(b" ")[1] for _, _, _, w in wire.log] == [
        b"INVITE", b"100", b"180", b"200", b"ACK", b"BYE", b"200",
    ]  # fmt: skip
    assert ann.sessions[0].codec is Codec.PCMU
    assert ann.sessions[0].remote_port == 20_000
    assert ann.clean()
    assert bob.clean()


def test_busy():
    wire, ann, bob = pair(manner="busy")
    ann.call("bob")
    wire.run()
    assert ann.outcome is Outcome.BUSY
    assert ann.endings[0].status == 486
    assert ann.clean()
    assert bob.clean()


def test_nobody_is_there():
    wire = Wire()
    ann = Person(wire, "ann", "10.0.0.1", "10.0.0.9")
    ann.call("ghost")
    wire.run()
    assert ann.outcome is Outcome.TIMED_OUT
    assert len(wire.seen("INVITE")) == 7  # at 0, .5, 1.5, 3.5, 7.5, 15.5, 31.5 s
    assert ann.clean()


def test_early_audio():
    wire, ann, bob = pair(manner="early")
    ann.call("bob")
    wire.run(0.5)
    assert ann.events == ["early"]
    assert len(ann.sessions) == 1
    assert len(bob.sessions) == 1
    wire.run(2)
    assert ann.events == ["early", "answered"]
    assert len(ann.sessions) == 1


def test_offerless_invite_is_answered_in_the_ack():
    wire, ann, bob = pair()
    ann.call("bob", offerless=True)
    wire.run(5)
    assert ann.events[-1] == "answered"
    assert bob.events[-1] == "answered"
    assert len(ann.sessions) == len(bob.sessions) == 1
    assert b"m=audio" not in wire.seen("INVITE")[0]
    assert b"m=audio" in wire.seen("ACK")[0]


@pytest.mark.parametrize("holder", ["ann", "bob"])
@pytest.mark.parametrize("style", [Direction.SENDONLY, Direction.INACTIVE])
def test_hold_and_resume_from_either_side(holder, style):
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    one, other = (ann, bob) if holder == "ann" else (bob, ann)
    one.line.hold(style)
    wire.run(1)
    assert other.events[-1] == "held"
    assert other.sessions[-1].direction is style
    one.line.resume()
    wire.run(1)
    assert other.events[-1] == "taken back"
    other.line.hang_up()
    wire.run()
    assert ann.clean()
    assert bob.clean()


def test_offerless_reinvite():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    bob.line.reoffer()
    wire.run(1)
    assert b"m=audio" not in wire.seen("INVITE")[1]
    assert b"m=audio" in wire.seen("ACK")[1]
    assert bob.line.up
    assert ann.line.up


def test_glare_both_retry_and_both_holds_come_true():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.hold()
    bob.line.hold()
    wire.run(10)
    assert len(wire.seen("SIP/2.0 491")) == 2
    assert "held" in ann.events
    assert "held" in bob.events
    ann.line.hang_up()
    wire.run()
    assert ann.clean()
    assert bob.clean()


def test_both_hang_up_at_once():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.hang_up()
    bob.line.hang_up()
    wire.run()
    assert len(wire.seen("BYE")) == 2
    assert len(wire.seen("SIP/2.0 481")) == 0
    assert ann.clean()
    assert bob.clean()


def test_bye_crosses_a_reinvite():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.hold()
    bob.line.hang_up()
    wire.run()
    assert len(ann.endings) == len(bob.endings) == 1
    assert ann.clean()
    assert bob.clean()


@pytest.mark.parametrize("moment", [0.0, 0.005, 0.015, 0.025, 0.5, 1.02, 1.025, 1.035, 1.5])
def test_cancel_at_any_moment(moment):
    wire, ann, bob = pair()
    ann.call("bob")
    wire.after(moment, lambda: ann.line.hang_up('Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'))
    wire.run()
    assert len(ann.endings) == 1
    assert len(bob.endings) == len(bob.lines)
    assert ann.endings[0].ours
    assert ann.clean()
    assert bob.clean()


def test_callee_that_hangs_up_before_the_ack_waits_for_it():
    wire, ann, bob = pair({4: "late"}, manner="ring")
    ann.call("bob")
    wire.after(1.0, lambda: bob.line.answer(bob.media))
    wire.after(1.05, lambda: bob.line.hang_up())
    wire.run()
    order = [w.split(b" ")[0] for _, _, _, w in wire.log]
    assert order.index(b"ACK") < order.index(b"BYE")
    assert ann.clean()
    assert bob.clean()


def test_info_digits():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.send_digit("#")
    wire.run(1)
    assert bob.events[-1] == "digit #"


def test_notify_talk_picks_up():
    wire, ann, bob = pair(manner="ring")
    ann.call("bob")
    wire.run(0.5)
    ann.line.call.notify_talk()
    wire.run(1)
    assert "talk" in bob.events
    assert ann.events[-1] == "answered"
    ann.line.hang_up()
    wire.run()
    assert ann.clean()
    assert bob.clean()


def _story(faults: dict[int, str], story: str) -> tuple[Wire, Person, Person]:
    wire, ann, bob = pair(faults)
    ann.call("bob")
    if story == "call":
        wire.after(5.0, lambda: ann.line.hang_up())
    elif story == "callee ends":
        wire.after(5.0, lambda: bob.line.hang_up() if bob.line else None)
        wire.after(60.0, lambda: ann.line.hang_up())
    elif story == "cancel":
        wire.after(0.7, lambda: ann.line.hang_up())
    elif story == "busy":
        bob.manner = "busy"
    elif story == "hold":
        wire.after(5.0, lambda: ann.line.hold())
        wire.after(9.0, lambda: bob.line.hold() if bob.line else None)
        wire.after(15.0, lambda: ann.line.resume())
        wire.after(40.0, lambda: ann.line.hang_up())
    wire.run(300)
    return wire, ann, bob


@pytest.mark.parametrize("story", ["call", "callee ends", "cancel", "busy", "hold"])
@pytest.mark.parametrize("fault", ["lose", "double", "late"])
def test_any_single_message_may_fail(story, fault):
    messages = len(_story({}, story)[0].log)
    for number in range(1, messages + 1):
        wire, ann, bob = _story({number: fault}, story)
        told = f"message {number} {fault}:\n{wire.ladder()}\n{ann.events}\n{bob.events}"
        assert len(ann.endings) == 1, told
        assert len(bob.endings) == len(bob.lines), told
        assert len(bob.lines) == 1, told
        assert ann.clean(), told
        assert bob.clean(), told
        if story in ("call", "callee ends", "hold"):
            assert "answered" in ann.events, told
            assert "answered" in bob.events, told
