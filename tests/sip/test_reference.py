"""The fast reader of messages against a slow one that is written as the RFC words it; and no byte lost by either."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.message import parse
from switchhook.sip.offer import parse_sdp
from tests.fuzz.shapes import SEEDS, damaged
from tests.sip import generated
from tests.sip import reference_reader as slow
from tests.sip.agreement import agree
from tests.sip.house import House
from tests.sip.link import Wire
from tests.sip.torture.corpus import RFC4475, RFC5118


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(generated.message())
def test_generated_messages(wire):
    agree(wire)


PIECE = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"\r\n", b"\r\n ", b"\r\n\t", b":", b" ", b"\t", b",", b'"', b"l: 3\r\n"]),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS["message"]),
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from([0, 0, 1, 4]), PIECE), max_size=4),
)
def test_damaged_messages(wire, edits):
    agree(damaged(wire, edits))


@pytest.mark.parametrize("name", [*RFC4475, *RFC5118])
def test_torture_messages(name):
    agree({**RFC4475, **RFC5118}[name].wire)


HEAD = b"OPTIONS sip:a SIP/2.0\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        b'To: <sip:a@b>;x=">";tag=1',
        b'To: "a>;tag=no" <sip:a@b>;tag=1',
        b'From: <sip:a@b>;x=";tag=no";tag=1;y',
        b"From: sip:a@b ; Tag = 1",
        b'Via: SIP/2.0/UDP h;x="a;branch=no";branch=z9hG4bKa',
        b"Via: SIP/2.0/UDP h;branch=z9hG4bKa ;RPort ; Received=::1",
        b"Via: SIP/2.0/UDP h\r\n ;branch\r\n =\r\n z9hG4bKa\r\n ;rport",
        b"v: SIP / 2.0 / UDP h : 5070;branch=a, SIP/2.0/TCP i;branch=b",
        b"Via: SIP/2.0/ UDP h;branch=z9hG4bKa",
        b"Via: SIP /2.0/UDP h;branch=z9hG4bKa",
        b"CSeq: 0009\r\n  INVITE",
        b"CSeq: 2147483648 INVITE",
        b"X: " + b"\r\nX: ".join(b"%d" % n for n in range(300)),
        b"X: " + b"\r\nX: ".join(b"%d" % n for n in range(255)) + b"\r\nTo: <sip:late@x>;tag=9",
        b"X: " + b"\r\nX: ".join(b"%d" % n for n in range(255)) + b"\r\n folded\r\n\ttwice",
        b"Subject: x\r\n Content-Length: 3",
        b"l:\r\n 0",
        b" l: 3",
        b"m\r\nVia",
        b"To:\r\n\t\r\n <sip:a@b>",
        b"\xff\xfe: \xff",
    ],
)
def test_by_hand(lines):
    agree(HEAD + lines + b"\r\n\r\nbody")


# --- and what is answered


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(generated.several(generated.a_via()), st.sampled_from(["192.0.2.9", "10.0.0.1", "2001:db8::1"]))
def test_an_answer_has_the_vias_of_its_request(vias, source):
    """With received and rport in the topmost (RFC 3261 18.2.1, RFC 3581 4), and else as they were."""
    top, *below = slow.parts(unfolded(vias), ",")
    asked = slow.via(top)
    wire = Wire()
    house = House(wire)
    request = f"OPTIONS sip:example.org SIP/2.0\r\nVia: {vias}\r\n{ASKS}".encode("utf-8", "surrogateescape")
    house.line.receive(request, house.end.flow("udp", source, 4000))
    if asked is None or not wire.log:
        return
    answer = parse(wire.log[0][3])
    first, *others = answer.listed("via")
    assert others == below
    transport, host, port, branch, rport, received = asked
    said = slow.via(first)
    assert said is not None, first
    assert said[:4] == (transport, host, port, branch)
    assert said[4] == ("4000" if rport is not None else None)
    assert said[5] == source if rport is not None or host != source else said[5] in (received, source)
    kept = set(slow.parts(top, ";")) - {one for one in slow.parts(top, ";") if one.lower().startswith(STAMPED)}
    assert kept <= set(slow.parts(first, ";"))


ASKS = "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
STAMPED = ("rport", "received")


def unfolded(value: str) -> str:
    return slow.Header(f"x:{value}").value


# --- no byte lost


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(generated.message(sound=True))
def test_sound_messages_come_back_byte_for_byte(wire):
    found = parse(wire)
    assert not found.flaw
    assert bytes(found) == wire
    assert bytes(parse(bytes(found))) == wire


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(generated.description())
def test_descriptions_come_back_byte_for_byte(wire):
    found = parse_sdp(wire)
    assert found is not None
    assert bytes(found) == wire


# --- and none misplaced on a stream


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(generated.message(sound=True), st.just(b"\r\n\r\n")), max_size=4), st.data())
def test_sound_messages_are_cut_from_a_stream_wherever_it_is_split(wires, data):
    whole = b"".join(wires)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    framer, found, pings = Framer(), [], 0
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        messages, more = framer.feed(whole[start:end])
        found, pings = found + messages, pings + more
    assert (found, pings) == ([one for one in wires if one != b"\r\n\r\n"], wires.count(b"\r\n\r\n"))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(generated.message())
def test_a_stream_is_cut_where_the_reader_ends_the_body(wire):
    """What the framer takes for one message is one for the reader: nobody hides a second one in a fold."""
    try:
        expected = slow.read(wire)
    except slow.NoMessage:
        return
    lengths = set(expected.values("content-length"))
    try:
        found, _ = Framer().feed(wire)
    except Overlong:
        assert len(lengths) != 1 or expected.flaw or any(not one.isdigit() for one in lengths)
        return
    if found and not expected.flaw:
        assert bytes(parse(found[0])) == found[0] == bytes(parse(wire))


def test_a_fold_is_no_header_of_its_own():
    folded = HEAD + b"Subject: x\r\n Content-Length: 3\r\nContent-Length: 0\r\n\r\n"
    assert Framer().feed(folded + folded) == ([folded, folded], 0)
    with pytest.raises(Overlong):
        Framer().feed(HEAD + b"Subject: x\r\n Content-Length: 3\r\n\r\nabc")


def test_a_folded_length_is_a_length():
    wire = HEAD + b"Content-Length:\r\n 3\r\n\r\nabc"
    assert Framer().feed(wire) == ([wire], 0)
