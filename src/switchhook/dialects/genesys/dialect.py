"""Genesys Web Services on an exchange: its routes, and what it listens to.

Every reply of an operation is only its acceptance; what becomes of it is told by CometD. A reply and its notification
have no order between them (genesys 6.3).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from switchhook.core.errors import Refused
from switchhook.core.model import Diversion
from switchhook.dialects.genesys.access import Access, Asker
from switchhook.dialects.genesys.agents import Roster, User
from switchhook.dialects.genesys.asked import Asked
from switchhook.dialects.genesys.bayeux.endpoint import Admission, Denied, Endpoint
from switchhook.dialects.genesys.bayeux.server import Bayeux
from switchhook.dialects.genesys.call_operations import CallOperations
from switchhook.dialects.genesys.calls import Call, Options
from switchhook.dialects.genesys.cors import Cors
from switchhook.dialects.genesys.desks import CONCERNING, Desks
from switchhook.dialects.genesys.device_operations import DeviceOperations
from switchhook.dialects.genesys.dispositions import Dispositions
from switchhook.dialects.genesys.ids import CallIds
from switchhook.dialects.genesys.parameters import Parameters
from switchhook.dialects.genesys.plans import Plans
from switchhook.dialects.genesys.resources import Query, Resources
from switchhook.dialects.genesys.shapes import Body, Shapes, encode
from switchhook.dialects.genesys.status import HTTP, Code, Failure, invalid, of_refusal
from switchhook.dialects.genesys.supervising import CONCERNING as WATCHED
from switchhook.dialects.genesys.supervising import Supervising
from switchhook.dialects.genesys.timeline import write_request
from switchhook.dialects.genesys.user_operations import UserOperations
from switchhook.dialects.genesys.workspace import Carriers, Workspace
from switchhook.exchange.switch import Exchange

log = structlog.get_logger("genesys")

API = "/api/v2"
MAX_BODY = 1 << 20
Get = Callable[[User, Query], Body]
GetNamed = Callable[[User, str, Query], Body]
Turn = Callable[[Request, Asker], Awaitable[Response]]
Operate = Callable[[Parameters, str, str], Body | None]  # what was given, the cause, the key of a repeat


class Genesys:
    """The dialect: `routes` for the HTTP server, `start` and `stop` around it."""

    def __init__(self, exchange: Exchange, *, seed: int | None = None) -> None:
        settings = exchange.settings
        offers = settings.genesys
        options = Options(offers.profile, offers.mute, offers.recorder, offers.clear_call)
        self._exchange = exchange
        self._secure = settings.public_url.startswith("https:")
        self.roster = Roster(tuple(_user(exchange, agent.username) for agent in settings.agents))
        self._access = Access(self.roster, exchange.clock.now, csrf=settings.genesys.csrf)
        self._cors = Cors(settings.genesys.allowed_origins)
        self.bayeux = Bayeux(
            connect_s=settings.genesys.connect_s,
            max_interval_s=settings.genesys.max_interval_s,
            max_queue=settings.genesys.max_queue,
            now=exchange.clock.now,
            new_id=lambda: secrets.token_hex(14),
            on_last_gone=self._last_session_gone,
            sockets=settings.genesys.websocket,
        )
        self._notifications = Endpoint(
            self.bayeux,
            admit=self._admit,
            wrong=lambda text: _failed(invalid(text)),
            origins=self._cors,
            home=settings.public_url,
            spawn=exchange.spawn,
            now=exchange.clock.now,
            sockets=settings.genesys.websocket,
        )
        shapes = Shapes(settings.public_url, options)
        ids = CallIds(secrets.randbits(128) if seed is None else seed)
        self.desks = Desks(exchange, self.roster, shapes, options, ids, self.bayeux)
        plans = Plans(exchange)
        self.supervising = Supervising(exchange, self.desks, plans, self.roster.users)
        self.devices = DeviceOperations(exchange, self.desks, plans, self.supervising)
        self._calls = CallOperations(exchange, self.desks, plans, self.supervising)
        self._dispositions = Dispositions(exchange, self.desks)
        self._users = UserOperations(exchange, self.desks, plans, self.supervising)
        self._resources = Resources(self.desks, shapes, exchange.clock, settings, self.roster)
        asked = Carriers(self._calls, self._users, self.devices)
        self.workspace = Workspace(exchange, self.roster, self.desks, asked, self._last_session_gone)
        self._graces: dict[str, asyncio.TimerHandle] = {}
        if settings.agents:
            exchange.subscribe(self.desks.heard, CONCERNING)
            exchange.subscribe(self.supervising.heard, WATCHED)

    async def start(self) -> None:
        """Nothing has to be begun: the dialect lives from requests and facts."""

    async def stop(self) -> None:
        """Answers every waiting desktop, so that the HTTP server can end its connections."""
        for grace in self._graces.values():
            grace.cancel()
        self._graces.clear()
        self.desks.close()
        self._notifications.close()
        self.workspace.stop()

    # --- routes -----------------------------------------------------------------------------------------------------

    def routes(self) -> list[BaseRoute]:
        resources = self._resources
        routes: list[BaseRoute] = []

        def at(path: str, get: Turn | None = None, post: Turn | None = None) -> None:
            turn = self._gate({"GET": get, "POST": post})
            routes.extend(Route(f"{API}{path}{slash}", turn, methods=_METHODS) for slash in ("", "/"))

        at("/me", self._get(resources.me), self._post_user)
        at("/me/devices", self._get(resources.devices))
        for device in ("/me/devices/{device}", "/devices/{device}"):
            seen = self._get_named(resources.another_device, "device")
            at(device, self._get_device(resources.device) if "/me" in device else seen, self._post_device)
            at(f"{device}/calls", self._get_device(resources.calls), self._post_device_calls)
            at(f"{device}/settings/tserver", self._get_device(resources.settings))
        at("/me/calls", self._get(resources.calls))
        at("/me/calls/{call}", self._get_call, self._post_call)
        at("/me/channels", self._get(resources.channels))
        at("/me/channels/voice", self._get(resources.channel), self._post_channel)
        at("/me/features", self._get(resources.features))
        at("/features", self._get(resources.features))
        at("/features/{name}", self._get_named(resources.feature))
        at("/me/skills", self._get(resources.skills))
        at("/users", self._get(resources.users))
        at("/users/{name}", self._get_named(resources.another))
        at("/me/settings", self._get(resources.settings))
        at("/me/settings/{section}", self._get(resources.settings))
        at("/settings/agent-states", self._get(resources.agent_states))
        at("/settings/agent-states/{name}", self._get_named(resources.agent_state))
        at("/services", self._get(resources.services))
        at("/services/{name}", self._get_named(resources.service))
        at("/voice-environments", self._get(resources.voice_environments))
        at("/voice-environments/{name}", self._get_named(resources.voice_environment))
        at("/diagnostics/version", self._get(resources.version))
        routes.extend(self._notifications.routes(f"{API}/notifications"))
        for path in ("/notifications", "/notifications/{rest:path}"):
            routes.append(Route(API + path, self._gate({}, exists=True), methods=_METHODS))
        at("")
        routes.append(Route(f"{API}/{{rest:path}}", self._gate({}), methods=_METHODS))
        return routes + self.workspace.routes()

    def _gate(self, turns: dict[str, Turn | None], *, exists: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """Lets a request through to its turn once it is known who asks; words every refusal."""

        async def gate(request: Request) -> Response:
            if request.method == "OPTIONS":
                return self._preflight(request)
            extra: dict[str, str] = {}
            try:
                asker = self._access.asker(request)
                extra = self._access.headers(asker, request, secure=self._secure)
                self._access.check_token(asker, request)
                turn = turns.get("GET" if request.method == "HEAD" else request.method)
                if turn is None:
                    raise _no_such(request, exists or any(turns.values()))
                response = await turn(request, asker)
            except Failure as failure:
                response = _failed(failure)
            except Exception:  # a bug of ours: told in the API's own shape, and to the log
                log.exception("request failed", path=request.url.path)
                response = _failed(Failure(Code.FAILED, "Internal error."))
            response.headers.update({**self._cors.headers(request.headers.get("origin")), **extra})
            return response

        return gate

    def _preflight(self, request: Request) -> Response:
        headers = self._cors.headers(request.headers.get("origin"), preflight=True)
        return Response(status_code=200, headers={"Allow": "GET, POST, OPTIONS", **headers})

    # --- reading ----------------------------------------------------------------------------------------------------

    def _get(self, get: Get) -> Turn:
        async def turn(request: Request, asker: Asker) -> Response:
            return _ok(get(asker.user, request.query_params))

        return turn

    def _get_named(self, get: GetNamed, member: str = "name") -> Turn:
        async def turn(request: Request, asker: Asker) -> Response:
            return _ok(get(asker.user, request.path_params[member], request.query_params))

        return turn

    def _get_device(self, get: Get) -> Turn:
        async def turn(request: Request, asker: Asker) -> Response:
            _need_device(request, asker)
            return _ok(get(asker.user, request.query_params))

        return turn

    async def _get_call(self, request: Request, asker: Asker) -> Response:
        return _ok(self._resources.call(asker.user, request.path_params["call"], request.query_params))

    # --- operations -------------------------------------------------------------------------------------------------

    async def _operate(self, request: Request, asker: Asker, carry_out: Operate, call: Call | None = None) -> Response:
        """Reads an operation, carries it out, and writes what was answered into the timeline of the call."""
        parameters = await _parameters(request)
        path = request.url.path.rstrip("/")
        request_id = request.headers.get("x-request-id", "")
        repeat = self._exchange.repeats.key(asker.user.name, path, parameters.given, request_id)
        cause = f"{parameters.operation} by {asker.user.name}"
        line = self._line_of(call)
        try:
            response = _ok(carry_out(parameters, cause, repeat) or {})
        except Refused as refused:
            response = _failed(of_refusal(refused))
        except Failure as failure:
            response = _failed(failure)
        write_request(self._exchange, request, response, parameters.summary(), line, cause)
        return response

    def _line_of(self, call: Call | None) -> tuple[str, str]:
        leg = self._exchange.state.legs.get(call.leg) if call is not None else None
        return (leg.id, leg.call) if leg is not None else ("", "")

    async def _post_user(self, request: Request, asker: Asker) -> Response:
        def carry_out(parameters: Parameters, cause: str, repeat: str) -> Body:
            more = self._users.on_user(asker.user, parameters)
            if parameters.operation == "EndContactCenterSession":
                self._access.end(asker.session)
            return more

        return await self._operate(request, asker, carry_out)

    async def _post_channel(self, request: Request, asker: Asker) -> Response:
        def carry_out(parameters: Parameters, cause: str, repeat: str) -> Body:
            return self._users.on_channel(asker.user, parameters)

        return await self._operate(request, asker, carry_out)

    async def _post_device(self, request: Request, asker: Asker) -> Response:
        _need_device(request, asker)

        def carry_out(parameters: Parameters, cause: str, repeat: str) -> Body | None:
            if parameters.operation != "SetCallDisposition":
                self.devices.run(asker.user, parameters, cause)
                return None
            self._dispositions.set(asker.user, parameters, cause)
            return None

        return await self._operate(request, asker, carry_out)

    async def _post_device_calls(self, request: Request, asker: Asker) -> Response:
        _need_device(request, asker)

        def carry_out(parameters: Parameters, cause: str, repeat: str) -> None:
            self._users.on_device(asker.user, parameters, cause, repeat)

        return await self._operate(request, asker, carry_out)

    async def _post_call(self, request: Request, asker: Asker) -> Response:
        call_id = request.path_params["call"]

        def carry_out(parameters: Parameters, cause: str, repeat: str) -> None:
            if self._exchange.repeats.find(repeat) is None:  # the calls of a repeat may be gone by now
                found = self._resources.find(asker.user, call_id)
                self._calls.run(Asked(asker.user, found, parameters, cause, repeat))

        return await self._operate(request, asker, carry_out, self.desks.calls(asker.user).live.get(call_id))

    # --- CometD -----------------------------------------------------------------------------------------------------

    def _admit(self, request: Request) -> Admission:
        """Says who asks, and what the reply carries; for CometD the token is not asked for (genesys 1.3)."""
        try:
            asker = self._access.asker(request)
        except Failure as failure:
            raise Denied(_failed(failure)) from None
        return asker.user.name, self._access.headers(asker, request, secure=self._secure)

    def _last_session_gone(self, name: str) -> None:
        """An agent whose last desktop is gone stays logged in for a while: it may only be reconnecting."""
        earlier = self._graces.pop(name, None)
        if earlier is not None:
            earlier.cancel()
        grace_s = self._exchange.settings.genesys.session_grace_s
        self._graces[name] = asyncio.get_running_loop().call_later(grace_s, self._grace_over, name)

    def _grace_over(self, name: str) -> None:
        self._graces.pop(name, None)
        user = self.roster.users[name]
        if user.in_session and not self.bayeux.sessions_of(name) and not self.workspace.channels.sessions_of(name):
            self._users.end(user)


# --- small parts ----------------------------------------------------------------------------------------------------

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _user(exchange: Exchange, username: str) -> User:
    directory = exchange.directory
    agent = directory.agent_names[username]
    user = User(agent, directory.account_of_agent(username), directory.agent_destination(username).key)
    user.divert(exchange.state.diversions.get(user.key, Diversion()))
    return user


async def _parameters(request: Request) -> Parameters:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise invalid("The body is too large.")
    return Parameters.read(bytes(body))


def _need_device(request: Request, asker: Asker) -> None:
    device = request.path_params["device"]
    if device != asker.user.device:
        raise Failure(Code.NOT_FOUND, f"Device '{device}' is not found.")


def _no_such(request: Request, exists: bool) -> Failure:
    if exists:
        return Failure(Code.FORBIDDEN, f"Method {request.method} is not available here.")
    return Failure(Code.NOT_FOUND, f"Resource '{request.url.path}' is not found.")


def _ok(body: Body) -> Response:
    whole = {"statusCode": 0, **body}
    status = HTTP[Code.SUCCESS]
    return Response(encode(whole), status_code=status, media_type="application/json")


def _failed(failure: Failure) -> Response:
    return Response(encode(failure.body()), status_code=failure.http, media_type="application/json")
