"""SIP messages as they stand on the wire: lazy, byte-faithful, without a model that loses anything.

The header block is decoded once (UTF-8 with surrogate escapes, so every byte survives) and kept as it is. The lines of
about twenty names are indexed by their long lower-case form, one text each, a list only where a name comes again.
Values stay text until somebody asks (`sip.headers`), except the three that every message is asked for: its tags and
its CSeq. A full object parser was measured at six times the cost per call and corrupted branches
when it wrote them again, so there is none. What a message *means* is decided elsewhere (`sip.validate`); parsing fails
only where no answer could be addressed at all: no blank line, no start line (RFC 3261 7, 18.3).

What one peer writes the same way in every message (start lines within a dialog, the place in a Via, a CSeq) is read
once and remembered by its text, in bounded tables that take no long texts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from switchhook.core.errors import PeerBroke
from switchhook.sip.headers import (
    Address,
    CSeq,
    Via,
    parse_cseq,
    parse_via,
    read_address,
    recent_cseq,
    split_list,
    tag_of,
    whole_number,
)

MAX_HEADER_LINES = 256
MAX_USUAL = 2000  # characters of a header block whose start line and names are remembered

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

_INDEXED = (
    "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Route", "Content-Length", "Content-Type",
    "Max-Forwards", "Require", "Expires", "Accept", "Content-Encoding", "Reason", "Event", "Authorization",
    "Proxy-Authorization", "Path",
)  # fmt: skip
_COMMON = ("Allow", "Allow-Events", "Date", "P-Asserted-Identity", "Server", "Subject", "Supported", "User-Agent")


def _spellings(name: str) -> tuple[str, ...]:
    return name, name.lower(), name.upper(), name.title()


_KEYS = {name.lower() for name in _INDEXED}
_NAMES: dict[str, str] = {spelling: name.lower() for name in _INDEXED for spelling in _spellings(name)}
_NAMES |= {spelling: "" for name in _COMMON for spelling in _spellings(name)}  # known, and not looked at
for _short, _long in COMPACT.items():
    if _long in _KEYS:
        _NAMES[_short] = _NAMES[_short.upper()] = _long


class Malformed(PeerBroke):
    """Bytes that are no SIP message, or none that could be answered."""


class Message:
    """One request or response. `status` is 0 for requests; `firsts` has the first value of each indexed header."""

    __slots__ = (
        "_echo", "_from_tag", "_sender", "_via", "body", "call_id", "cseq", "firsts", "flaw", "head", "others",
        "phrase", "repeated", "status", "to_tag", "uri", "verb", "version",
    )  # fmt: skip

    def __init__(
        self,
        start: _Start,
        head: str,
        body: bytes,
        flaw: str,
        firsts: dict[str, str],
        more: dict[str, list[str]] | None,
        others: list[str],
    ) -> None:
        self.verb, self.uri, self.version, self.status, self.phrase, _ = start
        self.head = head  # the lines with the CRLFs between them
        self.body = body
        self.flaw = flaw  # why this must be answered 400 (requests) or dropped (responses); empty when sound so far
        self.firsts = firsts
        self.others = others  # lines of unusual names
        self.repeated = more  # all values of the indexed headers that came more than once; None when none did
        self._via: Via | None = None
        self._sender: Address | None = None
        self._from_tag: str | None = None
        self._echo: tuple[str, str] | None = None
        value = firsts.get("cseq", "")
        self.cseq: CSeq | None = recent_cseq(value) if len(value) < 40 else parse_cseq(value)
        self.call_id = firsts.get("call-id", "")
        self.to_tag = tag_of(firsts.get("to", ""))

    # --- what it is

    @property
    def lines(self) -> list[str]:
        """The start line and the headers as they were written; a folded header is one line."""
        lines = self.head.split("\r\n")
        return _join_folded(lines) if _is_folded(self.head) else lines

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        if self.verb:
            return self.verb
        return self.cseq.method if self.cseq else ""

    @property
    def from_tag(self) -> str:
        """The tag of the From value, or an empty text."""
        if self._from_tag is None:
            self._from_tag = tag_of(self.firsts.get("from", ""))
        return self._from_tag

    @property
    def via(self) -> Via | None:
        """The topmost Via, parsed."""
        if self._via is None:
            top = self.firsts.get("via")
            if top is not None:
                self._via = parse_via(split_list(top)[0] if "," in top else top)
        return self._via

    @property
    def sender(self) -> Address | None:
        """The From, parsed; None when it makes no sense."""
        if self._sender is None:
            self._sender = read_address(self.firsts.get("from", ""))
        return self._sender

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        value = self.firsts.get("content-type", "")
        return value if value == "application/sdp" else value.partition(";")[0].strip(" \t").lower()

    @property
    def echo(self) -> tuple[str, str]:
        """What every response repeats (RFC 3261 8.2.6.2): the lines before its To, and those behind it."""
        if self._echo is None:
            firsts = self.firsts
            vias = "\r\nVia: ".join(self.all("via"))
            self._echo = (
                f"Via: {vias}\r\nFrom: {firsts.get('from', '')}\r\n",
                f"Call-ID: {self.call_id}\r\nCSeq: {firsts.get('cseq', '')}\r\n",
            )
        return self._echo

    # --- headers

    def first(self, key: str) -> str:
        """Returns the first value of an indexed header (lower-case long name), or an empty text."""
        return self.firsts.get(key, "")

    def all(self, key: str) -> list[str]:
        """Returns all values of an indexed header, one per line, in order."""
        if self.repeated is not None and key in self.repeated:
            return self.repeated[key]
        value = self.firsts.get(key)
        return [] if value is None else [value]

    def listed(self, key: str) -> list[str]:
        """Returns all values of an indexed header with comma-separated lists taken apart."""
        if key not in self.firsts:
            return []
        return [part for value in self.all(key) for part in split_list(value) if part]

    def top(self, key: str) -> str:
        """Returns the first of all `listed` values, or an empty text."""
        value = self.firsts.get(key, "")
        if "," not in value and value:
            return value
        values = self.listed(key)
        return values[0] if values else ""

    def get_all(self, name: str) -> list[str]:
        """Returns all values of any header, found by its long name in any case (compact forms included)."""
        wanted = name.lower()
        if wanted in _KEYS:
            return self.all(wanted)
        found = []
        for line in self.lines[1:]:
            key, _, value = line.partition(":")
            key = key.strip(" \t").lower()
            if key == wanted or COMPACT.get(key) == wanted:
                found.append(unfold(value))
        return found

    def get(self, name: str) -> str | None:
        """Returns the first value of any header, or None."""
        values = self.get_all(name)
        return values[0] if values else None

    def pairs(self) -> list[tuple[str, str]]:
        """Returns every header as (name as written, value), in order."""
        split = [line.partition(":") for line in self.lines[1:]]
        return [(name.strip(" \t"), unfold(value)) for name, _, value in split]

    def top_branch(self) -> str:
        """Returns the branch of the topmost Via, without parsing the rest of it where it is written as usual."""
        top = self.firsts.get("via", "")
        start = top.find(";branch=")
        if start < 0 or "," in top or '"' in top:
            via = self.via
            return via.branch if via is not None else ""
        end = top.find(";", start + 8)
        return top[start + 8 :].strip(" \t") if end < 0 else top[start + 8 : end].strip(" \t")

    def replace_top_via(self, value: str, via: Via | None = None) -> None:
        """Puts another text in the place of the topmost Via (RFC 3581 4); `via` is the same, parsed, if it is known."""
        old = self.firsts["via"]
        rest = split_list(old)[1:] if "," in old else []
        self.firsts["via"] = new = ", ".join([value, *rest]) if rest else value
        if self.repeated is not None and "via" in self.repeated:
            self.repeated["via"][0] = new
        self._via = via
        self._echo = None

    def __bytes__(self) -> bytes:
        return self.head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


_Start = tuple[str, str, str, int, str, str]  # verb, URI, version, status, phrase, flaw


_Shape = tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]
_taken_apart = re.compile(r"\r\n([!-9;-~]+):[ \t]*").split  # the start line, then names and values in turns


def parse(wire: bytes) -> Message:
    """Reads one datagram or one framed message; raises `Malformed` when it is none. Its flaws are in `Message.flaw`."""
    cut = wire.find(b"\r\n\r\n")
    if cut < 0:
        raise Malformed("no blank line ends the headers")
    head = wire[:cut].decode("utf-8", "surrogateescape")
    parts = _taken_apart(head)
    count = len(parts) >> 1
    blanks_behind = " \r\n" in head or "\t\r\n" in head or head[-1:] in " \t"
    if head.count("\r\n") == count < MAX_HEADER_LINES and not blanks_behind:
        names, values = tuple(parts[1::2]), parts[2::2]
        if len(head) < MAX_USUAL:
            start, (keys, again, odd) = _recent_start(parts[0]), _recent_shape(names)
        else:
            start, (keys, again, odd) = _read_start(parts[0]), _read_shape(names)
        flaw = start[5]
        firsts = dict(zip(keys, values, strict=True))
        more = _repeated(keys, values, again, firsts) if again else None
        others = [f"{names[at]}: {values[at]}" for at in odd] if odd else []
    else:
        start, firsts, more, others, flaw = _read_by_line(head)
    body = wire[cut + 4 :]
    length = firsts.get("content-length")
    if length is not None and length != str(len(body)):  # RFC 3261 18.3: without one the body runs to the end on UDP
        body, short = _fit_body(body, length)
        flaw = flaw or short
    return Message(start, head, body, flaw, firsts, more, others)


def _read_shape(names: tuple[str, ...]) -> _Shape:
    """Returns the key of each of these names (empty: nobody asks), keys that come again, where the unusual ones are."""
    keys = [_NAMES.get(name) if name in _NAMES else _NAMES.get(name.lower()) for name in names]
    again = dict.fromkeys(key for at, key in enumerate(keys) if key and key in keys[:at])
    odd = tuple(at for at, key in enumerate(keys) if key is None)
    return tuple(key or "" for key in keys), tuple(again), odd


_recent_shape = lru_cache(maxsize=512)(_read_shape)  # a peer writes the same headers in the same order


def _repeated(
    keys: tuple[str, ...], values: list[str], again: tuple[str, ...], firsts: dict[str, str]
) -> dict[str, list[str]]:
    """Returns all values of the keys that come `again`, and puts the first of each into `firsts`."""
    more: dict[str, list[str]] = {key: [] for key in again}
    for key, value in zip(keys, values, strict=True):
        if key in more:
            more[key].append(value)
    for key in again:
        firsts[key] = more[key][0]
    return more


def _read_by_line(head: str) -> tuple[_Start, dict[str, str], dict[str, list[str]] | None, list[str], str]:
    """Reads what is not written as usual: folded headers, blanks where few put them, lines that are no headers."""
    lines = head.split("\r\n")
    if _is_folded(head):
        lines = _join_folded(lines)
    start = _read_start(lines[0])
    flaw = start[5]
    if len(lines) > MAX_HEADER_LINES:
        flaw = "too many headers"
        del lines[MAX_HEADER_LINES:]
    firsts: dict[str, str] = {}
    more: dict[str, list[str]] = {}
    others: list[str] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not name or name[0] in " \t":
            flaw = flaw or "a header line without a name"
            continue
        key = _NAMES.get(name, _NAMES.get(name.lower()))
        if key is None:
            others.append(line)
        elif key in firsts:
            more.setdefault(key, [firsts[key]]).append(unfold(value))
        elif key:
            firsts[key] = unfold(value)
    return start, firsts, more or None, others, flaw


def _read_start(line: str) -> _Start:
    if line.startswith("SIP/2.0 "):
        code = line[8:11]
        if len(code) == 3 and code.isascii() and code.isdigit() and "100" <= code <= "699" and line[11:12] in ("", " "):
            return "", "", "SIP/2.0", int(code), line[12:], ""
        raise Malformed("no status code")
    verb, blank, rest = line.partition(" ")
    flaw = ""
    if rest.endswith(" "):
        flaw = "blanks behind the start line"
        rest = rest.rstrip(" ")
    uri, second, version = rest.rpartition(" ")
    if not blank or not second or not _TOKEN.issuperset(verb) or not verb or version[:4].upper() != "SIP/":
        raise Malformed("no start line")
    return verb, uri, version, 0, "", flaw


_recent_start = lru_cache(maxsize=1024)(_read_start)

_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")


def _is_folded(head: str) -> bool:
    return "\r\n " in head or "\r\n\t" in head


def _join_folded(lines: list[str]) -> list[str]:
    starts = [n for n, line in enumerate(lines) if n < 2 or line[:1] not in (" ", "\t")]
    return ["\r\n".join(lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def unfold(value: str) -> str:
    """Joins a folded header value with single blanks and takes off the blanks at its ends."""
    if "\r\n" not in value:
        return value.strip(" \t")
    return " ".join(part.strip(" \t") for part in value.split("\r\n")).strip(" ")


def _fit_body(body: bytes, stated: str) -> tuple[bytes, str]:
    """Cuts a body to its Content-Length; the second says what is wrong."""
    length = whole_number(stated)
    if length is None:
        return body, "bad Content-Length"
    return body[:length], "body shorter than Content-Length" if length > len(body) else ""
