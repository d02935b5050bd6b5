"""The one HTTP port: routes of all dialects, health and metrics, on a socket that is bound before anything starts.

What a client can pile up is bounded before any dialect sees it, so that nothing that was accepted is refused later: the
bytes of a body (413, at the limit and not after reading it all), the requests and web sockets at a time (429 with
Retry-After, not 503: the vendors' libraries send a request again at once on any 5xx), the connections (closed by
uvicorn with 503).

A route is looked for among those whose paths begin like the request's. The dialects have some 200 routes, and Starlette
tries one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from switchhook.core.errors import Unavailable
from switchhook.observe.metrics import CONTENT_TYPE
from switchhook.settings import Settings

MAX_BODY = 1024 * 1024  # bytes of a request
MAX_REQUESTS = 4000  # at a time, long polls included
MAX_CONNECTIONS = 5000
DATE_S = 1.0  # the age of the date that answers carry, at the most
_OPERATORS = ("/healthz", "/readyz", "/metrics")  # answered at any time


def bind(host: str, port: int) -> socket.socket:
    """Opens the listening socket; raises Unavailable with one line when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise Unavailable(f"http.listen {host}:{port}: {error.strerror}") from None
    sock.setblocking(False)
    return sock


def operator_routes(ready: Callable[[], dict[str, bool]], metrics: Callable[[], bytes]) -> list[BaseRoute]:
    """Returns `/healthz` (the process lives), `/readyz` (it takes calls; 503 names what is missing) and `/metrics`."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        parts = ready()
        status = 200 if all(parts.values()) else 503
        return JSONResponse({"ready": status == 200, "parts": parts}, status)

    async def figures(_: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, and without ten looks a second whether to stop: the command decides."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_stop = asyncio.Event()

    def leave(self) -> None:
        """Lets `serve` come to its end."""
        self.should_exit = True
        self._told_to_stop.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which writes the date
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_S):
                    await self._told_to_stop.wait()


def _web_socket(**given: Any) -> asyncio.Protocol:
    """Makes the protocol of a connection that is upgraded; importing it would cost every start some 50 ms."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**given)


class HttpServer:
    """Serves an application inside our own loop."""

    def __init__(self, app: Starlette, settings: Settings, sock: socket.socket) -> None:
        self._socket = sock
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                log_level="warning",
                lifespan="off",
                server_header=False,
                date_header=True,
                proxy_headers=False,  # nobody here asks where a request came from
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=65536,
                limit_concurrency=MAX_CONNECTIONS,
                ssl_certfile=settings.http.certificate or None,
                ssl_keyfile=settings.http.key or None,
                ws=cast("type[asyncio.Protocol]", _web_socket),
                ws_max_size=MAX_BODY,
                ws_per_message_deflate=False,  # a window for each socket would cost more than the socket
                ws_ping_interval=60.0,  # so that a socket whose peer is gone does not stay for ever
                ws_ping_timeout=30.0,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Returns when requests are taken; raises Unavailable when the certificate cannot be read."""
        try:
            self._server.config.load()
        except OSError as error:
            raise Unavailable(f"http.certificate or http.key cannot be used: {error}") from None
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise Unavailable("the HTTP server stopped at once")
            await asyncio.sleep(0.002)

    async def stop(self) -> None:
        self._server.leave()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._socket.close()


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Returns the application of all routes; nothing is redirected."""
    app = Starlette()
    app.router = _Shelves(routes)
    app.add_middleware(Bounded)
    return app


class _Shelves(Router):
    """All routes, on shelves by the first two words of their paths; what is not found there is looked for everywhere.

    A route that is no `Route` says by `below` how the paths that it matches begin, or stands on every shelf.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes, redirect_slashes=False)
        starts = [_start_of(route) for route in routes]
        self._shelves = {
            start: [route for route, own in zip(routes, starts, strict=True) if own in (start, None)]
            for start in starts
            if start is not None
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        shelf = self._shelves.get(_start(scope["path"]), ()) if scope["type"] != "lifespan" else ()
        for route in shelf:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(router=self, route=route, **found)
                await route.handle(scope, receive, send)
                return
        await super().app(scope, receive, send)


def _start(path: str) -> str:
    """Returns the first two words of a path, in lower case since some paths may be written either way."""
    return "/".join(path.split("/", 3)[:3]).lower()


def _start_of(route: BaseRoute) -> str | None:
    """Returns the first two words of every path that a route matches; None if they are not always the same."""
    path, has_more, _ = getattr(route, "below", getattr(route, "path", "")).partition("{")
    return _start(path) if path and (not has_more or path.count("/") > 2) else None


class _TooLong(Exception):
    """A body went beyond the limit while it was read."""


class Bounded:
    """Keeps a client from piling up requests or bytes. See the top of this file."""

    def __init__(self, app: ASGIApp, *, requests: int = MAX_REQUESTS, body: int = MAX_BODY) -> None:
        self._app = app
        self._most = requests
        self._longest = body
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in _OPERATORS:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._active += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._active -= 1

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A web socket counts as one request while it is open; its frames are bounded by the server."""
        if self._active >= self._most:
            await WebSocket(scope, receive, send).send_denial_response(_too_many())
            return
        self._active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        if self._active >= self._most:
            return _too_many()
        for name, value in scope["headers"]:
            if name == b"content-length":
                return _too_long() if value.isdigit() and int(value) > self._longest else None
        return None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._longest and not started:
                raise _TooLong
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLong:
            await _too_long()(scope, receive, send)


def _too_many() -> Response:
    return JSONResponse({"error": "too many requests at a time"}, 429, headers={"Retry-After": "1"})


def _too_long() -> Response:
    return JSONResponse({"error": f"the body is longer than {MAX_BODY} bytes"}, 413, headers={"Connection": "close"})
