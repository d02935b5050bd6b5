"""The values a call is made of: legs, rooms, dials and transfers. Small and frozen; `apply` replaces them.

A leg may be in several rooms and talks in at most one of them, its focus. That one rule carries hold, consult, swap
and merge: an agent who consults has turned from the customer's room to the consult room, and whoever stays behind
with nobody present hears music (`core.hearing`). A device has one leg however many calls its desktop shows.

The values that change at every step have no slots: `changed` copies their dictionary at once, a tenth of the cost of
`dataclasses.replace`, which reads and sets field after field of a leg's 28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import TypeVar

from switchhook.core.addresses import Destination, Program
from switchhook.core.addresses import StreamPlan as StreamPlan
from switchhook.core.events import Arrival
from switchhook.core.ids import DialId, LegId, RecordingId, RoomId, StreamId, TransferId
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Sources
from switchhook.core.values import dataclass

MAX_LEG_S = 14_400.0  # the longest an answered leg lives where nothing else is said (plivo-voice-api 1.7)


V = TypeVar("V", "Leg", "Member", "Room", "Dial", "Transfer")


def changed(value: V, **changes: object) -> V:
    """Returns a copy of a leg, member, room, dial or transfer with other values in the fields named."""
    copy = _new(type(value))
    copy.__dict__ = value.__dict__ | changes
    return copy


_new = object.__new__


@dataclass(frozen=True)
class Diversion:
    """What becomes of calls to a telephone: `to` sends them on; else, with `refuses`, they get busy."""

    refuses: bool = False
    to: Destination | None = None


class Side(Enum):
    __hash__ = object.__hash__  # not that of the name, which is a function call: it is a key in every call

    INBOUND = "inbound"  # the telephone called us
    OUTBOUND = "outbound"  # we called the telephone


class LegState(Enum):
    DIALLING = "dialling"  # our INVITE is on its way
    RINGING = "ringing"  # outbound: the telephone rings; inbound: it waits for our answer
    UP = "up"
    OVER = "over"


class Role(Enum):
    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"  # hears a call; one who only listens or whispers is nobody's company


class By(Enum):
    """Who ended something."""

    PHONE = "phone"  # the telephone of this very leg
    PEER = "peer"  # it ended because another party's leg did
    API = "api"
    PROGRAM = "program"  # a document or a flow said so
    SERVER = "server"  # a rule or a timer of ours


@dataclass(frozen=True)
class Leg:
    """One telephone on the line, or one program in place of it."""

    id: LegId
    call: str  # the chain of rooms it belongs to: the id of the chain's first leg
    account: str
    side: Side
    state: LegState
    address: str  # the far party, as written by whoever named it
    key: str  # the far party, for comparing
    caller: str  # the number shown to the called side
    called: str  # the number that was called
    created_at: float
    caller_name: str = ""
    destination: Destination | None = None  # how to ring this party (again)
    endpoint: str = ""  # our own telephone behind it
    arrival: Arrival | None = None
    program: str = ""  # who goes on with the leg when no room holds it; "" = nobody, it is hung up
    program_ref: str = ""  # what the program was started for: an application or flow id
    parent: LegId | None = None  # the leg on whose behalf it was dialled
    dial: DialId | None = None  # the attempt that rings it, until it is won
    rooms: tuple[RoomId, ...] = ()
    focus: RoomId | None = None  # the room in which it talks
    early: bool = False  # not answered, but there is audio already (183): from us (inbound), or from it
    early_audio: bool = False  # outbound: who had it dialled wants to know when its early audio begins
    phone_held: bool = False  # its telephone has put us on hold
    playing: Sound | None = None  # a sound meant for this leg alone; it hears nothing else meanwhile
    overlay: Sound | None = None  # a sound over whatever else it hears; the others hear the leg as before
    overlay_mixed: bool = True  # False: the sound is all it hears
    hang_up_after_sound: bool = False
    heard: Sources = ()  # what media was last told
    answered_at: float | None = None
    limit_s: float = MAX_LEG_S  # counted from the answer
    ends_at: float | None = None  # somebody set this end; `limit_s` counts no more
    tapes: tuple[RecordingId, ...] = ()  # recordings of what it says
    streams: tuple[StreamId, ...] = ()  # its audio, forked to a program
    stream_heard: bool = False  # the program may talk to it
    listeners: tuple[str, ...] = ()  # who wants to know when it talks
    talking: bool = False  # as far as somebody listens
    refused: bool = False  # outbound: nobody is rung, since its telephone is not to be disturbed

    @property
    def is_program(self) -> bool:
        """True where a program is at the far end, at a WebSocket, and no telephone."""
        return self.destination is not None and isinstance(self.destination.target, Program)


class RoomKind(Enum):
    CALL = "call"  # two parties, and whoever is brought in by a transfer
    CONSULT = "consult"  # the private talk of agent and target
    PARTY = "party"  # a PHLO multi-party call
    CONFERENCE = "conference"  # a named Plivo conference


class Alone(Enum):
    """What becomes of the last member of a room."""

    LET_GO = "let_go"
    MUSIC = "music"
    SILENCE = "silence"


class Closing(Enum):
    """Why a room is over."""

    EMPTY = "empty"  # the last member left, or nobody came
    ALONE = "alone"  # one was left who may not stay alone
    LEADER = "leader"  # whoever it ends with has left
    LIMIT = "limit"  # its longest time is over
    ASKED = "asked"


class HoldAudience(Enum):
    """Who hears the music when a member of a PARTY room is held (plivo-phlo 4.4)."""

    HELD = "held"
    OTHERS = "others"
    BOTH = "both"


@dataclass(frozen=True)
class Member:
    leg: LegId
    role: Role
    held: bool = False  # hears music, is not heard
    muted: bool = False  # hears, is not heard
    ends_room: bool = False  # its leaving lets everybody go
    deaf: bool = False  # is heard, hears nobody
    whispers: bool = False  # is heard by the agents only, or by `coached` alone
    coached: LegId | None = None
    stays_alone: bool = False  # it stays when everybody else has left
    # Keys that its telephone presses: sent on to those who hear it, kept from them; None: they go with its voice.
    relays_keys: bool | None = None

    @property
    def is_company(self) -> bool:
        """False for a supervisor who only listens or whispers: nobody else in the room is talking with it."""
        return self.role is not Role.SUPERVISOR or not (self.muted or self.whispers)

    def reaches(self, other: Member) -> bool:
        """True when `other` may hear what this member says, as far as whispering goes."""
        if not self.whispers:
            return True
        return other.leg == self.coached if self.coached is not None else other.role is Role.AGENT


@dataclass(frozen=True, slots=True)
class Seat:
    """How somebody comes into a room, besides its role."""

    muted: bool = False
    held: bool = False
    deaf: bool = False
    whispers: bool = False
    coached: LegId | None = None
    ends_room: bool = False
    starts_room: bool = True
    stays_alone: bool = False
    relays_keys: bool | None = None

    def member(self, leg: LegId, role: Role) -> Member:
        return Member(
            leg,
            role,
            self.held,
            self.muted,
            self.ends_room,
            self.deaf,
            self.whispers,
            self.coached,
            self.stays_alone,
            self.relays_keys,
        )


Clips = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """What whoever opens a room wants of it."""

    kind: RoomKind
    alone: Alone = Alone.LET_GO
    customer_music: Clips = ()  # () = the server's hold music
    agent_music: Clips = ()
    wait_sound: Clips = ()  # before the room has started; () = hold music
    hold_audience: HoldAudience = HoldAudience.HELD
    max_members: int = 20
    limit_s: float | None = None
    name: str = ""
    program: str = ""  # the dialect that opened it, for its own look-ups
    ref: str = ""  # the dialect's own reference (node id, element id)
    tapes_supervisors: bool = True  # what supervisors say is in its recordings, coaching or not
    waits_for_company: bool = False  # who has had no company here yet is not alone, but early
    id: RoomId | None = None  # of the room, where somebody has to know it before


@dataclass(frozen=True)
class Room:
    """Legs that can hear each other."""

    id: RoomId
    call: str
    account: str
    plan: RoomPlan
    opened_at: float
    members: Mapping[LegId, Member] = field(default_factory=dict)
    lead: LegId | None = None  # the A leg of a Dial: when it leaves, the others are let go
    started: bool = True
    transfer: TransferId | None = None  # the transfer under way of which this is the main room
    main: RoomId | None = None  # for a consult room: the customer's room
    dials: tuple[DialId, ...] = ()  # who is being rung to come in here
    tapes: tuple[RecordingId, ...] = ()  # recordings of the room
    data: Mapping[str, object] = field(default_factory=dict)  # key/value pairs that travel with the call
    inherited: Mapping[str, object] = field(default_factory=dict)  # consult: what `data` began as, from `main`
    met: bool = False  # two have been in it together, where the plan asks for that


class Waiting(Enum):
    """What those who wait for a dialled party hear."""

    RINGBACK = "ringback"
    MUSIC = "music"  # the hold music of their role
    CLIPS = "clips"
    SILENCE = "silence"
    REAL = "real"  # the early audio of who is rung; ringback while there is none


class Order(Enum):
    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class DialPlan:
    """How parties are rung. `accept_digit` must be pressed by the answerer; `brief` is spoken to it alone before."""

    targets: tuple[Destination, ...]
    caller: str
    caller_name: str = ""
    role: Role = Role.AGENT
    order: Order = Order.PARALLEL
    ring_s: float = 30.0
    waiting: Waiting = Waiting.RINGBACK
    waiting_clips: Clips = ()
    brief: Clips = ()
    accept_digit: str = ""
    accept_s: float = 120.0
    headers: tuple[tuple[str, str], ...] = ()
    send_digits: str = ""  # keys pressed for the answerer's machine after the answer
    early_audio: bool = False  # early audio that comes after the first ringing is told too
    limit_s: float = MAX_LEG_S  # of a leg that answers
    program: str = ""  # the program of legs that answer
    answer_after: int | None = None
    target_headers: tuple[tuple[tuple[str, str], ...], ...] = ()  # more headers, by target
    credentials: tuple[tuple[str, str] | None, ...] = ()  # digest user and password, by target
    callers: tuple[tuple[str, str], ...] = ()  # number and name to show, by target, in place of caller and caller_name
    seat: Seat = Seat()  # of the answerer in the room
    leg_ids: tuple[LegId, ...] = ()  # of the legs to come, by target, where somebody has to know them before
    target_ring_s: tuple[float, ...] = ()  # by target, in place of `ring_s`
    insistent: bool = False  # rings telephones all the same that refuse their calls or send them on
    delays_s: tuple[float, ...] = ()  # PARALLEL: when each target is rung, counted from the start; never falling


class Purpose(Enum):
    JOIN = "join"  # the answerer comes into the room
    CONFER = "confer"  # the same, and nobody leads the room from then on: whoever leaves it, the others talk on
    TRANSFER = "transfer"  # the answerer is the target of the room's transfer
    RECALL = "recall"  # the answerer is the agent, asked back by a transfer that failed
    FIRST = "first"  # the answerer is the one on whose behalf the next is dialled


@dataclass(frozen=True)
class Dial:
    """An attempt to bring somebody into a room."""

    id: DialId
    room: RoomId
    plan: DialPlan
    purpose: Purpose
    legs: tuple[LegId, ...] = ()  # ringing, or answered and not yet accepted
    tried: int = 0  # how many targets were rung so far
    rang: bool = False
    accepting: tuple[LegId, ...] = ()
    outcome: Outcome = Outcome.FAILED  # why nobody was reached so far
    status: int = 0  # the SIP status that said so
    lead: LegId | None = None
    then: DialPlan | None = None  # FIRST: whom to dial once the answerer is in


class Kind(Enum):
    COLD = "cold"
    WARM = "warm"  # one request, then consult
    CONSULT = "consult"  # two steps


class Phase(Enum):
    RINGING = "ringing"  # the target rings, the agent waits for it
    CONSULTING = "consulting"
    JOINING = "joining"  # the target rings, the agent has gone back to the customer and waits there
    FOLLOWING = "following"  # the target rings, the agent is gone
    RECALLING = "recalling"  # the agent is rung again
    ANNOUNCING = "announcing"  # the customer is told that nobody came


class FallbackKind(Enum):
    """What is done with the customer when nobody was reached and the agent is gone."""

    RECALL = "recall"  # ring the agent again
    NEXT = "next"  # ring another address
    VOICEMAIL = "voicemail"  # ring the address of a voicemail
    ANNOUNCE = "announce"  # say so, then let the customer go
    PARK = "park"  # hold music until somebody is added
    RELEASE = "release"  # let the customer go: to its program, or hang up


@dataclass(frozen=True, slots=True)
class Fallback:
    kind: FallbackKind
    destination: Destination | None = None
    clips: Clips = ()


class TransferOutcome(Enum):
    COMPLETED = "completed"  # customer and target talk
    MERGED = "merged"  # completed, and the agent stays with them
    ABORTED = "aborted"
    RETURNED = "returned"  # a recall brought the agent back
    CUSTOMER_LEFT = "customer_left"
    CUSTOMER_RELEASED = "customer_released"  # the agent let the customer go on purpose
    TARGET_LEFT = "target_left"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"

    @property
    def succeeded(self) -> bool:
        return self in (TransferOutcome.COMPLETED, TransferOutcome.MERGED)


def not_reached(outcome: Outcome) -> TransferOutcome:
    """Maps why a leg was not reached to the four causes that a transfer tells (plivo-phlo 4.5, "Causes")."""
    if outcome is Outcome.BUSY:
        return TransferOutcome.BUSY
    if outcome in (Outcome.REJECTED, Outcome.FORBIDDEN, Outcome.CANCELLED):  # cancelled: somebody here said no for it
        return TransferOutcome.REJECTED
    if outcome in (Outcome.NO_ANSWER,):
        return TransferOutcome.NO_ANSWER
    return TransferOutcome.UNREACHABLE


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """How a transfer is to go."""

    kind: Kind
    dial: DialPlan
    fallbacks: tuple[Fallback, ...] = (Fallback(FallbackKind.RELEASE),)
    keep_agent: bool = False  # COLD: the agent stays until the target has answered (`cold_release = on_answer`)
    rejoin: bool = True  # a returned agent talks to the customer at once; False: the customer stays held
    consult_music: Clips = ()  # what the agent hears while the target rings; () = ringback
    program: str = ""


@dataclass(frozen=True)
class Transfer:
    """An agent handing the customer to a target."""

    id: TransferId
    room: RoomId
    agent: LegId
    plan: TransferPlan
    phase: Phase
    started_at: float
    agent_destination: Destination | None
    agent_role: Role
    consult: RoomId | None = None
    target: LegId | None = None  # once answered
    dial: DialId | None = None
    fallback: int = 0  # the next one to try
    failure: TransferOutcome | None = None  # why the target was not reached, while a fallback runs


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording under way."""

    id: RecordingId
    path: str
    left: tuple[LegId, ...]
    right: tuple[LegId, ...]
    max_ms: int | None = None
    room: RoomId | None = None  # follows this room: customers left, the others right
    follows: LegId | None = None  # follows this leg: what it says left, whom it hears right
    mono: bool = False  # both sides in one channel
    heard: bool = False  # right is all that `follows` hears, prompts and music too
    paused: bool = False  # what is said now is not in the file
    whispers: bool = True  # of a room: what supervisors whisper is in it


class StreamEnd(Enum):
    """Why an audio stream is over."""

    ASKED = "asked"  # somebody stopped it
    PEER = "peer"  # its program closed the connection
    TIMEOUT = "timeout"  # its longest time is over
    CALL = "call"  # its leg is over
    TAKEN = "taken"  # its leg was taken to something else, and the stream was not to go on
    LOST = "lost"  # no connection, or none any more, after all tries


@dataclass(frozen=True)
class AudioStream:
    """One stream of one leg."""

    id: StreamId
    leg: LegId
    plan: StreamPlan
    connected: bool = False
