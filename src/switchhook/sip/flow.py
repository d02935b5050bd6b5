"""Where a message comes from and goes to, and the one door between the pure parts and the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Flow(NamedTuple):
    """A path for messages: a remote address over one of our sockets (UDP) or one connection (TCP)."""

    transport: str  # "udp" or "tcp"
    host: str  # remote IP
    port: int
    local: str  # "host:port" as we write it into Via and Contact

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"

    @property
    def peer(self) -> str:
        return f"{self.transport}:{self.host}:{self.port}"


class Transport(Protocol):
    """Carries whole messages. The real one has sockets, the lab's has a seeded fake network; both are told the same.

    `on_message(wire, flow)` and `on_broken(flow)` are set by whoever owns the transport; they are called inside the
    event loop (or the virtual clock), never from within `send`.
    """

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends one message, or loses it; a connection that cannot be made is told later by `on_broken`."""

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the flow that a new request to this address would take; None when we do not speak it."""


Located = Callable[[list[Flow]], None]


class Locator(Protocol):
    def __call__(self, uri: str, found: Located) -> None:
        """Calls `found` with the flows to try for a URI (RFC 3263), best first; at once for an IP address."""
