"""Where a message comes from and goes to, and the one door between the pure parts and the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """A path for messages: a remote address over one of our sockets (UDP) or one connection (TCP)."""

    transport: str  # "udp" or "tcp"
    host: str  # remote IP
    port: int
    local: str  # "host:port" as we write it into Via and Contact
    peer: str = field(init=False, compare=False, repr=False)  # "udp:host:port", for people
    reliable: bool = field(init=False, compare=False, repr=False)  # what is sent arrives, or the connection breaks

    def __post_init__(self) -> None:
        object.__setattr__(self, "peer", f"{self.transport}:{self.host}:{self.port}")
        object.__setattr__(self, "reliable", self.transport != "udp")

    def at_port(self, port: int) -> Flow:
        """Returns the flow to another port of the same host."""
        return self if port == self.port else Flow(self.transport, self.host, port, self.local)


class Transport(Protocol):
    """Carries whole messages. The real one has sockets, the lab's has a seeded fake network; both are told the same.

    `on_message(wire, flow)` and `on_broken(flow)` are set by whoever owns the transport; they are called inside the
    event loop (or the virtual clock), never from within `send`.
    """

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends one message, or loses it; a connection that cannot be made is told later by `on_broken`."""

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """Takes back a message that still waits for its connection to be made; False when none does."""

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the flow that a new request to this address would take; None when we do not speak it."""


Located = Callable[[list[Flow]], None]


class Locator(Protocol):
    def __call__(self, uri: str, found: Located) -> None:
        """Calls `found` with the flows to try for a URI (RFC 3263), best first; at once for an IP address."""
