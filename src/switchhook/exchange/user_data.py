"""User data of a call outside the exchange: pairs travel in `X-PH-` headers, the custom headers of every dialect.

What an INVITE brings stands in the call's user data; what an agent attached goes with the INVITEs that the agent's
desktop sends, and into the webhooks of the documents that run on the call's legs.

A pair goes along when its name can stand in a header and its value is a text, a number or a truth value on one line.
What does not fit stays behind: it is still in the call, and seen by every desktop here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PREFIX = "X-PH-"
MAX_PAIRS = 20  # an INVITE must stay small enough for UDP
MAX_VALUE = 120

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def headers(data: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Returns the header lines for user data; what fits in no header is left out."""
    found: list[tuple[str, str]] = []
    for name, value in data.items():
        text = _text(value[-1] if isinstance(value, tuple) else value)
        if _NAME.fullmatch(name) and text is not None:
            found.append((f"{PREFIX}{name}", text))
    return tuple(found[:MAX_PAIRS])


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    fits = len(text) <= MAX_VALUE and text.isprintable() and text == text.strip() and bool(text)
    return text if fits else None


def brought(lines: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """Returns the user data that header lines bring."""
    return {name[len(PREFIX) :]: value for name, value in lines if name[: len(PREFIX)].upper() == PREFIX and value}
