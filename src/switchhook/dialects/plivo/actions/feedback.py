"""What people thought of a call: POST /v1/Call/{call_uuid}/Feedback/, which is outside of the account's paths (5.6).

Plivo serves it on another host, so it is on ours under the same path. The rating goes into the call's timeline.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from switchhook.core.ids import LegId
from switchhook.dialects.plivo.arguments import MAX_BODY, arguments
from switchhook.dialects.plivo.auth import asker_of, owns
from switchhook.dialects.plivo.problems import Problem, invalid, missing, not_found

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

PATH = re.compile(r"/v1/call/(?P<uuid>[^/]+)/feedback/?", re.IGNORECASE)
LONGEST_NOTES = 280


class FeedbackRoute(BaseRoute):
    """Takes ratings of calls that are live or over."""

    below = "/v1/call/"

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Matches by path alone: a wrong method is answered here, too."""
        if scope["type"] != "http" or PATH.fullmatch(scope["path"]) is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self._answer}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request, api_id = Request(scope, receive), str(uuid.uuid4())
        try:
            call, given = await self._answer(request)
            response = JSONResponse({"api_id": api_id, "status": "success", "message": "feedback received"})
            self._write(request, call, given, api_id)
        except Problem as problem:
            headers = {"WWW-Authenticate": 'Basic realm="switchhook"'} if problem.status == 401 else None
            response = JSONResponse({"api_id": api_id, "error": problem.text}, problem.status, headers)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> tuple[str, dict[str, Any]]:
        found = PATH.fullmatch(request.scope["path"])
        asker = asker_of(self._exchange.settings, request.headers.get("authorization", ""))
        if found is None or request.method != "POST":
            raise Problem(405, f"method {request.method} is not allowed here; POST is")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise Problem(413, "the request body is invalid: too large")
        given = checked(arguments(request.headers.get("content-type", ""), body, request.url.query))
        leg = self._exchange.state.legs.get(LegId(found["uuid"]))
        account = leg.account if leg is not None else await self._account_of_past(found["uuid"])
        if not owns(self._exchange.settings, asker, account):
            raise not_found("no call with this uuid")
        return found["uuid"], given

    async def _account_of_past(self, call: str) -> str:
        records = self._exchange.records
        record = await asyncio.to_thread(records.leg_record, call) if records is not None else None
        return record.account if record is not None else ""

    def _write(self, request: Request, call: str, given: dict[str, Any], api_id: str) -> None:
        body: dict[str, object] = {
            "dialect": "plivo",
            "method": "POST",
            "path": request.scope["path"],
            "status": 200,
            "body": json.dumps(given),
            "api_id": api_id,
        }
        self._exchange.write("HttpRequest", body, leg=call, cause=api_id)


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """Returns rating (1 to 5), issues and notes; raises `Problem` 400 for what is missing or out of range."""
    rating = given.get("rating")
    if rating in (None, ""):
        raise missing("rating")
    try:
        stars = float(str(rating)) if not isinstance(rating, bool) else 0.0
    except ValueError:
        stars = 0.0
    if not 1 <= stars <= 5:
        raise invalid("rating", "a number from 1 to 5 is expected")
    issues = given.get("issues") or []
    if isinstance(issues, str):
        issues = [part.strip() for part in issues.split(",") if part.strip()]
    if not isinstance(issues, list) or not all(isinstance(issue, str) for issue in issues):
        raise invalid("issues", "a list of words is expected")
    notes = given.get("notes") or ""
    if not isinstance(notes, str) or len(notes) > LONGEST_NOTES:
        raise invalid("notes", f"a text of at most {LONGEST_NOTES} characters is expected")
    return {"rating": stars, "issues": issues[:50], "notes": notes}
