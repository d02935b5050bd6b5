"""A small HTTP client for timing: keep-alive connections, and the moment at which each request left.

The moment is taken in the line before the `send`, by the system's clock, the one that the kernel stamps arriving
packets with. A connection that is not busy takes the whole request at once, so that is when it reaches the server too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass

from bench.house import ACCOUNT, TOKEN

LONGEST_S = 10.0


@dataclass(frozen=True)
class Reply:
    asked_ns: int  # when the request left
    answered_ns: int
    status: int
    body: bytes


class Api:
    """Requests to one server, as many at a time as there are connections."""

    def __init__(self, connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
        self._all = connections
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for connection in connections:
            self._free.put_nowait(connection)
        self._authorization = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()

    @classmethod
    async def open(cls, port: int, connections: int = 8) -> Api:
        return cls([await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)])

    async def post(self, path: str, body: dict[str, object]) -> Reply:
        """Sends a request and waits for the answer; raises SystemExit when that is a refusal or does not come."""
        wire = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {self._authorization}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(wire)}\r\n\r\n"
        ).encode()
        reader, writer = connection = await self._free.get()
        try:
            async with asyncio.timeout(LONGEST_S):
                asked_ns = time.time_ns()
                writer.write(head + wire)
                status, answer = await _answer(reader)
        except TimeoutError:
            raise SystemExit(f"{path} was not answered within {LONGEST_S:g} s") from None
        self._free.put_nowait(connection)
        if status >= 300:
            raise SystemExit(f"{path} answered {status}: {answer.decode(errors='replace')} to {body}")
        return Reply(asked_ns, time.time_ns(), status, answer)

    def close(self) -> None:
        for _, writer in self._all:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
