"""A slow reader of SIP messages to hold the fast one against: one rule after the other, each as the RFC words it.

It shares no code with `switchhook.sip`. What every message has (start line, lines, values, body, flaws) must be the
same in both. Of values with a grammar of their own (Via, tags, CSeq) it reads the well-formed ones and says None of
the others, of which the fast reader may make what it likes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

CRLF = "\r\n"
LOOKED_AT = 255  # header lines; further ones are kept and not looked at
COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.DOTALL)
REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) (.*) ([^ ]+)", re.DOTALL)
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?")


class NoMessage(Exception):
    """No blank line, or no start line."""


@dataclass
class Header:
    """One header as it was written, folded lines and all."""

    line: str

    @property
    def named(self) -> bool:
        """A header has a colon, and before it a name that begins at the beginning of the line."""
        name, colon, _ = self.line.partition(":")
        return bool(colon) and bool(name.rstrip(" \t")) and name[0] not in " \t"

    @property
    def written_name(self) -> str:
        return self.line.partition(":")[0].strip(" \t")

    @property
    def name(self) -> str:
        """The long name in lower case (RFC 3261 7.3.1, 7.3.3)."""
        name = self.written_name.lower()
        return COMPACT.get(name, name)

    @property
    def value(self) -> str:
        """What is behind the colon, each fold replaced by one blank (7.3.1), without the blanks at its ends."""
        return " ".join(part.strip(" \t") for part in self.line.partition(":")[2].split(CRLF)).strip(" ")


@dataclass
class Reading:
    """What stands in a message."""

    start: str
    headers: list[Header]
    body: bytes
    verb: str = ""
    uri: str = ""
    version: str = ""
    status: int = 0
    phrase: str = ""
    flaw: str = ""

    def values(self, name: str) -> list[str]:
        """Returns the values of a header that is looked at while a message is read."""
        return [one.value for one in self.headers[:LOOKED_AT] if one.named and one.name == name]

    def all_values(self, name: str) -> list[str]:
        """Returns the values of any other header, wherever it stands."""
        return [one.value for one in self.headers if one.name == name]

    def value(self, name: str) -> str:
        return next(iter(self.values(name)), "")

    def blame(self, flaw: str) -> None:
        """Of several flaws the first counts, and too many headers before all others."""
        self.flaw = self.flaw or flaw


def read(wire: bytes) -> Reading:
    """Reads one message; raises `NoMessage`."""
    head, blank, body = wire.partition(b"\r\n\r\n")
    if not blank:
        raise NoMessage
    lines = _logical_lines(head.decode("utf-8", "surrogateescape"))
    reading = Reading(lines[0], [Header(line) for line in lines[1:]], body)
    if len(reading.headers) > LOOKED_AT:
        reading.flaw = "too many headers"
    _read_start(reading)
    if not all(header.named for header in reading.headers[:LOOKED_AT]):
        reading.blame("a header line without a name")
    _cut_body(reading)
    return reading


def _logical_lines(head: str) -> list[str]:
    """A line that begins with a blank goes on with the header before it."""
    found: list[str] = []
    for line in head.split(CRLF):
        if line.startswith((" ", "\t")) and len(found) > 1:
            found[-1] += CRLF + line
        else:
            found.append(line)
    return found


def _read_start(reading: Reading) -> None:
    answered = STATUS_LINE.fullmatch(reading.start)
    if answered:
        reading.version, reading.status, reading.phrase = "SIP/2.0", int(answered[1]), answered[2] or ""
        return
    sound = reading.start.rstrip(" ")
    asked = REQUEST_LINE.fullmatch(sound)
    if not asked or asked[3][:4].upper() != "SIP/" or reading.start.startswith("SIP/2.0 "):
        raise NoMessage
    reading.verb, reading.uri, reading.version = asked.groups()
    if sound != reading.start:
        reading.blame("blanks behind the start line")


def _cut_body(reading: Reading) -> None:
    """RFC 3261 18.3: the body is as long as Content-Length says; without one it is all there is."""
    stated = reading.values("content-length")
    if not stated:
        return
    if not re.fullmatch(r"[0-9]{1,12}", stated[0]) or int(stated[0]) >= 2**32:
        reading.blame("bad Content-Length")
        return
    if int(stated[0]) > len(reading.body):
        reading.blame("body shorter than Content-Length")
    reading.body = reading.body[: int(stated[0])]


# --- values with a grammar of their own


def parts(value: str, separator: str) -> list[str]:
    """Splits where the separator stands outside quotes and angle brackets."""
    found, quoted, angled, escaped = [""], False, False, False
    for char in value:
        if char == separator and not quoted and not angled:
            found.append("")
            continue
        found[-1] += char
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        else:
            quoted = char == '"'
            angled = char == "<" or (angled and char != ">")
    return [part.strip(" \t") for part in found]


def parameters(given: list[str]) -> dict[str, str] | None:
    """Reads `name[=value]` parameters; None when one is odd or comes twice."""
    found: dict[str, str] = {}
    for part in given:
        name, _, value = part.partition("=")
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        sound = TOKEN.fullmatch(value) or re.fullmatch(r'"([^"\\]|\\.)*"', value) or _is_host(value)
        if not TOKEN.fullmatch(name) or (value and not sound) or name in found:
            return None
        found[name] = value
    return found


def cseq(value: str) -> tuple[int, str] | None:
    found = re.fullmatch(r"([0-9]{1,10})[ \t]+([^\s]+)", value)
    return (int(found[1]), found[2]) if found and int(found[1]) < 2**31 else None


def tag(value: str) -> str | None:
    """Returns the tag of a From or To value, an empty text when it has none, None when it is no sound value."""
    first, *given = parts(value, ";")
    bracketed = re.fullmatch(r'("([^"\\]|\\.)*"|[^"<>]*)[ \t]*<[^<>"]+>', first)
    plain = re.fullmatch(r'[^\s"<>,?]+', first)
    found = parameters(given)
    if found is None or not (bracketed or plain):
        return None
    value = found.get("tag", "")
    return value if not value or TOKEN.fullmatch(value) else None


def via(value: str) -> tuple[str, str, int | None, str, str | None, str | None] | None:
    """Returns transport, host, port, branch, rport and received of a Via value."""
    first, *given = parts(value, ";")
    found = re.fullmatch(r"SIP *\t*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+([^ \t].*)", first)
    place = _place(found[2]) if found else None
    params = parameters(given)
    if found is None or place is None or params is None:
        return None
    return found[1].upper(), *place, params.get("branch", ""), params.get("rport"), params.get("received")


def _place(text: str) -> tuple[str, int | None] | None:
    found = re.fullmatch(r"(\[[^\]]*\]|[^\[\]: \t]+)[ \t]*(?::[ \t]*([0-9]{1,5}))?", text)
    if not found or not _is_host(found[1]):
        return None
    port = int(found[2]) if found[2] else None
    return (found[1].strip("[]").lower(), port) if port is None or 0 < port < 65536 else None


def _is_host(text: str) -> bool:
    if text.startswith("["):
        try:
            return text.endswith("]") and ip_address(text[1:-1]).version == 6 and "%" not in text
        except ValueError:
            return False
    return bool(HOST.fullmatch(text)) or bool(re.fullmatch(r"[0-9A-Fa-f:.]+", text))
