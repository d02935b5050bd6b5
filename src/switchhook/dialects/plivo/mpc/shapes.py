"""The arguments of the Multi-Party Call resources, and what is wrong with them (plivo-voice-api 10.3 to 10.6).

SDKs send every default explicitly, and some values in arrays; roles, groups and words come in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from switchhook.core.values import dataclass
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.links import Link, link_of
from switchhook.dialects.plivo.mpc import wishes as w
from switchhook.dialects.plivo.mpc.taping import TRACKS
from switchhook.dialects.plivo.problems import Problem, invalid, missing

Arguments = Mapping[str, Any]

MOST_TARGETS = 20
LONGEST_WAIT_S = 3600
_BEEPS = {"none": 0, "beep:1": 1, "beep:2": 2}


@dataclass(frozen=True, slots=True)
class Target:
    """One telephone to ring."""

    address: str
    ring_s: int
    delay_s: int


@dataclass(frozen=True, slots=True)
class AddParticipant:
    """POST MultiPartyCall/{mid}/Participant/: of `targets` and `call` one is given."""

    seat: w.SeatWishes
    room: w.RoomWishes
    caller: str
    targets: tuple[Target, ...]
    call: str
    caller_name: str
    call_status: Link | None
    sip_headers: tuple[tuple[str, str], ...]
    confirm_key: str
    confirm_sound: Link | None
    dial_music: Link | str  # "real" or "none"
    send_digits: str
    with_one: bool
    early_keys: bool  # `send_digits` goes into the early audio, where there is any


def add_participant(given: Arguments) -> AddParticipant:
    """Reads the arguments of a new participant; raises `Problem` 400 for the first that is missing or invalid."""
    seat = _seat(given)
    caller, to, call = (shapes.text(given, name) for name in ("from", "to", "call_uuid"))
    if call and (caller or to):
        raise invalid("call_uuid", "either call_uuid or from and to")
    if not call and not to:
        raise missing("to" if caller else "call_uuid, or from and to,")
    if not call and not caller:
        raise missing("from")
    shapes.a_caller(caller)
    targets = _targets(given, to, seat)
    name = shapes.text(given, "caller_name")
    if len(name) > 50:
        raise invalid("caller_name", "1 to 50 characters")
    return AddParticipant(
        seat=seat,
        room=_room(given),
        caller=caller,
        targets=targets,
        call=call,
        caller_name=name,
        call_status=_link(given, "call_status_callback_url", "call_status_callback_method", "POST"),
        sip_headers=shapes.sip_headers(given.get("sip_headers")),
        confirm_key=_key(given, "confirm_key"),
        confirm_sound=_link(given, "confirm_key_sound_url", "confirm_key_sound_method"),
        dial_music=_dial_music(given),
        send_digits=shapes.digits(given, "send_digits"),
        with_one=flag(given, "create_mpc_with_single_participant", True),
        early_keys=flag(given, "send_on_preanswer", False),
    )


def _seat(given: Arguments) -> w.SeatWishes:
    role = shapes.text(given, "role").lower()
    if not role:
        raise missing("role")
    if role not in w.ROLES:
        raise invalid("role", "agent, customer, supervisor or ai-agent")
    return w.SeatWishes(
        role=role,
        mute=flag(given, "mute", False),
        hold=flag(given, "hold", False),
        coach=flag(given, "coach_mode", True),
        stay_alone=flag(given, "stay_alone", False),
        starts=flag(given, "start_mpc_on_enter", True),
        ends=flag(given, "end_mpc_on_exit", False),
        relay_keys=flag(given, "relay_dtmf_inputs", False),
        enter=_noise(given, "enter_sound", "enter_sound_method", 1),
        exit=_noise(given, "exit_sound", "exit_sound_method", 2),
        on_exit=_link(given, "on_exit_action_url", "on_exit_action_method", "POST"),
        status=_link(given, "status_callback_url", "status_callback_method"),
        groups=_groups(given),
    )


def _room(given: Arguments) -> w.RoomWishes:
    return w.RoomWishes(
        longest_s=_between(given, "max_duration", 14_400, *w.LONGEST_S),
        most=_between(given, "max_participants", 10, *w.MOST_PARTICIPANTS),
        wait_music=_link(given, "wait_music_url", "wait_music_method"),
        agent_music=_music(given, "agent_hold_music"),
        customer_music=_music(given, "customer_hold_music"),
        record=flag(given, "record", False),
        record_format=file_format(given, "record_file_format"),
        record_from=_between(given, "record_min_member_count", 1, *w.FEWEST_RECORDED),
        record_tracks=flag(given, "record_participant_track", False),
        recording_callback=_link(given, "recording_callback_url", "recording_callback_method"),
        transcription=_transcription(given),
        recording_starts=_link(given, "start_recording_audio", "start_recording_audio_method"),
        recording_stops=_link(given, "stop_recording_audio", "stop_recording_audio_method"),
    )


def _targets(given: Arguments, to: str, seat: w.SeatWishes) -> tuple[Target, ...]:
    addresses = [part.strip() for part in to.split("<") if part.strip()]
    if to and not addresses:
        raise invalid("to", "a number or a SIP URI is expected")
    if len(addresses) > 1 and seat.role != "agent":
        raise invalid("to", "several destinations only for the role agent")
    if len(addresses) > MOST_TARGETS:
        raise invalid("to", f"at most {MOST_TARGETS} destinations")
    if len(set(addresses)) < len(addresses):
        raise invalid("to", "a destination appears twice")
    rings = _numbers(given, "ring_timeout", 45, 1, addresses)
    delays = _numbers(given, "delay_dial", 0, 0, addresses)
    found = [Target(*each) for each in zip(addresses, rings, delays, strict=True)]
    return tuple(sorted(found, key=lambda target: target.delay_s))


def _numbers(given: Arguments, name: str, default: int, least: int, addresses: list[str]) -> list[int]:
    """Returns a number for each destination: one for all, or a `<` list whose last goes on."""
    text = str(given.get(name, default)).strip()
    parts = [part.strip() for part in text.split("<")] if text else [str(default)]
    found = [shapes.whole({name: part}, name, least) for part in parts]
    if any(value is None or value > LONGEST_WAIT_S for value in found):
        raise invalid(name, f"whole numbers from {least} to {LONGEST_WAIT_S} are expected")
    if addresses and len(found) > len(addresses):
        raise invalid(name, "more values than destinations")
    numbers = [value or 0 for value in found]
    return [numbers[min(at, len(numbers) - 1)] for at in range(len(addresses))]


def _groups(given: Arguments) -> frozenset[str]:
    text = shapes.text(given, "status_callback_events").lower()
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not found:
        return w.DEFAULT_GROUPS
    if not found <= w.GROUPS:
        raise invalid("status_callback_events", ", ".join(sorted(found - w.GROUPS)))
    return found


def _link(given: Arguments, url: str, method: str, default: str = "GET") -> Link | None:
    found = shapes.link(given, url, method)
    return found if found is None or shapes.text(given, method) else Link(found.url, default)


def _transcription(given: Arguments) -> Link | None:
    """Returns where a transcription is told: nowhere when `transcript` is false."""
    found = _link(given, "transcription_url", "transcription_method", "POST")
    return found if optional_flag(given, "transcript") is not False else None


def _music(given: Arguments, name: str) -> Link | None:
    return _link(given, f"{name}_url", f"{name}_method") or _link(given, name, f"{name}_method")


def _word(given: Arguments, name: str) -> str:
    """Returns a text as it is written, `none` included; raises `Problem` 400 for what is none."""
    value = given.get(name, "")
    if not isinstance(value, str):
        raise invalid(name, "a text is expected")
    return value.strip()


def _noise(given: Arguments, name: str, method: str, default: int) -> w.Noise:
    text = _word(given, name).lower()
    if text == "":
        return default
    if text in _BEEPS:
        return _BEEPS[text]
    return _link(given, name, method) or 0


def _dial_music(given: Arguments) -> Link | str:
    text = _word(given, "dial_music").lower()
    if text in ("", "real", "none"):
        return text or "real"
    return _link(given, "dial_music", "dial_music_method") or "real"


def _key(given: Arguments, name: str) -> str:
    found = shapes.text(given, name)
    if found and (len(found) != 1 or found not in "0123456789*#"):
        raise invalid(name, "one of 0-9 * # is expected")
    return found


def _between(given: Arguments, name: str, default: int, least: int, most: int) -> int:
    found = shapes.whole(given, name, 0)
    if found is None:
        return default
    if not least <= found <= most:
        raise invalid(name, f"it should be between {least} and {most}")
    return found


def flag(given: Arguments, name: str, default: bool) -> bool:
    """Reads a boolean as clients write it; raises `Problem` 400 for anything else."""
    found = optional_flag(given, name)
    return default if found is None else found


def optional_flag(given: Arguments, name: str) -> bool | None:
    value = given.get(name)
    text = str(value).strip().lower() if isinstance(value, bool | str | int) else "?"
    if value is None or text == "":
        return None
    if text not in ("true", "false", "1", "0"):
        raise invalid(name, "true or false")
    return text in ("true", "1")


def file_format(given: Arguments, name: str) -> str:
    """Reads mp3 or wav."""
    found = shapes.text(given, name).lower() or "mp3"
    if found not in ("mp3", "wav"):
        raise invalid(name, "mp3 or wav")
    return found


def start(given: Arguments) -> None:
    """Reads the wish to start: `active`, in any case, also in an array; raises `Problem` 400."""
    status = shapes.text(given, "status").lower()
    if not status:
        raise missing("status")
    if status != "active":
        raise invalid("status", "active")


@dataclass(frozen=True, slots=True)
class StartRecord:
    wanted: str
    callback: Link | None
    track: str
    transcription: Link | None


def start_record(given: Arguments) -> StartRecord:
    """Reads the arguments of a recording."""
    track = shapes.text(given, "record_track_type").lower() or "all"
    if track not in TRACKS:
        raise invalid("record_track_type", "participant, all or both")
    callback = _link(given, "recording_callback_url", "recording_callback_method", "POST")
    return StartRecord(file_format(given, "file_format"), callback, track, _transcription(given))


@dataclass(frozen=True, slots=True)
class Update:
    mute: bool | None
    hold: bool | None
    coach: bool | None


def update(given: Arguments, everybody: bool) -> Update:
    """Reads what is to be changed of participants; raises `Problem` 400 when nothing is."""
    found = Update(*(optional_flag(given, name) for name in ("mute", "hold", "coach_mode")))
    if found.coach is not None and everybody:
        raise invalid("coach_mode", "not for all")
    if found == Update(None, None, None):
        raise Problem(400, "mute, hold or coach_mode parameter is missing")
    return found


def urls(given: Arguments) -> tuple[str, ...]:
    """Reads `url` or `urls` of a sound to play: one, a comma list, or an array."""
    name = "url" if shapes.text(given, "url") else "urls"
    found = tuple(part.strip() for part in shapes.text(given, name).split(",") if part.strip())
    if not found:
        raise missing("url")
    for url in found:
        link = link_of(url)
        if link is None or not link.valid_url:
            raise invalid(name, "an absolute http or https URL is expected")
    return found
