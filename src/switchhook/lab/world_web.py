"""The web as the server sees it: the user's own application, mounted in-process, or canned answers.

    world.web.mount("http://app.test", app)                # any ASGI application; no port, no process
    world.web.on("http://app.test/answer", "<Response/>")  # or (status, text), an exception, a function of the Hook
    world.web.hooks                                        # every request the server sent, in order

The server's real sender is used (redirects, sizes, policy); only its connections end here. A host that nobody mounted
or answers for refuses the connection. An exception in the application is a 500, is kept in `errors` and shown when the
test fails.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx2

from switchhook.core.errors import Unavailable
from switchhook.exchange.sender import system_resolve
from switchhook.lab.stage import Answer, Hook
from switchhook.lab.world_lifespan import Lifespan

App = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Web:
    """Everything the server can reach by HTTP. `outside` carries what is for nobody here, where that is allowed."""

    def __init__(self, now: Callable[[], float], *, outside: httpx2.AsyncBaseTransport | None = None) -> None:
        self.hooks: list[Hook] = []
        self.errors: list[str] = []
        self.delay_s = 0.001  # how long every answer takes
        self.transport = _Transport(self, outside)
        self._now = now
        self._canned: dict[str, Answer] = {}
        self._mounts: dict[str, App] = {}
        self._lives: dict[str, Lifespan] = {}

    def mount(self, base_url: str, app: App) -> None:
        """Serves everything below `base_url` (scheme, host, port if any, no path) by an ASGI application.

        Its lifespan begins with its first request.
        """
        base = base_url.rstrip("/")
        if "/" in base.partition("://")[2] or "://" not in base:
            raise ValueError(f"mount a whole host, such as http://app.test, not {base_url!r}")
        self._mounts[base] = app
        self._lives[base] = Lifespan(app)

    async def close(self) -> None:
        """Stops the mounted applications that were ever asked."""
        for life in self._lives.values():
            await life.stop()

    def on(self, url: str, answer: Answer) -> None:
        """Answers requests to `url` (compared without query); wins over a mounted application."""
        self._canned[url] = answer

    def to(self, url: str) -> list[Hook]:
        """Returns the requests to `url` so far, compared without query."""
        return [hook for hook in self.hooks if hook.url.partition("?")[0] == url]

    def knows(self, url: str) -> bool:
        """Returns whether anybody here would answer."""
        return url.partition("?")[0] in self._canned or _base(url) in self._mounts

    async def resolve(self, host: str) -> Sequence[str]:
        """Gives every mounted or canned name an address; others are asked of the system where that is allowed."""
        bases = [*self._mounts, *map(_base, self._canned)]
        ours = any(base.partition("://")[2].partition(":")[0] == host for base in bases)
        return await system_resolve(host) if self.transport.outside is not None and not ours else ["127.0.0.1"]

    async def answer(self, hook: Hook) -> httpx2.Response:
        """Answers one request; raises `ConnectError` when nobody listens."""
        self.hooks.append(hook)
        await asyncio.sleep(self.delay_s)
        canned = self._canned.get(hook.url.partition("?")[0])
        if canned is not None:
            return await self._canned_answer(canned, hook)
        app = self._mounts.get(_base(hook.url))
        if app is None:
            raise httpx2.ConnectError(f"nobody listens at {_base(hook.url)}: mount an application there")
        return await self._ask(app, hook)

    async def _canned_answer(self, answer: Answer, hook: Hook) -> httpx2.Response:
        if callable(answer):
            answer = answer(hook)
            if inspect.isawaitable(answer):
                answer = await answer
        if isinstance(answer, Exception):
            raise httpx2.ConnectError(str(answer)) if isinstance(answer, Unavailable) else answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        assert isinstance(content, str | bytes)
        return httpx2.Response(status, headers={"content-type": "application/xml"}, content=content)

    async def _ask(self, app: App, hook: Hook) -> httpx2.Response:
        life = self._lives[_base(hook.url)]
        transport = httpx2.ASGITransport(app=_with_state(app, life.state))
        request = httpx2.Request(hook.method, hook.url, headers=hook.headers, content=hook.body)
        try:
            await life.start()
            answer = await transport.handle_async_request(request)
            return httpx2.Response(answer.status_code, headers=answer.headers, content=await answer.aread())
        except Exception as error:  # as any ASGI server does
            lines = traceback.format_exception(error)
            self.errors.append(f"{hook.method} {hook.url}\n{''.join(lines)}")
            return httpx2.Response(500, content=b"Internal Server Error")


class _Transport(httpx2.AsyncBaseTransport):
    """Where the sender's connections end. The name that was asked for stands in the Host header."""

    def __init__(self, web: Web, outside: httpx2.AsyncBaseTransport | None) -> None:
        self._web = web
        self.outside = outside

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.headers["host"]
        url = str(request.url.copy_with(netloc=host.encode()))
        if self.outside is not None and not self._web.knows(url):
            return await self.outside.handle_async_request(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        hook = Hook(request.method, url, headers, await request.aread(), self._web._now())
        read_s = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(read_s):
                return await self._web.answer(hook)
        except TimeoutError:
            raise httpx2.ReadTimeout(f"no answer within {read_s:g} s", request=request) from None

    async def aclose(self) -> None:
        if self.outside is not None:
            await self.outside.aclose()


class Nearby(httpx2.AsyncBaseTransport):
    """Requests to an ASGI application in this loop, with the time that a way there and back takes."""

    def __init__(self, app: App, *, way_s: float = 0.0005) -> None:
        self._inside = httpx2.ASGITransport(app=app)
        self._way_s = way_s

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(self._way_s)
        answer = await self._inside.handle_async_request(request)
        await asyncio.sleep(self._way_s)
        return answer


def _with_state(app: App, state: dict[str, Any]) -> App:
    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    return asked


def _base(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"
