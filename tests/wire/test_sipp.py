"""SIPp calls through the server and is called by it: each mishap by name, judged by both ends and by the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.rig import Server, Story, play

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.usefixtures("sipp")]

CALLER_LEFT = [("inbound", "completed", "phone"), ("outbound", "completed", "peer")]
GAVE_UP = [("inbound", "cancelled", "phone"), ("outbound", "cancelled", "server")]


def test_sipps_own_scenarios_make_the_fourteen_messages_of_a_plain_call(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "uac", "uas")
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound") == [
        "< INVITE", "> 100 INVITE", "> 180 INVITE", "> 200 INVITE", "< ACK", "< BYE", "> 200 BYE",
    ]  # fmt: skip
    assert story.sip("outbound") == [
        "> INVITE", "< 180 INVITE", "< 200 INVITE", "> ACK", "> BYE", "< 200 BYE",
    ]  # fmt: skip


def test_an_invite_seen_again_is_the_same_call(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "invite_retransmitted_caller.xml", "slow_called.xml", options=["-nr"])
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound").count("< INVITE") == 3
    assert story.sip("inbound").count("> 100 INVITE") == 2
    assert story.sip("outbound").count("> INVITE") == 1


def test_a_lost_ack_brings_the_answer_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "ack_lost_caller.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound").count("> 200 INVITE") == 2


def test_an_answer_that_is_never_acknowledged_ends_in_bye(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "never_acknowledged_caller.xml", within_s=45)
    assert story.endings == [("inbound", "timed_out", "phone"), ("outbound", "completed", "peer")]
    assert story.sip("inbound")[-2:] == ["> BYE", "< 200 BYE"]


def test_bye_before_ack(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "bye_before_ack_caller.xml")
    assert story.endings == CALLER_LEFT


def test_cancel_that_crosses_the_answer_changes_nothing(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_crossing_200_caller.xml")
    assert story.endings == CALLER_LEFT
    assert "> 200 CANCEL" in story.sip("inbound")


def test_cancel_while_it_rings(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "ringing_called.xml")
    assert story.endings == GAVE_UP
    assert story.sip("outbound")[-4:] == ["> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "late_200_called.xml")
    assert story.endings == GAVE_UP
    assert story.sip("outbound")[-4:] == ["< 200 INVITE", "> ACK", "> BYE", "< 200 BYE"]


@pytest.mark.parametrize("style", ["sendonly", "inactive", "zero_address"])
def test_hold_by_reinvite(server: Server, tmp_path: Path, style: str) -> None:
    story = play(server, tmp_path, f"hold_{style}_caller.xml")
    assert story.endings == CALLER_LEFT
    assert [body["on"] for body in story.kind("PhoneHeld")] == [True, False]
    assert _music_while_held(story)
    assert story.sip("outbound").count("> INVITE") == 1, "hold is between us and the telephone that holds"


def _music_while_held(story: Story) -> bool:
    """The other side hears music between hold and retrieve."""
    outbound = next(leg for leg, side in story.legs.items() if side == "outbound")
    heard = [
        str(line.body["sources"]) for line in story.lines if line.kind == "HearingChanged" and line.leg == outbound
    ]
    return any("builtin:hold" in sources for sources in heard) and "Voice" in heard[-1]


def test_an_unknown_method_is_refused_and_the_call_goes_on(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "unknown_method_caller.xml")
    assert story.endings == CALLER_LEFT
    assert "> 501 FLY" in story.sip("inbound")


def test_an_invite_without_an_offer(server: Server, tmp_path: Path) -> None:
    assert play(server, tmp_path, "offerless_caller.xml").endings == CALLER_LEFT


def test_folded_lines_and_compact_names(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "folded_and_compact_caller.xml", options=["-key", "fold", " "])
    assert story.endings == CALLER_LEFT
    leg = story.kind("LegCreated")[0]["leg"]
    assert isinstance(leg, dict)
    assert leg["caller_name"] == 'A "folded" caller'


def test_busy_is_relayed(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "refused_caller.xml", "busy_called.xml")
    assert story.endings == [("inbound", "busy", "peer"), ("outbound", "busy", "phone")]


def test_a_302_is_followed(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "redirects_called.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("outbound").count("> INVITE") == 2


def test_of_two_answers_the_second_is_acknowledged_and_ended(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "forked_called.xml")
    assert story.endings == CALLER_LEFT
    sip = story.sip("outbound")
    assert (sip.count("< 200 INVITE"), sip.count("> ACK"), sip.count("> BYE")) == (2, 2, 2)


def test_a_200_seen_again_is_acknowledged_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "repeats_200_called.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("outbound").count("> ACK") >= 2


def test_the_called_side_hangs_up(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "hung_up_on_caller.xml", "hangs_up_called.xml")
    assert story.endings == [("inbound", "completed", "peer"), ("outbound", "completed", "phone")]


def test_the_server_reported_no_error_of_its_own(server: Server) -> None:
    """Collected last: what all the mishaps above brought about."""
    assert "Traceback" not in server.said()
    assert not server.metrics().get('switchhook_sip_messages_by_reason_total{reason="bugs"}', 0.0)
