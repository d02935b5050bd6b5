"""Control's end of a link to the pump or the workshop: connects, connects again, never blocks the loop.

What is said in one turn of the loop goes out as one frame. A protocol of asyncio, not a stream: at hundreds of calls a
second the tasks of a stream cost more than what they carry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

from switchhook.core.errors import PeerBroke
from switchhook.media.link import Message, Unframer, frame_all


class Line:
    """`on_up` is called with every new connection, before any message; `say` without one is forgotten."""

    def __init__(self, path: Path, on_up: Callable[[], None], on_message: Callable[[Message], None]) -> None:
        self._path, self._on_up, self._on_message = path, on_up, on_message
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._wire: _Connection | None = None
        self._unsent: list[Message] = []  # of this turn of the loop: a plain call makes five, mostly in pairs

    @property
    def up(self) -> bool:
        return self._wire is not None

    def start(self) -> None:
        self._task = self._loop.create_task(self._run())

    async def stop(self) -> None:
        """Closes the connection for good."""
        self._send()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def say(self, message: Message) -> None:
        """Sends a message in order; it is lost if the other process dies, which is why all is stated again then."""
        if self._wire is not None:
            if not self._unsent:
                self._loop.call_soon(self._send)
            self._unsent.append(message)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._wire is not None and unsent:
            self._wire.transport.write(frame_all(unsent))

    async def _run(self) -> None:
        while True:
            try:
                _, wire = await self._loop.create_unix_connection(
                    lambda: _Connection(self._on_message), str(self._path)
                )
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                self._wire = wire
                self._unsent = []  # was for the process before this one; all is stated again
                self._on_up()
                wire.begin()
                await wire.ended.wait()
            finally:
                self._wire = None
                wire.transport.close()
            await asyncio.sleep(0.002)


class _Connection(asyncio.Protocol):
    """One connection: messages in, until it breaks (`ended`)."""

    transport: asyncio.Transport

    def __init__(self, on_message: Callable[[Message], None]) -> None:
        self._on_message = on_message
        self._unframer = Unframer()
        self._early: list[bytes] | None = []  # what comes before `begin`
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def begin(self) -> None:
        """Hands over what has come so far, and from now on everything at once."""
        early, self._early = self._early or [], None
        for received in early:
            self.data_received(received)

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
            return
        if self.ended.is_set():
            return
        try:
            for message in self._unframer.feed(data):
                self._on_message(message)
        except PeerBroke:
            self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
