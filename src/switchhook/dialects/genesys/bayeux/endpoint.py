"""CometD at a path: long-polling, callback-polling and web sockets in front of one `Bayeux`.

For every API that tells its clients something this way. Whose request it is, how a refusal is worded and which origins
may ask is the API's; an endpoint can be mounted at several paths.

A web socket of a browser carries the cookie of whoever sits there, whichever page opened it, and no CORS stands in
between (RFC 6455 10.2); the same holds for the script that callback-polling is. So the page that asks for either must
be the server's own, or one of those that CORS lets in. Programs that are no browser do not name a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from switchhook.dialects.genesys.bayeux.polling import BadRequest, Spawn, read, respond
from switchhook.dialects.genesys.bayeux.server import Bayeux
from switchhook.dialects.genesys.bayeux.sockets import NotAdmitted, Socket

Admission = tuple[str, Mapping[str, str]]  # the user's name, headers for the reply


class Denied(Exception):
    """This request is not let in; `response` says so in the words of the API."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Origins(Protocol):
    """Which pages of other servers may ask (`cors.Cors`)."""

    def headers(self, origin: str | None, *, preflight: bool = False) -> dict[str, str]:
        """Returns the headers that let this origin in, or nothing."""


class Endpoint:
    """One CometD endpoint. `admit` names who asks or raises `Denied`; `wrong` words a request without messages."""

    def __init__(
        self,
        bayeux: Bayeux,
        *,
        admit: Callable[[Request], Admission],
        wrong: Callable[[str], Response],
        origins: Origins,
        home: str,
        spawn: Spawn,
        now: Callable[[], float],
        sockets: bool = True,
    ) -> None:
        self._bayeux = bayeux
        self._admit = admit
        self._wrong = wrong
        self._origins = origins
        self._home = urlsplit(home).netloc  # where the server's own pages are
        self._spawn = spawn
        self._now = now
        self._sockets = sockets
        self._expiry: asyncio.TimerHandle | None = None

    def routes(self, path: str) -> list[BaseRoute]:
        """Returns the routes of this path and of everything below it: clients append the type of the message."""
        routes: list[BaseRoute] = []
        for each in (path, f"{path}/{{rest:path}}"):
            routes.append(Route(each, self._http, methods=["GET", "POST", "OPTIONS"]))
            routes.append(WebSocketRoute(each, self._socket))
        return routes

    def close(self) -> None:
        """Answers every connect that waits, and holds none any more."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._bayeux.release_all()

    # --- HTTP -------------------------------------------------------------------------------------------------------

    async def _http(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if request.method == "OPTIONS":
            headers = self._origins.headers(origin, preflight=True)
            return Response(status_code=200, headers={"Allow": "GET, POST, OPTIONS", **headers})
        if request.method == "GET" and self._foreign(request):
            return Response(status_code=403)
        more: Mapping[str, str] = {}
        try:
            user, more = self._admit(request)
            messages, callback = await read(request)
            answer = self._bayeux.receive(user, messages)
            response = respond(self._bayeux, answer, callback, self._spawn)
            self._watch()
        except Denied as denied:
            response = denied.response
        except BadRequest as wrong:
            response = self._wrong(f"{wrong}.")
        response.headers.update({**self._origins.headers(origin), **more})
        return response

    # --- web sockets ------------------------------------------------------------------------------------------------

    async def _socket(self, socket: WebSocket) -> None:
        """Accepts the upgrade only from those who may ask; else HTTP says no, and the client polls (genesys 7.2)."""
        request = Request({**socket.scope, "type": "http", "method": "GET"})  # an upgrade is a GET
        if not self._sockets or self._foreign(request):
            await socket.send_denial_response(Response(status_code=403))
            return
        try:
            _, more = self._admit(request)
        except Denied as denied:
            await socket.send_denial_response(denied.response)
            return
        await socket.accept(headers=[(name.lower().encode(), value.encode()) for name, value in more.items()])
        await Socket(self._bayeux, socket, lambda: self._user(request), self._spawn, self._watch).serve()

    def _user(self, request: Request) -> str:
        try:
            return self._admit(request)[0]
        except Denied:
            raise NotAdmitted from None

    def _foreign(self, request: Request) -> bool:
        """True for a page that may not ask; a script names its page by `Referer`, or only says how far away it is."""
        headers = request.headers
        page = urlsplit(headers.get("origin") or headers.get("referer") or "")
        if not headers.get("origin") and not page.netloc:
            return headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
        if page.netloc and page.netloc in (headers.get("host", ""), self._home):
            return False
        return not self._origins.headers(f"{page.scheme}://{page.netloc}")

    # --- expiry -----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Keeps one timer for the session that ends first."""
        end = self._bayeux.next_end()
        if self._expiry is None and end is not None:
            wait_s = max(0.0, end - self._now()) + 0.001
            self._expiry = asyncio.get_running_loop().call_later(wait_s, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self._bayeux.expire()
        self._watch()
