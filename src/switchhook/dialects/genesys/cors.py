"""Cross-origin requests of browser desktops (genesys 1.3): which origins may, and what they may see."""

from __future__ import annotations

import re

METHODS = "GET,POST,PUT,DELETE,OPTIONS"
HEADERS = ",".join(
    (
        "X-Requested-With",
        "Content-Type",
        "Accept",
        "Origin",
        "Cookie",
        "authorization",
        "ssid",
        "surl",
        "ContactCenterId",
        "X-CSRF-TOKEN",
        "X-Request-Id",
    )
)
EXPOSED = "X-CSRF-HEADER,X-CSRF-TOKEN"


class Cors:
    """`origins` may contain `*` for any part of a name, such as `http://*.example.com`."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = [re.compile(re.escape(each).replace(r"\*", r"[^/]*"), re.IGNORECASE) for each in origins]

    def headers(self, origin: str | None, *, preflight: bool = False) -> dict[str, str]:
        """Returns the headers that let this origin in, or nothing."""
        if not origin or not any(each.fullmatch(origin) for each in self._origins):
            return {}
        found = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
        if preflight:
            found["Access-Control-Allow-Methods"] = METHODS
            found["Access-Control-Allow-Headers"] = HEADERS
            found["Access-Control-Max-Age"] = "120"
        else:
            found["Access-Control-Expose-Headers"] = EXPOSED
        return found
