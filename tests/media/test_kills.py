"""The pump killed while legs are in every state there is: what each listener misses. And every other process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from switchhook.core.events import RecordingEnded
from switchhook.core.ids import LegId, RecordingId, SoundId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, MediaAddress, Recording
from tests.media.phones import Phone
from tests.media.studio import PORTS, story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]


@story
async def test_a_kill_in_any_state_costs_no_stream_and_at_most_a_hundred_ms(tmp_path: Path) -> None:
    """Relayed, transcoded, mixed, music, voice with music, a prompt, noise, ringing without SDP, keys, a recording.

    The gap is taken from timestamps: it is the audio that was left out, by a pump that had a core when it wanted one.
    """
    async with studio() as s:
        for name, hz in (("a", 600), ("b", 900), ("c", 1_500)):
            s.phone(name, hz)
        s.phone("law", 700, codec=Codec.PCMA)
        for name in ("music", "both", "prompt", "noise", "keys"):
            s.phone(name, 0)
        s.engine.open(LegId("early"))
        hold = Sound(SoundId("m"), ("builtin:hold",), 0)
        prompt = Sound(SoundId("p"), ("tone:1000:9000",))
        s.hear(a="b", b="a", c="a b", law="a", noise=[], keys="c", early=[hold])
        s.hear(music=[hold], prompt=[prompt], both=[Voice(LegId("a")), Sound(SoundId("n"), ("builtin:hold",), 0)])
        path = tmp_path / "r.wav"
        s.engine.record(Recording(RecordingId("r"), str(path), (LegId("a"),), (LegId("b"),)))
        await s.until(lambda: all(len(phone.heard) > 20 for phone in s.phones))
        for phone in s.phones:
            phone.forget()
        s.engine.send_digits(LegId("keys"), "123", 400)
        await asyncio.sleep(0.5)
        os.kill(s.child("pump"), signal.SIGKILL)
        await s.until(lambda: s.restarted == ["pump"])
        await asyncio.sleep(0.8)
        for phone in s.phones:
            most_ms = 100 + 1000 * s.excuse_s
            assert phone.leg == "keys" or phone.longest_step() <= most_ms, phone.leg  # a key is one step of its length
            assert len({h.packet.ssrc for h in phone.heard}) == 1
            assert all(found.startswith("seq") for found in phone.breaks()), phone.leg
            assert len(phone.breaks()) <= 1, phone.leg  # a packet may be lost in a relay, nothing else
        named = {phone.leg: phone for phone in s.phones}
        assert named[LegId("a")].level(900, 0.3) > 7_000
        assert named[LegId("c")].level(600, 0.3) > 7_000
        assert named[LegId("law")].level(600, 0.3) > 7_000
        assert named[LegId("prompt")].level(1_000, 0.3) > 2_000
        assert named[LegId("both")].level(600, 0.3) > 7_000
        pressed = named[LegId("keys")].keys
        await s.until(lambda: {code for code, _ in pressed()} >= {1, 2, 3})
        s.engine.stop_recording(RecordingId("r"))
        assert (await s.until(lambda: s.came(RecordingEnded)))[0].error == ""


@story
async def test_a_killed_workshop_costs_no_packet_in_any_state(tmp_path: Path) -> None:
    async with studio() as s:
        for name, hz in (("a", 600), ("b", 900), ("c", 1_500), ("music", 0), ("noise", 0)):
            s.phone(name, hz)
        s.hear(a="b", b="a", c="a b", noise=[], music=[Sound(SoundId("m"), ("builtin:hold",), 0)])
        path = tmp_path / "r.wav"
        s.engine.record(Recording(RecordingId("r"), str(path), (LegId("a"),), (LegId("b"),)))
        await s.until(lambda: all(len(phone.heard) > 20 for phone in s.phones))
        for phone in s.phones:
            phone.forget()
        os.kill(s.child("workshop"), signal.SIGKILL)
        await s.until(lambda: s.restarted == ["workshop"])
        await asyncio.sleep(0.5)
        for phone in s.phones:
            assert phone.breaks() == [], phone.leg
            assert phone.longest_step() <= s.most_step_ms, phone.leg
        named = {phone.leg: phone for phone in s.phones}
        assert named[LegId("c")].level(600, 0.3) > 7_000
        assert named[LegId("music")].audio(0.3).std() > 200
        s.engine.stop_recording(RecordingId("r"))
        assert (await s.until(lambda: s.came(RecordingEnded)))[0].error == ""


SERVER = """
import asyncio, json, sys
from switchhook.core.ids import LegId
from switchhook.core.sources import Voice
from switchhook.exchange.ports import Codec, Session
from switchhook.media.control import MediaEngine
from switchhook.media.settings import MediaSettings

async def main():
    first, last, wire, *phones = sys.argv[1:]
    settings = MediaSettings(ports=(int(first), int(last)), max_legs=4, linger_s=30.0, wire=wire)
    engine = await MediaEngine.start(settings, emit=lambda event: None)
    ports = []
    for name, port in zip("ab", phones):
        ports.append(engine.open(LegId(name)).port)
        engine.connect(LegId(name), Session("127.0.0.1", int(port), Codec.PCMU, 0))
    engine.hear([(LegId("a"), (Voice(LegId("b")),)), (LegId("b"), (Voice(LegId("a")),))])
    print(json.dumps([engine.pids["keeper"], *ports]), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@story
async def test_when_the_server_itself_is_killed_those_who_talk_go_on_talking(wire: str) -> None:
    a, b, keeper = Phone(LegId("a"), 600, ssrc=1), Phone(LegId("b"), 900, ssrc=2), 0
    started = subprocess.Popen(
        [sys.executable, "-c", SERVER, *map(str, PORTS), wire, str(a.port), str(b.port)], stdout=subprocess.PIPE
    )
    try:
        assert started.stdout is not None
        keeper, *ports = json.loads(await asyncio.to_thread(started.stdout.readline))
        for phone, port in zip((a, b), ports, strict=True):
            phone.talk(MediaAddress("127.0.0.1", port))
        end = time.monotonic() + 20.0
        while min(len(a.heard), len(b.heard)) < 20:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        started.kill()
        started.wait()
        a.forget()
        b.forget()
        await asyncio.sleep(1.0)
        for phone, hz in ((a, 900), (b, 600)):
            assert phone.level(hz, 0.3) > 7_000
            assert phone.breaks() == []
            assert phone.longest_step() <= 40
    finally:
        if keeper:
            os.kill(keeper, signal.SIGTERM)
        started.kill()
        started.wait()
        started.stdout.close()
        await a.stop()
        await b.stop()
