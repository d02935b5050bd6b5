"""The connections of the HTTP port, over real sockets: who does nothing makes room, and what never ends is cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from switchhook.http import HttpServer, application, bind
from switchhook.http_connections import MAX_HEAD, Refused
from switchhook.settings import Settings

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"


class Port:
    """A server with `/now`, which answers, `/later`, which waits, and `/read`, which reads its body."""

    def __init__(self, **bounds: float) -> None:
        self.go = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        refused = dict.fromkeys(Refused, 0)
        routes = [Route("/now", self.now), Route("/later", self.later), Route("/read", self.read, methods=["POST"])]
        app = application(routes, refused)
        app.user_middleware[0].kwargs.update(bounds)
        self.server = HttpServer(app, Settings(), bind("127.0.0.1", 0), refused)
        self.refused = self.server.refused

    async def now(self, _: Request) -> Response:
        return PlainTextResponse("now")

    async def later(self, _: Request) -> Response:
        await self.go.wait()
        return PlainTextResponse("later")

    async def read(self, request: Request) -> Response:
        try:
            return PlainTextResponse(str(len(await request.body())))
        except Exception:  # as a dialect does, which answers whatever happens
            return PlainTextResponse("bug", 500)

    async def connect(self, first: bytes = b"") -> Pair:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(first)
        self._writers.append(writer)
        return reader, writer

    def leave(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


async def status(pair: Pair) -> int:
    """Returns the status of the answer, 0 when the connection was closed without one."""
    try:
        line = await pair[0].readline()
    except ConnectionError:
        return 0
    return int(line.split()[1]) if line else 0


def played(story: Callable[[Port], Awaitable[None]], **bounds: float) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Port]:
        port = Port(**bounds)
        await port.server.start()
        try:
            yield port
        finally:
            port.go.set()
            port.leave()
            await port.server.stop()
            await asyncio.sleep(0)

    async def whole() -> None:
        async with asyncio.timeout(20), opened() as port:
            await story(port)

    asyncio.run(whole())


def test_when_all_places_are_taken_the_one_that_does_nothing_longest_makes_room() -> None:
    async def story(port: Port) -> None:
        port.server.bounds.most = 3
        served = await port.connect(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: port.server.connections == 1 and not port.server.bounds.resting)
        idle, half = await port.connect(), await port.connect(b"GET /now HT")
        await until(lambda: port.server.connections == 3)
        assert await status(await port.connect(GET)) == 200
        assert await status(idle) == 0
        assert port.refused[Refused.IDLE] == 1
        half[1].write(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert await status(half) == 200
        port.go.set()
        assert await status(served) == 200

    played(story)


def test_requests_under_way_make_no_room() -> None:
    async def story(port: Port) -> None:
        port.server.bounds.most = 2
        waiting = [await port.connect(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)]
        await until(lambda: port.server.connections == 2 and not port.server.bounds.resting)
        assert await status(await port.connect(GET)) == 0
        assert port.refused[Refused.CONNECTIONS] == 1
        port.go.set()
        assert [await status(each) for each in waiting] == [200, 200]
        assert await status(await port.connect(GET)) == 200  # they rest now

    played(story)


def test_a_connection_without_a_whole_head_in_time_is_closed() -> None:
    async def story(port: Port) -> None:
        port.server.bounds.first_s = 0.05
        for first in (b"", b"GET /now HTTP/1.1\r\nX: "):
            assert await status(await port.connect(first)) == 0
        assert port.refused[Refused.SILENT] == 2
        assert port.server.connections == 0
        assert not port.server.bounds.resting

    played(story)


@pytest.mark.parametrize(
    "beginning",
    [b"GET /now HTTP/1.1\r\nX: ", b"GET /", b"POST /later HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "],
)
def test_heads_and_trailers_have_an_end(beginning: bytes) -> None:
    async def story(port: Port) -> None:
        reader, writer = await port.connect(beginning)
        writer.write(b"y" * (MAX_HEAD + 100_000))
        try:
            await reader.read()
        except ConnectionError:
            pass
        assert sum(port.refused[each] for each in (Refused.LONG_HEAD, Refused.BROKEN)) == 1
        assert port.server.connections == 0

    played(story)


def test_a_large_body_is_no_large_head() -> None:
    async def story(port: Port) -> None:
        head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        assert await status(await port.connect(head + bytes(1_000_000))) == 200
        assert not any(port.refused.values())

    played(story)


def test_a_body_that_does_not_come_is_408_whatever_reads_it() -> None:
    async def story(port: Port) -> None:
        assert await status(await port.connect(b"POST /read HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")) == 408
        assert port.refused[Refused.SLOW_BODY] == 1

    played(story, body_s=0.05)


def test_bodies_that_are_too_much_together_are_429_and_who_leaves_is_no_bug() -> None:
    async def story(port: Port) -> None:
        head = b"POST /read HTTP/1.1\r\nContent-Length: 900\r\n\r\n"
        first = await port.connect(head + b"x" * 800)
        while await status(await port.connect(head + b"x" * 900)) != 429:  # the first has not been read so far
            pass
        assert port.refused[Refused.BODIES] == 1
        first[1].transport.abort()
        await until(lambda: port.refused[Refused.GONE] == 1)
        assert await status(await port.connect(head + b"x" * 900)) == 200

    played(story, bodies=1000)


def test_what_is_no_http_is_counted_and_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story(port: Port) -> None:
        assert await status(await port.connect(b"\x16\x03\x01\r\n\r\n")) == 400
        assert port.refused[Refused.BROKEN] == 1

    with caplog.at_level(logging.DEBUG):
        played(story)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
