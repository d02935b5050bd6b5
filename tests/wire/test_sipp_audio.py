"""SIPp speaks and presses keys with recordings of telephones that are not ours, and a port behind the trunk listens.

In the recordings that come with SIPp, audio has frames of 30 ms, the keys have an SSRC, numbers and a clock of their
own, and the audio begins anew after them with the same SSRC: all that one stream has to be made of.
"""

from __future__ import annotations

import os
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from switchhook.media import rtp
from tests.wire.rig import Server, free_block, play

RECORDINGS = Path("/usr/share/sip-tester")
CALLER, CALLED = "speaks_and_presses_caller.xml", "hears_called.xml"
AUDIO, EVENT = 8, 101

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.usefixtures("sipp"),
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="SIPp's recordings are not there (Debian's sip-tester)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="SIPp plays recordings with a raw socket, which needs root"),
]


def heard_at(ear: socket.socket) -> list[rtp.Packet]:
    """Returns what the kernel has kept for a port."""
    found = []
    while True:
        try:
            received = ear.recv(2048)
        except BlockingIOError:
            return found
        packet = rtp.parse(received)
        if packet is not None and not rtp.looks_like_rtcp(received):
            found.append(packet)


def test_recordings_of_audio_and_keys_come_out_as_one_stream_with_each_key_once(server: Server, tmp_path: Path) -> None:
    for name in ("g711a", "dtmf_2833_1", "dtmf_2833_2", "dtmf_2833_pound"):
        (tmp_path / f"{name}.pcap").symlink_to(RECORDINGS / f"{name}.pcap")
    ports = free_block()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        ear.bind(("127.0.0.1", ports[0]))
        ear.setblocking(False)
        story = play(
            server, tmp_path, CALLER, CALLED, within_s=20.0,
            options=["-mp", str(ports[4])],
            called_options=["-key", "ear", str(ports[0])],
        )  # fmt: skip
        packets = heard_at(ear)
    assert [body["digit"] for body in story.kind("DigitHeard")] == ["1", "2", "#"]
    assert len({packet.ssrc for packet in packets}) == 1
    assert {(b.seq - a.seq) & 0xFFFF for a, b in pairwise(packets)} == {1}
    assert all((b.ts - a.ts) & 0xFFFFFFFF < 1 << 31 for a, b in pairwise(packets))
    events = [packet for packet in packets if packet.payload_type == EVENT]
    assert [code for _, code in dict.fromkeys((packet.ts, packet.payload[0]) for packet in events)] == [1, 2, 11]
    recorded = [packet for packet in packets if packet.payload_type == AUDIO and len(packet.payload) == 240]
    assert len(recorded) >= 70  # 2.5 s of 30 ms, less the ends
    (stats,) = [body for body in story.kind("MediaStats") if body["received"]]
    assert (stats["lost"], stats["strangers"]) == (0, 0)  # what is played twice has the same numbers twice
