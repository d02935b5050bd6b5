"""One key of the configuration: its default, what it means, and which values it takes.

A check is a function from the value to a complaint (a part of a sentence), or to an empty text when all is well.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import MISSING, field
from typing import Any
from urllib.parse import urlsplit

from switchhook.core.values import dataclass
from switchhook.settings.listen import Listen

Check = Callable[[Any], str]
META = "switchhook"


@dataclass(frozen=True, slots=True)
class Key:
    """What the tree says of a key besides its type and default."""

    doc: str
    check: Check | None = None
    path: bool = False  # a file or folder: relative ones start at the configuration file's folder
    secret: bool = False
    table: str = ""  # the TOML name where it differs from the attribute: accounts are [[account]]


def option(default: Any, doc: str, check: Check | None = None, *, path: bool = False, secret: bool = False) -> Any:
    """A dataclass field with a default."""
    return field(default=default, metadata={META: Key(doc, check, path, secret)}, repr=not secret)


def needed(doc: str, check: Check | None = None, *, path: bool = False, secret: bool = False) -> Any:
    """A dataclass field that must be given; keyword-only fields keep the order free."""
    return field(default=MISSING, metadata={META: Key(doc, check, path, secret)}, repr=not secret)


def section(cls: type, doc: str) -> Any:
    return field(default_factory=cls, metadata={META: Key(doc)})


def tables(table: str, doc: str) -> Any:
    return field(default=(), metadata={META: Key(doc, table=table)})


# --- checks ----------------------------------------------------------------------------------------------------------


def between(low: float, high: float) -> Check:
    return lambda value: "" if low <= value <= high else f"must be from {low} to {high}, not {value}"


def positive(value: float) -> str:
    return "" if value > 0 else f"must be more than 0, not {value}"


def not_empty(value: str) -> str:
    return "" if value else "must not be empty"


def not_empty_list(value: tuple[str, ...]) -> str:
    return "" if value else "must name at least one"


def listen_http(value: str) -> str:
    return _refusal(lambda: Listen.parse(value, "tcp"))


def listen_sip(value: tuple[str, ...]) -> str:
    if not value:
        return "must name at least one address, such as udp:127.0.0.1:5060"
    return next(filter(None, (_refusal(lambda text=text: Listen.parse(text)) for text in value)), "")  # type: ignore[misc]


def media_address(value: str) -> str:
    """An address that telephones can send to: 0.0.0.0 in an SDP means hold (RFC 3264 8.4)."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return f"{value!r} must be an IP address of this machine, such as 192.0.2.10"
    unusable = address.is_unspecified or address.is_multicast
    return f"{value!r} must be one address of this machine that telephones can reach" if unusable else ""


def domain(value: str) -> str:
    """A host name or IP address, as it stands behind the @ of a SIP URI."""
    return "" if _DOMAIN.fullmatch(value) else f"{value!r} must be a host name, such as switchhook.local"


def networks(value: tuple[str, ...]) -> str:
    return next(filter(None, (_refusal(lambda n=n: ipaddress.ip_network(n, strict=False)) for n in value)), "")  # type: ignore[misc]


def service_url(value: str) -> str:
    """An absolute http, https, ws or wss URL with a host; an empty text is none."""
    for scheme, like in (("ws://", "http://"), ("wss://", "https://")):
        if value.startswith(scheme):
            return web_url(like + value.removeprefix(scheme))
    return web_url(value)


def web_url(value: str) -> str:
    """An absolute http or https URL with a host; an empty text is allowed where the default is empty."""
    if not value:
        return ""
    if any(ord(char) <= 32 for char in value):
        return f"{value!r} must not contain blanks"
    try:
        parts = urlsplit(value)
        ok = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        ok = False
    return "" if ok else f"{value!r} must be an http:// or https:// URL"


def sip_uri(value: str) -> str:
    return "" if _SIP_URI.fullmatch(value) else f"{value!r} must look like sip:host:port or sip:user@host"


def matching(pattern: str, looks: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: "" if compiled.fullmatch(value) else f"{value!r} must be {looks}"


def all_matching(pattern: str, looks: str) -> Check:
    one = matching(pattern, looks)
    return lambda value: next(filter(None, map(one, value)), "")


def optional(check: Check) -> Check:
    return lambda value: check(value) if value else ""


def port_range(value: tuple[int, int]) -> str:
    """RTP takes even ports and RTCP the odd one above (RFC 3550 11)."""
    low, high = value
    if not 1024 <= low <= 65534 or not 1024 <= high <= 65535:
        return f"must lie between 1024 and 65535, not [{low}, {high}]"
    return "" if high > low else f"needs a first port below the last one, not [{low}, {high}]"


def fallback(value: str) -> str:
    """`[transfers] fallback`: see architecture, transfers."""
    word, colon, rest = value.partition(":")
    if value in ("", "return", "recall", "park"):
        return ""
    if colon and word in ("next", "voicemail", "announce") and rest.strip():
        return ""
    return f"{value!r} must be return, recall, park, next:<address>, voicemail:<address> or announce:<text>"


def store_url(value: str) -> str:
    if value.startswith("sqlite:///") and value != "sqlite:///":
        return ""
    return f"{value!r} must look like sqlite:///switchhook.db (no other database is built in yet)"


def time_zone(value: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return f"{value!r} is not a time zone such as Europe/Berlin"
    return ""


_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)"
_DOMAIN = re.compile(rf"{_HOST}")
_SIP_URI = re.compile(rf"sips?:([^\s@<>\"]+@)?{_HOST}(:\d{{1,5}})?(;[^\s<>\"]*)?")
AUTH_ID = matching(r"(MA|SA)[A-Z0-9]{18}", "20 characters: MA (sub-account: SA) and 18 capital letters or digits")
USER = matching(r"[A-Za-z0-9._~!$&'*+=-]{1,64}", "a SIP user name: letters, digits and . _ ~ ! $ & ' * + = -")
NUMBER = matching(r"\+?[0-9]{1,15}", "a number: 1 to 15 digits, with or without +")
PREFIXES = all_matching(r"\+|\+?[0-9]{1,15}", 'a prefix: "+", or digits with or without +')


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except ValueError as refused:
        return str(refused)
    return ""
