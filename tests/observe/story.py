"""One warm transfer as journal lines, with everything that a ladder or a timeline can show."""

from __future__ import annotations

from switchhook.core import facts
from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.ids import LegId, RoomId, SoundId, TransferId
from switchhook.core.model import (
    By,
    DialPlan,
    Kind,
    Leg,
    LegState,
    Member,
    Phase,
    Role,
    Room,
    RoomKind,
    RoomPlan,
    Side,
    Transfer,
    TransferOutcome,
    TransferPlan,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Voice
from switchhook.exchange.ports import Entry
from switchhook.stores.encoding import Encoding, facts_of

CALL = "call-1"
CUSTOMER, AGENT, TARGET = LegId("leg-customer"), LegId("leg-agent"), LegId("leg-target")
ROOM, TRANSFER = RoomId("room-1"), TransferId("transfer-1")
MUSIC = Sound(SoundId("m"), ("builtin:hold",), 0)
START = 1_790_000_000.0
encoding = Encoding(facts_of(facts.Fact))


def fact(at: float, what: object, leg: str = "", cause: str = "") -> Entry:
    kind, body = encoding.write(what)
    return Entry(START + at, kind, CALL, leg, body, cause)


def sip(at: float, leg: str, direction: str, first_line: str, cseq: str) -> Entry:
    body: dict[str, object] = {"direction": direction, "peer": "127.0.0.1:6001", "first_line": first_line, "cseq": cseq}
    return Entry(START + at, "SipMessage", CALL, leg, body)


def created(leg: LegId, side: Side, address: str, caller: str, called: str) -> facts.LegCreated:
    return facts.LegCreated(Leg(leg, CALL, "MA", side, LegState.RINGING, address, address, caller, called, START))


def hears(at: float, leg: LegId, *sources: Voice | Sound) -> Entry:
    return fact(at, facts.HearingChanged(leg, sources), leg)


def story(*, with_sip: bool = True) -> list[Entry]:
    target = Destination("1003", Endpoint("1003"), "1003")
    transfer = Transfer(
        TRANSFER,
        ROOM,
        AGENT,
        TransferPlan(Kind.WARM, DialPlan((target,), "+4930123")),
        Phase.RINGING,
        START + 8,
        None,
        Role.AGENT,
    )
    room = Room(ROOM, CALL, "MA", RoomPlan(RoomKind.PARTY), START, {CUSTOMER: Member(CUSTOMER, Role.CUSTOMER)})
    asked: dict[str, object] = {
        "method": "POST",
        "path": "/v1/phlo/5b1d/multi_party_call/8d7e/",
        "body": '{"action": "warm_transfer", "to": "1003"}',
        "status": 201,
        "dialect": "plivo",
        "api_id": "api-7",
    }
    hook: dict[str, object] = {"method": "POST", "url": "http://127.0.0.1:9000/answer?a=1", "status": 200, "ms": 12.4}
    lines = [
        sip(0.0, CUSTOMER, "in", "INVITE sip:+14155550100@127.0.0.1 SIP/2.0", "1 INVITE"),
        fact(0.001, created(CUSTOMER, Side.INBOUND, "+4930123", "+4930123", "+14155550100"), CUSTOMER, "INVITE"),
        sip(0.002, CUSTOMER, "out", "SIP/2.0 100 Trying", "1 INVITE"),
        Entry(START + 0.02, "Webhook", CALL, CUSTOMER, hook),
        fact(0.021, facts.RoomOpened(room)),
        sip(0.022, CUSTOMER, "out", "SIP/2.0 200 OK", "1 INVITE"),
        fact(0.03, facts.LegConnected(CUSTOMER, START + 0.03), CUSTOMER),
        hears(0.031, CUSTOMER, MUSIC),
        fact(0.04, created(AGENT, Side.OUTBOUND, "sip:1001@switchhook.local", "+4930123", "1001"), AGENT),
        sip(0.041, AGENT, "out", "INVITE sip:1001@127.0.0.1:6001 SIP/2.0", "1 INVITE"),
        sip(0.05, AGENT, "in", "SIP/2.0 180 Ringing", "1 INVITE"),
        fact(0.05, facts.LegRinging(AGENT), AGENT),
        sip(1.5, AGENT, "in", "SIP/2.0 200 OK", "1 INVITE"),
        sip(1.501, AGENT, "out", "ACK sip:1001@127.0.0.1:6001 SIP/2.0", "1 ACK"),
        fact(1.501, facts.LegConnected(AGENT, START + 1.5), AGENT),
        fact(1.501, facts.MemberJoined(ROOM, Member(AGENT, Role.AGENT)), AGENT),
        hears(1.502, CUSTOMER, Voice(AGENT)),
        hears(1.502, AGENT, Voice(CUSTOMER)),
        Entry(START + 8.0, "HttpRequest", CALL, "", asked, ""),
        fact(8.001, facts.TransferStarted(transfer), AGENT, "api-7"),
        hears(8.001, CUSTOMER, MUSIC),
        hears(8.001, AGENT, Sound(SoundId("r"), ("builtin:ringback",), 0)),
        fact(8.002, created(TARGET, Side.OUTBOUND, "1003", "+4930123", "1003"), TARGET, "api-7"),
        sip(8.003, TARGET, "out", "INVITE sip:1003@127.0.0.1:6003 SIP/2.0", "1 INVITE"),
        sip(8.01, TARGET, "in", "SIP/2.0 180 Ringing", "1 INVITE"),
        sip(9.7, TARGET, "in", "SIP/2.0 200 OK", "1 INVITE"),
        sip(9.701, TARGET, "out", "ACK sip:1003@127.0.0.1:6003 SIP/2.0", "1 ACK"),
        fact(9.702, facts.TransferAdvanced(TRANSFER, Phase.CONSULTING, TARGET), TARGET),
        hears(9.702, AGENT, Voice(TARGET)),
        hears(9.702, TARGET, Voice(AGENT)),
        fact(12.0, facts.DigitHeard(AGENT, "5"), AGENT),
        sip(14.2, AGENT, "in", "BYE sip:switchhook@127.0.0.1 SIP/2.0", "2 BYE"),
        sip(14.201, AGENT, "out", "SIP/2.0 200 OK", "2 BYE"),
        fact(14.201, facts.LegEnded(AGENT, Outcome.COMPLETED, By.PHONE, q850=16), AGENT, "BYE"),
        fact(14.202, facts.TransferEnded(TRANSFER, ROOM, TransferOutcome.COMPLETED, TARGET), TARGET),
        hears(14.202, CUSTOMER, Voice(TARGET)),
        hears(14.202, TARGET, Voice(CUSTOMER)),
        Entry(
            START + 14.3, "Webhook", CALL, "", {"method": "POST", "url": "http://a/b", "error": "no answer", "ms": 2000}
        ),
        Entry(START + 15.0, "Warning", CALL, "", {"text": "a stranger's packets were dropped"}),
        sip(20.0, TARGET, "in", "SIP/2.0 603 Decline", "9 INFO"),
        sip(20.1, CUSTOMER, "in", "BYE sip:switchhook@127.0.0.1 SIP/2.0", "2 BYE"),
        fact(20.1, facts.LegEnded(CUSTOMER, Outcome.COMPLETED, By.PHONE), CUSTOMER, "BYE"),
        fact(20.11, facts.LegEnded(TARGET, Outcome.COMPLETED, By.PEER), TARGET, "BYE"),
        Entry(START + 20.2, "InventedLater", CALL, "", {"x": 1}),
        Entry(START + 20.2, "HearingChanged", CALL, CUSTOMER, {"strange": True}),
    ]
    return lines if with_sip else [line for line in lines if line.kind != "SipMessage"]


FACT_KINDS = {cls.__name__ for cls in facts_of(facts.Fact)}
