"""What somebody wants of a Multi-Party Call and of a place in it, whether a document or an API client said so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

from switchhook.core.model import Role
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.streaming.wishes import Wishes

ROLES = {
    "agent": Role.AGENT,
    "ai-agent": Role.AGENT,
    "customer": Role.CUSTOMER,
    "supervisor": Role.SUPERVISOR,
}
STATE, PARTICIPANT, SPEAK, DIGITS, ADDING, AUDIO = (
    "mpc-state-changes",
    "participant-state-changes",
    "participant-speak-events",
    "participant-digit-input-events",
    "add-participant-api-events",
    "participant-audio-events",
)
GROUPS = frozenset({STATE, PARTICIPANT, SPEAK, DIGITS, ADDING, AUDIO})
DEFAULT_GROUPS = frozenset({STATE, PARTICIPANT})

LONGEST_S = (300, 28_800)
MOST_PARTICIPANTS = (2, 10)
FEWEST_RECORDED = (1, 2)
LONGEST_WAIT_S = (0, 1_800)

Noise = Link | int  # the URL of a sound, or so many beeps


@dataclass(frozen=True, slots=True)
class RoomWishes:
    """What whoever creates a Multi-Party Call wants of the whole of it; later ones are not asked."""

    longest_s: int = 14_400
    most: int = 10
    wait_music: Link | None = None
    agent_music: Link | None = None
    customer_music: Link | None = None
    wait_for_agent: bool = False
    wait_s: int = 0  # how long it waits for its start, then it is over; 0: as long as it may last
    record_coach: bool = True
    record: bool = False
    record_format: str = "mp3"
    record_from: int = 1  # members
    record_tracks: bool = False
    recording_callback: Link | None = None
    transcription: Link | None = None  # told what is said in each of its recordings
    recording_starts: Link | None = None  # announcements
    recording_stops: Link | None = None

    @property
    def sounds(self) -> tuple[Link | None, ...]:
        """What has to be fetched before it opens."""
        return (self.wait_music, self.agent_music, self.customer_music, self.recording_starts, self.recording_stops)


@dataclass(frozen=True, slots=True)
class SeatWishes:
    """What a participant brings."""

    role: str  # as it is shown: lower case
    mute: bool = False
    hold: bool = False
    coach: bool = True
    stay_alone: bool = False
    starts: bool = True
    ends: bool = False
    relay_keys: bool = False
    enter: Noise = 1
    exit: Noise = 2
    on_exit: Link | None = None
    status: Link | None = None
    groups: frozenset[str] = DEFAULT_GROUPS
    stream: Wishes | None = None  # ai-agent: a program at a WebSocket takes this place, no telephone

    @property
    def place(self) -> Role:
        """The role in the room."""
        return ROLES[self.role]

    @property
    def coaches(self) -> bool:
        """True for a supervisor who is heard by the agents only."""
        return self.coach and self.place is Role.SUPERVISOR


@dataclass(frozen=True, slots=True)
class MultiPartyCall:
    """The element of a document."""

    name: str
    room: RoomWishes
    seat: SeatWishes

    def against(self, base: str, warn: Callable[[str], None]) -> MultiPartyCall:
        """Returns it with URLs resolved against that of its document; one that cannot be used is left out."""
        seat = _resolved(self.seat, base, warn)
        if seat.stream is not None:
            seat = replace(seat, stream=seat.stream.against(base))
        return replace(self, room=_resolved(self.room, base, warn), seat=seat)


W = TypeVar("W", RoomWishes, SeatWishes)


def _resolved(wishes: W, base: str, warn: Callable[[str], None]) -> W:
    changes: dict[str, Any] = {}
    for each in fields(wishes):
        link = getattr(wishes, each.name)
        if not isinstance(link, Link):
            continue
        found = link.against(base)
        usable = found.valid_url and found.valid_method
        changes[each.name] = found if usable else 0 if each.name in ("enter", "exit") else None
        if not usable:
            warn(f"MultiPartyCall: {link.method} {link.url} cannot be used")
    return replace(wishes, **changes)
