"""The wire between a telephone and the network, with a plug that can be pulled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from switchhook.sip.flow import Flow, Transport


class PhoneTransport(Transport, Protocol):
    """A transport that a telephone owns (`sip.sockets.Sockets`, `lab.transport.NetworkTransport`)."""

    def close(self) -> None: ...


class Plug:
    """Passes messages both ways until it is pulled; then none, and nobody is told. A `Transport` itself."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def __init__(self, transport: PhoneTransport) -> None:
        self.pulled = False
        self._transport = transport
        transport.on_message = self._message
        transport.on_broken = self._broken

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends a message, or loses it when the plug is pulled."""
        if not self.pulled:
            self._transport.send(wire, flow)

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """Takes back a message whose connection is not made yet; False when there is none."""
        return self._transport.withdraw(wire, flow)

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the path to an address."""
        return self._transport.flow(transport, host, port)

    def close(self) -> None:
        """Closes the transport."""
        self._transport.close()

    def _message(self, wire: bytes, flow: Flow) -> None:
        if not self.pulled:
            self.on_message(wire, flow)

    def _broken(self, flow: Flow) -> None:
        if not self.pulled:
            self.on_broken(flow)
