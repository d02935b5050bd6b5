"""The early refusal: a 503 made from the bytes of a request (RFC 3261 8.2.6, 8.2.7), without a transaction.

Under a flood most of what comes is refused, so what a refusal costs is what the flood costs. Most requests are written
the usual way: what an answer repeats stands near the top and is not folded, the top Via has no commas or quotes, the
branch has the cookie. Those headers are copied as bytes. Whatever is not so is read in full, to the same answer; a test
compares the two.
"""

from __future__ import annotations

import re
from zlib import crc32

from switchhook.sip.build import response, stamped_via
from switchhook.sip.flow import Flow
from switchhook.sip.headers import parse_via, split_list
from switchhook.sip.message import Malformed, parse
from switchhook.sip.tokens import COOKIE
from switchhook.sip.transactions import Transactions, reply_flow

_START = re.compile(rb"([A-Z]+) [^ ]+ SIP/2\.0")
_CSEQ = re.compile(rb"[0-9]{1,9} [!-~]+")

_OTHER, _VIA, _FROM, _TO, _CALL_ID, _CSEQ_AT = range(6)
_KEYS = {
    b"v": _VIA, b"via": _VIA, b"f": _FROM, b"from": _FROM, b"t": _TO, b"to": _TO, b"i": _CALL_ID,
    b"call-id": _CALL_ID, b"cseq": _CSEQ_AT,
}  # fmt: skip
_NAMES = _KEYS | {
    b"Via": _VIA, b"From": _FROM, b"To": _TO, b"Call-ID": _CALL_ID, b"CSeq": _CSEQ_AT, b"Contact": _OTHER,
    b"Max-Forwards": _OTHER, b"Content-Type": _OTHER, b"Content-Length": _OTHER, b"Allow": _OTHER, b"Supported": _OTHER,
    b"User-Agent": _OTHER, b"Subject": _OTHER, b"Expires": _OTHER, b"Authorization": _OTHER, b"Accept": _OTHER,
}  # fmt: skip

_LINES = 24  # in so many lines a usual request has said all of it

_503 = (
    b"SIP/2.0 503 Service Unavailable\r\nVia: %b\r\nFrom: %b\r\nTo: %b;tag=%b\r\nCall-ID: %b\r\nCSeq: %b\r\n"
    b"Retry-After: %d\r\nContent-Length: 0\r\n\r\n"
)


def refusal(wire: bytes, flow: Flow, transactions: Transactions, mark: str) -> tuple[bytes, Flow] | None:
    """Returns a 503 and where it goes; None for a request within a dialog, one seen before, and one that is not sound.

    `mark` begins our tag; the rest of it is a function of the request, so that one sent again gets the same answer.
    """
    usual = _usual(wire)
    if usual is None:
        return refusal_read_in_full(wire, flow, transactions, mark)
    verb, vias, caller, callee, call_id, cseq = usual
    top = vias[0].decode("utf-8", "surrogateescape")
    via = parse_via(top)
    if via is None or len(via.branch) == len(COOKIE) or not via.branch.startswith(COOKIE):
        return refusal_read_in_full(wire, flow, transactions, mark)
    if f"{via.branch} {via.host}:{via.port} {verb.decode()}" in transactions.servers:  # as `Transactions.key_of`
        return None
    stamped = stamped_via(top, via, flow.host, flow.port)
    if stamped is not top:
        vias[0] = stamped.encode("utf-8", "surrogateescape")
    tag, after = _tag_and_wait(mark, via.branch, call_id, caller)
    all_vias = vias[0] if len(vias) == 1 else b"\r\nVia: ".join(vias)
    return _503 % (all_vias, caller, callee, tag.encode(), call_id, cseq, after), reply_flow(via, flow)


def _usual(wire: bytes) -> tuple[bytes, list[bytes], bytes, bytes, bytes, bytes] | None:
    """Returns method, Vias, From, To, Call-ID and CSeq of a request that is written the usual way.

    It reads on only until it has them: of what comes again the first counts, and another Via shows in a count.
    """
    cut = wire.find(b"\r\n\r\n")
    lines = wire.split(b"\r\n", _LINES)
    start = _START.fullmatch(lines[0])
    if start is None or cut < 0:
        return None
    del lines[0], lines[-1]
    found: list[bytes] = [b""] * 6
    vias: list[bytes] = []
    missing, names = 4, _NAMES
    for line in lines:
        if not missing:
            if line[:1] in b" \t":  # the line before is folded
                return None
            break
        name, _, value = line.partition(b":")
        key = names.get(name)
        if key is None:
            if line[:1] in b" \t":  # folded, or the end
                return None
            key = _KEYS.get(name.rstrip(b" \t").lower(), _OTHER)
        if key == _VIA:
            vias.append(value.strip(b" \t"))
        elif key and not found[key]:
            found[key] = value.strip(b" \t")
            if not found[key]:
                return None
            missing -= 1
    else:
        return None
    if not vias or wire.count(b"\r\nV", 0, cut) + wire.count(b"\r\nv", 0, cut) != len(vias):
        return None
    _, _, caller, callee, call_id, cseq = found
    if b"," in vias[0] or b'"' in vias[0] or _CSEQ.fullmatch(cseq) is None:
        return None
    if b";" in callee and not callee.endswith(b">"):  # perhaps a tag
        return None
    return start[1], vias, caller, callee, call_id, cseq


def refusal_read_in_full(wire: bytes, flow: Flow, transactions: Transactions, mark: str) -> tuple[bytes, Flow] | None:
    """The same as `refusal`, for any request."""
    try:
        request = parse(wire)
    except Malformed:
        return None
    via = request.via
    if via is None or request.cseq is None or not request.call_id or request.to_tag:
        return None
    if transactions.seen(request, via) is not None:
        return None
    top = split_list(request.first("via"))[0]
    stamped = stamped_via(top, via, flow.host, flow.port)
    if stamped != top:
        request.replace_top_via(stamped, via._replace(received=flow.host))
    caller, call_id = (request.first(name).encode("utf-8", "surrogateescape") for name in ("from", "call-id"))
    tag, after = _tag_and_wait(mark, via.branch, call_id, caller)
    return response(request, 503, tag=tag, extra=f"Retry-After: {after}\r\n"), reply_flow(via, flow)


def _tag_and_wait(mark: str, branch: str, call_id: bytes, caller: bytes) -> tuple[str, int]:
    """Returns our tag, and after how many seconds to come again: spread over some, or all come back at once."""
    number = crc32(caller, crc32(call_id, crc32(branch.encode("utf-8", "surrogateescape"))))
    return f"{mark}{number:08x}", 2 + number % 5
