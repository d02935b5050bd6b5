"""A TCP relay in front of a server that can break: cut every connection, or swallow what the server says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cutter:
    """`port` is where clients come; `swallowing` loses what goes to them; `refusing` ends new connections at once."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self.port = 0
        self.swallowing = self.refusing = False
        self.swallowed = asyncio.Event()
        self.requests: list[bytes] = []  # what clients sent, as it came
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def takes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer: None, far_writer: None}
        for one, other, down in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.ensure_future(self._carries(one, other, down))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carries(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, down: bool) -> None:
        try:
            while data := await reader.read(65536):
                if down and self.swallowing:
                    self.swallowed.set()
                    continue
                if not down:
                    self.requests.append(data)
                writer.write(data)
        except OSError:
            pass  # the other side was cut
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    def cut(self) -> None:
        """Ends every connection without a word, on both sides."""
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def close(self) -> None:
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def cutter(base: str) -> AsyncIterator[Cutter]:
    """Runs a relay in front of the server at `base`."""
    relay = Cutter(int(base.rpartition(":")[2]))
    server = await asyncio.start_server(relay.takes, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.close()
