"""RFC 3263 against a name server of our own on loopback."""

from __future__ import annotations

import asyncio
from random import Random

import dns.message
import dns.rrset
import pytest

from switchhook.sip.flow import Flow
from switchhook.sip.resolver import Resolver, _hosts_file, weighted

ZONE = {
    ("_sip._udp.carrier.test.", "SRV"): ["10 5 5070 a.carrier.test.", "20 5 5080 b.carrier.test."],
    ("_sip._tcp.carrier.test.", "SRV"): ["10 5 5071 a.carrier.test."],
    ("a.carrier.test.", "A"): ["192.0.2.1"],
    ("b.carrier.test.", "A"): ["192.0.2.2"],
    ("plain.test.", "A"): ["192.0.2.3", "192.0.2.4"],
    ("plain.test.", "AAAA"): ["2001:db8::3"],
}


class NameServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = question.rdtype.name
        self.asked.append(f"{question.name} {kind}")
        reply = dns.message.make_response(query)
        records = ZONE.get((str(question.name).lower(), kind))
        if records:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(name == str(question.name).lower() for name, _ in ZONE):
            reply.set_rcode(3)
        self.transport.sendto(reply.to_wire(), addr)


class Road:
    on_message = staticmethod(lambda wire, flow: None)
    on_broken = staticmethod(lambda flow: None)

    def send(self, wire, flow):
        raise AssertionError

    def flow(self, transport, host, port):
        return Flow(transport, host, port, "10.0.0.1:5060") if ":" not in host and transport in ("udp", "tcp") else None


def locate(uri: str, times: int = 1):
    async def story():
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        resolver = Resolver(
            Road(),
            clock=loop.time,
            random=Random(1),
            nameservers=["127.0.0.1"],
            port=port,
            hosts={"near": ["10.0.0.9"]},
        )
        found = []
        for _ in range(times):
            answer: asyncio.Future = loop.create_future()
            resolver(uri, answer.set_result)
            found = await asyncio.wait_for(answer, 5)
        transport.close()
        return [(flow.transport, flow.host, flow.port) for flow in found], server.asked

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:x@192.0.2.9", [("udp", "192.0.2.9", 5060)]),
        ("sip:x@192.0.2.9:5099;transport=tcp", [("tcp", "192.0.2.9", 5099)]),
        ("sip:x@carrier.test", [("udp", "192.0.2.1", 5070), ("udp", "192.0.2.2", 5080), ("tcp", "192.0.2.1", 5071)]),
        ("sip:x@carrier.test;transport=tcp", [("tcp", "192.0.2.1", 5071)]),
        ("sip:x@plain.test", [("udp", "192.0.2.3", 5060), ("udp", "192.0.2.4", 5060)]),
        ("sip:x@plain.test:5090", [("udp", "192.0.2.3", 5090), ("udp", "192.0.2.4", 5090)]),
        ("sip:x@near", [("udp", "10.0.0.9", 5060)]),
        ("sip:x@unknown.test", []),
        ("sips:x@plain.test", []),
        ("tel:+1", []),
        ("sip:x@192.0.2.9;transport=sctp", []),
    ],
)
def test_where_a_uri_leads(uri, expected):
    found = locate(uri)[0]
    assert (sorted(found) if "plain" in uri else found) == expected  # equal addresses come in any order


def test_answers_and_failures_are_remembered():
    for uri in ("sip:x@carrier.test", "sip:x@unknown.test"):
        assert locate(uri, times=3)[1] == locate(uri)[1]


def test_weights_decide_among_equal_priorities():
    records = [(1, 90, ("udp", "heavy", 1)), (1, 10, ("udp", "light", 1)), (0, 0, ("udp", "first", 1))]
    random = Random(5)
    drawn = [weighted(records, random) for _ in range(200)]
    assert all(one[0][1] == "first" and len(one) == 3 for one in drawn)
    assert 150 < sum(one[1][1] == "heavy" for one in drawn) < 200


def test_the_hosts_file(tmp_path):
    file = tmp_path / "hosts"
    file.write_text("# x\n192.0.2.8 Phone phone2 # y\n::1 localhost\nbad name\n")
    assert _hosts_file(str(file)) == {"localhost": ["127.0.0.1"], "phone": ["192.0.2.8"], "phone2": ["192.0.2.8"]}
    assert _hosts_file(str(tmp_path / "none")) == {"localhost": ["127.0.0.1"]}
