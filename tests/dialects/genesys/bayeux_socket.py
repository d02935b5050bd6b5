"""A web socket to a stage's application without any network: frames go in and come out of queues."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from switchhook.lab.stage import Stage

BASIC = b"Basic " + base64.b64encode(b"agent1:secret1")
TYPES = ["websocket", "long-polling"]


class FakeSocket:
    """One upgrade request and what came of it: `status` is 101, or what HTTP said instead."""

    def __init__(self, stage: Stage, *headers: tuple[bytes, bytes], path: str = "", basic: bytes = BASIC) -> None:
        self.stage = stage
        self.status = 0
        self.reply: dict[str, str] = {}
        self.body = b""
        self.frames: list[list[dict[str, Any]]] = []  # what the server sent, one list for each frame
        self.closed: int | None = None  # the code
        self.broken = False  # the peer is gone, the server does not know it yet
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        login = ((b"authorization", basic),) if basic else ()
        scope = {
            "type": "websocket", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
            "scheme": "ws", "path": f"/api/v2/notifications{path}", "raw_path": b"", "root_path": "",
            "query_string": b"", "headers": [(b"host", b"desk.example"), *login, *headers], "subprotocols": [],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
            "extensions": {"websocket.http.response": {}},
        }  # fmt: skip
        self.task = asyncio.ensure_future(stage.app(scope, self._in.get, self._send))

    async def _send(self, message: Any) -> None:
        if self.broken:
            raise OSError("the peer is gone")
        match message["type"]:
            case "websocket.accept":
                self.status = 101
                self.reply = {name.decode(): value.decode() for name, value in message.get("headers", [])}
            case "websocket.send":
                self.frames.append(json.loads(message["text"]))
            case "websocket.close":
                self.closed = message["code"]
            case "websocket.http.response.start":
                self.status = message["status"]
            case "websocket.http.response.body":
                self.body += message["body"]

    async def opened(self) -> FakeSocket:
        await self.stage.settled()
        return self

    async def says(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """Sends one frame; returns the messages of all frames that came of it at once."""
        return await self.writes(json.dumps(list(messages)))

    async def writes(self, text: str | bytes) -> list[dict[str, Any]]:
        before = len(self.frames)
        kind = "text" if isinstance(text, str) else "bytes"
        self._in.put_nowait({"type": "websocket.receive", kind: text})
        await self.stage.settled()
        return [message for frame in self.frames[before:] for message in frame]

    async def ends(self) -> None:
        """The connection ends, and the server is told."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await self.task
        await self.stage.settled()

    async def shakes(self, **more: Any) -> str:
        """Shakes hands, subscribes to calls and takes the first connect; returns the clientId."""
        shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": TYPES, "id": "1", **more}
        [reply] = await self.says(shake)
        assert reply["successful"]
        client: str = reply["clientId"]
        [reply] = await self.says(
            {"channel": "/meta/subscribe", "clientId": client, "subscription": "/v2/me/calls", "id": "2"}
        )
        assert reply["successful"]
        [reply] = await self.says(connect(client, advice={"timeout": 0}))
        assert reply["successful"]
        return client


def connect(client: str, **more: Any) -> dict[str, Any]:
    return {"channel": "/meta/connect", "clientId": client, "connectionType": "websocket", "id": "c", **more}
