"""What the targets are fed: sound inputs, damaged in a few places with bytes that mean something to a parser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
from hypothesis import strategies as st

from switchhook.media import rtcp, rtp
from switchhook.media.link import frame
from tests.sip.torture.corpus import RFC4475, RFC5118

CORPUS = Path(__file__).parent / "corpus"

_SIP = [sample.wire for sample in (*RFC4475.values(), *RFC5118.values()) if len(sample.wire) < 2000]
_INFO = [
    b"INFO sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\n"
    b"Call-ID: c\r\nCSeq: 2 INFO\r\nContent-Type: application/" + rest
    for rest in (b"dtmf-relay\r\n\r\nSignal= 11\r\nDuration= 160\r\n", b"dtmf\r\nContent-Length: 1\r\n\r\n5")
]
_LINES = sorted({line for wire in _SIP for line in wire.split(b"\r\n") if b":" in line})
_URIS = [b"sip:u%40x;p=1:pw@[2001:db8::1]:5060;lr;transport=tcp?Subject=x", b"tel:+1-201-555-0123;ext=5", b"sips:h"]
_DIGEST = [
    b'Digest username="u", realm="realm", nonce="3e8.1.abc", uri="sip:r", response="0", '
    b'qop=auth, nc=00000001, cnonce="c"',
    b'Digest realm="x", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true, opaque="o"',
]
_SDP = [wire.partition(b"\r\n\r\n")[2] for wire in _SIP if b"\r\nv=0\r\n" in wire] + [
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101 13\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp:4005\r\na=sendonly\r\na=rtcp-mux\r\n"
]
_RTP = [
    rtp.build(rtp.Packet(0, True, 65_535, 2**32 - 1, 7, bytes(160))),
    rtp.build(rtp.Packet(101, False, 1, 2, 3, bytes([5, 0x8A, 3, 0x20]))),
    b"\xb1\x65\x00\x01" + bytes(11) + b"\x01\xbe\xde\x00\x01" + bytes(4) + b"\x05\x0a\x00\xa0" + b"\0\0\0\x04",
]
_BLOCK = rtcp.Block(1, 2, -3, 4, 5, 6, 7)
_RTCP = [
    rtcp.build(rtcp.Report(9, (_BLOCK, _BLOCK), rtcp.ntp(1e9), 1, 2, 3), "name", bye=True),
    rtcp.build(rtcp.Report(9), "n" * 300),
]


def at_port(how: int, packet: bytes) -> bytes:
    """Returns a packet for the target `audio`, behind who sends it where."""
    return bytes([how]) + len(packet).to_bytes(2, "big") + packet


def _speech(row: int, first: int, count: int, ssrc: int = 5, kind: int = 0) -> bytes:
    """Some packets of a telephone, one each 20 ms."""
    packets = (rtp.Packet(kind, n == 0, first + n & 0xFFFF, 160 * n, ssrc, bytes(160)) for n in range(count))
    return b"".join(at_port(0x40 | row, rtp.build(packet)) for packet in packets)


def _key(row: int, ssrc: int = 5) -> bytes:
    payloads = (bytes([5, 0x8A if n > 3 else 10, 0, 160 + n]) for n in range(6))
    packets = (rtp.Packet(101, n == 0, 30 + n, 4_800, ssrc, payload) for n, payload in enumerate(payloads))
    return b"".join(at_port(0x40 | row, rtp.build(packet)) for packet in packets)


_AUDIO = [
    _speech(0, 10, 5) + _speech(1, 65_533, 5, ssrc=6) + _speech(0, 15, 2, ssrc=7) + at_port(0xC0, rtp.build(rtp.Packet(
        0, False, 17, 320, 7, b""))),
    _speech(0, 10, 3) + _key(0) + _speech(0, 40, 3) + _key(0, ssrc=9) + at_port(0xF0, b"") + _speech(0, 43, 3, kind=8),
    _speech(1, 10, 2) + at_port(0x21, _RTCP[0]) + at_port(0x29, _RTCP[1]) + at_port(0x95, _RTP[2]) + _speech(5, 1, 2),
]  # fmt: skip
_LEG = {
    "say": "leg", "row": 1, "use": 7, "version": 2, "remote": ["192.0.2.7", 4000], "codec": 0, "payload": 0,
    "digits": 101, "noise": None, "direction": 0, "frame_ms": 20, "latching": 1, "mux": 0, "rtcp_port": 4001,
    "signalling": "192.0.2.7",
}  # fmt: skip
_STATED = [
    [_LEG, {"say": "hear", "id": 1, "batch": [[1, 7, 1, [[2, 8]], []]]}, {"say": "end", "row": 1, "use": 7}],
    [_LEG, {"say": "digits", "row": 1, "use": 7, "keys": [["5", 1]], "tone_ms": 160}, {"say": "ack", "number": 3}],
    [{"say": "record", "slot": 0, "use": 1, "left": [[1, 7]], "right": [], "limit": 0,
      "paused": False, "ears": [[1, 7]], "channels": 1},
     {"say": "stop_record", "slot": 0, "use": 1}, {"say": "play", "play": 0, "use": 1, "clips": [0], "repeat": 1}],
    [_LEG, {"say": "fork", "slot": 0, "use": 3, "row": 1, "row_use": 7, "both": True, "is_leg": False},
     {"say": "keep_keys", "row": 1, "use": 7, "on": True}, {"say": "notice", "row": 1, "use": 7, "on": True},
     {"say": "notice", "row": 1, "use": 7, "on": False}, {"say": "end_fork", "slot": 0, "use": 3}],
]  # fmt: skip
_SHOP = [
    [{"say": "load", "clip": 1, "spec": "builtin:hold", "again": False}, {"say": "forget", "clip": 1}],
    [{"say": "record", "slot": 0, "use": 1, "path": "a/r.wav", "channels": 2, "resume": False},
     {"say": "record", "slot": 0, "use": 1, "path": "a/r.wav", "channels": 2, "resume": True}],
]  # fmt: skip
_JSON = [msgspec.json.encode(one) for one in _STATED]

SEEDS: dict[str, list[bytes]] = {
    "message": _SIP + _INFO, "reference": _SIP + _INFO, "server": _SIP + _INFO, "stream": _SIP,
    "uri": _URIS + [line.partition(b":")[2] for line in _LINES],
    "header": [line.partition(b":")[2].strip() for line in _LINES], "digest": _DIGEST, "sdp": _SDP, "rtp": _RTP,
    "rtcp": _RTCP, "audio": _AUDIO, "link": [frame(one) for stated in _STATED for one in stated] + [frame({}) * 3],
    "statements": _JSON, "shop": [msgspec.json.encode(one) for one in _SHOP],
}  # fmt: skip

BITS = [
    b"\r\n", b"\r\n ", b"\n", b"\0", b" ", b"\t", b";", b",", b":", b"=", b'"', b"\\", b"<", b">", b"@", b"%", b"%00",
    b"[", b"]", b"?", b"/", b"-1", b"0", b"4294967296", b"99999999999999999999", b"1e5", b"\xff",
    b"\xc3\xa9", b"\xc2\xb2",
    b"tag=", b";branch=z9hG4bK", b";rport", b"Via: SIP/2.0/UDP a\r\n", b"SIP/2.0", b"ACK", b"INVITE", b"REGISTER",
    b"Content-Length: 5\r\n", b"l: 0\r\n", b"m=audio 1 RTP/AVP 0\r\n", b"a=rtpmap:0 ", b"null", b"{}", b"[]", b"-",
    b"[", b'{"":', b"(", b"a=\r\n",
       b"true", b'"x"',
]  # fmt: skip
_PIECE = st.one_of(st.sampled_from(BITS), st.binary(max_size=6))
LONG = 0.02  # of the inputs at random
MOST_BYTES = dict.fromkeys(SEEDS, 65_000) | {"audio": 1_000}  # each of whose packets takes time to play
_CUTS = (0, 0, 1, 2, 4, 30)
_EDIT = st.tuples(st.integers(0, 3000), st.sampled_from(_CUTS), _PIECE)


def kept(target: str) -> list[bytes]:
    """Returns the corpus of a target: inputs that once were wrong, and others worth keeping."""
    return [path.read_bytes() for path in sorted((CORPUS / target).glob("*.bin"))]


def damaged(whole: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Cuts and inserts at places counted round the input."""
    for at, cut, piece in edits:
        at %= len(whole) + 1
        whole = whole[:at] + piece + whole[at + cut :]
    return whole


def at_random(target: str, chance: Random) -> Callable[[], bytes]:
    """Returns what makes such inputs without Hypothesis, a hundred times as fast and not as clever."""
    seeds = [*SEEDS[target], *kept(target)]

    def make() -> bytes:
        if chance.random() < LONG:
            return at_length(target, chance.choice(seeds), chance)
        if target in ("statements", "shop") and chance.random() < 0.9:
            sound = msgspec.json.decode(chance.choice(SEEDS[target]))
            return msgspec.json.encode([_other(one, chance) for one in sound])
        whole = chance.choice(seeds)
        if chance.random() < 0.2:
            whole += chance.choice(seeds)
        edits = [
            (chance.randrange(3000), chance.choice(_CUTS), _piece(chance))
            for _ in range(chance.choice((1, 1, 2, 3, 8)))
        ]
        return damaged(whole, edits)

    return make


def at_length(target: str, sound: bytes, chance: Random) -> bytes:
    """Returns a sound input with one of its own pieces, or one that means something, over and over in some place."""
    start = chance.randrange(len(sound) + 1)
    own = sound[start : start + chance.choice((1, 2, 5, 12, 40))]
    piece = chance.choice((chance.choice(BITS), chance.choice(BITS) + chance.choice(BITS), own)) or b"\0"
    lines = [at + 2 for at in range(len(sound)) if sound[at : at + 2] == b"\r\n"]
    place = chance.choice(lines) if lines and chance.random() < 0.5 else chance.randrange(len(sound) + 1)
    many = piece * (chance.choice((300, 3_000, MOST_BYTES[target])) // len(piece))
    return sound[:place] + many[: MOST_BYTES[target] - len(sound)] + sound[place:]


def _piece(chance: Random) -> bytes:
    return chance.choice(BITS) if chance.random() < 0.7 else chance.randbytes(chance.randrange(4))


_ODD: tuple[object, ...] = (
    None, True, -1, 0, 1, 7, 8, 255, 65_536, 2**31, 2**63, -(2**63), 1e300, -0.5, "", "x", "5", "192.0.2.300", "::1",
    [], [[]], {}, [0, 0], [1, 7], ["::1", 4000], {"row": 1},
)  # fmt: skip


def _other(value: object, chance: Random) -> object:
    """Returns JSON like this, with now and then another value in some place."""
    if chance.random() < 0.06:
        return chance.choice(_ODD)
    if isinstance(value, dict):
        return {key: one if key == "say" else _other(one, chance) for key, one in value.items()}
    if isinstance(value, list):
        return [_other(one, chance) for one in value]
    return value


def smaller(wrong: bytes, is_wrong: Callable[[bytes], bool], tries: int = 10_000) -> bytes:
    """Takes away from an input what it can do without, in ever smaller pieces."""
    size = len(wrong) // 2
    while size and tries:
        at = 0
        while at < len(wrong) and (tries := tries - 1):
            shorter = wrong[:at] + wrong[at + size :]
            if is_wrong(shorter):
                wrong = shorter
            else:
                at += size
        size //= 2
    return wrong


def inputs(target: str) -> st.SearchStrategy[bytes]:
    """Returns what a target is fed: mostly damaged seeds, sometimes two of them joined, sometimes noise."""
    seeds = st.sampled_from([*SEEDS[target], *kept(target)])
    edits = st.lists(_EDIT, max_size=5)
    return st.one_of(
        st.builds(damaged, seeds, edits),
        st.builds(damaged, st.builds(bytes.__add__, seeds, seeds), edits),
        st.binary(max_size=200),
    )
