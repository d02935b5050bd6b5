"""One INVITE, two telephones and two answers: Ann calls through a proxy that sends everything on to Bob and to Rob.

The proxy is nearly stateless (RFC 3261 16.11): it takes its Via off a response, and puts one on a request whose branch
follows from the one below it, so that a CANCEL and a request sent again find the same transactions. It sends every
failure on, its ACK to whom it is for, acknowledges one that comes a third time itself, and never cancels anybody. So
Ann hears both answers, perhaps one of them behind a failure, and has to end all but one (13.2.2.4, 16.7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from switchhook.sip.flow import Flow as Path
from switchhook.sip.headers import tag_of
from switchhook.sip.message import Message, parse
from tests.sip.interleavings.flows import TALK_S, Ends, Flow, Pair, callee_leaves_at, caller_leaves_at, holds
from tests.sip.link import End, Person, Wire

PROXY = "10.0.0.9"
TARGETS = ("10.0.0.2", "10.0.0.3")


class Proxy:
    """A stateless proxy with two contacts."""

    def __init__(self, wire: Wire) -> None:
        self._end: End = wire.end(PROXY)
        self._end.on_message = self._take
        self._failed_at: dict[str, set[str]] = {}
        self._failures: Counter[str] = Counter()  # by their To tag

    def _take(self, wire: bytes, source: Path) -> None:
        first, _, rest = wire.partition(b"\r\n")
        message = parse(wire)
        if message.verb:
            below = message.top_branch()
            for number, target in enumerate(TARGETS):
                if message.verb == "ACK" and message.to_tag not in self._failed_at.get(target, ()):
                    continue
                via = f"Via: SIP/2.0/UDP {PROXY}:5060;branch={below}.{number}\r\n"
                self._send(first + b"\r\n" + via.encode() + rest, target)
            return
        vias = message.listed("via")
        assert PROXY in vias[0], "the answer is not for us"
        if message.status >= 300 and message.method == "INVITE":
            self._failed_at.setdefault(source.host, set()).add(message.to_tag)
            self._failures[message.to_tag] += 1
            if self._failures[message.to_tag] > 2:
                self._acknowledge(message, vias[0], source.host)
        head, _, below_us = rest.partition(f"Via: {vias[0]}\r\n".encode())
        self._send(first + b"\r\n" + head + below_us, vias[1].split()[1].partition(":")[0])

    def _acknowledge(self, failure: Message, via: str, host: str) -> None:
        assert failure.cseq is not None
        ack = (
            f"ACK sip:{host} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {failure.first('from')}\r\n"
            f"To: {failure.first('to')}\r\nCall-ID: {failure.call_id}\r\nCSeq: {failure.cseq.number} ACK\r\n\r\n"
        )
        self._send(ack.encode(), host)

    def _send(self, wire: bytes, host: str) -> None:
        flow = self._end.flow("udp", host, 5060)
        assert flow is not None
        self._end.send(wire, flow)


class Three(Pair):
    """Ann, Bob, Rob and the proxy."""

    def __init__(self, faults: Mapping[int, str], manner: str, other: str) -> None:
        super().__init__(faults, manner)
        self.proxy = Proxy(self.net)
        self.ann.agent.server = ("udp", PROXY, 5060)
        self.rob = Person(self.net, "rob", TARGETS[1], "10.0.0.1", manner=other or manner)
        self.people.append(self.rob)

    def look_for_quarrel(self) -> None:
        """Ann talks to whoever thinks so, and to one at most."""
        up = [line for who in (self.bob, self.rob) for line in who.agent.lines]
        ours = self.ann.agent.lines
        if len(up) > 1 or len(up) != len(ours):
            self.trouble.append(f"Ann has {len(ours)} calls, and the others {len(up)}")
        elif up and (up[0].call.dialog is None or tag_of(up[0].call.dialog.local) != _far_tag(self)):
            self.trouble.append("Ann talks to the other one")


def _far_tag(three: Three) -> str:
    dialog = three.ann.agent.lines[0].call.dialog
    return dialog.remote_tag if dialog is not None else ""


@dataclass(frozen=True)
class ForkedFlow(Flow):
    """A flow of three; `other` is Rob's manner where it is not Bob's."""

    other: str = ""

    def seat(self, faults: Mapping[int, str]) -> Three:
        return Three(faults, self.manner, self.other)


def of(ann: str, *others: str) -> Ends:
    """Ann ends so, and each of the others in one of these ways; at least one of them was called."""
    return frozenset((ann, *both) for both in product((*others, ""), repeat=2) if any(both))


ANSWERED = of("completed", "completed")
GIVEN_UP = of("cancelled", "cancelled")
CROSSED = of("cancelled", "cancelled", "completed") | ANSWERED

FORKS = (
    ForkedFlow("a fork, two answers at once", caller_leaves_at(TALK_S), ANSWERED | GIVEN_UP),
    ForkedFlow("a fork, a second answer comes later", caller_leaves_at(TALK_S), ANSWERED | GIVEN_UP, other="late"),
    ForkedFlow("a fork, a second answer meets BYE", caller_leaves_at(1.49), ANSWERED | CROSSED, other="late"),
    ForkedFlow("a fork, two early dialogs and answers", caller_leaves_at(TALK_S), ANSWERED | GIVEN_UP, "early"),
    ForkedFlow("a fork, answered twice, one of them hangs up", callee_leaves_at(TALK_S), ANSWERED),
    ForkedFlow("a fork, cancel meets both answers", caller_leaves_at(1.015), CROSSED),
    ForkedFlow("a fork, ann holds the one she talks to", holds("ann", "sendonly"), ANSWERED),
)
