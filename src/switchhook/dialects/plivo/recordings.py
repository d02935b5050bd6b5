"""The files behind `record_url`: GET /v1/Account/{auth_id}/Recording/{recording_id}.wav or .mp3 (plivo-voice-api 12.4).

With the credentials of the account or of its main account; parts of a file by `Range`. What is not spelled like a
recording id, still being recorded, or another account's is not found, all alike.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from switchhook.dialects.plivo.auth import account_of
from switchhook.dialects.plivo.problems import Problem, not_found

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

PATH = re.compile(
    r"/v1/account/(?P<auth_id>[^/]+)/recording/(?P<recording>[^/]+)\.(?P<format>wav|mp3)/?", re.IGNORECASE
)
MADE_S = 10.0
TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


class RecordingRoute(BaseRoute):
    """Serves the recordings of all accounts."""

    below = "/v1/account/"

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
            response = await self._answer(request)
        except Problem as problem:
            headers = {"WWW-Authenticate": 'Basic realm="switchhook"'} if problem.status == 401 else None
            response = JSONResponse({"api_id": api_id, "error": problem.text}, problem.status, headers)
        self._write(request, response.status_code, api_id)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = PATH.fullmatch(request.scope["path"])
        if found is None:
            raise not_found()
        account = account_of(self._exchange.settings, request.headers.get("authorization", ""), found["auth_id"])
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, f"method {request.method} is not allowed here; GET is")
        recording = found["recording"].lower()
        format = found["format"].lower()
        path = self._exchange.recordings.path(account.auth_id, recording, format)
        await self._exchange.recordings.made(recording, MADE_S)  # its URL is told before it is an MP3
        known = self._exchange.recordings.find(recording)
        running = known is not None and not known.finished
        if path is not None and not running and not await asyncio.to_thread(path.is_file):
            path, format = await self._left(account.auth_id, recording, format), "wav"
        if path is None or running:
            raise not_found("no recording with this id")
        return FileResponse(path, media_type=TYPES[format])

    async def _left(self, account: str, recording: str, format: str) -> Path | None:
        """Returns the WAV file of a recording whose MP3 file was never made, because the process ended before."""
        recordings = self._exchange.recordings
        row = await recordings.row(recording)
        path = recordings.path(account, recording)
        wanted = row is not None and (row.account, row.format, format) == (account, "mp3", "mp3")
        return path if path is not None and wanted and await asyncio.to_thread(path.is_file) else None

    def _write(self, request: Request, status: int, api_id: str) -> None:
        body: dict[str, object] = {
            "dialect": "plivo",
            "method": request.method,
            "path": request.scope["path"],
            "status": status,
            "body": "",
            "api_id": api_id,
        }
        call = self._exchange.calls.of(request.scope["path"].rpartition("/")[2].partition(".")[0])
        self._exchange.write("HttpRequest", body, call=call, cause=api_id)
