"""baresip registers, calls, is called, holds; judged by its own events and by the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.rig import BEHIND, SIPP, Server, Sipp, Story, free_port, until
from tests.wire.telephone import BARESIP, MODULES, Telephone

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.skipif(not BARESIP or MODULES is None, reason="baresip is not installed (Debian's baresip-core)"),
]


@pytest.fixture
def phone(server: Server, tmp_path: Path) -> Iterator[Telephone]:
    with Telephone(tmp_path, server.sip, "1001") as registered:
        yield registered


def _received(story: Story) -> list[int]:
    """How many packets of audio came from each leg of the story; those of a call before it may be told late."""
    told = [(line.leg, line.body["received"]) for line in story.lines if line.kind == "MediaStats"]
    return [count for leg, count in told if leg in story.legs and isinstance(count, int)]


def test_it_registers_with_digest_and_unregisters(server: Server, tmp_path: Path) -> None:
    after = server.last_line()
    with Telephone(tmp_path, server.sip, "1001"):
        until(lambda: server.metrics()["switchhook_endpoints_registered"] == 1, 5.0, "the registration is counted")
    until(lambda: server.metrics()["switchhook_endpoints_registered"] == 0, 5.0, "it says goodbye when it is closed")
    changed = [(body["username"], body["on"]) for body in server.story(after).kind("EndpointRegistered")]
    assert changed == [("1001", True), ("1001", False)]


@pytest.mark.skipif(not SIPP, reason="SIPp is not installed")
def test_it_calls_a_number_on_the_trunk(server: Server, tmp_path: Path, phone: Telephone) -> None:
    after, before = server.last_line(), _packets(server)
    with Sipp(tmp_path, "answers_called.xml", server.trunk) as behind:
        phone.order("dial", f"sip:{BEHIND}@wire.local")
        phone.wait("CALL_ESTABLISHED")
        until(lambda: _packets(server) > before + 30, 10.0, "its audio arrives")
        phone.order("hangup")
        behind.finish()
    story = server.story(after)
    assert story.endings == [("inbound", "completed", "phone"), ("outbound", "completed", "peer")]
    assert max(_received(story)) > 10


@pytest.mark.skipif(not SIPP, reason="SIPp is not installed")
def test_it_is_called_by_the_trunk(server: Server, tmp_path: Path, phone: Telephone) -> None:
    after = server.last_line()
    with Sipp(tmp_path, "hung_up_on_caller.xml", free_port(), server.sip, user="1001") as caller:
        phone.wait("CALL_INCOMING")
        phone.order("accept")
        phone.wait("CALL_ESTABLISHED")
        phone.order("hangup")
        caller.finish()
    assert server.story(after).endings == [("inbound", "completed", "peer"), ("outbound", "completed", "phone")]


def test_two_of_them_talk_and_one_holds_the_other(server: Server, tmp_path: Path, phone: Telephone) -> None:
    after, before = server.last_line(), _packets(server)
    with Telephone(tmp_path, server.sip, "1002") as other:
        phone.order("dial", "sip:1002@wire.local")
        other.wait("CALL_INCOMING")
        other.order("accept")
        other.wait("CALL_ESTABLISHED")
        phone.wait("CALL_ESTABLISHED")
        until(lambda: _packets(server) > before + 100, 10.0, "audio flows")
        phone.order("hold")
        until(lambda: bool(_said(server, after, "PhoneHeld")), 5.0, "the hold is a fact")
        phone.order("resume")
        until(lambda: len(_said(server, after, "PhoneHeld")) == 2, 5.0, "and so is its end")
        other.order("hangup")
        phone.wait("CALL_CLOSED")
    story = server.story(after)
    assert [body["on"] for body in story.kind("PhoneHeld")] == [True, False]
    assert story.endings == [("inbound", "completed", "peer"), ("outbound", "completed", "phone")]
    assert min(_received(story)) > 10


def test_a_call_that_is_refused(server: Server, tmp_path: Path, phone: Telephone) -> None:
    after = server.last_line()
    with Telephone(tmp_path, server.sip, "1002") as other:
        phone.order("dial", "sip:1002@wire.local")
        other.wait("CALL_INCOMING")
        other.order("hangup")
        phone.wait("CALL_CLOSED")
    assert [side for side, outcome, _ in server.story(after).endings if outcome in ("busy", "rejected")] == [
        "inbound",
        "outbound",
    ]


def _packets(server: Server) -> float:
    return server.metrics()["switchhook_audio_received"]


def _said(server: Server, after: int, kind: str) -> list[object]:
    return [entry for _, entry in server.since(after) if entry.kind == kind]
