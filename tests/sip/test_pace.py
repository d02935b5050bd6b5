"""A far end that asks without end within its call: it is slowed down, little is kept, and its hanging up is served."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from switchhook.core.events import DigitPressed, LegArrived, LegGone
from switchhook.sip import engine
from switchhook.sip.call import ASKED_PER_S, MAX_ASKED
from switchhook.sip.engine import MAX_TOLD, TOLD_PER_S
from switchhook.sip.flow import Flow
from switchhook.sip.pace import Pace
from tests.sip.house import SERVER, House
from tests.sip.link import Wire

TRUNK = Flow("udp", "10.0.0.50", 5060, f"{SERVER}:5060")
SDP = "v=0\r\no=- 1 {} IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={}\r\n"


class Far:
    """A call that is up, as raw messages of its far end."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.house = House(self.wire, on=self._told)
        self.notes: list[str] = []
        self.house.line.engine.note = lambda _leg, text: self.notes.append(text)
        self.answers: Counter[int] = Counter()
        self.tag = ""
        self.cseq = 0
        send = self.house.end.send

        def sent(wire: bytes, flow: Flow) -> None:
            if wire.startswith(b"SIP/2.0 "):
                self.answers[int(wire[8:11])] += 1
                found = re.search(rb"\r\nTo: [^\r]*;tag=([^\r;]+)", wire)
                self.tag = found[1].decode() if found else ""
            send(wire, flow)

        self.house.end.send = sent  # type: ignore[method-assign]
        self.ask("INVITE", SDP.format(1, "sendrecv"))
        self.ask("ACK")
        self.answers.clear()

    def _told(self, event: object) -> None:
        if isinstance(event, LegArrived):
            self.house.line.answer(event.leg)

    def ask(self, method: str, body: str = "", *, cseq: int = 0, caller: str = "far") -> None:
        self.cseq += method != "ACK"
        kind = "application/sdp" if method == "INVITE" else "application/dtmf-relay"
        to_tag = f";tag={self.tag}" if self.tag else ""
        self.house.line.receive(
            (
                f"{method} sip:+14155550101@example.org SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 10.0.0.50:5060;rport;branch=z9hG4bK-{method}-{self.cseq}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:+4930123@10.0.0.50>;tag={caller}\r\nTo: <sip:+14155550101@example.org>{to_tag}\r\n"
                f"Call-ID: far\r\nCSeq: {cseq or self.cseq} {method}\r\nContact: <sip:far@10.0.0.50>\r\n"
                + (f"Content-Type: {kind}\r\n" if body else "")
                + f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            TRUNK,
        )

    @property
    def kept(self) -> int:
        return len(self.house.line.engine.transactions.servers)

    def ends_well(self) -> None:
        """It hangs up, is heard, and nothing is left."""
        self.ask("BYE")
        assert len(self.house.told(LegGone)) == 1
        self.wire.run(100)
        assert self.house.clean()


def test_a_pace_lets_a_burst_through_and_so_many_a_second_then():
    pace = Pace(3, 10.0)
    assert [pace.lets(10.0, 3, 2.0) for _ in range(5)] == [True, True, True, False, False]
    assert [pace.lets(10.0 + n / 8, 3, 2.0) for n in range(1, 17)].count(True) == 4
    assert [pace.lets(100.0, 3, 2.0) for _ in range(5)].count(True) == 3  # no more than a burst, however long it slept


@pytest.mark.parametrize("method", ["INFO", "INVITE", "OPTIONS", "NONSENSE"])
def test_who_asks_without_end_is_slowed_down_and_little_of_it_is_kept(method):
    far = Far()
    bodies = {"INFO": ["Signal=5\r\nDuration=100\r\n"], "INVITE": [SDP.format(n, "sendonly") for n in (2, 3)]}.get(
        method, [""]
    )
    for n in range(3 * MAX_ASKED):
        far.ask(method, bodies[n % len(bodies)])
    assert far.answers[500] == 2 * MAX_ASKED == far.house.line.counters.too_fast
    assert far.kept <= MAX_ASKED + 1
    assert [note for note in far.notes if "asks too fast" in note]
    assert len(far.house.told(DigitPressed)) == (MAX_ASKED if method == "INFO" else 0)
    far.wire.run(1.0)
    far.answers.clear()
    for n in range(MAX_ASKED):
        far.ask(method, bodies[n % len(bodies)])
    assert far.answers[500] == MAX_ASKED - ASKED_PER_S
    far.ends_well()


@pytest.mark.parametrize("how", [{"cseq": 1}, {"caller": "somebody"}])
def test_requests_that_are_late_or_nobodys_are_not_kept_without_end(how, monkeypatch):
    monkeypatch.setattr(engine, "MAX_REFUSED", 100)
    far = Far()
    for _ in range(300):
        far.ask("INFO", **how)
    assert far.kept == 100 + 1
    far.ask("OPTIONS")
    assert far.answers[200] == 1  # they took nothing of the telephone's own pace
    far.ends_well()


@pytest.mark.parametrize("method", ["ACK", "INFO"])
def test_the_timeline_of_a_call_keeps_so_many_messages_and_counts_the_others(method):
    far = Far()
    for _ in range(2 * MAX_TOLD):
        far.ask(method, cseq=1)
    of_leg = [tap for tap in far.house.taps if tap[1] is not None]
    assert len(of_leg) == 1 + MAX_TOLD  # the INVITE that began the call is not counted
    assert far.house.line.counters.untold > 0
    assert len([note for note in far.notes if "more messages came" in note]) == 1
    far.wire.run(5.0)
    del far.house.taps[:]
    for _ in range(100):
        far.ask("ACK", cseq=1)
    assert len([tap for tap in far.house.taps if tap[1] is not None]) == 5 * TOLD_PER_S
    far.wire.run(50)
    far.ends_well()
    assert not far.house.line.engine._told
