"""What the nodes that handle calls want, read from their rendered settings (plivo-phlo 7.2, 7.5, 7.6, 7.16).

Settings are written by people and filled by templates, so every reader here is lenient: numbers may be texts, lists may
be comma texts, and what makes no sense counts as not set.
"""

from __future__ import annotations

from collections.abc import Mapping

from switchhook.core.model import Clips, HoldAudience, Order, Role
from switchhook.core.values import dataclass
from switchhook.settings import Settings

Rendered = Mapping[str, object]


def text(value: object) -> str:
    """Returns a setting as text; whole numbers without a decimal point."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def addresses(value: object) -> tuple[str, ...]:
    """Returns the addresses of a list, a comma text, or a single number."""
    parts = value if isinstance(value, list) else text(value).split(",")
    return tuple(found for part in parts if (found := text(part)))


def seconds(value: object, default: float) -> float:
    """Returns a positive number of seconds, else the default."""
    try:
        found = float(text(value))
    except ValueError:
        return default
    return found if 0 < found < 1e6 else default


def yes(value: object, default: bool) -> bool:
    """Returns a switch: words for no are `false`, `no`, `0` and `off`."""
    if isinstance(value, bool):
        return value
    word = text(value).lower()
    return default if not word else word not in ("false", "no", "0", "off")


def clips(value: object, *, literal: bool = True) -> Clips:
    """Returns what a prompt setting plays: a URL, a text to speak, or a prompt block (7.2); () when it is not set.

    `literal` is False when a template had a part in it: then no file of this machine can be named.
    """
    if isinstance(value, Mapping):
        spoken, url = text(value.get("text")), text(value.get("url"))
        if text(value.get("type")) == "play" or (url and not spoken):
            return clips(url, literal=literal) if url else ()
        language, voice = text(value.get("language")) or "en-US", text(value.get("voice")) or "WOMAN"
        once: Clips = (f"speak:{language}:{voice}:{spoken}",) if spoken else ()
        return once * max(1, min(20, int(seconds(value.get("loop"), 1))))
    found = text(value)
    if not found:
        return ()
    own = ("builtin:", "tone:", "silence:", "file:") if literal else ()
    if found.startswith(("http://", "https://", *own)):
        return (found,)
    return (f"speak:en-US:WOMAN:{found}",)


def recorded(value: object) -> bool:
    """Returns whether a Record Audio setting asks for a recording (7.12): not by 0, `false`, nothing, or null."""
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    return word not in ("", "false") and word.strip("+-0") != ""


def role_of(value: object, default: Role) -> Role:
    """Returns a role word; a supervisor counts as an agent."""
    return {"customer": Role.CUSTOMER, "agent": Role.AGENT, "supervisor": Role.AGENT}.get(text(value).lower(), default)


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a node's events go, and which of them (plivo-phlo 8.1)."""

    url: str = ""
    events: frozenset[str] | None = None  # None = all
    as_json: bool = False

    @classmethod
    def of(cls, given: Rendered) -> Callback:
        events = addresses(given.get("event_callback_events"))
        as_json = text(given.get("event_callback_format")).lower() == "json"
        return cls(text(given.get("event_callback_url")), frozenset(events) or None, as_json)

    def wants(self, event: str) -> bool:
        return bool(self.url) and (self.events is None or event in self.events)


@dataclass(frozen=True, slots=True)
class InitiateCall:
    """Calls one or many, each a branch of its own."""

    caller: str
    to: tuple[str, ...]
    ring_s: float
    record: bool = False
    callback: Callback = Callback()

    @classmethod
    def of(cls, given: Rendered, settings: Settings) -> InitiateCall:
        return cls(
            caller=text(given.get("from")),
            to=addresses(given.get("to")),
            ring_s=seconds(given.get("ring_timeout"), settings.phlo.ring_s),
            record=recorded(given.get("record")),
            callback=Callback.of(given),
        )


@dataclass(frozen=True, slots=True)
class CallForward:
    """Puts the call through to the first who answers."""

    caller: str
    to: tuple[str, ...]
    ring_s: float
    order: Order
    digits: str
    screening: Clips
    key: str
    record: bool
    callback: Callback

    @classmethod
    def of(cls, given: Rendered, settings: Settings) -> CallForward:
        parallel = text(given.get("dial_mode")).lower() in ("parallel", "simultaneous")
        screening = clips(given.get("screening_prompt"), literal=False)
        key = text(given.get("screening_key"))[:1]
        return cls(
            caller=text(given.get("from")),
            to=addresses(given.get("to")),
            ring_s=seconds(given.get("ring_timeout"), settings.phlo.ring_s),
            order=Order.PARALLEL if parallel else Order.SEQUENTIAL,
            digits=text(given.get("extension_digits")),
            screening=screening,
            key=key or ("1" if screening else ""),
            record=recorded(given.get("record")),
            callback=Callback.of(given),
        )


@dataclass(frozen=True, slots=True)
class MultiParty:
    """A room that people come into by calling, by being called, and by node actions."""

    caller: str
    to: tuple[str, ...]
    caller_role: Role
    callee_role: Role
    customer_music: Clips
    agent_music: Clips
    transfers: bool
    ring_s: float
    cold_on_answer: bool
    hold_audience: HoldAudience
    voicemail: Clips
    limit_s: float
    max_members: int
    fallback: str
    brief: Clips
    accept_digit: str
    record: bool
    callback: Callback

    @classmethod
    def of(cls, given: Rendered, settings: Settings, literal: bool = True) -> MultiParty:
        """Reads the settings; `literal` is False when templates had a part in any of them."""
        agent_dials = text(given.get("dialing")).lower() == "agent_dials_customer"
        audience = text(given.get("hold_audience")).lower()
        ours = settings.transfers
        return cls(
            caller=text(given.get("from")),
            to=addresses(given.get("to")),
            caller_role=role_of(given.get("caller_role"), Role.AGENT if agent_dials else Role.CUSTOMER),
            callee_role=role_of(given.get("callee_role"), Role.CUSTOMER if agent_dials else Role.AGENT),
            customer_music=clips(given.get("customer_hold_music"), literal=literal),
            agent_music=clips(given.get("agent_hold_music"), literal=literal),
            transfers=yes(given.get("transfers_enabled"), True),
            ring_s=seconds(given.get("ring_timeout"), settings.phlo.ring_s),
            cold_on_answer=(text(given.get("cold_release")).lower() or ours.cold_release) == "on_answer",
            hold_audience=HoldAudience(audience if audience in _AUDIENCES else settings.phlo.hold_audience),
            voicemail=clips(given.get("voicemail_drop_prompt"), literal=literal),
            limit_s=seconds(given.get("max_duration"), 14_400.0),
            max_members=max(1, int(seconds(given.get("max_participants"), 20))),
            fallback=text(given.get("fallback")) or ours.fallback,
            brief=clips(given.get("brief"), literal=literal) or clips(ours.brief),
            accept_digit=(text(given.get("accept_digit")) or ours.accept_digit)[:1],
            record=recorded(given.get("record")),
            callback=Callback.of(given),
        )


_AUDIENCES = frozenset(audience.value for audience in HoldAudience)
