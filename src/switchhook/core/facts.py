"""What became true, in the order in which it did: the only input of `apply` and the content of the journal.

Webhooks, CometD messages, the timeline, call records and metrics are readers of these. A fact is never taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from switchhook.core.ids import DialId, LegId, RecordingId, RoomId, SoundId, StreamId, TransferId
from switchhook.core.model import (
    AudioStream,
    By,
    Closing,
    Dial,
    Diversion,
    Fallback,
    Leg,
    Member,
    Phase,
    Room,
    StreamEnd,
    Tape,
    Transfer,
    TransferOutcome,
    Waiting,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sound, Sources
from switchhook.core.values import dataclass

# --- legs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LegCreated:
    leg: Leg


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The outbound telephone rings, or we told the inbound one that it is ringing."""

    leg: LegId
    early: bool = False


@dataclass(frozen=True, slots=True)
class LegConnected:
    """The leg is up: answered by its telephone (outbound) or by us (inbound)."""

    leg: LegId
    at: float


@dataclass(frozen=True, slots=True)
class LegEnded:
    leg: LegId
    outcome: Outcome
    by: By
    sip_status: int = 0
    q850: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PhoneHeld:
    """The telephone put us on hold (`on`) or took us back."""

    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class FocusChanged:
    """The leg turned to another room, or away from all of them (None)."""

    leg: LegId
    room: RoomId | None


@dataclass(frozen=True, slots=True)
class LegFreed:
    """No room holds the leg any more; its program goes on with it.

    `dial` and `outcome` tell of the attempt that ended this way, if one did.
    """

    leg: LegId
    room: RoomId
    program: str
    dial: DialId | None = None
    outcome: Outcome = Outcome.COMPLETED


@dataclass(frozen=True, slots=True)
class ProgramSet:
    """Another program, or none, goes on with the leg from now on."""

    leg: LegId
    program: str


@dataclass(frozen=True, slots=True)
class SoundStarted:
    leg: LegId
    sound: Sound
    hang_up_after: bool = False


@dataclass(frozen=True, slots=True)
class SoundFinished:
    """The sound reached its end, was stopped (`stopped`), or could not be played (`error`)."""

    leg: LegId
    sound: SoundId
    stopped: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class OverlayStarted:
    """A sound is laid over what the leg hears (`mixed`), or heard in its place; the others hear the leg as before."""

    leg: LegId
    sound: Sound
    mixed: bool = True


@dataclass(frozen=True, slots=True)
class OverlayFinished:
    leg: LegId
    sound: SoundId
    stopped: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class DigitHeard:
    leg: LegId
    digit: str
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class DigitsSent:
    leg: LegId
    digits: str


@dataclass(frozen=True, slots=True)
class AnswerAsked:
    """The ringing telephone was asked to pick up by itself."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class AnswerNotPressed:
    """It did not, in time; it goes on ringing."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """No audio comes from the telephone (`lost`), or it comes again."""

    leg: LegId
    lost: bool


@dataclass(frozen=True, slots=True)
class ListeningChanged:
    """Who wants to know when this leg talks; nobody any more when it is empty."""

    leg: LegId
    listeners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """A leg that is listened for began to talk (`on`) after `after_ms` of silence, or stopped after `after_ms` of talk.

    When it has stopped, it has been silent for `events.VOICE_HANGOVER_MS` already.
    """

    leg: LegId
    on: bool
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class LimitSet:
    """The leg is hung up at `at` at the latest (None: when its longest time ends)."""

    leg: LegId
    at: float | None


# --- rooms ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomOpened:
    room: Room


@dataclass(frozen=True, slots=True)
class RoomStarted:
    """A conference that waited for its moderator begins."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class RoomClosed:
    room: RoomId
    why: Closing = Closing.EMPTY


@dataclass(frozen=True, slots=True)
class MemberJoined:
    room: RoomId
    member: Member


@dataclass(frozen=True, slots=True)
class MemberLeft:
    room: RoomId
    leg: LegId


@dataclass(frozen=True, slots=True)
class MemberHeld:
    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class MemberMuted:
    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class MemberDeafened:
    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class WhisperSet:
    """The member is heard by the agents only, or by `coached` alone (`on`), or by everybody again."""

    room: RoomId
    leg: LegId
    on: bool
    coached: LegId | None = None


@dataclass(frozen=True, slots=True)
class LeadChanged:
    """The room no longer ends with that leg (None), or ends with another one."""

    room: RoomId
    leg: LegId | None


@dataclass(frozen=True, slots=True)
class RoomParked:
    """Whoever is left alone here stays and hears music."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class DataChanged:
    """The key/value pairs that travel with the call; always the whole of them."""

    room: RoomId
    data: Mapping[str, object] = field(default_factory=dict)


# --- dials ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DialStarted:
    dial: Dial


@dataclass(frozen=True, slots=True)
class DialRang:
    """A leg of the attempt was sent out (`LegCreated` comes with it)."""

    dial: DialId
    leg: LegId
    instead: LegId | None = None  # the leg from whose telephone the call was sent on to this one


@dataclass(frozen=True, slots=True)
class DialAccepting:
    """The leg answered and is asked whether it takes the call."""

    dial: DialId
    leg: LegId


@dataclass(frozen=True, slots=True)
class DialTried:
    """One leg of the attempt was not reached or did not accept."""

    dial: DialId
    leg: LegId
    outcome: Outcome  # of the attempt so far
    status: int = 0  # the SIP status of this leg, 0 where there was none


@dataclass(frozen=True, slots=True)
class DialEnded:
    """The attempt is over: `leg` answered (and accepted), or nobody was reached and `outcome` says why."""

    dial: DialId
    room: RoomId
    leg: LegId | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DialMoved:
    """Whoever answers comes into another room; those who wait there hear what `waiting` says."""

    dial: DialId
    room: RoomId
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class DialKept:
    """The attempt is no transfer's any more: whoever answers simply joins the room."""

    dial: DialId


# --- transfers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransferStarted:
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class TransferAdvanced:
    transfer: TransferId
    phase: Phase
    target: LegId | None = None
    consult: RoomId | None = None


@dataclass(frozen=True, slots=True)
class TransferDialled:
    """Another attempt belongs to the transfer now (the next target, a recall, a voicemail)."""

    transfer: TransferId
    dial: DialId


@dataclass(frozen=True, slots=True)
class TransferMissed:
    """The target was not reached; what follows is the table's."""

    transfer: TransferId
    failure: TransferOutcome


@dataclass(frozen=True, slots=True)
class FallbackTaken:
    transfer: TransferId
    fallback: Fallback
    failure: TransferOutcome


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The one outcome of a transfer. `fallback` names what was done with the customer when the agent was gone."""

    transfer: TransferId
    room: RoomId
    outcome: TransferOutcome
    target: LegId | None = None


# --- audio ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HearingChanged:
    """What the leg hears from now on; `who` names the reason in one word for the timeline."""

    leg: LegId
    sources: Sources


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    tape: Tape


@dataclass(frozen=True, slots=True)
class RecordingTurned:
    """The recording takes other legs from now on: the room or the leg that it follows has changed company."""

    recording: RecordingId
    left: tuple[LegId, ...]
    right: tuple[LegId, ...]


@dataclass(frozen=True, slots=True)
class RecordingPaused:
    """What is said is left out of the file from now on (`on`), or is in it again."""

    recording: RecordingId
    on: bool


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    recording: RecordingId
    path: str
    duration_ms: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The leg's audio is forked to a program, which is being connected to."""

    leg: LegId
    stream: AudioStream


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The program has been reached."""

    leg: LegId
    stream: StreamId


@dataclass(frozen=True, slots=True)
class StreamNoted:
    """A checkpoint was `played`, waiting audio was `cleared`, or the stream is `degraded`."""

    leg: LegId
    stream: StreamId
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class StreamEnded:
    leg: LegId
    stream: StreamId
    end: StreamEnd
    error: str = ""


# --- around the calls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EndpointRegistered:
    """A telephone of ours can be reached now (`on`), or no longer."""

    username: str
    on: bool


@dataclass(frozen=True, slots=True)
class DiversionSet:
    """Calls to the telephone with this key go another way from now on, or (nothing set) ring it again."""

    key: str
    diversion: Diversion


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the operator should read in the timeline; it changes nothing."""

    leg: LegId
    text: str


Fact = (
    LegCreated
    | LegRinging
    | LegConnected
    | LegEnded
    | PhoneHeld
    | FocusChanged
    | LegFreed
    | ProgramSet
    | SoundStarted
    | SoundFinished
    | OverlayStarted
    | OverlayFinished
    | DigitHeard
    | DigitsSent
    | AnswerAsked
    | AnswerNotPressed
    | MediaSilent
    | ListeningChanged
    | VoiceHeard
    | LimitSet
    | RoomOpened
    | RoomStarted
    | RoomClosed
    | MemberJoined
    | MemberLeft
    | MemberHeld
    | MemberMuted
    | MemberDeafened
    | WhisperSet
    | LeadChanged
    | RoomParked
    | DataChanged
    | DialStarted
    | DialRang
    | DialAccepting
    | DialTried
    | DialEnded
    | DialMoved
    | DialKept
    | TransferStarted
    | TransferAdvanced
    | TransferDialled
    | TransferMissed
    | FallbackTaken
    | TransferEnded
    | HearingChanged
    | RecordingStarted
    | RecordingTurned
    | RecordingPaused
    | RecordingFinished
    | StreamStarted
    | StreamOpened
    | StreamNoted
    | StreamEnded
    | EndpointRegistered
    | DiversionSet
    | Noted
)
