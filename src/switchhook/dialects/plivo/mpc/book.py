"""All Multi-Party Calls: the live ones by name, room and leg, those that have just ended by uuid; kept from facts.

The core's facts say who is in; this book gives them member ids, remembers why they left, and has it told. Nothing here
decides about a call.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import Clips, Closing, LegState, Member, Role, RoomKind, Side
from switchhook.dialects.plivo.calls import Links, call_of
from switchhook.dialects.plivo.mpc.noises import clips
from switchhook.dialects.plivo.mpc.party import (
    CALL_ENDED,
    HUNG_UP,
    KICKED,
    MOVED,
    PROGRAM,
    Participant,
    Party,
    Request,
)
from switchhook.dialects.plivo.mpc.shelf import Shelf
from switchhook.dialects.plivo.mpc.step import ParticipantStep, ProgramMemberStep
from switchhook.dialects.plivo.mpc.taping import Taping
from switchhook.dialects.plivo.mpc.telling import Telling
from switchhook.dialects.plivo.mpc.wishes import SPEAK, Noise, RoomWishes, SeatWishes

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo
    from switchhook.exchange.switch import Stamped

KEPT = 10_000  # ended ones that are still known although the disk does not take them
LISTENER = "mpc"

_ROLES = {Role.AGENT: "agent", Role.CUSTOMER: "customer", Role.SUPERVISOR: "supervisor"}


class Book:
    """The Multi-Party Calls of all accounts."""

    def __init__(self, dialect: Plivo) -> None:
        self._dialect = dialect
        self._exchange = dialect.exchange
        self.telling = Telling(dialect)
        self.taping = Taping(dialect, self.telling)
        self.shelf = Shelf(dialect.exchange)
        self._named: dict[tuple[str, str], Party] = {}
        self._all: OrderedDict[str, Party] = OrderedDict()  # by uuid, in order of creation
        self._rooms: dict[RoomId, Party] = {}
        self._coming: dict[LegId, Participant] = {}
        self._inside: dict[LegId, Participant] = {}
        self._dials: dict[DialId, tuple[Party, Request]] = {}

    def start(self) -> None:
        """Begins to listen."""
        self._exchange.subscribe(self._heard, _TOLD, held=(self._named,))

    # --- looking up -------------------------------------------------------------------------------------------------

    def named(self, account: str, name: str) -> Party | None:
        """Returns the live one of that name."""
        return self._named.get((account, name))

    def find(self, uuid: str) -> Party | None:
        """Returns one by its uuid: a live one, or one that is not on the shelf yet."""
        return self._all.get(uuid)

    def end(self, party: Party) -> None:
        """Ends one that has no room yet: nobody comes any more."""
        self._over(party, Closing.ASKED, self._exchange.clock.now())

    def every(self) -> list[Party]:
        """Returns all that anybody may know of and that are not on the shelf, the newest first."""
        return [party for party in reversed(self._all.values()) if not party.hidden]

    def of_leg(self, leg: LegId) -> Participant | None:
        """Returns who is in, or on the way in, with that leg."""
        return self._coming.get(leg) or self._inside.get(leg)

    @property
    def empty(self) -> bool:
        """True when nothing is under way."""
        return not any((self._named, self._rooms, self._coming, self._inside, self._dials, self.taping.running))

    # --- coming -----------------------------------------------------------------------------------------------------

    def open(self, account: str, name: str, wishes: RoomWishes, seat: SeatWishes, *, hidden: bool = False) -> Party:
        """Returns the live Multi-Party Call of that name, a new one if there is none; it may not have a room yet."""
        party = self.named(account, name)
        if party is None:
            uuid, now = self._exchange.state.ids.new(), self._exchange.clock.now()
            party = Party(uuid, name, account, wishes, now, hidden)
            self._named[(account, name)] = self._all[uuid] = party
            self._forget_old()
        party.register(seat)
        if not hidden:
            self._appear(party)
        party.recording_callback = party.recording_callback or wishes.recording_callback
        return party

    def expect(self, member: Participant) -> None:
        """Takes note of somebody on the way in; a call that was on the way already comes by its newest wish."""
        party, before = member.party, self._coming.get(member.leg)
        party.awaited[member.leg] = self._coming[member.leg] = member
        if before is not None and before.party is not party:
            self.give_up(before)
        elif before is not None and before.request is not None:
            self.done(party, before.request, before, "failed")
        if party.first is None:
            party.first = member
            self.telling.state(party, "MPCInitialized")

    def begun(self, party: Party, request: Request) -> None:
        """Takes note of an API request that is under way."""
        party.requests.append(request)
        self.telling.adding(party, request, party.awaited[request.legs[0]])

    def dialled(self, party: Party, request: Request, dial: DialId) -> None:
        self._dials[dial] = (party, request)

    def done(self, party: Party, request: Request, member: Participant, outcome: str) -> None:
        """Tells how an API request came out, once."""
        if request.pending:
            request.pending = False
            party.requests.remove(request)
            self.telling.adding(party, request, member, outcome)

    def give_up(self, member: Participant) -> None:
        """Somebody does not come after all; a Multi-Party Call that waits for nobody any more is over."""
        party = member.party
        if party.awaited.get(member.leg) is not member:
            return
        del party.awaited[member.leg]
        if self._coming.get(member.leg) is member:
            del self._coming[member.leg]
        request = member.request
        if request is not None and not any(leg in party.awaited for leg in request.legs):
            self.done(party, request, member, "failed")
        if party.room is None and not party.awaited and party.ended_at is None:
            self._over(party, Closing.EMPTY, self._exchange.clock.now())

    async def prepared(self, member: Participant) -> None:
        """Fetches the sounds of a participant and, for the first, those of the whole; returns when they are there."""
        party, wishes = member.party, member.wishes
        member.enter = await self.noise(member.leg, party, wishes.enter)
        member.exit = await self.noise(member.leg, party, wishes.exit)
        if party.ready is None and party.room is None:
            party.ready = self._exchange.spawn(self._music(party, member.leg), name=f"music {party.uuid}")
        if party.ready is not None:
            await asyncio.shield(party.ready)

    async def _music(self, party: Party, leg: LegId) -> None:
        wishes = party.wishes
        party.wait = await self.noise(leg, party, wishes.wait_music)
        party.agent_music = await self.noise(leg, party, wishes.agent_music)
        party.customer_music = await self.noise(leg, party, wishes.customer_music)
        party.starting_sound = await self.noise(leg, party, wishes.recording_starts)
        party.stopping_sound = await self.noise(leg, party, wishes.recording_stops)

    async def noise(self, leg: LegId, party: Party, noise: Noise | None) -> Clips:
        """Fetches one sound for a participant."""
        sent = {"MPCUUID": party.uuid, "MPCName": party.name, "CallUUID": leg}
        return await clips(self._dialect, leg, party.account, noise, sent)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _heard(self, stamped: Stamped) -> None:
        _TOLD[type(stamped.fact)](self, stamped.fact, stamped.at)

    def _leg_created(self, fact: f.LegCreated, at: float) -> None:
        """Somebody is rung for a request: its webhooks are those of a call made by the API. Or a program is."""
        member = self._coming.get(fact.leg.id)
        leg = self._exchange.state.legs.get(fact.leg.id)
        if member is not None and leg is not None and leg.is_program:
            session = self._dialect.session(leg, Links())
            session.occupy(ProgramMemberStep(session, member))
            return
        if member is None or member.request is None or leg is None or leg.side is not Side.OUTBOUND:
            return
        request = member.request
        session = self._dialect.session(leg, Links(ring=request.status, hangup=request.status))
        call = session.call
        call.from_api, call.as_asked, call.headers = True, request.caller, request.headers
        call.sender = member.caller
        session.occupy(ParticipantStep(session, member))

    def _leg_ringing(self, fact: f.LegRinging, at: float) -> None:
        if fact.early:
            self._press_early(self._coming.get(fact.leg))

    def _press_early(self, member: Participant | None) -> None:
        """Presses the keys of a request with `send_on_preanswer`, once for each who is rung."""
        request = member.request if member is not None else None
        if member is not None and request is not None and request.early_keys and member.leg not in request.keyed:
            request.keyed.add(member.leg)
            self.ask(r.SendKeys(member.leg, request.early_keys))

    def _leg_connected(self, fact: f.LegConnected, at: float) -> None:
        member, session = self._coming.get(fact.leg), self._dialect.sessions.get(fact.leg)
        self._press_early(member)
        if member is not None and member.request is not None and session is not None:
            session.notify(member.request.status, session.fields("StartApp"))

    def _room_opened(self, fact: f.RoomOpened, at: float) -> None:
        plan = fact.room.plan
        party = self._all.get(plan.ref) if plan.program == PROGRAM and plan.kind is RoomKind.PARTY else None
        if party is None:
            return
        party.room = fact.room.id
        self._rooms[fact.room.id] = party
        if fact.room.started:
            self._started(party, at)
        elif party.start_asked:
            self.ask(r.StartRoom(fact.room.id))
        elif party.wishes.wait_s:
            party.patience = self._exchange.spawn(self._waits(party, fact.room.id), name=f"waits {party.uuid}")

    async def _waits(self, party: Party, room: RoomId) -> None:
        """Ends one that has waited for its start as long as it was to wait."""
        await asyncio.sleep(party.wishes.wait_s)
        party.patience, party.emptied = None, True
        self.ask(r.EndRoom(room))

    def _waits_no_more(self, party: Party) -> None:
        if party.patience is not None:
            party.patience.cancel()
            party.patience = None

    def _room_started(self, fact: f.RoomStarted, at: float) -> None:
        party = self._rooms.get(fact.room)
        if party is not None:
            self._started(party, at)

    def _started(self, party: Party, at: float) -> None:
        party.started_at = at
        self._waits_no_more(party)
        if not party.hidden:
            self.telling.state(party, "MPCStart")
        self.taping.due(party)

    def _room_closed(self, fact: f.RoomClosed, at: float) -> None:
        party = self._rooms.pop(fact.room, None)
        if party is not None:
            self._over(party, fact.why, at)

    def _over(self, party: Party, why: Closing, at: float) -> None:
        party.ended_at, party.cause = at, Closing.EMPTY if party.emptied else why
        if self._named.get((party.account, party.name)) is party:
            del self._named[(party.account, party.name)]
        self._waits_no_more(party)
        for member in list(party.awaited.values()):
            self.give_up(member)
        if party.hidden:
            self._all.pop(party.uuid, None)
        else:
            self.telling.state(party, "MPCEnd")
            self._exchange.spawn(self._shelve(party), name=f"ended {party.uuid}")
        if party.ready is not None and not party.ready.done():
            party.ready.cancel()

    async def _shelve(self, party: Party) -> None:
        if await self.shelf.keep(party):
            self._all.pop(party.uuid, None)

    def _forget_old(self) -> None:
        if len(self._all) > KEPT + len(self._named):
            oldest = next((party for party in self._all.values() if party.ended_at is not None), None)
            if oldest is not None:
                del self._all[oldest.uuid]

    def _member_joined(self, fact: f.MemberJoined, at: float) -> None:
        party = self._rooms.get(fact.room)
        if party is None:
            return
        leg = fact.member.leg
        member = party.awaited.pop(leg, None) or self._stranger(party, fact.member)
        if member is None:
            return
        self._coming.pop(leg, None)
        self._inside[leg] = member
        self._appear(party)
        member.member_id, member.joined_at = str(next(party.member_ids)), at
        member.mute, member.hold, member.coach = fact.member.muted, fact.member.held, fact.member.whispers
        party.members[member.member_id] = member
        self.telling.participant(member, "ParticipantJoin")
        if member.request is not None:
            self.done(party, member.request, member, "success")
        self.sound(party, member.enter)
        self.taping.due(party)
        self.taping.joined(member)
        if any(SPEAK in hook.groups for hook in party.hooks):
            for each in party.inside:
                self.ask(r.ListenFor(each.leg, True, LISTENER))

    def _appear(self, party: Party) -> None:
        """Somebody is in: from now on there is a Multi-Party Call for everybody."""
        if party.hidden:
            party.hidden = False
            self.telling.state(party, "MPCInitialized")
            if party.started_at is not None:
                self.telling.state(party, "MPCStart")

    def _stranger(self, party: Party, member: Member) -> Participant | None:
        """Somebody whom another dialect has brought in."""
        leg = self._exchange.state.legs.get(member.leg)
        if leg is None:
            return None
        call = call_of(self._exchange.settings, leg)
        wishes = SeatWishes(_ROLES[member.role], ends=member.ends_room, stay_alone=member.stays_alone)
        return Participant(party, leg.id, wishes, call.sender, call.receiver, call.side.value)

    def _member_left(self, fact: f.MemberLeft, at: float) -> None:
        party, member = self._rooms.get(fact.room), self._inside.get(fact.leg)
        if party is None or member is None or member.party is not party:
            return
        del self._inside[fact.leg]
        member.left_at = at
        member.exit_cause = self._why(member, fact.room)
        self.taping.left(member)
        self.telling.participant(member, "ParticipantExit")
        self.sound(party, member.exit)
        if not member.over:
            self.ask(r.ListenFor(fact.leg, False, LISTENER))

    def _why(self, member: Participant, room: RoomId) -> str:
        if member.over:
            return HUNG_UP
        if member.kicked:
            return KICKED
        session = self._dialect.sessions.get(member.leg)
        ended = room not in self._exchange.state.rooms
        return CALL_ENDED if ended and (session is None or not session.moving) else MOVED

    def _leg_ended(self, fact: f.LegEnded, at: float) -> None:
        inside, coming = self._inside.get(fact.leg), self._coming.get(fact.leg)
        if inside is not None:
            inside.over = True
        if coming is not None:
            coming.over = True
            self.give_up(coming)

    def _dial_ended(self, fact: f.DialEnded, at: float) -> None:
        """Of those who were called together one came, or nobody did: nobody more of them is awaited."""
        found = self._dials.pop(fact.dial, None)
        if found is None:
            return
        party, request = found
        for leg in request.legs:
            member = party.awaited.get(leg)
            if member is not None and leg != fact.leg:
                self.give_up(member)

    def _held(self, fact: f.MemberHeld, at: float) -> None:
        member = self._in(fact.room, fact.leg)
        if member is not None:
            member.hold = fact.on
            self.telling.participant(member, "ParticipantHold" if fact.on else "ParticipantUnhold")

    def _muted(self, fact: f.MemberMuted, at: float) -> None:
        member = self._in(fact.room, fact.leg)
        if member is not None:
            member.mute = fact.on
            self.telling.participant(member, "ParticipantMute" if fact.on else "ParticipantUnmute")

    def _whispers(self, fact: f.WhisperSet, at: float) -> None:
        member = self._in(fact.room, fact.leg)
        if member is not None and member.coach != fact.on:
            member.coach = fact.on
            self.telling.participant(member, "ParticipantCoachModeStart" if fact.on else "ParticipantCoachModeStop")

    def _digit(self, fact: f.DigitHeard, at: float) -> None:
        member = self._inside.get(fact.leg)
        if member is not None:
            self.telling.digit(member, fact.digit)

    def _voice(self, fact: f.VoiceHeard, at: float) -> None:
        member = self._inside.get(fact.leg)
        if member is not None:
            self.telling.speaks(member, fact.on)

    def _in(self, room: RoomId, leg: LegId) -> Participant | None:
        member = self._inside.get(leg)
        return member if member is not None and member.party.room == room else None

    # --- asking -----------------------------------------------------------------------------------------------------

    def sound(self, party: Party, sound: Clips) -> None:
        """Lets everybody who talks here hear a short sound over the talk; nobody's own announcement is cut short."""
        room = self._exchange.state.rooms.get(party.room) if party.room is not None else None
        if not sound or room is None or not room.started:
            return
        for member in tuple(room.members.values()):
            leg = self._exchange.state.legs.get(member.leg)
            if leg is not None and leg.state is LegState.UP and leg.overlay is None and not member.held:
                self.ask(r.PlayOver(member.leg, sound))

    def ask(self, request: r.Request) -> bool:
        """Asks for something that may come too late; False when it did."""
        try:
            self._exchange.ask(request, cause="MPC")
        except Refused:
            return False
        return True


_TOLD: dict[type, Callable[[Book, Any, float], None]] = {
    f.LegCreated: Book._leg_created,
    f.LegRinging: Book._leg_ringing,
    f.LegConnected: Book._leg_connected,
    f.RoomOpened: Book._room_opened,
    f.RoomStarted: Book._room_started,
    f.RoomClosed: Book._room_closed,
    f.MemberJoined: Book._member_joined,
    f.MemberLeft: Book._member_left,
    f.LegEnded: Book._leg_ended,
    f.DialEnded: Book._dial_ended,
    f.MemberHeld: Book._held,
    f.MemberMuted: Book._muted,
    f.WhisperSet: Book._whispers,
    f.DigitHeard: Book._digit,
    f.VoiceHeard: Book._voice,
}
