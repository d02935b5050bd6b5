"""INVITEs that are too large for a datagram (RFC 3261 18.1.1): over TCP where the trunk has it, else over UDP."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegAnswered, LegFailed, LegGone
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Endpoint, Invitation, Trunk
from switchhook.sip.large import CONNECT_S, MAX_DATAGRAM, WITHOUT_S
from switchhook.sip.settings import TrunkSettings
from tests.sip.house import SERVER, House, telephone
from tests.sip.link import Person, Wire

TRUNK = "10.0.0.50"
LONG = (("X-Story", "s" * 1200),)


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def house(wire):
    return House(wire)


def peer(wire: Wire, **more) -> Person:
    return Person(wire, "carrier", TRUNK, SERVER, **more)


def dial(house: House, headers=LONG, **more):
    leg = house.leg()
    house.line.invite(Invitation(leg, Trunk("carrier", "+4930123"), "1001", headers=headers, **more))
    return leg


def ways(wire: Wire, verb: str = "INVITE") -> list[str]:
    """The transports of our requests, in the order they were sent."""
    sent = [message for _, source, _, message in wire.log if source == SERVER and message.startswith(verb.encode())]
    return [message.split(b"Via: SIP/2.0/")[1][:3].decode() for message in sent]


def test_a_large_invite_and_all_of_its_call_go_over_tcp(wire, house):
    trunk = peer(wire)
    leg = dial(house)
    wire.run(3)
    (invite,) = wire.seen("INVITE")
    assert len(invite) > MAX_DATAGRAM
    assert invite.count(b"CSeq: 1 INVITE") == 1
    assert f"Contact: <sip:w0@{SERVER}:5060;transport=tcp>".encode() in invite
    assert [e.leg for e in house.told(LegAnswered)] == [leg]
    house.line.end(leg, Outcome.COMPLETED)
    wire.run(1)
    assert (ways(wire), ways(wire, "ACK"), ways(wire, "BYE")) == (["TCP"], ["TCP"], ["TCP"])
    assert trunk.outcome is Outcome.COMPLETED
    wire.run(100)
    assert house.clean()
    assert (house.line.counters.large_by_tcp, house.line.counters.without_tcp) == (1, 0)


def first_invite(headers) -> tuple[bytes, str]:
    """The same server each time, down to its random numbers: its first INVITE, and the transport."""
    wire = Wire()
    dial(House(wire), headers)
    return wire.seen("INVITE")[0], ways(wire)[0]


def test_1300_bytes_are_the_most_that_goes_over_udp():
    spare = MAX_DATAGRAM - len(first_invite((("X", ""),))[0])
    fits, by = first_invite((("X", "s" * spare),))
    assert (len(fits), by) == (MAX_DATAGRAM, "UDP")
    assert first_invite((("X", "s" * (spare + 1)),))[1] == "TCP"


def test_without_tcp_it_goes_over_udp_at_once_and_later_ones_do_not_ask(wire, house):
    trunk = peer(wire)
    house.end.tcp[TRUNK] = "refused"
    first, asked_at = dial(house), wire.now
    wire.run(2)
    sent = [(round(at - asked_at, 3), way) for (at, *_), way in zip(wire.log, ways(wire), strict=False)]
    assert sent == [(0.01, "UDP")]
    assert b"CSeq: 2 INVITE" in wire.seen("INVITE")[0]
    assert f"Contact: <sip:w0@{SERVER}:5060>".encode() in wire.seen("INVITE")[0]
    assert [e.leg for e in house.told(LegAnswered)] == [first]
    dial(house)
    assert ways(wire) == ["UDP", "UDP"]
    assert b"CSeq: 1 INVITE" in wire.seen("INVITE")[1]
    assert (house.line.counters.large_by_tcp, house.line.counters.without_tcp) == (1, 1)
    wire.run(2)
    for leg in (first, house.told(LegAnswered)[-1].leg):
        house.line.end(leg, Outcome.COMPLETED)
    wire.run(100)
    assert len(trunk.endings) == 2
    assert house.clean()


def test_a_silent_tcp_costs_a_second_once(wire, house):
    peer(wire)
    house.end.tcp[TRUNK] = "silent"
    dial(house)
    wire.run(CONNECT_S - 0.01)
    assert ways(wire) == []
    wire.run(0.02)
    assert ways(wire) == ["UDP"]
    dial(house)
    assert ways(wire) == ["UDP", "UDP"]
    del house.end.tcp[TRUNK]
    wire.run(WITHOUT_S)
    dial(house)
    assert ways(wire) == ["UDP", "UDP", "TCP"]


def test_a_call_given_up_while_the_connection_is_made_reaches_nobody(wire, house):
    peer(wire)
    house.end.tcp[TRUNK] = "silent"
    leg = dial(house)
    wire.run(0.5)
    house.line.end(leg, Outcome.CANCELLED)
    wire.run(100)
    assert [e.outcome for e in house.told(LegFailed)] == [Outcome.CANCELLED]
    assert not wire.log
    assert house.clean()


def test_a_connection_that_breaks_while_it_rings_is_not_called_again(wire, house):
    trunk = peer(wire, manner="ring")
    leg = dial(house)
    wire.run(1)
    assert trunk.events == ["incoming"]
    house.line.broken(house.end.flow("tcp", TRUNK, 5060))
    wire.run(60)
    assert ways(wire) == ["TCP"]
    assert [(e.leg, e.outcome) for e in house.told(LegFailed)] == [(leg, Outcome.CONGESTED)]


def test_a_trunk_that_is_full_is_not_asked_by_both_ways(wire, house):
    class Full(Person):
        def incoming(self, line):
            self.lines.append(line)
            line.reject(503)

    full = Full(wire, "carrier", TRUNK, SERVER)
    leg = dial(house)
    wire.run(60)
    assert len(full.lines) == 1
    assert [e.leg for e in house.told(LegFailed)] == [leg]
    assert house.clean()


@pytest.mark.parametrize("chosen", ["udp", "tcp"])
def test_the_transport_of_the_trunk_s_uri_holds_for_any_size(wire, chosen):
    house = House(wire, trunks=(TrunkSettings("carrier", f"sip:{TRUNK}:5060;transport={chosen}"),))
    peer(wire)
    for headers in (LONG, ()):
        dial(house, headers)
    assert ways(wire) == [chosen.upper()] * 2


def test_credentials_can_make_an_invite_too_large(wire, house):
    trunk = peer(wire)
    asked: list[bytes] = []
    plain = trunk.end.on_message

    def challenging(message, flow):
        if message.startswith(b"INVITE") and not asked:
            asked.append(message)
            lines = message.split(b"\r\n")
            kept = [line for line in lines if line.split(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
            to = next(line for line in lines if line.startswith(b"To:")) + b";tag=c"
            challenge = b'WWW-Authenticate: Digest realm="c", nonce="n", algorithm=MD5'
            head = [b"SIP/2.0 401 Unauthorized", *kept, to, challenge, b"Content-Length: 0", b"", b""]
            trunk.end.send(b"\r\n".join(head), flow)
        else:
            plain(message, flow)

    trunk.end.on_message = challenging
    spare = MAX_DATAGRAM - len(first_invite((("X", ""),))[0])
    leg = dial(house, (("X", "s" * (spare - 20)),))
    wire.run(5)
    assert ways(wire) == ["UDP", "TCP"]
    assert leg in [e.leg for e in house.told(LegAnswered)]


def test_a_telephone_that_registered_over_udp_is_called_over_udp(wire, house):
    bob = telephone(wire, "1002", "10.0.0.2", "green")
    bob.agent.register()
    wire.run(1)
    leg = house.leg()
    house.line.invite(Invitation(leg, Endpoint("1002"), "1001", headers=LONG))
    wire.run(3)
    assert ways(wire) == ["UDP"]
    assert [e.leg for e in house.told(LegAnswered)] == [leg]
    bob.line.hang_up()
    wire.run(100)
    assert [e.leg for e in house.told(LegGone)] == [leg]
    assert house.clean()
