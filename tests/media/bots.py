"""Programs at the far end of audio streams, for the tests: a WebSocket server that keeps what it gets."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from switchhook.media import g711


class Bot:
    """One connection of a stream to the program."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.path = connection.request.path if connection.request is not None else ""
        self.headers = connection.request.headers if connection.request is not None else {}
        self.frames: list[dict[str, Any]] = []
        self.arrivals: list[float] = []
        self.code: int | None = None

    async def listen(self) -> None:
        async for text in self.connection:
            self.frames.append(json.loads(text))
            self.arrivals.append(time.monotonic())

    def of(self, event: str) -> list[dict[str, Any]]:
        """Returns the frames of one event."""
        return [frame for frame in self.frames if frame["event"] == event]

    def media(self, track: str = "inbound") -> list[dict[str, Any]]:
        return [frame["media"] for frame in self.of("media") if frame["media"]["track"] == track]

    def audio(self, track: str = "inbound", last: int | None = None) -> np.ndarray:
        """Returns what was heard on a track, the last so many frames."""
        raw = b"".join(b64decode(each["payload"]) for each in self.media(track)[-(last or 0) :])
        form = self.frames[0]["start"]["mediaFormat"]
        if form["encoding"] == "audio/x-mulaw":
            return g711.decode(np.frombuffer(raw, np.uint8), g711.ULAW).astype(np.float64)
        return np.frombuffer(raw, "<i2").astype(np.float64)

    def breaks(self) -> list[str]:
        """Returns everything that is wrong with the frames: numbers, chunks, timestamps, tracks."""
        found = []
        for a, b in pairwise(self.frames):
            if b["sequenceNumber"] != a["sequenceNumber"] + 1:
                found.append(f"number {a['sequenceNumber']} {b['sequenceNumber']}")
        for track in self.frames[0]["start"]["tracks"]:
            for a, b in pairwise(self.media(track)):
                if b["chunk"] != a["chunk"] + 1:
                    found.append(f"chunk {a['chunk']} {b['chunk']}")
                if int(b["timestamp"]) - int(a["timestamp"]) != 20:
                    found.append(f"timestamp {a['timestamp']} {b['timestamp']}")
        return found

    def longest_gap(self, since: float = 0.0) -> float:
        """Returns the longest time between two frames, in seconds, as they came in here."""
        return max((b - a for a, b in pairwise(self.arrivals) if a >= since), default=0.0)

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def play(self, samples: np.ndarray, *, mulaw: bool = False, rate: Any = 8000) -> None:
        """Sends audio in pieces of a second at most."""
        kind = "audio/x-mulaw" if mulaw else "audio/x-l16"
        samples = samples.astype(np.int16)
        for at in range(0, len(samples), 8_000):
            piece = samples[at : at + 8_000]
            raw = g711.encode(piece, g711.ULAW).tobytes() if mulaw else piece.astype("<i2").tobytes()
            media = {"contentType": kind, "sampleRate": rate, "payload": b64encode(raw).decode()}
            await self.say(event="playAudio", media=media)


class Office:
    """A server of programs; `bots` are the connections that came, in order."""

    def __init__(self) -> None:
        self.bots: list[Bot] = []
        self.refuse = 0  # so many connections are refused first
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/bot"

    async def bot(self, number: int = 0, frames: int = 2, within_s: float = 5.0) -> Bot:
        """Waits for a connection and its first frames."""
        end = time.monotonic() + within_s
        while len(self.bots) <= number or len(self.bots[number].frames) < frames:
            assert time.monotonic() < end, f"no bot {number}; {[len(bot.frames) for bot in self.bots]}"
            await asyncio.sleep(0.005)
        return self.bots[number]

    async def serve(self, connection: ServerConnection) -> None:
        bot = Bot(connection)
        self.bots.append(bot)
        with suppress(ConnectionClosed):
            await bot.listen()
        bot.code = connection.close_code


@asynccontextmanager
async def office(context: ssl.SSLContext | None = None) -> AsyncIterator[Office]:
    made = Office()

    def answer(connection: ServerConnection, request: Any) -> Any:
        if made.refuse:
            made.refuse -= 1
            return connection.respond(503, "not now\n")
        return None

    async with serve(made.serve, "127.0.0.1", 0, process_request=answer, max_size=None, ssl=context) as server:
        made.port = next(iter(server.sockets)).getsockname()[1]
        yield made
