"""The one HTTP port: routes of all dialects, health and metrics, on a socket that is bound before anything starts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from switchhook.core.errors import Unavailable
from switchhook.observe.metrics import CONTENT_TYPE
from switchhook.settings import Settings

MAX_BODY = 1024 * 1024  # bytes of a request


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
    """uvicorn without its signal handlers: the command decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=65536,
                ssl_certfile=settings.http.certificate or None,
                ssl_keyfile=settings.http.key or None,
                ws="none",
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
            raise Unavailable(f"http.certificate or http.key: {error}") from None
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise Unavailable("the HTTP server stopped at once")
            await asyncio.sleep(0.002)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._socket.close()


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Returns the application of all routes; nothing is redirected."""
    app = Starlette(routes=list(routes))
    app.router.redirect_slashes = False
    return app
