"""What the core wants done. The shell carries it out through the ports; the result comes back as an event."""

from __future__ import annotations

from switchhook.core.addresses import Destination
from switchhook.core.ids import LegId, RecordingId, StreamId
from switchhook.core.model import AudioStream, Tape
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sources
from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Invite:
    """Ring a telephone."""

    leg: LegId
    destination: Destination
    caller: str
    caller_name: str
    headers: tuple[tuple[str, str], ...] = ()
    answer_after: int | None = None
    credentials: tuple[str, str] | None = None
    hops_left: int = 70


@dataclass(frozen=True, slots=True)
class Ring:
    """Tell an inbound telephone that the called one rings."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Progress:
    """Open early audio towards an inbound telephone."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Answer:
    leg: LegId


@dataclass(frozen=True, slots=True)
class End:
    """CANCEL, BYE or refuse; `status` is a SIP status to refuse with, 0 = the outcome's own."""

    leg: LegId
    outcome: Outcome
    status: int = 0


@dataclass(frozen=True, slots=True)
class PressAnswer:
    leg: LegId


@dataclass(frozen=True, slots=True)
class Hear:
    """From the next 20 ms tick on each of these legs hears these sources."""

    changes: tuple[tuple[LegId, Sources], ...]


@dataclass(frozen=True, slots=True)
class SendDigits:
    leg: LegId
    digits: str
    tone_ms: int = 160


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell from now on when this leg begins and stops to talk (`on`), or no longer."""

    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class KeepKeys:
    """Do not pass on the keys of this leg with its voice from now on (`on`), for somebody else does; or do again."""

    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class Record:
    tape: Tape


@dataclass(frozen=True, slots=True)
class StopRecord:
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Connect a leg's audio with a program."""

    stream: AudioStream


@dataclass(frozen=True, slots=True)
class CloseStream:
    stream: StreamId


@dataclass(frozen=True, slots=True)
class TellStream:
    """Tell the program of a key that was pressed."""

    stream: StreamId
    digit: str


@dataclass(frozen=True, slots=True)
class Arm:
    """Let `TimerFired(timer)` come at `at`; arming the same name again moves it."""

    timer: str
    at: float


@dataclass(frozen=True, slots=True)
class Disarm:
    timer: str


Action = (
    Invite
    | Ring
    | Progress
    | Answer
    | End
    | PressAnswer
    | Hear
    | SendDigits
    | Notice
    | KeepKeys
    | Record
    | StopRecord
    | OpenStream
    | CloseStream
    | TellStream
    | Arm
    | Disarm
)
