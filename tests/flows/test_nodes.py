"""Reading settings that people wrote and templates filled."""

from __future__ import annotations

import pytest

from switchhook.core.model import HoldAudience, Order, Role
from switchhook.flows.nodes import (
    Callback,
    CallForward,
    InitiateCall,
    MultiParty,
    addresses,
    clips,
    recorded,
    seconds,
    text,
    yes,
)
from switchhook.settings import Transfers
from tests.stories.common import settings


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("+14155550100", ("+14155550100",)),
        (" 1001 , sip:a@b.example ,, ", ("1001", "sip:a@b.example")),
        (["1001", 14155550100, None, ""], ("1001", "14155550100")),
        (14155550100, ("14155550100",)),
        (14155550100.0, ("14155550100",)),
        ("", ()),
        (None, ()),
        (True, ()),
        ({}, ()),
    ],
)
def test_addresses(value: object, expected: tuple[str, ...]) -> None:
    assert addresses(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("20", 20.0), (7, 7.0), ("", 30.0), ("x", 30.0), (-1, 30.0), ("inf", 30.0)]
)
def test_seconds(value: object, expected: float) -> None:
    assert seconds(value, 30.0) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("false", False), ("No", False), (0, False), ("", True), (1, True), (None, True)]
)
def test_switches(value: object, expected: bool) -> None:
    assert yes(value, True) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ()),
        (None, ()),
        ("https://x.example/a.mp3", ("https://x.example/a.mp3",)),
        ("builtin:hold", ("builtin:hold",)),
        ("Good day.", ("speak:en-US:WOMAN:Good day.",)),
        ({"type": "speak", "text": "Hallo", "language": "de-DE", "voice": "MAN"}, ("speak:de-DE:MAN:Hallo",)),
        ({"type": "speak", "text": "Hi", "loop": 2}, ("speak:en-US:WOMAN:Hi",) * 2),
        ({"type": "play", "url": "http://x.example/a.wav"}, ("http://x.example/a.wav",)),
        ({"url": "http://x.example/a.wav"}, ("http://x.example/a.wav",)),
        ({"type": "play"}, ()),
        ({"type": "speak", "text": " "}, ()),
    ],
)
def test_prompts(value: object, expected: tuple[str, ...]) -> None:
    assert clips(value) == expected


def test_a_template_cannot_name_a_file_of_this_machine() -> None:
    assert clips("file:/tmp/a.wav") == ("file:/tmp/a.wav",)
    assert clips("file:/tmp/a.wav", literal=False) == ("speak:en-US:WOMAN:file:/tmp/a.wav",)
    assert clips({"type": "play", "url": "file:/x"}, literal=False) == ("speak:en-US:WOMAN:file:/x",)


def test_defaults_of_the_nodes() -> None:
    ours = settings()
    assert InitiateCall.of({}, ours) == InitiateCall("", (), 30.0)
    forward = CallForward.of({"to": "1"}, ours)
    assert (forward.order, forward.ring_s, forward.key, forward.screening) == (Order.SEQUENTIAL, 30.0, "", ())
    assert CallForward.of({"screening_prompt": "Hi"}, ours).key == "1"
    party = MultiParty.of({}, ours)
    assert (party.caller_role, party.callee_role) == (Role.CUSTOMER, Role.AGENT)
    assert (party.transfers, party.cold_on_answer, party.hold_audience) == (True, False, HoldAudience.HELD)
    assert (party.limit_s, party.max_members, party.callback.events) == (14_400.0, 20, None)


@pytest.mark.parametrize("value", [True, 1, -3, 1.0, "true", "TRUE", "1", "no", "anything", {}, {"on": False}, ["x"]])
def test_what_is_read_as_record(value: object) -> None:
    assert recorded(value)


@pytest.mark.parametrize("value", [False, 0, 0.0, None, "", "  ", "false", " False ", "FALSE", "0", "00", "-0", []])
def test_what_is_read_as_do_not_record(value: object) -> None:
    assert not recorded(value)


def test_callbacks_of_the_call_nodes() -> None:
    given = {"event_callback_url": "http://x.example/", "event_callback_events": "Record", "record": "yes"}
    for node in (InitiateCall, CallForward, MultiParty):
        options = node.of(given, settings())
        assert options.record
        assert options.callback == Callback("http://x.example/", frozenset({"Record"}), False)
        assert options.callback.wants("Record")
        assert not options.callback.wants("RoomEnded")
        assert not node.of({"record": True}, settings()).callback.wants("Record")


def test_roles_follow_the_dialing_option_unless_they_are_set() -> None:
    ours = settings()
    agent = MultiParty.of({"dialing": "agent_dials_customer"}, ours)
    assert (agent.caller_role, agent.callee_role) == (Role.AGENT, Role.CUSTOMER)
    other = MultiParty.of({"dialing": "agent_dials_customer", "callee_role": "supervisor"}, ours)
    assert (other.caller_role, other.callee_role) == (Role.AGENT, Role.AGENT)


def test_the_node_wins_over_the_configuration() -> None:
    ours = settings().with_(transfers=Transfers(fallback="park", cold_release="on_answer", accept_digit="5", brief="B"))
    inherited = MultiParty.of({}, ours)
    assert (inherited.fallback, inherited.cold_on_answer, inherited.accept_digit) == ("park", True, "5")
    assert inherited.brief == ("speak:en-US:WOMAN:B",)
    own = MultiParty.of({"fallback": "recall", "cold_release": "immediate", "accept_digit": 7}, ours)
    assert (own.fallback, own.cold_on_answer, own.accept_digit) == ("recall", False, "7")
    assert text(14155550100.0) == "14155550100"
