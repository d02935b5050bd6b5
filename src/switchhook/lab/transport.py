"""SIP over the fake network: the lab's equal of the real transport with sockets.

Everything is UDP here: a fake stream that cannot break teaches nothing. Names are not resolved; hosts of the fake
network are their own addresses.
"""

from __future__ import annotations

from collections.abc import Callable

from switchhook.lab.network import Address, Network
from switchhook.sip.flow import Flow


class NetworkTransport:
    """One SIP socket on a fake network; fits `switchhook.sip.flow.Transport`."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def __init__(self, network: Network, host: str, port: int = 5060) -> None:
        self._socket = network.bind(host, port, self._received)
        self.host, self.port = self._socket.address
        self.local = f"{self.host}:{self.port}"

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends one message to the flow's remote address, or loses it."""
        self._socket.send(wire, (flow.host, flow.port))

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """There is no connection to wait for here."""
        return False

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the flow to an address; None for anything but UDP."""
        return Flow("udp", host, port, self.local) if transport == "udp" else None

    def close(self) -> None:
        """Leaves the network; may be called twice."""
        self._socket.close()

    def _received(self, payload: bytes, source: Address) -> None:
        self.on_message(payload, Flow("udp", source[0], source[1], self.local))
