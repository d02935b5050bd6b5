"""Writing messages: responses that echo a request, and drafts of requests that become bytes once per branch.

Everything is one f-string and one encode; nothing that came from the wire is parsed to be written again.
"""

from __future__ import annotations

from dataclasses import replace

from switchhook.core.values import dataclass
from switchhook.sip.headers import Via, split_params
from switchhook.sip.message import Message

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "NOTIFY")
KNOWN_METHODS = frozenset((*METHODS, "REGISTER", "SUBSCRIBE", "MESSAGE", "REFER", "UPDATE", "PRACK", "PUBLISH"))
ALLOW = "Allow: " + ", ".join(METHODS) + "\r\n"
ACCEPT = "Accept: application/sdp, application/dtmf-relay, application/dtmf\r\n"

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK",
    202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


def response(
    request: Message,
    status: int,
    *,
    tag: str = "",
    extra: str = "",
    body: bytes = b"",
    kind: str = "",
    phrase: str = "",
) -> bytes:
    """Builds a response: Via, From, To, Call-ID and CSeq as the request had them, `tag` added to a To that has none.

    `extra` is whole header lines, each with its CRLF; `kind` is the body's Content-Type.
    """
    above, below = request.echo
    to = request.firsts.get("to", "")
    if tag and status > 100 and not request.to_tag:
        to = f"{to};tag={tag}"
    typed = f"Content-Type: {kind}\r\n" if body else ""
    head = (
        f"SIP/2.0 {status} {phrase or PHRASES.get(status, 'Unknown')}\r\n{above}To: {to}\r\n{below}"
        f"{extra}{typed}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body


def broken_refusal(request: Message, via: str, tag: str) -> bytes:
    """Builds a 400 out of whatever a request has of what a response repeats; `via` is its top Via, stamped."""
    vias = [via, *request.listed("via")[1:]]
    lines = [f"Via: {value}\r\n" for value in vias]
    for name, value in (("From", request.firsts.get("from", "")), ("To", request.firsts.get("to", ""))):
        if value:
            lines.append(f"{name}: {value}" + (f";tag={tag}\r\n" if name == "To" and not request.to_tag else "\r\n"))
    lines += [f"{name}: {value}\r\n" for name in ("Call-ID", "CSeq") if (value := request.first(name.lower()))]
    head = f"SIP/2.0 400 {PHRASES[400]}\r\n{''.join(lines)}Content-Length: 0\r\n\r\n"
    return head.encode("utf-8", "surrogateescape")


def record_route_lines(request: Message) -> str:
    """Returns the Record-Route headers that a dialog-creating response must echo (RFC 3261 12.1.1)."""
    if "record-route" not in request.firsts:
        return ""
    return "".join([f"Record-Route: {value}\r\n" for value in request.all("record-route")])


@dataclass(slots=True, eq=False)  # not frozen: that would triple the cost of making one
class Draft:
    """A request without its Via, never changed once made.

    `extra` is whole header lines with CRLF (Contact, Allow, credentials, ...).
    """

    method: str
    uri: str
    caller: str  # From value, with tag
    callee: str  # To value
    call_id: str
    cseq: int
    routes: tuple[str, ...] = ()
    extra: str = ""
    body: bytes = b""
    kind: str = ""
    max_forwards: int = 70

    def wire(self, via: str) -> bytes:
        """Returns the bytes to send with this Via value."""
        typed = f"Content-Type: {self.kind}\r\n" if self.body else ""
        routes = "".join([f"Route: {route}\r\n" for route in self.routes]) if self.routes else ""
        head = (
            f"{self.method} {self.uri} SIP/2.0\r\nVia: {via}\r\n{routes}Max-Forwards: {self.max_forwards}\r\n"
            f"From: {self.caller}\r\nTo: {self.callee}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {self.cseq} {self.method}\r\n{self.extra}{typed}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode("utf-8", "surrogateescape") + self.body

    def cancel(self, extra: str = "") -> Draft:
        """The CANCEL for this request (RFC 3261 9.1): same URI, Call-ID, From, To, CSeq number and routes."""
        return replace(self, method="CANCEL", extra=extra, body=b"", kind="")

    def failure_ack(self, to: str) -> Draft:
        """The ACK for a final response of 300 or above (RFC 3261 17.1.1.3), with that response's To."""
        return replace(self, method="ACK", callee=to, extra="", body=b"", kind="")


def via_value(transport: str, local: str, branch: str) -> str:
    """Writes our Via; rport asks the far end to answer where the request came from (RFC 3581)."""
    return f"SIP/2.0/{transport.upper()} {local};rport;branch={branch}"


def stamped_via(value: str, via: Via, host: str, port: int) -> str:
    """Adds received and rport to the top Via of a request that came from `host:port` (RFC 3261 18.2.1, RFC 3581 4)."""
    if via.rport is None and via.host == host:
        return value
    if via.rport is not None or via.received is not None:  # whatever they said is ours to say
        parts = [part for part in split_params(value) if part.partition("=")[0].strip().lower() not in _STAMPS]
        value = ";".join(parts)
    return f"{value};received={host}" if via.rport is None else f"{value};received={host};rport={port}"


_STAMPS = ("rport", "received")
