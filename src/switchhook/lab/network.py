"""A network that is not there: datagrams between named addresses on any asyncio loop, with seeded faults.

An address is (host, port), the host any text that looks like one ("10.0.0.7"). Whoever binds an address gets the
datagrams sent to it; a datagram to nobody is lost like on a real network, and counted. `Network.faults()` sets the
manners of all links, of one host, or of one pair of hosts, at any time. With a seed and a `VirtualLoop` a run is the
same every time, down to the order of two datagrams that arrive at the same moment (the one sent first arrives first).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass

from switchhook.core.errors import Unavailable
from switchhook.lab.faults import LAN, Faults, Link

Address = tuple[str, int]
Receive = Callable[[bytes, Address], None]

_FIRST_FREE_PORT = 40_000
_SAME_MOMENT_S = 1e-9


@dataclass(frozen=True, slots=True)
class Seen:
    """A datagram as an observer of the whole network sees it: sent at `at` (loop seconds), arriving at `arrivals`."""

    at: float
    source: Address
    destination: Address
    payload: bytes
    arrivals: tuple[float, ...]


class Socket:
    """One bound address; the fake equal of a UDP socket."""

    def __init__(self, network: Network, address: Address, receive: Receive) -> None:
        self.address = address
        self.receive = receive
        self._network = network

    def send(self, payload: bytes, destination: Address) -> None:
        """Sends a datagram; whether it arrives is the network's business."""
        self._network.carry(self.address, destination, payload)

    def close(self) -> None:
        """Frees the address; what is still under way to it is lost. May be called twice."""
        self._network.unbind(self)


class Network:
    """All links of a fake network. `seed` decides every fault; `faults` is the default of a link."""

    def __init__(self, *, seed: int = 1, faults: Faults = LAN, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._seed = seed
        self._default = faults
        self._rules: dict[tuple[str, str], Faults] = {}
        self._links: dict[tuple[Address, Address], Link] = {}
        self._sockets: dict[Address, Socket] = {}
        self._watchers: list[Callable[[Seen], None]] = []
        self._next_port: dict[str, int] = {}
        self._under_way: list[tuple[float, int, Address, Address, bytes]] = []
        self._sent = 0
        self.unreachable = 0  # datagrams that arrived where nobody listens

    def bind(self, host: str, port: int, receive: Receive) -> Socket:
        """Takes an address (port 0: the next free one); raises `Unavailable` when somebody has it."""
        if port == 0:
            port = self._free_port(host)
        address = (host, port)
        if address in self._sockets:
            raise Unavailable(f"{host}:{port} is in use")
        socket = Socket(self, address, receive)
        self._sockets[address] = socket
        return socket

    def faults(self, faults: Faults, source: str = "*", destination: str = "*", *, both: bool = True) -> None:
        """Sets the manners of links between two hosts (`*` is any), from now on; `both` sets the way back too."""
        self._rules[source, destination] = faults
        if both:
            self._rules[destination, source] = faults
        for (from_, to), link in self._links.items():
            link.faults = self._faults_of(from_[0], to[0])

    def partition(self, host: str, other: str = "*") -> None:
        """Cuts a host off from another or from everybody; `heal` undoes it."""
        self.faults(Faults(partition=True), host, other)

    def heal(self, host: str, other: str = "*") -> None:
        """Takes back what `partition` or `faults` said about a pair of hosts."""
        self._rules.pop((host, other), None)
        self._rules.pop((other, host), None)
        for (from_, to), link in self._links.items():
            link.faults = self._faults_of(from_[0], to[0])

    def watch(self, watcher: Callable[[Seen], None]) -> None:
        """Shows every datagram, lost ones too, to `watcher` when it is sent."""
        self._watchers.append(watcher)

    def link(self, source: Address, destination: Address) -> Link:
        """Returns one direction between two addresses, with its counts."""
        found = self._links.get((source, destination))
        if found is None:
            name = f"{source[0]}:{source[1]}>{destination[0]}:{destination[1]}"
            found = Link(self._faults_of(source[0], destination[0]), self._seed, name)
            self._links[source, destination] = found
        return found

    def carry(self, source: Address, destination: Address, payload: bytes) -> None:
        """Takes a datagram at its source; deliveries follow on the loop."""
        now = self._loop.time()
        arrivals = self.link(source, destination).carry(now)
        for watcher in self._watchers:
            watcher(Seen(now, source, destination, payload, arrivals))
        for at in arrivals:
            self._sent += 1
            heapq.heappush(self._under_way, (at, self._sent, source, destination, payload))
            self._loop.call_at(at, self._deliver_due)

    def unbind(self, socket: Socket) -> None:
        if self._sockets.get(socket.address) is socket:
            del self._sockets[socket.address]

    def _deliver_due(self) -> None:
        # Not one timer per datagram: asyncio does not keep the order of timers of the same moment.
        now = self._loop.time() + _SAME_MOMENT_S
        while self._under_way and self._under_way[0][0] <= now:
            _, _, source, destination, payload = heapq.heappop(self._under_way)
            socket = self._sockets.get(destination)
            if socket is None:
                self.unreachable += 1
            else:
                socket.receive(payload, source)

    def _faults_of(self, source: str, destination: str) -> Faults:
        for pair in ((source, destination), (source, "*"), ("*", destination), ("*", "*")):
            if pair in self._rules:
                return self._rules[pair]
        return self._default

    def _free_port(self, host: str) -> int:
        port = self._next_port.get(host, _FIRST_FREE_PORT)
        while (host, port) in self._sockets:
            port += 2
        self._next_port[host] = port + 2
        return port
