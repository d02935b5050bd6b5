"""What a server says to messages in the spirit of RFC 4475: a status, or silence; and never an error of its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.sip.framing import MAX_BODY
from tests.sip.house import House
from tests.sip.link import Wire

HEAD = (
    "Via: SIP/2.0/UDP 10.0.0.50:5060;branch=z9hG4bK-t;rport\r\nFrom: <sip:a@carrier.net>;tag=1\r\n"
    "To: <sip:b@example.org>\r\nCall-ID: torture\r\nMax-Forwards: 70\r\n"
)


def request(
    method="OPTIONS", uri="sip:b@example.org", version="SIP/2.0", head=HEAD, more="", body="", length=None
) -> bytes:
    cseq = "" if "CSeq" in more or "CSeq" in head else f"CSeq: 1 {method}\r\n"
    contact = "Contact: <sip:a@10.0.0.50>\r\n" if method == "INVITE" and "Contact" not in more else ""
    size = len(body) if length is None else length
    text = f"{method} {uri} {version}\r\n{head}{cseq}{contact}{more}Content-Length: {size}\r\n\r\n{body}"
    return text.encode("utf-8", "surrogateescape")


def swap(old: str, new: str) -> str:
    assert old in HEAD
    return HEAD.replace(old, new)


def answers(wire_bytes: bytes) -> tuple[list[int], House]:
    wire = Wire()
    house = House(wire)
    seen: list[bytes] = []
    peer = wire.end("10.0.0.50")
    peer.on_message = lambda arrived, flow: seen.append(arrived)
    house.line.receive(wire_bytes, house.end.flow("udp", "10.0.0.50", 5060))
    wire.run(0.1)
    assert house.line.counters.bugs == 0
    return [int(one[8:11]) for one in seen], house


CASES = {
    "options": (request(), 200),
    "folded and compact": (
        request(head=HEAD.replace("From:", "f:").replace("Call-ID: ", "i :\r\n  "), more="Subject: a\r\n b\r\n"),
        200,
    ),
    "unknown headers, odd names": (request(more="X-$!%: y\r\nNewFangledHeader:   z\r\n"), 200),
    "escaped nulls in the user": (request(uri="sip:null-%00-null@example.org"), 200),
    "utf-8 in headers": (request(more="Subject: ☎ ünï\r\n"), 200),
    "bytes that are no text": (request(more="Subject: \udcff\udc80\r\n"), 200),
    "no Max-Forwards": (request(head=swap("Max-Forwards: 70\r\n", "")), 200),
    "Max-Forwards 0 at its end": (request(head=swap("Max-Forwards: 70", "Max-Forwards: 0")), 200),
    "Max-Forwards 0 of a call": (request("INVITE", head=swap("Max-Forwards: 70", "Max-Forwards: 0")), 483),
    "Max-Forwards too large": (request(head=swap("Max-Forwards: 70", "Max-Forwards: 300")), 400),
    "Max-Forwards negative": (request(head=swap("Max-Forwards: 70", "Max-Forwards: -1")), 400),
    "another version": (request(version="SIP/7.0"), 505),
    "unknown method": (request("NEWMETHOD"), 501),
    "method like a header": (request("!interesting-Method0123456789_*+`.%indeed'~"), 501),
    "known method not served": (request("SUBSCRIBE", more="Event: x\r\n"), 405),
    "REFER outside a dialog": (request("REFER", more="Refer-To: <sip:x@y>\r\n"), 405),
    "CSeq of another method": (request(more="CSeq: 1 INVITE\r\n"), 400),
    "unknown method, CSeq of another": (request("NEWMETHOD", more="CSeq: 1 INVITE\r\n"), 501),
    "CSeq too large": (request(more="CSeq: 36893488147419103232 OPTIONS\r\n"), 400),
    "no CSeq": (request(more="").replace(b"CSeq: 1 OPTIONS\r\n", b""), None),
    "no Call-ID": (request(head=swap("Call-ID: torture\r\n", "")), 400),
    "no Via": (request(head=HEAD.partition("\r\n")[2]), None),
    "Via of another protocol": (request(head=swap("SIP/2.0/UDP", "HTTP/1.1/X")), None),
    "no From": (request(head=swap("From: <sip:a@carrier.net>;tag=1\r\n", "")), 400),
    "no To": (request(head=swap("To: <sip:b@example.org>\r\n", "")), 400),
    "two Froms": (request(more="From: <sip:x@y>;tag=2\r\n"), 400),
    "two Call-IDs": (request(more="Call-ID: other\r\n"), 400),
    "unclosed quote in To": (request(head=swap("To: <sip:b@example.org>", 'To: "Mr. J <sip:b@example.org>')), 400),
    "unclosed bracket in From": (request(head=swap("<sip:a@carrier.net>", "<sip:a@carrier.net")), 400),
    "unknown scheme": (request(uri="nobodyKnowsThisScheme:totallyopaque"), 416),
    "http URI": (request(uri="http://example.org/"), 416),
    "no URI at all": (request(uri="example"), 400),
    "URI in brackets": (request(uri="<sip:b@example.org>"), 400),
    "blank within the URI": (request(uri="sip:b@example.org; lr"), 400),
    "port too large": (request(uri="sip:b@example.org:99999"), 400),
    "URI too long": (request(uri="sip:" + "b" * 5000 + "@example.org"), 414),
    "Call-ID too long": (request(head=swap("torture", "t" * 3000)), 400),
    "extension required": (request("INVITE", more="Require: nothingSupportsThis, nothingEither\r\n"), 420),
    "100rel required": (request("INVITE", more="Require: 100rel\r\n"), 420),
    "body of another kind": (request("INVITE", more="Content-Type: application/unknown\r\n", body="x"), 415),
    "body in an encoding": (
        request("INVITE", more="Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", body="x"),
        415,
    ),
    "no Contact": (request("INVITE", more="Contact: \r\n"), 400),
    "Contact of another scheme": (request("INVITE", more="Contact: <mailto:a@b>\r\n"), 400),
    "no From tag": (request("INVITE", head=swap(";tag=1", "")), 400),
    "offer with nothing for us": (
        request("INVITE", more="Content-Type: application/sdp\r\n", body="v=0\r\nm=video 9 RTP/AVP 31\r\n"),
        488,
    ),
    "offer that is no SDP": (request("INVITE", more="Content-Type: application/sdp\r\n", body="hello"), 488),
    "body longer than the datagram": (request(length=9999), 400),
    "negative length": (request(length=-999), 400),
    "body too large": (request(body="x" * 40_000), 413),
    "the largest body that a stream carries": (request(body="x" * MAX_BODY), 413),
    "larger than anything that a stream carries": (
        request(more="X: " + "y" * 65_536 + "\r\n", body="x" * MAX_BODY),
        None,
    ),
    "too many headers": (request(more="X: y\r\n" * 10_000), 513),
    "header without a name": (request(more=": y\r\n"), 400),
    "line without a colon": (request(more="nonsense\r\n"), 400),
    "BYE of no dialog": (request("BYE", head=swap("example.org>\r", "example.org>;tag=9\r")), 481),
    "INVITE of no dialog": (request("INVITE", head=swap("example.org>\r", "example.org>;tag=9\r")), 481),
    "BYE without a tag": (request("BYE"), 481),
    "INFO of no dialog": (request("INFO"), 481),
    "CANCEL of nothing": (request("CANCEL"), 481),
    "ACK of nothing": (request("ACK"), None),
    "a response of nothing": (b"SIP/2.0 200 OK\r\n" + HEAD.encode() + b"CSeq: 1 INVITE\r\n\r\n", None),
    "a response without numbers": (b"SIP/2.0 2 OK\r\n" + HEAD.encode() + b"CSeq: 1 INVITE\r\n\r\n", None),
    "truncated in a header": (request()[:120], None),
    "binary": (bytes(range(256)) * 8, None),
    "zeros": (b"\0" * 400, None),
    "keepalive": (b"\r\n\r\n", None),
    "nothing": (b"", None),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None),
    "as large as UDP goes": (request(more="X: " + "y" * 64_000 + "\r\n"), 200),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict(name):
    wire, expected = CASES[name]
    statuses, _ = answers(wire)
    assert [one for one in statuses if one != 100] == ([] if expected is None else [expected])


def test_extensions_and_methods_are_named_in_the_refusal():
    wire = Wire()
    house = House(wire)
    for message in (request("INVITE", more="Require: foo\r\n"), request("SUBSCRIBE", more="Event: x\r\n")):
        house.line.receive(message, house.end.flow("udp", "10.0.0.50", 5060))
    sent = [wire_bytes for _, _, _, wire_bytes in wire.log]
    assert b"Unsupported: foo\r\n" in sent[0]
    assert b"Allow: INVITE, ACK, CANCEL, BYE" in sent[1]
    assert b"REGISTER\r\n" in sent[1]


def test_the_same_request_by_two_ways_is_merged():
    wire = Wire()
    house = House(wire)
    flow = house.end.flow("udp", "10.0.0.50", 5060)
    house.line.receive(request("INVITE"), flow)
    house.line.receive(request("INVITE", head=swap("z9hG4bK-t", "z9hG4bK-u")), flow)
    assert [one[8:11] for _, _, _, one in wire.log] == [b"100", b"482"]
    assert house.line.counters.merged == 1


def test_where_answers_go():
    wire = Wire()
    house = House(wire)
    source = house.end.flow("udp", "192.0.2.9", 40_000)
    house.line.receive(request(head=swap(";rport", "")), source)
    house.line.receive(
        request(head=swap("z9hG4bK-t", "z9hG4bK-w"), more="X: 1\r\n").replace(b"torture", b"other"), source
    )
    house.line.receive(
        request(head=swap("z9hG4bK-t;rport", "z9hG4bK-v;maddr=198.51.100.1")).replace(b"torture", b"third"), source
    )
    assert b"Via: SIP/2.0/UDP 10.0.0.50:5060;branch=z9hG4bK-t;received=192.0.2.9\r\n" in wire.log[0][3]
    assert b";received=192.0.2.9;rport=40000\r\n" in wire.log[1][3]
    assert [to for _, _, to, _ in wire.log] == ["192.0.2.9"] * 3


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 400),
    st.binary(max_size=8),
    st.integers(0, 8),
    st.sampled_from(["INVITE", "REGISTER", "BYE", "OPTIONS"]),
)
def test_a_damaged_request_never_makes_an_error(at, damage, cut, method):
    whole = request(
        method, more="Authorization: Digest username=x, nonce=1.2.3, realm=example.org, nc=z\r\nExpires: 1\r\n"
    )
    answers(whole[:at] + damage + whole[at + cut :])
