"""Every REST endpoint and what may be said to it, as the API reference has it; bad requests are generated from this.

An argument has a value that is right, values that are wrong (each refused with 400), and a strategy that makes more
wrong ones. Where the reference clamps a value, or ignores one, that is no wrong value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.dialects.plivo.common import ACCOUNT, APP, NUMBER, SIP

OBJECT = {"a": 1}
RIGHT_URL = f"{APP}/page"
_UNSET = ("", "none", "null")  # what SDKs write for nothing
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
WRONG_TYPES = st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=2)


@dataclass(frozen=True, repr=False)
class Arg:
    name: str
    right: object
    wrong: tuple[object, ...] = ()
    more: st.SearchStrategy[Any] = WRONG_TYPES
    required: bool = False
    status: int = 400  # what a wrong value gets

    def __repr__(self) -> str:
        return self.name


def words(*known: str) -> st.SearchStrategy[str]:
    """Returns texts that are none of the known words, whoever writes them."""
    taken = {*known, *_UNSET}
    return st.text("abcdefghijklmnopqrstuvwxyz-:/ 0é", min_size=1, max_size=12).filter(
        lambda text: text.strip().lower() not in taken
    )


def url(name: str, *, required: bool = False) -> Arg:
    wrong = ("ftp://app.example.com/x", "app.example.com/x", "/x", "http://", "javascript:alert(1)", 17, OBJECT, True)
    more = WRONG_TYPES | words().filter(lambda text: "http" not in text)
    return Arg(name, RIGHT_URL, wrong, more, required)


def method(name: str) -> Arg:
    return Arg(name, "GET", ("PUT", "fetch", 5, OBJECT, True), WRONG_TYPES | words("get", "post"))


def link(name: str, method_name: str = "", *, required: bool = False) -> tuple[Arg, Arg]:
    return url(name, required=required), method(method_name or name.removesuffix("_url") + "_method")


def whole(name: str, right: int, low: int = 0, high: int | None = None) -> Arg:
    wrong: list[object] = ["abc", "1e3", "1.5", 1.5, True, OBJECT, [right], -1, "-1", "１２", 10**12, f"{10**12}"]
    more = WRONG_TYPES | words() | st.integers(max_value=low - 1) | st.floats(0.1, 0.9).map(lambda part: right + part)
    if low > 0:
        wrong += [low - 1, str(low - 1)]
    if high is not None:
        wrong += [high + 1, str(high + 1)]
        more |= st.integers(min_value=high + 1)
    return Arg(name, right, tuple(wrong), more)


def flag(name: str, right: object = True) -> Arg:
    more = WRONG_TYPES | words("true", "false", "1", "0", "yes", "no") | st.integers(min_value=2)
    return Arg(name, right, ("maybe", 2, -1, 1.5, OBJECT, "truefalse"), more)


def choice(name: str, right: str, *others: str, required: bool = False) -> Arg:
    return Arg(name, right, ("nonsense", OBJECT, True, 7), WRONG_TYPES | words(right, *others), required)


def text(name: str, right: object, *wrong: object, required: bool = False) -> Arg:
    return Arg(name, right, (OBJECT, True, *wrong), required=required)


def keys(name: str, *, required: bool = False) -> Arg:
    more = WRONG_TYPES | st.text("xyz!§,", min_size=1, max_size=8)
    return Arg(name, "12w#", ("12x", "1 2", "!", "1@x", "@100", OBJECT, True), more, required)


def moment(name: str, *more: str) -> tuple[Arg, ...]:
    wrong = ("yesterday", "2024-13-01 00:00", "2024-02-30 00:00:00", "12", OBJECT, True)
    ends = (*more, "__gt", "__gte", "__lt", "__lte")
    return tuple(Arg(name + end, "2027-01-14 08:00:00", wrong, WRONG_TYPES | words()) for end in ends)


def page(*, cursor: bool = False) -> tuple[Arg, ...]:
    return whole("limit", 5, 1, 20), whole("offset", 0)


def stranger(name: str = "subaccount", status: int = 404) -> Arg:
    return Arg(name, "{sub}", ("SANOBODY000000000000", "{other}", "x"), words(), status=status)


ASYNC = link("callback_url")
SIP_HEADERS = Arg(
    "sip_headers", "Tier=gold", (5, True, ["x"]), st.integers() | st.booleans() | st.lists(JSON, min_size=1)
)

# --- the values that stand in paths ---------------------------------------------------------------------------------

NOBODY = "00000000-0000-4000-8000-000000000000"
_ODD = ("x", "%00", "%F0%9F%98%80", "a%20b", "." * 3, "9" * 400, "'%20OR%201=1", "%252e%252e")
UNKNOWN: Mapping[str, tuple[str, ...]] = {
    "call_uuid": (NOBODY, "{dead}", *_ODD),
    "request_uuid": (NOBODY, "{dead}", *_ODD),
    "stream_id": (NOBODY, "{call_uuid}", *_ODD),
    "conference_name": ("no room", "ROOM", "{mid}", *_ODD),
    "member_id": ("0", "999999", "{member_id},999999", "-1", "{call_uuid}", ",", *_ODD),
    "mid": (f"uuid_{NOBODY}", "name_nobody", "name_DESK", "desk", "name_", "uuid_", "name_room", "{call_uuid}", *_ODD),
    "pid": ("0", "999999", "{pid},999999", "-1", "{call_uuid}", ",", *_ODD),
    "app_id": ("12345678901234567", "{endpoint_id}", *_ODD),
    "endpoint_id": ("12345678901234", "{app_id}", *_ODD),
    "number": ("15550009999", "{other_number}", *_ODD),
    "for_rent": ("15550009999", "{number}", "{other_number}", *_ODD),
    "recording_id": (NOBODY, "{call_uuid}", *_ODD),
    "sub_id": ("SANOBODY000000000000", ACCOUNT, "{other}", *_ODD),
}


@dataclass(frozen=True, repr=False)
class Endpoint:
    """One method of one path, below /v1/Account/{auth_id}/."""

    method: str
    path: str
    status: int  # of a right request
    args: tuple[Arg, ...] = ()
    message: str = ""
    together: tuple[tuple[dict[str, object], int], ...] = ()  # arguments that are wrong together, and what they get
    first: tuple[str, str] = ("", "")  # method and path of what a right request needs before
    right: Callable[[dict[str, object]], dict[str, object]] = field(default=lambda given: given)
    synchronous: bool = False  # its callback_url is for something else than the answer

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def required(self) -> list[Arg]:
        return [arg for arg in self.args if arg.required]

    def given(self, *, all_of_them: bool = False) -> dict[str, object]:
        """Returns arguments that are right: those that are required, or all."""
        return self.right({arg.name: arg.right for arg in self.args if arg.required or all_of_them})


def _without(*names: str) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda given: {name: value for name, value in given.items() if name not in names}


# --- calls ----------------------------------------------------------------------------------------------------------

_CALL = "Call/{call_uuid}/"
TO = f"sip:1003@{SIP}"
_MANY = "<".join(f"+1415{number:07}" for number in range(1001))
LEGS = choice("legs", "aleg", "bleg", "both")
SOUND = (LEGS, flag("loop", False), flag("mix"))
VOICE = (
    text("voice", "MAN", "<voice>", "x" * 65),
    text("language", "en-GB", "english!", "12", "x" * 65),
)
SPOKEN = text("text", "hello", "x" * 3001, required=True)
TRANSCRIPTION = (text("transcription_type", "auto"), *link("transcription_url"))
CALLS = (
    Endpoint(
        "POST",
        "Call/",
        201,
        (
            text("from", NUMBER, "1\r\nX-Other: y", "1\x00", "9" * 256, required=True),
            text("to", TO, "nobody", "<", "1<1", f"{TO}<{TO}", _MANY, "+1555<nobody", required=True),
            *link("answer_url", required=True),
            *link("ring_url"),
            *link("hangup_url"),
            *link("fallback_url"),
            text("caller_name", "Shop"),
            keys("send_digits"),
            flag("send_on_preanswer"),
            whole("time_limit", 60, 1),
            whole("hangup_on_ring", 30),
            whole("ring_timeout", 30),
            Arg("machine_detection", "true", ("nonsense", OBJECT, 7), WRONG_TYPES | words("true", "hangup", "false")),
            whole("machine_detection_time", 5000, 2000, 10000),
            *link("machine_detection_url"),
            whole("machine_detection_maximum_speech_length", 5000, 1000, 6000),
            whole("machine_detection_initial_silence", 4500, 2000, 10000),
            whole("machine_detection_maximum_words", 3, 2, 10),
            whole("machine_detection_initial_greeting", 1500, 1000, 5000),
            SIP_HEADERS,
            text("parent_call_uuid", "{call_uuid}"),
            flag("error_if_parent_not_found"),
            *ASYNC,
        ),
        "call fired",
        together=(
            ({"parent_call_uuid": NOBODY, "error_if_parent_not_found": True}, 404),
            ({"parent_call_uuid": "{dead}", "error_if_parent_not_found": "true"}, 404),
            ({"parent_call_uuid": "{other_call}", "error_if_parent_not_found": True}, 404),
            ({"to": f"{TO}<sip:1004@{SIP}", "parent_call_uuid": "{call_uuid}"}, 400),
        ),
    ),
    Endpoint(
        "GET",
        "Call/",
        200,
        (
            choice("call_direction", "inbound", "outbound"),
            text("from_number", "1415"),
            text("to_number", "1415"),
            text("parent_call_uuid", NOBODY),
            *(whole(f"bill_duration{end}", 5) for end in ("", "__gt", "__gte", "__lt", "__lte")),
            *moment("end_time", ""),
            whole("hangup_cause_code", 4000),
            choice(
                "hangup_source", "Caller", "callee", "plivo", "carrier", "api request", "answer xml", "error", "unknown"
            ),
            choice("stir_verification", "Verified", "not verified", "not applicable"),
            stranger(),
            *page(),
            *ASYNC,
        ),
        together=(
            ({"end_time__gt": "2026-01-01 00:00", "end_time__lt": "2026-03-01 00:00"}, 400),
            ({"end_time_gt": "2026-01-01 00:00", "end_time_lt": "2026-03-01 00:00"}, 400),
            ({"status": "nonsense"}, 400),
            ({"status": "live", "limit": 21}, 400),
            ({"status": "live", "call_direction": "sideways"}, 400),
            ({"status": "live", "subaccount": "{other}"}, 404),
            ({"status": "queued", "offset": -1}, 400),
        ),
    ),
    Endpoint("DELETE", "Call/", 204, ASYNC),
    Endpoint(
        "GET",
        _CALL,
        200,
        (choice("status", "live", "queued"), *ASYNC),
        together=(({"status": "queued"}, 404), ({}, 404)),
        right=lambda given: {**given, "status": "live"},
    ),
    Endpoint(
        "POST",
        _CALL,
        202,
        (
            LEGS,
            *link("aleg_url", required=True),
            *link("bleg_url"),
            *ASYNC,
        ),
        "call transfered",
        together=(
            ({"legs": "both", "bleg_url": None}, 400),
            ({"legs": "bleg", "bleg_url": ""}, 400),
            ({"legs": "both", "bleg_url": "ftp://x"}, 400),
            ({"legs": "BLEG", "bleg_url": RIGHT_URL, "bleg_method": "PUT"}, 400),
        ),
    ),
    Endpoint("DELETE", _CALL, 204, ASYNC),
    Endpoint("DELETE", "Request/{request_uuid}/", 204, ASYNC),
    Endpoint(
        "POST",
        _CALL + "Play/",
        202,
        (
            Arg(
                "urls",
                f"{APP}/a.mp3,{APP}/b.wav",
                ("ftp://x/a.mp3", "a.mp3", 5, [f"{APP}/a.mp3", "b"], OBJECT, True),
                WRONG_TYPES | words(),
                required=True,
            ),
            whole("length", 5, 1),
            *SOUND,
            *ASYNC,
        ),
        "play started",
    ),
    Endpoint("DELETE", _CALL + "Play/", 204, ASYNC),
    Endpoint("POST", _CALL + "Speak/", 202, (SPOKEN, *VOICE, *SOUND, *ASYNC), "speak started"),
    Endpoint("DELETE", _CALL + "Speak/", 204, ASYNC),
    Endpoint(
        "POST",
        _CALL + "Record/",
        202,
        (
            whole("time_limit", 60, 1),
            choice("file_format", "wav", "mp3"),
            choice("record_channel_type", "stereo", "mono"),
            *TRANSCRIPTION,
            *ASYNC,
        ),
        "call recording started",
        synchronous=True,
    ),
    Endpoint(
        "DELETE",
        _CALL + "Record/",
        204,
        ASYNC,
        together=(({"URL": f"http://x/{NOBODY}.mp3"}, 404),),
        synchronous=True,
    ),
    Endpoint(
        "POST",
        _CALL + "DTMF/",
        202,
        (keys("digits", required=True), choice("leg", "bleg", "aleg"), *ASYNC),
        "digits sent",
        together=(({"legs": "both"}, 400), ({"leg": "both"}, 400)),
    ),
    Endpoint(
        "POST",
        _CALL + "Stream/",
        202,
        (
            Arg(
                "service_url",
                "ws://bot.test/agent",
                ("http://bot.test/agent", "bot.test", "ws://", f"ws://bot.test/{'x' * 2048}", 5, OBJECT, True),
                WRONG_TYPES | words().filter(lambda found: "ws" not in found),
                required=True,
            ),
            flag("bidirectional", "true"),
            choice("audio_track", "inbound", "outbound", "both"),
            whole("stream_timeout", 60, 1, 86400),
            *link("status_callback_url"),
            choice(
                "content_type",
                "audio/x-mulaw;rate=8000",
                "audio/x-l16;rate=8000",
                "audio/x-l16;rate=16000",
                "audio/x-l16",
                "audio/x-mulaw",
            ),
            Arg("extra_headers", "a=b,c=d", ("x" * 513, "é" * 300, True), st.text("xyz=,", min_size=513, max_size=515)),
            flag("noise_cancellation", "false"),
            whole("noise_cancellation_level", 85, 60, 100),
            *ASYNC,
        ),
        "audio streaming started",
        together=(
            ({"bidirectional": True, "audio_track": "both"}, 400),
            ({"bidirectional": "true", "audio_track": "outbound"}, 400),
        ),
        first=("DELETE", _CALL + "Stream/"),
    ),
    Endpoint("GET", _CALL + "Stream/", 200, (*page(), *ASYNC)),
    Endpoint("DELETE", _CALL + "Stream/", 204, ASYNC),
    Endpoint("GET", _CALL + "Stream/{stream_id}/", 200, ASYNC),
    Endpoint("DELETE", _CALL + "Stream/{stream_id}/", 204, ASYNC),
)

# --- conferences ----------------------------------------------------------------------------------------------------

_ROOM = "Conference/{conference_name}/"
_SEAT = _ROOM + "Member/{member_id}/"
PLAYED = url("url", required=True)
CONFERENCES = (
    Endpoint("GET", "Conference/", 200, ASYNC),
    Endpoint("DELETE", "Conference/", 204, ASYNC),
    Endpoint("GET", _ROOM, 200, ASYNC),
    Endpoint("DELETE", _ROOM, 204, ASYNC),
    Endpoint(
        "POST",
        _ROOM + "Record/",
        202,
        (choice("file_format", "wav", "mp3"), *TRANSCRIPTION, whole("time_limit", 60, 1), *ASYNC),
        "conference recording started",
        synchronous=True,
    ),
    Endpoint("DELETE", _ROOM + "Record/", 204, ASYNC, synchronous=True),
    Endpoint("DELETE", _SEAT, 204, ASYNC),
    Endpoint("POST", _SEAT + "Kick/", 202, ASYNC, "kicked"),
    Endpoint("POST", _SEAT + "Mute/", 202, ASYNC, "muted"),
    Endpoint("DELETE", _SEAT + "Mute/", 204, ASYNC),
    Endpoint("POST", _SEAT + "Deaf/", 202, ASYNC, "deaf"),
    Endpoint("DELETE", _SEAT + "Deaf/", 204, ASYNC),
    Endpoint("POST", _SEAT + "Play/", 202, (PLAYED, *ASYNC), "play queued into conference"),
    Endpoint("DELETE", _SEAT + "Play/", 204, ASYNC),
    Endpoint("POST", _SEAT + "Speak/", 202, (SPOKEN, *VOICE, *ASYNC), "speak queued into conference"),
    Endpoint("DELETE", _SEAT + "Speak/", 204, ASYNC),
)

# --- multi-party calls ----------------------------------------------------------------------------------------------

_PARTY = "MultiPartyCall/{mid}/"
_WHO = _PARTY + "Participant/{pid}/"
_AT = _PARTY + "Member/{pid}/"
_TAPED = (
    choice("file_format", "wav", "mp3"),
    *link("recording_callback_url"),
    *link("transcription_url"),
    flag("transcript"),
    *ASYNC,
)
ROLE = choice("role", "agent", "customer", "supervisor", "ai-agent", required=True)


def numbers(name: str, right: object, low: int) -> Arg:
    """A whole number, or several with `<` between them."""
    return Arg(name, right, ("abc", "1<x", "5<5<5", low - 1, 1.5, OBJECT, True), WRONG_TYPES | words())


def noise(name: str) -> tuple[Arg, Arg]:
    wrong = ("beep:3", "ftp://x", OBJECT, True, 5)
    return Arg(name, "beep:2", wrong, WRONG_TYPES | words("beep:1", "beep:2")), Arg(f"{name}_method", "POST")


PARTIES = (
    Endpoint(
        "GET",
        "MultiPartyCall/",
        200,
        (
            stranger("sub_account"),
            text("friendly_name", "desk"),
            choice("status", "Active", "initialized", "ended"),
            whole("termination_cause_code", 1000),
            *moment("end_time"),
            *moment("creation_time"),
            *page(),
            *ASYNC,
        ),
    ),
    Endpoint("GET", _PARTY, 200, ASYNC),
    Endpoint("POST", _PARTY, 204, (choice("status", "active", required=True), *ASYNC)),
    Endpoint("DELETE", _PARTY, 204, ASYNC),
    Endpoint(
        "POST",
        _PARTY + "Participant/",
        201,
        (
            ROLE,
            text("from", NUMBER, "1\r\nX-Other: y", "1\x00", "9" * 256, required=True),
            text("to", TO, "nobody", "<", f"{TO}<{TO}", "<".join(f"+1415000{n:04}" for n in range(21)), required=True),
            text("caller_name", "Shop", "x" * 51),
            *link("call_status_callback_url"),
            SIP_HEADERS,
            Arg("confirm_key", "5", ("12", "a", "w", OBJECT, True), WRONG_TYPES | words(*"0123456789*#")),
            *link("confirm_key_sound_url"),
            Arg("dial_music", "Real", ("jazz", "ftp://x", OBJECT, True, 5), WRONG_TYPES | words("real", "none")),
            numbers("ring_timeout", 30, 1),
            numbers("delay_dial", 0, 0),
            whole("max_duration", 600, 300, 28800),
            whole("max_participants", 5, 2, 10),
            whole("record_min_member_count", 1, 1, 2),
            *link("wait_music_url"),
            *link("agent_hold_music_url"),
            *link("customer_hold_music_url"),
            *link("recording_callback_url"),
            *link("status_callback_url"),
            Arg(
                "status_callback_events",
                "mpc-state-changes",
                ("nonsense", "mpc-state-changes,x", OBJECT, True, 5),
                WRONG_TYPES | words(),
            ),
            *link("on_exit_action_url"),
            flag("record", False),
            flag("record_participant_track", "false"),
            choice("record_file_format", "wav", "mp3"),
            flag("stay_alone"),
            flag("coach_mode"),
            flag("mute", False),
            flag("hold", False),
            flag("start_mpc_on_enter"),
            flag("end_mpc_on_exit", False),
            flag("relay_dtmf_inputs", False),
            *noise("enter_sound"),
            *noise("exit_sound"),
            *link("start_recording_audio", "start_recording_audio_method"),
            *link("stop_recording_audio", "stop_recording_audio_method"),
            flag("create_mpc_with_single_participant"),
            keys("send_digits"),
            *link("transcription_url"),
            flag("transcript"),
            flag("send_on_preanswer", False),
            *ASYNC,
        ),
        "add participant action initiated",
        together=(
            ({"call_uuid": "{call_uuid}"}, 400),
            ({"from": None, "to": None}, 400),
            ({"from": None, "to": None, "call_uuid": NOBODY}, 404),
            ({"from": None, "to": None, "call_uuid": "{dead}"}, 404),
            ({"from": None, "to": None, "call_uuid": "{other_call}"}, 404),
            ({"role": "customer", "to": f"{TO}<sip:1004@{SIP}"}, 400),
            ({"role": "customer", "to": f"{TO}<sip:1004@{SIP}", "ring_timeout": "5<5<5"}, 400),
        ),
    ),
    Endpoint("GET", _PARTY + "Participant/", 200, (text("call_uuid", NOBODY), *page(), *ASYNC)),
    Endpoint("GET", _WHO, 200, ASYNC),
    Endpoint(
        "POST",
        _WHO,
        202,
        (flag("mute"), flag("hold"), flag("coach_mode", False), *ASYNC),
        together=(({}, 400),),
        right=lambda given: given or {"mute": True},
    ),
    Endpoint("DELETE", _WHO, 204, ASYNC),
    Endpoint("POST", _PARTY + "Record/", 202, _TAPED, first=("DELETE", _PARTY + "Record/")),
    Endpoint("DELETE", _PARTY + "Record/", 204, ASYNC),
    Endpoint("POST", _PARTY + "Record/Pause/", 204, ASYNC),
    Endpoint("POST", _PARTY + "Record/Resume/", 204, ASYNC),
    Endpoint(
        "POST",
        _WHO + "Record/",
        202,
        (choice("record_track_type", "all", "participant", "both"), *_TAPED),
        first=("DELETE", _WHO + "Record/"),
    ),
    Endpoint("DELETE", _WHO + "Record/", 204, ASYNC),
    Endpoint("POST", _WHO + "Record/Pause/", 204, ASYNC),
    Endpoint("POST", _WHO + "Record/Resume/", 204, ASYNC),
    Endpoint(
        "POST",
        _AT + "Play/",
        202,
        (PLAYED, *ASYNC),
        "play queued into MPC",
        together=(({"url": None, "urls": "ftp://x/a.mp3"}, 400), ({"url": None, "urls": [5]}, 400)),
    ),
    Endpoint("DELETE", _AT + "Play/", 204, ASYNC),
    Endpoint("POST", _AT + "Speak/", 202, (SPOKEN, *VOICE, flag("mix"), *ASYNC), "speak queued into MPC"),
    Endpoint("DELETE", _AT + "Speak/", 204, ASYNC),
)

# --- what is no call ------------------------------------------------------------------------------------------------

APP_ID = text("app_id", "{app_id}", "12345678901234567", "{other_app}", "x")
SUB = stranger(status=400)
_APPLICATION = (
    *link("answer_url"),
    *link("hangup_url"),
    *link("fallback_answer_url", "fallback_method"),
    *link("message_url"),
    flag("default_number_app", False),
    flag("default_endpoint_app", False),
    flag("log_incoming_messages"),
    flag("public_uri", False),
    SUB,
    *ASYNC,
)
ALIAS = text("alias", "front.desk", "front desk", "x" * 51, "a/b")
_PASSWORD = ("1234", "x" * 129, OBJECT, True, 1.5)
RESOURCES = (
    Endpoint("GET", "", 200),
    Endpoint(
        "POST",
        "",
        202,
        (text("city", "Paris", "x" * 256), text("address", "1 Main St", "x" * 256), *ASYNC),
        "changed",
        together=(({"name": "Another"}, 403), ({"name": OBJECT}, 400)),
    ),
    Endpoint(
        "POST",
        "Application/",
        201,
        (text("app_name", "fresh-app", "a b", "ü", "x" * 65, "made-app", required=True), *_APPLICATION),
        "created",
    ),
    Endpoint("GET", "Application/", 200, (text("app_name", "made"), stranger(), *page(), *ASYNC)),
    Endpoint("GET", "Application/{app_id}/", 200, ASYNC),
    Endpoint("POST", "Application/{app_id}/", 202, _APPLICATION, "changed"),
    Endpoint(
        "DELETE",
        "Application/{app_id}/",
        204,
        (flag("cascade", False), text("new_endpoint_application", "", "{other_app}", "{app_id}", "x"), *ASYNC),
    ),
    Endpoint(
        "POST",
        "Endpoint/",
        201,
        (
            text("username", "reception", "1reception", "recep tion", "x" * 51, "ré", required=True),
            Arg("password", "secret-enough", _PASSWORD, required=True),
            Arg("alias", "front", ("front desk", "x" * 51, OBJECT, True), required=True),
            APP_ID,
            *ASYNC,
        ),
        "created",
    ),
    Endpoint("GET", "Endpoint/", 200, (stranger(), *page(), *ASYNC)),
    Endpoint("GET", "Endpoint/{endpoint_id}/", 200, ASYNC),
    Endpoint(
        "POST",
        "Endpoint/{endpoint_id}/",
        202,
        (Arg("password", "secret-enough", _PASSWORD), ALIAS, APP_ID, *ASYNC),
        "changed",
    ),
    Endpoint("DELETE", "Endpoint/{endpoint_id}/", 204, ASYNC),
    Endpoint(
        "GET",
        "Number/",
        200,
        (
            text("number_startswith", "1"),
            choice("type", "local", "tollfree", "mobile", "national", "fixed"),
            text("alias", "x"),
            text("services", "voice"),
            stranger(),
            *page(),
            *ASYNC,
        ),
    ),
    Endpoint(
        "POST",
        "Number/",
        202,
        (
            text(
                "numbers",
                "15550001001,15550001002",
                "abc",
                "12",
                ",",
                "{number}",
                "15550001003,{other_number}",
                ",".join(f"1555{n:07}" for n in range(101)),
                required=True,
            ),
            text("carrier", "Own", "x" * 256),
            text("region", "US", "x" * 256),
            choice("number_type", "local", "tollfree", "mobile", "national", "fixed"),
            APP_ID,
            SUB,
            *ASYNC,
        ),
        "changed",
    ),
    Endpoint("GET", "Number/{number}/", 200, ASYNC),
    Endpoint(
        "POST",
        "Number/{number}/",
        202,
        (APP_ID, SUB, text("alias", "main line", "x" * 256), choice("cnam_lookup", "enabled", "disabled"), *ASYNC),
        "changed",
    ),
    Endpoint("DELETE", "Number/{number}/", 204, ASYNC),
    Endpoint(
        "GET",
        "PhoneNumber/",
        200,
        (
            text("country_iso", "US", "USA", "1", "u", required=True),
            choice("type", "local", "tollfree", "mobile", "national", "fixed", "any"),
            text("pattern", "1555", "abc", "1" * 16),
            text("region", ""),
            text("services", "voice"),
            *page(),
            *ASYNC,
        ),
    ),
    Endpoint("POST", "PhoneNumber/{for_rent}/", 201, (APP_ID, SUB, *ASYNC), "created"),
    Endpoint(
        "GET",
        "Recording/",
        200,
        (
            text("call_uuid", NOBODY),
            text("from_number", "1"),
            text("to_number", "1"),
            text("conference_name", "room"),
            text("conference_uuid", NOBODY),
            *moment("add_time", ""),
            *(whole(f"recording_storage_duration{end}", 0) for end in ("", "__gt", "__gte", "__lt", "__lte")),
            stranger(),
            *page(),
            *ASYNC,
        ),
        together=(
            ({"add_time__gt": "2026-01-01 00:00", "add_time__lt": "2026-03-01 00:00"}, 400),
            ({"conference_name": "room", "mpc_name": "desk"}, 400),
        ),
    ),
    Endpoint("GET", "Recording/{recording_id}/", 200, ASYNC),
    Endpoint("DELETE", "Recording/{recording_id}/", 204, ASYNC),
    Endpoint(
        "POST",
        "Subaccount/",
        201,
        (text("name", "Branch", "x" * 256, required=True), flag("enabled"), *ASYNC),
        "created",
    ),
    Endpoint("GET", "Subaccount/", 200, (*page(), *ASYNC)),
    Endpoint("GET", "Subaccount/{sub_id}/", 200, ASYNC),
    Endpoint(
        "POST", "Subaccount/{sub_id}/", 202, (text("name", "Branch 2", "x" * 256), flag("enabled"), *ASYNC), "changed"
    ),
    Endpoint("DELETE", "Subaccount/{sub_id}/", 204, (flag("cascade", False), *ASYNC)),
)

ENDPOINTS = (*CALLS, *CONFERENCES, *PARTIES, *RESOURCES)
ABSENT = ("Media/", "Media/x/", "Transcription/x/", "Pricing/", "JWT/Token/", "Message/", "Nothing/", "Call/x/Hold/")
