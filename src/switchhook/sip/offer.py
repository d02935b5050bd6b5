"""SDP as text that keeps its lines (RFC 8866): parsing for the questions of RFC 3264, and nothing lost.

A description is its session lines and its media sections, each a list of (letter, value) in the order of the wire.
"""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Codec, Direction

Line = tuple[str, str]

STATIC = {"0": "PCMU/8000", "8": "PCMA/8000", "13": "CN/8000"}  # RFC 3551 6
_BY_NAME = {"PCMU/8000": Codec.PCMU, "PCMA/8000": Codec.PCMA}
MAX_REMEMBERED = 1_500  # bytes; of longer ones a megabyte each would be kept, once they are taken apart
_DIRECTIONS = {direction.value: direction for direction in Direction}


@dataclass(slots=True)
class Section:
    """One m-line and what follows it. Shared by all who parse the same bytes: never change one."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    lines: list[Line] = field(default_factory=list)  # without the m-line
    m_line: str = ""
    _codecs: list[tuple[str, str]] | None = field(default=None, compare=False)

    def attribute(self, name: str) -> str | None:
        """Returns the value of the first `a=name[:value]`; an empty text for a flag, None when absent."""
        return _attribute(self.lines, name)

    def codecs(self) -> list[tuple[str, str]]:
        """Returns (payload type, NAME/rate) in the order of the m-line."""
        if self._codecs is not None:
            return self._codecs
        maps = {}
        for letter, value in self.lines:
            if letter == "a" and value.startswith("rtpmap:"):
                payload, _, name = value[7:].partition(" ")
                maps[payload.strip()] = name.strip().upper()
        self._codecs = [(payload, _plain(maps.get(payload) or STATIC.get(payload, ""))) for payload in self.formats]
        return self._codecs


@dataclass(slots=True)
class Description:
    session: list[Line]
    sections: list[Section]
    ends: tuple[str, ...] = ()  # what stands before the first line and behind each; empty when it is CRLF everywhere

    def connection(self, section: Section) -> str:
        """Returns the address that a section receives at: its own c= line, or the session's."""
        words = self._connection(section)
        return words[2].partition("/")[0] if len(words) >= 3 else ""

    def network(self, section: Section) -> tuple[str, str]:
        """Returns what kind of address that is: network and address type, `IN` and `IP4` where no c= line says it."""
        words = self._connection(section)
        return (words[0].upper(), words[1].upper()) if len(words) >= 3 else ("IN", "IP4")

    def _connection(self, section: Section) -> list[str]:
        for lines in (section.lines, self.session):
            for letter, value in lines:
                if letter == "c":
                    return value.split()
        return []

    def direction(self, section: Section) -> Direction:
        """Returns the direction of a section; the session's is its default, sendrecv is the last resort."""
        for lines in (section.lines, self.session):
            for letter, value in lines:
                if letter == "a" and value in _DIRECTIONS:
                    return _DIRECTIONS[value]
        return Direction.SENDRECV

    def origin(self) -> str:
        return next((value for letter, value in self.session if letter == "o"), "")

    def __bytes__(self) -> bytes:
        lines = [f"{letter}={value}" for letter, value in self.session]
        for section in self.sections:
            lines.append(f"m={section.m_line}")
            lines += [f"{letter}={value}" for letter, value in section.lines]
        ends = self.ends or ("", *["\r\n"] * len(lines))
        whole = ends[0] + "".join(map(str.__add__, lines, ends[1:]))
        return whole.encode("utf-8", "surrogateescape")


def parse_sdp(body: bytes) -> Description | None:
    """Reads a description; None when it does not begin with v=0 or an m-line makes no sense."""
    return _recent_sdp(body) if len(body) <= MAX_REMEMBERED else _read_sdp(body)


def _read_sdp(body: bytes) -> Description | None:
    text = body.decode("utf-8", "surrogateescape")
    session: list[Line] = []
    sections: list[Section] = []
    plain = text.replace("\r\n", "\n")
    for raw in plain.split("\n"):
        if not raw:
            continue
        if len(raw) < 2 or raw[1] != "=":
            return None
        letter, value = raw[0], raw[2:]
        if letter == "m":
            section = _section(value)
            if section is None:
                return None
            sections.append(section)
        elif sections:
            sections[-1].lines.append((letter, value))
        else:
            session.append((letter, value))
    if not session or session[0][0] != "v" or session[0][1].strip() != "0":
        return None
    usual = plain.endswith("\n") and "\n\n" not in plain and text.count("\r\n") == plain.count("\n")
    return Description(session, sections, () if usual and plain[0] != "\n" else _ends(text))


_recent_sdp = lru_cache(maxsize=512)(_read_sdp)  # an offer is looked at two or three times on its way


def _ends(text: str) -> tuple[str, ...]:
    """Returns what stands before the first line, between the lines, and behind the last."""
    first, *others = _LINE_ENDS.findall(text) if text[0] in "\r\n" else ["", *_LINE_ENDS.findall(text)]
    return (first, *others) if text.endswith("\n") else (first, *others, "")


_LINE_ENDS = re.compile(r"(?:\r?\n)+")


def _section(value: str) -> Section | None:
    words = value.split()
    if len(words) < 4:
        return None
    port = words[1].partition("/")[0]
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        return None
    return Section(words[0].lower(), int(port), words[2].upper(), words[3:], m_line=value)


def _attribute(lines: list[Line], name: str) -> str | None:
    for letter, value in lines:
        if letter == "a":
            key, _, rest = value.partition(":")
            if key == name:
                return rest
    return None


def _plain(name: str) -> str:
    return name[:-2] if name.endswith("/1") else name


def codec_of(name: str) -> Codec | None:
    """Returns the codec of `PCMU/8000` or `PCMA/8000`."""
    return _BY_NAME.get(name)
