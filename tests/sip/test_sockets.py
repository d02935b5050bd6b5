"""Real sockets on loopback: the line and telephones over UDP and TCP, on ports the system chose."""

from __future__ import annotations

import asyncio
import socket
from random import Random

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.events import LegAnswered, LegArrived, LegGone
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Endpoint, Invitation, MediaAddress
from switchhook.sip.agent import Agent, Identity
from switchhook.sip.connection import Dropped
from switchhook.sip.line import Line
from switchhook.sip.settings import EndpointSettings, LineSettings
from switchhook.sip.sockets import Sockets
from switchhook.sip.ticking import Ticking

MEDIA = MediaAddress("127.0.0.1", 40_000)


class Told:
    """A phone on real sockets that puts what it is told into a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, object]] = asyncio.Queue()

    def incoming(self, line):
        line.answer(MEDIA)
        self.queue.put_nowait(("incoming", line))

    def rang(self, line, early):
        self.queue.put_nowait(("rang", early))

    def answered(self, line):
        self.queue.put_nowait(("answered", line))

    def session(self, line, session):
        self.queue.put_nowait(("session", session))

    def held(self, line, on):
        self.queue.put_nowait(("held", on))

    def digit(self, line, digit, duration_ms):
        self.queue.put_nowait(("digit", digit))

    def talk(self, line):
        self.queue.put_nowait(("talk", line))

    def ended(self, line, ending):
        self.queue.put_nowait(("ended", ending.outcome))

    def registered(self, ok, status):
        self.queue.put_nowait(("registered", status))

    async def hears(self, wanted: str):
        while True:
            kind, value = await asyncio.wait_for(self.queue.get(), 5)
            if kind == wanted:
                return value


class Rig:
    def __init__(self) -> None:
        self.sockets = Sockets()
        self.events: asyncio.Queue = asyncio.Queue()
        self.closers: list = []
        self.legs = 0

    def leg(self) -> LegId:
        self.legs += 1
        return LegId(f"leg-{self.legs}")

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        await self.sockets.open([("udp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0)])
        settings = LineSettings(
            tuple(self.sockets.addresses),
            "example.org",
            (EndpointSettings("1001", "red"), EndpointSettings("1002", "green")),
            secret=b"x" * 16,
        )
        self.line = Line(
            settings,
            self.sockets,
            emit=self.events.put_nowait,
            on_session=lambda leg, session: None,
            media_address=lambda leg: MEDIA,
            new_leg=self.leg,
            clock=loop.time,
            defer=loop.call_soon,
            random=Random(3),
        )
        ticking = Ticking(self.line.engine.timers, self.line.tick, loop)
        self.closers += [ticking.close, self.sockets.close]

    async def phone(self, user: str, password: str, transport: str) -> tuple[Agent, Told]:
        loop = asyncio.get_running_loop()
        sockets, told = Sockets(), Told()
        await sockets.open([(transport, "127.0.0.1", 0)])
        port = next(port for kind, _, port in self.sockets.addresses if kind == transport)
        agent = Agent(
            told,
            sockets,
            Identity(user, "example.org", password),
            clock=loop.time,
            random=Random(user),
            server=(transport, "127.0.0.1", port),
        )
        ticking = Ticking(agent.engine.timers, agent.tick, loop)
        self.closers += [ticking.close, sockets.close]
        return agent, told

    async def event(self, kind: type):
        while True:
            event = await asyncio.wait_for(self.events.get(), 5)
            if isinstance(event, kind):
                return event

    async def close(self) -> None:
        for close in self.closers:
            close()
        await asyncio.sleep(0)


async def _call_through(transport: str, other: str) -> None:
    rig = Rig()
    await rig.start()
    try:
        ann, ann_told = await rig.phone("1001", "red", transport)
        bob, bob_told = await rig.phone("1002", "green", other)
        ann.register()
        bob.register()
        assert await ann_told.hears("registered") == 200
        assert await bob_told.hears("registered") == 200
        line = ann.call("sip:1002@example.org", MEDIA)
        a = (await rig.event(LegArrived)).leg
        b = rig.leg()
        rig.line.invite(Invitation(b, Endpoint("1002"), "1001"))
        await bob_told.hears("incoming")
        assert (await rig.event(LegAnswered)).leg == b
        rig.line.answer(a)
        await ann_told.hears("answered")
        assert (await rig.event(LegAnswered)).leg == a
        line.hold()
        await ann_told.hears("session")
        line.hang_up()
        gone = await rig.event(LegGone)
        assert (gone.leg, gone.outcome) == (a, Outcome.COMPLETED)
        rig.line.end(b, Outcome.COMPLETED)
        assert await bob_told.hears("ended") is Outcome.COMPLETED
        assert rig.line.counters.bugs == 0
        assert rig.line.counters.malformed == 0
    finally:
        await rig.close()


@pytest.mark.parametrize(("transport", "other"), [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")])
def test_two_telephones_through_the_line(transport, other):
    asyncio.run(_call_through(transport, other))


def test_the_loop_that_the_server_runs_on_carries_tcp():
    uvloop = pytest.importorskip("uvloop")  # its transports are no subclasses of asyncio's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_call_through("tcp", "tcp"))


def test_whoever_listens_on_every_address_names_the_one_that_is_seen():
    async def story() -> None:
        ours, theirs, came = Sockets(), Sockets(), asyncio.Queue()
        theirs.on_message = lambda wire, flow: came.put_nowait((wire, flow))
        await ours.open([("udp", "0.0.0.0", 0), ("tcp", "0.0.0.0", 0)])
        await theirs.open([("udp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0)])
        for transport, _, port in theirs.addresses:
            own = next(number for kind, _, number in ours.addresses if kind == transport)
            flow = ours.flow(transport, "127.0.0.1", port)
            assert flow.local == f"127.0.0.1:{own}"
            ours.send(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n", flow)
            wire, seen = await asyncio.wait_for(came.get(), 5)
            assert wire.startswith(b"OPTIONS ")
            assert (seen.host, seen.port == own) == ("127.0.0.1", transport == "udp")
        ours.close()
        theirs.close()
        await asyncio.sleep(0)

    asyncio.run(story())


def test_a_datagram_that_the_system_does_not_send_breaks_its_flow_once():
    async def story() -> None:
        sockets, broken = Sockets(), []
        sockets.on_broken = broken.append
        await sockets.open([("udp", "127.0.0.1", 0)])
        flow = sockets.flow("udp", "192.0.2.1", 5060)  # not to be had from a socket on loopback
        for _ in range(3):
            sockets.send(b"x" * 30, flow)
        await asyncio.sleep(0)
        assert broken == [flow]
        sockets.close()

    asyncio.run(story())


def test_a_peer_whose_port_is_closed_does_not_stop_the_reading():
    async def story() -> None:
        sockets, came = Sockets(), asyncio.Queue()
        sockets.on_message = lambda wire, flow: came.put_nowait(wire)
        await sockets.open([("udp", "127.0.0.1", 0)])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            port = gone.getsockname()[1]
        sockets.send(b"x" * 30, sockets.flow("udp", "127.0.0.1", port))  # brings an ICMP error back
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"still here", ("127.0.0.1", sockets.addresses[0][2]))
        assert await asyncio.wait_for(came.get(), 5) == b"still here"
        sockets.close()

    asyncio.run(story())


def test_an_address_in_use_is_one_clear_line():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def bind() -> None:
            await Sockets().open([("udp", "127.0.0.1", port)])

        with pytest.raises(Unavailable, match=f"udp:127.0.0.1:{port}"):
            asyncio.run(bind())


def test_nobody_listens_on_tcp():
    async def story() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        sockets, told = Sockets(), Told()
        loop = asyncio.get_running_loop()
        await sockets.open([("tcp", "127.0.0.1", 0)])
        agent = Agent(
            told,
            sockets,
            Identity("a", "b.org"),
            clock=loop.time,
            random=Random(1),
            server=("tcp", "127.0.0.1", port),
        )
        agent.call("sip:x@b.org", MEDIA)
        assert await told.hears("ended") is Outcome.CONGESTED
        sockets.close()
        await asyncio.sleep(0)

    asyncio.run(story())


def test_pings_on_a_connection_are_answered_and_rubbish_ends_it():
    async def story() -> None:
        rig = Rig()
        await rig.start()
        port = next(port for kind, _, port in rig.sockets.addresses if kind == "tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: minus\r\n\r\n")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        assert rig.sockets.dropped[Dropped.BROKEN] == 1
        writer.close()
        await rig.close()

    asyncio.run(story())
