"""Where an INVITE goes when the first way leads nowhere: other flows, redirections, names without an address."""

from __future__ import annotations

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.sip.flow import Flow, Located
from switchhook.sip.negotiation import Negotiation
from switchhook.sip.outgoing import Outgoing, OutgoingCall
from switchhook.sip.owner import Ending, Nobody
from tests.sip.test_dialogs import SDP, Far

FIRST, SECOND = (Flow("udp", host, 5060, "10.0.0.1:5060") for host in ("10.0.0.9", "10.0.0.8"))
CONTACT = "Contact: <sip:x@there.example>, <sip:y@10.0.0.9>\r\n"


class Caller(Nobody):
    """Writes down how its call ended, and follows every redirection."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []

    def over(self, call: OutgoingCall, ending: Ending) -> None:
        self.endings.append(ending)

    def redirected(self, call: OutgoingCall, uri: str) -> str | None:
        return uri


class Ways(Far):
    """A call by several flows; `asked` are the names whose address is looked up."""

    def __init__(self, *flows: Flow) -> None:
        super().__init__()
        self.line.hang_up()
        self.reply(487)
        self.got.clear()
        self.place("10.0.0.8")
        self.owner = Caller()
        self.asked: list[tuple[str, Located]] = []
        self.engine = self.ann.agent.engine
        self.engine.locate = lambda uri, found: self.asked.append((uri, found))
        media = Negotiation(self.ann.media, 1)
        outgoing = Outgoing("sip:b@there.example", "<sip:a@h>", "<sip:b@h>", flows)
        self.call = self.engine.call(self.owner, outgoing, media)
        self.wire.run(0.1)

    @property
    def tried(self) -> list[str]:
        """Which hosts got an INVITE, in order, each once."""
        hosts = [flow.local.partition(":")[0] for message, flow in self.got if message.verb == "INVITE"]
        return list(dict.fromkeys(hosts))

    @property
    def outcome(self) -> Outcome:
        assert len(self.owner.endings) == 1
        return self.owner.endings[0].outcome

    def ends(self) -> None:
        self.wire.run(100)
        assert not self.engine.calls
        assert not self.engine.transactions.live()


def test_a_503_sends_the_call_to_the_next_flow_and_the_last_one_counts():
    far = Ways(FIRST, SECOND)
    far.reply(503)
    assert far.tried == ["10.0.0.9", "10.0.0.8"]
    assert not far.owner.endings
    far.places["10.0.0.9"] = far.places["10.0.0.8"]
    far.reply(503)
    assert far.outcome is Outcome.CONGESTED
    far.ends()


def test_silence_sends_the_call_to_the_next_flow():
    far = Ways(FIRST, SECOND)
    far.wire.run(33)
    assert far.tried == ["10.0.0.9", "10.0.0.8"]
    far.wire.run(33)
    assert far.outcome is Outcome.TIMED_OUT
    far.ends()


def test_a_busy_telephone_is_not_called_by_another_way():
    far = Ways(FIRST, SECOND)
    far.reply(486)
    assert far.tried == ["10.0.0.9"]
    assert far.outcome is Outcome.BUSY


def test_what_a_redirection_names_is_looked_up_and_one_after_the_other_is_called():
    far = Ways(FIRST)
    far.reply(302, more=CONTACT)
    assert [uri for uri, _ in far.asked] == ["sip:x@there.example"]
    far.asked[0][1]([])
    assert [uri for uri, _ in far.asked] == ["sip:x@there.example", "sip:y@10.0.0.9"]
    far.asked[1][1]([FIRST])
    far.wire.run(0.1)
    assert far.last("INVITE").uri == "sip:y@10.0.0.9"
    far.reply(200, body=SDP)
    assert far.call.confirmed


def test_when_no_name_has_an_address_the_call_has_failed():
    far = Ways(FIRST)
    far.reply(302, more=CONTACT)
    far.asked[0][1]([])
    far.asked[1][1]([])
    assert far.outcome is Outcome.FAILED
    assert far.owner.endings[0].reason == "redirected to nowhere"
    far.ends()


def test_who_is_silent_behind_a_redirection_gives_way_to_the_next():
    far = Ways(FIRST)
    far.reply(302, more=CONTACT)
    far.asked[0][1]([SECOND])
    far.wire.run(33)
    assert [uri for uri, _ in far.asked] == ["sip:x@there.example", "sip:y@10.0.0.9"]


@pytest.mark.parametrize("found", [[], [SECOND]])
def test_a_call_given_up_while_a_name_is_looked_up_reaches_nobody(found):
    far = Ways(FIRST)
    far.reply(302, more=CONTACT)
    far.call.hang_up()
    far.asked[0][1](found)
    far.wire.run(0.1)
    assert far.outcome is Outcome.CANCELLED
    assert far.tried == ["10.0.0.9"]
    far.ends()
