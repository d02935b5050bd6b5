"""The elements of a document as values."""

from __future__ import annotations

from switchhook.core.values import dataclass
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.mpc.wishes import MultiPartyCall as MultiPartyCall
from switchhook.dialects.plivo.streaming.wishes import Wishes

MOST_S = 86_400
DIAL_S = 14_400


@dataclass(frozen=True, slots=True)
class Speak:
    text: str
    voice: str = "WOMAN"
    language: str = "en-US"
    loop: int = 1  # 0: until the leg hangs up or is taken away
    markup: str = ""  # SSML that the speech program reads; empty: the text is all there is


@dataclass(frozen=True, slots=True)
class Play:
    url: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class BeepWanted:
    """What counts as a voicemail's beep."""

    least_ms: int = 300
    gap_ms: int = 50  # so long without the tone is its end
    level: int = 256  # of 32767: quieter is none


@dataclass(frozen=True, slots=True)
class Wait:
    length_s: int = 1
    silence_ms: int = 0  # ends after so long a silence; 0: nobody listens for it
    beep: BeepWanted | None = None  # ends with a voicemail's beep


Prompt = Speak | Play | Wait  # what other elements may have inside


@dataclass(frozen=True, slots=True)
class GetDigits:
    prompts: tuple[Prompt, ...] = ()
    action: Link | None = None
    redirect: bool = True
    timeout_s: int = 5  # for the first key after the prompts
    digit_timeout_s: int = 2  # for each further one
    most: int = 99
    finish_on: str = "#"  # keys that end it; none when empty
    tries: int = 1
    beep: bool = False
    valid: str = "0123456789*#"
    invalid_sound: str = ""
    log: bool = True


@dataclass(frozen=True, slots=True)
class GetInput:
    prompts: tuple[Prompt, ...] = ()
    action: Link | None = None
    redirect: bool = True
    dtmf: bool = True
    speech: bool = False
    execution_s: int = 15  # for the whole input, after the prompts
    digit_end_s: int = 2
    speech_end_s: int = 1
    start_s: int | None = None  # for its beginning
    tries: int = 1
    finish_on: str = "#"
    most: int = 32
    model: str = "default"
    hints: tuple[str, ...] = ()
    language: str = "en-US"
    interim: Link | None = None
    profanity_filter: bool = False
    log: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    action: Link | None = None
    redirect: bool = True
    file_format: str = "mp3"
    max_s: int = 60
    silence_s: int = 15
    finish_on: str | None = None  # keys that end it; None: as the configuration says
    beep: bool = True
    session: bool = False  # the whole call from now on, while the document goes on
    on_dial: bool = False  # the same, from the moment when a later Dial connects
    mono: bool = False
    callback: Link | None = None
    transcription: Link | None = None
    transcription_type: str = "auto"
    transcription_report: str = "compact"


@dataclass(frozen=True, slots=True)
class Dtmf:
    digits: str
    wait: bool = False  # goes on when all is sent


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    src: str = ""
    dst: tuple[str, ...] = ()
    callback: Link | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A Number or a User of a Dial."""

    address: str
    position: int  # 1-based, among the children
    send_digits: str = ""
    sip_headers: tuple[tuple[str, str], ...] = ()
    credentials: tuple[str, str] | None = None
    caller_id: str | None = None  # None: the Dial's; "" is anonymous
    caller_name: str | None = None
    on_preanswer: bool = False  # its digits are sent as soon as it sends early audio


@dataclass(frozen=True, slots=True)
class Dial:
    targets: tuple[Target, ...]
    action: Link | None = None
    redirect: bool = True
    timeout_s: int | None = None  # None: as the configuration says
    time_limit_s: int = DIAL_S
    caller_id: str | None = None  # None: the caller's; "" is anonymous
    caller_name: str | None = None
    hangup_on_star: bool = False
    confirm_sound: Link | None = None
    confirm_key: str = ""
    confirm_timeout_s: int = 120
    dial_music: Link | None = None
    real_music: bool = False  # A hears the early audio of who is dialled
    callback: Link | None = None
    digits_match: tuple[str, ...] = ()
    digits_match_bleg: tuple[str, ...] = ()
    sip_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Beep:
    times: int


@dataclass(frozen=True, slots=True)
class Conference:
    name: str
    muted: bool = False
    enter_sound: Link | Beep | None = None
    exit_sound: Link | Beep | None = None
    starts: bool = True
    ends: bool = False
    stay_alone: bool = True
    wait_sound: Link | None = None
    max_members: int = 20
    time_limit_s: int = MOST_S
    hangup_on_star: bool = False
    action: Link | None = None
    redirect: bool = True
    callback: Link | None = None
    digits_match: tuple[str, ...] = ()
    record: bool = False
    record_format: str = "mp3"
    record_when_alone: bool = False
    transcription: Link | None = None
    floor_event: bool = False
    relay_keys: bool = True


@dataclass(frozen=True, slots=True)
class Redirect:
    link: Link | None


@dataclass(frozen=True, slots=True)
class Hangup:
    reason: str = ""  # rejected or busy: before the answer
    schedule_s: int = 0


@dataclass(frozen=True, slots=True)
class PreAnswer:
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    wishes: Wishes | None  # None: what was asked for cannot be


Element = (
    Speak
    | Play
    | Wait
    | Record
    | GetDigits
    | GetInput
    | Dial
    | Conference
    | MultiPartyCall
    | Redirect
    | Hangup
    | PreAnswer
    | Dtmf
    | Message
    | Stream
)


@dataclass(frozen=True, slots=True)
class Document:
    elements: tuple[Element, ...]
    warnings: tuple[str, ...] = ()
