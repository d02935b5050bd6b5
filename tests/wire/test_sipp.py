"""SIPp calls through the server and is called by it: each mishap by name, judged by both ends and by the journal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.wire.rig import MAX_LEGS, Server, Sipp, Story, free_port, play, until

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.usefixtures("sipp")]

CALLER_LEFT = [("inbound", "completed", "phone"), ("outbound", "completed", "peer")]
CALLED_LEFT = [("inbound", "completed", "peer"), ("outbound", "completed", "phone")]
GAVE_UP = [("inbound", "cancelled", "phone"), ("outbound", "cancelled", "server")]


@pytest.fixture(scope="module")
def slow_calls(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Story]]]:
    """Calls that last half a minute, because they wait for 64*T1; they run while the others are played."""
    plans = {
        "never acknowledged": ("never_acknowledged_caller.xml", "answers_called.xml"),
        "vanished": ("vanishes_caller.xml", "hangs_up_later_called.xml"),
    }
    with ThreadPoolExecutor() as pool:
        yield {
            name: pool.submit(play, server, tmp_path_factory.mktemp("slow"), *plan, within_s=45)
            for name, plan in plans.items()
        }


@pytest.mark.usefixtures("slow_calls")
def test_sipps_own_scenarios_make_the_fourteen_messages_of_a_plain_call(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "uac", "uas")
    assert {end: set(seen) for end, seen in story.ends.items()} == {
        "uac": set(story.sip("inbound")), "uas": set(story.sip("outbound"))
    }  # fmt: skip
    assert story.endings == CALLER_LEFT
    assert story.once("inbound") == [
        "< INVITE", "> 100 INVITE", "> 180 INVITE", "> 200 INVITE", "< ACK", "< BYE", "> 200 BYE",
    ]  # fmt: skip
    assert story.once("outbound") == [
        "> INVITE", "< 180 INVITE", "< 200 INVITE", "> ACK", "> BYE", "< 200 BYE",
    ]  # fmt: skip


def test_an_invite_seen_again_is_the_same_call(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "invite_retransmitted_caller.xml", "slow_called.xml", options=["-nr"])
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound").count("< INVITE") == 3
    assert story.sip("inbound").count("> 100 INVITE") == 2
    assert story.once("outbound").count("> INVITE") == 1
    assert story.counted["retransmissions_received"] == 2
    assert "the telephone's INVITE came again: no answer had reached it" in story.told


def test_a_200_is_lost_and_the_invite_comes_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "200_lost_caller.xml", options=["-nr"])
    assert story.endings == CALLER_LEFT
    sip = story.sip("inbound")
    assert (sip.count("< INVITE"), sip.count("< ACK")) == (2, 1)
    assert sip.count("> 200 INVITE") >= 2
    assert story.once("outbound").count("> INVITE") == 1
    assert story.counted["retransmissions_received"] == 1
    assert "the telephone's INVITE came again: no answer had reached it" in story.told
    assert "an ACK came late: our answer had been sent again" in story.told


def test_the_200_of_a_bye_is_lost(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "200_of_bye_lost_caller.xml", options=["-nr"])
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound")[-4:] == ["< BYE", "> 200 BYE"] * 2
    assert story.counted["retransmissions_received"] == 1
    assert "the telephone's BYE came again: no answer had reached it" in story.told
    assert not story.counted["unknown_dialog"]


def test_a_lost_ack_brings_the_answer_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "ack_lost_caller.xml", options=["-nr"])
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound").count("> 200 INVITE") >= 2
    assert story.counted["late_acks"] == 1
    assert "an ACK came late: our answer had been sent again" in story.told


def test_bye_before_ack(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "bye_before_ack_caller.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound")[-2:] == ["< BYE", "> 200 BYE"]
    assert story.counted["early_byes"] == 1
    assert "hung up before it had acknowledged our answer" in story.told


def test_an_ack_behind_the_bye_changes_nothing(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "late_ack_caller.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound")[-3:] == ["< BYE", "> 200 BYE", "< ACK"]
    assert story.counted["stray_ack"] == 1
    assert "an ACK came for which there is no answer any more" in story.told


def test_bye_crossing_bye(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "bye_crossing_bye_called.xml")
    assert story.endings == CALLER_LEFT
    assert sorted(story.once("outbound")[-4:]) == ["< 200 BYE", "< BYE", "> 200 BYE", "> BYE"]
    assert story.counted["crossed_byes"] == 1
    assert "both ends hung up at once" in story.told


def test_bye_of_the_caller_crossing_ours(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "bye_crossing_bye_caller.xml", "hangs_up_called.xml")
    assert story.endings == CALLED_LEFT
    assert sorted(story.once("inbound")[-4:]) == ["< 200 BYE", "< BYE", "> 200 BYE", "> BYE"]
    assert story.counted["crossed_byes"] == 1
    assert "both ends hung up at once" in story.told


def test_bye_of_the_called_side_before_our_ack(server: Server, tmp_path: Path) -> None:
    heedless = ["-default_behaviors", "all,-abortunexp"]  # an ACK that comes before its BYE has left is overlooked
    story = play(server, tmp_path, "hung_up_on_caller.xml", "bye_before_ack_called.xml", called_options=heedless)
    assert story.endings == CALLED_LEFT
    assert story.once("outbound")[-4:] == ["< 200 INVITE", "> ACK", "< BYE", "> 200 BYE"]
    assert story.once("inbound")[-4:] == ["> 200 INVITE", "< ACK", "> BYE", "< 200 BYE"]


def test_reinvite_crossing_reinvite_of_two_telephones(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "reinvite_crossing_reinvite_caller.xml", "reinvite_crossing_reinvite_called.xml")
    assert story.endings == CALLER_LEFT
    assert sorted(story.legs[str(body["leg"])] for body in story.kind("PhoneHeld") if body["on"]) == [
        "inbound",
        "outbound",
    ]
    assert story.once("outbound").count("> INVITE") == 1
    assert story.counted["holds"] == 2
    assert not story.counted["glare"]


def test_an_offer_that_crosses_ours_in_a_200_gets_491_and_comes_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "reinvite_crossing_offer_in_200_caller.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("inbound").count("> 491 INVITE") == 1
    assert [body["on"] for body in story.kind("PhoneHeld")] == [True]
    assert story.counted["glare"] == 1
    assert "two re-INVITEs met: the telephone's was refused with 491" in story.told


def test_cancel_that_crosses_the_answer_changes_nothing(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_crossing_200_caller.xml")
    assert story.endings == CALLER_LEFT
    assert "> 200 CANCEL" in story.sip("inbound")
    assert "> 487 INVITE" not in story.sip("inbound")
    assert story.counted["late_cancels"] == 1
    assert "a CANCEL came after our final answer and changed nothing" in story.told


def test_cancel_crossing_486(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_crossing_486_caller.xml", "busy_called.xml")
    assert story.endings == [("inbound", "busy", "peer"), ("outbound", "busy", "phone")]
    assert story.once("inbound")[-4:] == ["> 486 INVITE", "< CANCEL", "> 200 CANCEL", "< ACK"]
    assert story.counted["late_cancels"] == 1


def test_486_crossing_our_cancel(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "486_crossing_cancel_called.xml")
    assert story.endings == GAVE_UP
    assert sorted(story.once("outbound")[-4:]) == ["< 200 CANCEL", "< 486 INVITE", "> ACK", "> CANCEL"]


def test_cancel_while_it_rings(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "ringing_called.xml")
    assert story.endings == GAVE_UP
    assert story.once("outbound")[-4:] == ["> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "late_200_called.xml")
    assert story.endings == GAVE_UP
    assert story.once("outbound")[-4:] == ["< 200 INVITE", "> ACK", "> BYE", "< 200 BYE"]
    assert story.counted["late_answers"] == 1
    assert "it answered when we had given up: acknowledged and hung up" in story.told


def test_our_cancel_crossing_200_finds_no_invite_any_more(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "cancel_while_ringing_caller.xml", "cancel_crossing_200_called.xml")
    assert story.endings == GAVE_UP
    assert sorted(story.once("outbound")[-6:]) == [
        "< 200 BYE", "< 200 INVITE", "< 481 CANCEL", "> ACK", "> BYE", "> CANCEL",
    ]  # fmt: skip
    assert story.once("inbound")[-2:] == ["> 487 INVITE", "< ACK"]
    assert story.counted["late_answers"] == 1
    assert "it answered when we had given up: acknowledged and hung up" in story.told


def test_183_then_silence(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "rings_in_vain_caller.xml", "183_then_silence_called.xml")
    assert story.endings == [("inbound", "no_answer", "peer"), ("outbound", "no_answer", "server")]
    assert story.once("outbound") == ["> INVITE", "< 183 INVITE", "> CANCEL"]
    assert story.once("inbound")[-2:] == ["> 480 INVITE", "< ACK"]
    assert "rings with early audio" in story.told
    assert "was not reached: no answer (ring time over)" in story.told
    assert not story.counted["stray_ack"]


def test_a_telephone_changes_its_address_in_a_call(server: Server, tmp_path: Path) -> None:
    place, sound = free_port(), free_port()
    with Sipp(tmp_path, "moved_called.xml", place) as moved:
        story = play(
            server, tmp_path, "talks_on_caller.xml", "moves_called.xml",
            called_options=["-key", "place", f"127.0.0.1:{place}", "-key", "sound", str(sound)],
        )  # fmt: skip
        moved.finish()
    assert story.endings == CALLER_LEFT
    assert list(dict.fromkeys(moved.messages())) == ["> BYE", "< 200 BYE"]
    assert story.peers("outbound")[-2:] == [f"udp:127.0.0.1:{place}"] * 2
    assert story.counted["moved"] == 1
    assert f"the telephone has moved to sip:moved@127.0.0.1:{place}" in story.told


def test_a_nat_gives_a_telephone_another_port_in_a_call(server: Server, tmp_path: Path) -> None:
    number, counted, call_id = server.lane(), server.reasons(), "nat-1@10.9.9.9"
    before, now = free_port(), free_port()
    with Sipp(tmp_path, "answers_called.xml", server.lanes[number]) as behind:
        with Sipp(tmp_path, "behind_nat_caller.xml", before, server.sip, "-cid_str", call_id, user=number) as caller:
            caller.finish()
        tags = caller.tags()
        keys = ["-cid_str", call_id, "-key", "caller_tag", tags[0], "-key", "called_tag", tags[1]]
        with Sipp(tmp_path, "nat_rebound_caller.xml", now, server.sip, *keys, user=number) as rebound:
            until(lambda: server.so_far(number).sip("inbound").count("< ACK") >= 2, 10.0, "it holds the call")
            server.hang_up(next(iter(server.so_far(number).legs)))
            rebound.finish()
        behind.finish()
    story = server.story_of(number)
    assert story.endings == [("inbound", "completed", "api"), ("outbound", "completed", "peer")]
    assert list(dict.fromkeys(rebound.messages())) == ["< INVITE", "> 200 INVITE", "< ACK", "> BYE", "< 200 BYE"]
    assert [body["on"] for body in story.kind("PhoneHeld")] == [True]
    assert story.peers("inbound")[-1] == f"udp:127.0.0.1:{now}"
    assert (server.reasons() - counted)["moved"] == 1
    assert f"the telephone has moved to udp:127.0.0.1:{now}" in story.told


def test_nobody_listens_at_the_called_port(server: Server, tmp_path: Path) -> None:
    number, counted = server.lane(), server.reasons()
    with Sipp(tmp_path, "rings_in_vain_caller.xml", free_port(), server.sip, user=number) as caller:
        caller.finish()
    story = server.story_of(number)
    assert story.endings == [("inbound", "no_answer", "peer"), ("outbound", "no_answer", "server")]
    assert caller.messages()[-2:] == ["> 480 INVITE", "< ACK"]
    assert set(story.sip("outbound")) == {"> INVITE"}, "CANCEL waits for a provisional response"
    assert (server.reasons() - counted)["retransmissions_sent"] >= 3
    assert "nothing has come back to our INVITE" in story.told


def test_a_connection_closes_in_the_middle_of_a_call(server: Server, tmp_path: Path) -> None:
    number, counted = server.lane(), server.reasons()
    with Sipp(tmp_path, "answers_called.xml", server.lanes[number]) as behind:
        with Sipp(tmp_path, "vanishes_caller.xml", free_port(), server.sip_tcp, "-t", "t1", user=number) as caller:
            caller.finish()
        closed = "the telephone's connection closed"
        until(lambda: closed in server.so_far(number).told, 10.0, "its closed connection is told")
        server.hang_up(next(iter(server.so_far(number).legs)))
        behind.finish()
    story = server.story_of(number)
    assert story.endings == [("inbound", "completed", "api"), ("outbound", "completed", "peer")]
    assert caller.messages()[-1] == "< ACK"
    assert story.once("inbound")[-2:] == ["< ACK", "> BYE"]
    assert list(dict.fromkeys(behind.messages()))[-2:] == ["> BYE", "< 200 BYE"]
    assert (server.reasons() - counted)["lost_connections"] == 1


def test_a_stranger_who_knows_the_call_id_cannot_end_a_call(server: Server, tmp_path: Path) -> None:
    call_id, before = "known-1@127.0.0.1", server.last_line()
    with ThreadPoolExecutor() as pool:
        talk = pool.submit(play, server, tmp_path, "talks_on_caller.xml", options=["-cid_str", call_id])
        until(
            lambda: server.metrics()["switchhook_calls_live"] and "ACK" in str(server.since(before)), 5.0, "they talk"
        )
        with Sipp(tmp_path, "stranger_caller.xml", free_port(), server.sip, "-cid_str", call_id) as stranger:
            stranger.finish()
        story = talk.result()
    assert story.endings == CALLER_LEFT
    assert stranger.messages() == ["< BYE", "> 481 BYE", "< CANCEL", "> 481 CANCEL"]
    assert story.counted["unknown_dialog"] == 1
    assert story.counted["stray_cancel"] == 1
    assert "a BYE came for no call of ours (481)" in story.told
    assert "a CANCEL came for no call of ours (481)" in story.told


@pytest.mark.parametrize("style", ["sendonly", "inactive", "zero_address"])
def test_hold_by_reinvite(server: Server, tmp_path: Path, style: str) -> None:
    story = play(server, tmp_path, f"hold_{style}_caller.xml")
    assert story.endings == CALLER_LEFT
    assert [body["on"] for body in story.kind("PhoneHeld")] == [True, False]
    assert _music_while_held(story)
    assert story.counted["holds"] == 1
    assert "pressed hold on the telephone" in story.told
    assert story.once("outbound").count("> INVITE") == 1, "hold is between us and the telephone that holds"


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
    assert story.counted["unknown_method"] == 2
    assert "the telephone asked for FLY, which was refused" in story.told


def test_an_invite_without_an_offer(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "offerless_caller.xml")
    assert story.endings == CALLER_LEFT
    assert "Voice" in story.heard("inbound")
    assert "Voice" in story.heard("outbound")
    assert story.counted["offerless"] == 1
    assert "an INVITE came without an offer: ours is in the answer" in story.told


def test_folded_lines_and_compact_names(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "folded_and_compact_caller.xml", options=["-key", "fold", " "])
    assert story.endings == CALLER_LEFT
    leg = story.kind("LegCreated")[0]["leg"]
    assert isinstance(leg, dict)
    assert leg["caller_name"] == 'A "folded" caller'


def test_busy_is_relayed(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "refused_caller.xml", "busy_called.xml")
    assert story.endings == [("inbound", "busy", "peer"), ("outbound", "busy", "phone")]
    assert story.once("inbound")[-2:] == ["> 486 INVITE", "< ACK"]
    assert not story.counted["stray_ack"]
    assert "was not reached: busy (SIP 486, Busy Here)" in story.told


def test_a_telephone_that_hangs_up_before_it_answers_is_cancelled(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "declined_caller.xml", "hangs_up_before_it_answers_called.xml")
    assert story.endings == [("inbound", "rejected", "peer"), ("outbound", "rejected", "phone")]
    assert story.once("outbound")[2:] == [
        "< BYE", "> 200 BYE", "> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK",
    ]  # fmt: skip
    assert "the telephone hung up before it had answered: its INVITE is cancelled" in story.told


def test_a_302_is_followed(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "redirects_called.xml")
    assert story.endings == CALLER_LEFT
    assert story.once("outbound").count("> INVITE") == 2
    assert story.counted["redirections"] == 1
    assert "redirected to sip:elsewhere@" in story.told


def test_of_two_answers_the_second_is_acknowledged_and_ended(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "forked_called.xml")
    assert story.endings == CALLER_LEFT
    sip = story.sip("outbound")
    assert min(sip.count("< 200 INVITE"), sip.count("> ACK"), sip.count("> BYE")) == 2
    assert story.counted["extra_answers"] == 1
    assert "a second telephone answered as well: acknowledged and hung up" in story.told


def test_a_200_seen_again_is_acknowledged_again(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "plain_caller.xml", "repeats_200_called.xml")
    assert story.endings == CALLER_LEFT
    assert story.sip("outbound").count("> ACK") == 2
    assert story.counted["repeated_answers"] == 1
    assert "an answer came again, as if our ACK had been lost: acknowledged again" in story.told


def test_the_called_side_hangs_up(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "hung_up_on_caller.xml", "hangs_up_called.xml")
    assert story.endings == CALLED_LEFT


def test_too_many_unanswered_calls_are_refused_with_503_and_that_is_told(server: Server, tmp_path: Path) -> None:
    number, after, before = server.lane(), server.last_line(), server.metrics()
    many = ["-m", "30", "-r", "200"]
    with Sipp(tmp_path, "ringing_called.xml", server.lanes[number], 0, "-m", "1000") as behind:
        with Sipp(tmp_path, "half_open_or_503_caller.xml", free_port(), server.sip, *many, user=number) as callers:
            callers.finish()
        story = server.story_of(number)
        assert behind.messages().count("> CANCEL") == len(story.legs) / 2
    served = [ending for ending in story.endings if ending == GAVE_UP[0]]
    refused = callers.messages().count("> 503 INVITE")
    assert refused >= 30 - MAX_LEGS / 2
    assert len(served) + refused == 30
    counts = Counter(server.metrics())
    counts.subtract({name: count for name, count in before.items() if name.startswith("switchhook_sip_refused")})
    assert sum(count for name, count in counts.items() if name.startswith("switchhook_sip_refused")) == refused
    until(lambda: not server.metrics()["switchhook_sip_overload"], 5.0, "the overload is over")
    until(lambda: sum(_refused(server, after)) == refused, 5.0, "its end is written")
    assert _overloads(server, after)[0].startswith("new calls are refused: ")


def _overloads(server: Server, after: int) -> list[str]:
    lines = [entry for _, entry in server.since(after) if entry.kind == "Warning"]
    return [str(entry.body["text"]) for entry in lines if "overload" in entry.body]


def _refused(server: Server, after: int) -> list[int]:
    """How many calls each overload that is over had refused; there may be one by legs and one by unanswered calls."""
    found = (re.match(r"new calls are taken again; (\d+) were refused", text) for text in _overloads(server, after))
    return [int(match[1]) for match in found if match]


def test_an_answer_that_is_never_acknowledged_ends_in_bye(slow_calls: dict[str, Future[Story]]) -> None:
    story = slow_calls["never acknowledged"].result()
    assert story.endings == [("inbound", "timed_out", "phone"), ("outbound", "completed", "peer")]
    assert story.once("inbound")[-2:] == ["> BYE", "< 200 BYE"]
    assert 9 <= story.sip("inbound").count("> 200 INVITE") <= 11, "11 in the RFC, if no tick comes late"
    assert story.counted["never_acknowledged"] == 1
    assert "the answer was never acknowledged" in story.told


def test_a_telephone_that_is_gone_does_not_answer_to_bye(server: Server, slow_calls: dict[str, Future[Story]]) -> None:
    story = slow_calls["vanished"].result()
    assert story.endings == CALLED_LEFT
    assert story.ends["vanishes_caller.xml"][-1] == "< ACK"
    leg = next(leg for leg, side in story.legs.items() if side == "inbound")

    def later() -> Story:
        return Story([entry for _, entry in server.since(0) if entry.leg == leg])

    until(lambda: bool(later().kind("SipNote")), 35.0, "64*T1 after the BYE")
    assert "the telephone does not answer to our BYE" in later().told
    assert server.reasons()["timeouts"] >= 1


def test_the_server_reported_no_error_of_its_own(server: Server) -> None:
    """Collected last: what all the mishaps above brought about."""
    assert "Traceback" not in server.said()
    assert not server.metrics().get('switchhook_sip_messages_by_reason_total{reason="bugs"}', 0.0)
