"""Control's end of a link to the pump or the workshop: connects, connects again, never blocks the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from switchhook.core.errors import PeerBroke
from switchhook.media.link import Message, Unframer, frame


class Line:
    """`on_up` is called with every new connection, before any message; `say` without one is forgotten."""

    def __init__(self, path: Path, on_up: Callable[[], None], on_message: Callable[[Message], None]) -> None:
        self._path, self._on_up, self._on_message = path, on_up, on_message
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsent: list[bytes] = []  # of this turn of the loop: a plain call makes seven statements, mostly in pairs

    @property
    def up(self) -> bool:
        return self._writer is not None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Closes the connection for good."""
        self._send()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def say(self, message: Message) -> None:
        """Sends a message in order; it is lost if the other process dies, which is why all is stated again then."""
        if self._writer is not None:
            if not self._unsent:
                asyncio.get_running_loop().call_soon(self._send)
            self._unsent.append(frame(message))

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._writer is not None and unsent:
            self._writer.write(b"".join(unsent))

    async def _run(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._path))
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                await self._serve(reader, writer)
            finally:
                self._writer = None
                writer.close()
            await asyncio.sleep(0.002)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._unsent = []  # was for the process before this one; all is stated again
        self._on_up()
        unframer = Unframer()
        while True:
            try:
                received = await reader.read(1 << 16)
                if not received:
                    return
                for message in unframer.feed(received):
                    self._on_message(message)
            except (OSError, PeerBroke):
                return
