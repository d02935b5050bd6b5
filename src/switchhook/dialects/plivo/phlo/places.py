"""Which live room, and who in it, a node or member action means (plivo-phlo 4.5, "Finding the room").

Requests name a flow, a node and an address, never a run. Several runs of one flow may be live.
"""

from __future__ import annotations

from switchhook.core.ids import LegId, RoomId
from switchhook.core.model import Leg, LegState, Room, Transfer
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.phlo import problems
from switchhook.exchange.switch import Exchange
from switchhook.flows.graph import Flow, Node
from switchhook.flows.parties import Parties, Party, Seat


@dataclass(frozen=True, slots=True)
class Place:
    """A live room and, where one was asked for, the leg in it."""

    party: Party
    room: Room
    transfer: Transfer | None
    seat: Seat | None = None
    leg: Leg | None = None  # None: the member is gone already

    @property
    def joined(self) -> bool:
        """True when the leg is a member, of the room or of the private talk beside it."""
        return self.leg is not None and bool(self._rooms)

    @property
    def talks_in(self) -> RoomId:
        """The room in which the member can be held or muted now."""
        return self._rooms[0]

    @property
    def rings(self) -> bool:
        return self.leg is not None and self.leg.dial is not None and not self.leg.rooms

    @property
    def _rooms(self) -> tuple[RoomId, ...]:
        if self.leg is None:
            return ()
        private = self.transfer.consult if self.transfer is not None else None
        ours = tuple(room for room in self.leg.rooms if room in (self.room.id, private))
        if self.leg.focus in ours:
            return (self.leg.focus, *(room for room in ours if room != self.leg.focus))
        return ours


class Places:
    """Finds rooms and members; raises `Problem`."""

    def __init__(self, exchange: Exchange, parties: Parties) -> None:
        self._exchange = exchange
        self._parties = parties

    def of_trigger(self, flow: Flow, node: Node, trigger: str, *, alone_will_do: bool) -> Place:
        """Returns the room in which the trigger source is a member.

        With `alone_will_do` (the action `call`, where it may be a caller id) the only live room counts too.
        """
        for party, seat in self._parties.seats_at(flow.phlo_id, node.id, trigger):
            place = self._place(party, seat)
            if place is not None and place.leg is not None and seat.leg in place.room.members:
                return place
        live = [place for party in self._parties.at_node(flow.phlo_id, node.id) if (place := self._place(party))]
        if not live:
            raise problems.no_room()
        if alone_will_do and len(live) == 1:
            return live[0]
        raise problems.invalid("trigger_source")

    def of_member(self, flow: Flow, node: Node, address: str) -> Place:
        """Returns the newest room that holds that member; a ringing target counts, and a released agent whose
        transfer is still under way."""
        gone: Place | None = None
        for party, seat in self._parties.seats_at(flow.phlo_id, node.id, address):
            place = self._place(party, seat)
            if place is None:
                continue
            if place.joined or place.rings:
                return place
            if place.transfer is not None and place.transfer.agent == seat.leg:
                gone = gone or place
        if gone is None:
            raise problems.no_member()
        return gone

    def _place(self, party: Party, seat: Seat | None = None) -> Place | None:
        room = self._exchange.state.rooms.get(party.room) if party.room is not None else None
        if room is None:
            return None
        transfer = self._exchange.state.transfers.get(room.transfer) if room.transfer is not None else None
        return Place(party, room, transfer, seat, self._live(seat.leg) if seat is not None else None)

    def _live(self, leg: LegId) -> Leg | None:
        found = self._exchange.state.legs.get(leg)
        return found if found is not None and found.state is not LegState.OVER else None

    def is_called(self, place: Place, key: str) -> bool:
        """True when somebody at that address is being rung for this room."""
        state = self._exchange.state
        private = state.rooms.get(place.transfer.consult) if place.transfer and place.transfer.consult else None
        dials = (*place.room.dials, *(private.dials if private is not None else ()))
        return any(state.legs[leg].key == key for dial in dials for leg in state.dials[dial].legs if leg in state.legs)
