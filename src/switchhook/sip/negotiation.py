"""Offers and answers for one leg's audio (RFC 3264): what we say, what they said, and the session that follows.

We speak PCMU and PCMA, telephone-event and comfort noise, on the first audio stream that can carry them; every other
stream of an offer is answered with port 0 and stays in its place. An answer names one codec, the first of the offer
that we have, so that both ends know what will come. Our `o=` version goes up by one whenever what we say differs from
what we said before (RFC 3264 8). A change that fails leaves the old session as it was: nothing here is committed
before both halves are known.

An offer of ours in the middle of a call keeps what was agreed (RFC 3264 8): every stream stays in its place, the
refused ones with port 0, and a payload number never comes to mean something else.

Hold comes in three styles, all seen in the wild: sendonly, inactive, and c=0.0.0.0 of RFC 2543.
"""

from __future__ import annotations

from functools import lru_cache

from switchhook.exchange.ports import Codec, Direction, Latching, MediaAddress, Session
from switchhook.sip.headers import whole_number
from switchhook.sip.offer import MAX_REMEMBERED, Description, Section, codec_of, parse_sdp
from switchhook.sip.uri import is_address

OUR_CODECS = (Codec.PCMU, Codec.PCMA)
OUR_DIGITS = "101"
_FRAMES_MS = (10, 20, 30, 40, 50, 60)
_PAYLOAD = {Codec.PCMU: "0", Codec.PCMA: "8"}

# What we answer to each direction of theirs.
MIRROR = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}
_SENDS = (Direction.SENDRECV, Direction.SENDONLY)
_RECEIVES = (Direction.SENDRECV, Direction.RECVONLY)


def direction_of(sends: bool, receives: bool) -> Direction:
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


class _Ours:
    """What we take; compared by identity, so that it is a cheap part of a key."""

    __slots__ = ("codecs", "payloads")

    def __init__(self, codecs: tuple[Codec, ...]) -> None:
        self.codecs = codecs
        self.payloads = tuple((_PAYLOAD[codec], f"{codec.value}/8000") for codec in codecs)


_OURS = _Ours(OUR_CODECS)


class Negotiation:
    """The audio side of one call. `wish` is what we would like to do ourselves: sendrecv, or a hold of ours."""

    __slots__ = (
        "_above", "_below", "_digits", "_ours", "_protocol", "_said", "_version", "address", "codecs", "identity",
        "latching", "session", "signalling_host", "user", "wish",
    )  # fmt: skip

    def __init__(
        self,
        address: MediaAddress,
        identity: int,
        *,
        user: str = "switchhook",
        signalling_host: str = "",
        latching: Latching = Latching.SIGNALLING,
        codecs: tuple[Codec, ...] = OUR_CODECS,
    ) -> None:
        self.address = address
        self.identity = identity
        self.user = user
        self.signalling_host = signalling_host
        self.latching = latching
        self.codecs = codecs
        self._ours = _OURS if codecs is OUR_CODECS else _Ours(codecs)
        self.wish = Direction.SENDRECV
        self.session: Session | None = None
        self._version = 0
        self._said = ""
        self._above = self._below = ""  # the streams that we refused, before and behind ours
        self._protocol, self._digits = "RTP/AVP", OUR_DIGITS

    def offer(self) -> bytes:
        """Returns our offer, with everything we can do."""
        mux = self.session is not None and self.session.rtcp_mux
        section = self._audio(self._ours.payloads, self._digits, "13", self.wish, mux=mux, protocol=self._protocol)
        return self._say(f"{self._above}{section}{self._below}")

    def answer(self, sdp: bytes) -> tuple[bytes, Session] | None:
        """Answers an offer; None when nothing in it can be taken (488). `session` changes when `agree` is called."""
        offered = _chosen(sdp, self._ours)
        session = self.take_answer(sdp)
        if offered is None or session is None:
            return None
        description, chosen = offered
        self._keep_in_place(description.sections, chosen, session.digits_payload)
        ours = direction_of(
            self.wish in _SENDS and session.direction in _RECEIVES,
            self.wish in _RECEIVES and session.direction in _SENDS,
        )
        payloads = ((str(session.payload), f"{session.codec.value}/8000"),)
        digits = None if session.digits_payload is None else str(session.digits_payload)
        noise = None if session.noise_payload is None else str(session.noise_payload)
        section = self._audio(payloads, digits, noise, ours, mux=session.rtcp_mux, protocol=chosen.protocol)
        return self._say(f"{self._above}{section}{self._below}"), session

    def _keep_in_place(self, sections: list[Section], chosen: Section, digits: int | None) -> None:
        """Notes what an offer of ours may not change any more: the streams around ours, and what numbers mean."""
        self._above = self._below = ""
        self._protocol = chosen.protocol
        if digits is not None:
            self._digits = str(digits)
        elif self._digits in chosen.formats:  # it is the number of something else
            self._digits = next((str(free) for free in range(96, 128) if str(free) not in chosen.formats), OUR_DIGITS)
        if len(sections) == 1:
            return
        lines = [f"m={one.kind} 0 {one.protocol} {' '.join(one.formats)}\r\n" for one in sections]
        place = next(number for number, one in enumerate(sections) if one is chosen)
        self._above, self._below = "".join(lines[:place]), "".join(lines[place + 1 :])

    def take_answer(self, sdp: bytes) -> Session | None:
        """Reads the answer to our offer; None when they took nothing."""
        return _session(sdp, self._ours, self.signalling_host, self.latching)

    def agree(self, session: Session) -> None:
        self.session = session

    # --- ours

    def _audio(
        self,
        payloads: tuple[tuple[str, str], ...],
        digits: str | None,
        noise: str | None,
        direction: Direction,
        *,
        mux: bool,
        protocol: str = "RTP/AVP",
    ) -> str:
        formats, maps = _media_lines(payloads, digits, noise, mux)
        return f"m=audio {self.address.port} {protocol} {formats}\r\n{maps}a={direction.value}\r\n"

    def _say(self, sections: str) -> bytes:
        family = "IP6" if ":" in self.address.host else "IP4"
        if sections != self._said:
            self._said = sections
            self._version += 1
        host = self.address.host
        text = (
            f"v=0\r\no={self.user} {self.identity} {self._version} IN {family} {host}\r\ns=-\r\n"
            f"c=IN {family} {host}\r\nt=0 0\r\n{sections}"
        )
        return text.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _media_lines(
    payloads: tuple[tuple[str, str], ...], digits: str | None, noise: str | None, mux: bool
) -> tuple[str, str]:
    """Returns the formats of the m-line, and the lines that explain them."""
    formats = [payload for payload, _ in payloads]
    maps = [f"a=rtpmap:{payload} {name}\r\n" for payload, name in payloads]
    if noise is not None:
        formats.append(noise)
        maps.append(f"a=rtpmap:{noise} CN/8000\r\n")
    if digits is not None:
        formats.append(digits)
        maps.append(f"a=rtpmap:{digits} telephone-event/8000\r\na=fmtp:{digits} 0-15\r\n")
    mux_line = "a=rtcp-mux\r\n" if mux else ""
    return " ".join(formats), f"{''.join(maps)}a=ptime:20\r\n{mux_line}"


# --- theirs


def acceptable(sdp: bytes) -> bool:
    """True when an offer has an audio stream that we could take."""
    return _chosen(sdp, _OURS) is not None


def _chosen(sdp: bytes, ours: _Ours) -> tuple[Description, Section] | None:
    """Reads a description and chooses its first audio stream that has one of these codecs."""
    return _recent_choice(sdp, ours) if len(sdp) <= MAX_REMEMBERED else _choose(sdp, ours)


def _choose(sdp: bytes, ours: _Ours) -> tuple[Description, Section] | None:
    description = parse_sdp(sdp)
    if description is None:
        return None
    for section in description.sections:
        if not _obstacle(description, section, ours):
            return description, section
    return None


_recent_choice = lru_cache(maxsize=256)(_choose)  # an offer is looked at two or three times on its way

# What stands in the way of a stream: the warn-codes of RFC 3261 20.43, each stream's first one, the worst first.
_OBSTACLES = {
    304: "no audio stream",
    302: "audio only over RTP/AVP or RTP/AVPF",
    300: "no network but IN",
    301: "no addresses but IP4 and IP6",
    305: "none of our codecs",
}


def _obstacle(description: Description, section: Section, ours: _Ours) -> int:
    if section.kind != "audio" or not section.port:
        return 304
    if section.protocol not in ("RTP/AVP", "RTP/AVPF"):
        return 302
    network, family = description.network(section)
    if network != "IN":
        return 300
    if family not in ("IP4", "IP6"):
        return 301
    return 0 if any(codec_of(name) in ours.codecs for _, name in section.codecs()) else 305


def why_not(sdp: bytes, codecs: tuple[Codec, ...] = OUR_CODECS) -> str:
    """Returns the Warning line of a 488 (RFC 3261 13.3.1.3): what stood in the way of the stream that came furthest."""
    description = parse_sdp(sdp)
    if description is None:
        return 'Warning: 399 switchhook "no description that we can read"\r\n'
    found = {_obstacle(description, section, _Ours(codecs)) for section in description.sections}
    code = next((code for code in reversed(_OBSTACLES) if code in found), 305 if found else 304)
    return f'Warning: {code} switchhook "{_OBSTACLES[code]}"\r\n'


def _session(sdp: bytes, ours: _Ours, signalling_host: str, latching: Latching) -> Session | None:
    """Returns the session that follows from their offer or answer; None when there is nothing in it for us."""
    follow = _recent_session if len(sdp) <= MAX_REMEMBERED else _follow
    return follow(sdp, ours, signalling_host, latching)


def _follow(sdp: bytes, ours: _Ours, signalling_host: str, latching: Latching) -> Session | None:
    chosen = _chosen(sdp, ours)
    if chosen is None:
        return None
    description, section = chosen
    codec = payload = None
    digits = noise = None
    for number, name in section.codecs():
        value = whole_number(number, 127)
        if value is None:
            continue
        if codec is None and codec_of(name) in ours.codecs:
            codec, payload = codec_of(name), value
        elif digits is None and name == "TELEPHONE-EVENT/8000":
            digits = value
        elif noise is None and name == "CN/8000":
            noise = value
    if codec is None or payload is None:
        return None
    direction = description.direction(section)
    host = description.connection(section)
    if host in ("0.0.0.0", "::"):
        direction = Direction.INACTIVE if direction is Direction.INACTIVE else Direction.SENDONLY
    if not is_address(host):
        host = signalling_host or "0.0.0.0"
    frame_ms = whole_number(section.attribute("ptime"), 200)
    rtcp = (section.attribute("rtcp") or "").partition(" ")[0]
    return Session(
        remote_host=host,
        remote_port=section.port,
        codec=codec,
        payload=payload,
        digits_payload=digits,
        noise_payload=noise,
        direction=direction,
        frame_ms=frame_ms if frame_ms in _FRAMES_MS else 20,
        remote_rtcp_port=whole_number(rtcp, 65535) if rtcp else None,
        rtcp_mux=section.attribute("rtcp-mux") is not None,
        signalling_host=signalling_host,
        latching=latching,
    )


_recent_session = lru_cache(maxsize=256)(_follow)


def on_hold(session: Session | None) -> bool:
    """True while the telephone has put us on hold."""
    return session is not None and session.direction in (Direction.SENDONLY, Direction.INACTIVE)
