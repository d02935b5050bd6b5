"""Everything the core knows: dictionaries of frozen values, looked up by id, so a step costs the same in any crowd.

Only `apply` writes here. Others may read, and must not keep a dictionary of it across a step.
"""

from __future__ import annotations

from dataclasses import field

from switchhook.core.ids import DialId, Ids, LegId, RecordingId, RoomId, StreamId, TransferId
from switchhook.core.model import AudioStream, Dial, Diversion, Leg, Room, RoomKind, Tape, Transfer
from switchhook.core.values import dataclass


@dataclass(slots=True)
class State:
    """The live legs, rooms, dials, transfers and recordings of one server."""

    ids: Ids
    legs: dict[LegId, Leg] = field(default_factory=dict)
    rooms: dict[RoomId, Room] = field(default_factory=dict)
    dials: dict[DialId, Dial] = field(default_factory=dict)
    transfers: dict[TransferId, Transfer] = field(default_factory=dict)
    tapes: dict[RecordingId, Tape] = field(default_factory=dict)
    named: dict[tuple[str, RoomKind, str], RoomId] = field(default_factory=dict)  # (account, kind, name)
    agents: dict[LegId, TransferId] = field(default_factory=dict)  # who is the agent of a running transfer
    registered: set[str] = field(default_factory=set)  # user names of telephones that can be reached
    streams: dict[StreamId, AudioStream] = field(default_factory=dict)
    diversions: dict[str, Diversion] = field(default_factory=dict)  # by the key of the telephone

    def transfer_of(self, room: Room) -> Transfer | None:
        """Returns the running transfer of which `room` is the main room or the consult room."""
        if room.transfer is not None:
            return self.transfers.get(room.transfer)
        if room.main is not None:
            main = self.rooms.get(room.main)
            if main is not None and main.transfer is not None:
                found = self.transfers.get(main.transfer)
                if found is not None and found.consult == room.id:
                    return found
        return None

    def peers(self, leg: LegId) -> tuple[Leg, ...]:
        """Returns the other members of the room in which `leg` talks, in order of joining."""
        found = self.legs.get(leg)
        room = self.rooms.get(found.focus) if found is not None and found.focus is not None else None
        if room is None:
            return ()
        return tuple(self.legs[other] for other in room.members if other != leg and other in self.legs)
