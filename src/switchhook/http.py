"""The one HTTP port: routes of all dialects, health and metrics, on a socket that is bound before anything starts.

What a client can pile up is bounded before any dialect sees it, so that nothing that was accepted is refused later: the
bytes of a body (413, at the limit and not after reading it all), the time within which it comes (408), the bytes of all
bodies and the requests and web sockets at a time (429 with Retry-After, not 503: the vendors' libraries send a request
again at once on any 5xx), and the connections (`http_connections`). Each refusal is counted by its reason.

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
from switchhook.http_connections import Connections, Refused
from switchhook.observe.metrics import CONTENT_TYPE
from switchhook.settings import Settings

MAX_BODY = 1024 * 1024  # bytes of a request
MAX_BODIES = 64 * 1024 * 1024  # bytes of all requests under way
BODY_S = 60.0  # within which the body of a request comes
MAX_REQUESTS = 4000  # at a time, long polls included
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

    def __init__(
        self, app: Starlette, settings: Settings, sock: socket.socket, refused: dict[Refused, int] | None = None
    ) -> None:
        self._socket = sock
        self.refused = dict.fromkeys(Refused, 0) if refused is None else refused  # counted here and by `Bounded`
        self.bounds = Connections(self.refused)
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
                http=cast("type[asyncio.Protocol]", self.bounds.protocol),
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

    @property
    def connections(self) -> int:
        """How many connections there are, web sockets included."""
        return len(self._server.server_state.connections)

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


def application(routes: Sequence[BaseRoute], refused: dict[Refused, int] | None = None) -> Starlette:
    """Returns the application of all routes; nothing is redirected. What is refused is counted in `refused`."""
    app = Starlette()
    app.router = _Shelves(routes)
    app.add_middleware(Bounded, refused=refused)
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


class _Stopped(BaseException):
    """A body must not be read any further; no `Exception`, since a dialect answers whatever it does not expect."""

    def __init__(self, reason: Refused) -> None:
        super().__init__()
        self.reason = reason


class Bounded:
    """Keeps a client from piling up requests or bytes. See the top of this file."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests: int = MAX_REQUESTS,
        body: int = MAX_BODY,
        bodies: int = MAX_BODIES,
        body_s: float = BODY_S,
        refused: dict[Refused, int] | None = None,
    ) -> None:
        self._app = app
        self._most = requests
        self._longest = body
        self._most_bytes = bodies
        self._body_s = body_s
        self._refused = dict.fromkeys(Refused, 0) if refused is None else refused
        self._active = 0
        self._bytes = 0  # of the bodies of all requests under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in _OPERATORS:
            await self._app(scope, receive, send)
            return
        reason = self._reason(scope)
        if reason is not None:
            await self._answer(reason)(scope, receive, send)
            return
        self._active += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._active -= 1

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A web socket counts as one request while it is open; its frames are bounded by the server."""
        if self._active >= self._most:
            await WebSocket(scope, receive, send).send_denial_response(self._answer(Refused.REQUESTS))
            return
        self._active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active -= 1

    def _reason(self, scope: Scope) -> Refused | None:
        if self._active >= self._most:
            return Refused.REQUESTS
        for name, value in scope["headers"]:
            if name == b"content-length":
                return Refused.LONG_BODY if value.isdigit() and int(value) > self._longest else None
        return None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, whole, started = 0, False, False
        until = asyncio.get_running_loop().time() + self._body_s

        async def counted() -> Message:
            nonlocal read, whole
            if whole:
                return await receive()  # the end of the connection, which whoever waits for may wait for long
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise _Stopped(Refused.SLOW_BODY) from None
            if message["type"] == "http.disconnect":
                raise _Stopped(Refused.GONE)
            came = len(message.get("body", b""))
            whole = not message.get("more_body", False)
            read += came
            self._bytes += came
            if read > self._longest and not started:
                raise _Stopped(Refused.LONG_BODY)
            if self._bytes > self._most_bytes and not started:
                raise _Stopped(Refused.BODIES)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _Stopped as stopped:
            if stopped.reason is Refused.GONE:
                self._refused[Refused.GONE] += 1
            elif not started:
                await self._answer(stopped.reason)(scope, receive, send)
        finally:
            self._bytes -= read

    def _answer(self, reason: Refused) -> Response:
        self._refused[reason] += 1
        if reason is Refused.LONG_BODY:
            text, status, more = f"the body is longer than {MAX_BODY} bytes", 413, {"Connection": "close"}
        elif reason is Refused.SLOW_BODY:
            text, status, more = "the body did not come in time", 408, {"Connection": "close"}
        elif reason is Refused.BODIES:
            text, status, more = "too many bodies at a time", 429, {"Connection": "close", "Retry-After": "1"}
        else:
            text, status, more = "too many requests at a time", 429, {"Retry-After": "1"}
        return JSONResponse({"error": text}, status, headers=more)
