"""A Multi-Party Call and those who were ever in it, as this dialect tells of them; the call is a room of the core."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import field
from itertools import count

from switchhook.core.ids import LegId, RecordingId, RoomId
from switchhook.core.model import Alone, Clips, Closing, Role, RoomKind, RoomPlan, Seat
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.wishes import RoomWishes, SeatWishes

PROGRAM = "plivo"

INITIALIZED, ACTIVE, ENDED = "Initialized", "Active", "Ended"

# The reference names no cause for the leaving of a participant with end_mpc_on_exit; nobody who matters is active then.
TERMINATIONS: dict[Closing, tuple[int, str]] = {
    Closing.EMPTY: (1000, "No Active Participants"),
    Closing.LEADER: (1000, "No Active Participants"),
    Closing.ALONE: (1010, "Stay Alone Not Permitted"),
    Closing.LIMIT: (2000, "Max Duration Reached"),
    Closing.ASKED: (3000, "Hangup API Triggered"),
}

HUNG_UP = "Participant Call Hangup"
KICKED = "Kicked Out of Multiparty Call"
CALL_ENDED = "Multiparty Call Ended"
MOVED = "Participant Call Transferred"


@dataclass(slots=True)
class Hook:
    """A status callback: where to, and for which groups of events."""

    link: Link
    groups: frozenset[str]


@dataclass(slots=True, eq=False)
class Participant:
    """Somebody who is in, was in, or is on the way in."""

    party: Party
    leg: LegId
    wishes: SeatWishes
    caller: str  # as webhooks show them
    called: str
    direction: str
    request: Request | None = None  # the API request that adds it
    member_id: str = ""
    joined_at: float | None = None
    left_at: float | None = None
    exit_cause: str = ""
    kicked: bool = False
    over: bool = False  # its leg has ended
    mute: bool = False
    hold: bool = False
    coach: bool = False
    enter: Clips = ()
    exit: Clips = ()
    tapes: list[RecordingId] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The number or SIP URI of the participant itself."""
        return self.caller if self.direction == "inbound" else self.called

    @property
    def inside(self) -> bool:
        return self.joined_at is not None and self.left_at is None

    @property
    def seat(self) -> Seat:
        """How the core seats it."""
        wishes = self.wishes
        starts = wishes.starts and (not self.party.wishes.wait_for_agent or wishes.place is Role.AGENT)
        return Seat(
            muted=wishes.mute,
            held=wishes.hold,
            whispers=wishes.coaches,
            ends_room=wishes.ends,
            starts_room=starts,
            stays_alone=wishes.stay_alone,
            relays_keys=wishes.relay_keys,
        )


@dataclass(slots=True, eq=False)
class Request:
    """An API request that adds a participant; of several telephones the first that answers."""

    id: str
    legs: tuple[LegId, ...]
    status: Link | None = None  # told of the legs that are rung
    caller: str = ""  # as it was given
    headers: tuple[tuple[str, str], ...] = ()
    early_keys: str = ""  # pressed as soon as anything is heard of who is rung
    keyed: set[LegId] = field(default_factory=set)  # for whom they were
    pending: bool = True


@dataclass(slots=True, eq=False)
class Party:
    """One Multi-Party Call."""

    uuid: str
    name: str
    account: str
    wishes: RoomWishes
    created_at: float
    hidden: bool = False  # it does not exist for anybody until somebody is in
    room: RoomId | None = None
    started_at: float | None = None
    ended_at: float | None = None
    cause: Closing | None = None
    start_asked: bool = False
    patience: asyncio.Task[None] | None = None  # ends it when it has waited long enough for its start
    emptied: bool = False  # everybody was sent away, or it has waited in vain for its start: not for being alone
    members: dict[str, Participant] = field(default_factory=dict)  # by member id, also who has left
    awaited: dict[LegId, Participant] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)  # that are not done
    hooks: list[Hook] = field(default_factory=list)
    recording_callback: Link | None = None
    wait: Clips = ()
    agent_music: Clips = ()
    customer_music: Clips = ()
    starting_sound: Clips = ()
    stopping_sound: Clips = ()
    tape: RecordingId | None = None
    taped: bool = False  # `record` has been done
    ready: asyncio.Task[None] | None = None  # fetches the music
    first: Participant | None = None  # who created it
    member_ids: Iterator[int] = field(default_factory=lambda: count(1))
    sequence: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def status(self) -> str:
        if self.ended_at is not None:
            return ENDED
        return INITIALIZED if self.started_at is None else ACTIVE

    @property
    def inside(self) -> list[Participant]:
        """Who is in now, in order of coming."""
        return [member for member in self.members.values() if member.inside]

    @property
    def size(self) -> int:
        """How many are in or on their way in; of telephones that ring together one counts."""
        asked = {leg for request in self.requests for leg in request.legs}
        return len(self.inside) + len(self.requests) + sum(leg not in asked for leg in self.awaited)

    @property
    def stay_alone(self) -> bool:
        found = self.inside or list(self.members.values()) or list(self.awaited.values())
        return any(member.wishes.stay_alone for member in found)

    def duration(self, now: float) -> float:
        """Returns how long it has been active, in seconds."""
        if self.started_at is None:
            return 0.0
        return (self.ended_at if self.ended_at is not None else now) - self.started_at

    def plan(self, now: float) -> RoomPlan:
        """Returns how the core is to open its room; names of flows' rooms, which have a slash, cannot be the same."""
        return RoomPlan(
            kind=RoomKind.PARTY,
            alone=Alone.LET_GO,
            waits_for_company=True,
            customer_music=self.customer_music,
            agent_music=self.agent_music,
            wait_sound=self.wait,
            tapes_supervisors=self.wishes.record_coach,
            max_members=self.wishes.most,
            limit_s=max(1.0, self.created_at + self.wishes.longest_s - now),
            name=f"mpc:{self.name}" if "/" in self.name else self.name,
            program=PROGRAM,
            ref=self.uuid,
            id=RoomId(self.uuid),
        )

    def register(self, wishes: SeatWishes) -> None:
        """Takes note of a participant's status callback; the same one again may want more groups."""
        if wishes.status is None:
            return
        for hook in self.hooks:
            if hook.link == wishes.status:
                hook.groups |= wishes.groups
                return
        self.hooks.append(Hook(wishes.status, wishes.groups))
