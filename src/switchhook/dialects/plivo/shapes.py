"""The shapes of requests: what may be asked, and what is wrong with it (plivo-voice-api 3.1 and 4.1).

Unknown arguments are ignored, as clients repeat ids from the path and send defaults of features they do not use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from switchhook.core.values import dataclass
from switchhook.dialects.plivo.detection import Detect
from switchhook.dialects.plivo.links import UNSET, Link, is_web_url
from switchhook.dialects.plivo.problems import invalid, missing
from switchhook.exchange.greeting import Thresholds

Arguments = Mapping[str, Any]

MAX_DESTINATIONS = 1000
LONGEST_CALL_S = 86_400
LONGEST_CALLER = 255
SHORTEST_TONE_MS, LONGEST_TONE_MS = 40, 6000
_RESERVED = ("ph-", "plivo", "fs-", "sipauth", "zt-", "twilio")
_TOKEN = re.compile(r"[A-Za-z0-9!%'*+.^_`|~-]+")
_DIGITS = re.compile(r"[0-9*#wWA-Da-d]+(@\d+)?")


@dataclass(frozen=True, slots=True)
class MakeCall:
    """POST Call/."""

    caller: str
    to: tuple[str, ...]
    several: bool  # the client wrote a list, and gets one
    answer: Link
    ring: Link | None
    hangup: Link | None
    fallback: Link | None
    caller_name: str
    send_digits: str
    tone_ms: int | None
    digits_early: bool
    detect: Detect | None
    time_limit: int
    hangup_on_ring: int | None
    ring_timeout: int
    sip_headers: tuple[tuple[str, str], ...]
    parent: str
    error_if_parent_not_found: bool


@dataclass(frozen=True, slots=True)
class TransferCall:
    """POST Call/{uuid}/."""

    legs: str  # aleg, bleg or both
    aleg: Link | None
    bleg: Link | None


def make_call(given: Arguments, longest_s: int) -> MakeCall:
    """Reads the arguments of a new call; raises `Problem` 400 for the first that is missing or invalid."""
    caller, to, answer = (text(given, name) for name in ("from", "to", "answer_url"))
    for name, value in (("from", caller), ("to", to), ("answer_url", answer)):
        if not value:
            raise missing(name)
    a_caller(caller)
    targets = tuple(part.strip() for part in to.split("<") if part.strip())
    if not targets or len(targets) > MAX_DESTINATIONS:
        raise invalid("to", f"1 to {MAX_DESTINATIONS} destinations")
    if len(set(targets)) < len(targets):
        raise invalid("to", "a destination appears twice")
    answer_link = link(given, "answer_url", "answer_method")
    assert answer_link is not None
    limit = whole(given, "time_limit", 1) or longest_s
    ring_timeout = whole(given, "ring_timeout", 0)
    parent = text(given, "parent_call_uuid")
    if parent and len(targets) > 1:
        raise invalid("parent_call_uuid", "only for a single destination")
    return MakeCall(
        caller=caller,
        to=targets,
        several="<" in to,
        answer=answer_link,
        ring=link(given, "ring_url", "ring_method"),
        hangup=link(given, "hangup_url", "hangup_method"),
        fallback=link(given, "fallback_url", "fallback_method"),
        caller_name=text(given, "caller_name")[:50],
        send_digits=digits(given, "send_digits"),
        tone_ms=tone_ms(given, "send_digits"),
        digits_early=flag(given, "send_on_preanswer"),
        detect=detection(given),
        time_limit=min(limit, LONGEST_CALL_S),
        hangup_on_ring=whole(given, "hangup_on_ring", 0),
        ring_timeout=120 if ring_timeout is None else ring_timeout,
        sip_headers=sip_headers(given.get("sip_headers")),
        parent=parent,
        error_if_parent_not_found=flag(given, "error_if_parent_not_found"),
    )


def a_caller(shown: str) -> None:
    """Raises `Problem` 400 for what no telephone could show."""
    if not shown.isprintable() or len(shown) > LONGEST_CALLER:
        raise invalid("from", f"a number or a SIP user of at most {LONGEST_CALLER} printable characters is expected")


def detection(given: Arguments) -> Detect | None:
    """Reads what a request wants to know about who answers; raises `Problem` 400."""
    mode = str(given.get("machine_detection") or "").strip().lower()
    if mode not in ("true", "hangup", "false", *UNSET):
        raise invalid("machine_detection", "true or hangup")
    thresholds = Thresholds(
        total_s=_between(given, "machine_detection_time", 2000, 10_000, 5000) / 1000,
        speech_s=_between(given, "machine_detection_maximum_speech_length", 1000, 6000, 5000) / 1000,
        silence_s=_between(given, "machine_detection_initial_silence", 2000, 10_000, 4500) / 1000,
        words=_between(given, "machine_detection_maximum_words", 2, 10, 3),
        greeting_s=_between(given, "machine_detection_initial_greeting", 1000, 5000, 1500) / 1000,
    )
    told = link(given, "machine_detection_url", "machine_detection_method")
    return Detect(thresholds, mode == "hangup", told) if mode in ("true", "hangup") else None


def _between(given: Arguments, name: str, low: int, high: int, default: int) -> int:
    found = whole(given, name, low)
    if found is not None and found > high:
        raise invalid(name, f"{low} to {high}")
    return default if found is None else found


def transfer_call(given: Arguments) -> TransferCall:
    """Reads the arguments of a transfer; raises `Problem` 400 for the first that is missing or invalid."""
    legs = text(given, "legs").lower() or "aleg"
    if legs not in ("aleg", "bleg", "both"):
        raise invalid("legs")
    aleg = link(given, "aleg_url", "aleg_method") if legs != "bleg" else None
    bleg = link(given, "bleg_url", "bleg_method") if legs != "aleg" else None
    if aleg is None and legs != "bleg":
        raise missing("aleg_url")
    if bleg is None and legs != "aleg":
        raise missing("bleg_url")
    return TransferCall(legs, aleg, bleg)


def text(given: Arguments, name: str) -> str:
    """Returns an argument as trimmed text; empty, `none` and `null` are unset. A list is joined with commas."""
    value = given.get(name)
    if isinstance(value, (list, tuple)):
        value = ",".join(str(part) for part in value)
    if value is None:
        return ""
    if isinstance(value, (dict, bool)):
        raise invalid(name)
    found = str(value).strip()
    return "" if found.lower() in UNSET else found


def link(given: Arguments, url: str, method: str) -> Link | None:
    """Returns the link that two arguments make, or None where no URL is given."""
    address = text(given, url)
    if not address:
        return None
    if not is_web_url(address):
        raise invalid(url, "an absolute http or https URL is expected")
    verb = text(given, method).upper() or "POST"
    if verb not in ("GET", "POST"):
        raise invalid(method, "GET or POST")
    return Link(address, verb)


def whole(given: Arguments, name: str, least: int) -> int | None:
    """Returns a whole number, or None where it is not given."""
    value = given.get(name)
    if value is None or (isinstance(value, str) and value.strip().lower() in UNSET):
        return None
    shown = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not shown.isascii() or not shown.isdigit() or len(shown) > 9 or int(shown) < least:
        raise invalid(name, f"a whole number of at least {least} is expected")
    return int(shown)


def flag(given: Arguments, name: str, default: bool = False) -> bool:
    """Returns a boolean, as JSON has it or as clients write it; raises `Problem` 400 for anything else."""
    value = given.get(name)
    word = str(value).strip().lower() if isinstance(value, (bool, str, int)) else "?"
    if value is None or word in UNSET:
        return default
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise invalid(name, "true or false")
    return word in ("true", "1", "yes")


def digits(given: Arguments, name: str) -> str:
    """Returns keys to press, without the tone length after `@`."""
    value = text(given, name)
    if value and not _DIGITS.fullmatch(value):
        raise invalid(name, "0-9 * # w W are expected")
    return value.partition("@")[0]


def tone_ms(given: Arguments, name: str) -> int | None:
    """Returns how long each key is pressed, as it stands behind `@`, within what telephones make of it."""
    length = text(given, name).partition("@")[2][:9]
    return min(max(int(length), SHORTEST_TONE_MS), LONGEST_TONE_MS) if length else None


def sip_headers(value: object) -> tuple[tuple[str, str], ...]:
    """Returns `X-PH-` header names and values from `k=v,k2=v2` or a JSON object; reserved names are dropped.

    Raises `Problem` 400 for anything else.
    """
    pairs: list[tuple[str, str]]
    if isinstance(value, dict):
        pairs = [(str(name), str(given)) for name, given in value.items()]
    elif isinstance(value, str):
        pairs = [_pair(part) for part in value.split(",") if "=" in part]
    elif value is None:
        return ()
    else:
        raise invalid("sip_headers", "k=v,k2=v2 is expected")
    kept = []
    for name, given in pairs:
        name = name.strip()
        if name[:5].upper() == "X-PH-":
            name = name[5:]
        allowed = _TOKEN.fullmatch(name) and not name.lower().startswith(_RESERVED) and name.lower() != "clientregion"
        if allowed:
            kept.append((f"X-PH-{name}", given.strip().replace("\r", "").replace("\n", "")))
    return tuple(kept)


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value
