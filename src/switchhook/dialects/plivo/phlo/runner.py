"""The runner's HTTP face: R1 to R8 in both slash forms, never a redirect, every answer a JSON object with `api_id`.

The path is taken apart here and not by route patterns, because a member's address may hold nearly anything up to the
end of the path (plivo-phlo 9.6, point 4), and because a wrong method must get this dialect's own 405.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.phlo import problems, views
from switchhook.dialects.plivo.phlo.actions import NODE_ACTIONS, REMOVALS, Actions
from switchhook.dialects.plivo.phlo.asker import asker_of, may_act_for
from switchhook.dialects.plivo.phlo.parameters import MAX_BYTES, action_of, optional_text, parameters
from switchhook.dialects.plivo.problems import Problem
from switchhook.exchange.chance import PooledRandom
from switchhook.exchange.switch import Exchange
from switchhook.flows.catalog import type_name
from switchhook.flows.graph import Flow, Node
from switchhook.flows.walk import Walker
from switchhook.settings import Account

log = structlog.get_logger("phlo")

Given = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, taken apart."""

    api_id: str
    method: str
    path: str  # without a slash at its end
    asker: Account
    given: Given
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: views.Body
    leg: LegId | None = None


class Runner:
    """Answers the requests to the PHLO runner."""

    def __init__(self, exchange: Exchange, walker: Walker) -> None:
        self._exchange = exchange
        self._walker = walker
        self._actions = Actions(exchange, walker.parties)
        self._random = PooledRandom()

    def routes(self) -> list[BaseRoute]:
        """Returns the routes, to be mounted at the root."""
        return [_Below(path, self._serve) for path in ("/v1/phlo", "/v1/account")]

    # --- a request --------------------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive) -> Response:
        api_id = self._random.uuid()
        headers: dict[str, str] = {}
        try:
            answer = self._answer(await self._asked(scope, receive, api_id))
        except Problem as problem:
            answer = Answer(problem.status, views.error(api_id, problem.text))
        except Refused as refused:
            told = problems.of_refusal(refused)
            answer = Answer(told.status, views.error(api_id, told.text))
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("request failed", path=scope["path"])
            answer = Answer(500, views.error(api_id, "The server failed."))
        if answer.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="PHLO"'
        text = json.dumps(answer.body)
        body: dict[str, object] = {
            "dialect": "phlo",
            "method": scope["method"],
            "path": scope["path"],
            "status": answer.status,
            "body": text[:500],
            "api_id": api_id,
        }
        self._exchange.write("HttpRequest", body, leg=answer.leg or "", cause=api_id)
        return Response(text, answer.status, headers, media_type="application/json")

    async def _asked(self, scope: Scope, receive: Receive, api_id: str) -> Asked:
        headers = dict(reversed(scope["headers"]))  # of two with one name the first counts
        asker = asker_of(self._exchange.settings, headers.get(b"authorization", b"").decode("latin-1"))
        content = await _body(receive)
        given = parameters(content, scope["query_string"].decode(errors="replace"))
        request_id = headers.get(b"x-request-id", b"").decode("latin-1")
        return Asked(api_id, scope["method"], scope["path"].removesuffix("/"), asker, given, request_id)

    # --- the resources ----------------------------------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Answer:
        if asked.method == "POST" and not self._exchange.accepting:
            raise problems.stopping()
        parts = asked.path.split("/", 7)[2:]  # behind /v1
        match parts:
            case ["account", auth_id, "phlo", phlo_id]:
                owner = self._exchange.settings.account(auth_id)
                if owner is None or not may_act_for(self._exchange.settings, asked.asker, auth_id):
                    raise problems.unauthorized()
                asked = replace(asked, asker=owner)
                return self._by_method(asked, POST=lambda: self._run(asked, self._flow(asked, phlo_id)))
            case ["phlo", phlo_id]:
                return self._by_method(asked, GET=lambda: self._show_flow(asked, self._flow(asked, phlo_id)))
            case ["phlo", phlo_id, "runs", run_id]:
                return self._by_method(asked, GET=lambda: self._show_run(asked, self._flow(asked, phlo_id), run_id))
            case ["phlo", phlo_id, node_type, node_id]:
                return self._node(asked, phlo_id, type_name(node_type), node_id)
            case ["phlo", phlo_id, node_type, node_id, "members", address] if address:
                return self._member(asked, phlo_id, type_name(node_type), node_id, address)
        raise problems.no_resource()

    def _by_method(self, asked: Asked, **answers: Callable[[], Answer]) -> Answer:
        answer = answers.get(asked.method)
        if answer is None:
            raise problems.no_method()
        return answer()

    def _node(self, asked: Asked, phlo_id: str, kind: str, node_id: str) -> Answer:
        def show() -> Answer:
            flow = self._flow(asked, phlo_id)
            return Answer(200, views.node(asked.api_id, flow, self._found(flow, kind, node_id)))

        def act() -> Answer:
            flow = self._flow(asked, phlo_id)
            return self._node_action(asked, flow, self._found(flow, kind, node_id))

        if kind == "multi_party_call":
            return self._by_method(asked, GET=show, POST=act)
        return self._by_method(asked, GET=show)

    def _member(self, asked: Asked, phlo_id: str, kind: str, node_id: str, address: str) -> Answer:
        def act() -> Answer:
            flow = self._flow(asked, phlo_id)
            node = self._found(flow, kind, node_id)
            return self._member_action(asked, flow, node, action_of(asked.given), address)

        def remove() -> Answer:
            flow = self._flow(asked, phlo_id)
            return self._member_action(asked, flow, self._found(flow, kind, node_id), "remove", address)

        return self._by_method(asked, POST=act, DELETE=remove)

    def _flow(self, asked: Asked, phlo_id: str) -> Flow:
        flow = self._walker.flows.get(phlo_id)
        if flow is None or not flow.deployed or not may_act_for(self._exchange.settings, asked.asker, flow.account):
            raise problems.no_flow()
        return flow

    def _found(self, flow: Flow, kind: str, node_id: str) -> Node:
        node = flow.node(node_id, kind)
        if node is None:
            raise problems.no_node()
        return node

    # --- reading ----------------------------------------------------------------------------------------------------

    def _show_flow(self, asked: Asked, flow: Flow) -> Answer:
        return Answer(200, views.flow(asked.api_id, flow))

    def _show_run(self, asked: Asked, flow: Flow, run_id: str) -> Answer:
        run = self._walker.runs.get(run_id)
        if run is None or run.flow.phlo_id != flow.phlo_id:
            raise problems.no_run()
        return Answer(200, views.run(asked.api_id, run))

    # --- acting -----------------------------------------------------------------------------------------------------

    def _run(self, asked: Asked, flow: Flow) -> Answer:
        if not flow.runs:
            raise problems.not_enabled()
        key = self._key(asked)
        if (first := self._first(key)) is not None:
            return first
        by_callback = bool(asked.given.get("CallUUID"))
        start = self._walker.run_by_callback if by_callback else self._walker.run_by_request
        run = start(flow, asked.given, asked.api_id)
        answer = Answer(201, views.started(run), next(iter(run.calls), None))
        self._exchange.repeats.keep(key, answer, lambda: views.dials_still(self._exchange, run))
        return answer

    def _node_action(self, asked: Asked, flow: Flow, node: Node) -> Answer:
        action = action_of(asked.given)
        if self._actions.is_member_action(action):
            address = optional_text(asked.given, "trigger_source")
            if not address:
                raise problems.missing("trigger_source")
            return self._member_action(asked, flow, node, action, address)
        if action not in NODE_ACTIONS:
            raise problems.invalid("action")
        key = self._key(asked)
        if (first := self._first(key)) is not None:
            return first
        acted = self._actions.on_node(flow, node, action, asked.given, asked.api_id)
        answer = Answer(self._accepted, views.action(asked.api_id, flow, node), acted.leg)
        if acted.unresolved is not None:
            self._exchange.repeats.keep(key, answer, acted.unresolved)
        return answer

    def _member_action(self, asked: Asked, flow: Flow, node: Node, action: str, address: str) -> Answer:
        acted = self._actions.on_member(flow, node, action, address, asked.api_id)
        if action in REMOVALS:
            return Answer(200, views.removed(asked.api_id, address), acted.leg)
        return Answer(self._accepted, views.action(asked.api_id, flow, node, address), acted.leg)

    @property
    def _accepted(self) -> int:
        return self._exchange.settings.phlo.action_status

    def _key(self, asked: Asked) -> str:
        return self._exchange.repeats.key(asked.asker.auth_id, asked.path, asked.given, asked.request_id)

    def _first(self, key: str) -> Answer | None:
        found = self._exchange.repeats.find(key)
        return found if isinstance(found, Answer) else None


class _Below(BaseRoute):
    """A path and all below it, with every method."""

    def __init__(self, below: str, serve: Callable[[Scope, Receive], Awaitable[Response]]) -> None:
        self.below = below
        self._inside = f"{below}/"
        self._serve = serve

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope["path"]
        ours = scope["type"] == "http" and (path == self.below or path.startswith(self._inside))
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._serve(scope, receive)
        await response(scope, receive, send)


async def _body(receive: Receive) -> bytes:
    """Returns the whole body of a request; raises `Problem` 400 when it is too long."""
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        content += message.get("body", b"")
        if len(content) > MAX_BYTES:
            raise Problem(400, "The request body is too long.")
        if not message.get("more_body", False):
            return bytes(content)
