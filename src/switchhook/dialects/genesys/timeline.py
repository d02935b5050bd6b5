"""What a desktop asked, and the answer, as a line in the timeline of the call that it was about."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from switchhook.exchange.switch import Exchange


def write_request(
    exchange: Exchange, request: Request, response: Response, summary: str, line: tuple[str, str], cause: str
) -> None:
    """Writes an operation and its status; `summary` is its body in short, `line` the leg and call, empty when none."""
    body: dict[str, object] = {
        "dialect": "genesys",
        "method": request.method,
        "path": request.url.path.rstrip("/"),
        "status": response.status_code,
        "body": summary,
    }
    exchange.write("HttpRequest", body, leg=line[0], call=line[1], cause=cause)
