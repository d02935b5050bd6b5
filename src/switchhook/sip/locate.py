"""From a URI to flows, as far as it needs no DNS; names go to `sip.resolver`."""

from __future__ import annotations

from functools import lru_cache

from switchhook.sip.flow import Located, Locator, Transport
from switchhook.sip.uri import is_address, parse_uri


def literal(transport: Transport) -> Locator:
    """Returns a locator for IP addresses; names have no flow."""

    def locate(uri: str, found: Located) -> None:
        place = literal_place(uri)
        flow = transport.flow(*place) if place is not None else None
        found([] if flow is None else [flow])

    return locate


def literal_place(uri: str) -> tuple[str, str, int] | None:
    """Returns transport, host and port of a URI whose host is an address; None for a name, for sips and for tel."""
    return _recent_place(uri) if len(uri) < 200 else _read_place(uri)


def _read_place(text: str) -> tuple[str, str, int] | None:
    uri = parse_uri(text)
    if uri is None or uri.scheme != "sip" or not is_address(uri.host):
        return None
    return uri.transport or "udp", uri.host, uri.port or 5060


_recent_place = lru_cache(maxsize=1024)(_read_place)  # a trunk has the same Contact in all of its calls
