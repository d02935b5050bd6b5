"""Parsing loses nothing, and what it says is what stands there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.headers import (
    parse_address,
    parse_auth,
    parse_cseq,
    parse_reason,
    parse_via,
    quote_text,
    split_list,
    tag_of,
    unquote_text,
)
from switchhook.sip.message import Malformed, parse
from switchhook.sip.uri import escape_user, parse_uri

INVITE = (
    b"INVITE sip:bob@example.org SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport, SIP/2.0/TCP b.example.org:5061;branch=z9hG4bKb\r\n"
    b"X-Odd :  kept  as is \r\n"
    b'f: "J\xc3\xb6rg, \\"x\\"" <sip:j@example.org>;tag=1\r\n'
    b"To: sip:bob@example.org\r\ni: abc@x\r\nCSeq: 7 INVITE\r\n"
    b"m: <sip:j@10.0.0.1;transport=tcp>\r\nSubject: folded\r\n\t over lines\r\nX-Raw: \xff\xfe\r\nl: 4\r\n\r\nbody"
)


def test_bytes_come_back_identical():
    assert bytes(parse(INVITE)) == INVITE


def test_compact_folded_and_odd_headers():
    message = parse(INVITE)
    assert message.via.host == "10.0.0.1"
    assert message.via.rport == ""
    assert len(message.listed("via")) == 2
    assert message.from_tag == "1"
    assert message.to_tag == ""
    assert message.call_id == "abc@x"
    assert message.cseq == (7, "INVITE")
    assert message.get("subject") == "folded over lines"
    assert message.get("x-odd") == "kept  as is"
    assert parse_address(message.first("from")).display == 'Jörg, "x"'
    assert ("X-Raw", "\udcff\udcfe") in message.pairs()
    assert message.body == b"body"


def test_only_the_top_via_is_replaced():
    message = parse(INVITE)
    message.replace_top_via("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=1.2.3.4;rport=5")
    assert message.via.received == "1.2.3.4"
    assert [one.partition(";")[0] for one in message.listed("via")] == [
        "SIP/2.0/UDP 10.0.0.1",
        "SIP/2.0/TCP b.example.org:5061",
    ]


TOKEN = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12)
VALUE = st.binary(max_size=30).map(lambda raw: raw.replace(b"\r", b" ").replace(b"\n", b" "))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TOKEN, VALUE), max_size=20), st.binary(max_size=60))
def test_any_headers_and_any_body_come_back_identical(headers, body):
    headers = [(n, v) for n, v in headers if n.lower() not in ("l", "content-length")]
    wire = b"OPTIONS sip:a SIP/2.0\r\n" + b"".join(n.encode() + b":" + v + b"\r\n" for n, v in headers) + b"\r\n" + body
    assert bytes(parse(wire)) == wire


NAME = st.sampled_from(["Via", "v", "FROM", "To", "cseq", "Contact", "Record-Route", "X-PH-A", "subject", "l"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAME, st.sampled_from(["", " ", "\t "]), TOKEN), max_size=9))
def test_what_is_written_oddly_is_read_by_another_way_and_says_the_same(headers):
    lines = [f"{name}:{blanks}{value}" for name, blanks, value in headers]
    usual, odd = (
        parse(("\r\n".join(["OPTIONS sip:a@b SIP/2.0", *map(written, lines)]) + "\r\n\r\n").encode())
        for written in (str, "{} ".format)  # a blank behind each value
    )
    keys = ("via", "from", "to", "cseq", "contact", "record-route", "content-length")
    assert [usual.all(key) for key in keys] == [odd.all(key) for key in keys]
    assert [usual.first(key) for key in keys] == [odd.first(key) for key in keys]
    assert (usual.flaw, usual.cseq, usual.to_tag) == (odd.flaw, odd.cseq, odd.to_tag)
    assert [name for line in usual.others if (name := line.partition(":")[0])] == ["X-PH-A"] * len(odd.others)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_is_malformed_or_a_message_never_an_error(rubbish):
    for wire in (
        rubbish,
        b"INVITE sip:a SIP/2.0\r\n" + rubbish + b"\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia:" + rubbish + b"\r\n\r\n",
    ):
        try:
            message = parse(wire)
        except Malformed:
            continue
        _ = (message.via, message.cseq, message.from_tag, message.to_tag, message.listed("contact"), message.get("x"))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_value_parsers_never_raise(text):
    parse_via(text), parse_address(text), parse_cseq(text), parse_auth(text), parse_uri(text), tag_of(text)
    parse_reason([text]), split_list(text)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=500, exclude_categories=["Cc", "Cs"]), max_size=30))
def test_quoting_and_escaping_come_back(text):
    assert unquote_text(quote_text(text)) == text
    uri = parse_uri(f"sip:{escape_user(text)}@h")
    if text and ";" not in text and ":" not in text:
        assert uri.number == text


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nVia: x\r\n",  # truncated
        b"INVITE\r\n\r\n",
        b"SIP/2.0 2x0 OK\r\n\r\n",
        b"SIP/2.0 999 What\r\n\r\n",
        b"SIP/2.0 200\xc2\xb2 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"IN VITE sip:a SIP/2\r\n\r\n"[:6] + b"\r\n\r\n",
    ],
)
def test_malformed(wire):
    with pytest.raises(Malformed):
        parse(wire)


def test_length_of_the_body():
    assert parse(b"A sip:b SIP/2.0\r\nl: 2\r\n\r\nabcd").body == b"ab"
    assert parse(b"A sip:b SIP/2.0\r\n\r\nabcd").body == b"abcd"
    assert parse(b"A sip:b SIP/2.0\r\nl: 5\r\n\r\nabcd").flaw
    assert parse(b"A sip:b SIP/2.0\r\nl: -1\r\n\r\nabcd").flaw
    assert parse(b"A sip:b SIP/2.0\r\nl: \xd9\xa1\r\n\r\nabcd").flaw  # an Arabic digit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:a@b", ("sip", "a", "b", None)),
        ("SIP:a:pw@B:5061;transport=TCP?x=y", ("sip", "a:pw", "b", 5061)),
        ("sip:[2001:db8::1]:5070", ("sip", "", "2001:db8::1", 5070)),
        ("sip:a@b@c", ("sip", "a@b", "c", None)),
        ("sips:x.y", ("sips", "", "x.y", None)),
        ("tel:+1-201;phone-context=x", ("tel", "+1-201", "", None)),
        ("sip:user;par=u%40example.net@example.com", ("sip", "user;par=u%40example.net", "example.com", None)),
        ("http://x", None),
        ("sip:", None),
        ("sip:a@b:99999", None),
        ("sip:a@b:0", None),
        ("sip:a@[::1", None),
        ("sip:a@b c", None),
        ("sip:a@", None),
    ],
)
def test_uris(text, expected):
    parsed = parse_uri(text)
    assert (parsed[:4] if parsed else None) == expected


def test_vias():
    assert parse_via("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;branch=z9hG4bK1")[:4] == (
        "UDP", "first.example.com", 4000, "z9hG4bK1",
    )  # fmt: skip
    assert parse_via("SIP/2.0/TCP [::1]:5060;BRANCH=x;rport=7;received=::2") == ("TCP", "::1", 5060, "x", "7", "::2")
    assert parse_via("SIP/3.0/UDP a") is not None  # answered with 505, so it says where to
    assert parse_via("HTTP/1.1/UDP a") is None
    assert parse_via("nonsense") is None


def test_reasons():
    assert parse_reason(['Q.850;cause=16;text="bye, now", SIP ;cause=200']) == (16, 200, "bye, now")
    assert parse_reason(["Q.850;cause=many"]) == (None, None, "")


STREAM = (
    b"\r\n\r\n"
    b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
    b"\r\nINFO sip:a SIP/2.0\r\nl : 10\r\n\r\n12345\r\n\r\n9"
    b"\r\n\r\nBYE sip:a SIP/2.0\r\nCall-ID: x\r\nContent-Length:0\r\n\r\n"
)


def test_a_stream_split_at_every_byte():
    whole = Framer().feed(STREAM)
    assert [wire.split(b" ")[0] for wire in whole[0]] == [b"OPTIONS", b"INFO", b"BYE"]
    assert whole[1] == 2
    for cut in range(len(STREAM) + 1):
        framer = Framer()
        first, second = framer.feed(STREAM[:cut]), framer.feed(STREAM[cut:])
        assert (first[0] + second[0], first[1] + second[1]) == whole, cut
    framer = Framer()
    single = [framer.feed(STREAM[i : i + 1]) for i in range(len(STREAM))]
    assert ([m for messages, _ in single for m in messages], sum(pings for _, pings in single)) == whole


@pytest.mark.parametrize(
    "wire",
    [
        b"A b c\r\nContent-Length: x\r\n\r\n",
        b"A b c\r\nContent-Length: -1\r\n\r\n",
        b"A b c\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"A b c\r\nTo: x\r\n\r\n",
        b"A b c\r\nContent-Length: 99999999\r\n\r\n",
        b"A" * 70_000,
    ],
)
def test_streams_that_cannot_be_cut(wire):
    with pytest.raises(Overlong):
        Framer().feed(wire)


def test_what_came_before_the_trouble_is_not_lost():
    good, bad = b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n", b"OPTIONS sip:a SIP/2.0\r\nl: x\r\n\r\n"
    framer = Framer()
    assert framer.feed(good + bad) == ([good], 0)
    assert framer.broken is not None
    with pytest.raises(Overlong):
        framer.feed(good)
