"""A call in a Multi-Party Call, seen from its document: it comes in, and when it is let go its document goes on.

Let go with the leg still up (kicked, or the Multi-Party Call is over) it goes on with its on-exit document; without one
a call that came by a document goes on with the next element. Where there is nothing more to run, and for calls that the
API brought in, it is hung up: 4030 who was kicked, 4020 everybody else (plivo-voice-api 10.1, plivo-xml 2.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.dialects.plivo.causes import Ending
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.noises import beeps
from switchhook.dialects.plivo.mpc.party import Participant, Party
from switchhook.dialects.plivo.mpc.times import maybe
from switchhook.dialects.plivo.mpc.wishes import MultiPartyCall
from switchhook.dialects.plivo.run.step import Origin, Step

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

Fields = dict[str, str]


class ParticipantStep(Step):
    """The step of a call that the API brought in; it is in, or will be without anything being done here."""

    last = True

    def __init__(self, session: Session, member: Participant) -> None:
        super().__init__(session)
        self.member = member

    def start(self) -> None:
        """Nothing is left to do: whoever added the call sees to it."""

    def on_freed(self, fact: f.LegFreed) -> None:
        member, session = self.member, self.session
        if fact.room != member.party.room:
            return
        on_exit = member.wishes.on_exit
        if on_exit is not None:
            session.begin(Origin.ACTION, on_exit, self._fields())
        elif not self.last:
            session.done()
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        self.session.end(Ending(4030, "API Request") if self.member.kicked else Ending(4020, "Plivo"))

    def last_words(self) -> None:
        member = self.member
        if member.joined_at is not None and member.wishes.on_exit is not None:
            self.session.notify(member.wishes.on_exit, self.session.fields("Redirect") | self._fields())

    def _fields(self) -> Fields:
        member = self.member
        return {
            "MPCUUID": member.party.uuid,
            "MPCFriendlyName": member.party.name,
            "MemberID": member.member_id,
            "ParticipantCallUUID": member.leg,
            "ParticipantRole": member.wishes.role,
            "ParticipantJoinTime": maybe(member.joined_at) or "",
            "ParticipantEndTime": maybe(member.left_at) or "",
        }


class ProgramMemberStep(ParticipantStep):
    """The step of a program that is in without a telephone: no document ever runs there."""

    def on_freed(self, fact: f.LegFreed) -> None:
        if fact.room == self.member.party.room:
            self.last_words()
            self._hang_up()


class MultiPartyCallStep(ParticipantStep):
    """The element of a document."""

    def __init__(self, session: Session, element: MultiPartyCall, *, last: bool) -> None:
        self.last = last
        element = element.against(session.base, session.warn)
        book = session.dialect.mpc
        call = session.call
        party = book.open(call.account, element.name, element.room, element.seat)
        super().__init__(session, self._participant(session, party, element))

    def _participant(self, session: Session, party: Party, element: MultiPartyCall) -> Participant:
        call = session.call
        return Participant(party, call.leg, element.seat, call.sender, call.receiver, call.side.value)

    def start(self) -> None:
        member = self.member
        self.session.dialect.mpc.expect(member)
        wishes, party = member.wishes, member.party
        whole = party.wishes.sounds if party.room is None else ()
        if any(isinstance(sound, Link) for sound in (wishes.enter, wishes.exit, *whole)):
            self.session.wait_for(self._with_sounds)
        else:
            member.enter, member.exit = beeps(wishes.enter), beeps(wishes.exit)
            self._enter()

    async def _with_sounds(self) -> None:
        await self.session.dialect.mpc.prepared(self.member)
        self.session.nothing_awaited()
        self._enter()

    def _enter(self) -> None:
        session, member = self.session, self.member
        party = member.party
        if party.ended_at is not None:
            session.done()
            return
        plan = party.plan(session.dialect.exchange.clock.now())
        wanted = r.EnterRoom(member.leg, plan, member.wishes.place, member.seat, party.account)
        try:
            session.dialect.exchange.ask(wanted, cause="XML")
        except Refused as refused:
            session.warn(f"MultiPartyCall {party.name}: {refused}")
            session.dialect.mpc.give_up(member)
            session.done()

    def on_taken(self) -> None:
        self.session.dialect.mpc.give_up(self.member)

    def on_over(self) -> None:
        self.session.dialect.mpc.give_up(self.member)
