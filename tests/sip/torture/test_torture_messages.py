"""Every message of RFC 4475 and RFC 5118: what the server answers, no byte lost, and cutting it from a stream."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegArrived
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Endpoint, Invitation
from switchhook.sip.digest import Credentials, Responder
from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.headers import parse_address
from switchhook.sip.message import Malformed, parse
from switchhook.sip.offer import parse_sdp
from switchhook.sip.settings import EndpointSettings, TrunkSettings
from switchhook.sip.uri import parse_uri
from tests.sip.house import House
from tests.sip.link import Wire
from tests.sip.torture import verdicts
from tests.sip.torture.corpus import RFC4475, RFC5118, Sample

ALL = {**RFC4475, **RFC5118}
VERDICTS = {**verdicts.RFC4475, **verdicts.RFC5118}
PEER = {"4": "192.0.2.200", "6": "2001:db8::9:1"}


def test_every_message_has_a_verdict():
    assert set(VERDICTS) == set(ALL)
    assert (len(RFC4475), len(RFC5118)) == (49, 12)
    assert set(verdicts.ALLOWED) == set(ALL)


class Judged:
    """A server with one trunk that everybody is part of, and what it said to one message."""

    def __init__(self, wire: bytes, family: str) -> None:
        self.wire = Wire()
        everybody = TrunkSettings("world", "sip:192.0.2.200", match=("0.0.0.0/0", "::/0"))
        self.house = House(self.wire, trunks=(everybody,))
        self.house.line.receive(wire, self.house.end.flow("udp", PEER[family], 5062))
        self.wire.run(0.1)
        assert self.house.line.counters.bugs == 0

    @property
    def answers(self) -> list[bytes]:
        return [wire for _, _, _, wire in self.wire.log]

    @property
    def verdict(self) -> int | str:
        counters = self.house.line.counters
        statuses = [int(wire[8:11]) for wire in self.answers]
        if self.house.told(LegArrived):
            assert statuses == [100]
            return verdicts.CALL
        if statuses:
            assert len(statuses) == 1
            return statuses[0]
        assert counters.malformed + counters.stray_response == 1
        return verdicts.DROPPED if counters.malformed else verdicts.STRAY


def judged(name: str) -> Judged:
    return Judged(ALL[name].wire, "6" if name in RFC5118 else "4")


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name):
    assert judged(name).verdict == VERDICTS[name][0]


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_is_one_that_the_rfc_allows(name):
    assert VERDICTS[name][0] in verdicts.ALLOWED[name]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("bext01", "Unsupported: nothingSupportsThis, nothingSupportsThisEither"),  # not what it asks of proxies
        ("invut", "Accept: application/sdp"),
        ("regaut01", "WWW-Authenticate: Digest "),
        ("sdp01", "Warning: 399 "),
        ("mpart01", "Allow: INVITE, "),
        ("intmeth", "Allow: INVITE, "),
        ("clerr", "Warning: 399 "),
    ],
)
def test_a_refusal_says_what_would_do(name, line):
    assert any(one.startswith(line) for one in parse(judged(name).answers[0]).lines)


@pytest.mark.parametrize("name", VERDICTS)
def test_an_answer_repeats_what_it_must(name):
    for wire in judged(name).answers:
        asked, answer = parse(ALL[name].wire), parse(wire)
        assert answer.call_id == asked.call_id
        assert answer.first("cseq") == asked.first("cseq")
        assert answer.first("from") == asked.first("from")
        assert answer.listed("via")[1:] == asked.listed("via")[1:]
        assert (
            not asked.first("to") or parse_address(asked.first("to")) is None or answer.status == 100 or answer.to_tag
        )


def test_nothing_is_left_of_any_of_them():
    wire = Wire()
    house = House(wire, trunks=(TrunkSettings("world", "sip:192.0.2.200", match=("0.0.0.0/0", "::/0")),))
    for name, sample in ALL.items():
        peer = PEER["6" if name in RFC5118 else "4"]
        house.line.receive(sample.wire, house.end.flow("udp", peer, 5062))
    for event in house.told(LegArrived):
        house.line.end(event.leg, Outcome.REJECTED)
    wire.run(200)
    assert house.clean()


def test_announced_length_put_right():
    wire = RFC5118["ipv6-in-sdp"].wire.replace(b"Content-Length: 268", b"Content-Length: 251")
    assert Judged(wire, "6").verdict == 488  # the only audio is G.726


def body_of(sample: Sample) -> tuple[bytes, int]:
    """Returns what stands behind the blank line, and how much of it is the message's."""
    message = parse(sample.wire)
    return sample.wire.partition(b"\r\n\r\n")[2], len(message.body)


@pytest.mark.parametrize("name", ALL)
def test_parsing_and_writing_again_keeps_every_byte(name):
    sample = ALL[name]
    try:
        message = parse(sample.wire)
    except Malformed:
        assert VERDICTS[name][0] == verdicts.DROPPED
        return
    behind, length = body_of(sample)
    surplus = len(behind) - length
    assert bytes(message) == (sample.wire[:-surplus] if surplus else sample.wire)


@pytest.mark.parametrize("name", [n for n, s in ALL.items() if b"\r\nv=0\r\n" in s.wire])
def test_descriptions_keep_every_byte(name):
    body = parse(ALL[name].wire).body
    description = parse_sdp(body)
    assert description is None or bytes(description) == body
    assert description is not None or name == "dblreq"  # whose description belongs to the second message


def streamed(sample: Sample) -> bytes | None:
    """Returns a message as a stream can carry it: without what is behind its body; None when no frame can be found."""
    try:
        message = parse(sample.wire)
    except Malformed:
        return sample.wire if b"Content-Length: 0\r\n" in sample.wire else None
    if message.flaw in ("body shorter than Content-Length", "bad Content-Length"):
        return None
    lengths = set(message.all("content-length"))
    return bytes(message) if len(lengths) == 1 else None


PONG = b"\r\n\r\n"
FRAMED = {name: cut for name, sample in ALL.items() if (cut := streamed(sample)) is not None}


@pytest.mark.parametrize("name", FRAMED)
def test_a_stream_split_at_every_byte(name):
    first, second = FRAMED[name], FRAMED["semiuri"]
    stream = first + PONG + second
    for at in range(len(stream) + 1):
        framer = Framer()
        one, pings = framer.feed(stream[:at])
        two, more = framer.feed(stream[at:])
        assert one + two == [first, second]
        assert pings + more == 1


@pytest.mark.parametrize("name", FRAMED)
def test_a_stream_byte_by_byte(name):
    framer = Framer()
    found = [message for n in range(len(FRAMED[name])) for message in framer.feed(FRAMED[name][n : n + 1])[0]]
    assert found == [FRAMED[name]]


def test_all_of_them_in_one_stream():
    whole = b"".join(FRAMED.values())
    for size in (1, 7, 100, 1460, len(whole)):
        framer, found = Framer(), []
        for start in range(0, len(whole), size):
            found += framer.feed(whole[start : start + size])[0]
        assert found == list(FRAMED.values())
    assert len(FRAMED) == 56


SHORT = b"A sip:b SIP/2.0\r\nl: 6\r\n\r\n1\r\n\r\n2" + PONG + b"B sip:b SIP/2.0\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.slow
def test_a_short_stream_split_at_every_pair_of_bytes():
    whole = Framer().feed(SHORT)
    assert [len(one) for one in whole[0]] == [31, 38]
    for first in range(len(SHORT) + 1):
        for second in range(first, len(SHORT) + 1):
            framer = Framer()
            parts = [framer.feed(part) for part in (SHORT[:first], SHORT[first:second], SHORT[second:])]
            assert [one for messages, _ in parts for one in messages] == whole[0], (first, second)
            assert sum(pings for _, pings in parts) == whole[1] == 1


def test_a_stream_waits_for_a_body_that_was_announced():
    framer = Framer()
    assert framer.feed(RFC4475["clerr"].wire) == ([], 0)
    assert framer.held == len(RFC4475["clerr"].wire)


@pytest.mark.parametrize("name", ["ncl", "mcl01", "inv2543"])
def test_without_a_sound_length_a_stream_ends(name):
    with pytest.raises(Overlong):
        Framer().feed(RFC4475[name].wire + b"\r\n\r\n")


# --- what some of them mean, beyond their verdict


def test_what_wsinv_says():
    message = parse(RFC4475["wsinv"].wire)
    assert message.to_tag == "1918181833n"
    assert message.from_tag == "98asjd8"
    assert message.cseq == (9, "INVITE")
    assert message.via is not None
    assert (message.via.transport, message.via.host, message.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert len(message.listed("via")) == 3
    caller, contact = parse_address(message.first("from")), parse_address(message.first("contact"))
    assert caller is not None
    assert caller.display == 'J Rosenberg \\"'
    assert contact is not None
    assert (contact.display, contact.param("q"), contact.param("newparam")) == ('Quoted string ""', "0.33", "newvalue")


def test_what_escapes_mean():
    message = parse(RFC4475["esc01"].wire)
    uri = parse_uri(message.uri)
    assert uri is not None
    assert (uri.number, uri.host) == ("sips:user@example.com", "example.net")
    event = judged("esc01").house.arrived.arrival
    assert event.from_user == "I have spaces"
    semi = parse_uri(parse(RFC4475["semiuri"].wire).uri)
    assert semi is not None
    assert (semi.user, semi.host, semi.params) == ("user;par=u%40example.net", "example.com", "")


def registered(name: str, user: str) -> House:
    """Lets somebody register with a torture message and the right password."""
    wire = Wire()
    house = House(wire, endpoints=(EndpointSettings(user, "red"),))
    flow = house.end.flow("udp", "192.0.2.200", 5060)
    sample = ALL[name].wire
    house.line.receive(sample, flow)
    challenge = parse(wire.log[-1][3])
    request = parse(sample)
    lines = Responder(Credentials(user, "red"), house.line._random).answer(challenge, "REGISTER", request.uri, b"")
    signed = sample.replace(b"z9hG4bK", b"z9hG4bKx").replace(b"\r\n\r\n", f"\r\n{lines}\r\n".encode())
    house.line.receive(signed, flow)
    assert wire.log[-1][3].startswith(b"SIP/2.0 200")
    return house


def test_whose_parameter_it_is():
    outside, within = registered("cparam01", "watson"), registered("cparam02", "watson")
    assert [one.uri for one in outside.line.registrar.bindings("watson")] == ["sip:+19725552222@gw1.example.net"]
    assert [one.uri for one in within.line.registrar.bindings("watson")] == [
        "sip:+19725552222@gw1.example.net;unknownparam"
    ]


def test_a_registration_is_told_as_it_was_asked_for():
    """RFC 4475 3.3.12 to 3.3.14: what the 200 lists."""
    told = {name: parse(registered(name, user).wire.log[-1][3]).first("contact") for name, user in REGISTERED}
    assert told["cparam01"].startswith("<sip:+19725552222@gw1.example.net>")
    assert told["cparam02"].startswith("<sip:+19725552222@gw1.example.net;unknownparam>")
    assert told["regescrt"].startswith("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")


REGISTERED = (("cparam01", "watson"), ("cparam02", "watson"), ("regescrt", "user"))


def test_escaped_nulls_are_two_contacts():
    house = House(Wire())
    request, flow = parse(RFC4475["escnull"].wire), house.end.flow("udp", "192.0.2.200", 5060)
    house.line.registrar.register(house.line.engine.transactions.serve(request, request.via, flow), "1001")
    bindings = house.line.registrar.bindings("1001")
    assert [one.uri for one in bindings] == ["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]


def test_headers_of_a_registered_contact_are_never_dialled():
    house = registered("regescrt", "user")
    house.line.invite(Invitation(LegId("leg-1"), Endpoint("user"), "1002"))
    invite = next(wire for _, _, _, wire in house.wire.log if wire.startswith(b"INVITE"))
    assert invite.startswith(b"INVITE sip:user@example.com SIP/2.0\r\n")
    assert b"Route" not in invite


def test_bare_cookies_do_not_make_two_requests_one():
    wire = Wire()
    house = House(wire)
    flow = house.end.flow("udp", "192.0.2.1", 5060)
    sample = RFC4475["badbranch"].wire
    house.line.receive(sample, flow)
    house.line.receive(sample.replace(b"badbranch.s", b"another.s"), flow)
    assert [parse(one).call_id[:8] for _, _, _, one in wire.log] == ["badbranc", "another."]
