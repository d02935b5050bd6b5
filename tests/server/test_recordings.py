"""A real call is recorded by the real server: who is in which channel is measured, not believed."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from switchhook.lab.detector import Detector
from switchhook.lab.tones import FRAME
from switchhook.lab.world_house import ACCOUNT, SUPPORT_LINE, TOKEN
from switchhook.lab.world_real import RealWorld

pytestmark = pytest.mark.slow
EVENTS = "http://events.test/phlo"


def channels(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    whole = len(samples) // FRAME * FRAME
    return samples[:whole, 0], samples[:whole, 1]


def share(samples: np.ndarray, wanted: set[float]) -> float:
    """Which part of the frames has exactly these voices."""
    found = Detector().detect(samples)
    return sum(labels == wanted for labels in found) / len(found)


async def record_event(world: RealWorld) -> dict[str, str]:
    async with asyncio.timeout(5):
        while True:
            for hook in world.web.to(EVENTS):
                if hook.form["event"] == "Record":
                    return hook.form
            await asyncio.sleep(0.02)


async def test_left_is_the_customer_and_right_the_agent_and_the_consult_is_not_there(real_world: RealWorld) -> None:
    world = real_world
    world.web.on(EVENTS, "ok")
    customer, agent, target = await world.phones("customer", "agent", "target")
    world.support(agent, record="true", event_callback_url=EVENTS)
    await world.talking(customer, agent, through=SUPPORT_LINE)
    await world.passes(1.0)
    await world.phlo.warm_transfer(trigger_source=agent, to=target)
    await target.answer(within_s=5)
    await agent.hears("target", within_s=5)
    await world.passes(0.5)
    await agent.hang_up()
    await customer.hears("target", within_s=5)
    await world.passes(1.0)
    await customer.hang_up()
    await target.hang_up()
    told = await record_event(world)

    path = urlsplit(told["record_url"]).path
    assert path == f"/v1/Account/{ACCOUNT}/Recording/{told['recording_id']}.wav"
    assert (await world.http.get(path)).status_code == 401
    reply = await world.http.get(path, auth=(ACCOUNT, TOKEN))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "audio/wav")
    file = Path(world.settings.media.recordings) / ACCOUNT / f"{told['recording_id']}.wav"
    assert file.read_bytes() == reply.content
    part = await world.http.get(path, auth=(ACCOUNT, TOKEN), headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")

    left, right = channels(reply.content)
    assert len(left) / 8 == float(told["recording_duration_ms"])
    hz = {name: {world.telephones.voices.assign(name)} for name in ("customer", "agent", "target")}
    assert share(left, hz["customer"]) > 0.9
    edge = 25 * FRAME  # half a second: connecting, and the ends of calls
    assert share(right[edge : edge + 25 * FRAME], hz["agent"]) > 0.9
    assert share(right[-edge - 25 * FRAME : -edge], hz["target"]) > 0.9
    assert share(right, set()) * len(right) / 8000 > 0.4  # the consult: the agent speaks to the target alone
    assert share(right, hz["agent"] | hz["target"]) < 0.02


async def test_a_stopping_server_finishes_the_file_and_tells_it(real_world: RealWorld) -> None:
    world = real_world
    world.web.on(EVENTS, "ok")
    customer, agent = await world.phones("customer", "agent")
    world.support(agent, record=1, event_callback_url=EVENTS)
    await world.talking(customer, agent, through=SUPPORT_LINE)
    await world.passes(0.5)
    assert await world.exchange.drain(5)
    await world.exchange.settle(5)
    (told,) = [hook.form for hook in world.web.to(EVENTS) if hook.form["event"] == "Record"]
    file = Path(world.settings.media.recordings) / ACCOUNT / f"{told['recording_id']}.wav"
    left, _ = channels(file.read_bytes())
    assert len(left) / 8 == float(told["recording_duration_ms"]) > 400


async def test_a_folder_that_cannot_be_made_is_a_warning_and_nobody_hears_of_it(real_world: RealWorld) -> None:
    world = real_world
    world.web.on(EVENTS, "ok")
    (Path(world.settings.media.recordings) / ACCOUNT).write_text("a file in the place of the folder")
    customer, agent = await world.phones("customer", "agent")
    world.support(agent, record=True, event_callback_url=EVENTS)
    await world.talking(customer, agent, through=SUPPORT_LINE)
    await world.passes(0.5)
    assert await customer.hears_only("agent")
    assert await agent.hears_only("customer")
    assert not world.exchange.state.tapes
    warnings = [str(entry.body["text"]) for entry in world.entries if entry.kind == "Warning"]
    assert any(text.startswith("recording ") and ACCOUNT in text for text in warnings), warnings
    await world.everybody_hangs_up()
    assert "Record" not in [hook.form["event"] for hook in world.web.to(EVENTS)]
