"""The elements of a document as values."""

from __future__ import annotations

from dataclasses import dataclass

from switchhook.dialects.plivo.links import Link

MOST_S = 86_400
DIAL_S = 14_400


@dataclass(frozen=True, slots=True)
class Speak:
    text: str
    voice: str = "WOMAN"
    language: str = "en-US"
    loop: int = 1  # 0: until the leg hangs up or is taken away


@dataclass(frozen=True, slots=True)
class Play:
    url: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Wait:
    length_s: int = 1


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
    floor_event: bool = False
    relay_keys: bool = True


@dataclass(frozen=True, slots=True)
class Redirect:
    link: Link | None


@dataclass(frozen=True, slots=True)
class Hangup:
    reason: str = ""  # rejected or busy: before the answer
    schedule_s: int = 0


Element = Speak | Play | Wait | Dial | Conference | Redirect | Hangup


@dataclass(frozen=True, slots=True)
class Document:
    elements: tuple[Element, ...]
    warnings: tuple[str, ...] = ()
