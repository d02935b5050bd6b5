"""Which addresses we send HTTP requests to: a guard against server-side request forgery.

Callers name URLs (answer_url, callbackUrl, Play). Public addresses are fine. Private, link-local and other special ones
are refused unless `[webhooks] allow` names their network; loopback is allowed while we listen on loopback ourselves,
since then whoever asks is on this machine already.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from switchhook.core.errors import Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Decides by IP address; names are resolved by the caller, and each result is checked."""

    def __init__(self, allow: Sequence[str], *, loopback: bool) -> None:
        self._allow = tuple(ipaddress.ip_network(network, strict=False) for network in allow)
        self._loopback = loopback

    def check(self, address: str, host: str) -> None:
        """Raises `Unavailable`, naming the rule, when `address` (of `host`) may not be reached."""
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if any(ip.version == network.version and ip in network for network in self._allow):
            return
        if ip.is_loopback and self._loopback:
            return
        if not ip.is_global or ip.is_multicast:
            raise Unavailable(f"{host} is {ip}, a private address; name its network in [webhooks] allow")
