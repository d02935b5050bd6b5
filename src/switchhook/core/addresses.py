"""Where a leg can go, and when two ways of writing an address mean the same party."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered telephone, by user name; all its contacts ring."""

    username: str


@dataclass(frozen=True, slots=True)
class Trunk:
    """A number or user behind a configured SIP peer."""

    name: str
    user: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI from the configuration file."""

    uri: str


@dataclass(frozen=True)
class StreamPlan:
    """Where a leg's audio goes, and how."""

    url: str  # ws or wss
    bidirectional: bool = False
    tracks: tuple[str, ...] = ("inbound",)  # "inbound": what the leg says; "outbound": what it hears
    encoding: str = "l16"  # or "mulaw"
    rate: int = 8_000
    timeout_s: float | None = 86_400.0
    extra: str = ""  # told to the program with the first frame
    credentials: tuple[tuple[str, str], ...] = ()  # headers of the upgrade request; never on disk
    retries: int = 2  # more tries where a connection fails
    is_leg: bool = False  # the program is the leg's far end: it says what the leg says, and is sent what the leg hears


@dataclass(frozen=True, slots=True)
class Program:
    """A program at the end of a WebSocket that takes part in a call in place of a telephone; its plan `is_leg`."""

    plan: StreamPlan


Phone = Endpoint | Trunk | Uri
Target = Phone | Program


@dataclass(frozen=True, slots=True)
class Destination:
    """A resolved address: how it was written, where it leads, and the key by which it is compared."""

    address: str
    target: Target
    key: str

    @property
    def endpoint(self) -> str:
        """The user name of our own telephone behind it, or an empty text."""
        return self.target.username if isinstance(self.target, Endpoint) else ""


@lru_cache(maxsize=4096)
def address_key(address: str, domains: frozenset[str] = frozenset()) -> str:
    """Returns the form in which addresses are compared: no scheme, parameters, `+`, or punctuation of numbers.

    The host of a SIP address is dropped when it is one of `domains` (ours), else kept in lower case
    (plivo-phlo 4.5, "Comparing addresses").
    """
    text = unquote(address).strip()
    lower = text.lower()
    for scheme in ("sips:", "sip:", "tel:"):
        if lower.startswith(scheme):
            text = text[len(scheme) :]
            break
    text = text.split(";", 1)[0].split("?", 1)[0]
    user, at, host = text.partition("@")
    digits = user.translate(_PUNCTUATION)
    if digits.lstrip("+").isdigit():
        user = digits.lstrip("+")
    if not at or host.lower() in domains:
        return user
    return f"{user}@{host.lower()}"


_PUNCTUATION = str.maketrans("", "", " -().")
