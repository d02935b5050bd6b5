"""From a URI to flows, as far as it needs no DNS; names go to `sip.resolver`."""

from __future__ import annotations

from switchhook.sip.flow import Flow, Located, Locator, Transport
from switchhook.sip.uri import SipUri, is_address, parse_uri


def literal(transport: Transport) -> Locator:
    """Returns a locator for IP addresses; names have no flow."""

    def locate(uri: str, found: Located) -> None:
        parsed = parse_uri(uri)
        found(flows_of_address(parsed, transport) if parsed is not None else [])

    return locate


def flows_of_address(uri: SipUri, transport: Transport) -> list[Flow]:
    """Returns the flow of a URI whose host is an address; none for a name, for sips and for tel."""
    if uri.scheme != "sip" or not is_address(uri.host):
        return []
    flow = transport.flow(uri.transport or "udp", uri.host, uri.port or 5060)
    return [flow] if flow is not None else []
