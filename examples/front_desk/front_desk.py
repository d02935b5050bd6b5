"""The program of a front desk: greets the caller, dials the agent, and says sorry when nobody can be reached.

Switchhook asks /answer when somebody calls, and /dialled when the dialling is over. It answers Plivo XML; any web
framework would do. To serve it for real:

    pip install starlette uvicorn python-multipart
    uvicorn --app-dir examples/front_desk front_desk:app --port 9000
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

AGENT = "sip:1001@switchhook.local"
REASONS = {
    "busy": "Everybody is talking to somebody else.",
    "no-answer": "Nobody is at the desk.",
}


def xml(*elements: str) -> Response:
    return Response(f"<Response>{''.join(elements)}</Response>", media_type="application/xml")


async def answer(request: Request) -> Response:
    """Somebody calls."""
    return xml(
        "<Speak>Welcome to Example and Sons.</Speak>",
        f'<Dial action="/dialled" timeout="20"><User>{AGENT}</User></Dial>',
    )


async def dialled(request: Request) -> Response:
    """The dialling is over: the agent talked to the caller, or could not be reached."""
    form = dict(parse_qsl((await request.body()).decode()))
    status = form["DialStatus"]
    if status == "completed":
        return xml("<Hangup/>")
    reason = REASONS.get(status, "We cannot be reached.")
    return xml(f"<Speak>Sorry. {reason} Please call again later.</Speak>", "<Hangup/>")


async def hangup(request: Request) -> Response:
    """The call is over."""
    return Response()


app = Starlette(
    routes=[
        Route("/answer", answer, methods=["POST"]),
        Route("/dialled", dialled, methods=["POST"]),
        Route("/hangup", hangup, methods=["POST"]),
    ]
)
