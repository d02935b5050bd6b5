"""Recognising speech: a port, and the two ways in which a program of the user's own can stand behind it.

`[plivo] recogniser` is the URL of that program (docs/speech.md has the protocol):

- `http://` or `https://`: one POST with the whole utterance as a WAV file, when the caller has stopped talking.
- `ws://` or `wss://`: the audio while the caller talks, and interim results while it does.

The URL is the operator's own, so it may be on this machine or in a private network, unlike URLs that clients name.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass
from switchhook.exchange.guard import Guard
from switchhook.exchange.ports import Sender
from switchhook.exchange.sender import HttpSender

RATE = 8_000
CONNECT_S = 2.0
MOST_BYTES = 64 * 1024  # of an answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is expected to be heard."""

    language: str = "en-US"
    model: str = "default"
    hints: tuple[str, ...] = ()
    profanity_filter: bool = False


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was said, and how sure the recogniser is (0 to 1); an empty text is nothing."""

    text: str
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Interim:
    """What was probably said so far: the part that will hardly change, and the rest."""

    stable: str
    unstable: str
    stability: float


OnInterim = Callable[[Interim], None]


class Recogniser(Protocol):
    async def recognise(
        self, audio: AsyncIterator[bytes], wanted: Wanted, interim: OnInterim | None = None
    ) -> Recognised:
        """Returns what is said in `audio` (16 bit, little-endian, 8 kHz, one channel); raises `Unavailable`."""

    async def close(self) -> None:
        """Lets go of its connections."""


def recogniser_of(url: str, timeout_s: float) -> Recogniser | None:
    """Returns the recogniser behind a URL; None where there is no URL."""
    if not url:
        return None
    if url.startswith(("ws://", "wss://")):
        return SocketRecogniser(url, timeout_s)
    return HttpRecogniser(url, HttpSender(Guard(("0.0.0.0/0", "::/0"), loopback=True)), timeout_s)


class HttpRecogniser:
    """Posts the utterance as a WAV file, when it is over."""

    def __init__(self, url: str, sender: Sender, timeout_s: float) -> None:
        self._url, self._sender, self._timeout_s = url, sender, timeout_s

    async def recognise(
        self, audio: AsyncIterator[bytes], wanted: Wanted, interim: OnInterim | None = None
    ) -> Recognised:
        samples = b"".join([piece async for piece in audio])
        about = [("language", wanted.language), ("model", wanted.model)]
        about += [("profanity_filter", "true" if wanted.profanity_filter else "false")]
        about += [("hint", hint) for hint in wanted.hints]
        url = f"{self._url}{'&' if '?' in self._url else '?'}{urlencode(about)}"
        try:
            reply = await self._sender.send(
                "POST", url, headers=[("Content-Type", "audio/wav")], body=wav_of(samples),
                connect_s=CONNECT_S, read_s=self._timeout_s, max_bytes=MOST_BYTES,
            )  # fmt: skip
        except Unavailable as error:
            raise Unavailable(str(error).replace(url, _plain(url))) from error
        if not 200 <= reply.status < 300:
            raise Unavailable(f"the recogniser answered {reply.status}")
        return _recognised(_object(reply.body))

    async def close(self) -> None:
        if isinstance(self._sender, HttpSender):
            await self._sender.close()


class SocketRecogniser:
    """Sends the audio over a WebSocket while it comes."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s

    async def recognise(
        self, audio: AsyncIterator[bytes], wanted: Wanted, interim: OnInterim | None = None
    ) -> Recognised:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            async with connect(self._url, open_timeout=CONNECT_S, close_timeout=1.0, max_size=MOST_BYTES) as socket:
                await socket.send(json.dumps(_start(wanted, interim is not None)))
                sending = asyncio.create_task(_send(socket, audio))
                try:
                    return await self._result(socket, sending, interim)
                finally:
                    sending.cancel()
        except (WebSocketException, OSError, TimeoutError) as error:
            why = f"the recogniser at {_plain(self._url)}: {error or type(error).__name__}"
            raise Unavailable(why) from error

    async def close(self) -> None:
        """There is a connection for each utterance only."""

    async def _result(self, socket: Any, sending: asyncio.Task[None], interim: OnInterim | None) -> Recognised:
        late: asyncio.Timeout
        async with asyncio.timeout(None) as late:
            sending.add_done_callback(lambda _: late.reschedule(asyncio.get_running_loop().time() + self._timeout_s))
            async for message in socket:
                found = _object(message)
                if "transcript" in found:
                    return _recognised(found)
                if interim is not None and ("stable" in found or "unstable" in found):
                    interim(_interim(found))
        raise Unavailable("the recogniser closed the connection without a transcript")


async def _send(socket: Any, audio: AsyncIterator[bytes]) -> None:
    async for piece in audio:
        await socket.send(piece)
    await socket.send(json.dumps({"event": "end"}))


def _start(wanted: Wanted, interim: bool) -> dict[str, object]:
    return {
        "event": "start",
        "encoding": "audio/x-l16",
        "sampleRate": RATE,
        "language": wanted.language,
        "model": wanted.model,
        "hints": list(wanted.hints),
        "profanityFilter": wanted.profanity_filter,
        "interim": interim,
    }


def wav_of(samples: bytes) -> bytes:
    """Returns a WAV file of 16 bit samples at 8 kHz, one channel."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2,
                       2, 16, b"data", len(samples))  # fmt: skip
    return head + samples


def _plain(url: str) -> str:
    """Returns a URL as people may see it: without keys and passwords."""
    found = urlsplit(url)
    return urlunsplit((found.scheme, found.netloc.rpartition("@")[2], found.path, "", ""))


def _object(text: bytes | str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unavailable("the recogniser did not answer with JSON") from error
    if not isinstance(found, dict):
        raise Unavailable("the recogniser did not answer with a JSON object")
    return found


def _recognised(found: dict[str, object]) -> Recognised:
    text = found.get("transcript")
    if not isinstance(text, str):
        raise Unavailable("the recogniser's answer has no transcript")
    return Recognised(" ".join(text.split()), _share(found.get("confidence")))


def _interim(found: dict[str, object]) -> Interim:
    return Interim(str(found.get("stable", "")), str(found.get("unstable", "")), _share(found.get("stability")))


def _share(value: object) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) else 0.0
