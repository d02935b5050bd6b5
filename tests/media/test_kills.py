"""The pump killed while legs are in every state there is: what each listener misses."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from switchhook.core.events import RecordingEnded
from switchhook.core.ids import LegId, RecordingId, SoundId
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Codec, Recording
from tests.media.studio import story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]


@story
async def test_a_kill_in_any_state_costs_no_stream_and_at_most_a_hundred_ms(tmp_path: Path) -> None:
    """Relayed, transcoded, mixed, music, voice with music, a prompt, noise, ringing without SDP, keys, a recording.

    The gap is taken from timestamps (the audio that was left out), which a busy machine cannot make longer.
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
            assert phone.leg == "keys" or phone.longest_step() <= 100, phone.leg  # a key is one step of its length
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
