"""What only a real HTTP server and real connections show: a connection that ends, chunked bodies, upgrades."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from switchhook.settings import Settings
from tests.dialects.genesys.office import settings
from tests.sdks.live import live

pytestmark = pytest.mark.slow

BASIC = "Authorization: Basic " + base64.b64encode(b"agent1:secret1").decode()


def office(base: str) -> Settings:
    return settings(http={"public_url": base})


class Wire:
    """One TCP connection that speaks HTTP by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def open(base: str) -> Wire:
        return Wire(*await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2])))

    def ask(
        self, method: str, path: str, body: Any = None, *headers: str, chunked: bool = False, login: bool = True
    ) -> None:
        content = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} /api/v2{path} HTTP/1.1", "Host: localhost", *((BASIC,) if login else ()), *headers]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            half = len(content) // 2
            parts = (content[:half], content[half:], b"")
            content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        elif content:
            lines.append(f"Content-Length: {len(content)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + content)

    async def answer(self) -> tuple[int, Any]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in head if line.startswith("content-length"))
        return int(head[0].split()[1]), json.loads(await self.reader.readexactly(length))

    async def gets(self, method: str, path: str, body: Any = None, *headers: str, chunked: bool = False) -> Any:
        self.ask(method, path, body, *headers, chunked=chunked)
        return await self.answer()

    async def shakes(self) -> dict[str, str]:
        """Opens a session that listens to calls; returns its connect message."""
        types = ["long-polling"]
        _, [reply] = await self.gets(
            "POST", "/notifications", [{"channel": "/meta/handshake", "supportedConnectionTypes": types}], chunked=True
        )
        client = reply["clientId"]
        subscribe = {"channel": "/meta/subscribe", "clientId": client, "subscription": "/v2/me/calls"}
        connect = {"channel": "/meta/connect", "clientId": client, "connectionType": "long-polling"}
        _, replies = await self.gets("POST", "/notifications/", [subscribe, connect], chunked=True)
        assert [each["successful"] for each in replies] == [True, True]
        return connect


def test_a_connection_that_ends_is_noticed_and_its_messages_are_kept() -> None:
    async def story() -> list[str]:
        async with live(office) as (stage, base), asyncio.timeout(10):
            wire = await Wire.open(base)
            connect = await wire.shakes()
            wire.ask("POST", "/notifications/connect", [connect])
            bayeux = stage.genesys.bayeux
            while not bayeux.held:
                await asyncio.sleep(0.005)
            wire.writer.close()
            while bayeux.held:
                await asyncio.sleep(0.005)
            stage.phone("1002").calls("5001")
            await stage.phone("1001").rings()
            again = await Wire.open(base)
            _, replies = await again.gets("POST", "/notifications/connect", [connect])
            again.writer.close()
            return [reply["channel"] for reply in replies]

    assert asyncio.run(story()) == ["/v2/me/calls", "/meta/connect"]


def test_a_held_connect_is_answered_on_the_same_connection_again_and_again() -> None:
    async def story() -> list[str]:
        async with live(office) as (stage, base), asyncio.timeout(10):
            wire = await Wire.open(base)
            connect = await wire.shakes()
            found: list[str] = []
            wire.ask("POST", "/notifications/connect", [connect])
            stage.phone("1002").calls("5001")
            line = await stage.phone("1001").rings()
            for does in (line.answers, line.hangs_up, None):
                _, [message, reply] = await wire.answer()
                assert reply["successful"]
                found.append(message["data"]["call"]["state"])
                if does is not None:
                    wire.ask("POST", "/notifications/connect", [connect], chunked=True)
                    does()
            assert (await wire.gets("GET", "/me/calls"))[1] == {"statusCode": 0, "uris": []}
            wire.writer.close()
            return found

    assert asyncio.run(story()) == ["Ringing", "Established", "Released"]


@pytest.mark.parametrize("path", ["/notifications", "/notifications/handshake", "/notifications/"])
@pytest.mark.parametrize(
    ("headers", "offered", "status"),
    [((BASIC,), True, 101), ((), True, 403), ((BASIC,), False, 403)],
    ids=["login", "nobody", "not offered"],
)
def test_an_upgrade_opens_a_socket_or_is_refused_with_an_http_error(
    path: str, headers: tuple[str, ...], offered: bool, status: int
) -> None:
    upgrade = (
        *("Connection: Upgrade", "Upgrade: websocket"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    )

    def one(base: str) -> Settings:
        return settings(http={"public_url": base}, genesys={"websocket": offered})

    async def story() -> int:
        async with live(one) as (_, base), asyncio.timeout(10):
            wire = await Wire.open(base)
            wire.ask("GET", path, None, *upgrade, *headers, login=False)
            found = int((await wire.reader.readuntil(b"\r\n")).split()[1])
            wire.writer.close()
            return found

    assert asyncio.run(story()) == status


def test_an_operation_with_a_chunked_body() -> None:
    async def story() -> Any:
        async with live(office) as (_, base), asyncio.timeout(10):
            wire = await Wire.open(base)
            body = {"operationName": "StartContactCenterSession", "channels": ["voice"]}
            found = await wire.gets("POST", "/me", body, chunked=True)
            wire.writer.close()
            return found

    assert asyncio.run(story()) == (200, {"statusCode": 0})
