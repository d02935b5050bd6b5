"""Header values, parsed lazily and by hand: most messages need four of them.

All of it works on text decoded as UTF-8 with surrogate escapes, so that any byte survives a round trip. Nothing here
raises on bad input: a value that does not parse is None, and `validate` says what that means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from switchhook.sip.uri import split_host


class Via(NamedTuple):
    """One Via value (RFC 3261 20.42, RFC 3581)."""

    transport: str  # upper case
    host: str
    port: int | None
    branch: str
    rport: str | None  # None: absent; "" : asked for
    received: str | None


class Address(NamedTuple):
    """A name-addr or addr-spec with its header parameters (From, To, Contact, Route, Record-Route)."""

    display: str
    uri: str
    params: str  # from the first ";" behind the URI

    def param(self, name: str) -> str | None:
        return param(self.params, name)


class CSeq(NamedTuple):
    number: int
    method: str


def split_list(value: str) -> list[str]:
    """Splits a comma-separated header value; commas inside quotes and angle brackets do not count."""
    if "," not in value:
        return [value.strip(" \t")]
    if '"' not in value and "<" not in value:
        return [part.strip(" \t") for part in value.split(",")]
    return [part.strip(" \t") for part in _split_outside(value, ",")]


def _split_outside(value: str, separator: str) -> list[str]:
    parts, start, quoted, angled, i = [], 0, False, False, 0
    while i < len(value):
        char = value[i]
        if quoted:
            if char == "\\":
                i += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            angled = True
        elif char == ">":
            angled = False
        elif char == separator and not angled:
            parts.append(value[start:i])
            start = i + 1
        i += 1
    parts.append(value[start:])
    return parts


def split_params(value: str) -> list[str]:
    """Splits at semicolons outside quotes."""
    return value.split(";") if '"' not in value else _split_outside(value, ";")


def param(params: str, name: str) -> str | None:
    """Returns a parameter of `;a=b;c` without its quotes; an empty text for a flag, None when absent."""
    for part in params.split(";") if '"' not in params else _split_outside(params, ";"):
        key, _, value = part.partition("=")
        if key.strip(" \t").lower() == name:
            return unquote_text(value.strip(" \t"))
    return None


def unquote_text(value: str) -> str:
    """Takes off the quotes of a quoted-string and its backslashes."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    value = value[1:-1]
    if "\\" not in value:
        return value
    out, i = [], 0
    while i < len(value):
        if value[i] == "\\" and i + 1 < len(value):
            i += 1
        out.append(value[i])
        i += 1
    return "".join(out)


def quote_text(value: str) -> str:
    """Writes a quoted-string; control characters become spaces."""
    cleaned = value if value.isprintable() else "".join(c if c >= " " and c != "\x7f" else " " for c in value)
    return '"' + cleaned.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_via(value: str) -> Via | None:
    """Parses one Via value; None when protocol, sent-by or a parameter makes no sense."""
    sent, _, params = value.partition(";")
    place = _recent_sent(sent) if len(sent) < 200 else _read_sent(sent)
    if place is None:
        return None
    transport, host, port = place
    if params.startswith("branch=") and ";" not in params:
        return Via(transport, host, port, params[7:].strip(" \t"), None, None)
    branch, rport, received = "", None, None
    for part in (params.split(";") if '"' not in params else _split_outside(params, ";")) if params else ():
        key, _, text = part.partition("=")
        key = key.strip(" \t")
        if key == "branch":
            branch = text.strip(" \t")
        elif key == "rport":
            rport = text.strip(" \t")
        elif key == "received":
            received = text.strip(" \t")
        elif key.lower() == "branch":
            branch = text.strip(" \t")
        elif key.lower() == "rport":
            rport = text.strip(" \t")
        elif key.lower() == "received":
            received = text.strip(" \t")
    return Via(transport, host, port, branch, rport, received)


def _read_sent(sent: str) -> tuple[str, str, int | None] | None:
    """Reads `SIP/2.0/UDP host:port`: transport in upper case, host, port."""
    parts = [part.strip(" \t") for part in sent.split("/", 2)]  # "SIP / 2.0 / UDP host": blanks may stand there
    words = parts[-1].split(None, 1)
    if len(parts) != 3 or len(words) != 2 or parts[0].upper() != "SIP" or not parts[1]:
        return None  # another version of SIP is answered with 505, and its Via says where
    split = split_host(words[1])
    return None if split is None else (words[0].upper(), *split)


_recent_sent = lru_cache(maxsize=1024)(_read_sent)  # a peer writes the same in every message


def parse_address(value: str) -> Address | None:
    """Parses `"Display" <uri>;params` or `uri;params`; None when quotes or brackets do not close.

    A URI with a comma or a question mark must stand in brackets (RFC 3261 20).
    """
    return _recent_address(value) if len(value) < 300 else read_address(value)


def read_address(value: str) -> Address | None:
    """Does the same for a value that hardly comes again, such as one with a tag: it is not remembered."""
    value = value.strip(" \t")
    display, start = "", 0
    if value.startswith('"'):
        end = _closing_quote(value)
        if end < 0:
            return None
        display, start = unquote_text(value[: end + 1]), end + 1
    left = value.find("<", start)
    if left >= 0:
        right = value.find(">", left)
        if right < 0:
            return None
        if not start:
            display = value[:left].strip(" \t")
        return Address(display, value[left + 1 : right].strip(" \t"), value[right + 1 :].strip(" \t"))
    if start or ">" in value:
        return None
    uri, semicolon, params = value.partition(";")
    uri = uri.strip(" \t")
    if not uri or " " in uri or "?" in uri or "," in uri:
        return None
    return Address("", uri, semicolon + params)


_recent_address = lru_cache(maxsize=1024)(read_address)  # one value is looked at three times on its way


def _closing_quote(value: str) -> int:
    i = 1
    while i < len(value):
        if value[i] == "\\":
            i += 1
        elif value[i] == '"':
            return i
        i += 1
    return -1


def tag_of(value: str) -> str:
    """Returns the tag of a From or To value, or an empty text."""
    _, usual, tag = value.rpartition(">;tag=")
    if usual and ";" not in tag and ">" not in tag and '"' not in tag:
        return tag.strip(" \t")
    if ";" not in value:
        return ""
    right = value.rfind(">")
    rest = value[right + 1 :] if right >= 0 else value.partition(";")[2]  # a URI may begin with `tag=`
    if '"' in rest:  # the last ">" may stand in a quoted parameter
        rest = ";".join(split_params(value)[1:])
    return param(rest, "tag") or ""


def parse_cseq(value: str) -> CSeq | None:
    """Parses a CSeq value; None unless it is a number below 2**31 and a method."""
    words = value.split()
    if len(words) != 2 or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 10:
        return None
    number = int(words[0])
    return CSeq(number, words[1]) if number < 2**31 else None


recent_cseq = lru_cache(maxsize=512)(parse_cseq)  # for short values: most say `1 INVITE` or `2 BYE`


def whole_number(value: str | None, limit: int = 2**32 - 1) -> int | None:
    """Parses a non-negative decimal, such as a Content-Length or Expires; None when it is none or above `limit`."""
    if value is None:
        return None
    value = value.strip(" \t")
    if not value.isascii() or not value.isdigit() or len(value) > 12:
        return None
    number = int(value)
    return number if number <= limit else None


def parse_reason(values: list[str]) -> tuple[int | None, int | None, str]:
    """Reads Reason headers (RFC 3326): the Q.850 cause, the SIP cause, and the first text."""
    q850 = sip = None
    text = ""
    for value in values:
        for one in split_list(value):
            protocol, _, params = one.partition(";")
            cause = whole_number(param(params, "cause"), 999)
            text = text or (param(params, "text") or "")
            if protocol.strip().upper() == "Q.850":
                q850 = cause
            elif protocol.strip().upper() == "SIP":
                sip = cause
    return q850, sip, text


_BLANKS = re.compile("[ \t]+")


def parse_auth(value: str) -> tuple[str, dict[str, str]] | None:
    """Parses a challenge or credentials: the scheme in lower case, and its parameters without quotes."""
    scheme, *rest = _BLANKS.split(value.strip(" \t"), 1)
    if not scheme:
        return None
    fields: dict[str, str] = {}
    for part in _split_outside("".join(rest), ","):
        key, equals, text = part.partition("=")
        if equals:
            fields.setdefault(key.strip(" \t").lower(), unquote_text(text.strip(" \t")))
    return scheme.lower(), fields


def readable(text: str) -> str:
    """Returns text that any encoder takes: bytes that are not UTF-8 become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
