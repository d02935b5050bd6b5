"""The real engine when things go wrong: strangers, changed addresses, killed processes, lost reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from switchhook.core.events import DigitPressed, SoundEnded
from switchhook.core.ids import LegId, SoundId
from switchhook.core.sources import Sound
from switchhook.exchange.ports import Latching
from switchhook.media import rtcp, rtp
from tests.media.phones import Phone
from tests.media.studio import Studio, story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]


def stranger_sends(s: Studio, port: int, count: int, *, host: str = "127.0.0.1", payload: bytes = b"\xff" * 160) -> int:
    """Sends valid RTP from another port; returns how many packets came back to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.setblocking(False)
        for n in range(count):
            packet = rtp.Packet(0, False, n, n * 160, 0xBAD, payload)
            sock.sendto(rtp.build(packet), ("127.0.0.1", port))
        time.sleep(0.06)
        back = 0
        with contextlib.suppress(BlockingIOError):
            while sock.recv(2048):
                back += 1
        return back


@story
async def test_a_stranger_is_counted_never_heard_and_never_answered() -> None:
    async with studio() as s:
        a, b = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.4)
        b.forget()
        assert a.target is not None
        assert stranger_sends(s, a.target.port, 30) == 0
        assert stranger_sends(s, a.target.port, 30, host="127.0.0.2") == 0
        await asyncio.sleep(0.3)
        assert b.breaks() == []
        assert b.level(600, 0.3) > 7_000
        await s.counted(strangers=60)
        s.engine.close(a.leg)
        stats = await s.until(lambda: s.stats.get(a.leg))
        assert stats.strangers == 60
        assert stats.stranger.startswith("127.0.0.")
        assert stats.stranger.endswith(" and others")
        assert stats.lost == 0


@story
async def test_before_the_sdp_is_known_nobody_is_accepted() -> None:
    async with studio() as s:
        address = s.engine.open(LegId("a"))
        b = s.phone("b", 0)
        s.hear(b="a")
        await s.until(lambda: b.heard)
        assert stranger_sends(s, address.port, 10) == 0
        await s.counted(strangers=10)
        s.engine.close(LegId("a"))
        stats = await s.until(lambda: s.stats.get(LegId("a")))
        assert (stats.received, stats.strangers) == (0, 10)
        assert stats.stranger.startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("latching", "signalling", "accepted"),
    [
        (Latching.STRICT, "127.0.0.2", False),
        (Latching.SIGNALLING, "127.0.0.2", True),
        (Latching.SIGNALLING, "127.0.0.3", False),
        (Latching.ANY, "127.0.0.3", True),
    ],
)
def test_behind_a_nat_the_rule_decides(latching: Latching, signalling: str, accepted: bool) -> None:
    @story
    async def run() -> None:
        async with studio() as s:
            private = {"remote_host": "192.0.2.9", "signalling_host": signalling, "latching": latching}
            s.phone("a", 0, talks=False, session=private)
            b = s.phone("b", 0, talks=False)
            s.hear(a="b", b="a")
            await s.until(lambda: len(b.heard) > 5)
            port = s.phones[0].target
            assert port is not None
            await asyncio.to_thread(stranger_sends, s, port.port, 20, host="127.0.0.2")
            await s.counted(received=19 if accepted else 0, strangers=1 if accepted else 20)
            s.engine.close(LegId("a"))
            stats = await s.until(lambda: s.stats.get(LegId("a")))
            assert (stats.received, stats.strangers) == ((19, 1) if accepted else (0, 20))

    run()


@story
async def test_a_nat_that_moved_the_port_is_followed_after_a_silence() -> None:
    async with studio() as s:
        a, b = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        moved = Phone(LegId("moved"))
        s.phones.append(moved)
        await a.stop()
        s.phones.remove(a)
        await asyncio.sleep(0.5)
        moved.target, moved.seq, moved.ts, moved.ssrc, moved.hz = a.target, a.seq, a.ts + 4000, a.ssrc, 600
        assert moved.target is not None
        moved.talk(moved.target)
        await asyncio.sleep(0.6)
        assert b.level(600, 0.3) > 7_000
        assert b.breaks() == []
        assert moved.level(900, 0.3) > 7_000


@story
async def test_nonsense_on_the_port_changes_nothing() -> None:
    async with studio() as s:
        a, b = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        assert a.target is not None
        to = (a.target.host, a.target.port)
        good = rtp.build(rtp.Packet(0, False, a.seq, a.ts, a.ssrc, b""))
        a.seq = a.seq + 1 & 0xFFFF
        stun, dtls = b"\x00\x01\x00\x00" + bytes(16), b"\x16\xfe\xfd" + bytes(60)
        cut_list, cut_padding = bytes((0xBF,)) + good[1:], bytes((0xA0,)) + good[1:] + b"\xff"
        huge = rtp.build(rtp.Packet(77, True, 9, 0, 5, bytes(1400)))
        cut = (b"", b"\x80", bytes(1400), b"\x80" + bytes(1400))
        for nonsense in (*cut, stun, dtls, cut_list, cut_padding, good, huge):
            a.sock.sendto(nonsense, to)
            a.rtcp.sendto(nonsense, (to[0], to[1] + 1))
        await asyncio.sleep(0.5)
        assert b.level(600, 0.3) > 7_000
        assert s.restarted == []
        assert b.breaks() == []


@story
async def test_padding_extensions_and_a_new_ssrc_are_heard() -> None:
    async with studio() as s:
        a, b = s.phone("a", 0, talks=False), s.phone("b", 900)
        s.hear(a="b", b="a")
        await s.until(lambda: len(b.heard) > 3)
        assert a.target is not None
        for n in range(40):
            a.ssrc = 0x1111 if n < 20 else 0x2222
            packet = bytearray(rtp.build(rtp.Packet(0, False, a.seq, a.ts, a.ssrc, b"\x20" * 160)))
            if n % 3 == 1:
                packet[0] |= 0x20
                packet += b"\0\0\0\x04"
            elif n % 3 == 2:
                packet[0] |= 0x11
                packet[12:12] = bytes(4) + b"\xbe\xde\x00\x01" + bytes(4)
            a.sock.sendto(bytes(packet), (a.target.host, a.target.port))
            a.seq, a.ts = a.seq + 1 & 0xFFFF, a.ts + 160 & 0xFFFFFFFF
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)
        assert b.breaks() == []
        assert sum(h.packet.payload == b"\x20" * 160 for h in b.heard) == 40


@story
async def test_a_killed_pump_is_back_with_the_same_streams() -> None:
    async with studio() as s:
        a, b, c = s.phone("a", 600), s.phone("b", 900), s.phone("c", 1500)
        d, e = s.phone("d", 0), s.phone("e", 0)
        s.hear(a="b", b="a", c="a b", d=[Sound(SoundId("m"), ("builtin:hold",), 0)], e=[])
        await asyncio.sleep(0.6)
        for phone in s.phones:
            phone.forget()
        for _ in range(2):
            os.kill(s.child("pump"), signal.SIGKILL)
            await asyncio.sleep(0.6)
        await s.until(lambda: len(s.restarted) == 2)
        assert s.restarted == ["pump", "pump"]
        for phone in s.phones:
            assert max(phone.gaps()) < 0.25 + s.excuse_s
            assert len({h.packet.ssrc for h in phone.heard}) == 1
            assert phone.worst_clock() < 200 + 1000 * s.excuse_s
        for phone in (c, d, e):
            assert phone.breaks() == []
        assert len(a.breaks()) <= 2  # a packet may be lost, nothing else
        assert all(x.startswith("seq") for x in a.breaks() + b.breaks())
        assert a.level(900, 0.3) > 7_000
        assert c.level(900, 0.3) > 7_000
        s.hear(a=[Sound(SoundId("t"), ("tone:2000:100",))])
        await s.until(lambda: s.came(SoundEnded))


@story
async def test_a_killed_workshop_is_replaced_and_sounds_play() -> None:
    async with studio() as s:
        a = s.phone("a", 0)
        s.hear(a=[Sound(SoundId("1"), ("tone:1000:200",))])
        await s.until(lambda: s.came(SoundEnded))
        os.kill(s.child("workshop"), signal.SIGKILL)
        s.hear(a=[Sound(SoundId("2"), ("tone:1300:300", "tone:1000:200"))])
        await s.until(lambda: len(s.came(SoundEnded)) == 2)
        assert a.level(1300, 0.6) > 2_000
        assert s.restarted == ["workshop"]


@story
async def test_a_killed_keeper_is_replaced_on_the_same_ports() -> None:
    async with studio() as s:
        a, _ = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        os.kill(s.engine.pids["keeper"], signal.SIGKILL)
        await s.until(lambda: s.restarted == ["keeper"])
        a.forget()
        await s.until(lambda: len(a.heard) > 50)
        assert a.level(900, 0.3) > 7_000


@story
async def test_a_closed_leg_is_heard_by_nobody_and_its_port_goes_to_another() -> None:
    async with studio(max_legs=2) as s:
        a, b = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.3)
        s.engine.close(a.leg)
        await s.until(lambda: a.leg in s.stats)
        assert any(rtcp.parse(report).gone for report in a.reports[-1:])  # type: ignore[union-attr]
        b.forget()
        new = s.phone("new", 1500)
        await asyncio.sleep(0.5)
        assert b.audio(0.3).std() < 40
        s.hear(new="b")
        await asyncio.sleep(0.4)
        assert new.level(900, 0.2) > 7_000
        assert b.level(1500, 0.3) < 60


@story
async def test_reports_say_what_was_sent_and_lost() -> None:
    async with studio() as s:
        a, _ = s.phone("a", 600), s.phone("b", 900)
        s.hear(a="b", b="a")
        await asyncio.sleep(0.4)
        assert a.target is not None
        a.seq, sent = a.seq + 5 & 0xFFFF, a.sent
        await s.until(lambda: a.sent > sent)  # so that the loss is there before our report is
        ours = rtcp.Report(a.ssrc, (), rtcp.ntp(time.time()), a.ts, a.sent, a.sent * 160)
        a.rtcp.sendto(rtcp.build(ours, "a@example"), (a.target.host, a.target.port + 1))
        asked = rtcp.middle(ours.ntp or 0)

        def answers() -> list[rtcp.Report]:
            found = [each for packet in a.reports if (c := rtcp.parse(packet)) for each in c.reports]
            return [each for each in found if [block for block in each.blocks if block.last_sr == asked]]

        (report, *_) = await s.until(answers)
        assert report.ntp is not None
        assert abs(report.ntp / 2**32 - rtcp.NTP_1970 - time.time()) < 9
        assert report.ssrc == a.heard[-1].packet.ssrc
        assert report.octets == report.packets * 160
        at_report = a.heard[0].packet.ts + (report.ntp / 2**32 - rtcp.NTP_1970 - time.time()) * 8000
        assert abs((report.rtp_ts - at_report) - 0) < 8000 * 9
        block = report.blocks[0]
        assert (block.ssrc, block.lost) == (a.ssrc, 5)
        # A receiver report of the telephone, answering ours: loss, jitter and the round trip come to the leg's record.
        stamp = rtcp.middle(report.ntp)
        back = rtcp.Report(a.ssrc, (rtcp.Block(report.ssrc, 10, 7, a.heard[-1].packet.seq, 80, stamp, 0),))
        a.rtcp.sendto(rtcp.build(back, "a@example"), (a.target.host, a.target.port + 1))
        a.press(5)
        await s.until(lambda: s.came(DigitPressed))  # so the report, which it was sent behind, is read, too
        s.engine.close(a.leg)
        stats = await s.until(lambda: s.stats.get(a.leg))
        assert (stats.lost, stats.remote_lost, stats.remote_jitter_ms) == (5, 7, 10.0)
        assert stats.round_trip_ms is not None
        assert 0 < stats.round_trip_ms < 9_000
        assert any(rtcp.parse(p).names for p in a.reports)  # type: ignore[union-attr]


def test_nothing_is_left_when_the_server_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio\n"
        "from switchhook.media.control import MediaEngine\n"
        "from switchhook.media.settings import MediaSettings\n"
        "async def main():\n"
        "    settings = MediaSettings(ports=(41000, 43998), max_legs=4, linger_s=0.3)\n"
        "    engine = await MediaEngine.start(settings, emit=print)\n"
        "    print(engine.pids['keeper'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        keeper = int(server.stdout.readline())
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        assert len(children) == 2
        server.kill()
    end = time.monotonic() + 5
    left = [keeper, *map(int, children)]
    while left := [pid for pid in left if _alive(pid)]:
        assert time.monotonic() < end, f"still there: {left}"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
