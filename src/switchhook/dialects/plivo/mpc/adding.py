"""A participant added by the API: somebody is rung, or a live call is pulled in (plivo-voice-api 10.4).

The answer is given when the request is accepted; sounds are fetched after it, and only then somebody is rung. The ids
of the legs to come are known before, so the answer can name them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import Clips, DialPlan, Leg, LegState, Order, Waiting
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.calls import shown
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.noises import beeps
from switchhook.dialects.plivo.mpc.party import PROGRAM, Participant, Party, Request
from switchhook.dialects.plivo.mpc.shapes import AddParticipant, Target
from switchhook.dialects.plivo.mpc.step import ParticipantStep
from switchhook.dialects.plivo.problems import Problem, of_refusal
from switchhook.dialects.plivo.run.dial import caller_id
from switchhook.dialects.plivo.transfer import pull

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo


@dataclass(frozen=True, slots=True)
class Rung:
    """A telephone to ring, with the id that its leg will have."""

    target: Target
    destination: Destination
    leg: LegId


class Adding:
    """Carries out one request."""

    def __init__(self, dialect: Plivo, wanted: AddParticipant, cause: str) -> None:
        self._dialect = dialect
        self._exchange = dialect.exchange
        self._book = dialect.mpc
        self._wanted = wanted
        self._cause = cause
        self._members: list[Participant] = []
        self._confirm: Clips = ()
        self._ringback: Clips = ()

    def ring(self, account: str, name: str) -> tuple[Request, tuple[Rung, ...]]:
        """Rings somebody for the Multi-Party Call of that name; raises `Problem`, and then nothing has changed."""
        wanted, ids = self._wanted, self._exchange.state.ids
        found = [(target, self._destination(account, target.address)) for target in wanted.targets]
        known = self._book.named(account, name)
        if known is not None:
            self._need_room(known)
            self._need_strangers(known, [destination for _, destination in found])
        try:
            self._exchange.limits.need(account, len(found))
        except Refused as refused:
            raise of_refusal(refused) from refused
        rung = tuple(Rung(target, destination, LegId(ids.new())) for target, destination in found)
        legs = tuple(each.leg for each in rung)
        request = Request(
            legs[0] if len(legs) == 1 else ids.new(), legs, wanted.call_status, wanted.caller, wanted.sip_headers,
            wanted.send_digits if wanted.early_keys else "",
        )  # fmt: skip
        hidden = known is None and not wanted.with_one
        party = self._book.open(account, name, wanted.room, wanted.seat, hidden=hidden)
        settings = self._exchange.settings
        caller = shown(settings, wanted.caller)
        for each in rung:
            called = shown(settings, each.target.address, each.destination.endpoint)
            self._expect(Participant(party, each.leg, wanted.seat, caller, called, "outbound", request))
        self._begin(party, request, lambda: self._dial(party, request, rung))
        return request, rung

    def take(self, account: str, name: str, leg: Leg) -> Request:
        """Pulls a live call out of whatever it does into the Multi-Party Call of that name; raises `Problem`."""
        wanted = self._wanted
        known = self._book.named(account, name)
        there = self._book.of_leg(leg.id)
        if there is not None and there.party is known:
            raise Problem(409, "not possible now: the call is in the multiparty call already")
        if known is not None:
            self._need_room(known)
        call = self._dialect.session(leg).call
        party = self._book.open(account, name, wanted.room, wanted.seat)
        request = Request(leg.id, (leg.id,))
        member = Participant(party, leg.id, wanted.seat, call.sender, call.receiver, call.side.value, request)
        self._expect(member)
        self._begin(party, request, lambda: self._pull(party, request, member))
        return request

    # --- before -----------------------------------------------------------------------------------------------------

    def _destination(self, account: str, address: str) -> Destination:
        try:
            return self._exchange.directory.destination(account, address)
        except Refused as refused:
            raise of_refusal(refused) from refused

    def _need_room(self, party: Party) -> None:
        if party.size >= party.wishes.most:
            raise Problem(409, f"not possible now: the multiparty call has {party.wishes.most} participants at most")

    def _need_strangers(self, party: Party, wanted: list[Destination]) -> None:
        legs = self._exchange.state.legs
        keys = {legs[member.leg].key for member in party.inside if member.leg in legs}
        for destination in wanted:
            if destination.key in keys:
                raise Problem(409, f"not possible now: {destination.address} is in the multiparty call already")

    def _expect(self, member: Participant) -> None:
        self._members.append(member)
        self._book.expect(member)

    # --- on the way -------------------------------------------------------------------------------------------------

    def _begin(self, party: Party, request: Request, go: Callable[[], None]) -> None:
        """Does it at once, or when the sounds that it needs have been fetched."""
        self._book.begun(party, request)
        wanted = self._wanted
        links = (wanted.confirm_sound, wanted.dial_music, wanted.seat.enter, wanted.seat.exit)
        whole = party.wishes.sounds if party.room is None else ()
        if any(isinstance(link, Link) for link in (*links, *whole)):
            self._exchange.spawn(self._later(party, request, go), name=f"participant {request.id}")
            return
        for member in self._members:
            member.enter, member.exit = beeps(member.wishes.enter), beeps(member.wishes.exit)
        go()

    async def _later(self, party: Party, request: Request, go: Callable[[], None]) -> None:
        wanted, first = self._wanted, self._members[0]
        try:
            await self._book.prepared(first)
            for other in self._members[1:]:
                other.enter, other.exit = first.enter, first.exit
            self._confirm = await self._book.noise(first.leg, party, wanted.confirm_sound)
            if isinstance(wanted.dial_music, Link):
                self._ringback = await self._book.noise(first.leg, party, wanted.dial_music)
        except Exception:
            self._failed(party, request, "internal error")
            raise
        if party.ended_at is None and request.pending:
            go()

    def _dial(self, party: Party, request: Request, rung: tuple[Rung, ...]) -> None:
        plan = party.plan(self._exchange.clock.now())
        try:
            asked = self._exchange.ask(r.PlaceParty(party.account, plan, self._plan(rung)), cause=self._cause)
        except Refused as refused:
            self._failed(party, request, str(refused))
            return
        if asked.dial is not None:
            self._book.dialled(party, request, asked.dial)

    def _plan(self, rung: tuple[Rung, ...]) -> DialPlan:
        wanted, directory = self._wanted, self._exchange.directory
        callers = [directory.caller_id(caller_id(wanted.caller), each.destination) for each in rung]
        heard = Waiting.REAL if wanted.dial_music == "real" else Waiting.CLIPS if self._ringback else Waiting.RINGBACK
        return DialPlan(
            targets=tuple(each.destination for each in rung),
            caller=callers[0],
            caller_name=wanted.caller_name,
            callers=tuple((caller, wanted.caller_name) for caller in callers),
            role=wanted.seat.place,
            order=Order.PARALLEL,
            waiting=Waiting.SILENCE if wanted.dial_music == "none" else heard,
            waiting_clips=self._ringback,
            brief=self._confirm,
            accept_digit=wanted.confirm_key,
            headers=wanted.sip_headers,
            send_digits="" if wanted.early_keys else wanted.send_digits,
            early_audio=wanted.early_keys,
            limit_s=float(self._exchange.settings.plivo.max_call_s),
            program=PROGRAM,
            seat=self._members[0].seat,
            leg_ids=tuple(each.leg for each in rung),
            target_ring_s=tuple(float(each.target.ring_s) for each in rung),
            delays_s=tuple(float(each.target.delay_s) for each in rung),
        )

    def _pull(self, party: Party, request: Request, member: Participant) -> None:
        leg = self._exchange.state.legs.get(member.leg)
        if leg is None or leg.state is LegState.OVER:
            self._failed(party, request, "the call is over")
            return
        room = self._exchange.state.rooms.get(party.room) if party.room is not None else None
        if room is not None and len(room.members) >= room.plan.max_members:
            self._failed(party, request, "the room is full")
            return
        session = self._dialect.session(leg)
        plan = party.plan(self._exchange.clock.now())
        try:
            pull(self._dialect, {leg.id: session}, self._cause)
            session.occupy(ParticipantStep(session, member))
            wanted = r.EnterRoom(leg.id, plan, member.wishes.place, member.seat, party.account)
            self._exchange.ask(wanted, cause=self._cause)
        except (Problem, Refused) as refused:
            self._failed(party, request, str(refused))

    def _failed(self, party: Party, request: Request, why: str) -> None:
        body: dict[str, object] = {"dialect": "plivo", "text": f"nobody was added to {party.name}: {why}"}
        call = self._exchange.calls.of(party.room) if party.room is not None else ""
        self._exchange.write("Warning", body, call=call, cause=self._cause)
        for leg in request.legs:
            member = party.awaited.get(leg)
            if member is not None:
                self._book.give_up(member)
