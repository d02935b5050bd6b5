"""A network that can break: it copies bytes between a browser and a server until somebody cuts it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Relay:
    """Stands at `base`; `cut()` ends every connection and refuses new ones, `mend()` lets them through again."""

    base = ""

    def __init__(self, to: str) -> None:
        self._to = urlsplit(to)
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._open = True

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        back, forth = await asyncio.open_connection(self._to.hostname, self._to.port)
        ends = {writer, forth}
        self._writers |= ends
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        for end in ends:
            end.transport.abort()
        self._writers -= ends


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def relay(to: str) -> AsyncIterator[Relay]:
    """Stands on a free port of 127.0.0.1 before the server at `to`."""
    found = Relay(to)
    server = await asyncio.start_server(found.connected, "127.0.0.1", 0)
    found.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        found.cut()
        await server.wait_closed()
