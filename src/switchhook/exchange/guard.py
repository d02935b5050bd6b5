"""Which addresses we send HTTP requests to: a guard against server-side request forgery.

Callers name URLs (answer_url, callbackUrl, Play). Public addresses are fine. Private, link-local and other special ones
are refused unless `[webhooks] allow` names their network; loopback is allowed while we listen on loopback ourselves,
since then whoever asks is on this machine already.

An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is judged as that one. Some addresses at
which clouds serve secrets to their machines count as public by the registries, and are refused all the same.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from switchhook.core.errors import Unavailable
from switchhook.core.masking import masked

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ALLOW = "name its network in [webhooks] allow"
_SPECIAL = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "fec0::/10", "::/96"))
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Forbidden(Unavailable):
    """An address that the policy does not let us reach."""


def _meant(ip: ipaddress.IPv6Address) -> Address:
    """Returns the IPv4 address that an IPv6 address stands for, else itself."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _within(ip: Address, networks: Sequence[Network]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def refused_urls(guard: Guard, urls: Iterable[str]) -> Iterator[str]:
    """Yields why URLs that name an address, not a host to be resolved, will never be asked."""
    for url in urls:
        host = urlsplit(url).hostname or ""
        try:
            guard.check("127.0.0.1" if host == "localhost" else host, host)
        except Forbidden as refused:
            yield f"{masked(url)}: {refused}"
        except ValueError:
            continue  # a name


class Guard:
    """Decides by IP address; names are resolved by the caller, and each result is checked."""

    def __init__(self, allow: Sequence[str], *, loopback: bool) -> None:
        self._allow = tuple(ipaddress.ip_network(network, strict=False) for network in allow)
        self._loopback = loopback

    def check(self, address: str, host: str) -> None:
        """Raises `Unavailable`, naming the rule, when `address` (of `host`) may not be reached."""
        ip = ipaddress.ip_address(address)
        if _within(ip, self._allow):
            return
        if isinstance(ip, ipaddress.IPv6Address):
            ip = _meant(ip)
        if _within(ip, self._allow):
            return
        if ip.is_loopback and self._loopback:
            return
        if ip.is_loopback:
            raise Forbidden(f"{host} is {ip}: loopback is allowed only while http.listen is; else {_ALLOW}")
        if not ip.is_global or ip.is_multicast or _within(ip, _SPECIAL):
            raise Forbidden(f"{host} is {ip}, a private address; {_ALLOW}")
