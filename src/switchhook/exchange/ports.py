"""The five doors between the call logic and the world: one small class each, with a fake that passes the same exam.

`Signalling` (SIP), `Media` (audio), `Journal` (facts on disk), `Timers` and `Sender` (outgoing HTTP). Calls through a
port never block and never fail for reasons of the network: what becomes of them comes back as events. They may
raise only the errors named in their docstrings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from switchhook.core.addresses import Endpoint as Endpoint
from switchhook.core.addresses import Phone as Phone
from switchhook.core.addresses import Trunk as Trunk
from switchhook.core.addresses import Uri as Uri
from switchhook.core.events import Event
from switchhook.core.facts import Fact
from switchhook.core.ids import LegId, RecordingId, StreamId
from switchhook.core.outcomes import Outcome
from switchhook.core.sources import Sources
from switchhook.core.values import dataclass
from switchhook.exchange.archive import Archive as Archive
from switchhook.exchange.archive import RecordingFilter as RecordingFilter
from switchhook.exchange.archive import RecordingRow as RecordingRow
from switchhook.exchange.ended_rooms import EndedRoom as EndedRoom
from switchhook.exchange.ended_rooms import EndedRoomFilter as EndedRoomFilter
from switchhook.exchange.objects import Document as Document
from switchhook.exchange.objects import Objects as Objects
from switchhook.exchange.records import EndedAs as EndedAs
from switchhook.exchange.records import LegFilter as LegFilter

Emit = Callable[[Event], None]  # how an adapter hands an event to the exchange; called inside the event loop


# --- audio sessions -------------------------------------------------------------------------------------------------


class Codec(Enum):
    __hash__ = object.__hash__  # not that of the name, which is a function call: it is a key in every call

    PCMU = "PCMU"  # static payload type 0
    PCMA = "PCMA"  # static payload type 8


class Direction(Enum):
    """Where audio may flow, said from the telephone's side as in its SDP."""

    __hash__ = object.__hash__  # not that of the name, which is a function call: it is a key in every call

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"  # the telephone put us on hold
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


class Latching(Enum):
    """Whose packets are accepted (media-engineering 2.1)."""

    __hash__ = object.__hash__  # not that of the name, which is a function call: it is a key in every call

    STRICT = "strict"  # only the SDP address
    SIGNALLING = "signalling"  # (default) the SDP address, or the address the SIP came from
    ANY = "any"  # also any other, within the first 5 s


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """Where our side of a leg receives: goes into our SDP."""

    host: str
    port: int  # RTP; RTCP is port + 1


@dataclass(frozen=True, slots=True)
class Session:
    """What offer and answer agreed for one leg's audio (RFC 3264)."""

    remote_host: str
    remote_port: int
    codec: Codec
    payload: int  # payload type of `codec` in both directions
    digits_payload: int | None = None  # RFC 4733 telephone-event, as the telephone wants to receive it
    noise_payload: int | None = None  # comfort noise (13) if both have it
    direction: Direction = Direction.SENDRECV
    frame_ms: int = 20
    remote_rtcp_port: int | None = None  # None: remote_port + 1
    rtcp_mux: bool = False
    signalling_host: str = ""  # the IP that the SIP came from
    latching: Latching = Latching.SIGNALLING


# --- signalling -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invitation:
    """An outgoing call."""

    leg: LegId
    target: Phone
    caller: str  # user part of From
    caller_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # extra header lines such as ("X-PH-Tier", "gold")
    answer_after: int | None = None  # seconds; sent as Call-Info ;answer-after=
    credentials: tuple[str, str] | None = field(default=None, repr=False)  # digest user and password of this call
    hops_left: int = 70  # Max-Forwards, so that a loop through other elements ends


class Signalling(Protocol):
    """Makes, answers and ends legs. Tells the exchange by events (`core.events`) and by `on_session`."""

    def invite(self, invitation: Invitation) -> None:
        """Calls a telephone; `LegRang`, `LegAnswered` or `LegFailed` follow, exactly one of the last two."""

    def ring(self, leg: LegId) -> None:
        """Sends 180 to a calling telephone."""

    def progress(self, leg: LegId) -> None:
        """Sends 183 with SDP to a calling telephone, so that it hears early audio."""

    def answer(self, leg: LegId) -> None:
        """Sends 200 to a calling telephone; `LegGone` follows if the answer is never acknowledged."""

    def end(self, leg: LegId, outcome: Outcome, *, status: int = 0) -> None:
        """Ends a leg in any state: CANCEL, BYE, or a final answer (`status`, else from the outcome). Idempotent."""

    def press_answer(self, leg: LegId) -> None:
        """Asks a ringing telephone to pick up by itself: NOTIFY with `Event: talk` in the early dialog."""

    def hidden(self, leg: LegId) -> str:
        """Returns the SIP Call-ID of a leg for the record, or an empty text."""
        return ""


# --- audio ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file being written. Two channels: what the `left` legs say, mixed, and what the `right` legs say."""

    id: RecordingId
    path: str
    left: tuple[LegId, ...]
    right: tuple[LegId, ...] = ()  # empty: a mono file
    max_ms: int | None = None
    stereo: bool = False  # two channels also if nobody is on the right yet
    paused: bool = False  # nothing is written now, and no gap is left for it
    ears: tuple[LegId, ...] = ()  # all that these legs hear, on the right (in a mono file with the rest)


@dataclass(frozen=True, slots=True)
class MediaStats:
    """Counted over the whole leg; loss and jitter as RFC 3550 A.3 and A.8 measure them."""

    received: int = 0
    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    late: int = 0
    strangers: int = 0
    jitter_ms: float = 0.0
    remote_lost: int = 0  # what the telephone's RTCP reports say of our stream
    remote_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    stranger: str = ""  # who sent the `strangers` to us: "203.0.113.5:4711", or that one "and others"


@dataclass(frozen=True, slots=True)
class Forked:
    """One audio stream between a leg and a program behind a WebSocket (plivo-xml 4 has the frames)."""

    id: StreamId
    leg: LegId
    url: str
    address: str  # the IP address to connect to: that of the URL's host, checked by the policy
    opening: tuple[tuple[str, str], ...]  # `callId`, `accountId` and `extra_headers` of the first frame
    tracks: tuple[str, ...] = ("inbound",)
    encoding: str = "l16"  # or "mulaw"
    rate: int = 8_000
    bidirectional: bool = False
    is_leg: bool = False  # what the program says is what the leg says, and `inbound` is what the leg hears
    headers: tuple[tuple[str, str], ...] = ()  # of the upgrade request
    retries: int = 2
    says_stop: bool = True  # a `stop` frame before the connection is closed
    verify: bool = True  # the certificate of a wss URL


class Media(Protocol):
    """Carries out who hears whom. All statements may be repeated; a leg hears silence until told otherwise."""

    def open(self, leg: LegId) -> MediaAddress:
        """Reserves a port pair; raises `Unavailable` when `max_legs` are in use."""

    def connect(self, leg: LegId, session: Session) -> None:
        """States where the leg's telephone is and what it speaks; again after each re-INVITE."""

    def hear(self, batch: Sequence[tuple[LegId, Sources]]) -> None:
        """States what each of these legs hears from the next 20 ms tick on; the whole batch switches in one tick."""

    def prepare(self, clips: Sequence[str]) -> None:
        """Decodes sounds ahead of their use."""

    def record(self, recording: Recording) -> None:
        """Starts a recording, or states other legs or a pause for one that runs.

        `RecordingEnded` follows exactly once; its duration, as `max_ms`, counts what is in the file.
        """

    def stop_recording(self, recording: RecordingId) -> None: ...

    def send_digits(self, leg: LegId, digits: str, tone_ms: int = 160) -> None:
        """Sends key presses to the telephone (RFC 4733); `w` waits 0.5 s, `W` 1 s."""

    def notice(self, leg: LegId, on: bool) -> None:
        """Tells by `VoiceStarted` and `VoiceStopped` when the leg talks, from now on (`on`) or no longer.

        Silence is assumed at the beginning, so the first event of a leg that talks is `VoiceStarted`.
        """

    def fork(self, stream: Forked) -> None:
        """Connects a leg with a program; `StreamConnected` or `StreamOver` follows, later `StreamOver` unless ended."""

    def end_fork(self, stream: StreamId) -> None:
        """Says goodbye to the program and closes; no event follows."""

    def tell_fork(self, stream: StreamId, digit: str) -> None:
        """Tells the program of a key that the telephone pressed."""

    def keep_keys(self, leg: LegId, on: bool) -> None:
        """Reports the leg's keys and passes them to nobody (`on`), or with its voice to its hearers, as at first."""

    def close(self, leg: LegId) -> None:
        """Frees the leg's ports; the final `MediaStats` go to the `on_stats` callback."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a registered telephone can be reached."""

    uri: str
    expires_at: float  # clock seconds
    user_agent: str = ""


@runtime_checkable
class Telephones(Protocol):
    """Signalling that can learn of telephones while it runs."""

    def admit(self, username: str, hashes: Mapping[str, str], latching: Latching) -> None:
        """Lets a telephone register and call from now on; `hashes` are by digest algorithm, for our realm."""

    def expel(self, username: str) -> None:
        """Knows a telephone no longer: its registration ends, its calls go on."""

    def contacts(self, username: str) -> list[Contact]:
        """Returns where a telephone can be reached, preferred first."""


# --- the rest -------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> float:
        """Returns seconds since 1970 that never go backwards (a wall-clock start plus monotonic time)."""


class Timers(Protocol):
    def arm(self, timer: str, at: float) -> None:
        """Makes `TimerFired(timer)` come at `at` (clock seconds); arming again moves it."""

    def disarm(self, timer: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: a fact, when it became true, and why."""

    at: float
    kind: str  # the fact's class name, or "SipMessage", "HttpRequest", "HttpReply", "Webhook", "SipNote", "Warning"
    call: str  # the call (chain of rooms) this belongs to, "" when none
    leg: str
    body: dict[str, object]
    cause: str = ""  # api id, SIP message or timer that brought it about


class Journal(Protocol):
    def append(self, entry: Entry) -> None:
        """Takes a line; it is on disk within a fraction of a second, in order. Never blocks."""


@runtime_checkable
class FactJournal(Journal, Protocol):
    """A journal that takes what the exchange has at hand, and makes lines of it in its own time (and thread).

    So what it is given must not change any more.
    """

    def facts(self, at: float, facts: Sequence[Fact], cause: str) -> None:
        """Takes what one step made true, in order: as `append` of a line for each fact."""

    def message(self, at: float, leg: str, way: str, wire: bytes, peer: str) -> None:
        """Takes a SIP message that came ("in") or went ("out"): its first line is kept, not its content.

        A leg that is not known yet is an arriving one, which begins a call of its own id.
        """


@runtime_checkable
class Records(Protocol):
    """Reads what is on disk about past calls; each method blocks, so call it in a thread."""

    def leg_record(self, leg: str) -> Any:
        """Returns the record of an ended leg, or None."""

    def legs(self, wanted: LegFilter, *, limit: int = 20, offset: int = 0) -> tuple[Sequence[Any], int]:
        """Returns a page of the records of ended legs, newest end first, and how many there are in all."""

    def endings(self, wanted: LegFilter) -> list[EndedAs]:
        """Returns the different ways in which the wanted legs ended."""

    def talked_s(self, account: str, since: float) -> float:
        """Returns how long the legs that an account dialled were answered, of those that ended since a moment."""

    def call(self, call: str) -> list[Entry]:
        """Returns all lines of a call, in order."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str  # where the answer came from, after redirects


class Sender(Protocol):
    async def reach(self, host: str) -> str:
        """Returns the IP address to connect to for a host; raises `Unavailable`, naming the rule, when none may be."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        connect_s: float = 2.0,
        read_s: float = 40.0,
        max_bytes: int = 100 * 1024,
        follow: bool = True,  # redirects; off: they are returned as answers
    ) -> Reply:
        """Sends one HTTP request under the webhook policy; raises `Unavailable` when no whole answer came."""
