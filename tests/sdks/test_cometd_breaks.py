"""The npm `cometd` client loses nothing when its connection breaks, by long-polling and on web sockets (genesys 7)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from switchhook.settings import Settings
from tests.dialects.genesys.office import settings
from tests.sdks.cutter import Cutter, cutter
from tests.sdks.live import LiveStage, live
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow

KINDS = pytest.mark.parametrize("kind", ["long-polling", "websocket"])
Line = dict[str, Any]


@dataclass
class Listener:
    """The client's process, the relay in front of the server, and the server's stage."""

    process: asyncio.subprocess.Process
    relay: Cutter
    stage: LiveStage
    held: int = 0

    async def says(self, wanted: str) -> Line:
        """Returns the next line with this member; there must be none about calls before it."""
        line = await self.line()
        while wanted not in line:
            assert "data" not in line or wanted == "data", line
            line = await self.line()
        return line

    async def line(self) -> Line:
        assert self.process.stdout is not None
        while text := await self.process.stdout.readline():
            if text.startswith(b"{"):
                found: Line = json.loads(text)
                return found
        raise AssertionError("the client ended")

    async def told(self) -> str:
        state: str = (await self.says("data"))["data"]["call"]["state"]
        return state

    def does(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())

    async def waits(self) -> None:
        """Returns when a connect of the client is held."""
        while not self.stage.genesys.bayeux.held:
            await asyncio.sleep(0.005)

    async def alone(self) -> None:
        """Returns when the server has noticed that nobody is there."""
        while self.stage.genesys.bayeux.held:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(kind: str, *words: str, **genesys: Any) -> AsyncIterator[Listener]:
    """Runs server, relay and client; ready when the client's connect is held over the transport it should have."""
    modules = node_modules()
    socket = ["socket"] if kind == "websocket" else []

    def office(base: str) -> Settings:
        return settings(http={"public_url": base}, genesys=genesys)

    async with asyncio.timeout(40), live(office) as (stage, base), cutter(base) as relay:
        process = await asyncio.create_subprocess_exec(
            *("node", str(HERE / "listener.js"), f"http://127.0.0.1:{relay.port}", "agent1", "secret1"),
            *(*socket, *words),
            env={**os.environ, "SDK_MODULES": str(modules)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        listener = Listener(process, relay, stage)
        try:
            assert (await listener.says("handshake"))["transport"] == kind
            assert (await listener.says("subscribed"))["subscribed"]
            await listener.waits()
            yield listener
            listener.does("leave")
            assert (await listener.says("disconnected"))["disconnected"]
            assert await process.wait() == 0
            assert stage.genesys.bayeux.sessions == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@KINDS
def test_a_cut_connection_loses_nothing_and_repeats_nothing(kind: str) -> None:
    async def story() -> None:
        async with listening(kind) as client:
            client.relay.refusing = True
            client.relay.cut()
            await client.alone()
            client.stage.phone("1002").calls("5001")
            line = await client.stage.phone("1001").rings()
            line.answers()  # both while nobody listens
            client.relay.refusing = False
            assert [await client.told(), await client.told()] == ["Ringing", "Established"]
            await client.waits()
            client.relay.refusing = True
            client.relay.cut()
            await client.alone()
            line.hangs_up()
            client.relay.refusing = False
            assert await client.told() == "Released"

    asyncio.run(story())


@KINDS
def test_what_a_network_swallowed_is_sent_again_to_a_client_that_acknowledges(kind: str) -> None:
    async def story() -> None:
        async with listening(kind, "ack") as client:
            await client.waits()
            client.relay.swallowing = True
            client.stage.phone("1002").calls("5001")
            line = await client.stage.phone("1001").rings()
            await client.relay.swallowed.wait()  # the server has told it, and the client was not told
            client.relay.cut()
            client.relay.swallowing = False
            assert await client.told() == "Ringing"
            line.answers()
            assert await client.told() == "Established"
            line.hangs_up()
            assert await client.told() == "Released"

    asyncio.run(story())


@KINDS
def test_a_client_whose_session_ended_meanwhile_starts_again(kind: str) -> None:
    async def story() -> None:
        async with listening(kind, max_interval_s=1.0) as client:
            client.relay.refusing = True
            client.relay.cut()
            while client.stage.genesys.bayeux.sessions:
                await asyncio.sleep(0.02)
            client.relay.refusing = False
            assert (await client.says("handshake"))["transport"] == kind
            assert (await client.says("subscribed"))["subscribed"]
            await client.waits()
            client.stage.phone("1002").calls("5001")
            assert await client.told() == "Ringing"

    asyncio.run(story())


@KINDS
def test_a_batch_is_one_request_and_each_message_has_its_reply(kind: str) -> None:
    async def story() -> list[tuple[str, bool]]:
        async with listening(kind) as client:
            before = len(client.relay.requests)
            client.does("batch")
            lines = [await client.says("batch") for _ in range(3)]
            if kind == "long-polling":
                sent = b"".join(client.relay.requests[before:])
                assert sent.count(b"POST ") == 1
                assert sent.count(b'"id":') == 3
            return [(line["batch"], line["ok"]) for line in lines]

    assert asyncio.run(story()) == [("subscribe", True), ("unsubscribe", True), ("publish", False)]


def test_without_web_sockets_the_client_polls() -> None:
    async def story() -> list[Line]:
        modules = node_modules()

        def office(base: str) -> Settings:
            return settings(http={"public_url": base}, genesys={"websocket": False})

        async with asyncio.timeout(40), live(office) as (stage, base):
            process = await asyncio.create_subprocess_exec(
                *("node", str(HERE / "listener.js"), base, "agent1", "secret1", "socket"),
                env={**os.environ, "SDK_MODULES": str(modules)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                client = Listener(process, Cutter(0), stage)
                seen = [await client.says("handshake")]
                while not seen[-1]["handshake"]:
                    seen.append(await client.says("handshake"))
                await client.waits()
                stage.phone("1002").calls("5001")
                assert await client.told() == "Ringing"
                return seen
            finally:
                process.kill()
                await process.wait()

    assert [line["transport"] for line in asyncio.run(story()) if line["handshake"]] == ["long-polling"]
