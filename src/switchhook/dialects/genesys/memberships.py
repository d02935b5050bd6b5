"""How the calls of a desktop are read from the core: one call for each room that a leg of its telephone is in.

A device has one leg however many calls its desktop shows (genesys 9). Besides the rooms that the leg is in, it is shown
the room for which it rings, and a leg that no room holds is a call of its own. Everything here is a pure reading of
the state; what was already told to the desktop, and what must not change once it was told, is kept by `calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from enum import Enum

from switchhook.core.addresses import Destination, Endpoint
from switchhook.core.events import CallerKind
from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Dial, Leg, LegState, Member, Purpose, Role, Room, RoomKind, Side
from switchhook.core.rooms import awaited
from switchhook.core.state import State
from switchhook.core.values import dataclass
from switchhook.dialects.genesys.capabilities import Supervision
from switchhook.dialects.genesys.numbers import bare
from switchhook.dialects.genesys.watching import supervision
from switchhook.exchange.user_data import brought

Inside = Callable[[str, str], str]  # (endpoint, key) -> the number of the agent whose telephone this is, or ""


class CallType(Enum):
    INTERNAL = "Internal"
    INBOUND = "Inbound"
    OUTBOUND = "Outbound"
    CONSULT = "Consult"


@dataclass(frozen=True, slots=True)
class Party:
    """Another party of a call, as its number is shown."""

    number: str
    external: bool = False  # a trunk carries it


class Stand(Enum):
    """How the telephone stands to the room."""

    RINGS = "rings"
    PLACES = "places"  # its own Dial rings it first
    WAITS = "waits"  # nobody else is there yet, somebody is being rung, or it has not been answered itself
    IN = "in"


@dataclass(frozen=True, slots=True)
class Membership:
    """One call of a telephone, as the core has it now."""

    leg: LegId
    chain: str  # `Leg.call`
    room: RoomId | None
    stand: Stand
    parties: tuple[Party, ...] = ()
    type: CallType = CallType.INTERNAL
    called: str = ""  # the number that was called, seen from this telephone
    caller: str = ""  # the number that an outside party is shown, or shows
    consult: bool = False
    main: RoomId | None = None
    away: bool = False  # it has turned away, or is held
    muted: bool = False
    supervises: Supervision | None = None  # how this telephone watches the room
    supervised: Supervision | None = None  # how another one does
    silenced: bool = False  # a supervisor has muted the agent
    met: bool = False  # somebody else is in the room
    present: bool = True  # `parties` are in the room or being rung; False: nobody at all
    data: Mapping[str, object] = field(default_factory=dict)
    brought: Mapping[str, object] = field(default_factory=dict)  # user data that came with an INVITE


def memberships(
    state: State, leg: Leg, number: str, inside: Inside, *, surely_rings: bool = False
) -> Iterator[Membership]:
    """Yields the calls of a telephone's leg; `number` is the telephone's own.

    `surely_rings`: it was called so long ago that it is taken to ring, although it has not said so.
    """
    if leg.state is LegState.OVER:
        return
    reader = _Reader(state, leg, number, inside, surely_rings and leg.state is LegState.DIALLING)
    dial = state.dials.get(leg.dial) if leg.dial is not None else None
    if dial is not None:
        yield from reader.rung(dial)
    for room in leg.rooms:
        yield reader.member(state.rooms[room])
    if dial is None and not leg.rooms:
        yield from reader.alone()


class _Reader:
    """Reads one leg."""

    def __init__(self, state: State, leg: Leg, number: str, inside: Inside, surely_rings: bool) -> None:
        self.state = state
        self.leg = leg
        self.number = number
        self.inside = inside
        self.rings = leg.state is LegState.RINGING or surely_rings

    # --- the three ways to be in a call -----------------------------------------------------------------------------

    def rung(self, dial: Dial) -> Iterator[Membership]:
        room = self.state.rooms.get(dial.room)
        if room is None:
            return
        if dial.purpose is Purpose.FIRST:
            targets = dial.then.targets if dial.then is not None else ()
            yield self._of(room, Stand.PLACES, targets, dial)
        elif self.rings or self.leg.state is LegState.UP:
            others = self._others(room)
            found = self._of(room, Stand.RINGS if self.rings else Stand.IN, others)
            yield found if found.consult else replace(found, brought=self._brought(dial, others))

    def member(self, room: Room) -> Membership:
        others = self._others(room)
        member = room.members[self.leg.id]
        away = self.leg.focus != room.id or member.held or self.leg.phone_held
        waiting = awaited(self.state, room) if not others else ()
        if waiting:
            dial = self.state.dials[waiting[0]]
            found = self._of(room, Stand.WAITS, self._rung_in(room), dial)
        else:
            found = self._of(room, Stand.IN if self.leg.state is LegState.UP else Stand.WAITS, others)
        own = supervision(member) if not self._consults(room) else None
        watched = next((each for each in map(supervision, self._watchers(room)) if each is not None), None)
        return replace(
            found, away=away, muted=member.muted and own is None, supervises=own, supervised=None if own else watched
        )

    def alone(self) -> Iterator[Membership]:
        leg = self.leg
        up = leg.state is LegState.UP
        if leg.side is Side.OUTBOUND and not up and not self.rings:
            return
        outbound = leg.side is Side.OUTBOUND
        stand = Stand.IN if up else Stand.RINGS if outbound else Stand.WAITS
        other = bare(leg.caller if outbound else leg.called)
        called = self.number if outbound else other
        yield Membership(
            leg.id, leg.call, None, stand, (Party(other),), called=called, away=leg.phone_held, present=False
        )

    def _brought(self, dial: Dial, others: tuple[Leg, ...]) -> Mapping[str, object]:
        """User data in the headers of the others' INVITEs, and of the one that rings this telephone."""
        found: dict[str, object] = {}
        for other in others:
            if other.arrival is not None:
                found |= brought(other.arrival.headers)
        found |= brought(dial.plan.headers)
        for target, lines in zip(dial.plan.targets, dial.plan.target_headers, strict=False):
            if target.key == self.leg.key:
                found |= brought(lines)
        return found

    # --- who else ---------------------------------------------------------------------------------------------------

    def _others(self, room: Room) -> tuple[Leg, ...]:
        own = room.members.get(self.leg.id)
        overseen = own is not None and own.role is Role.SUPERVISOR
        seen = (each.leg for each in room.members.values() if overseen or each.is_company)
        legs = (self.state.legs.get(other) for other in seen if other != self.leg.id)
        return tuple(leg for leg in legs if leg is not None and leg.state is not LegState.OVER)

    def _rung_in(self, room: Room) -> tuple[Leg | Destination, ...]:
        found: list[Leg | Destination] = []
        for dial_id in awaited(self.state, room):
            dial = self.state.dials[dial_id]
            legs = [self.state.legs[leg] for leg in dial.legs if leg in self.state.legs]
            found += legs or dial.plan.targets[:1]
        return tuple(other for other in found if not (isinstance(other, Leg) and other.id == self.leg.id))

    def _of(
        self, room: Room, stand: Stand, others: tuple[Leg | Destination, ...], dial: Dial | None = None
    ) -> Membership:
        parties = tuple(party(other, self.inside) for other in others)
        met = any(isinstance(other, Leg) and other.id in room.members for other in others)
        consult = room.plan.kind is RoomKind.CONSULT
        kind, caller = self._kind(others, dial)
        return Membership(
            leg=self.leg.id,
            chain=self.leg.call,
            room=room.id,
            stand=stand,
            parties=parties,
            type=CallType.CONSULT if consult else kind,
            called=self._called(stand, others, parties, consult),
            caller=caller,
            consult=consult,
            main=self._main(room),
            met=met,
            present=bool(others),
            data=room.data,
        )

    def _main(self, room: Room) -> RoomId | None:
        """Returns the room of the original call, for the device that consults; others are only in on the consult."""
        return room.main if self._consults(room) else None

    def _consults(self, room: Room) -> bool:
        transfer = self.state.transfer_of(room) if room.main is not None else None
        return transfer is not None and transfer.agent == self.leg.id

    def _watchers(self, room: Room) -> tuple[Member, ...]:
        """Returns the members but for a supervisor who consults: there it is an agent like others."""
        transfer = self.state.transfer_of(room) if room.main is not None else None
        if transfer is None:
            return tuple(room.members.values())
        return tuple(member for leg, member in room.members.items() if leg != transfer.agent)

    def _inside(self, other: Leg | Destination) -> str:
        return self.inside(other.endpoint, other.key)

    def _kind(self, others: tuple[Leg | Destination, ...], dial: Dial | None) -> tuple[CallType, str]:
        """Tells whether the call came from outside or goes there, and the origin number of such a call."""
        for other in others:
            if self._inside(other):
                continue
            if isinstance(other, Leg) and _is_external(other):
                if other.side is Side.INBOUND:
                    return CallType.INBOUND, bare(other.caller)
                return CallType.OUTBOUND, bare(other.caller)
            if isinstance(other, Destination) and not isinstance(other.target, Endpoint):
                plan = (dial.then or dial.plan) if dial is not None else None
                return CallType.OUTBOUND, bare(plan.caller) if plan is not None else ""
        return CallType.INTERNAL, ""

    def _called(
        self, stand: Stand, others: tuple[Leg | Destination, ...], parties: tuple[Party, ...], consult: bool
    ) -> str:
        if stand in (Stand.PLACES, Stand.WAITS) and parties:
            return parties[0].number
        if self.leg.side is Side.INBOUND:
            return bare(self.leg.called)
        for other in others:
            if not consult and isinstance(other, Leg) and other.side is Side.INBOUND:
                return bare(other.called)
        return self.number


def party(other: Leg | Destination, inside: Inside) -> Party:
    """Returns somebody in a call, or on the way to it, as desktops show it."""
    number = inside(other.endpoint, other.key)
    if number:
        return Party(number)
    if isinstance(other, Leg):
        written = other.caller if other.side is Side.INBOUND else other.address
        return Party(bare(written), _is_external(other))
    return Party(bare(other.address), not isinstance(other.target, Endpoint))


def _is_external(leg: Leg) -> bool:
    """True for a leg that a trunk carries."""
    if leg.arrival is not None:
        return leg.arrival.caller_kind is CallerKind.TRUNK
    return leg.destination is not None and not isinstance(leg.destination.target, Endpoint)
