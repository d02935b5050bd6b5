"""Mishaps that are dealt with: each has a count of its own, and a sentence in the timeline of its call."""

from __future__ import annotations

import pytest

from switchhook.core.events import LegArrived
from switchhook.core.ids import LegId
from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Invitation, Trunk
from switchhook.sip.counters import Counters
from switchhook.sip.engine import MAX_REMARK, MAX_REMARKS
from switchhook.sip.flow import Flow
from switchhook.sip.timers import T1
from tests.sip.house import SERVER, House
from tests.sip.link import Person, Wire, pair
from tests.sip.test_dialogs import SDP, Far

TRUNK = "10.0.0.50"
PRIVATE = "192.168.1.7"


class Talk:
    """A telephone behind the trunk, played by hand: it calls and is answered. `notes` is what an operator reads."""

    def __init__(
        self,
        *,
        contact: str = TRUNK,
        transport: str = "udp",
        port: int = 5060,
        answered: bool = True,
        acknowledged: bool = True,
        offer: bytes = SDP,
        more: str = "",
    ) -> None:
        self.wire = Wire()
        self.house = House(self.wire)
        self.notes: list[str] = []
        self.house.line.engine.note = lambda _, text: self.notes.append(text)
        self.transport = transport
        self.contact = f"{contact};transport=tcp" if transport == "tcp" else contact
        self.host = contact
        self.number = 0
        self.send("INVITE", port=port, body=offer, more=more)
        self.leg = self.house.told(LegArrived)[-1].leg
        self.call = next(iter(self.house.line.engine.calls.values()))
        if answered:
            self.house.line.answer(self.leg)
        if answered and acknowledged:
            self.send("ACK", port=port)

    def flow(self, port: int = 5060) -> Flow:
        return Flow(self.transport, TRUNK, port, f"{SERVER}:5060")

    def send(
        self,
        method: str,
        *,
        port: int = 5060,
        contact: str | None = "",
        body: bytes = b"",
        tag: str = "",
        of: int = 0,
        more: str = "",
    ) -> str:
        """Sends a request, and returns the status of its last answer, if there is one at once.

        `of` is the number of the INVITE that a CANCEL is for; with `contact=None` there is none; `more` is lines.
        """
        if method not in ("ACK", "CANCEL"):
            self.number += 1
        number, named = of or self.number, "INVITE" if of else method
        first = number == 1 and method != "ACK"
        known = tag or ("" if first else self.call.local_tag)
        before = len(self.house.taps)
        target = "" if contact is None else f"Contact: <sip:1@{contact or self.contact}>\r\n"
        self.house.line.receive(
            f"{method} sip:4930@example.org SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {self.host};rport;branch=z9hG4bK{named}{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:1@{TRUNK}>;tag=f\r\n"
            f"To: <sip:4930@example.org>{';tag=' + known if known else ''}\r\n"
            f"Call-ID: talk\r\nCSeq: {number} {method}\r\n{target}{more}"
            f"{'Content-Type: application/sdp' if body else 'X: y'}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body,
            self.flow(port),
        )
        answers = [wire for _, _, way, wire, _ in self.house.taps[before:] if way == "out"]
        return answers[-1][8:11].decode() if answers else ""

    def hung_up_at(self) -> str:
        """Ends the call; returns where our BYE went."""
        self.house.line.end(self.leg, Outcome.COMPLETED)
        return next(peer for _, _, _, wire, peer in reversed(self.house.taps) if wire.startswith(b"BYE "))

    @property
    def counters(self) -> Counters:
        return self.house.line.counters


# --- a telephone that moves


def test_a_pinned_dialog_goes_to_where_the_last_request_came_from():
    talk = Talk(contact=PRIVATE, port=4000)
    assert talk.send("OPTIONS", port=4001) == "200"
    assert talk.counters.moved == 1
    assert talk.notes == [f"the telephone has moved to udp:{TRUNK}:4001"]
    assert talk.hung_up_at() == f"udp:{TRUNK}:4001"


def test_a_strangers_request_does_not_move_a_call():
    talk = Talk(contact=PRIVATE, port=4000)
    assert talk.send("OPTIONS", port=4001, tag="guessed") == "481"
    assert talk.counters.moved == 0
    assert talk.hung_up_at() == f"udp:{TRUNK}:4000"


def test_a_contact_in_a_reinvite_moves_the_call():
    talk = Talk()
    assert talk.send("INVITE", contact="10.0.0.51:5070", body=SDP) == "200"
    assert talk.notes == ["the telephone has moved to sip:1@10.0.0.51:5070"]
    assert talk.hung_up_at() == "udp:10.0.0.51:5070"


def test_the_default_port_written_out_is_no_move():
    talk = Talk()
    talk.send("INVITE", contact=f"{TRUNK}:5060", body=SDP)
    assert not talk.counters.moved
    assert not talk.notes


def test_a_call_that_moves_behind_a_nat_is_pinned_there():
    talk = Talk()
    talk.host = PRIVATE
    talk.send("INVITE", contact=PRIVATE, port=4000, body=SDP)
    assert talk.hung_up_at() == f"udp:{TRUNK}:4000"


def test_when_its_connection_closes_a_call_goes_on_and_ends_at_the_contact():
    talk = Talk(transport="tcp", port=50_000)
    talk.house.line.broken(Flow("tcp", "10.0.0.99", 50_000, f"{SERVER}:5060"))  # somebody else's
    assert not talk.notes
    talk.house.line.broken(talk.flow(50_000))
    assert talk.counters.lost_connections == 1
    assert talk.notes == ["the telephone's connection closed"]
    assert talk.house.line.live_legs == 1
    assert talk.hung_up_at() == f"tcp:{TRUNK}:5060"


def test_the_answer_to_an_invite_whose_connection_closed_goes_to_the_port_of_its_via():
    talk = Talk(transport="tcp", port=50_000, answered=False)
    talk.house.line.broken(talk.flow(50_000))
    talk.house.line.answer(talk.leg)
    assert talk.house.taps[-1][3].startswith(b"SIP/2.0 200 ")
    assert talk.house.taps[-1][4] == f"tcp:{TRUNK}:5060"
    talk.wire.run(T1 + 0.1)
    assert len(talk.wire.seen("SIP/2.0 200 ")) == 2, "it comes again until its ACK"
    assert {to for _, _, to, wire in talk.wire.log if wire.startswith(b"SIP/2.0 200 ")} == {TRUNK}


def test_a_private_contact_is_of_no_use_when_the_connection_has_closed():
    talk = Talk(contact=PRIVATE, transport="tcp", port=50_000)
    talk.house.line.broken(talk.flow(50_000))
    assert talk.send("OPTIONS", port=50_001) == "200", "it has connected again"
    assert talk.hung_up_at() == f"tcp:{TRUNK}:50001"


# --- a telephone that is gone


def test_who_does_not_answer_to_bye_is_named():
    talk = Talk()
    talk.hung_up_at()
    talk.wire.run(64 * T1 + 1)
    assert talk.notes == ["the telephone does not answer to our BYE"]
    assert talk.counters.timeouts == 1


def test_who_does_not_end_a_cancelled_invite_is_named():
    wire = Wire()
    house, notes = House(wire), list[str]()
    house.line.engine.note = lambda _, text: notes.append(text)
    silent = Person(wire, "carrier", TRUNK, SERVER, manner="ring")
    house.line.invite(Invitation(LegId("leg-9"), Trunk("carrier", "+49"), "1001"))
    wire.run(1)
    silent.end.on_message = lambda *_: None
    house.line.end(LegId("leg-9"), Outcome.NO_ANSWER)
    wire.run(64 * T1 + 1)
    assert notes == ["the telephone did not end the INVITE that we cancelled"]
    wire.run(64 * T1)
    assert house.clean()


def test_a_port_where_nobody_listens_is_named_when_we_give_up_and_nothing_was_cancelled():
    wire = Wire()
    house, notes = House(wire), list[str]()
    house.line.engine.note = lambda _, text: notes.append(text)
    house.line.invite(Invitation(LegId("leg-9"), Trunk("carrier", "+49"), "1001"))
    wire.run(1)
    house.line.end(LegId("leg-9"), Outcome.NO_ANSWER)
    assert notes == [f"nothing has come back to our INVITE to udp:{TRUNK}:5060"]
    wire.run(64 * T1 + 1)
    assert notes == [f"nothing has come back to our INVITE to udp:{TRUNK}:5060"]
    assert house.line.counters.timeouts == 1
    assert not [way for _, _, way, sent, _ in house.taps if sent.startswith(b"CANCEL ")]
    assert house.clean()


def test_who_gives_up_before_an_answer_could_come_is_not_told_that_nothing_came():
    wire = Wire()
    house, notes = House(wire), list[str]()
    house.line.engine.note = lambda _, text: notes.append(text)
    house.line.invite(Invitation(LegId("leg-9"), Trunk("carrier", "+49"), "1001"))
    house.line.end(LegId("leg-9"), Outcome.NO_ANSWER)
    assert notes == []


# --- crossings and repetitions


def test_requests_for_another_dialog_of_a_call_are_told_once_each_and_not_without_end():
    talk = Talk()
    for _ in range(2):
        assert talk.send("BYE", tag="guessed") == "481"
    assert talk.notes == ["a BYE came for no call of ours (481)"]
    assert talk.counters.unknown_dialog == 2
    for number in range(2 * MAX_REMARKS):
        talk.send(f"FLY{number}", tag="guessed")
    assert len(talk.notes) == MAX_REMARKS


def test_a_change_that_is_refused_and_a_request_out_of_order():
    talk = Talk()
    assert talk.send("INVITE", body=SDP.replace(b"AVP 0", b"AVP 9")) == "488"
    assert talk.counters.refused_changes == 1
    assert talk.notes == ["a re-INVITE with nothing that we could take was refused; the call goes on"]
    talk.notes.clear()
    talk.send("ACK")
    talk.number -= 1
    assert talk.send("INFO") == "500"
    assert talk.counters.out_of_order == 1
    assert talk.notes == ["the telephone's INFO came with an old CSeq, and was refused with 500"]
    assert talk.house.line.live_legs == 1


def test_a_request_within_a_call_that_is_not_sound_is_named_with_its_refusal():
    talk = Talk()
    assert talk.send("INVITE", contact="nobody>;;x") == "400"
    assert talk.notes == ["the telephone's INVITE was refused: 400 Bad Request"]
    assert talk.counters.rejected_malformed == 1
    assert talk.house.line.live_legs == 1


def test_an_invite_that_comes_by_two_ways_is_named():
    talk = Talk()
    first = next(wire for _, _, way, wire, _ in talk.house.taps if way == "in")
    talk.house.line.receive(first.replace(b"branch=z9hG4bK", b"branch=z9hG4bKby-another-proxy"), talk.flow())
    assert talk.house.taps[-1][3].startswith(b"SIP/2.0 482 ")
    assert talk.counters.merged == 1
    assert talk.notes == ["the INVITE came again by another way, and was refused with 482"]


def test_an_answer_that_nobody_waits_for_is_named():
    talk = Talk()
    stray = next(wire for _, _, way, wire, _ in talk.house.taps if wire.startswith(b"SIP/2.0 200"))
    for _ in range(2):
        talk.house.line.receive(stray, talk.flow())
    assert talk.counters.stray_response == 2
    assert talk.notes == ["an answer came that none of our requests waits for: 200"]


def test_a_refusal_that_is_never_acknowledged_is_named():
    talk = Talk(answered=False)
    talk.house.line.end(talk.leg, Outcome.BUSY)
    talk.wire.run(64 * T1 + 1)
    assert talk.counters.never_acknowledged == 1
    assert talk.notes == ["our refusal was never acknowledged"]


def test_a_request_that_has_no_way_to_go_is_named():
    talk = Talk()
    assert talk.send("INVITE", contact="gone.example", body=SDP) == "200"
    talk.send("ACK")
    talk.notes.clear()
    talk.house.line.end(talk.leg, Outcome.COMPLETED)
    assert talk.counters.unresolved == 1
    assert talk.notes == ["there is no way to sip:1@gone.example: a request was not sent"]


def test_a_bye_with_our_tag_and_a_strangers_is_refused_and_named():
    talk = Talk()
    known = next(wire for _, _, way, wire, _ in reversed(talk.house.taps) if wire.startswith(b"ACK "))
    bye = known.replace(b"ACK", b"BYE").replace(b"CSeq: 1", b"CSeq: 2").replace(b"z9hG4bKBYE1", b"z9hG4bKspoofed")
    talk.house.line.receive(bye.replace(b";tag=f", b";tag=guessed"), talk.flow())
    assert talk.house.taps[-1][3].startswith(b"SIP/2.0 481 ")
    assert talk.notes == ["somebody's BYE came with a wrong tag (481)"]
    assert talk.house.line.live_legs == 1
    talk.hung_up_at()
    talk.notes.clear()
    assert talk.send("INFO") == "481"
    assert talk.notes == ["the telephone's INFO came after the end (481)"]


def test_a_strangers_words_in_a_timeline_are_short():
    talk = Talk()
    assert talk.send("F" * 1000, tag="guessed") == "481"
    assert [len(note) for note in talk.notes] == [MAX_REMARK]


def test_an_offer_that_meets_ours_in_a_200():
    talk = Talk()
    assert talk.send("INVITE") == "200"
    assert talk.send("INVITE", body=SDP) == "491"
    assert (talk.counters.glare, talk.counters.offerless) == (1, 1)
    assert talk.notes == [
        "an INVITE came without an offer: ours is in the answer",
        "two re-INVITEs met: the telephone's was refused with 491",
    ]


def test_a_request_that_comes_again_is_named_once_and_counted_each_time():
    talk = Talk()
    first = next(wire for _, _, way, wire, _ in talk.house.taps if way == "in")
    for _ in range(2):
        talk.house.line.receive(first, talk.flow())
    assert talk.counters.retransmissions_received == 2
    assert talk.notes == ["the telephone's INVITE came again: no answer had reached it"]


def test_an_invite_without_an_offer_is_named_and_counted():
    talk = Talk(offer=b"")
    assert talk.counters.offerless == 1
    assert talk.notes[:1] == ["an INVITE came without an offer: ours is in the answer"]


@pytest.mark.parametrize("style", [b"a=sendonly\r\n", b"a=inactive\r\n", b"c=IN IP4 0.0.0.0\r\n"])
def test_each_hold_is_counted(style):
    talk = Talk()
    for number, body in enumerate((SDP + style, SDP, SDP + style), 1):
        assert talk.send("INVITE", body=body) == "200"
        talk.send("ACK")
        assert talk.counters.holds == (number + 1) // 2


@pytest.mark.parametrize(
    ("faults", "who", "reason"),
    [({5: "lose"}, "bob", "late_acks"), ({5: "lose"}, "ann", "repeated_answers"), ({}, "ann", "")],
)
def test_what_a_lost_ack_counts_at_either_end(faults, who, reason):
    wire, ann, bob = pair(faults)  # 1 INVITE, 2 100, 3 180, 4 200, 5 ACK
    ann.call("bob")
    wire.run(5)
    counts = (ann if who == "ann" else bob).agent.engine.counters.by_reason()
    seen = {name for name in ("late_acks", "repeated_answers", "early_byes", "crossed_byes") if counts[name]}
    assert seen == ({reason} if reason else set())


def test_both_hang_up_at_once():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.hang_up()
    bob.line.hang_up()
    wire.run(1)
    assert (ann.agent.engine.counters.crossed_byes, bob.agent.engine.counters.crossed_byes) == (1, 1)


def test_crossing_reinvites_are_counted_at_both_ends():
    wire, ann, bob = pair()
    ann.call("bob")
    wire.run(3)
    ann.line.hold()
    bob.line.hold()
    wire.run(10)
    assert (ann.agent.engine.counters.glare, bob.agent.engine.counters.glare) == (2, 2)


def test_a_bye_that_overtakes_the_ack_and_a_cancel_behind_the_answer():
    wire, ann, bob = pair({4: "late"}, manner="at once")  # 1 INVITE, 2 100, 3 200, 4 ACK
    ann.call("bob")
    wire.run(0.05)
    ann.line.hang_up()
    wire.run(5)
    assert bob.agent.engine.counters.early_byes == 1
    assert bob.agent.engine.counters.stray_ack == 1
    talk = Talk()
    assert talk.send("CANCEL", of=1) == "200"
    assert talk.counters.late_cancels == 1
    assert talk.notes == ["a CANCEL came after our final answer and changed nothing"]
    assert talk.house.line.live_legs == 1


def test_redirections_are_counted():
    far = Far()
    far.reply(302, more="Contact: <sip:x@10.0.0.9:5060>\r\n")
    assert far.ann.agent.engine.counters.redirections == 1
