"""What the SIP layer costs on one core, without the network: microseconds to parse, to build, and per whole call.

    python bench/sip_codec.py [--calls 5000] [--profile]

A whole call is the 14 messages of a plain call through the line as a B2BUA (two legs, both directions), with real
transactions, dialogs, offers and answers; bytes go straight from one side to the other. The telephones' own work is
measured apart and taken off.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections.abc import Callable
from random import Random

from switchhook.core.events import Event, LegAnswered, LegArrived, LegFailed, LegGone, LegRang
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Invitation, MediaAddress, Trunk
from switchhook.sip.build import response
from switchhook.sip.flow import Flow
from switchhook.sip.line import Line
from switchhook.sip.message import parse
from switchhook.sip.negotiation import Negotiation
from switchhook.sip.settings import LineSettings, TrunkSettings

CALLER = Flow("udp", "10.0.0.1", 5060, "10.0.0.100:5060")
CALLEE = Flow("udp", "10.0.0.50", 5060, "10.0.0.100:5060")

SDP = (
    b"v=0\r\no=user1 53655765 2353687637 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    b"m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def invite(number: int) -> bytes:
    head = (
        "INVITE sip:service@10.0.0.100:5060 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-{number}-0;rport\r\n"
        f"From: sipp <sip:sipp@10.0.0.1:5060>;tag=f{number}\r\nTo: service <sip:service@10.0.0.100:5060>\r\n"
        f"Call-ID: {number}-1@10.0.0.1\r\nCSeq: 1 INVITE\r\nContact: sip:sipp@10.0.0.1:5060\r\nMax-Forwards: 70\r\n"
        f"Subject: Performance Test\r\nContent-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n"
    )
    return head.encode() + SDP


class Network:
    """Both telephones and the road: keeps what the line sends until the bench looks."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.on_message: Callable[[bytes, Flow], None] = lambda wire, flow: None
        self.on_broken: Callable[[Flow], None] = lambda flow: None

    def send(self, wire: bytes, flow: Flow) -> None:
        self.sent.append(wire)

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        """There is no connection to wait for here."""
        return False

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        return Flow(transport, host, port, "10.0.0.100:5060")


class Exchange:
    """Joins each arriving leg with a call to the trunk."""

    def __init__(self, network: Network) -> None:
        self.now = 0.0
        self.legs = 0
        self.other: dict[LegId, LegId] = {}
        media = MediaAddress("10.0.0.100", 20_000)
        self.line = Line(
            LineSettings(
                (("udp", "10.0.0.100", 5060),),
                trunks=(TrunkSettings("out", "sip:10.0.0.50", match=("10.0.0.0/24",)),),
                secret=b"b" * 16,
            ),
            network,
            emit=self.take,
            on_session=lambda leg, session: None,
            media_address=lambda leg: media,
            new_leg=self.leg,
            clock=lambda: self.now,
            defer=lambda call: None,
            random=Random(1),
        )

    def leg(self) -> LegId:
        self.legs += 1
        return LegId(f"leg-{self.legs}")

    def take(self, event: Event) -> None:
        line = self.line
        if isinstance(event, LegArrived):
            called = self.leg()
            self.other[event.leg], self.other[called] = called, event.leg
            line.invite(Invitation(called, Trunk("out", event.arrival.to_user), event.arrival.from_user))
        elif isinstance(event, LegRang):
            line.ring(self.other[event.leg])
        elif isinstance(event, LegAnswered):
            line.answer(self.other[event.leg])
        elif isinstance(event, LegFailed | LegGone):
            other = self.other.pop(event.leg)
            self.other.pop(other)
            line.end(other, Outcome.COMPLETED)


def one_call(exchange: Exchange, network: Network, number: int, receive: Callable[[bytes, Flow], None]) -> None:
    sent = network.sent
    sent.clear()
    receive(invite(number), CALLER)  # 100 to the caller, INVITE to the callee
    outgoing = parse(sent[1])
    contact = "Contact: <sip:uas@10.0.0.50:5060>\r\n"
    receive(response(outgoing, 180, tag="u", extra=contact), CALLEE)  # 180 to the caller
    receive(response(outgoing, 200, tag="u", extra=contact, body=SDP, kind="application/sdp"), CALLEE)  # ACK, 200
    ok = next(parse(wire) for wire in sent if wire.startswith(b"SIP/2.0 200"))
    tail = (
        f"From: {ok.first('from')}\r\nTo: {ok.first('to')}\r\nCall-ID: {ok.call_id}\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n"
    )
    uri = "sip:w0@10.0.0.100:5060"
    via = f"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-{number}"
    receive(f"ACK {uri} SIP/2.0\r\n{via}-5\r\nCSeq: 1 ACK\r\n{tail}\r\n".encode(), CALLER)
    receive(f"BYE {uri} SIP/2.0\r\n{via}-7\r\nCSeq: 2 BYE\r\n{tail}\r\n".encode(), CALLER)  # 200, BYE
    receive(response(parse(next(w for w in sent if w.startswith(b"BYE"))), 200), CALLEE)
    assert len(sent) == 7, sent
    exchange.now += 0.001


def calls(count: int, profile: cProfile.Profile | None = None) -> tuple[float, float]:
    """Returns seconds within the line, and in all, for `count` calls."""
    network = Network()
    exchange = Exchange(network)
    within = 0.0

    def receive(wire: bytes, flow: Flow) -> None:
        nonlocal within
        started = time.process_time()
        if profile is not None:
            profile.enable()
        exchange.line.receive(wire, flow)
        if profile is not None:
            profile.disable()
        within += time.process_time() - started

    started = time.process_time()
    for number in range(count):
        one_call(exchange, network, number, receive)
        if number % 20 == 0:
            tick = time.process_time()
            exchange.line.tick()
            within += time.process_time() - tick
    assert exchange.line.live_legs == 0
    assert exchange.line.counters.bugs == 0
    return within, time.process_time() - started


def each(action: Callable[[], object], times: int = 20_000) -> float:
    """Returns microseconds per run, the best of five rounds."""
    best = 1e9
    for _ in range(5):
        started = time.process_time()
        for _ in range(times // 5):
            action()
        best = min(best, (time.process_time() - started) / (times // 5))
    return best * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1_000)
    if chosen.profile:
        profile = cProfile.Profile()
        calls(chosen.calls, profile)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    wire = invite(1)
    message = parse(wire)
    media = Negotiation(MediaAddress("10.0.0.100", 20_000), 1)
    print(f"{'parse an INVITE':<34}{each(lambda: parse(wire)):8.1f} us")
    print(f"{'build a response':<34}{each(lambda: response(message, 180, tag='x')):8.1f} us")
    print(f"{'write a parsed message again':<34}{each(lambda: bytes(message)):8.1f} us")
    print(f"{'answer an offer':<34}{each(lambda: media.answer(SDP)):8.1f} us")
    best = min(calls(chosen.calls // 5)[0] for _ in range(5)) / (chosen.calls // 5)
    print(f"{'plain call, 2 legs, 14 messages':<34}{best * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
