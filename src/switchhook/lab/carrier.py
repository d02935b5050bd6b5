"""A carrier: many telephones with numbers behind one SIP address, as the far end of a trunk.

A trunk has one address, and whoever is behind it shares it. The carrier gives each telephone a transport of its own
and passes messages on: a request of a new call by the number in its Request-URI, everything else by its Call-ID. It
keeps no state of transactions; a number of nobody is answered 404.

    carrier = await Carrier.real(port=5070)
    customer = await phones.open("customer", username="+14155550111", transport=carrier.line("+14155550111"))
"""

from __future__ import annotations

from collections.abc import Callable

from switchhook.core.errors import Unavailable
from switchhook.lab.network import Network
from switchhook.lab.plug import PhoneTransport
from switchhook.lab.transport import NetworkTransport
from switchhook.sip.build import response
from switchhook.sip.flow import Flow
from switchhook.sip.message import Malformed, Message, parse
from switchhook.sip.sockets import Sockets
from switchhook.sip.uri import parse_uri

_REMEMBERED = 20_000  # calls; the oldest are forgotten first


class CarrierLine:
    """The transport of one telephone behind a carrier."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]

    def __init__(self, carrier: Carrier, numbers: tuple[str, ...]) -> None:
        self.numbers = numbers
        self._carrier = carrier

    def send(self, wire: bytes, flow: Flow) -> None:
        """Sends a message from the carrier's address."""
        self._carrier.send(self, wire, flow)

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """Takes back a message whose connection is not made yet; False when there is none."""
        return self._carrier.transport.withdraw(wire, flow)

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        """Returns the carrier's path to an address."""
        return self._carrier.transport.flow(transport, host, port)

    def close(self) -> None:
        """Gives the numbers back; the carrier stays."""
        self._carrier.leave(self)


class Carrier:
    """Numbers behind one transport. `close` it when its telephones are closed."""

    def __init__(self, transport: PhoneTransport) -> None:
        self.transport = transport
        self.unknown = 0  # calls to numbers of nobody
        self._by_number: dict[str, CarrierLine] = {}
        self._by_call: dict[str, CarrierLine] = {}
        transport.on_message = self._message
        transport.on_broken = self._broken

    @classmethod
    async def real(cls, host: str = "127.0.0.1", port: int = 0) -> Carrier:
        """Opens a carrier on UDP; raises `Unavailable` when the address is taken."""
        sockets = Sockets()
        await sockets.open([("udp", host, port)])
        return cls(sockets)

    @classmethod
    def virtual(cls, network: Network, host: str, port: int = 5060) -> Carrier:
        """Opens a carrier on a fake network; raises `Unavailable` when the address is taken."""
        return cls(NetworkTransport(network, host, port))

    @property
    def local(self) -> str:
        """Returns its address as `host:port`."""
        flow = self.transport.flow("udp", "127.0.0.1", 5060)
        assert flow is not None
        return flow.local

    def line(self, *numbers: str) -> CarrierLine:
        """Returns a transport for a telephone with these numbers; raises `Unavailable` when somebody has one."""
        line = CarrierLine(self, tuple(_bare(number) for number in numbers))
        for number in line.numbers:
            if number in self._by_number:
                raise Unavailable(f"{number} is somebody's number already")
            self._by_number[number] = line
        return line

    def close(self) -> None:
        """Closes the address."""
        self.transport.close()

    def send(self, line: CarrierLine, wire: bytes, flow: Flow) -> None:
        """Sends a telephone's message and remembers whose call it is."""
        self._remember(parse(wire).call_id, line)
        self.transport.send(wire, flow)

    def leave(self, line: CarrierLine) -> None:
        """Forgets a telephone."""
        self._by_number = {number: one for number, one in self._by_number.items() if one is not line}
        self._by_call = {call: one for call, one in self._by_call.items() if one is not line}

    def _message(self, wire: bytes, flow: Flow) -> None:
        try:
            message = parse(wire)
        except Malformed:
            return
        line = self._by_call.get(message.call_id)
        if line is None and message.verb:
            line = self._called(message)
            if line is None:
                self._refuse(message, flow)
                return
            self._remember(message.call_id, line)
        if line is not None:
            line.on_message(wire, flow)

    def _called(self, request: Message) -> CarrierLine | None:
        uri = parse_uri(request.uri)
        return self._by_number.get(_bare(uri.number)) if uri is not None else None

    def _refuse(self, request: Message, flow: Flow) -> None:
        if request.verb == "ACK" or request.via is None:
            return
        self.unknown += 1
        status = 200 if request.verb == "OPTIONS" else 404
        self.transport.send(response(request, status, tag="carrier"), flow)

    def _remember(self, call_id: str, line: CarrierLine) -> None:
        if call_id not in self._by_call and len(self._by_call) >= _REMEMBERED:
            del self._by_call[next(iter(self._by_call))]
        self._by_call[call_id] = line

    def _broken(self, flow: Flow) -> None:
        for line in set(self._by_number.values()):
            line.on_broken(flow)


def _bare(number: str) -> str:
    return number.removeprefix("+")
