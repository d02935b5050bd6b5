"""The npm `cometd` client under Node sees the two-step scene (genesys 3), by long-polling and on a web socket."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from switchhook.settings import Settings
from tests.dialects.genesys.office import settings
from tests.sdks.live import LiveStage, live
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow

Lines = list[dict[str, Any]]


def office(base: str) -> Settings:
    return settings(http={"public_url": base})


async def desktop(modules: Path, base: str, mode: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("node", str(HERE / "desktop.js"), base, "agent1", "secret1", mode, "5003"),
        env={**os.environ, "SDK_MODULES": str(modules)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def until(process: asyncio.subprocess.Process, seen: Lines, wanted: str) -> None:
    """Reads the desktop's lines up to the one with that member."""
    assert process.stdout is not None
    while not (seen and wanted in seen[-1]):
        line = await process.stdout.readline()
        assert line, seen
        if line.startswith(b"{"):
            seen.append(json.loads(line))


async def scene(stage: LiveStage, base: str, modules: Path, mode: str) -> tuple[Lines, set[str], set[str]]:
    """Plays the two-step transfer; returns what the desktop printed, and what customer and target hear."""
    seen: Lines = []
    stage.phone("1003", answers_after_s=0.1)
    process = await desktop(modules, base, mode)
    try:
        async with asyncio.timeout(30):
            await until(process, seen, "ready")
            customer = stage.phone("1002").calls("5001")
            await until(process, seen, "disconnected")
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return seen, customer.hears, stage.phone("1003").line.hears


@pytest.mark.parametrize("mode", ["plain", "ack", "socket"])
def test_the_npm_client_sees_the_two_step_scene(mode: str) -> None:
    modules = node_modules()

    async def story() -> tuple[Lines, set[str], set[str]]:
        async with live(office) as (stage, base):
            return await scene(stage, base, modules, mode)

    seen, customer, target = asyncio.run(story())
    shaken = [line for line in seen if line.get("handshake")]
    assert [line["transport"] for line in shaken] == ["websocket" if mode == "socket" else "long-polling"]
    assert (shaken[0].get("ext") == {"ack": True}) == (mode == "ack")
    assert [line for line in seen if "subscribed" in line and not line["subscribed"]] == []
    replies = [(line["reply"], line["status"], line["body"]) for line in seen if "reply" in line]
    assert replies == [
        ("StartContactCenterSession", 200, {"statusCode": 0}),
        ("Answer", 200, {"statusCode": 0}),
        ("InitiateTransfer", 200, {"statusCode": 0}),
        ("CompleteTransfer", 200, {"statusCode": 0}),
    ]
    messages = [line["data"] for line in seen if line.get("channel") == "/v2/me/calls" and "data" in line]
    assert [(data["call"]["callType"], data["call"]["state"]) for data in messages] == [
        ("Internal", "Ringing"),
        ("Internal", "Established"),
        ("Internal", "Held"),
        ("Consult", "Dialing"),
        ("Consult", "Established"),
        ("Internal", "Held"),
        ("Internal", "Released"),
        ("Consult", "Released"),
    ]
    assert len({data["call"]["id"] for data in messages}) == 2
    devices = [line["data"] for line in seen if line.get("channel") == "/v2/me/devices" and "data" in line]
    assert [data["messageType"] for data in devices] == ["DeviceStateChangeMessage"]
    assert customer == {"1003"}
    assert target == {"1002"}
