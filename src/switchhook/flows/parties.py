"""The multi-party calls of running flows: which room belongs to which run and node, and who sat in it at what address.

Kept from the facts alone, so that a reader of facts (event callbacks) finds the party of a room, an attempt or a leg
also in the facts that end it: what is `learnt` from a fact comes before its readers, what is `forgotten` after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from switchhook.core import facts as f
from switchhook.core.ids import DialId, LegId, RoomId, TransferId
from switchhook.core.model import Dial, Leg, Role
from switchhook.core.values import dataclass
from switchhook.flows.graph import Node
from switchhook.flows.nodes import MultiParty
from switchhook.flows.runs import Branch, Run

Readers = Mapping[type[f.Fact], Callable[[Any, float], object]]  # by kind: are told of each fact and its time


@dataclass(slots=True)
class Seat:
    """A member, or somebody being called to become one. Its address is its id."""

    leg: LegId
    address: str
    key: str
    role: Role
    caller: str
    called: str
    inbound: bool
    caller_name: str


@dataclass(slots=True, eq=False)
class Party:
    """One room of a multi-party call node, with everybody who was ever in it."""

    run: Run
    node: Node
    options: MultiParty
    branch: Branch
    number: int  # later rooms have higher ones
    room: RoomId | None = None
    seats: dict[LegId, Seat] = field(default_factory=dict)
    pending: set[DialId] = field(default_factory=set)  # attempts to reach the node's own `to`
    reached: bool = False  # one of them came
    transfers: set[TransferId] = field(default_factory=set)  # under way: one at the most
    taped: bool = False  # its recording has begun
    leaving: bool = False  # whoever is let go now goes on by `failed`

    @property
    def name(self) -> str:
        return f"{self.run.id}/{self.node.id}"

    @property
    def place(self) -> tuple[str, str]:
        """The flow and the node whose room this is."""
        return self.run.flow.phlo_id, self.node.id

    @property
    def has_failed_line(self) -> bool:
        return self.run.flow.after(self.node.id, "failed") is not None


class Parties:
    """All live parties, found by room, attempt or leg."""

    def __init__(self, key: Callable[[str], str], live: Callable[[LegId], Leg | None]) -> None:
        self._key = key
        self._live = live
        self._at: dict[tuple[str, str, str], dict[LegId, Party]] = {}  # (flow, node, address key) -> seats
        self._nodes: dict[tuple[str, str], dict[int, Party]] = {}  # (flow, node) -> parties with a room
        self._named: dict[str, Party] = {}
        self._rooms: dict[RoomId, Party] = {}
        self._dials: dict[DialId, tuple[Party, Dial]] = {}
        self._legs: dict[LegId, Party] = {}
        self._transfers: dict[TransferId, Party] = {}
        self.held = (self._named, self._rooms, self._dials, self._legs, self._transfers, self._at, self._nodes)
        self._count = 0

    def open(self, run: Run, node: Node, options: MultiParty, branch: Branch) -> Party:
        """Returns the run's party at a node, a new one if it has none: each run opens one room per node."""
        party = self._named.get(f"{run.id}/{node.id}")
        if party is None or party.leaving:
            self._count += 1
            party = Party(run, node, options, branch, self._count)
            self._named[party.name] = party
        return party

    def drop(self, party: Party) -> None:
        """Forgets a party whose room never opened."""
        self._named.pop(party.name, None)

    def at_node(self, flow: str, node: str) -> tuple[Party, ...]:
        """Returns the parties of a node that have a room, the oldest first."""
        return tuple(self._nodes.get((flow, node), {}).values())

    def seats_at(self, flow: str, node: str, address: str) -> tuple[tuple[Party, Seat], ...]:
        """Returns everybody at a node, gone or not, known by an address or by a call_uuid; the newest first."""
        found = self._at.get((flow, node, self._key(address)), {})
        seats = [(party, party.seats[leg]) for leg, party in found.items()]
        named = self._legs.get(LegId(address))
        if named is not None and (named.run.flow.phlo_id, named.node.id) == (flow, node):
            seats.append((named, named.seats[LegId(address)]))
        return tuple(reversed(seats))

    def of_room(self, room: RoomId) -> Party | None:
        """Returns the party of its main room or of the private room of a transfer in it."""
        return self._rooms.get(room)

    def of_branch(self, branch: Branch) -> Party | None:
        """Returns the party in which a branch waits."""
        return self._named.get(f"{branch.run.id}/{branch.node.id}")

    def of_transfer(self, transfer: TransferId) -> Party | None:
        return self._transfers.get(transfer)

    def of_leg(self, leg: LegId) -> Party | None:
        return self._legs.get(leg)

    def of_dial(self, dial: DialId) -> tuple[Party, Dial] | None:
        return self._dials.get(dial)

    # --- kept from facts --------------------------------------------------------------------------------------------

    @property
    def learnt(self) -> Readers:
        """Who belongs to which party."""
        return {
            f.RoomOpened: self._room_opened,
            f.DialStarted: self._dial_started,
            f.LegCreated: self._leg_created,
            f.TransferStarted: self._transfer_started,
            f.MemberJoined: self._member_joined,
        }

    @property
    def forgotten(self) -> Readers:
        """What a fact has ended."""
        return {
            f.RoomClosed: self._room_closed,
            f.DialEnded: lambda fact, _: self._dials.pop(fact.dial, None),
            f.TransferEnded: self._transfer_ended,
            f.LegEnded: lambda fact, _: self._legs.pop(fact.leg, None),
        }

    def _room_opened(self, fact: f.RoomOpened, _: float) -> None:
        room = fact.room
        main = room.main
        party = self._rooms.get(main) if main is not None else self._named.get(room.plan.name)
        if party is not None and room.plan.program == "phlo":
            self._rooms[room.id] = party
            if main is None:
                party.room = room.id
                self._nodes.setdefault(party.place, {})[party.number] = party

    def _dial_started(self, fact: f.DialStarted, _: float) -> None:
        dial = fact.dial
        party = self._rooms.get(dial.room)
        if party is not None and dial.plan.role is not Role.SUPERVISOR:  # who is not told to a flow
            self._dials[dial.id] = (party, dial)

    def _leg_created(self, fact: f.LegCreated, _: float) -> None:
        leg = fact.leg
        found = self._dials.get(leg.dial) if leg.dial is not None else None
        if found is not None:
            self._sit(found[0], leg, found[1].plan.role)

    def _transfer_started(self, fact: f.TransferStarted, _: float) -> None:
        transfer = fact.transfer
        party = self._rooms.get(transfer.room)
        if party is not None:
            self._transfers[transfer.id] = party
            party.transfers.add(transfer.id)

    def _member_joined(self, fact: f.MemberJoined, _: float) -> None:
        member, party = fact.member, self._rooms.get(fact.room)
        if party is None or member.role is Role.SUPERVISOR:
            return
        if member.leg in party.seats:
            party.seats[member.leg].role = member.role
        elif (joined := self._live(member.leg)) is not None:
            self._sit(party, joined, member.role)

    def _sit(self, party: Party, leg: Leg, role: Role) -> None:
        inbound = leg.dial is None and leg.arrival is not None
        party.seats[leg.id] = Seat(leg.id, leg.address, leg.key, role, leg.caller, leg.called, inbound, leg.caller_name)
        self._legs[leg.id] = party
        for key in {leg.key, self._key(leg.address)} - {""}:
            self._at.setdefault((*party.place, key), {})[leg.id] = party

    def _room_closed(self, fact: f.RoomClosed, _: float) -> None:
        party = self._rooms.pop(fact.room, None)
        if party is not None and party.room == fact.room:
            self._close(party)

    def _transfer_ended(self, fact: f.TransferEnded, _: float) -> None:
        party = self._transfers.pop(fact.transfer, None)
        if party is not None:
            party.transfers.discard(fact.transfer)

    @property
    def empty(self) -> bool:
        """True when nothing of any party is remembered."""
        return not any(self.held)

    def _close(self, party: Party) -> None:
        if self._named.get(party.name) is party:
            del self._named[party.name]
        rooms = self._nodes.get(party.place, {})
        rooms.pop(party.number, None)
        if not rooms:
            self._nodes.pop(party.place, None)
        for seat in party.seats.values():
            for key in {seat.key, self._key(seat.address)}:
                seats = self._at.get((*party.place, key), {})
                seats.pop(seat.leg, None)
                if not seats:
                    self._at.pop((*party.place, key), None)
