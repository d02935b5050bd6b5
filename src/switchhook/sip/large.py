"""Requests that do not fit into one datagram (RFC 3261 18.1.1): over TCP, where the far end has it.

A request within 200 bytes of the path's MTU, or larger than 1,300 bytes where nobody knows the MTU, would be cut into
fragments, of which firewalls and NATs drop the second: the call then fails in silence. So an INVITE that large goes
over TCP, unless whoever configured or registered the peer chose UDP: a URI with `;transport=` says so, and a telephone
that registered over UDP mostly has no TCP to offer, or not through its NAT.

Many a peer has no TCP, against the RFC. What is refused at once costs nothing; what is silent costs `CONNECT_S`, once:
a peer without TCP is remembered for `WITHOUT_S`, so that only one call in that time waits. The fallback is UDP, in
fragments, as 18.1.1 has it for an ICMP error and for a reset connection. Only the INVITE that begins a dialog chooses;
what follows within the dialog takes the way that the dialog has.

Rejected: to ask each peer by OPTIONS over TCP beforehand (traffic for the few calls that are large); to send by both
at once (the peer would have two INVITEs, and may answer both).
"""

from __future__ import annotations

from switchhook.sip.flow import Flow, Transport
from switchhook.sip.headers import parse_address
from switchhook.sip.timers import Timers
from switchhook.sip.uri import parse_uri

MAX_DATAGRAM = 1300  # bytes of a request that goes over UDP to whoever may have TCP
CONNECT_S = 1.0  # so long a large request waits for its connection
WITHOUT_S = 300.0  # so long a peer is known to have no TCP
MAX_KNOWN = 4096


class Streams:
    """Knows which peers have no TCP."""

    def __init__(self, transport: Transport, timers: Timers) -> None:
        self._transport = transport
        self._timers = timers
        self._without: dict[tuple[str, int], float] = {}  # until when

    def instead(self, flow: Flow, uri: str, routes: tuple[str, ...]) -> Flow | None:
        """Returns the TCP flow for a request to `uri` that is too large for the UDP `flow`; None where UDP it is."""
        if flow.reliable or _chosen(uri, routes):
            return None
        place = flow.host, flow.port
        until = self._without.get(place)
        if until is not None:
            if until > self._timers.now:
                return None
            del self._without[place]
        return self._transport.flow("tcp", *place)

    def lacks(self, flow: Flow) -> None:
        """Remembers that the far end of a TCP flow has no TCP."""
        if len(self._without) >= MAX_KNOWN:
            self._without.clear()
        self._without[flow.host, flow.port] = self._timers.now + WITHOUT_S


def _chosen(uri: str, routes: tuple[str, ...]) -> bool:
    """True when the URI that the request goes to names a transport."""
    first = parse_address(routes[0]) if routes else None
    hop = parse_uri(first.uri if first is not None else uri)
    return hop is None or bool(hop.transport)
