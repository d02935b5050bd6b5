"""What the world tells the core: inputs that state what happened on a telephone, in the audio, or on the clock.

An event is the world's word and is never refused: an event about a leg that is already over changes nothing.
Requests (`core.requests`) are what somebody asks for, and may be refused.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from switchhook.core.ids import LegId, RecordingId, SoundId, StreamId
from switchhook.core.outcomes import Outcome
from switchhook.core.values import dataclass


class CallerKind(Enum):
    ENDPOINT = "endpoint"  # one of our registered users, authenticated by digest
    TRUNK = "trunk"  # a SIP peer whose address matched a trunk
    STRANGER = "stranger"  # anybody else, calling what anybody may call; `from_user` is a SIP URI


@dataclass(frozen=True, slots=True)
class Arrival:
    """An INVITE that passed authentication, as far as routing and the dialects need it."""

    caller_kind: CallerKind
    caller_name: str  # endpoint user name, or trunk name, or nothing
    from_user: str  # user part of From
    from_display: str
    to_user: str  # user part of the Request-URI, percent-decoded
    from_host: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # `X-PH-...` and Diversion, as sent
    sip_call_id: str = ""
    source: str = ""  # "ip:port"
    hops_left: int = 70  # Max-Forwards: how many more elements the call may pass (RFC 3261 8.1.1.6)


@dataclass(frozen=True, slots=True)
class LegArrived:
    """A telephone calls us. The route was found by `exchange.routes` before the core sees it."""

    leg: LegId
    arrival: Arrival
    route: object = None  # a core.requests.Route


@dataclass(frozen=True, slots=True)
class LegRang:
    """The far telephone rings (180, or 183; `early` when it sends early media)."""

    leg: LegId
    early: bool = False


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The far telephone answered our INVITE (2xx), or acknowledged our answer to its INVITE."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegFailed:
    """Our INVITE ended without an answer."""

    leg: LegId
    outcome: Outcome
    sip_status: int = 0
    q850: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LegGone:
    """The far telephone hung up (BYE), gave up (CANCEL before our answer), or its dialog broke (`outcome`)."""

    leg: LegId
    outcome: Outcome = Outcome.COMPLETED
    q850: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The telephone put us on hold by re-INVITE (`on`), or took us back."""

    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key was pressed, reported once however it came (RFC 4733, INFO)."""

    leg: LegId
    digit: str  # one of 0-9 * # A-D
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class SoundEnded:
    """A finite sound reached its end on `leg`, or could not be played (`error` says why)."""

    leg: LegId
    sound: SoundId
    error: str = ""


@dataclass(frozen=True, slots=True)
class MediaLost:
    """No audio packet came from the telephone for `[media] rtp_timeout_s` seconds."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class MediaBack:
    leg: LegId


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """A leg that we listen for began to talk, `VOICE_ONSET_MS` ago; before that it was silent for `after_ms`."""

    leg: LegId
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """A leg that we listen for talked for `after_ms` and has now been silent for `VOICE_HANGOVER_MS`."""

    leg: LegId
    after_ms: int = 0


VOICE_ONSET_MS = 60  # a shorter sound is a click or a key tapped, no voice
VOICE_HANGOVER_MS = 400  # pauses inside words and between them are shorter; silence counts from this long ago


@dataclass(frozen=True, slots=True)
class StreamConnected:
    """The program at the far end of an audio stream has been reached, and was told that it begins."""

    stream: StreamId


@dataclass(frozen=True, slots=True)
class StreamTold:
    """Something happened on a stream: a checkpoint was `played`, audio was `cleared`, or it is `degraded`."""

    stream: StreamId
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class StreamPressed:
    """The program wants keys pressed towards the telephone."""

    stream: StreamId
    digits: str


@dataclass(frozen=True, slots=True)
class StreamOver:
    """The program closed the connection; with an `error` it was lost or never came about."""

    stream: StreamId
    error: str = ""


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    recording: RecordingId
    path: str
    duration_ms: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer armed by an `Arm` action ran out; a late or repeated one changes nothing."""

    timer: str


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """A telephone registered or the last of its contacts went away."""

    username: str
    registered: bool
    contacts: tuple[str, ...] = field(default=())


Event = (
    LegArrived
    | LegRang
    | LegAnswered
    | LegFailed
    | LegGone
    | LegHeld
    | DigitPressed
    | SoundEnded
    | MediaLost
    | MediaBack
    | VoiceStarted
    | VoiceStopped
    | StreamConnected
    | StreamTold
    | StreamPressed
    | StreamOver
    | RecordingEnded
    | TimerFired
    | EndpointChanged
)
