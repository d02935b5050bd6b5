"""SIPp calls with headers so long that the INVITE to the trunk fits into no datagram (RFC 3261 18.1.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.rig import Server, play

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.usefixtures("sipp")]

ENDINGS = [("inbound", "completed", "phone"), ("outbound", "completed", "peer")]
CALL = ["> INVITE", "< 180 INVITE", "< 200 INVITE", "> ACK", "> BYE", "< 200 BYE"]


def _ways(peers: list[str]) -> list[str]:
    return [peer.partition(":")[0] for peer in peers]


def test_a_trunk_with_tcp_gets_a_long_headed_call_over_tcp(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "long_headed_caller.xml", called_options=["-t", "t1"])
    assert story.endings == ENDINGS
    assert story.ends["answers_called.xml"] == story.sip("outbound") == CALL
    assert _ways(story.peers("outbound")) == ["tcp"] * len(CALL)
    assert (story.counted["large_by_tcp"], story.counted["without_tcp"]) == (1, 0)


def test_a_trunk_without_tcp_gets_it_in_fragments(server: Server, tmp_path: Path) -> None:
    story = play(server, tmp_path, "long_headed_caller.xml")
    assert story.endings == ENDINGS
    assert story.ends["answers_called.xml"] == CALL
    assert story.sip("outbound") == ["> INVITE", *CALL]  # the first one found no connection
    assert _ways(story.peers("outbound")) == ["tcp"] + ["udp"] * len(CALL)
    assert (story.counted["large_by_tcp"], story.counted["without_tcp"]) == (1, 1)
    assert "the large INVITE goes by UDP, in fragments" in story.told
