"""Routes, forks, redirections and other things that take a third party: messages written by hand against one engine."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.sip.flow import Flow
from switchhook.sip.message import Message, parse
from tests.sip.link import Person, Wire, pair

SDP = b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Far:
    """The far side of Ann's call, played by the test."""

    def __init__(self, **more) -> None:
        self.wire = Wire()
        self.ann = Person(self.wire, "ann", "10.0.0.1", "10.0.0.9", password="secret")
        self.got: list[tuple[Message, Flow]] = []
        self.places: dict[str, object] = {}
        self.place("10.0.0.9")
        self.line = self.ann.call("bob", **more)
        self.wire.run(0.1)

    def place(self, host: str) -> None:
        end = self.wire.end(host)
        end.on_message = lambda wire, flow: self.got.append((parse(wire), end.flow("udp", flow.host, flow.port)))
        self.places[host] = end

    def last(self, method: str) -> Message:
        return next(message for message, _ in reversed(self.got) if message.verb == method)

    def all(self, method: str) -> list[Message]:
        return [message for message, _ in self.got if message.verb == method]

    def reply(
        self, status: int, *, tag: str = "b", more: str = "", body: bytes = b"", to: Message | None = None
    ) -> None:
        request = to or self.last("INVITE")
        text = f"SIP/2.0 {status} X\r\nVia: {request.first('via')}\r\nFrom: {request.first('from')}\r\n"
        tagged = request.first("to") if request.to_tag else f"{request.first('to')};tag={tag}"
        text += f"To: {tagged}\r\nCall-ID: {request.call_id}\r\nCSeq: {request.first('cseq')}\r\n{more}"
        if "Contact" not in more:
            text += f"Contact: <sip:{tag}@10.0.0.9>\r\n"
        typed = "Content-Type: application/sdp\r\n" if body else ""
        self.places["10.0.0.9"].send(
            f"{text}{typed}Content-Length: {len(body)}\r\n\r\n".encode() + body,
            Flow("udp", "10.0.0.1", 5060, "10.0.0.9:5060"),
        )
        self.wire.run(0.1)


def test_record_routes_are_followed_backwards():
    far = Far()
    far.place("10.0.0.11")
    far.reply(
        200, more="Record-Route: <sip:10.0.0.12;lr>, <sip:10.0.0.11;lr>\r\nContact: <sip:bob@10.9.9.9>\r\n", body=SDP
    )
    ack = far.last("ACK")
    assert ack.uri == "sip:bob@10.9.9.9"
    assert ack.all("route") == ["<sip:10.0.0.11;lr>", "<sip:10.0.0.12;lr>"]


def test_a_strict_router_gets_its_own_uri():
    far = Far()
    far.place("10.0.0.11")
    far.reply(200, more="Record-Route: <sip:10.0.0.12>, <sip:10.0.0.11>\r\nContact: <sip:bob@10.9.9.9>\r\n", body=SDP)
    ack = far.last("ACK")
    assert ack.uri == "sip:10.0.0.11"
    assert ack.all("route") == ["<sip:10.0.0.12>", "<sip:bob@10.9.9.9>"]


def test_every_fork_rings_the_first_answers_and_the_others_are_ended():
    far = Far()
    far.reply(180, tag="one")
    far.reply(183, tag="two", body=SDP)
    far.reply(200, tag="two", body=SDP)
    far.reply(200, tag="one", body=SDP, to=far.all("INVITE")[0])
    far.reply(200, tag="three", body=SDP, to=far.all("INVITE")[0])
    assert far.ann.events == ["rang", "early", "answered"]
    assert [(m.verb, m.to_tag) for m, _ in far.got if m.verb != "INVITE"] == [
        ("ACK", "two"), ("ACK", "one"), ("BYE", "one"), ("ACK", "three"), ("BYE", "three"),
    ]  # fmt: skip
    far.reply(200, tag="one", body=SDP, to=far.all("INVITE")[0])
    assert [m.to_tag for m in far.all("ACK")] == ["two", "one", "three", "one"]
    assert far.ann.agent.engine.counters.extra_answers == 2


def early_bye(far: Far) -> None:
    """The called side hangs up before it has answered, which RFC 3261 15 does not let it do."""
    invite = far.last("INVITE")
    far.places["10.0.0.9"].send(
        f"BYE sip:ann@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKearly\r\n"
        f"From: {invite.first('to')};tag=b\r\nTo: {invite.first('from')}\r\nCall-ID: {invite.call_id}\r\n"
        f"CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n".encode(),
        Flow("udp", "10.0.0.1", 5060, "10.0.0.9:5060"),
    )
    far.wire.run(0.1)


@pytest.mark.parametrize("status", [0, 180, 200, 487])
def test_a_called_telephone_that_sends_bye_before_it_answers_leaves_nothing_behind(status):
    far = Far()
    notes: list[str] = []
    far.ann.agent.engine.note = lambda _, text: notes.append(text)
    far.ann.agent.engine._labels[far.line.call_id] = "leg"
    far.reply(180)
    invite = far.last("INVITE")
    early_bye(far)
    assert far.ann.outcome is Outcome.REJECTED
    assert notes == ["the telephone hung up before it had answered: its INVITE is cancelled"]
    assert len(far.all("CANCEL")) == 1
    far.reply(200, to=far.last("CANCEL"))
    if status:
        far.reply(status, to=invite, body=SDP if status == 200 else b"")
    if status == 200:
        assert [message.verb for message, _ in far.got][-2:] == ["ACK", "BYE"], "it picked up in spite of it"
        far.reply(200, to=far.last("BYE"))
    far.wire.run(70)
    assert far.ann.clean()
    assert len(far.all("CANCEL")) == 1


def test_an_answer_behind_a_failure_is_acknowledged_and_ended():
    """A proxy sends every 2xx on, one behind the 487 of another fork too (RFC 3261 16.7)."""
    far = Far()
    far.reply(180, tag="one")
    invite = far.last("INVITE")
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(487, tag="one", to=invite)
    assert far.ann.outcome is Outcome.CANCELLED
    far.got.clear()
    far.reply(200, tag="two", body=SDP, to=invite)
    assert [(m.verb, m.to_tag) for m, _ in far.got] == [("ACK", "two"), ("BYE", "two")]
    far.reply(200, to=far.last("BYE"))
    far.wire.run(40)
    assert far.ann.clean()
    assert far.ann.events == ["rang", "ended cancelled"]


def test_an_answer_to_an_invite_that_was_challenged_does_not_end_its_successor():
    far = Far()
    challenged = far.last("INVITE")
    far.reply(401, tag="one", more='WWW-Authenticate: Digest realm="r", nonce="n"\r\n')
    assert len(far.all("INVITE")) == 2
    second = far.last("INVITE")
    far.reply(200, tag="two", body=SDP, to=challenged)
    assert far.last("BYE").to_tag == "two"
    assert not far.line.over
    far.reply(200, tag="three", body=SDP, to=second)
    assert far.ann.events == ["answered"]


@pytest.mark.parametrize(
    ("via", "taken"),
    [
        ("SIP/2.0/UDP 10.0.0.9:5060;rport;{}", False),
        ("SIP/2.0/UDP 10.0.0.1:5061;rport;{}", False),
        ("SIP/2.0/UDP 10.0.0.1:5060;rport;{}, SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK1", False),
        ("SIP/2.0/UDP 10.0.0.1:5060;rport;{}\r\nVia: SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK1", False),
        ("SIP/2.0/UDP 10.0.0.1:5060;rport=5060;received=10.0.0.1;{}", True),
        ("SIP / 2.0 / udp  10.0.0.1 : 5060 ;{}", True),
        ("SIP/2.0/UDP 10.0.0.1;{};x=1", True),
    ],
)
def test_an_answer_that_went_to_others_or_goes_on_to_others_is_none_of_ours(via, taken):
    far = Far()
    invite = far.last("INVITE")
    invite.firsts["via"] = via.format(f"branch={invite.top_branch()}")
    far.reply(486, to=invite)
    assert len(far.ann.endings) == taken
    assert far.ann.agent.engine.counters.stray_response == (not taken)


def test_one_telephone_answers_an_invite_that_was_challenged_and_its_successor_with_the_same_tag():
    far = Far()
    challenged = far.last("INVITE")
    far.reply(401, more='WWW-Authenticate: Digest realm="r", nonce="1"\r\n')
    far.reply(200, tag="same", body=SDP, to=challenged)
    assert [(m.verb, m.cseq.number) for m, _ in far.got[-2:]] == [("ACK", 1), ("BYE", 2)]
    far.reply(200, to=far.last("BYE"))
    far.reply(200, tag="same", body=SDP)
    assert far.last("ACK").cseq.number == 2
    assert far.ann.events == ["answered"]
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(200, to=far.last("BYE"))
    far.wire.run(70)
    assert far.ann.clean()


def test_an_answer_seen_again_gets_the_same_ack_again():
    far = Far()
    far.reply(200, body=SDP)
    far.reply(200, body=SDP)
    assert len(far.all("ACK")) == 2
    assert far.ann.events == ["answered"]


def test_cancel_waits_for_the_first_provisional_response_and_a_200_that_crosses_it_is_ended():
    far = Far()
    far.line.hang_up()
    far.wire.run(0.1)
    assert not far.all("CANCEL")
    far.reply(100)
    assert len(far.all("CANCEL")) == 1
    assert far.last("CANCEL").first("via") == far.last("INVITE").first("via")
    far.reply(200, body=SDP)
    assert far.ann.outcome is Outcome.CANCELLED
    assert len(far.all("ACK")) == len(far.all("BYE")) == 1
    far.reply(200, to=far.last("BYE"))
    far.reply(481, to=far.last("CANCEL"))
    far.wire.run(100)
    assert far.ann.clean()


def test_an_answer_without_a_codec_of_ours_is_acknowledged_and_ended():
    far = Far()
    far.reply(200, body=SDP.replace(b"AVP 0", b"AVP 9"))
    assert far.ann.outcome is Outcome.UNACCEPTABLE
    assert len(far.all("ACK")) == len(far.all("BYE")) == 1


def test_redirections_are_followed_in_order_of_the_message_and_once_each():
    far = Far()
    far.place("10.0.0.21")
    far.reply(302, more="Contact: <sip:x@10.0.0.9:5060>, <sip:y@10.0.0.9>\r\n")
    assert far.last("INVITE").uri == "sip:x@10.0.0.9:5060"
    assert far.last("INVITE").cseq.number == 2
    assert far.last("INVITE").to_tag == ""
    far.reply(302, more="Contact: <sip:x@10.0.0.9:5060>\r\n")
    assert far.last("INVITE").uri == "sip:y@10.0.0.9"
    far.reply(404)
    assert far.ann.outcome is Outcome.NOT_FOUND
    assert len({m.first("via") for m in far.all("INVITE")}) == 3


def test_a_ring_of_redirections_ends():
    far = Far()
    for n in range(10):
        far.reply(302, more=f"Contact: <sip:x{n}@10.0.0.9>\r\n")
    assert len(far.all("INVITE")) == 6
    assert len(far.ann.endings) == 1


@pytest.mark.parametrize("tag", ["ghost", ""])
def test_a_spoofed_bye_of_another_tag_is_481(tag):
    wire, ann, _ = pair()
    ann.call("bob")
    wire.run(3)
    call = ann.line.call
    suffix = f";tag={tag}" if tag else ""
    bye = (
        "BYE sip:ann@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bKevil\r\n"
        f"From: <sip:bob@example.org>{suffix}\r\nTo: <sip:ann@example.org>;tag={call.local_tag}\r\n"
        f"Call-ID: {call.call_id}\r\nCSeq: 99 BYE\r\nContent-Length: 0\r\n\r\n"
    )
    ann.agent.receive(bye.encode(), Flow("udp", "10.0.0.66", 5060, "10.0.0.1:5060"))
    assert wire.log[-1][3].startswith(b"SIP/2.0 481")
    assert ann.line.up


def test_requests_out_of_order_are_500_and_unknown_ones_405_or_501():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    notes: list[str] = []
    bob.agent.engine.note = lambda _, text: notes.append(text)
    bob.agent.engine._labels[bob.line.call_id] = "leg"
    cases = [("OPTIONS", 50, b"200"), ("OPTIONS", 49, b"500"), ("UPDATE", 51, b"405"), ("JUMP", 53, b"501")]
    for method, cseq, expected in cases:
        draft = ann.line.call.dialog.draft(method, cseq=cseq)
        bob.agent.receive(
            draft.wire(f"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKq{cseq}"), Flow("udp", "10.0.0.1", 5060, "10.0.0.2:5060")
        )
        assert wire.log[-1][3][8:11] == expected
    assert notes == [
        "the telephone's OPTIONS came with an old CSeq, and was refused with 500",
        "the telephone asked for UPDATE, which was refused",
        "the telephone asked for JUMP, which was refused",
    ]


@pytest.mark.parametrize(
    ("kind", "body", "expected", "status"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", ["digit 5"], b"200"),
        ("application/dtmf-relay", "Signal= *\r\nDuration= x\r\n", ["digit *"], b"200"),
        ("application/dtmf-relay", "signal=11", ["digit #"], b"200"),
        ("application/dtmf", "d", ["digit D"], b"200"),
        ("application/dtmf", "55", [], b"200"),
        ("application/dtmf-relay", "Duration=160\r\n", [], b"200"),
        ("text/plain", "hello", [], b"415"),
        ("", "", [], b"200"),
    ],
)
def test_digits_by_info(kind, body, expected, status):
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    before = len(bob.events)
    ann.line.call.ask("INFO", body=body.encode(), kind=kind)
    wire.run(0.1)
    assert bob.events[before:] == expected
    assert wire.log[-1][3][8:11] == status


def test_a_failed_reinvite_keeps_the_session():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    before = bob.line.session
    dialog = ann.line.call.dialog
    bad = SDP.replace(b"AVP 0", b"AVP 9")
    draft = dialog.draft("INVITE", extra="Contact: <sip:ann@10.0.0.1>\r\n", body=bad, kind="application/sdp")
    bob.agent.receive(
        draft.wire("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"), Flow("udp", "10.0.0.1", 5060, "10.0.0.2:5060")
    )
    assert wire.log[-1][3].startswith(b"SIP/2.0 488")
    assert bob.line.up
    assert bob.line.session == before


def test_a_peer_that_lost_the_call_ends_it():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    bob.agent.engine.calls.clear()
    ann.line.hold()
    wire.run(60)
    assert ann.outcome is Outcome.FAILED
    assert ann.clean()


def test_a_reinvite_moves_the_remote_target():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.call.local = "10.0.0.77:5060"
    ann.line.hold()
    wire.run(1)
    assert bob.line.call.dialog.target == "sip:ann@10.0.0.77:5060"


def test_an_answer_never_acknowledged_ends_with_bye():
    wire = Wire()
    bob = Person(wire, "bob", "10.0.0.2", "10.0.0.1", manner="at once")
    far = wire.end("10.0.0.1")
    got = []
    far.on_message = lambda message, flow: got.append((wire.now, message))
    invite = (
        b"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx;rport\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
        b"Contact: <sip:a@10.0.0.1>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP)
    ) + SDP
    start = wire.now
    far.send(invite, Flow("udp", "10.0.0.2", 5060, ""))
    wire.run(31.9)
    oks = [round(at - start - 0.02, 1) for at, message in got if message.startswith(b"SIP/2.0 200")]
    assert oks == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    wire.run(1)
    assert bob.outcome is Outcome.TIMED_OUT
    assert got[-1][1].startswith(b"BYE ")
    wire.run(100)
    assert bob.clean()


CHALLENGE = 'Proxy-Authenticate: Digest realm="carrier", nonce="{}", qop="auth"{}\r\n'


def test_every_request_of_a_call_may_be_challenged():
    far = Far()
    far.reply(407, more=CHALLENGE.format("n1", ""))
    invite = far.last("INVITE")
    assert invite.cseq.number == 2
    assert 'nonce="n1"' in invite.get("proxy-authorization")
    far.reply(200, body=SDP)
    assert far.last("ACK").get("proxy-authorization") == invite.get("proxy-authorization")
    far.line.hold()
    far.wire.run(0.1)
    far.reply(407, more=CHALLENGE.format("n2", ""))
    assert 'nonce="n2"' in far.last("INVITE").get("proxy-authorization")
    far.reply(200, body=SDP)
    far.line.hang_up()
    far.wire.run(0.1)
    far.reply(407, more=CHALLENGE.format("n3", ""), to=far.last("BYE"))
    assert 'nonce="n3"' in far.last("BYE").get("proxy-authorization")
    assert [m.cseq.number for m in far.all("BYE")] == [5, 6]


def test_a_second_challenge_is_the_end_unless_the_nonce_was_stale():
    far = Far()
    far.reply(407, more=CHALLENGE.format("n1", ""))
    far.reply(407, more=CHALLENGE.format("n2", ", stale=true"))
    assert len(far.all("INVITE")) == 3
    far.reply(407, more=CHALLENGE.format("n3", ""))
    assert len(far.all("INVITE")) == 3
    assert far.ann.outcome is Outcome.FORBIDDEN
