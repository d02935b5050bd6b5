"""What a client can pile up on the HTTP port is bounded before any dialect sees it."""

from __future__ import annotations

import asyncio

import httpx2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from switchhook.http import MAX_BODY, Bounded, application


class Slow:
    """An application whose requests wait until they are let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.served = 0

    async def wait(self, request: Request) -> Response:
        await self.go.wait()
        self.served += 1
        return PlainTextResponse("done")

    async def read(self, request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    def client(self, requests: int) -> httpx2.AsyncClient:
        routes = [Route("/wait", self.wait), Route("/read", self.read, methods=["POST"]), Route("/healthz", self.read)]
        app = Bounded(application(routes), requests=requests)
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test")


def test_beyond_the_limit_requests_get_429_and_what_was_taken_is_served() -> None:
    async def story() -> None:
        slow = Slow()
        async with slow.client(requests=3) as client:
            taken = [asyncio.create_task(client.get("/wait")) for _ in range(3)]
            await asyncio.sleep(0)
            refused = await client.get("/wait")
            while refused.status_code != 429:
                refused = await client.get("/wait")
            assert refused.headers["retry-after"] == "1"
            assert (await client.get("/healthz")).status_code == 200  # the operator sees in at any time
            slow.go.set()
            assert [reply.status_code for reply in await asyncio.gather(*taken)] == [200] * 3
            assert (await client.get("/wait")).status_code == 200
            assert slow.served == 4

    asyncio.run(asyncio.wait_for(story(), 5))


def test_a_web_socket_counts_while_it_is_open() -> None:
    async def story() -> list[int]:
        slow = Slow()

        async def stays(socket: WebSocket) -> None:
            await socket.accept()
            await slow.go.wait()

        app = Bounded(application([WebSocketRoute("/stay", stays), Route("/wait", slow.wait)]), requests=1)

        async def opens() -> int:
            """Returns 101, or the status of the refusal."""
            status: list[int] = []

            async def receive() -> Message:
                return {"type": "websocket.connect"}

            async def send(message: Message) -> None:
                status.append(message.get("status", 101))

            extensions: dict[str, dict[str, str]] = {"websocket.http.response": {}}
            await app(
                {"type": "websocket", "path": "/stay", "headers": [], "query_string": b"", "extensions": extensions},
                receive,
                send,
            )
            return status[0]

        first = asyncio.create_task(opens())
        await asyncio.sleep(0)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
            found = [await opens(), (await client.get("/wait")).status_code]
            slow.go.set()
            return [*found, await first, await opens(), (await client.get("/wait")).status_code]

    assert asyncio.run(asyncio.wait_for(story(), 5)) == [429, 429, 101, 101, 200]


def test_a_body_that_says_it_is_too_long_is_not_read() -> None:
    async def story() -> None:
        async with Slow().client(requests=3) as client:
            assert (await client.post("/read", content=b"x" * MAX_BODY)).text == str(MAX_BODY)
            assert (await client.post("/read", content=b"x" * (MAX_BODY + 1))).status_code == 413

    asyncio.run(story())


def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 65536
            yield b"x" * 65536

    async def story() -> None:
        async with Slow().client(requests=3) as client:
            assert (await client.post("/read", content=endless())).status_code == 413

    asyncio.run(story())
    assert sent <= 2 * MAX_BODY
