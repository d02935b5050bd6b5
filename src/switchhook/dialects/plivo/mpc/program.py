"""An ai-agent that comes into a Multi-Party Call by WebSocket: a participant without a telephone (plivo-xml 2.9).

The element brings the program in and is done: the call that runs it is no part of that, and its document goes on at
once, usually with the MultiPartyCall element by which the caller comes in. The program is dialled as a telephone would
be: it joins when its connection is up, and leaves with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from switchhook.core import requests as r
from switchhook.core.addresses import Destination, Program
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import DialPlan, Side, Waiting
from switchhook.dialects.plivo.calls import Call
from switchhook.dialects.plivo.mpc.party import PROGRAM, Participant, Party
from switchhook.dialects.plivo.mpc.step import MultiPartyCallStep
from switchhook.dialects.plivo.mpc.wishes import MultiPartyCall
from switchhook.dialects.plivo.streaming.wishes import Wishes

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


class ProgramStep(MultiPartyCallStep):
    """The element of a document that brings a program in."""

    def _participant(self, session: Session, party: Party, element: MultiPartyCall) -> Participant:
        wishes = element.seat.stream
        leg = LegId(session.dialect.exchange.state.ids.new())
        called = address(wishes) if wishes is not None else ""
        return Participant(party, leg, element.seat, session.call.sender, called, Side.OUTBOUND.value)

    def _enter(self) -> None:
        session, member = self.session, self.member
        session.answer()
        if member.party.ended_at is None:
            try:
                self._dial()
            except Refused as refused:
                session.warn(f"MultiPartyCall {member.party.name}: {refused}")
                session.dialect.streams.expect_no_more(member.leg)
                session.dialect.mpc.give_up(member)
        session.done()

    def _dial(self) -> None:
        dialect, member, wishes = self.session.dialect, self.member, self.member.wishes.stream
        assert wishes is not None
        exchange, party = dialect.exchange, member.party
        now = exchange.clock.now()
        call = Call(
            member.leg, party.account, Side.OUTBOUND, member.caller, member.called, "", now, aleg=self.session.call.leg
        )
        dialect.streams.expect(call, wishes)
        program = Program(dialect.streams.plan(party.account, wishes, is_leg=True))
        dial = DialPlan(
            targets=(Destination(member.called, program, member.leg),),
            caller=self.session.call.as_asked or member.caller,
            role=member.wishes.place,
            waiting=Waiting.SILENCE,
            program=PROGRAM,
            limit_s=float(exchange.settings.plivo.max_call_s),
            seat=member.seat,
            leg_ids=(member.leg,),
        )
        leg = self.session.leg
        of_call = leg.call if leg is not None else ""
        exchange.ask(r.PlaceParty(party.account, party.plan(now), dial, of_call), cause="XML")


def address(wishes: Wishes) -> str:
    """Returns how a program is shown: its URL, without what may be secret in it."""
    parts = urlsplit(wishes.url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
