"""A far end that keeps to no rule: random walks through one call, after which nothing may be left.

The interleavings play two ends that know SIP over a network that does not. Here the network is perfect and the far end
says whatever fits the grammar: requests in any order with old and new CSeqs and another's tag, answers of any status to
any of our requests, ACKs of nothing, CANCELs of what is over, everything twice, connections that close. We do as random
things to the leg. In the end we hang up, it says nothing more, and all timers run out.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from switchhook.core.events import LegArrived, LegFailed, LegGone
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Invitation, Trunk, Uri
from switchhook.sip.call import Call
from switchhook.sip.flow import Flow
from switchhook.sip.message import Message, parse
from switchhook.sip.outgoing import OutgoingCall
from tests.sip.house import SERVER, House
from tests.sip.link import Wire
from tests.sip.test_dialogs import SDP

pytestmark = pytest.mark.slow
PEER = "10.0.0.50"
WALKS = 600
METHODS = ("INVITE", "INVITE", "INVITE", "BYE", "BYE", "INFO", "OPTIONS", "UPDATE", "NOTIFY", "FLY")
BODIES = (b"", b"", SDP, SDP, SDP.replace(b"t=0 0", b"t=0 0\r\na=sendonly"), SDP.replace(b"AVP 0", b"AVP 9"), b"x")
STATUSES = (
    100,
    180,
    180,
    183,
    183,
    199,
    180,
    183,
    200,
    200,
    200,
    302,
    401,
    407,
    408,
    481,
    486,
    487,
    488,
    491,
    500,
    503,
    603,
)
PAUSES_S = (0.001, 0.02, 0.02, 0.02, 0.05, 0.05, 0.6, 3.0, 35.0)


class Walk:
    """One call, in or out, over UDP or TCP."""

    def __init__(self, seed: int, *, out: bool) -> None:
        self.random = Random(seed)
        self.out = out
        self.wire = Wire()
        self.house = House(self.wire)
        self.end = self.wire.end(PEER)
        self.end.on_message = lambda wire, _flow: self.got.append(parse(wire))
        self.got: list[Message] = []
        self.said: list[bytes] = []
        self.invites: list[tuple[str, int]] = []  # of the peer: branch and CSeq
        self.number = self.cseq = 0
        self.transport = self.random.choice(("udp", "tcp"))
        self.flow = Flow(self.transport, SERVER, 5060, f"{PEER}:5060")
        if out:
            self.leg = LegId("leg-9")
            target = Trunk("carrier", "+49") if self.transport == "udp" else Uri(f"sip:a@{PEER};transport=tcp")
            self.house.line.invite(Invitation(self.leg, target, "1001"))
            self.wire.run(0.05)
        else:
            self.ask("INVITE", "f", SDP)
            self.wire.run(0.05)
            self.leg = self.house.told(LegArrived)[-1].leg
        self.ours = next(iter(self.house.line.engine.calls.values())).local_tag
        if self.random.random() < 0.6:
            self.talk()

    def talk(self) -> None:
        """The call is answered as it should be, before the walk begins."""
        if self.out:
            self.reply(self.got[0], 200, "f", SDP)
        else:
            self.house.line.answer(self.leg)
            self.wire.run(0.05)
            self.ask("ACK", "f", b"", 1)
        self.wire.run(0.05)

    # --- what the peer says

    def ask(self, method: str, tag: str, body: bytes = b"", cseq: int = -1, branch: str = "", more: str = "") -> None:
        self.number += 1
        if cseq < 0:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bK{self.number}"
        if method == "INVITE":
            self.invites.append((branch, cseq))
        if self.out:
            caller, callee, call_id = self.got[0].first("to"), self.got[0].first("from"), self.got[0].call_id
        else:
            first = self.number == 1 or (method == "CANCEL" and cseq == 1)
            callee = "<sip:4930@example.org>" + ("" if first else f";tag={self.ours}")
            caller, call_id = f"<sip:1@{PEER}>", "walk"
        self.say(
            f"{method} sip:4930@example.org SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {PEER};rport;branch={branch}\r\nMax-Forwards: 70\r\n"
            f"From: {caller};tag={tag}\r\nTo: {callee}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}",
            body,
        )

    def reply(self, request: Message, status: int, tag: str, body: bytes) -> None:
        realm = self.random.choice("ab")
        more = {
            302: f"Contact: <sip:x{self.random.randrange(4)}@{PEER}>\r\n",
            401: f'WWW-Authenticate: Digest realm="{realm}", nonce="1"\r\n',
            407: f'Proxy-Authenticate: Digest realm="{realm}", nonce="1"\r\n',
        }.get(status, "")
        to = request.first("to") + ("" if request.to_tag or status == 100 else f";tag={tag}")
        self.say(
            f"SIP/2.0 {status} X\r\nVia: {request.first('via')}\r\nFrom: {request.first('from')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.first('cseq')}\r\n{more}",
            body,
        )

    def say(self, head: str, body: bytes) -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        contact = "" if "Contact:" in head else f"Contact: <sip:1@{PEER};transport={self.transport}>\r\n"
        self.said.append(f"{head}{contact}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.end.send(self.said[-1], self.flow)

    # --- one step

    def step(self) -> None:
        random, line = self.random, self.house.line
        tag = random.choice("fffffg")
        kind = random.choice(
            ("we", "we", "request", "request", "ack", "cancel", "reply", "reply", "reply", "again", "cut")
        )
        if kind == "we":
            act = random.choice((line.ring, line.progress, line.answer, line.answer, self.give_up))
            act(self.leg)
        elif kind == "request":
            cseq, more = random.choice((-1, -1, -1, 0, 1)), random.choice(("", "", "", "Require: x\r\n"))
            self.ask(random.choice(METHODS), tag, random.choice(BODIES), cseq, more=more)
        elif kind == "ack":
            cseq = max(0, random.choice((self.cseq, self.cseq, 1, 2, self.cseq - 1)))
            self.ask("ACK", tag, random.choice((b"", SDP, b"x")), cseq)
        elif kind == "cancel" and self.invites:
            branch, cseq = random.choice(self.invites)
            self.ask("CANCEL", tag, b"", cseq, branch)
        elif kind == "reply":
            asked = [one for one in self.got if one.verb and one.verb != "ACK"]
            if asked:
                status = random.choice(STATUSES)
                body = random.choice((b"", SDP)) if status in (183, 200) else b""
                self.reply(random.choice(asked[-4:]), status, tag, body)
        elif kind == "again" and self.said:
            self.end.send(random.choice(self.said[-5:]), self.flow)
        elif kind == "cut" and self.transport == "tcp":
            line.broken(Flow("tcp", PEER, 5060, f"{SERVER}:5060"))
        self.wire.run(random.choice(PAUSES_S))

    def give_up(self, leg: LegId) -> None:
        if self.random.random() < 0.3:
            self.house.line.end(leg, self.random.choice((Outcome.COMPLETED, Outcome.NO_ANSWER, Outcome.BUSY)))

    def play(self) -> Walk:
        for _ in range(self.random.randrange(3, 25)):
            self.step()
        self.wire.run(0.05)
        for leg in list(self.house.line._legs):
            self.house.line.end(leg, Outcome.COMPLETED)
        self.wire.run(200.0)
        return self

    def wrong(self) -> list[object]:
        """Returns what is left, or was told twice."""
        line, engine = self.house.line, self.house.line.engine
        ended = Counter(event.leg for event in self.house.events if isinstance(event, LegGone | LegFailed))
        left = (
            engine.calls, engine.transactions.clients, engine.transactions.servers, engine.transactions.merges,
            engine.transactions.refused, engine._labels, engine._remarks, line._legs, line._unanswered, line._outbox,
            line.counters.bugs, engine.timers.next_due(), [leg for leg, times in ended.items() if times > 1],
        )  # fmt: skip
        return [one for one in left if one]


@pytest.mark.parametrize("out", [False, True], ids=["called", "calling"])
def test_nothing_is_left_of_any_walk(out: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(WALKS):
        walk = Walk(seed, out=out).play()
        assert not walk.wrong(), f"seed {seed}\n{walk.wire.ladder()}"
        seen += Counter({name: count > 0 for name, count in walk.house.line.counters.by_reason().items()})
    mishaps = {"stray_ack", "stray_cancel", "unknown_dialog", "out_of_order", "unknown_method", "rejected_malformed"}
    mishaps |= (
        {"late_answers", "redirections"} if out else {"glare", "early_byes", "crossed_byes", "never_acknowledged"}
    )
    assert {name for name in mishaps if not seen[name]} == set(), "the walks go through all of it"


def test_a_walk_notices_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OutgoingCall, "_left", Call._left)  # a BYE before the answer, and nobody cancels the INVITE
    monkeypatch.setattr(Walk, "talk", lambda _walk: None)
    assert any(Walk(seed, out=True).play().wrong() for seed in range(WALKS))
