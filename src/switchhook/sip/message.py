"""SIP messages as they stand on the wire: lazy, byte-faithful, without a model that loses anything.

The header block is decoded once (UTF-8 with surrogate escapes, so every byte survives), split into lines that are
kept as they are and in order, and a dozen names are indexed by their long lower-case form. Values stay text until
somebody asks (`sip.headers`). A full object parser was measured at six times the cost per call and corrupted branches
when it wrote them again, so there is none. What a message *means* is decided elsewhere (`sip.validate`); parsing fails
only where no answer could be addressed at all: no blank line, no start line (RFC 3261 7, 18.3).
"""

from __future__ import annotations

from switchhook.core.errors import PeerBroke
from switchhook.sip.headers import CSeq, Via, parse_cseq, parse_via, split_list, tag_of, whole_number

MAX_MESSAGE = 65_535
MAX_HEADER_LINES = 256

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

_INDEXED = (
    "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Route", "Content-Length", "Content-Type",
    "Max-Forwards", "Require", "Expires",
)  # fmt: skip

_NAMES: dict[str, str] = {}
for _name in _INDEXED:
    for _spelling in (_name, _name.lower(), _name.upper(), _name.title()):
        _NAMES[_spelling] = _name.lower()
for _short, _long in COMPACT.items():
    if _long in _NAMES:
        _NAMES[_short] = _NAMES[_short.upper()] = _long


class Malformed(PeerBroke):
    """Bytes that are no SIP message, or none that could be answered."""


class Message:
    """One request or response. `status` is 0 for requests, `method` of a response is its CSeq method."""

    __slots__ = (
        "_cseq",
        "_echo",
        "_from_tag",
        "_index",
        "_to_tag",
        "_via",
        "body",
        "flaw",
        "lines",
        "phrase",
        "status",
        "uri",
        "verb",
        "version",
    )

    def __init__(self, lines: list[str], body: bytes) -> None:
        self.lines = lines
        self.body = body
        self.flaw = ""  # why this must be answered 400 (requests) or dropped (responses); empty when sound so far
        self._via: Via | None = None
        self._cseq: CSeq | None = None
        self._echo: tuple[str, str] | None = None
        self._from_tag: str | None = None
        self._to_tag: str | None = None
        self._index: dict[str, list[str]] = {}
        self.verb = self.uri = self.phrase = ""
        self.status = 0
        self.version = ""

    # --- what it is

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        if self.verb:
            return self.verb
        cseq = self.cseq
        return cseq.method if cseq else ""

    @property
    def cseq(self) -> CSeq | None:
        if self._cseq is None:
            self._cseq = parse_cseq(self.first("cseq"))
        return self._cseq

    @property
    def via(self) -> Via | None:
        """The topmost Via, parsed."""
        if self._via is None:
            values = self._index.get("via")
            if values:
                top = values[0]
                self._via = parse_via(split_list(top)[0] if "," in top else top)
        return self._via

    @property
    def call_id(self) -> str:
        return self.first("call-id")

    @property
    def from_tag(self) -> str:
        if self._from_tag is None:
            self._from_tag = tag_of(self.first("from"))
        return self._from_tag

    @property
    def to_tag(self) -> str:
        if self._to_tag is None:
            self._to_tag = tag_of(self.first("to"))
        return self._to_tag

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.first("content-type").partition(";")[0].strip(" \t").lower()

    @property
    def echo(self) -> tuple[str, str]:
        """What every response repeats (RFC 3261 8.2.6.2): the lines before its To, and those behind it."""
        if self._echo is None:
            vias = "".join([f"Via: {value}\r\n" for value in self.all("via")])
            self._echo = (
                f"{vias}From: {self.first('from')}\r\n",
                f"Call-ID: {self.first('call-id')}\r\nCSeq: {self.first('cseq')}\r\n",
            )
        return self._echo

    # --- headers

    def first(self, key: str) -> str:
        """Returns the first value of an indexed header (lower-case long name), or an empty text."""
        values = self._index.get(key)
        return values[0] if values else ""

    def all(self, key: str) -> list[str]:
        """Returns all values of an indexed header, one per line, in order."""
        return self._index.get(key) or []

    def listed(self, key: str) -> list[str]:
        """Returns all values of an indexed header with comma-separated lists taken apart."""
        return [part for value in self.all(key) for part in split_list(value) if part]

    def get_all(self, name: str) -> list[str]:
        """Returns all values of any header, found by its long name in any case (compact forms included)."""
        wanted = name.lower()
        if wanted in self._index:
            return self._index[wanted]
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
        top = self.first("via")
        start = top.find(";branch=")
        if start < 0 or "," in top:
            via = self.via
            return via.branch if via is not None else ""
        end = top.find(";", start + 8)
        return top[start + 8 :] if end < 0 else top[start + 8 : end]

    def replace_top_via(self, value: str, via: Via | None = None) -> None:
        """Puts another text in the place of the topmost Via (RFC 3581 4); `via` is the same, parsed, if it is known."""
        values = self._index["via"]
        old = values[0]
        rest = split_list(old)[1:] if "," in old else []
        values[0] = ", ".join([value, *rest])
        self._via = via
        self._echo = None

    def __bytes__(self) -> bytes:
        return "\r\n".join(self.lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def parse(wire: bytes) -> Message:
    """Reads one datagram or one framed message; raises `Malformed` when it is none. Its flaws are in `Message.flaw`."""
    cut = wire.find(b"\r\n\r\n")
    if cut < 0:
        raise Malformed("no blank line ends the headers")
    head = wire[:cut].decode("utf-8", "surrogateescape")
    lines = head.split("\r\n")
    folded = "\r\n " in head or "\r\n\t" in head
    if folded:
        lines = _join_folded(lines)
    message = Message(lines, wire[cut + 4 :])
    _read_start_line(message, lines[0])
    if len(lines) > MAX_HEADER_LINES:
        message.flaw = "too many headers"
        lines = lines[:MAX_HEADER_LINES]
    index, names = message._index, _NAMES
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = names.get(name)
        if key is None:
            bare = name.rstrip(" \t")
            if not colon or not bare or bare[0] in " \t":
                message.flaw = message.flaw or "a header line without a name"
                continue
            key = names.get(bare) or names.get(bare.lower())
            if key is None:
                continue
        value = unfold(value) if folded else value.strip(" \t")
        known = index.get(key)
        if known is None:
            index[key] = [value]
        else:
            known.append(value)
    _fit_body(message)
    return message


def _read_start_line(message: Message, line: str) -> None:
    if line.startswith("SIP/2.0 "):
        code = line[8:11]
        if len(code) == 3 and code.isascii() and code.isdigit() and "100" <= code <= "699" and line[11:12] in ("", " "):
            message.status, message.phrase, message.version = int(code), line[12:], "SIP/2.0"
            return
        raise Malformed("no status code")
    verb, blank, rest = line.partition(" ")
    if rest.endswith(" "):
        message.flaw = "blanks behind the start line"
        rest = rest.rstrip(" ")
    uri, second, version = rest.rpartition(" ")
    if not blank or not second or not _TOKEN.issuperset(verb) or not verb or version[:4].upper() != "SIP/":
        raise Malformed("no start line")
    message.verb, message.uri, message.version = verb, uri, version


_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")


def _join_folded(lines: list[str]) -> list[str]:
    joined = [lines[0]]
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and len(joined) > 1:
            joined[-1] += "\r\n" + line
        else:
            joined.append(line)
    return joined


def unfold(value: str) -> str:
    """Joins a folded header value with single blanks and takes off the blanks at its ends."""
    if "\r\n" not in value:
        return value.strip(" \t")
    return " ".join(part.strip(" \t") for part in value.split("\r\n"))


def _fit_body(message: Message) -> None:
    lengths = message._index.get("content-length")
    if not lengths:
        return  # RFC 3261 18.3: on UDP the body runs to the end of the datagram
    length = whole_number(lengths[0])
    size = len(message.body)
    if length is None:
        message.flaw = message.flaw or "bad Content-Length"
    elif length < size:
        message.body = message.body[:length]
    elif length > size:
        message.flaw = message.flaw or "body shorter than Content-Length"
