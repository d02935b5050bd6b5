"""A dialog (RFC 3261 12): who the two ends are, by which route requests travel, and the CSeq of each direction.

The route set is fixed when the dialog is made (Record-Route in order for the called side, reversed for the calling
side); only the remote target moves, by the Contact of a re-INVITE or its 2xx (target refresh). A first route without
`lr` is a strict router: its URI becomes the Request-URI and the remote target the last Route (12.2.1.1).

Behind a NAT the Contact is an address that nobody outside can reach. When the far end's own Via or Contact shows that,
and for TCP without a route set, the dialog is pinned to the flow that its messages came from.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache

from switchhook.core.values import dataclass
from switchhook.sip.build import Draft
from switchhook.sip.flow import Flow
from switchhook.sip.headers import parse_address
from switchhook.sip.message import Message
from switchhook.sip.uri import SipUri, is_address, parse_uri, without_headers


@dataclass(slots=True)
class Dialog:
    call_id: str
    local: str  # our From/To value, with tag
    remote: str  # their value, with tag if they have one
    remote_tag: str
    target: str  # remote target: the URI of their Contact
    routes: tuple[str, ...] = ()
    local_cseq: int = 0
    remote_cseq: int = -1
    pinned: Flow | None = None
    invite_cseq: int = field(default=0)  # CSeq of the INVITE that made it (for ACKs)

    def next_hop(self) -> str:
        """Returns the URI whose host gets the next request (RFC 3261 8.1.2)."""
        if self.routes:
            address = parse_address(self.routes[0])
            if address is not None:
                return address.uri
        return self.target

    def draft(
        self, method: str, *, cseq: int | None = None, extra: str = "", body: bytes = b"", kind: str = ""
    ) -> Draft:
        """Makes a request within the dialog; without `cseq` it takes the next number."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self.target, self.routes
        if routes:
            first = parse_address(routes[0])
            parsed = parse_uri(first.uri) if first else None
            if first is not None and parsed is not None and parsed.param("lr") is None:
                uri, routes = first.uri, (*routes[1:], f"<{self.target}>")
        return Draft(method, uri, self.local, self.remote, self.call_id, cseq, routes, extra, body, kind)

    def refresh(self, message: Message, source: Flow | None = None) -> bool:
        """Takes over a new remote target from a re-INVITE or its 2xx; says whether it is another address.

        A re-INVITE with a private Contact pins the dialog to its `source`, as the first INVITE does.
        """
        target = contact_of(message)
        if not target:
            return False
        if source is not None and self.pinned is None and not self.routes and _behind_nat(message, target, source):
            self.pinned = source
        before, self.target = parse_uri(self.target), target
        after = parse_uri(target)
        return before is not None and after is not None and _place(before) != _place(after)

    def follow(self, source: Flow) -> bool:
        """A pinned dialog goes to wherever the far end's latest request came from; says whether that is new.

        A NAT forgets, and a telephone opens another connection. Whoever sent it knows both tags and the Call-ID.
        """
        if self.pinned is None or self.pinned == source:
            return False
        moved = self.pinned.peer != source.peer
        self.pinned = source
        return moved

    def unpin(self, flow: Flow) -> bool:
        """A connection closed: requests go to the Contact, if that can be reached; says whether it was ours."""
        if self.pinned != flow:
            return False
        contact = parse_uri(self.target)
        if contact is not None and (not is_address(contact.host) or contact.host == flow.host):
            self.pinned = None
        return True


def contact_of(message: Message) -> str:
    """Returns the URI of the first Contact, or an empty text when there is none or it is not a SIP URI."""
    contact = message.top("contact")
    return _recent_target(contact) if len(contact) < 300 else _read_target(contact)


def _read_target(contact: str) -> str:
    address = parse_address(contact)
    return without_headers(address.uri) if address is not None and parse_uri(address.uri) is not None else ""


_recent_target = lru_cache(maxsize=1024)(_read_target)


def of_response(draft: Draft, response: Message, flow: Flow, *, behind_nat: bool = False) -> Dialog:
    """Makes the calling side's dialog from a provisional or 2xx response to its INVITE (RFC 3261 12.1.2)."""
    routes = tuple(reversed(response.listed("record-route")))
    target = contact_of(response) or draft.uri
    pinned = flow if not routes and (behind_nat or flow.reliable) else None
    return Dialog(
        draft.call_id, draft.caller, response.firsts.get("to", ""), response.to_tag, target, routes, draft.cseq,
        pinned=pinned, invite_cseq=draft.cseq,
    )  # fmt: skip


def of_request(request: Message, local_tag: str, source: Flow) -> Dialog:
    """Makes the called side's dialog from an INVITE (RFC 3261 12.1.1)."""
    routes = tuple(request.listed("record-route"))
    target = contact_of(request)
    cseq = request.cseq.number if request.cseq else 0
    pinned = source if not routes and (source.reliable or _behind_nat(request, target, source)) else None
    local = request.firsts.get("to", "")
    if not request.to_tag:
        local = f"{local};tag={local_tag}"
    return Dialog(
        request.call_id, local, request.firsts.get("from", ""), request.from_tag, target, routes, 0, cseq,
        pinned=pinned, invite_cseq=cseq,
    )  # fmt: skip


def _behind_nat(request: Message, target: str, source: Flow) -> bool:
    contact = parse_uri(target)
    if contact is None or contact.host == source.host or not is_address(contact.host):
        return False
    via = request.via
    return via is not None and len(request.all("via")) == 1 and (via.host == contact.host or not target)


def _place(uri: SipUri) -> tuple[str, int]:
    return uri.host, uri.port or 5060
