"""Pipecat's own serializer for Plivo holds a conversation on an audio stream of ours, over real sockets and audio."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from switchhook.lab.tones import VOICE_HZ
from switchhook.lab.world_real import RealWorld
from tests.sdks.pipecat_env import HERE, pipecat_python

pytestmark = pytest.mark.slow
BOT_HZ = VOICE_HZ[12]


@pytest.fixture(scope="module")
def python() -> Path:
    return pipecat_python()


async def test_a_pipecat_agent_hears_the_caller_answers_and_is_interrupted(python: Path, real_world: RealWorld) -> None:
    world = real_world
    world.telephones.voices.assign("bot", BOT_HZ)
    command = (str(python), str(HERE / "agent.py"), str(BOT_HZ))
    agent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    try:
        port = int(await asyncio.wait_for(agent.stdout.readline(), 30))
        kind = 'bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"'
        stream = f"<Stream {kind}>ws://127.0.0.1:{port}/pipecat</Stream>"
        world.web.on("http://app.test/answer", f"<Response>{stream}</Response>")
        customer = (await world.phones("customer"))[0]
        call = await world.plivo.call(customer, "http://app.test/answer")
        await customer.answer()
        await customer.hears_only("bot", within_s=6.0)
        await customer.press("5")
        await customer.hears_only(within_s=3.0)
        await customer.hang_up()
        found = json.loads(await asyncio.wait_for(agent.stdout.readline(), 10))
    finally:
        if agent.returncode is None:
            agent.kill()
        await agent.wait()
    own = dict(world.telephones.voices)["customer"]
    assert found["pitch"] == pytest.approx(own, abs=3)
    assert found["keys"] == "5"
    assert found["start"]["callId"] == call
    assert found["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000}
    assert found["events"] == ["clearedAudio", "stop"]
    assert found["bytes"] > 16_000
