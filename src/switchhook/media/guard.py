"""Starts the keeper process, hears from it, and starts another one on the same ports should it die."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from switchhook.core.errors import PeerBroke, Unavailable
from switchhook.media.link import Message, Unframer, frame
from switchhook.media.settings import MediaSettings

START_S, STOP_S = 10.0, 4.0
PUMP_SOCKET, SHOP_SOCKET = "pump", "workshop"


class Guard:
    """The parent's side of the keeper. `on_message` hears warnings and restarts."""

    def __init__(self, settings: MediaSettings) -> None:
        self.settings = settings
        self.on_message: Callable[[Message], None] = lambda message: None
        self._launched: tuple[asyncio.StreamReader, Unframer] | None = None
        self._folder = Path()
        self._ports: list[int] = []
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pump_path(self) -> Path:
        return self._folder / PUMP_SOCKET

    @property
    def shop_path(self) -> Path:
        return self._folder / SHOP_SOCKET

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    async def launch(self) -> None:
        """Starts the keeper without waiting for it."""
        self._launched = await self._spawn()

    async def start(self) -> list[int]:
        """Waits for the keeper, started if need be; returns the RTP ports it opened.

        Raises `Unavailable` when it does not come up.
        """
        reader, unframer = self._launched or await self._spawn()
        try:
            async with asyncio.timeout(START_S):
                self._ports = await self._ready(reader, unframer)
        except TimeoutError as error:
            raise Unavailable("the audio processes did not start in time") from error
        if self._ports:
            self._task = asyncio.get_running_loop().create_task(self._watch(reader, unframer))
        return self._ports

    async def stop(self) -> None:
        """Ends the keeper and with it all audio processes. Idempotent."""
        if self._stopping:
            return
        self._stopping = True
        if self._writer is not None:
            self._writer.write(frame({"say": "stop"}))
        process = self._process
        if process is not None:
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
        if self._folder.name:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _spawn(self) -> tuple[asyncio.StreamReader, Unframer]:
        ours, theirs = socket.socketpair()
        if not self._folder.name:
            self._folder = Path(tempfile.mkdtemp(prefix="switchhook-media-"))
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for name in (PUMP_SOCKET, SHOP_SOCKET):
            (self._folder / name).unlink(missing_ok=True)
        wanted = {
            "settings": dataclasses.asdict(self.settings), "folder": str(self._folder), "exact": self._ports
        }  # fmt: skip
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "switchhook.media.keeper", str(theirs.fileno()), json.dumps(wanted),
            pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, start_new_session=True, env=environment,
        )  # fmt: skip
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        return reader, Unframer()

    async def _ready(self, reader: asyncio.StreamReader, unframer: Unframer) -> list[int]:
        while received := await reader.read(1 << 16):
            for message in unframer.feed(received):
                if message["say"] == "ready":
                    for text in message["warnings"]:
                        self.on_message({"say": "warning", "text": text})
                    return list(message["ports"])
        raise Unavailable("the audio processes ended while they were starting")

    async def _watch(self, reader: asyncio.StreamReader, unframer: Unframer) -> None:
        while True:
            try:
                received = await reader.read(1 << 16)
                for message in unframer.feed(received):
                    self.on_message(message)
            except (OSError, PeerBroke):
                received = b""
            if received:
                continue
            if self._stopping:
                return
            reader, unframer = await self._again()

    async def _again(self) -> tuple[asyncio.StreamReader, Unframer]:
        """Replaces a keeper that died; the audio was gone with it, the ports are the same."""
        while True:
            if self._writer is not None:
                self._writer.close()
            if self._process is not None:
                await self._process.wait()
            # Before the new sockets exist, so that the first event of the new table is not taken for an old one.
            self.on_message({"say": "restarted", "who": "keeper"})
            try:
                reader, unframer = await self._spawn()
                async with asyncio.timeout(START_S):
                    ports = await self._ready(reader, unframer)
                if ports == self._ports:
                    return reader, unframer
            except (Unavailable, TimeoutError, OSError):
                pass
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
            await asyncio.sleep(0.5)
