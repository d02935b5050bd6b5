"""What somebody may ask of the core. A request is refused whole (`errors.Refused`) or accepted whole.

The answer (`Accepted`) names what came into being; the outcome comes later as facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from switchhook.core.addresses import Destination
from switchhook.core.ids import DialId, LegId, RecordingId, RoomId, SoundId, StreamId, TransferId
from switchhook.core.model import By, Clips, DialPlan, Diversion, Role, RoomPlan, Seat, StreamPlan, TransferPlan
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass

# --- where an arriving call goes (found by the exchange, carried by `events.LegArrived`) ----------------------------


@dataclass(frozen=True, slots=True)
class ToProgram:
    """A document or a flow takes the call; it decides when to answer."""

    account: str
    program: str  # "plivo" or "phlo"
    ref: str  # application id or flow id
    back: Destination | None = None
    endpoint: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ToParties:
    """The call is put through: the caller is answered when one of them answers."""

    account: str
    plan: DialPlan
    back: Destination | None = None
    endpoint: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ToNobody:
    """The call is refused."""

    outcome: Outcome
    account: str = ""
    status: int = 0
    reason: str = ""  # the rule, for people


Route = ToProgram | ToParties | ToNobody


# --- legs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Originate:
    """Ring somebody; when answered, `program` goes on with the leg (`LegConnected` tells)."""

    account: str
    destination: Destination
    caller: str
    program: str
    caller_name: str = ""
    ring_s: float = 120.0
    limit_s: float = 14_400.0
    headers: tuple[tuple[str, str], ...] = ()
    answer_after: int | None = None
    early_audio: bool = False  # `LegRinging` is told again when early audio comes after plain ringing
    parent: LegId | None = None  # the call that it belongs to, for the record


@dataclass(frozen=True, slots=True)
class TellRinging:
    """Send 180 to an inbound leg; `early` opens early audio (183), in which it hears what is played to it."""

    leg: LegId
    early: bool = False


@dataclass(frozen=True, slots=True)
class AnswerLeg:
    """Answer an inbound leg; already up is fine."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Divert:
    """Send calls to the telephone with this key on, refuse them, or (an empty diversion) ring it again.

    Calls that ring already go on. A dial that is `insistent` rings the telephone all the same.
    """

    key: str
    diversion: Diversion


@dataclass(frozen=True, slots=True)
class PressAnswerKey:
    """Ask a ringing telephone to pick up by itself; `AnswerNotPressed` comes if it has not within `wait_s`."""

    leg: LegId
    wait_s: float = 5.0


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg in any state."""

    leg: LegId
    by: By = By.API
    outcome: Outcome = Outcome.COMPLETED  # an unanswered leg gets CANCELLED in its place
    status: int = 0  # for an unanswered inbound leg: the SIP status to refuse with
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """Play to one leg alone, from the start; replaces what it was playing.

    An inbound leg that is not up is answered, or (`early`) hears it in early audio and stays unanswered.
    """

    leg: LegId
    clips: Clips
    repeat: int = 1
    hang_up_after: bool = False
    early: bool = False


@dataclass(frozen=True, slots=True)
class StopSound:
    leg: LegId


@dataclass(frozen=True, slots=True)
class PlayOver:
    """Lay a sound over what a leg hears (`mixed`), or let it hear nothing else; replaces the one before."""

    leg: LegId
    clips: tuple[str, ...]
    repeat: int = 1  # 0 = for ever
    mixed: bool = True
    max_s: float | None = None  # it ends after so long, at the latest


@dataclass(frozen=True, slots=True)
class StopOver:
    """End the sound laid over what a leg hears; none there changes nothing."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class SendKeys:
    """Press keys towards the telephone of a leg that is up, each for `tone_ms`."""

    leg: LegId
    digits: str
    tone_ms: int = 160


@dataclass(frozen=True, slots=True)
class ListenFor:
    """Have it told by `VoiceHeard` when a leg begins and stops to talk (`on`), until this listener wants no more.

    `by` names who asks, so that several may at a time; repeating changes nothing. Only legs that somebody listens for
    cost anything.
    """

    leg: LegId
    on: bool
    by: str = ""


@dataclass(frozen=True, slots=True)
class SetLimit:
    """Hang the leg up in `after_s` seconds."""

    leg: LegId
    after_s: float


@dataclass(frozen=True, slots=True)
class Take:
    """Pull legs out of whatever they are doing and give them to `program`, which goes on with each at once.

    Rooms and dials that they leave end by their own rules, except that nobody in `legs` is hung up by them.
    """

    legs: tuple[LegId, ...]
    program: str
    end_streams: bool = False  # their audio streams end with it; else they go on, since the legs do


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line into the call's timeline."""

    leg: LegId
    text: str


# --- rooms ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connect:
    """Dial on behalf of `leg` and put it together with whoever answers; opens a CALL room that `leg` leads.

    An inbound leg that is not up is answered when somebody answers (and accepts).
    """

    leg: LegId
    plan: DialPlan
    room: RoomPlan | None = None
    role: Role = Role.CUSTOMER


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Ring the caller's own telephone, then the destination (a desktop's Dial)."""

    account: str
    first: DialPlan
    then: DialPlan
    data: Mapping[str, object] = field(default_factory=dict)
    program: str = ""


@dataclass(frozen=True, slots=True)
class PlaceParty:
    """Open a room and dial its first member; nobody answering closes it again. One of that name is joined instead."""

    account: str
    plan: RoomPlan
    dial: DialPlan
    call: str = ""  # the chain of rooms that a new room belongs to; "": one of its own


@dataclass(frozen=True, slots=True)
class PlaceSecondCall:
    """Dial from a leg that is already up and turns away from its present room (a desktop's Dial while on hold)."""

    leg: LegId
    plan: DialPlan
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnterRoom:
    """Put a leg into the open room of that account, kind and name, or open it. Answers an inbound leg."""

    leg: LegId
    plan: RoomPlan
    role: Role = Role.CUSTOMER
    seat: Seat = Seat()
    account: str = ""  # whose room it is; "" = of the leg's own account


@dataclass(frozen=True, slots=True)
class Accompany:
    """Bring a supervisor, who is in a room already, into another one as well, and let it turn there.

    It keeps how it takes part. It may come into a consult: its own telephone is the only new pair of ears.
    """

    leg: LegId
    room: RoomId


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Take a member out of its room; it is freed to its program, or hung up."""

    room: RoomId
    leg: LegId


@dataclass(frozen=True, slots=True)
class AddParty:
    """Dial somebody into a room; in a `conference` the others talk on whoever leaves, once the party has come."""

    room: RoomId
    plan: DialPlan
    conference: bool = False


@dataclass(frozen=True, slots=True)
class CancelDial:
    """Stop ringing whoever is being rung by this attempt."""

    dial: DialId


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the call that rings at a leg's telephone on to another: whoever waits goes on waiting, now for that one."""

    leg: LegId
    to: Destination


@dataclass(frozen=True, slots=True)
class HoldMember:
    """The member hears music and is not heard (`on`), or comes back. Repeating changes nothing."""

    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class MuteMember:
    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class DeafenMember:
    """The member is heard and hears nobody (`on`), or hears again. Repeating changes nothing."""

    room: RoomId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class SetWhisper:
    """The member is heard by the agents only, or by `coached` alone (`on`), or by everybody again."""

    room: RoomId
    leg: LegId
    on: bool
    coached: LegId | None = None


@dataclass(frozen=True, slots=True)
class StartRoom:
    """Begin a room whose members still wait for its start. Repeating changes nothing."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class TurnTo:
    """A leg turns to one of its rooms, or away from all (None): a desktop's Hold, Retrieve and SwapCalls."""

    leg: LegId
    room: RoomId | None


@dataclass(frozen=True, slots=True)
class ReleaseCall:
    """A desktop hangs up one of its calls on purpose: the leg leaves the room, and in a room of two so does the other.

    On the consult of a running transfer this cancels it; on its main room it releases the customer.
    """

    leg: LegId
    room: RoomId


@dataclass(frozen=True, slots=True)
class DropVoicemail:
    """Cut a member off from the others, play to it, and hang it up when the sound ends."""

    room: RoomId
    leg: LegId
    clips: Clips


@dataclass(frozen=True, slots=True)
class SetData:
    room: RoomId
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EndRoom:
    """Let everybody in the room go."""

    room: RoomId


# --- transfers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTransfer:
    room: RoomId
    agent: LegId
    plan: TransferPlan
    data: Mapping[str, object] | None = None  # for the consult room


@dataclass(frozen=True, slots=True)
class CompleteTransfer:
    """The agent leaves the customer to the target, before or after the target has answered."""

    transfer: TransferId


@dataclass(frozen=True, slots=True)
class AbortTransfer:
    transfer: TransferId


@dataclass(frozen=True, slots=True)
class JoinTransfer:
    """Merge: agent, customer and target talk together."""

    transfer: TransferId


@dataclass(frozen=True, slots=True)
class SwapTransfer:
    """The agent turns from the target to the customer, or back."""

    transfer: TransferId


# --- recordings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record certain legs, or follow a room (customers left, the others right) or a leg (left what it says)."""

    legs_left: tuple[LegId, ...]
    legs_right: tuple[LegId, ...]
    path: str
    id: RecordingId | None = None
    max_ms: int | None = None
    room: RoomId | None = None
    follow: LegId | None = None
    mono: bool = False  # one channel with everybody, in place of two sides
    heard: bool = False  # following a leg: with all that it hears, prompts and music too, in place of the voices alone
    whispers: bool = True  # of a room: with what supervisors whisper


@dataclass(frozen=True, slots=True)
class StopRecording:
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Leave out of the file what is said from now on. Repeating changes nothing."""

    recording: RecordingId


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    """Go on with the file where it was when it was paused. Repeating changes nothing."""

    recording: RecordingId


# --- audio streams --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartStream:
    """Fork the audio of a leg that is up to a program; one stream a leg at a time."""

    leg: LegId
    plan: StreamPlan


@dataclass(frozen=True, slots=True)
class StopStream:
    stream: StreamId


Request = (
    Originate
    | TellRinging
    | AnswerLeg
    | PressAnswerKey
    | Divert
    | HangUp
    | Play
    | StopSound
    | PlayOver
    | StopOver
    | SendKeys
    | ListenFor
    | SetLimit
    | Take
    | Note
    | Connect
    | PlaceCall
    | PlaceSecondCall
    | PlaceParty
    | EnterRoom
    | Accompany
    | LeaveRoom
    | AddParty
    | CancelDial
    | Redirect
    | HoldMember
    | MuteMember
    | DeafenMember
    | SetWhisper
    | StartRoom
    | TurnTo
    | ReleaseCall
    | DropVoicemail
    | SetData
    | EndRoom
    | StartTransfer
    | CompleteTransfer
    | AbortTransfer
    | JoinTransfer
    | SwapTransfer
    | StartRecording
    | StopRecording
    | StartStream
    | StopStream
    | PauseRecording
    | ResumeRecording
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a request: what came into being by it."""

    leg: LegId | None = None
    room: RoomId | None = None
    dial: DialId | None = None
    transfer: TransferId | None = None
    sound: SoundId | None = None
    recording: RecordingId | None = None
    stream: StreamId | None = None
