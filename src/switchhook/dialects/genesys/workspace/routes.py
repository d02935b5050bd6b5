"""The Workspace API on an exchange: its routes beside those of the other API, with which it shares agents and calls.

Every reply is `{"status": {"code", "message"}}`: code 0 for what is done, 1 for what was accepted and is told by
CometD, and for a refusal the HTTP status (our choice), because no other codes are documented.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from switchhook.core.errors import Refused
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import Roster
from switchhook.dialects.genesys.bayeux.endpoint import Admission, Denied, Endpoint
from switchhook.dialects.genesys.call_operations import CallOperations
from switchhook.dialects.genesys.calls import Options
from switchhook.dialects.genesys.cors import HEADERS, Cors
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.device_operations import DeviceOperations
from switchhook.dialects.genesys.shapes import Body, encode
from switchhook.dialects.genesys.status import Code, Failure, invalid, of_refusal
from switchhook.dialects.genesys.timeline import write_request
from switchhook.dialects.genesys.user_operations import UserOperations
from switchhook.dialects.genesys.workspace.access import COOKIE, TOKEN_S, Access, Session
from switchhook.dialects.genesys.workspace.agent_states import OPERATIONS as OF_AGENTS
from switchhook.dialects.genesys.workspace.agent_states import AgentStates, Turn
from switchhook.dialects.genesys.workspace.given import Given
from switchhook.dialects.genesys.workspace.messages import Channels, Messages
from switchhook.dialects.genesys.workspace.operations import Operations
from switchhook.dialects.genesys.workspace.shapes import Shapes
from switchhook.exchange.switch import Exchange

log = structlog.get_logger("genesys.workspace")

API = "/workspace/v3"
TOKEN = "/auth/v3/oauth/token"
MAX_BODY = 1 << 20
CONFIGURATION: Body = {"actionCodes": [], "transactions": [], "businessAttributes": []}
DONE, ACCEPTED = 0, 1
Answer = Callable[[Request], Awaitable[Response]]
CarryOut = Callable[[Given, str, str], None]  # what was given, the cause, the key of a repeat


@dataclass(frozen=True, slots=True)
class Carriers:
    """Who carries out what is asked: the operations of the other API."""

    calls: CallOperations
    users: UserOperations
    devices: DeviceOperations


class Origins(Cors):
    """The same origins as those of the other API; their pages may send the API key."""

    def headers(self, origin: str | None, *, preflight: bool = False) -> dict[str, str]:
        found = super().headers(origin, preflight=preflight)
        return {**found, "Access-Control-Allow-Headers": f"{HEADERS},x-api-key"} if found and preflight else found


class Workspace:
    """The Workspace API: `routes` for the HTTP server; `stop` before it ends."""

    def __init__(
        self, exchange: Exchange, roster: Roster, desks: Desks, asked: Carriers, on_last_gone: Callable[[str], None]
    ) -> None:
        settings = exchange.settings.genesys
        self._exchange = exchange
        self._secure = exchange.settings.public_url.startswith("https:")
        self._cors = Origins(settings.allowed_origins)
        self._access = Access(roster, exchange.clock.now, settings.api_key)
        self.channels = Channels(
            connect_s=settings.connect_s,
            max_interval_s=settings.max_interval_s,
            max_queue=settings.max_queue,
            now=exchange.clock.now,
            new_id=lambda: secrets.token_hex(14),
            on_last_gone=on_last_gone,
        )
        self._notifications = Endpoint(
            self.channels,
            admit=self._admit,
            wrong=lambda text: _failed(invalid(text)),
            origins=self._cors,
            home=exchange.settings.public_url,
            spawn=exchange.spawn,
            now=exchange.clock.now,
            sockets=False,
        )
        options = Options(settings.profile, settings.mute, settings.recorder)
        self._shapes = Shapes(options)
        self._messages = Messages(exchange, desks, self._shapes, self.channels, CONFIGURATION)
        self._operations = Operations(exchange, desks, asked.calls)
        self._agents = AgentStates(asked.users, asked.devices, self._messages)

    def stop(self) -> None:
        """Answers every waiting desktop, so that the HTTP server can end its connections."""
        self._notifications.close()

    # --- routes -----------------------------------------------------------------------------------------------------

    def routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = []

        def at(path: str, get: Answer | None = None, post: Answer | None = None) -> None:
            gate = self._gate({"GET": get, "POST": post})
            routes.extend(Route(path + slash, gate, methods=_METHODS) for slash in ("", "/"))

        at(TOKEN, post=self._token)
        at(f"{API}/initialize-workspace", post=self._initialize)
        at(f"{API}/activate-channels", post=self._activate)
        at(f"{API}/current-session", get=self._current_session)
        at(f"{API}/configuration", get=self._configuration)
        at(f"{API}/logout", get=self._logout, post=self._logout)
        at(f"{API}/voice/calls", get=self._calls)
        at(f"{API}/voice/calls/{{call}}/{{operation}}", post=self._on_call)
        for name in OF_AGENTS:
            at(f"{API}/voice/{name}", post=self._on_agent(name))
        routes.extend(self._notifications.routes(f"{API}/notifications"))
        at(API)
        routes.append(Route(f"{API}/{{rest:path}}", self._gate({}), methods=_METHODS))
        return routes

    def _gate(self, answers: dict[str, Answer | None]) -> Answer:
        """Words every refusal; an API key is asked for before anything else."""

        async def gate(request: Request) -> Response:
            origin = request.headers.get("origin")
            if request.method == "OPTIONS":
                headers = self._cors.headers(origin, preflight=True)
                return Response(status_code=200, headers={"Allow": "GET, POST, OPTIONS", **headers})
            try:
                self._access.check_key(request)
                answer = answers.get("GET" if request.method == "HEAD" else request.method)
                if answer is None:
                    raise _no_such(request, any(answers.values()))
                response = await answer(request)
            except Failure as failure:
                response = _failed(failure)
            except Exception:  # a bug of ours: told in the API's own shape, and to the log
                log.exception("request failed", path=request.url.path)
                response = _failed(Failure(Code.FAILED, "Internal error."))
            response.headers.update(self._cors.headers(origin))
            return response

        return gate

    # --- session ----------------------------------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        """Gives an agent a token for its password (RFC 6749 4.3 and 5)."""
        fields = dict(parse_qsl((await _body(request)).decode("utf-8", "replace")))
        if fields.get("grant_type") != "password":
            return _json(400, {"error": "unsupported_grant_type", "error_description": "Only password is."})
        found = self._access.token(fields.get("username", ""), fields.get("password", ""))
        if found is None:
            return _json(400, {"error": "invalid_grant", "error_description": "No such user, or another password."})
        body: Body = {"access_token": found.text, "token_type": "bearer", "expires_in": int(TOKEN_S), "scope": "*"}
        response = _json(200, body)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _initialize(self, request: Request) -> Response:
        """Opens the session of a desktop; its user is told on the initialisation channel."""
        if "code" in request.query_params and "authorization" not in request.headers:
            raise Failure(Code.NOT_AUTHENTICATED, "Authorization codes are not given out here; use a bearer token.")
        session = self._access.open(self._access.bearer(request))
        self._messages.introduce(session.user)
        response = _status(ACCEPTED, "Workspace initialization has begun.")
        secure = "; Secure" if self._secure else ""
        response.headers["Set-Cookie"] = f"{COOKIE}={session.id}; Path=/; HttpOnly{secure}"
        return response

    async def _activate(self, request: Request) -> Response:
        session = self._access.session(request)
        return await self._operate(
            request, session, lambda given, cause, repeat: self._agents.activate(session.user, given), DONE
        )

    async def _current_session(self, request: Request) -> Response:
        user = self._access.session(request).user
        shown = self._shapes.user(user)
        if user.in_session:
            active: Body = {"currentPlace": user.number, "dn": self._shapes.dn(user)}
            shown["activeSession"] = {**active, "calls": self._messages.calls(user)}
        return _status(DONE, "OK", {"user": shown})

    async def _configuration(self, request: Request) -> Response:
        self._access.session(request)
        return _status(DONE, "OK", CONFIGURATION)

    async def _logout(self, request: Request) -> Response:
        session = self._access.session(request)
        self._agents.end(session.user)
        self._access.end(session)
        return _status(DONE, "OK")

    # --- voice ------------------------------------------------------------------------------------------------------

    async def _calls(self, request: Request) -> Response:
        user = self._access.session(request).user
        return _status(DONE, "OK", {"calls": self._messages.calls(user)})

    async def _on_call(self, request: Request) -> Response:
        session = self._access.session(request)
        conn_id, name = request.path_params["call"], request.path_params["operation"]

        def carry_out(given: Given, cause: str, repeat: str) -> None:
            if name == "complete":
                self._messages.complete(session.user, conn_id)
            else:
                self._operations.run(name, session.user, conn_id, given, cause, repeat)

        return await self._operate(request, session, carry_out, ACCEPTED, conn_id)

    def _on_agent(self, name: str) -> Answer:
        async def answer(request: Request) -> Response:
            session = self._access.session(request)

            def carry_out(given: Given, cause: str, repeat: str) -> None:
                OF_AGENTS[name](self._agents, Turn(session.user, given, cause, repeat))

            return await self._operate(request, session, carry_out, ACCEPTED)

        return answer

    async def _operate(
        self, request: Request, session: Session, carry_out: CarryOut, code: int, conn_id: str = ""
    ) -> Response:
        """Reads an operation, carries it out, and writes what was answered into the timeline of the call."""
        given = Given.read(await _body(request))
        user, path = session.user, request.url.path.rstrip("/")
        repeat = self._exchange.repeats.key(user.name, path, given.body, request.headers.get("x-request-id", ""))
        cause = f"{path.rpartition('/')[2]} by {user.name}"
        line = self._operations.line_of(user, conn_id)
        try:
            carry_out(given, cause, repeat)
            response = _status(code, "OK")
        except Refused as refused:
            response = _failed(of_refusal(refused))
        except Failure as failure:
            response = _failed(failure)
        write_request(self._exchange, request, response, given.summary(), line, cause)
        return response

    # --- CometD -----------------------------------------------------------------------------------------------------

    def _admit(self, request: Request) -> Admission:
        try:
            self._access.check_key(request)
            return self._access.session(request).user.name, {}
        except Failure as failure:
            raise Denied(_failed(failure)) from None


# --- small parts ----------------------------------------------------------------------------------------------------

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise invalid("The body is too large.")
    return bytes(body)


def _no_such(request: Request, exists: bool) -> Failure:
    if exists:
        return Failure(Code.FORBIDDEN, f"Method {request.method} is not available here.")
    return Failure(Code.NOT_FOUND, f"Resource '{request.url.path}' is not found.")


def _json(status: int, body: Body) -> Response:
    return Response(encode(body), status_code=status, media_type="application/json")


def _status(code: int, message: str, data: Body | None = None) -> Response:
    body: Body = {"status": {"code": code, "message": message}}
    return _json(200, body if data is None else {**body, "data": data})


def _failed(failure: Failure) -> Response:
    """Words a refusal; the HTTP status is its code."""
    status = 401 if failure.code is Code.NOT_AUTHENTICATED else failure.http
    return _json(status, {"status": {"code": status, "message": failure.message}})
