"""Agent desktops as load: thousands of CometD clients in one process, by long-polling or on web sockets.

Each is one TCP connection that always has a connect on its way, and does nothing else until it is told something. HTTP
and frames are written and read by hand: a client library would be slower than the server.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
from abc import ABC, abstractmethod
from typing import Any

AT = "/api/v2/notifications"
Messages = list[dict[str, Any]]


def basic(user: str) -> str:
    """Returns the header of this agent; all have the same password."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:secret".encode()).decode()


class Desktop(asyncio.Protocol, ABC):
    """One desktop. `ready` is set when its first connect that is held has left."""

    kind = ""

    def __init__(self, user: str) -> None:
        self.user = user
        self.ready = asyncio.Event()
        self.lost = False
        self.waited: asyncio.Future[int] | None = None  # the next message arrives: the system's clock in ns
        self._client = ""
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def shake(self) -> None:
        self.send([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": [self.kind]}])

    def take(self, messages: Messages) -> None:
        """Goes on after an answer: subscribe, connect for the first time, connect again for ever."""
        for message in messages:
            match message["channel"]:
                case "/meta/handshake":
                    self._client = message["clientId"]
                    self.send([self._message("/meta/subscribe", subscription="/v2/me/*")])
                case "/meta/subscribe":
                    self._connect(advice={"timeout": 0})
                case "/meta/connect":
                    if not message["successful"]:
                        self.transport.close()
                        return
                    self._connect()
                    self.ready.set()
                case _:
                    if self.waited is not None and not self.waited.done():
                        self.waited.set_result(time.time_ns())

    def _connect(self, **more: Any) -> None:
        self.send([self._message("/meta/connect", connectionType=self.kind, **more)])

    def _message(self, channel: str, **more: Any) -> dict[str, Any]:
        return {"channel": channel, "clientId": self._client, "id": "1", **more}

    @abstractmethod
    def begin(self) -> None:
        """Starts on a new connection."""

    @abstractmethod
    def send(self, messages: Messages) -> None:
        """Sends one request."""


class Polling(Desktop):
    kind = "long-polling"

    def begin(self) -> None:
        self._head = f"POST {AT} HTTP/1.1\r\nHost: bench\r\n{basic(self.user)}\r\nContent-Type: application/json\r\n"
        self.shake()

    def send(self, messages: Messages) -> None:
        body = json.dumps(messages)
        self.transport.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self.take(json.loads(body))


class OnSocket(Desktop):
    kind = "websocket"
    _open = False

    def begin(self) -> None:
        lines = (
            f"GET {AT} HTTP/1.1", "Host: bench", basic(self.user), "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
        )  # fmt: skip
        self.transport.write("\r\n".join(lines).encode())

    def send(self, messages: Messages) -> None:
        self._frame(0x81, json.dumps(messages).encode())

    def _frame(self, first: int, body: bytes) -> None:
        """Writes a frame with a mask of zeros: masked as it must be, and nothing to compute."""
        length = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack("!H", len(body))
        self.transport.write(bytes([first]) + length + b"\0\0\0\0" + body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.transport.close()
                return
            self._open, self._buffer = True, self._buffer[end + 4 :]
            self.shake()
        while len(self._buffer) >= 2:
            length, start = self._buffer[1], 2
            if length == 126 and len(self._buffer) >= 4:
                length, start = struct.unpack_from("!H", self._buffer, 2)[0], 4
            elif length == 127 and len(self._buffer) >= 10:
                length, start = struct.unpack_from("!Q", self._buffer, 2)[0], 10
            elif length > 125:
                return
            if len(self._buffer) < start + length:
                return
            kind, body = self._buffer[0] & 0x0F, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if kind == 1:
                self.take(json.loads(body))
            elif kind == 9:
                self._frame(0x8A, body)


class Asking:
    """One connection on which agents change their state."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._busy = asyncio.Lock()

    async def asks(self, user: str, path: str, operation: str, **more: Any) -> int:
        """Carries out an operation, which must succeed; returns when the request left (the system's clock in ns)."""
        body = json.dumps({"operationName": operation, **more})
        head = f"POST /api/v2{path} HTTP/1.1\r\nHost: bench\r\n{basic(user)}\r\nContent-Type: application/json\r\n"
        async with self._busy:
            asked_ns = time.time_ns()
            self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer[answer.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
            text = await self._reader.readexactly(length)
        if b"200" not in answer[:16]:
            raise SystemExit(f"{operation} of {user}: {text.decode()[:200]}")
        return asked_ns
