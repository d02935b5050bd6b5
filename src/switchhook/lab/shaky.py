"""Faults on real sockets: what a telephone sends and receives passes a seeded `Link` before the network gets it.

The fake network has faults of its own; this is for telephones on real UDP, as in a soak. A datagram without delay
goes out at once, in the same call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from switchhook.lab.faults import Faults, Link, LinkCount
from switchhook.lab.network import Address
from switchhook.lab.plug import PhoneTransport
from switchhook.lab.ports import Arrived, OpenPort, RtpPort
from switchhook.sip.flow import Flow

Mishaps = dict[str, LinkCount]  # by way ("sip out", "sip in", "rtp out", "rtp in"), of all telephones together


class Shaken:
    """Carries calls of a function over a link: lost, late, twice or overtaken."""

    def __init__(self, faults: Faults, seed: int, name: str, way: str, mishaps: Mishaps) -> None:
        self.link = Link(faults, seed, f"{name} {way}")
        self.link.count = mishaps.setdefault(way, self.link.count)
        self._loop = asyncio.get_running_loop()

    def carry(self, deliver: Callable[[], None]) -> None:
        """Calls `deliver` when each copy arrives."""
        now = self._loop.time()
        for at in self.link.carry(now):
            if at <= now:
                deliver()
            else:
                self._loop.call_at(at, deliver)


class ShakyTransport:
    """A SIP transport over bad links, both ways; fits `lab.plug.PhoneTransport`."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def __init__(self, transport: PhoneTransport, faults: Faults, *, seed: int, name: str, mishaps: Mishaps) -> None:
        self.out = Shaken(faults, seed, name, "sip out", mishaps)
        self.into = Shaken(faults, seed, name, "sip in", mishaps)
        self._closed = False
        self._transport = transport
        transport.on_message = lambda wire, flow: self.into.carry(lambda: self._arrived(wire, flow))
        transport.on_broken = lambda flow: self.on_broken(flow)

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends a message, if the link lets it pass."""
        self.out.carry(lambda: self._transport.send(wire, flow))

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """Takes back a message whose connection is not made yet; False when there is none."""
        return self._transport.withdraw(wire, flow)

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the path to an address."""
        return self._transport.flow(transport, host, port)

    def close(self) -> None:
        """Closes the transport; what is still under way is lost."""
        self._closed = True
        self._transport.close()

    def _arrived(self, wire: bytes, flow: Flow) -> None:
        if not self._closed:
            self.on_message(wire, flow)


class ShakyPort:
    """An RTP port over bad links, both ways; fits `lab.ports.RtpPort`."""

    def __init__(
        self, open_port: OpenPort, arrived: Arrived, faults: Faults, *, seed: int, name: str, mishaps: Mishaps
    ) -> None:
        self.out = Shaken(faults, seed, name, "rtp out", mishaps)
        self.into = Shaken(faults, seed, name, "rtp in", mishaps)
        self._closed = False
        self._arrived = arrived
        self._port = open_port(self._take)
        self.address = self._port.address

    def send(self, datagram: bytes, destination: Address) -> None:
        """Sends a datagram, if the link lets it pass."""
        self.out.carry(lambda: None if self._closed else self._port.send(datagram, destination))

    def close(self) -> None:
        """Frees the port; what is still under way is lost."""
        self._closed = True
        self._port.close()

    def _take(self, datagram: bytes, source: Address, age_s: float) -> None:
        self.into.carry(lambda: None if self._closed else self._arrived(datagram, source, age_s))


def shaky(open_port: OpenPort, faults: Faults, *, seed: int, name: str, mishaps: Mishaps) -> OpenPort:
    """Returns what opens ports like `open_port`, but over bad links; what happens on them is counted in `mishaps`."""
    count = 0

    def opened(arrived: Arrived) -> RtpPort:
        nonlocal count
        count += 1
        return ShakyPort(open_port, arrived, faults, seed=seed, name=f"{name} {count}", mishaps=mishaps)

    return opened
