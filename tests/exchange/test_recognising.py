"""The two ways to a recogniser: one POST per utterance, and a WebSocket while the caller talks."""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Reply
from switchhook.exchange.recognising import (
    HttpRecogniser,
    Interim,
    Recognised,
    SocketRecogniser,
    Wanted,
    recogniser_of,
)

WANTED = Wanted("de-DE", "phone_call", ("eins", "zwei drei"), True)


async def said(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


class Web:
    """A sender that keeps what it was given."""

    def __init__(self, body: bytes = b'{"transcript": " two  beers ", "confidence": 0.5}', status: int = 200) -> None:
        self.reply = Reply(status, (), body, "")
        self.url, self.body, self.read_s = "", b"", 0.0

    async def send(
        self, method: str, url: str, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b"",
        connect_s: float = 2.0, read_s: float = 40.0, max_bytes: int = 0, follow: bool = True,
    ) -> Reply:  # fmt: skip
        assert method == "POST"
        assert dict(headers)["Content-Type"] == "audio/wav"
        self.url, self.body, self.read_s = url, body, read_s
        return self.reply


def test_the_whole_utterance_is_posted_as_a_wav_file() -> None:
    web = Web()
    recogniser = HttpRecogniser("http://ear.test/hear?key=1", web, 7.0)
    found = asyncio.run(recogniser.recognise(said(b"\1\0", b"\2\0\3\0"), WANTED))
    assert found == Recognised("two beers", 0.5)
    asked = parse_qs(urlsplit(web.url).query)
    assert asked == {
        "key": ["1"], "language": ["de-DE"], "model": ["phone_call"], "profanity_filter": ["true"],
        "hint": ["eins", "zwei drei"],
    }  # fmt: skip
    with wave.open(BytesIO(web.body)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, 8000, 3)
        assert file.readframes(3) == b"\1\0\2\0\3\0"
    assert web.read_s == 7.0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 500),
        (b"no", 200),
        (b"[]", 200),
        (b"{}", 200),
        (b'{"transcript": 5}', 200),
        (b"\xff", 200),
        (b"[" * 50_000, 200),
    ],
)
def test_an_answer_that_says_nothing(body: bytes, status: int) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(HttpRecogniser("http://ear.test", Web(body, status), 1).recognise(said(), Wanted()))


@pytest.mark.parametrize(
    ("confidence", "score"), [("0.25", 0.25), ("7", 1.0), ("-1", 0.0), ('"high"', 0.0), ("null", 0.0)]
)
def test_how_sure_it_is_stays_between_nothing_and_one(confidence: str, score: float) -> None:
    web = Web(f'{{"transcript": "a", "confidence": {confidence}}}'.encode())
    assert asyncio.run(HttpRecogniser("http://ear.test", web, 1).recognise(said(), Wanted())).confidence == score


# --- WebSocket ------------------------------------------------------------------------------------------------------


async def over_socket(
    *answers: object, late: bool = False, timeout_s: float = 5.0
) -> tuple[Recognised, list[object], list[Interim]]:
    """Returns what a recogniser found, what its program was sent, and the interim results."""
    got: list[object] = []
    interim: list[Interim] = []

    async def program(connection: ServerConnection) -> None:
        async for message in connection:
            got.append(message if isinstance(message, bytes) else json.loads(message))
            if got[-1] == {"event": "end"} and not late:
                for answer in answers:
                    await connection.send(answer if isinstance(answer, str) else json.dumps(answer))
                await connection.close()

    async with serve(program, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        recogniser = SocketRecogniser(f"ws://127.0.0.1:{port}/hear", timeout_s)
        found = await recogniser.recognise(said(b"\1\0", b"\2\0"), WANTED, interim.append)
    return found, got, interim


def test_audio_goes_over_the_socket_and_results_come_back() -> None:
    first = {"stable": "two", "unstable": "bears", "stability": 0.5}
    found, got, interim = asyncio.run(over_socket(first, {"noise": 1}, {"transcript": "two beers", "confidence": 0.9}))
    assert found == Recognised("two beers", 0.9)
    assert interim == [Interim("two", "bears", 0.5)]
    start = {
        "event": "start", "encoding": "audio/x-l16", "sampleRate": 8000, "language": "de-DE", "model": "phone_call",
        "hints": ["eins", "zwei drei"], "profanityFilter": True, "interim": True,
    }  # fmt: skip
    assert got == [start, b"\1\0", b"\2\0", {"event": "end"}]


@pytest.mark.parametrize("answers", [(), ("no json",), ("[]",), ({"transcript": None},)])
def test_a_program_that_says_nothing(answers: tuple[object, ...]) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(over_socket(*answers))


def test_a_program_that_is_not_there_or_too_slow() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(SocketRecogniser("ws://127.0.0.1:9/", 1).recognise(said(b"\0\0"), Wanted()))
    with pytest.raises(Unavailable):
        asyncio.run(over_socket(late=True, timeout_s=0.05))


def test_which_way_a_url_means() -> None:
    assert recogniser_of("", 1) is None
    for url, kind in (("http://a", HttpRecogniser), ("https://a", HttpRecogniser), ("wss://a", SocketRecogniser)):
        found = recogniser_of(url, 1)
        assert isinstance(found, kind)
        asyncio.run(found.close())
