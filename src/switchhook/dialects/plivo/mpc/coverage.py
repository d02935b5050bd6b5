"""What of Multi-Party Calls is built: rows of the coverage page, as (section, part, state, note, test)."""

from __future__ import annotations

Row = tuple[str, str, str, str, str]

REST = "REST: operations"
ADD = "REST: arguments of POST MultiPartyCall/{mid}/Participant/"
OTHERS = "REST: arguments of the other MultiPartyCall resources"
ELEMENT = "XML: MultiPartyCall"
HOOKS = "Webhooks"

API, DOCUMENTS, LISTS, TAPES = (f"mpc/test_{name}.py" for name in ("by_api", "by_documents", "lists", "recording"))
BAD = "mpc/test_bad_input.py"


def _done(section: str, test: str, *parts: str) -> tuple[Row, ...]:
    return tuple((section, part, "done", "", test) for part in parts)


def _absent(section: str, note: str, *parts: str) -> tuple[Row, ...]:
    return tuple((section, part, "absent", note, "") for part in parts)


_MID = "MultiPartyCall/{mid}/"
_PID = f"{_MID}Participant/{{pid}}/"
_MEMBER = f"{_MID}Member/{{pid}}/"

_OPERATIONS = (
    *_done(REST, LISTS, "GET MultiPartyCall/", f"GET {_MID}", f"GET {_MID}Participant/", f"GET {_PID}"),
    *_done(REST, API, f"POST {_MID}", f"DELETE {_MID}", f"POST {_MID}Participant/", f"POST {_PID}", f"DELETE {_PID}"),
    *_done(REST, API, *(f"{method} {_MEMBER}{what}/" for what in ("Play", "Speak") for method in ("POST", "DELETE"))),
    *_done(
        REST,
        TAPES,
        *(f"POST {where}Record/{what}" for where in (_MID, _PID) for what in ("", "Pause/", "Resume/")),
        *(f"DELETE {where}Record/" for where in (_MID, _PID)),
    ),
)

_ADD = (
    *_done(
        ADD, API, "role", "from", "to", "call_uuid", "caller_name", "call_status_callback_url", "sip_headers",
        "confirm_key", "confirm_key_sound_url", "ring_timeout", "delay_dial", "agent_hold_music_url",
        "customer_hold_music_url", "agent_hold_music, customer_hold_music", "status_callback_url",
        "status_callback_events", "on_exit_action_url", "on_exit_action_method", "stay_alone", "coach_mode", "hold",
        "start_mpc_on_enter", "enter_sound", "exit_sound", "create_mpc_with_single_participant",
        "callback_url, callback_method",
    ),
    *_done(
        ADD, "mpc/test_arguments.py", "mute", "end_mpc_on_exit", "relay_dtmf_inputs", "max_duration",
        "max_participants", "wait_music_url", "record", "record_participant_track", "record_min_member_count",
        "record_file_format", "recording_callback_url", "start_recording_audio", "stop_recording_audio", "send_digits",
        "the _method of each URL",
    ),
    *_done(ADD, API, "dial_music", "send_on_preanswer"),
    *_done(ADD, "test_transcripts.py", "transcription_url", "transcript"),
)  # fmt: skip

_OTHERS = (
    *_done(
        OTHERS, LISTS, "list: sub_account, friendly_name, status, termination_cause_code, end_time, creation_time",
        "limit and offset", "participants: call_uuid", "name_ and uuid_",
    ),
    *_done(OTHERS, API, "start: status", "update: mute, hold, coach_mode"),
    *_done(OTHERS, API, "Play: url, urls", "Speak: text, language, mix"),
    *_done(OTHERS, BAD, "Speak: voice"),
    *_done(OTHERS, TAPES, "Record: file_format, recording_callback_url, record_track_type"),
    *_done(OTHERS, "test_transcripts.py", "Record: transcription_url, transcript"),
    (OTHERS, "Speak: type", "done", "taken and ignored, as the reference has it", API),
)  # fmt: skip

_ELEMENT = (
    *_done(
        ELEMENT, DOCUMENTS, "body", "role", "mute", "hold", "coachMode", "stayAlone", "startMpcOnEnter",
        "endMpcOnExit", "enterSound", "exitSound", "onExitActionUrl", "onExitActionMethod", "relayDTMFInputs",
        "maxDuration", "maxParticipants", "waitMusicUrl", "waitForAgent", "statusCallbackUrl", "statusCallbackEvents",
    ),
    *_done(
        ELEMENT, TAPES, "record", "recordMinMemberCount", "recordParticipantTrack", "recordingCallbackUrl",
        "startRecordingAudio",
    ),
    *_done(
        ELEMENT, "mpc/test_arguments.py", "waitMusicMethod", "agentHoldMusicUrl", "agentHoldMusicMethod",
        "customerHoldMusicUrl", "customerHoldMusicMethod", "recordFileFormat", "recordingCallbackMethod",
        "startRecordingAudioMethod", "stopRecordingAudio", "stopRecordingAudioMethod", "statusCallbackMethod",
        "enterSoundMethod", "exitSoundMethod",
    ),
    *_done(ELEMENT, DOCUMENTS, "waitTime"),
    *_done(ELEMENT, TAPES, "recordCoachVoice"),
    *_done(ELEMENT, "test_transcripts.py", "transcript", "transcriptionUrl"),
    *_done(
        ELEMENT, "mpc/test_programs.py", "aiAgentStreamServiceUrl", "aiAgentStreamContentType",
        "aiAgentStreamStatusCallbackUrl", "aiAgentStreamStatusCallbackMethod", "aiAgentStreamSamplingRate",
        "aiAgentStreamExtraHeaders",
    ),
)  # fmt: skip

_HOOKS = (
    *_done(
        HOOKS, API, "MultiPartyCall status callback: mpc-state-changes, participant-state-changes",
        "MultiPartyCall status callback: add-participant-api-events", "MultiPartyCall call_status_callback_url",
    ),
    *_done(
        HOOKS, DOCUMENTS, "MultiPartyCall status callback: participant-digit-input-events, participant-speak-events",
        "MultiPartyCall onExitActionUrl",
    ),
    *_done(HOOKS, TAPES, "MultiPartyCall recording callback"),
    *_absent(HOOKS, "the reference names no events", "MultiPartyCall status callback: participant-audio-events"),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*_OPERATIONS, *_ADD, *_OTHERS, *_ELEMENT, *_HOOKS)
