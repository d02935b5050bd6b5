"""Questions to the DNS, asked by dnspython; imported when the first name is looked up, since it takes 100 ms."""

from __future__ import annotations

from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

_NONE = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.NoNameservers, dns.exception.Timeout)
LIFETIME_S = 3.0


class Questions:
    """Asks the servers given, else those that the system is configured for."""

    def __init__(self, nameservers: list[str] | None, port: int) -> None:
        try:
            client = dns.asyncresolver.Resolver(configure=nameservers is None)
        except dns.resolver.NoResolverConfiguration:
            client = dns.asyncresolver.Resolver(configure=False)
            client.nameservers = ["127.0.0.1"]
        if nameservers is not None:
            client.nameservers = list(nameservers)
            client.port = port
        self._client = client

    async def ask(self, name: str, kind: str) -> tuple[list[Any], float] | None:
        """Returns the records and their TTL in seconds; None where there are none. Raises `OSError` for nonsense."""
        try:
            answer = await self._client.resolve(name, kind, lifetime=LIFETIME_S)
        except _NONE:
            return None
        except dns.exception.DNSException as error:
            raise OSError(f"{name} {kind}: {error}") from error
        return list(answer), float(answer.rrset.ttl if answer.rrset else 5)
