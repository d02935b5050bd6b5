"""IPv4 addresses as the table holds them (a number) and as sockets give them (a text)."""

from __future__ import annotations

import socket
import struct


def host_of(number: int) -> str:
    """Returns an IPv4 address as text, as the socket functions give it."""
    return socket.inet_ntoa(struct.pack("!I", number))


def number_of(host: str) -> int:
    """Returns an IPv4 address as a number; 0 for what is none (a name is never looked up here)."""
    try:
        return int(struct.unpack("!I", socket.inet_aton(host))[0]) if host.count(".") == 3 else 0
    except OSError:
        return 0
