"""What is fuzzed: each target takes bytes and raises when something is wrong with the code, never with the bytes.

A parser may refuse what it is given in the ways it promises; everything else that it raises is a bug, and so is a round
trip that changes a byte, a stream that reads differently when it is cut elsewhere, and a server that logs an error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from socket import socket
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from switchhook.core.errors import PeerBroke
from switchhook.exchange.ports import MediaAddress
from switchhook.media import jitter, rtcp, rtp
from switchhook.media.desk import Desk
from switchhook.media.digits import Ear
from switchhook.media.inbound import Inbound
from switchhook.media.link import Unframer, frame
from switchhook.media.outbound import Outbound
from switchhook.media.outbox import Outbox
from switchhook.media.reporter import Reporter
from switchhook.media.settings import MediaSettings
from switchhook.media.statements import Statements
from switchhook.media.table import Table
from switchhook.media.wires import LONGEST, STRIDE, Odd
from switchhook.media.workshop import Workshop
from switchhook.sip import headers
from switchhook.sip.digest import Authenticator, Credentials, Password, Responder
from switchhook.sip.framing import Framer, Overlong
from switchhook.sip.info import digit_of
from switchhook.sip.message import Malformed, parse
from switchhook.sip.negotiation import Negotiation
from switchhook.sip.offer import parse_sdp
from switchhook.sip.uri import escape_user, parse_uri, place_of, split_host, without_headers
from switchhook.sip.validate import verdict
from tests.fuzz.silence import NoWire
from tests.media.virtual import Stage
from tests.sip.agreement import agree
from tests.sip.house import House, telephone
from tests.sip.link import Wire


def message(given: bytes) -> None:
    """A datagram as a SIP message: every byte comes back, and every question about it has an answer."""
    try:
        found = parse(given)
    except Malformed:
        return
    assert given.startswith(bytes(found))
    again = parse(bytes(found))
    assert (again.verb, again.uri, again.status, again.lines) == (found.verb, found.uri, found.status, found.lines)
    _ = found.via, found.cseq, found.method, found.from_tag, found.to_tag, found.content_type, found.echo, found.pairs()
    assert (found.via.branch if found.via else "") == found.top_branch() or ";branch=" in found.first("via")
    if found.verb:
        status, extra = verdict(found, registers=True)
        assert status == 0 or 400 <= status < 700
        assert not extra or extra.endswith("\r\n")
    digit_of(found)


def reference(given: bytes) -> None:
    """A datagram as a slow and simple reader reads it."""
    agree(given)


def server(given: bytes) -> None:
    """A datagram to a server with a call up: no error of ours, no answer to an ACK or a response, and then all ends."""
    wire = Wire()
    house = House(wire)
    person = telephone(wire, "1001", "10.0.0.1", "red")
    person.agent.register()
    wire.run(0.1)
    before = len(wire.log)
    flow = house.end.flow("udp", "10.0.0.50", 5060)
    assert flow is not None
    for _ in range(2):
        house.line.receive(given, flow)
    assert house.line.counters.bugs == 0
    if given.startswith((b"ACK ", b"SIP/2.0 ")):
        assert len(wire.log) == before
    for _, _, _, sent in wire.log[before:]:
        parse(sent)
    wire.run(300)
    assert house.line.counters.bugs == 0
    assert not house.line.engine.calls or house.line.live_legs  # only a call that nobody answers may be left


def stream(given: bytes) -> None:
    """A byte stream: cut anywhere, it gives the same messages, and it stops at the same place."""
    cut = given[0] % len(given) if given else 0
    whole = _framed([given])
    assert whole == _framed([given[:cut], given[cut:]])
    assert whole == _framed([given[n : n + 1] for n in range(len(given))])


def _framed(parts: list[bytes]) -> tuple[list[bytes], int, bool]:
    framer, found, pings = Framer(), [], 0
    try:
        for part in parts:
            messages, more = framer.feed(part)
            found += messages
            pings += more
    except Overlong:
        return found, pings, True
    return found, pings, framer.broken is not None


def uri(given: bytes) -> None:
    """A URI and the parts of it."""
    text = given.decode("utf-8", "surrogateescape")
    found = parse_uri(text)
    if found is not None:
        _ = found.number, found.transport, found.param("lr")
        assert found.port is None or 0 < found.port < 65536
        if found.scheme != "tel":
            assert split_host(place_of(found.host, found.port)) == (found.host, found.port)
        assert parse_uri(f"sip:{escape_user(headers.readable(found.number))}@example.org") is not None
        bare = parse_uri(without_headers(text))
        assert bare is not None
        assert (bare.user, bare.host, bare.port) == (found.user, found.host, found.port)
    split_host(text)


def header(given: bytes) -> None:
    """A header value read as every kind of header there is."""
    text = given.decode("utf-8", "surrogateescape")
    address = headers.parse_address(text)
    if address is not None:
        address.param("tag")
    parts = headers.split_list(text)
    assert ",".join(parts).replace(" ", "").replace("\t", "") == text.replace(" ", "").replace("\t", "")
    headers.tag_of(text)
    headers.parse_via(text)
    headers.parse_cseq(text)
    headers.whole_number(text)
    headers.parse_reason([text])
    headers.parse_auth(text)
    headers.param(text, "x")
    assert headers.unquote_text(headers.quote_text(text)) == "".join(
        c if c >= " " and c != "\x7f" else " " for c in text
    )
    headers.readable(text).encode()


def digest(given: bytes) -> None:
    """Credentials for a server, and a challenge for a client."""
    value = given.replace(b"\r\n", b" ").replace(b"\n", b" ").replace(b"\r", b" ")
    lines = b"Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"
    asked = parse(b"REGISTER sip:r SIP/2.0\r\n" + lines + b"Authorization: " + value + b"\r\n\r\n")
    known = Password("secret")
    judge = Authenticator("realm", b"k" * 16, algorithms=("SHA-256", "MD5"))
    assert judge.check(asked, lambda _: known, 1000.0)[1] == ""  # nobody guesses
    told = parse(b"SIP/2.0 401 No\r\n" + lines + b"WWW-Authenticate: " + value + b"\r\n\r\n")
    answer = Responder(Credentials("u", "secret"), Random(1)).answer(told, "REGISTER", "sip:r", b"")
    assert answer.count("\r\n") == (1 if answer else 0)


def sdp(given: bytes) -> None:
    """A description: every byte comes back, and it is answered with one that we would take ourselves, or refused."""
    found = parse_sdp(given)
    if found is not None:
        assert bytes(found) == given
    ours = Negotiation(MediaAddress("192.0.2.1", 4000), 1)
    ours.take_answer(given)
    answered = ours.answer(given)
    if answered is None:
        return
    text, session = answered
    assert found is not None
    mirror = parse_sdp(text)
    assert mirror is not None
    assert len(mirror.sections) == len(found.sections)
    assert 0 <= session.payload < 128
    assert 0 < session.remote_port < 65536


def rtp_packet(given: bytes) -> None:
    """An RTP packet, alone, as columns, and as key presses."""
    found = rtp.parse(given)
    rtp.looks_like_rtcp(given)
    if found is None:
        return
    assert found.payload in given
    again = rtp.parse(rtp.build(found))
    assert again == found
    ear = Ear()
    keys = ear.packet(found.ssrc, found.ts, found.payload, 0.0)
    keys += ear.packet(found.ssrc, found.ts + 0xFFFF & 0xFFFFFFFF, found.payload, 0.1)
    assert all(key.digit in "0123456789*#ABCD" and 0 <= key.duration_ms < 20_000 for key in keys + ear.waited(100.0))
    row = np.frombuffer(given[: rtp.HEADER_BYTES], np.uint8).reshape(1, -1)
    head = rtp.columns(row)
    assert (int(head["seq"][0]), int(head["ts"][0]), int(head["ssrc"][0])) == (found.seq, found.ts, found.ssrc)


def rtcp_packet(given: bytes) -> None:
    """A compound RTCP packet; what it reports can be reported again."""
    found = rtcp.parse(given)
    for report in found.reports if found is not None else ():
        again = rtcp.parse(rtcp.build(report, "name"))
        assert again is not None
        assert again.reports == [report]


def audio(given: bytes) -> None:
    """Packets at the ports of three legs, relayed and mixed: nobody hears anything but one whole stream on its clock.

    Each packet stands behind who sends it where and how long nothing comes then (a byte) and its length (two).
    """
    stage = Stage(_table(), 3)
    stage.take(_session(1, noise=13, mux=True))
    stage.hear({0: [1], 1: [0], 2: [0, 1]})
    stage.table.shift[:] = 1  # as if buffers had run empty
    while given:
        how, length = given[0], int.from_bytes(given[1:3], "big")
        packet, given = given[3 : 3 + length], given[3 + length :]
        row, source = how % 4 % 3, ("203.0.113.9", 9_000) if how & 4 else None
        address = source or stage.address(how % 4 % 3)
        if how & 8:
            stage.inbound._odd(Odd(row, True, address, packet[:STRIDE]), stage.number, stage.now)
        else:
            stage.wire.queue.append((row, address, packet[:STRIDE]))
        for _ in range(how >> 4 & 7):
            stage.phase()
        if how & 128:
            stage.inbound.listen(stage.now)
            jitter.begin(stage.table, np.arange(3))
            jitter.adapt(stage.table, np.arange(3))
            stage.reporter.send(row, stage.now)
    for _ in range(8):
        stage.phase()
    for row, packets in stage.sent.items():
        assert {packet.ssrc for _, packet in packets} == {int(stage.table.ssrc[row])}
        assert {packet.payload_type for _, packet in packets} <= {0, 13, 101}
        assert all(len(packet.payload) <= LONGEST for _, packet in packets)
    stats = [stage.reporter.summary(row) for row in range(3)]
    counts = [count for each in stats for name, count in each.items() if name not in ("remote_lost", "stranger")]
    assert all(count is None or count >= 0 for count in counts)


def _session(row: int, **changes: object) -> dict[str, object]:
    """States what was agreed with one of the telephones anew."""
    return {
        "say": "leg", "row": row, "use": row + 1, "version": 2, "remote": ["10.0.0.1", 4000 + 2 * row], "codec": 0,
        "payload": 0, "digits": 101, "noise": None, "direction": 0, "frame_ms": 20, "mux": False, "rtcp_port": 0,
        "latching": 0, "signalling": "10.0.0.1", **changes,
    }  # fmt: skip


def link(given: bytes) -> None:
    """The socket between server and audio process: cut anywhere, the same messages or the same refusal."""
    whole, pieces = _unframed([given]), _unframed([given[n : n + 1] for n in range(len(given))])
    assert whole[1] == pieces[1]
    assert pieces[0][: len(whole[0])] == whole[0]
    for one in whole[0]:
        assert Unframer().feed(frame(one)) == [one]


def _unframed(parts: list[bytes]) -> tuple[list[object], bool]:
    unframer = Unframer()
    found: list[object] = []
    try:
        for part in parts:
            found += unframer.feed(part)
    except PeerBroke:
        return found, True
    return found, False


@cache
def _table() -> Table:
    return Table(MediaSettings(max_legs=8, clip_memory_mb=1, max_recordings=1, max_clips=8))


def statements(given: bytes) -> None:
    """What the server states to the audio process: whatever it is, it is taken, or left out with a warning."""
    try:
        stated = msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    said: list[object] = []
    table = _table()
    for row in range(table.legs):
        table.end_leg(row)
    wire, desk, outbox = NoWire(), Desk(table), Outbox(table)
    outbound, reporter = Outbound(table, desk, wire, outbox), Reporter(table, wire)
    inbound = Inbound(table, desk, wire, outbox, outbound, reporter)
    take = Statements(table, desk, wire, outbox, outbound, inbound, reporter, said.append).take
    for one in stated if isinstance(stated, list) else [stated]:
        if isinstance(one, dict):
            take(one)
    take({"say": "state"})
    take({"say": "state_end"})
    assert not table.use[: table.legs].any()


def shop(given: bytes) -> None:
    """What the server states to the workshop of sounds and recordings: taken, or left out; its threads live on."""
    try:
        stated = msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    table = _table()
    with TemporaryDirectory() as folder, socket() as nobody:
        workshop = Workshop(table, nobody)
        for one in stated if isinstance(stated, list) else [stated]:
            if isinstance(one, dict) and one.get("say") not in (
                "fork",
                "end_fork",
                "tell_fork",
            ):  # they go to a network
                here = {"path": f"{folder}/{one['path']}"} if isinstance(one.get("path"), str) else {}
                workshop.take(one | here)
        while not workshop.wanted.empty():
            clip, spec = workshop.wanted.get()
            assert table.clip_state[clip] >= 0 <= clip
            assert isinstance(spec, str)
        table.rec_use[0] = 1
        workshop.recorder.write()
        workshop.recorder.close()


Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "message": message, "reference": reference, "server": server, "stream": stream, "uri": uri, "header": header,
    "digest": digest, "sdp": sdp, "rtp": rtp_packet, "rtcp": rtcp_packet, "audio": audio, "link": link,
    "statements": statements, "shop": shop,
}  # fmt: skip
