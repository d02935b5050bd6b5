"""The multi-party calls of running flows: which room belongs to which run and node, and who sat in it at what address.

Kept from the facts alone, so that a reader of facts (event callbacks) finds the party of a room, an attempt or a leg
also in the facts that end it: `note` is called before the readers of a fact, `forget` after them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from switchhook.core import facts as f
from switchhook.core.ids import DialId, LegId, RoomId, TransferId
from switchhook.core.model import Dial, Leg, Role
from switchhook.core.values import dataclass
from switchhook.flows.graph import Node
from switchhook.flows.nodes import MultiParty
from switchhook.flows.runs import Branch, Run


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

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key = key
        self._at: dict[tuple[str, str, str], dict[LegId, Party]] = {}  # (flow, node, address key) -> seats
        self._nodes: dict[tuple[str, str], dict[int, Party]] = {}  # (flow, node) -> parties with a room
        self._named: dict[str, Party] = {}
        self._rooms: dict[RoomId, Party] = {}
        self._dials: dict[DialId, tuple[Party, Dial]] = {}
        self._legs: dict[LegId, Party] = {}
        self._transfers: dict[TransferId, Party] = {}
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

    def note(self, fact: f.Fact, legs: Callable[[LegId], Leg | None]) -> None:
        """Learns from a fact who belongs to which party; `legs` finds a live leg."""
        match fact:
            case f.RoomOpened(room=room):
                main = room.main
                party = self._rooms.get(main) if main is not None else self._named.get(room.plan.name)
                if party is not None and room.plan.program == "phlo":
                    self._rooms[room.id] = party
                    if main is None:
                        party.room = room.id
                        self._nodes.setdefault(party.place, {})[party.number] = party
            case f.DialStarted(dial=dial) if dial.plan.role is not Role.SUPERVISOR:  # who is not told to a flow
                party = self._rooms.get(dial.room)
                if party is not None:
                    self._dials[dial.id] = (party, dial)
            case f.LegCreated(leg=leg):
                found = self._dials.get(leg.dial) if leg.dial is not None else None
                if found is not None:
                    self._sit(found[0], leg, found[1].plan.role)
            case f.TransferStarted(transfer=transfer):
                party = self._rooms.get(transfer.room)
                if party is not None:
                    self._transfers[transfer.id] = party
                    party.transfers.add(transfer.id)
            case f.MemberJoined(room=room_id, member=member) if member.role is not Role.SUPERVISOR:
                party = self._rooms.get(room_id)
                if party is not None and member.leg in party.seats:
                    party.seats[member.leg].role = member.role
                elif party is not None and (joined := legs(member.leg)) is not None:
                    self._sit(party, joined, member.role)

    def _sit(self, party: Party, leg: Leg, role: Role) -> None:
        inbound = leg.dial is None and leg.arrival is not None
        party.seats[leg.id] = Seat(leg.id, leg.address, leg.key, role, leg.caller, leg.called, inbound, leg.caller_name)
        self._legs[leg.id] = party
        for key in {leg.key, self._key(leg.address)} - {""}:
            self._at.setdefault((*party.place, key), {})[leg.id] = party

    def forget(self, fact: f.Fact) -> None:
        """Drops what a fact has ended."""
        match fact:
            case f.RoomClosed(room=room):
                party = self._rooms.pop(room, None)
                if party is not None and party.room == room:
                    self._close(party)
            case f.DialEnded(dial=dial):
                self._dials.pop(dial, None)
            case f.TransferEnded(transfer=transfer_id):
                party = self._transfers.pop(transfer_id, None)
                if party is not None:
                    party.transfers.discard(transfer_id)
            case f.LegEnded(leg=leg):
                self._legs.pop(leg, None)

    @property
    def empty(self) -> bool:
        """True when nothing of any party is remembered."""
        return not any((self._named, self._rooms, self._dials, self._legs, self._transfers, self._at, self._nodes))

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
