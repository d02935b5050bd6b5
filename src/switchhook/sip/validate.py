"""What is wrong with a request, said once, on requests that would create state (RFC 3261 8.1.1, 8.2, 16.3, 21.4).

`parse` has refused what could not even be answered; the engine drops requests without Via, Call-ID or CSeq in silence,
since no answer could find its way. Everything else gets a status here, or 0.
"""

from __future__ import annotations

from switchhook.sip.build import KNOWN_METHODS
from switchhook.sip.headers import parse_address, split_list, whole_number
from switchhook.sip.message import Message
from switchhook.sip.uri import parse_uri

MAX_BODY = 32_768
MAX_URI = 2_048
MAX_TOKEN = 1_024  # Call-ID, tags, branches

OTHER_CSEQ = "CSeq method is not the request's"
_SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")


def verdict(request: Message, registers: bool = False) -> tuple[int, str]:
    """Returns (status, extra header lines) to refuse a request with, or (0, "") when it is sound."""
    if request.version.upper() != "SIP/2.0":
        return 505, ""
    if request.flaw:
        return (513 if request.flaw == "too many headers" else 400), _warning(request.flaw)
    if len(request.uri) > MAX_URI:
        return 414, ""
    if request.to_tag and request.verb == "BYE" and request.cseq is not None and request.cseq.method == "BYE":
        return 0, ""  # its tags find the dialog or they do not; the rest of it is never looked at
    flaw = _header_flaw(request)
    if flaw:
        unknown = flaw is OTHER_CSEQ and request.verb not in KNOWN_METHODS
        return (501 if unknown else 400), _warning(flaw)  # RFC 4475 3.1.2.18: nobody knows what its CSeq means
    if len(request.body) > MAX_BODY:
        return 413, ""
    status = _uri_verdict(request.uri)
    if status:
        return status, ""
    hops = request.firsts.get("max-forwards", "")
    if hops[:1] == "0" and request.verb == "INVITE" and whole_number(hops) == 0:
        return 483, ""
    if request.verb != "CANCEL":
        return _extension_verdict(request, registers)
    return 0, ""


def _header_flaw(request: Message) -> str:
    firsts, repeated = request.firsts, request.repeated
    if repeated is not None:
        for key in _SINGLE:
            if key in repeated:
                return f"more than one {key}"
    cseq = request.cseq
    if cseq is None or cseq.method != request.verb:
        return OTHER_CSEQ
    if len(request.call_id) > MAX_TOKEN:
        return "Call-ID too long"
    for key, address in (("from", request.sender), ("to", parse_address(firsts.get("to", "")))):
        if address is None or ":" not in address.uri:
            return f"bad {key}"
        if len(address.uri) > MAX_URI:
            return f"{key} too long"
    hops = firsts.get("max-forwards", "70")
    if hops != "70" and hops and whole_number(hops, 255) is None:
        return "bad Max-Forwards"
    if _has_empty_parts(firsts.get("via", "")) or (repeated and any(map(_has_empty_parts, request.all("via")))):
        return "bad Via"
    if request.verb == "INVITE":
        return _invite_flaw(request)
    if request.verb == "REGISTER":
        return _register_flaw(request)
    return ""


def _invite_flaw(request: Message) -> str:
    if not request.from_tag:
        return "no From tag"
    if request.to_tag and "contact" not in request.firsts:
        return ""  # a re-INVITE should have one (12.2.1.1); without it the target stays
    address = parse_address(request.top("contact"))
    if address is None or parse_uri(address.uri) is None or _has_empty_parts(address.params):
        return "no usable Contact"
    return ""


def _register_flaw(request: Message) -> str:
    to = parse_address(request.first("to"))
    if to is None or parse_uri(to.uri) is None:
        return "bad to"
    contacts = request.listed("contact")
    if contacts != ["*"] and any(parse_address(contact) is None for contact in contacts):
        return "bad Contact"
    return ""


def _has_empty_parts(value: str) -> bool:
    return ";;" in value or ",," in value or value.endswith((";", ","))


def _uri_verdict(uri: str) -> int:
    parsed = parse_uri(uri)
    if parsed is not None:
        return 400 if parsed.headers else 0  # no headers in a Request-URI (19.1.1)
    scheme, colon, _ = uri.partition(":")
    if colon and scheme.lower() not in ("sip", "sips", "tel") and scheme[:1].isalpha() and _SCHEME.issuperset(scheme):
        return 416
    return 400


_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


def _extension_verdict(request: Message, registers: bool) -> tuple[int, str]:
    firsts = request.firsts
    if "require" in firsts:
        known = {"path"} if registers and request.verb == "REGISTER" else set()
        unknown = [option for option in request.listed("require") if option.lower() not in known]
        if unknown:
            return 420, f"Unsupported: {', '.join(unknown)}\r\n"
    if request.verb == "INVITE" and request.body:
        if request.content_type != "application/sdp":
            return 415, "Accept: application/sdp\r\n"
        encoding = firsts.get("content-encoding")
        if encoding and encoding.lower() != "identity":
            return 415, "Accept: application/sdp\r\nAccept-Encoding: identity\r\n"
    if "accept" in firsts and request.verb == "INVITE" and not _takes_sdp(request.all("accept")):
        return 406, _warning("an answer is application/sdp")
    return 0, ""


def _takes_sdp(accepts: list[str]) -> bool:
    """True without an Accept, and with one that lets our answer in (20.1); an empty one accepts nothing."""
    kinds = [part.partition(";")[0].strip(" \t").lower() for value in accepts for part in split_list(value)]
    return not kinds or any(kind in ("application/sdp", "application/*", "*/*", "*") for kind in kinds)


def _warning(flaw: str) -> str:
    return f'Warning: 399 switchhook "{flaw}"\r\n'
