"""The fast reader of messages against a slow one that is written as the RFC words it; and no byte lost by either."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.message import _INDEXED, Malformed, parse
from switchhook.sip.offer import parse_sdp
from tests.fuzz.shapes import SEEDS, damaged
from tests.sip import generated
from tests.sip import reference_reader as slow
from tests.sip.torture.corpus import RFC4475, RFC5118

INDEXED = [name.lower() for name in _INDEXED]
OTHERS = ("subject", "supported", "refer-to", "x-unheard-of", "session-expires", "allow-events", "user-agent")


def agree(wire: bytes) -> None:
    """Both readers read the same, or both refuse."""
    try:
        expected = slow.read(wire)
    except slow.NoMessage:
        with pytest.raises(Malformed):
            parse(wire)
        return
    found = parse(wire)
    assert (found.verb, found.uri, found.version, found.status, found.phrase) == (
        expected.verb,
        expected.uri,
        expected.version,
        expected.status,
        expected.phrase,
    )
    assert (found.flaw, found.body) == (expected.flaw, expected.body)
    assert list(found.lines) == [expected.start, *(header.line for header in expected.headers)]
    for name in INDEXED:
        values = expected.values(name)
        assert found.all(name) == values
        assert found.first(name) == next(iter(values), "")
        assert found.listed(name) == [part for value in values for part in slow.parts(value, ",") if part]
    for name in OTHERS:
        assert found.get_all(name.title()) == expected.all_values(name)
    assert found.pairs() == [
        (header.written_name, header.value if ":" in header.line else "") for header in expected.headers
    ]
    assert found.call_id == expected.value("call-id")
    assert found.content_type == expected.value("content-type").partition(";")[0].strip(" \t").lower()
    grammars_agree(found, expected)
    assert wire.startswith(bytes(found))
    assert bytes(found) == wire[: len(wire) - len(wire.partition(b"\r\n\r\n")[2]) + len(found.body)]


def grammars_agree(found, expected: slow.Reading) -> None:
    cseq = slow.cseq(expected.value("cseq"))
    if cseq is not None:
        assert found.cseq == cseq
        assert found.method == (expected.verb or cseq[1])
    else:
        assert found.cseq is None or len(expected.value("cseq").split()) == 2
    for which, tag in (("from", found.from_tag), ("to", found.to_tag)):
        said = slow.tag(expected.value(which))
        assert said is None or tag == said
    top = slow.parts(expected.value("via"), ",")[0]
    via = slow.via(top)
    if via is not None:
        assert found.via == via
        assert found.top_branch() == via[3]


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
