"""The REST resources under /v1/Account/{auth_id}/ (plivo-voice-api 1 to 4).

Both slash forms are served and resource words match in any case; nothing is ever redirected. Every answer has an
`api_id`; every failure a sentence in `error`.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import uuid
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import Leg, LegState
from switchhook.dialects.plivo import shapes, views
from switchhook.dialects.plivo.actions.tables import RESOURCES as ACTIONS
from switchhook.dialects.plivo.arguments import MAX_BODY, arguments
from switchhook.dialects.plivo.asked import Answer, Asked, Resource, Resources
from switchhook.dialects.plivo.auth import account_of, owns
from switchhook.dialects.plivo.calls import Call, Links, call_of, shown
from switchhook.dialects.plivo.history import list_past_calls, one_of
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.rest import RESOURCES as MULTI_PARTY
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import Problem, not_found, of_refusal
from switchhook.dialects.plivo.records import record_view
from switchhook.dialects.plivo.resources import RESOURCES as NOUNS
from switchhook.dialects.plivo.run.dial import caller_id
from switchhook.dialects.plivo.streaming.resource import RESOURCES as STREAMS
from switchhook.dialects.plivo.transfer import transfer
from switchhook.exchange.repeats import Repeats
from switchhook.settings import Account

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

log = structlog.get_logger("plivo")
SECRETS = frozenset({"password", "auth_token", "sipauthpassword"})  # arguments that are nobody's to read
SHORT = 300  # characters of a request that are kept in the journal
PATH = re.compile(r"/v1/account/(?P<auth_id>[^/]+)(?:/(?P<rest>.*))?$", re.IGNORECASE)


class VoiceRoute(BaseRoute):
    """Everything below /v1/Account/, except the PHLO runner's paths, which are another dialect's."""

    below = "/v1/account/"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Matches by path alone: a wrong method is answered here, too."""
        found = PATH.match(scope["path"]) if scope["type"] == "http" else None
        if found is None or (found["rest"] or "").lower().startswith("phlo"):
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self._rest.answer}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        response = await self._rest.answer(Request(scope, receive))
        await response(scope, receive, send)


class Rest:
    """The resources, over the dialect."""

    def __init__(self, dialect: Plivo) -> None:
        self.dialect = dialect
        self.exchange = dialect.exchange

    def routes(self) -> list[BaseRoute]:
        """Returns the one route that serves them all."""
        return [VoiceRoute(self)]

    async def answer(self, request: Request) -> Response:
        """Returns the answer to a request; every problem is one, too."""
        api_id, asked = str(uuid.uuid4()), None
        try:
            resource, asked = await self._asked(request, api_id)
            callback = shapes.link(asked.given, "callback_url", "callback_method")
            given = resource(self, asked)
            found = given if isinstance(given, Answer) else await given
            if callback is not None and not found.synchronous:
                found = self._later(asked, callback, found)
        except Problem as problem:
            found = Answer(problem.status, {"api_id": api_id, "error": problem.text}, retry_s=problem.retry_s)
        except Exception:  # a bug of ours; client libraries send a request again on any 5xx, and would dial twice
            log.exception("request failed", path=request.scope["path"])
            found = Answer(409, {"api_id": api_id, "error": "not possible now: internal error"})
        self._write(request, asked, found, api_id)
        if found.body is None:
            return Response(status_code=found.status)
        headers = {"WWW-Authenticate": 'Basic realm="switchhook"'} if found.status == 401 else {}
        if found.retry_s:
            headers["Retry-After"] = str(math.ceil(found.retry_s))
        return JSONResponse(found.body, found.status, headers)

    async def _asked(self, request: Request, api_id: str) -> tuple[Resource, Asked]:
        found = PATH.match(request.scope["path"])
        if found is None:
            raise not_found()
        account = account_of(self.exchange.settings, request.headers.get("authorization", ""), found["auth_id"])
        self._count(account, f"{request.method} {found['rest'] or ''}".rstrip("/"))
        resource, words = _resource(request.method, found["rest"] or "")
        body = await _body(request)
        given = arguments(request.headers.get("content-type", ""), body, request.url.query)
        request_id = request.headers.get("x-request-id", "")
        return resource, Asked(account, request.method, request.scope["path"], given, words, request_id, api_id)

    def _count(self, account: Account, line: str) -> None:
        """Raises `Problem` 429 for one request too many within 5 s (plivo-voice-api 1.7)."""
        kind = "calls" if _MAKES_CALLS.fullmatch(line) else "others"
        wait_s = self.exchange.rates.wait_s(account.auth_id, kind, account.api_rate)
        if wait_s:
            rule = f"{account.api_rate} requests within 5 s ([[account]] api_rate)"
            raise Problem(429, f"rate limit exceeded: {kind}: {rule}", wait_s)

    def _write(self, request: Request, asked: Asked | None, answer: Answer, api_id: str) -> None:
        body: dict[str, object] = {
            "dialect": "plivo",
            "method": request.method,
            "path": request.scope["path"],
            "status": answer.status,
            "body": _kept(asked.given) if asked is not None and asked.given else "",
            "api_id": api_id,
        }
        error = (answer.body or {}).get("error")
        if error:
            body["error"] = error
        leg = answer.leg or _leg_in(request.scope["path"])
        known = bool(self.exchange.calls.of(leg))
        self.exchange.write("HttpRequest", body, leg=leg if known else "", cause=api_id)

    def _later(self, asked: Asked, callback: Link, answer: Answer) -> Answer:
        """Sends the answer to `callback_url` in place of giving it (plivo-voice-api 1.5).

        The uuid of a new call is given in both: without it nobody could steer the call.
        """
        body = answer.body or {"api_id": asked.api_id}
        flat = {name: str(value) for name, value in body.items() if isinstance(value, str | int | float)}
        sent = {**flat, "response": json.dumps(body)}
        self.dialect.outgoing.tell(Webhook(LegId(asked.api_id), asked.account.auth_id, callback, sent))
        known = {"request_uuid": body["request_uuid"]} if "request_uuid" in body else {}
        spawned = {"api_id": asked.api_id, "message": "async api spawned", **known}
        return Answer(200 if asked.method == "DELETE" else 202, spawned)

    # --- calls ------------------------------------------------------------------------------------------------------

    def make_call(self, asked: Asked) -> Answer:
        """POST Call/: rings one destination or several, each a call of its own."""
        settings = self.exchange.settings
        wanted = shapes.make_call(asked.given, settings.plivo.max_call_s)
        key = Repeats.key(asked.account.auth_id, asked.path.rstrip("/").lower(), asked.given, asked.request_id)
        repeated = self.exchange.repeats.find(key)
        if isinstance(repeated, Answer):
            return repeated
        parent = self.live(asked, wanted.parent) if wanted.parent else None
        if wanted.parent and wanted.error_if_parent_not_found and parent is None:
            raise not_found("parent_call_uuid")
        if settings.plivo.check_caller_id:
            self._need_caller_id(asked, wanted.caller)
        destinations = [self._destination(asked, address) for address in wanted.to]
        try:
            self.exchange.limits.need(asked.account.auth_id, len(destinations))
        except Refused as refused:
            raise of_refusal(refused) from refused
        calls = [self._ring(asked, wanted, destination, parent) for destination in destinations]
        body: dict[str, object] = {
            "api_id": asked.api_id,
            "message": "calls fired" if wanted.several else "call fired",
            "request_uuid": calls if wanted.several else calls[0],
        }
        answer = Answer(201, body, calls[0])
        self.exchange.repeats.keep(key, answer, lambda: any(self._rings(leg) for leg in calls))
        return answer

    def _need_caller_id(self, asked: Asked, shown: str) -> None:
        if not self.exchange.directory.owns_caller_id(asked.account.auth_id, caller_id(shown)):
            rule = "[plivo] check_caller_id"
            raise Problem(400, f"from parameter is invalid. It is no number or telephone of this account ({rule})")

    def _destination(self, asked: Asked, address: str) -> Destination:
        try:
            return self.exchange.directory.destination(asked.account.auth_id, address)
        except Refused as refused:
            raise of_refusal(refused) from refused

    def _ring(self, asked: Asked, wanted: shapes.MakeCall, destination: Destination, parent: Leg | None) -> LegId:
        request = r.Originate(
            account=asked.account.auth_id,
            destination=destination,
            caller=self.exchange.directory.caller_id(caller_id(wanted.caller), destination),
            program="plivo",
            caller_name=wanted.caller_name,
            ring_s=max(1.0, float(wanted.ring_timeout)),
            limit_s=float(wanted.time_limit),
            headers=wanted.sip_headers,
            early_audio=wanted.digits_early,
            parent=parent.id if parent is not None else None,
        )
        try:
            leg = self.exchange.ask(request, cause=asked.api_id).leg
        except Refused as refused:
            raise of_refusal(refused) from refused
        assert leg is not None
        links = Links(wanted.answer, wanted.fallback, wanted.ring, wanted.hangup)
        call = self.dialect.session(self.exchange.state.legs[leg], links).call
        call.from_api, call.as_asked, call.parent = True, wanted.caller, wanted.parent
        call.sender = shown(self.exchange.settings, wanted.caller)
        call.send_digits, call.hangup_on_ring_s = wanted.send_digits, wanted.hangup_on_ring
        call.tone_ms, call.digits_early, call.detect = wanted.tone_ms, wanted.digits_early, wanted.detect
        call.headers = wanted.sip_headers
        return leg

    def _rings(self, leg: LegId) -> bool:
        found = self.exchange.state.legs.get(leg)
        return found is not None and found.state in (LegState.DIALLING, LegState.RINGING)

    def list_calls(self, asked: Asked) -> Answer | Awaitable[Answer]:
        """GET Call/: past calls, or with ?status=live and ?status=queued those of now."""
        status = one_of(asked.given, "status", ("live", "queued"))
        if not status:
            return list_past_calls(self, asked)
        direction = one_of(asked.given, "call_direction", ("inbound", "outbound"))
        page = page_of(asked.given)
        account = self.wanted_account(asked)
        waits = self.exchange.pacing.waits
        live = [leg for leg in views.live_legs(self.exchange.state, account) if waits(leg.id) == (status == "queued")]
        found = views.selected(
            [self.call(leg) for leg in live],
            direction,
            shapes.text(asked.given, "from_number"),
            shapes.text(asked.given, "to_number"),
        )
        end = page.offset + page.limit if "limit" in asked.given else None
        return Answer(200, {"api_id": asked.api_id, "calls": [call.leg for call in found][page.offset : end]})

    def wanted_account(self, asked: Asked) -> str:
        wanted = shapes.text(asked.given, "subaccount") or asked.account.auth_id
        if not owns(self.exchange.settings, asked.account, wanted):
            raise not_found("subaccount")
        return wanted

    def get_call(self, asked: Asked) -> Answer | Awaitable[Answer]:
        """GET Call/{uuid}/?status=live or queued, and without a status the record of a call that has ended."""
        status = one_of(asked.given, "status", ("live", "queued"))
        if not status:
            return self._record(asked)
        leg = self.need(asked)
        queued = self.exchange.pacing.waits(leg.id)
        if queued != (status == "queued"):
            raise not_found(f"the call is not {status}")
        return Answer(200, views.live_call(self.exchange.state, leg, self.call(leg), asked.api_id, queued=queued))

    def call(self, leg: Leg) -> Call:
        """Returns a live leg as this dialect shows it."""
        session = self.dialect.sessions.get(leg.id)
        return session.call if session is not None else call_of(self.exchange.settings, leg)

    async def _record(self, asked: Asked) -> Answer:
        records = self.exchange.records
        uuid = asked.words["uuid"]
        found = await asyncio.to_thread(records.leg_record, uuid) if records is not None else None
        if found is None or not owns(self.exchange.settings, asked.account, found.account):
            raise not_found("no call with this uuid has ended")
        return Answer(200, record_view(self.exchange.settings, found, asked.api_id))

    def transfer_call(self, asked: Asked) -> Answer:
        """POST Call/{uuid}/: other documents for the call, the leg it is bridged with, or both."""
        wanted = shapes.transfer_call(asked.given)
        key = Repeats.key(asked.account.auth_id, asked.path.rstrip("/").lower(), asked.given, asked.request_id)
        repeated = self.exchange.repeats.find(key)
        if isinstance(repeated, Answer):
            return repeated
        sessions = transfer(self.dialect, self.need(asked), wanted, asked.api_id)
        answer = Answer(202, {"api_id": asked.api_id, "message": "call transfered"})
        self.exchange.repeats.keep(key, answer, lambda: any(each.transfer_pending for each in sessions))
        return answer

    def hang_up(self, asked: Asked) -> Answer:
        """DELETE Call/{uuid}/ and DELETE Request/{uuid}/: ends the call, ringing or answered."""
        leg = self.need(asked)
        try:
            self.dialect.hang_up(leg, asked.api_id)
        except Refused as refused:
            raise of_refusal(refused) from refused
        return Answer(204)

    def hang_up_all(self, asked: Asked) -> Answer:
        """DELETE Call/: ends every call of the account."""
        for leg in views.live_legs(self.exchange.state, asked.account.auth_id):
            now = self.exchange.state.legs.get(leg.id)
            if now is not None and now.state is not LegState.OVER:  # it may have ended with one before it
                self.dialect.hang_up(now, asked.api_id)
        return Answer(204)

    def need(self, asked: Asked) -> Leg:
        """Returns the live leg that the path names; raises `Problem` 404 when it is none of the account's."""
        leg = self.live(asked, asked.words["uuid"])
        if leg is None:
            raise not_found("no live call has this uuid")
        return leg

    def live(self, asked: Asked, name: str) -> Leg | None:
        """Returns the live leg of that id, if it is the account's or its sub-account's."""
        leg = self.exchange.state.legs.get(LegId(name))
        if leg is None or leg.state is LegState.OVER:
            return None
        return leg if owns(self.exchange.settings, asked.account, leg.account) else None


_MAKES_CALLS = re.compile(r"POST (call|multipartycall/[^/]+/participant)", re.IGNORECASE)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "the request body is invalid: too large")
    return body


def _kept(given: Mapping[str, Any]) -> str:
    """Returns what the journal keeps of arguments: their beginning, and no secret."""
    told = {name: "***" if name.lower() in SECRETS else value for name, value in given.items()}
    return json.dumps(told, default=str)[:SHORT]


def _leg_in(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[4] if len(parts) > 4 and parts[3].lower() in ("call", "request") else ""


RESOURCES: Resources = (
    (
        re.compile(r"call$", re.IGNORECASE),
        {"POST": Rest.make_call, "GET": Rest.list_calls, "DELETE": Rest.hang_up_all},
    ),
    (
        re.compile(r"call/(?P<uuid>[^/]+)$", re.IGNORECASE),
        {"GET": Rest.get_call, "POST": Rest.transfer_call, "DELETE": Rest.hang_up},
    ),
    (re.compile(r"request/(?P<uuid>[^/]+)$", re.IGNORECASE), {"DELETE": Rest.hang_up}),
    *ACTIONS,
    *NOUNS,
    *MULTI_PARTY,
    *STREAMS,
)


def _resource(method: str, rest: str) -> tuple[Resource, dict[str, str]]:
    path = rest.rstrip("/")
    for pattern, methods in RESOURCES:
        found = pattern.match(path)
        if found is not None:
            if method not in methods:
                raise Problem(405, f"method {method} is not allowed here; {', '.join(methods)} are")
            return methods[method], found.groupdict()
    raise not_found("no such resource")
