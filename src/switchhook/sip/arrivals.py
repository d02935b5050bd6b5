"""What the exchange is told of an INVITE that may come in."""

from __future__ import annotations

from switchhook.core.events import Arrival, CallerKind
from switchhook.sip.callers import STRANGER
from switchhook.sip.flow import Flow
from switchhook.sip.headers import readable, whole_number
from switchhook.sip.message import Message, unfold
from switchhook.sip.settings import EndpointSettings, TrunkSettings
from switchhook.sip.uri import SipUri, parse_uri, place_of


def arrival_of(request: Message, flow: Flow, caller: EndpointSettings | TrunkSettings, called: SipUri) -> Arrival:
    """Returns the arrival of a call that was identified as `caller`'s; of its URI only the user part counts."""
    address = request.sender
    origin = parse_uri(address.uri) if address is not None else None
    kind = CallerKind.ENDPOINT if isinstance(caller, EndpointSettings) else CallerKind.TRUNK
    user = readable(origin.number) if origin is not None else ""
    if caller is STRANGER:
        kind, user = CallerKind.STRANGER, f"sip:{user}@{origin.host}" if origin is not None else ""
    return Arrival(
        caller_kind=kind,
        caller_name=caller.username if isinstance(caller, EndpointSettings) else caller.name,
        from_user=user,
        from_display=readable(address.display) if address is not None else "",
        to_user=readable(called.number),
        from_host=origin.host if origin is not None else "",
        headers=_passed_on(request.others) if request.others else (),
        sip_call_id=readable(request.call_id),
        hops_left=hops_left(request),
        source=place_of(flow.host, flow.port),
    )


def _passed_on(lines: list[str]) -> tuple[tuple[str, str], ...]:
    """Returns those of some header lines that the exchange is told of."""
    told = [line.partition(":") for line in lines if line[:5].lower() in ("x-ph-", "diver")]
    named = [(name.strip(" \t"), unfold(value)) for name, _, value in told]
    return tuple(
        (readable(name), readable(value))
        for name, value in named
        if name.lower() == "diversion" or name.lower().startswith("x-ph-")
    )


def hops_left(request: Message) -> int:
    """Returns what Max-Forwards allows, at most our own 70 (RFC 3261 8.1.1.6)."""
    stated = whole_number(request.firsts.get("max-forwards", ""), 255)
    return 70 if stated is None else min(stated, 70)
