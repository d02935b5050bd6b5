"""Routes stand on shelves by how their paths begin: whatever is asked gets the answer that Starlette's search gives."""

from __future__ import annotations

import itertools

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchhook.http import application

pytestmark = pytest.mark.anyio

WORDS = ("v1", "V1", "phlo", "phlo\n", "calls", "healthz", "", "ä{}")
PATHS = ("/", *("/" + "/".join(words) for count in (1, 2, 3) for words in itertools.product(WORDS, repeat=count)))


class AnyCase(BaseRoute):
    """Matches whatever begins with /v1/Calls, in any case, but for one path."""

    below = "/v1/Calls"

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope["path"].lower()
        return (Match.FULL if path.startswith("/v1/calls") and not path.endswith("/phlo") else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("any case")(scope, receive, send)


class Unknown(AnyCase):
    """The same of one that does not say how its paths begin."""

    below = ""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["path"].endswith("/healthz/calls") else Match.NONE), {}


def routes() -> list[BaseRoute]:
    def route(path: str, *methods: str) -> Route:
        async def answer(request: Request) -> Response:
            return PlainTextResponse(f"{path} {sorted(request.path_params.items())}")

        return Route(path, answer, methods=methods or None)

    return [
        route("/healthz"),
        route("/v1/phlo", "GET", "POST"),
        AnyCase(),
        route("/v1/phlo/{rest:path}", "POST"),
        route("/v1/{kind}/phlo", "GET", "DELETE"),  # before the second of those below /v1/phlo
        Unknown(),
        route("/v1/phlo/{rest:path}", "DELETE"),
        route("/{kind}", "PUT"),
        route("/calls/phlo/{rest}"),
    ]


async def asked(app: ASGIApp, method: str, path: str) -> tuple[object, ...]:
    """Returns an answer's status, methods allowed, and body."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        said.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}, receive, send)
    start, body = said
    allowed = sorted(value.split(b", ") for name, value in start["headers"] if name == b"allow")
    return start["status"], [sorted(methods) for methods in allowed], body["body"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
async def test_every_path_gets_the_answer_of_a_search_through_all_routes(method: str) -> None:
    plain = Starlette(routes=routes())
    plain.router.redirect_slashes = False
    ours, statuses = application(routes()), set()
    for path in PATHS:
        answer = await asked(plain, method, path)
        assert await asked(ours, method, path) == answer, path
        statuses.add(answer[0])
    assert statuses == {200, 404, 405}
