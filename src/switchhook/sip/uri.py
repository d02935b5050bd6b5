"""SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966), parsed only when somebody asks for a part."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote


class SipUri(NamedTuple):
    """The parts of a URI; `host` is lower case and without brackets, `port` is None where the text has none."""

    scheme: str
    user: str  # as written, percent escapes untouched
    host: str
    port: int | None
    params: str  # from the first ";", as written
    headers: str  # after "?", as written

    def param(self, name: str) -> str | None:
        """Returns a URI parameter, an empty text for a flag without a value, None when absent."""
        for part in self.params.split(";"):
            key, _, value = part.partition("=")
            if key.strip().lower() == name:
                return value.strip()
        return None

    @property
    def number(self) -> str:
        """The user part as a person would write it: percent-decoded, without user parameters and password."""
        user = self.user
        if "%" not in user and ":" not in user and ";" not in user:
            return user
        return unquote(user.partition(":")[0]).partition(";")[0]

    @property
    def transport(self) -> str:
        """The transport that the URI asks for, in lower case, or an empty text."""
        return (self.param("transport") or "").lower() if self.params else ""


def parse_uri(text: str) -> SipUri | None:
    """Parses a `sip:`, `sips:` or `tel:` URI; None when it is another scheme or not a URI at all."""
    return _recent_uri(text) if len(text) < 300 else _read_uri(text)


def _read_uri(text: str) -> SipUri | None:
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not rest or " " in text or "<" in text or ">" in text:
        return None
    if scheme == "tel":
        number, semicolon, params = rest.partition(";")
        return SipUri("tel", number, "", None, semicolon + params, "")
    if scheme not in ("sip", "sips"):
        return None
    rest, _, headers = rest.partition("?") if "@" not in rest.partition("?")[2] else (rest, "", "")
    user, at, place = rest.rpartition("@")
    if not at:
        user = ""
    if "?" in place:
        place, _, headers = place.partition("?")
    place, semicolon, params = place.partition(";")
    split = split_host(place)
    if split is None:
        return None
    return SipUri(scheme, user, split[0], split[1], semicolon + params, headers)


_recent_uri = lru_cache(maxsize=4096)(_read_uri)


def without_headers(uri: str) -> str:
    """Takes the headers off a SIP URI: they may not stand in a Request-URI, and none is one that we would send."""
    parsed = parse_uri(uri) if "?" in uri else None
    return uri[: -len(parsed.headers) - 1] if parsed is not None and parsed.headers else uri


def split_host(place: str) -> tuple[str, int | None] | None:
    """Splits `host[:port]`; IPv6 addresses need their brackets, which are taken off. None when it is neither."""
    place = place.strip(" \t")
    if place.startswith("["):
        host, bracket, tail = place[1:].partition("]")
        if bracket and ":::" in host:  # the grammar of RFC 3261 allows it before an IPv4 address (RFC 5118 4.10)
            host = host.replace(":::", "::")
        if not bracket or not is_address(host):
            return None
    else:
        host, colon, tail = place.partition(":")
        host, tail = host.rstrip(" \t"), colon + tail
        if not host or not _HOST_CHARS.issuperset(host):
            return None
    tail = tail.strip(" \t")
    if not tail:
        return host.lower(), None
    digits = tail[1:].lstrip(" \t")
    if tail[0] != ":" or not digits.isascii() or not digits.isdigit() or len(digits) > 5:
        return None
    port = int(digits)
    return (host.lower(), port) if 0 < port < 65536 else None


_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


def is_address(host: str) -> bool:
    """True for an IPv4 or IPv6 literal."""
    return _recent_host(host) if len(host) < 100 else _is_literal(host)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


_recent_host = lru_cache(maxsize=4096)(_is_literal)


def place_of(host: str, port: int | None = None) -> str:
    """Writes `host:port` with brackets where IPv6 needs them."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def escape_user(user: str) -> str:
    """Percent-encodes what may not stand in the user part of a URI (RFC 3261 25.1 `user`)."""
    if _USER_CHARS.issuperset(user):
        return user
    return "".join(c if c in _USER_CHARS else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in user)


_USER_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,/")
