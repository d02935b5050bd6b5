"""A call as this dialect knows it: the leg's names and numbers, and the URLs that were given for it.

It outlives the core's leg, because the last webhooks of a call are sent after its end.
"""

from __future__ import annotations

from dataclasses import field

from switchhook.core.events import CallerKind
from switchhook.core.ids import LegId
from switchhook.core.model import Leg, Side
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.detection import Detect
from switchhook.dialects.plivo.links import Link, link_of
from switchhook.settings import Application, Settings


@dataclass(frozen=True, slots=True)
class Links:
    """The URLs of a call."""

    answer: Link | None = None
    fallback: Link | None = None
    ring: Link | None = None
    hangup: Link | None = None


@dataclass(slots=True)
class Call:
    leg: LegId
    account: str
    side: Side
    sender: str  # From of the webhooks
    receiver: str  # To
    caller_name: str
    created_at: float
    links: Links = field(default_factory=Links)
    headers: tuple[tuple[str, str], ...] = ()  # `X-PH-` of this call
    attached: tuple[tuple[str, str], ...] = ()  # user data of an agent's desktop, in the same form
    sip: tuple[tuple[str, str], ...] = ()  # fields about how the call came over SIP
    forwarded_from: str = ""
    from_api: bool = False
    as_asked: str = ""  # `from` as it was given: by the API client, or in the INVITE
    aleg: str = ""  # the leg that dialled it
    parent: str = ""
    send_digits: str = ""
    tone_ms: int | None = None  # of these digits
    digits_early: bool = False  # they are sent on early media, if there is any before the answer
    detect: Detect | None = None
    machine: str = ""  # `true` or `false` once that is known
    hangup_on_ring_s: int | None = None
    answered_at: float | None = None
    rang: bool = False
    over: bool = False
    documents: int = 0
    transfers: int = 0


def shown(settings: Settings, address: str, endpoint: str = "") -> str:
    """Returns a party as webhooks show it: digits without `+`, or a SIP URI (plivo-xml 1.3)."""
    if endpoint:
        return f"sip:{endpoint}@{settings.sip.domain}"
    text = address.strip()
    if text.lower().startswith(("sip:", "sips:", "ws://", "wss://")):  # the latter: a program without a telephone
        return text
    digits = text.translate(_PUNCTUATION).removeprefix("+")
    if digits.isdigit() or not text:
        return digits
    return text if "@" in text else f"sip:{text}@{settings.sip.domain}"


_PUNCTUATION = str.maketrans("", "", " -().")


def numbered(party: str, address: str) -> str:
    """Returns a party as `shown`, with the `+` that its address had."""
    return f"+{party}" if party.isdigit() and address.strip().startswith("+") else party


def caller_name(call: Call) -> str:
    """Returns CallerName: the display name, else the party; a plain number with its `+` (plivo-xml 1.3)."""
    plain = call.sender.isdigit() and 7 <= len(call.sender) <= 15
    return call.caller_name or (f"+{call.sender}" if plain else call.sender)


def call_of(settings: Settings, leg: Leg) -> Call:
    """Returns the call that a leg is, without URLs."""
    arrival = leg.arrival
    ours = arrival is not None and arrival.caller_kind is CallerKind.ENDPOINT
    sender = shown(settings, leg.caller, (leg.endpoint or leg.caller) if ours else "")
    named = leg.destination.endpoint if leg.destination is not None and leg.side is Side.OUTBOUND else ""
    headers = arrival.headers if arrival is not None else ()
    return Call(
        leg=leg.id,
        account=leg.account,
        side=leg.side,
        sender=sender,
        receiver=shown(settings, leg.called, named),
        caller_name=leg.caller_name,
        as_asked=numbered(sender, leg.caller),
        created_at=leg.created_at,
        headers=tuple((f"X-PH-{name[5:]}", value) for name, value in headers if name.upper().startswith("X-PH-")),
        sip=_over_sip(settings, leg, named),
        forwarded_from=_diverted(headers),
        aleg=leg.parent or "",
        answered_at=leg.answered_at,
    )


def _over_sip(settings: Settings, leg: Leg, dialled: str) -> tuple[tuple[str, str], ...]:
    """Returns who vouched for a caller, by password or by address, and the To of a call to a telephone of ours."""
    arrival = leg.arrival
    if arrival is None:
        return (("SIP-H-To", f"<sip:{dialled}@{settings.sip.domain}>"),) if dialled else ()
    source = ("SIPSourceIP", arrival.source.rpartition(":")[0].strip("[]"))
    if arrival.caller_kind is CallerKind.STRANGER:
        return (source,)
    if arrival.caller_kind is CallerKind.ENDPOINT:
        return (("SIPAuthType", "credentials"), ("SIPAuthUser", arrival.caller_name), source)
    return (("SIPAuthType", "ip"), source)


def _diverted(headers: tuple[tuple[str, str], ...]) -> str:
    """Returns the user part of a Diversion header (RFC 5806), or nothing."""
    for name, value in headers:
        if name.lower() == "diversion":
            uri = value.partition("<")[2].partition(">")[0] or value
            return uri.partition("@")[0].rpartition(":")[2].strip()
    return ""


def links_of(application: Application) -> Links:
    """Returns the URLs that an application gives to the calls it is asked about; no hangup URL means the answer URL."""
    answer = link_of(application.answer_url, application.answer_method)
    return Links(
        answer=answer,
        fallback=link_of(application.fallback_answer_url, application.fallback_method),
        hangup=link_of(application.hangup_url, application.hangup_method) or answer,
    )
