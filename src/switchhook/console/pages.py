"""The pages under `/console`: files of this package, served as they are, with a policy that lets nothing else run.

There is no build step and no other server: what the browser runs is what lies in `desk/`, and beside it the npm
`cometd` client as its authors publish it (`vendor/cometd`, Apache-2.0). A page knows nothing that a program on another
machine could not know; it speaks only the public interfaces.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

DESK = "/console/desk"

_PAGE = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"
_FILES = {  # path under DESK -> file, media type; nothing else can be asked for
    "": ("desk/index.html", _PAGE),
    "/": ("desk/index.html", _PAGE),
    "/desk.css": ("desk/desk.css", "text/css; charset=utf-8"),
    "/icon.svg": ("desk/icon.svg", "image/svg+xml"),
    "/cometd.js": ("vendor/cometd/cometd.js", _SCRIPT),
    "/AckExtension.js": ("vendor/cometd/AckExtension.js", _SCRIPT),
    "/LICENSE": ("vendor/cometd/LICENSE", "text/plain; charset=utf-8"),
    **{f"/{name}.js": (f"desk/{name}.js", _SCRIPT) for name in ("api", "calls", "channel", "desk", "view", "words")},
}

# Scripts, styles and requests of our own origin only. The CometD client keeps its timers in a worker made of a blob,
# because browsers slow the timers of a page in the background down to one in a minute.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for again each time, and answered with 304 while nothing has changed
}


def console_routes() -> list[BaseRoute]:
    """Returns the routes of the pages under `/console`; they need no settings and know no call."""
    return [Route(f"{DESK}{path}", _file, methods=["GET"]) for path in _FILES]


async def _file(request: Request) -> Response:
    content, kind, tag = _read(request.url.path.removeprefix(DESK))
    headers = {**_HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)


@cache
def _read(path: str) -> tuple[bytes, str, str]:
    name, kind = _FILES[path]
    content = (files(__package__) / name).read_bytes()
    return content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"'
