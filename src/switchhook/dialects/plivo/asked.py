"""One request to the REST API, and its answer: what every resource is given, and gives (plivo-voice-api 1.2, 1.3)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from switchhook.core.values import dataclass
from switchhook.settings import Account

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest


@dataclass(slots=True)
class Asked:
    """One request, authenticated and read."""

    account: Account
    method: str
    path: str
    given: dict[str, Any]
    words: dict[str, str]  # what the path names
    request_id: str = ""
    api_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, object] | None = None
    leg: str = ""  # the call that it is about
    retry_s: float = 0.0  # when to ask again, of a refusal
    synchronous: bool = False  # its `callback_url` is for something else than the answer (plivo-voice-api 1.5)


Resource = Callable[["Rest", Asked], "Answer | Awaitable[Answer]"]
Resources = tuple[tuple[re.Pattern[str], dict[str, Resource]], ...]  # by path below the account, without its last slash


def path(pattern: str) -> re.Pattern[str]:
    """Returns what matches a path: its words in any case, each `{name}` one segment."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "$", re.IGNORECASE)
