"""Reads MultiPartyCall (plivo-xml 2.9)."""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node

from switchhook.dialects.plivo.links import Link, link_of
from switchhook.dialects.plivo.mpc import wishes as w
from switchhook.dialects.plivo.streaming.wishes import DEFAULT_TYPE, Wishes, content_type
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.nodes import no_children, own_text
from switchhook.dialects.plivo.xml.streaming import wrong as wrong_stream

_BEEPS = {"none": 0, "beep:1": 1, "beep:2": 2}


_OF_PROGRAMS = tuple(
    f"aiAgentStream{name}"
    for name in ("ServiceUrl", "ContentType", "StatusCallbackUrl", "StatusCallbackMethod", "SamplingRate",
                 "ExtraHeaders")
)  # fmt: skip


def multi_party_call(node: Node, given: Attributes) -> w.MultiPartyCall | None:
    """Returns the element; none, with a warning, without a name or a role."""
    no_children(node, given)
    name, role = own_text(node), given.text("role").lower()
    room, seat = _room(given), _seat(given, role or "customer")
    if not name:
        given.warn("it has no name and is skipped")
        return None
    if seat.stream is not None and (wrong := wrong_stream(seat.stream, "aiAgentStream")):
        given.warn(f"{wrong}; it is skipped")
        return None
    if role not in w.ROLES:
        given.warn(f"role={role!r} is none of agent, customer, supervisor, ai-agent; it is skipped")
        return None
    return w.MultiPartyCall(name, room, seat)


def _room(given: Attributes) -> w.RoomWishes:
    wanted = given.text("recordFileFormat", "mp3").lower()
    if wanted not in ("mp3", "wav"):
        given.warn(f"recordFileFormat={wanted!r} is neither mp3 nor wav")
        wanted = "mp3"
    transcript = given.flag("transcript", bool(given.text("transcriptionUrl")))
    if transcript and not given.text("transcriptionUrl"):
        given.warn("transcript without a transcriptionUrl: nobody is told")
    return w.RoomWishes(
        longest_s=given.whole("maxDuration", 14_400, *w.LONGEST_S),
        most=given.whole("maxParticipants", 10, *w.MOST_PARTICIPANTS),
        wait_music=_link(given, "waitMusicUrl", "waitMusicMethod"),
        agent_music=_link(given, "agentHoldMusicUrl", "agentHoldMusicMethod"),
        customer_music=_link(given, "customerHoldMusicUrl", "customerHoldMusicMethod"),
        wait_for_agent=given.flag("waitForAgent", False),
        wait_s=given.whole("waitTime", 0, *w.LONGEST_WAIT_S),
        record=given.flag("record", False),
        record_format=wanted,
        record_from=given.whole("recordMinMemberCount", 1, *w.FEWEST_RECORDED),
        record_tracks=given.flag("recordParticipantTrack", False),
        record_coach=given.flag("recordCoachVoice", True),
        recording_callback=_link(given, "recordingCallbackUrl", "recordingCallbackMethod", "POST"),
        transcription=_link(given, "transcriptionUrl", "transcriptionMethod", "POST") if transcript else None,
        recording_starts=_link(given, "startRecordingAudio", "startRecordingAudioMethod"),
        recording_stops=_link(given, "stopRecordingAudio", "stopRecordingAudioMethod"),
    )


def _seat(given: Attributes, role: str) -> w.SeatWishes:
    groups = frozenset(part.strip() for part in given.text("statusCallbackEvents").lower().split(",") if part.strip())
    if not groups <= w.GROUPS:
        given.warn(f"statusCallbackEvents: {', '.join(sorted(groups - w.GROUPS))} are unknown")
    return w.SeatWishes(
        role=role,
        mute=given.flag("mute", False),
        hold=given.flag("hold", False),
        coach=given.flag("coachMode", True),
        stay_alone=given.flag("stayAlone", False),
        starts=given.flag("startMpcOnEnter", True),
        ends=given.flag("endMpcOnExit", False),
        relay_keys=given.flag("relayDTMFInputs", False),
        enter=_noise(given, "enterSound", 1),
        exit=_noise(given, "exitSound", 2),
        on_exit=_link(given, "onExitActionUrl", "onExitActionMethod", "POST"),
        status=_link(given, "statusCallbackUrl", "statusCallbackMethod", "POST"),
        groups=groups & w.GROUPS or w.DEFAULT_GROUPS,
        stream=program(given, role),
    )


def program(given: Attributes, role: str) -> Wishes | None:
    """Returns the WebSocket by which an ai-agent comes in; None where it has a telephone."""
    texts = {name: given.text(name) for name in _OF_PROGRAMS}
    url = texts["aiAgentStreamServiceUrl"]
    if role != "ai-agent" or not url:
        for name, text in texts.items():
            if text:
                given.warn(f"{name} means nothing without role ai-agent and aiAgentStreamServiceUrl")
        return None
    return Wishes(
        url=url,
        bidirectional=True,
        content_type=_content_type(given, texts["aiAgentStreamContentType"], texts["aiAgentStreamSamplingRate"]),
        extra=texts["aiAgentStreamExtraHeaders"],
        callback=_link(given, "aiAgentStreamStatusCallbackUrl", "aiAgentStreamStatusCallbackMethod", "POST"),
    )


def _content_type(given: Attributes, kind: str, rate: str) -> str:
    """Returns the one spelling of both attributes together; a rate that the type itself names goes first."""
    wanted = kind or DEFAULT_TYPE.partition(";")[0]
    named = "rate=" in wanted.lower()
    if rate and not named:
        wanted = f"{wanted.rstrip('; ')};rate={rate}"
    found = content_type(wanted)
    if found and rate and not found.endswith(f"={rate}"):
        given.warn(f"aiAgentStreamSamplingRate={rate!r} is not the rate of {found}, which is used")
    return found


def _link(given: Attributes, url: str, method: str, default: str = "GET") -> Link | None:
    verb = given.text(method)
    return link_of(given.raw(url), verb or default)


def _noise(given: Attributes, name: str, default: int) -> w.Noise:
    text = (given.raw(name) or "").lower()
    found = _link(given, name, f"{name}Method")
    if not text:
        return default
    return _BEEPS.get(text, found or 0)
