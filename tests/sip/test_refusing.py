"""The early refusal: made from bytes or from a message read in full, it is the same for every request."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.sip.counters import Counters
from switchhook.sip.flow import Flow
from switchhook.sip.message import parse
from switchhook.sip.refusing import _usual, refusal, refusal_read_in_full
from switchhook.sip.timers import Timers
from switchhook.sip.tokens import Tokens
from switchhook.sip.transactions import Transactions
from tests.sip.generated import a_cseq, a_via, an_address, cased, header, message
from tests.sip.torture.corpus import RFC4475, RFC5118

MARK = "busy.w.0123abcd."
FLOWS = (Flow("udp", "10.9.9.9", 5060, "10.0.0.1:5060"), Flow("tcp", "10.9.9.9", 40000, "10.0.0.1:5060"))
PLAIN = (
    b"INVITE sip:1001@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bK-1\r\n"
    b"From: <sip:a@b;x=y>;tag=f1\r\nTo: <sip:1001@example.org;user=phone>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
    b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def transactions() -> Transactions:
    return Transactions(Timers(), lambda *_: None, Counters(), Tokens("w", Random(1)))


def same(wire: bytes, flow: Flow = FLOWS[0]) -> bytes | None:
    """Asserts that both ways answer the same, and returns the answer."""
    layer = transactions()
    fast, full = refusal(wire, flow, layer, MARK), refusal_read_in_full(wire, flow, layer, MARK)
    assert fast == full
    return fast[0] if fast is not None else None


@st.composite
def nearly_usual(draw) -> bytes:
    """A request with the five headers in any order and spelling, and sometimes with one too many or too few."""
    address = an_address()
    lines = [
        f"{draw(cased('Via'))}: {draw(st.one_of(a_via(), st.just('SIP/2.0/UDP h:5070;branch=z9hG4bK-7;rport')))}",
        f"{draw(cased('From'))}: {draw(address)}",
        f"{draw(st.sampled_from(['To', 't', 'To ', 'TO']))}:{draw(address)}",
        f"{draw(st.sampled_from(['Call-ID', 'i', 'call-id']))}: {draw(st.sampled_from(['c1', 'x@y', '', 'ä']))}",
        f"CSeq: {draw(st.one_of(a_cseq(), st.just('1 INVITE')))}",
        *draw(st.lists(header(), max_size=3)),
    ]
    lines = draw(st.permutations(lines)) if draw(st.booleans()) else lines
    if draw(st.integers(0, 9)) == 0:
        del lines[draw(st.integers(0, len(lines) - 1))]
    text = f"{draw(st.sampled_from(['INVITE', 'REGISTER', 'OPTIONS']))} sip:a@b SIP/2.0\r\n" + "\r\n".join(lines)
    return text.encode("utf-8", "surrogateescape") + b"\r\n\r\n"


@settings(max_examples=150, deadline=None)
@given(st.one_of(nearly_usual(), message(), message(sound=True)), st.sampled_from(FLOWS))
def test_bytes_and_the_message_read_in_full_give_the_same_refusal(wire, flow):
    same(wire, flow)


@pytest.mark.parametrize("name", [*RFC4475, *RFC5118])
def test_the_same_for_the_messages_of_the_rfcs(name):
    same((RFC4475 | RFC5118)[name].wire)


@pytest.mark.parametrize(
    "more",
    [
        b"", b"To: <sip:other@x>\r\n", b"To: <sip:other@x>;tag=1\r\n", b"v: SIP/2.0/TCP b;branch=z9hG4bK2\r\n",
        b" \r\n", b"\tfolded\r\n", b"vIA : SIP/2.0/UDP c\r\nVary: x\r\n", b"nothing\r\n", b": x\r\n", b"X: \r \n\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "behind", [b"SIP/2.0\r\n", b"branch=z9hG4bK-1\r\n", b"tag=f1\r\n", b"phone>\r\n", b"INVITE\r\n"]
)
def test_the_same_with_a_line_too_many_anywhere(more, behind):
    head, tail = PLAIN.split(behind)[0] + behind, behind.join(PLAIN.split(behind)[1:])
    same(head + more + tail)


@pytest.mark.parametrize("cut", range(0, len(PLAIN), 7))
def test_the_same_for_what_is_cut_off(cut):
    same(PLAIN[:cut])
    same(PLAIN[:cut] + b"\r\n\r\n")


def test_a_usual_request_is_answered_from_its_bytes_with_all_that_8_2_6_asks_for():
    assert _usual(PLAIN) is not None
    answer = same(PLAIN)
    assert answer is not None
    read, asked = parse(answer), parse(PLAIN)
    assert read.status == 503
    assert read.first("via") == "SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK-1;received=10.9.9.9;rport=5060"
    assert [read.first(name) for name in ("from", "call-id", "cseq")] == [
        asked.first(name) for name in ("from", "call-id", "cseq")
    ]
    assert read.first("to") == f"{asked.first('to')};tag={read.to_tag}"
    assert read.to_tag.startswith(MARK)
    assert int(read.get("Retry-After") or 0) in range(2, 7)


def test_compact_names_and_a_chain_of_proxies_are_answered_from_their_bytes():
    wire = (
        b"REGISTER sip:example.org SIP/2.0\r\nMax-Forwards: 69\r\nv: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb\r\n"
        b"v: SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKa\r\nf: <sip:a@b>;tag=f\r\nt: <sip:a@b>\r\ni: c\r\nCSeq: 7 REGISTER\r\n"
        b"l: 0\r\n\r\n"
    )
    assert _usual(wire) is not None
    answer = same(wire)
    assert answer is not None
    assert parse(answer).all("via") == ["SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb", "SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKa"]


def test_a_request_seen_before_and_one_within_a_dialog_are_let_in():
    layer = transactions()
    request = parse(PLAIN)
    via = request.via
    assert via is not None
    layer.serve(request, via, FLOWS[0])
    assert refusal(PLAIN, FLOWS[0], layer, MARK) is None
    within = PLAIN.replace(b"user=phone>", b"user=phone>;tag=ours")
    assert refusal(within, FLOWS[0], transactions(), MARK) is None
    assert refusal(PLAIN, FLOWS[0], transactions(), MARK) is not None
