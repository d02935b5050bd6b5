"""Offer and answer as a table, and SDP that keeps its lines."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.exchange.ports import Codec, Direction, Latching, MediaAddress
from switchhook.sip.negotiation import Negotiation, acceptable, on_hold, why_not
from switchhook.sip.offer import parse_sdp

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n"


def ours(**more) -> Negotiation:
    return Negotiation(MediaAddress("10.0.0.1", 20_000), 77, signalling_host="10.0.0.9", **more)


def answered(sdp: str, **more):
    made = ours(**more).answer(sdp.encode())
    assert made is not None
    return made[0].decode(), made[1]


def test_our_offer():
    text = ours().offer().decode()
    assert "o=switchhook 77 1 IN IP4 10.0.0.1\r\n" in text
    assert "m=audio 20000 RTP/AVP 0 8 13 101\r\n" in text
    assert "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" in text


def test_version_goes_up_only_when_we_say_something_new():
    side = ours()
    first, second = side.offer(), side.offer()
    assert first == second
    side.wish = Direction.SENDONLY
    assert b" 77 2 IN" in side.offer()
    assert b"a=sendonly" in side.offer()


@pytest.mark.parametrize(
    ("media", "codec", "payload", "digits", "noise"),
    [
        ("m=audio 4000 RTP/AVP 0 8\r\n", Codec.PCMU, 0, None, None),
        ("m=audio 4000 RTP/AVP 8 0\r\n", Codec.PCMA, 8, None, None),
        ("m=audio 4000 RTP/AVP 18 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", Codec.PCMA, 8, 101, None),
        ("m=audio 4000 RTP/AVP 97 96 13\r\na=rtpmap:97 pcmu/8000/1\r\na=rtpmap:96 telephone-event/8000\r\n",
         Codec.PCMU, 97, 96, 13),
        ("m=audio 4000 RTP/AVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\n", Codec.PCMU, 0, None, None),
        ("m=audio 4000 RTP/AVP 0 99 101\r\na=rtpmap:99 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n",
         Codec.PCMU, 0, 101, None),
        ("m=audio 4000/2 RTP/AVP 0\r\n", Codec.PCMU, 0, None, None),
    ],
)  # fmt: skip
def test_codecs(media, codec, payload, digits, noise):
    text, session = answered(HEAD + media)
    assert (session.codec, session.payload, session.digits_payload, session.noise_payload) == (
        codec,
        payload,
        digits,
        noise,
    )
    assert (session.remote_host, session.remote_port) == ("10.0.0.9", 4000)
    assert f"a=rtpmap:{payload} {codec.value}/8000" in text
    assert ("telephone-event" in text) == (digits is not None)


@pytest.mark.parametrize(
    ("sdp", "code"),
    [
        (HEAD, 304),
        (HEAD + "m=video 4000 RTP/AVP 31\r\n", 304),
        (HEAD + "m=audio 0 RTP/AVP 0\r\n", 304),
        (HEAD + "m=audio 4000 RTP/AVP 9 18\r\n", 305),
        (HEAD + "m=audio 4000 RTP/SAVP 0\r\n", 302),
        (HEAD + "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 9\r\nm=video 0 RTP/AVP 31\r\n", 305),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\nc=ATM IP4 10.0.0.9\r\n", 300),
        (HEAD.replace("c=IN IP4", "c=IN IP7") + "m=audio 4000 RTP/AVP 0\r\n", 301),
        (HEAD + "m=audio x RTP/AVP 0\r\n", 399),
        (HEAD + "m=audio 70000 RTP/AVP 0\r\n", 399),
        (HEAD + "m=audio\r\n", 399),
        ("hello", 399),
        ("m=audio 4000 RTP/AVP 0\r\n", 399),
        ("", 399),
    ],
)
def test_offers_that_nobody_can_take(sdp, code):
    assert ours().answer(sdp.encode()) is None
    assert not acceptable(sdp.encode())
    assert why_not(sdp.encode()).startswith(f'Warning: {code} switchhook "')


@pytest.mark.parametrize("line", ["c=in ip4 10.0.0.9", "c=IN IP6 2001:db8::9", ""])
def test_the_kinds_of_address_that_we_know_and_none_at_all(line):
    head = HEAD.replace("c=IN IP4 10.0.0.9\r\n", "")
    assert acceptable(f"{head}m=audio 4000 RTP/AVP 0\r\n{line}\r\n".encode())


def test_an_offer_whose_only_codec_has_a_number_that_cannot_be_is_refused_for_its_codecs():
    sdp = (HEAD + "m=audio 4000 RTP/AVP 200\r\na=rtpmap:200 PCMU/8000\r\n").encode()
    assert ours().answer(sdp) is None
    assert why_not(sdp).startswith("Warning: 305 ")


HOLDS = [
    ("a=sendrecv\r\n", "", Direction.SENDRECV, "sendrecv", False),
    ("a=sendonly\r\n", "", Direction.SENDONLY, "recvonly", True),
    ("a=inactive\r\n", "", Direction.INACTIVE, "inactive", True),
    ("a=recvonly\r\n", "", Direction.RECVONLY, "sendonly", False),
    ("", "c=IN IP4 0.0.0.0\r\n", Direction.SENDONLY, "recvonly", True),
    ("a=inactive\r\n", "c=IN IP4 0.0.0.0\r\n", Direction.INACTIVE, "inactive", True),
]


@pytest.mark.parametrize(("attribute", "connection", "theirs", "said", "hold"), HOLDS)
def test_three_styles_of_hold(attribute, connection, theirs, said, hold):
    text, session = answered(HEAD + "m=audio 4000 RTP/AVP 0\r\n" + connection + attribute)
    assert session.direction is theirs
    assert f"a={said}\r\n" in text
    assert on_hold(session) is hold


def test_a_direction_of_the_session_is_the_default_of_its_streams():
    _, session = answered(HEAD + "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert session.direction is Direction.SENDONLY


def test_holding_ourselves_we_answer_a_hold_with_inactive():
    side = ours()
    side.wish = Direction.SENDONLY
    text = side.answer((HEAD + "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n").encode())[0]
    assert b"a=inactive" in text


def test_other_streams_stay_in_their_place_with_port_0():
    sdp = (
        HEAD
        + "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n"
    )
    text, _ = answered(sdp)
    assert [line for line in text.split("\r\n") if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96", "m=audio 20000 RTP/AVP 0", "m=audio 0 RTP/AVP 8",
    ]  # fmt: skip


def media_lines(text: bytes) -> list[str]:
    return [line for line in text.decode().split("\r\n") if line.startswith("m=")]


VIDEO_FIRST = HEAD + "m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n"


def test_an_offer_of_ours_in_a_call_leaves_every_stream_in_its_place():
    side = ours()
    _, session = side.answer(VIDEO_FIRST.encode())
    side.agree(session)
    places = ["m=video 0 RTP/AVP 96", "m=audio 20000 RTP/AVP 0 8 13 101", "m=audio 0 RTP/AVP 8"]
    assert media_lines(side.offer()) == places
    side.wish = Direction.SENDONLY
    assert media_lines(side.offer()) == places
    side.answer((HEAD + "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n").encode())
    assert media_lines(side.offer()) == ["m=audio 20000 RTP/AVP 0 8 13 101", "m=video 0 RTP/AVP 96"]


@pytest.mark.parametrize(
    ("formats", "maps", "digits"),
    [
        ("0 96", "a=rtpmap:96 telephone-event/8000\r\n", 96),
        ("0 101", "a=rtpmap:101 opus/48000/2\r\n", 96),
        ("0 101 96 97", "a=rtpmap:101 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n", 98),
        ("0 " + " ".join(map(str, range(96, 128))), "", 101),
    ],
)
def test_a_payload_number_never_comes_to_mean_something_else_in_a_call(formats, maps, digits):
    side = ours()
    side.answer(f"{HEAD}m=audio 4000 RTP/AVP {formats}\r\n{maps}".encode())
    assert f"a=rtpmap:{digits} telephone-event/8000\r\n".encode() in side.offer()
    assert media_lines(side.offer())[0].endswith(f" {digits}")


def test_an_offer_of_ours_in_a_call_keeps_its_profile_and_its_one_port():
    side = ours()
    _, session = side.answer((HEAD + "m=audio 4000 RTP/AVPF 0\r\na=rtcp-mux\r\n").encode())
    side.agree(session)
    assert media_lines(side.offer()) == ["m=audio 20000 RTP/AVPF 0 8 13 101"]
    assert b"a=rtcp-mux\r\n" in side.offer()


def test_rtcp_ptime_mux_and_own_connection_line():
    sdp = (
        HEAD
        + "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.8\r\na=ptime:30\r\na=rtcp:4009 IN IP4 10.0.0.8\r\na=rtcp-mux\r\n"
    )
    text, session = answered(sdp, latching=Latching.STRICT)
    assert (session.remote_host, session.frame_ms, session.remote_rtcp_port, session.rtcp_mux) == (
        "10.0.0.8",
        30,
        4009,
        True,
    )
    assert session.latching is Latching.STRICT
    assert "a=rtcp-mux\r\n" in text


@pytest.mark.parametrize("ptime", ["0", "25", "x", "9999"])
def test_packet_times_that_make_no_sense(ptime):
    assert answered(HEAD + f"m=audio 4000 RTP/AVP 0\r\na=ptime:{ptime}\r\n")[1].frame_ms == 20


def test_a_name_instead_of_an_address_falls_back_to_where_the_signalling_came_from():
    assert (
        answered(HEAD.replace("c=IN IP4 10.0.0.9", "c=IN IP4 phone.local") + "m=audio 4 RTP/AVP 0\r\n")[1].remote_host
        == "10.0.0.9"
    )


def test_ipv6():
    _, session = answered(HEAD.replace("IP4 10.0.0.9", "IP6 2001:db8::9") + "m=audio 4000 RTP/AVP 0\r\n")
    assert session.remote_host == "2001:db8::9"
    side = Negotiation(MediaAddress("::1", 4), 1)
    assert b"c=IN IP6 ::1\r\n" in side.offer()


def test_answer_to_our_offer():
    session = ours().take_answer((HEAD + "m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n").encode())
    assert (session.codec, session.digits_payload) == (Codec.PCMA, 96)
    assert ours().take_answer((HEAD + "m=audio 0 RTP/AVP 0\r\n").encode()) is None
    assert ours().take_answer(b"") is None


ODD = HEAD + "a=x-mine:1\r\nm=audio 4000 RTP/AVP 0\r\ni=title\r\nb=AS:64\r\nk=clear:x\r\na=unknown\r\nz=later\r\n"


def test_no_line_is_lost():
    assert bytes(parse_sdp(ODD.encode())) == ODD.encode()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([line + "\r\n" for line in ODD.split("\r\n") if line]), max_size=20),
    st.binary(max_size=20),
)
def test_any_description_is_answered_or_refused(lines, tail):
    sdp = "".join(lines).encode() + tail
    made = ours().answer(sdp)
    if made is not None:
        assert parse_sdp(made[0]) is not None
        assert made[0].count(b"\r\nm=") == len(parse_sdp(sdp).sections)


def test_long_descriptions_are_not_remembered():
    def answers(numbers):
        for number in numbers:
            long = f"{HEAD}s={number}\r\nm=audio 4000 RTP/AVP 0\r\n" + "a=\r\n" * 3_000
            assert ours().answer(long.encode()) is not None
            assert ours().take_answer(long.replace("10.0.0.9", "name" * 500).encode()) is not None

    tracemalloc.start()
    answers(range(1))
    before = tracemalloc.get_traced_memory()[0]
    answers(range(1, 10))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000, "each takes 400 kB while it is looked at"
