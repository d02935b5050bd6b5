"""Bayeux over HTTP: the arrays of long-polling and callback-polling, and connections that wait.

An idle desktop costs the request that uvicorn keeps for it and one timer; nothing looks after it in between. The held
response waits for the end of its own connection, which a server reports through `receive`; a message, or the end of
the time, starts a short task that answers. After the answer `receive` reports the end, so one wait covers both. What is
queued is taken at the moment of writing: whatever a step of the core told goes out in one reply.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from switchhook.dialects.genesys.bayeux.server import Answer, Bayeux, Message
from switchhook.dialects.genesys.bayeux.session import Hold

MAX_BODY = 1 << 20
_FUNCTION = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.\[\]]{0,127}")

_NO_SCRIPT = (
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)  # they end lines in old scripts

Headers = list[tuple[bytes, bytes]]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class BadRequest(Exception):
    """The request carries no Bayeux messages; the text says why."""


async def read(request: Request) -> tuple[list[Message], str]:
    """Returns the messages of a request and the callback's name (empty for long-polling); may raise `BadRequest`."""
    if request.method == "GET":
        texts = request.query_params.getlist("message")
        callback = request.query_params.get("jsonp", "jsonpcallback")
        if _FUNCTION.fullmatch(callback) is None:
            raise BadRequest("Parameter 'jsonp' is not the name of a function")
        return messages_of(texts), callback
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BadRequest("The body is too large")
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qsl(bytes(body).decode("utf-8", "replace"))
        return messages_of([value for name, value in fields if name == "message"]), ""
    return messages_of([bytes(body)]), ""


def messages_of(texts: list[Any]) -> list[Message]:
    """Returns the messages of JSON texts, each an array or a lone object; raises `BadRequest` without any."""
    found: list[Message] = []
    for text in texts:
        try:
            parsed = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest("The messages are not JSON") from error
        found += parsed if isinstance(parsed, list) else [parsed]
    if not found or not all(isinstance(message, dict) for message in found):
        raise BadRequest("A request carries an array of messages")
    return found


def rendered(texts: list[bytes], callback: str) -> bytes:
    """Joins rendered messages into an array, or into a call of `callback`."""
    array = b"[" + b",".join(texts) + b"]"
    if not callback:
        return array
    for wire, escaped in _NO_SCRIPT:
        array = array.replace(wire, escaped)
    return callback.encode() + b"(" + array + b")"


def media_type(callback: str) -> str:
    return "text/javascript; charset=utf-8" if callback else "application/json"


def respond(bayeux: Bayeux, answer: Answer, callback: str, spawn: Spawn) -> Response:
    """Returns the response to a request: at once, or when its connect has something to tell."""
    if answer.hold is None:
        return Response(rendered(answer.texts, callback), media_type=media_type(callback), headers=_NO_STORE)
    return Held(bayeux, answer.hold, callback, spawn)


_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Held(Response):
    """The response to a connect that waits."""

    def __init__(self, bayeux: Bayeux, hold: Hold, callback: str, spawn: Spawn) -> None:
        super().__init__(media_type=media_type(callback), headers=_NO_STORE)
        del self.headers["content-length"]
        self._bayeux = bayeux
        self._hold = hold
        self._callback = callback
        self._spawn = spawn
        self._send: Send | None = None
        self._waking = False
        self._answered = False
        self._gone = False
        hold.wake = self._wake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        timer = asyncio.get_running_loop().call_later(self._hold.timeout_s, self._wake)
        if self._hold.session.hold is not self._hold or self._hold.session.queue or self._hold.session.gone:
            self._wake()  # something came between the request and this moment
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            timer.cancel()
            self._gone = True
            self._hold.wake = self._send = None  # no ring that keeps this request until the garbage collector comes
            if not self._answered:
                self._bayeux.abandon(self._hold)

    def _wake(self) -> None:
        if not self._waking and self._send is not None:
            self._waking = True
            self._spawn(self._answer())

    async def _answer(self) -> None:
        send = self._send
        if self._gone or send is None:
            return
        self._answered = True
        body = rendered(self._bayeux.finish(self._hold), self._callback)
        headers = [*self.raw_headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
