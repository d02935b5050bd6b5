"""Addresses to listen on, written as `host:port`, `[ipv6]:port` or `transport:host:port`."""

from __future__ import annotations

import ipaddress

from switchhook.core.values import dataclass

TRANSPORTS = ("udp", "tcp")


@dataclass(frozen=True, slots=True)
class Listen:
    """One socket to open; port 0 lets the system choose."""

    transport: str  # "udp" or "tcp"
    host: str  # an IP address, or "localhost"
    port: int

    @classmethod
    def parse(cls, text: str, transport: str = "") -> Listen:
        """Reads `host:port` (with `transport` given) or `udp:host:port`; raises ValueError with one clear sentence."""
        rest = text
        if not transport:
            transport, _, rest = text.partition(":")
            if transport not in TRANSPORTS or not rest:
                raise ValueError(f"{text!r} must look like udp:127.0.0.1:5060 or tcp:127.0.0.1:5060")
        host, colon, port = rest.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} needs a port from 0 to 65535 after the last colon")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        if host != "localhost":
            try:
                ipaddress.ip_address(host)
            except ValueError:
                raise ValueError(f"{text!r} needs an IP address or localhost before the port") from None
        return cls(transport, host, int(port))

    @property
    def is_loopback(self) -> bool:
        """True when only programs on this machine can reach it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def overlaps(self, other: Listen) -> bool:
        """True when both cannot be open at the same time on one machine."""
        if self.transport != other.transport or self.port != other.port or not self.port:
            return False
        return self._spelled == other._spelled or any(host in ("0.0.0.0", "::") for host in (self.host, other.host))

    @property
    def _spelled(self) -> str:
        return "127.0.0.1" if self.host == "localhost" else str(ipaddress.ip_address(self.host))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"
