"""What of Plivo's voice product is built: the source of the coverage page.

One line per operation, argument, element, attribute and webhook: `done`, `partly` (the note says what is missing) or
`absent`. Each line that is not absent names the test file that shows it; a test checks that those files speak of it.
"""

from __future__ import annotations

from switchhook.core.values import dataclass
from switchhook.dialects.plivo.mpc.coverage import ROWS

DONE, PARTLY, ABSENT = "done", "partly", "absent"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page."""

    section: str
    part: str
    state: str
    note: str = ""
    test: str = ""


def lines() -> tuple[Line, ...]:
    """Returns every row of the page, in the order of the reference."""
    return tuple(line for section in _SECTIONS for line in section)


def _done(section: str, test: str, *parts: str) -> tuple[Line, ...]:
    return tuple(Line(section, part, DONE, test=test) for part in parts)


def _partly(section: str, test: str, **notes: str) -> tuple[Line, ...]:
    return tuple(Line(section, part, PARTLY, note, test) for part, note in notes.items())


def _absent(section: str, note: str, *parts: str) -> tuple[Line, ...]:
    return tuple(Line(section, part, ABSENT, note) for part in parts)


REST = "REST: operations"
MAKE = "REST: arguments of POST Call/"
MOVE = "REST: arguments of POST Call/{call_uuid}/"
ACTION = "REST: actions on live calls"
NOUNS = "REST: arguments and fields of resources"
COMMON = "REST: common rules"
HOOKS = "Webhooks"
NO_OTHER = "404 `not found`"

_OPERATIONS = (
    *_done(
        REST,
        "test_rest.py",
        "POST Call/",
        "GET Call/?status=live",
        "GET Call/{call_uuid}/?status=live",
        "POST Call/{call_uuid}/",
        "DELETE Call/{call_uuid}/",
        "DELETE Call/",
        "DELETE Request/{request_uuid}/",
    ),
    *_done(REST, "test_limits.py", "GET Call/?status=queued", "GET Call/{call_uuid}/?status=queued"),
    *_done(REST, "test_records.py", "GET Call/{call_uuid}/"),
    *_done(REST, "test_history.py", "GET Call/"),
    *_absent(REST, NO_OTHER, "Media/", "Transcription/", "Pricing/", "JWT/Token/"),
)

_RESOURCES = (
    *_done(
        REST,
        "resources/test_applications.py",
        "POST Application/",
        "GET Application/",
        "GET Application/{app_id}/",
        "POST Application/{app_id}/",
        "DELETE Application/{app_id}/",
    ),
    *_done(
        REST,
        "resources/test_endpoints.py",
        "POST Endpoint/",
        "GET Endpoint/",
        "GET Endpoint/{endpoint_id}/",
        "POST Endpoint/{endpoint_id}/",
        "DELETE Endpoint/{endpoint_id}/",
    ),
    *_done(
        REST,
        "resources/test_numbers.py",
        "GET Number/",
        "POST Number/",
        "GET Number/{number}/",
        "POST Number/{number}/",
        "DELETE Number/{number}/",
        "POST PhoneNumber/{number}/",
    ),
    Line(
        REST, "GET PhoneNumber/", DONE, test="resources/test_numbers.py"
    ),
    *_done(
        REST,
        "resources/test_recording_list.py",
        "GET Recording/",
        "GET Recording/{recording_id}/",
        "DELETE Recording/{recording_id}/",
    ),
    *_done(
        REST,
        "resources/test_subaccounts.py",
        "POST Subaccount/",
        "GET Subaccount/",
        "GET Subaccount/{auth_id}/",
        "POST Subaccount/{auth_id}/",
        "DELETE Subaccount/{auth_id}/",
        "GET /v1/Account/{auth_id}/",
        "POST /v1/Account/{auth_id}/",
    ),
    *_done(
        NOUNS,
        "resources/test_applications.py",
        "Application: app_name, answer_url, hangup_url, fallback_answer_url and their methods",
        "Application: default_number_app, default_endpoint_app",
        "Application: cascade, new_endpoint_application",
        "subaccount",
    ),
    Line(NOUNS, "Application: public_uri", DONE, test="resources/test_applications.py"),
    Line(
        NOUNS, "Application: message_url, message_method, log_incoming_messages", DONE,
        "stored only, as the reference has it", "resources/test_applications.py",
    ),
    *_done(
        NOUNS,
        "resources/test_endpoints.py",
        "Endpoint: username, password, alias, app_id",
        "Endpoint: sip_registered, sip_contact, sip_expires, sip_user_agent",
    ),
    *_done(
        NOUNS,
        "resources/test_numbers.py",
        "Number: app_id (an application or a PHLO), alias, number_startswith, type, services",
    ),
    Line(NOUNS, "Number: cnam_lookup", PARTLY, "kept and shown, nothing is looked up", "resources/test_numbers.py"),
    *_done(
        NOUNS,
        "resources/test_recording_list.py",
        "Recording: call_uuid, from_number, to_number, conference_, mpc_, add_time and storage filters",
        "Recording: MP3 where the `mp3` extra is installed, else WAV",
    ),
    *_done(NOUNS, "test_recordings.py", "recording_url: GET and HEAD with HTTP Basic, ranges"),
    *_done(NOUNS, "resources/test_bad_input.py", "a bad value is named, and nothing changes"),
)  # fmt: skip

_ACTIONS = (
    *_done(
        REST,
        "test_in_call.py",
        "POST Call/{call_uuid}/Play/",
        "DELETE Call/{call_uuid}/Play/",
        "POST Call/{call_uuid}/Speak/",
        "DELETE Call/{call_uuid}/Speak/",
        "DELETE Call/{call_uuid}/Record/",
        "POST Call/{call_uuid}/DTMF/",
    ),
    Line(REST, "POST Call/{call_uuid}/Record/", DONE, test="test_in_call.py"),
    *_done(
        ACTION,
        "test_in_call.py",
        "Play: urls, length, legs, loop, mix",
        "Speak: text, voice, language, legs, loop, mix",
    ),
    *_done(
        ACTION,
        "test_in_call.py",
        "DTMF: digits, leg",
        "callback_url, callback_method",
        "POST /v1/Call/{call_uuid}/Feedback/",
    ),
    *_done(
        ACTION,
        "test_in_call.py",
        "Record: time_limit, record_channel_type",
        "Record: callback_url, callback_method, also for calls that are cut",
    ),
    *_done(ACTION, "test_transcripts.py", "Record: transcription_type, transcription_url"),
    *_done(
        REST,
        "test_conference_api.py",
        "GET Conference/",
        "DELETE Conference/",
        "GET Conference/{conference_name}/",
        "DELETE Conference/{conference_name}/",
        "DELETE Conference/{conference_name}/Record/",
        "DELETE Conference/{conference_name}/Member/{member_id}/",
        "POST Conference/{conference_name}/Member/{member_id}/Kick/",
        "POST Conference/{conference_name}/Member/{member_id}/Mute/",
        "DELETE Conference/{conference_name}/Member/{member_id}/Mute/",
        "POST Conference/{conference_name}/Member/{member_id}/Deaf/",
        "DELETE Conference/{conference_name}/Member/{member_id}/Deaf/",
        "POST Conference/{conference_name}/Member/{member_id}/Play/",
        "DELETE Conference/{conference_name}/Member/{member_id}/Play/",
        "POST Conference/{conference_name}/Member/{member_id}/Speak/",
        "DELETE Conference/{conference_name}/Member/{member_id}/Speak/",
    ),
    Line(REST, "POST Conference/{conference_name}/Record/", DONE, test="test_conference_api.py"),
)

_MAKE = (
    *_done(
        MAKE,
        "test_rest.py",
        "from",
        "to",
        "answer_url",
        "answer_method",
        "parent_call_uuid",
        "error_if_parent_not_found",
        "callback_url",
        "callback_method",
    ),
    *_done(
        MAKE,
        "test_answering.py",
        "ring_url",
        "hangup_url",
        "hangup_method",
        "caller_name",
        "send_digits",
        "time_limit",
        "hangup_on_ring",
        "ring_timeout",
        "sip_headers",
    ),
    *_done(MAKE, "test_answering.py", "ring_method", "fallback_url", "fallback_method"),
    *_done(
        MAKE,
        "test_detection.py",
        "machine_detection",
        "machine_detection_time",
        "machine_detection_url",
        "machine_detection_method",
        "machine_detection_maximum_speech_length",
        "machine_detection_initial_silence",
        "machine_detection_maximum_words",
        "machine_detection_initial_greeting",
    ),
    *_done(MAKE, "test_answering.py", "send_on_preanswer"),
)

_MOVE = (
    *_done(MOVE, "test_transfer_table.py", "legs", "aleg_url", "aleg_method", "bleg_url", "bleg_method"),
    *_done(MOVE, "test_rest.py", "callback_url, callback_method"),
)

_COMMON = (
    *_done(
        COMMON,
        "test_rest.py",
        "HTTP Basic, main account and sub-accounts",
        "JSON, form, multipart and query arguments; comments in JSON",
        "both slash forms, resource words in any case, no redirects",
        "error bodies, 400 401 403 404 405",
        "asynchronous mode (callback_url)",
        "equal requests sent again dial once",
        "limit and offset of the live list",
    ),
    *_done(
        COMMON,
        "test_transfer_table.py",
        "70 transfers of one call",
        "whom a transfer leaves behind: hung up, or parked by configuration",
    ),
    *_done(COMMON, "test_history.py", "meta of paged lists"),
    *_done(COMMON, "test_limits.py", "429 rate limits", "CPS queueing", "calls at a time, minutes a day"),
    *_done(COMMON, "test_limits.py", "caller id check"),
)

_HOOKS = (
    *_done(
        HOOKS,
        "test_answering.py",
        "answer_url",
        "fallback_url",
        "ring_url",
        "hangup_url",
        "X-PH- headers",
        "ForwardedFrom",
        "answer within 15 s",
    ),
    *_done(
        HOOKS,
        "test_outgoing.py",
        "order per call",
        "retry tuning in the fragment (ct rt tt rc rp)",
        "GET and POST",
    ),
    *_done(HOOKS, "test_signatures.py", "V2 and V3 signatures, Ma- headers, port and path variants"),
    *_done(HOOKS, "test_dial.py", "Dial action", "Dial callbackUrl"),
    *_done(HOOKS, "test_two_dialects.py", "Dial callbackUrl when a desktop transfers"),
    *_done(HOOKS, "test_conference.py", "Conference callbackUrl: enter, exit, digits", "Conference action"),
    *_done(HOOKS, "test_outgoing.py", "HTTP redirects, up to 5, each hop signed anew"),
    *_done(HOOKS, "test_detection.py", "machine_detection_url", "Machine"),
    *_done(HOOKS, "test_record.py", "Record action and callbackUrl"),
    *_done(HOOKS, "test_get_digits.py", "GetDigits action"),
    *_done(HOOKS, "test_get_input.py", "GetInput action and interim results"),
    *_done(HOOKS, "test_documents.py", "fallback for an answer URL that fails (7011) or answers no document (8011)"),
    *_done(HOOKS, "test_in_call.py", "recording callbacks of calls, tried again for minutes"),
    *_done(
        HOOKS, "test_conference_api.py", "Conference callbackUrl: floor, record", "recording callbacks of conferences"
    ),
    Line(HOOKS, "er (edge region)", DONE, "taken and ignored, as the reference has it", "test_links.py"),
    *_done(HOOKS, "test_answering.py", "SIPAuthType, SIPAuthUser, SIPSourceIP", "SIP-H-To"),
)


def _element(name: str) -> str:
    return f"XML: {name}"


_SIMPLE = (
    *_done(_element("Response"), "test_reading.py", "validation before the first element", "unknown parts are skipped"),
    *_done(_element("Response"), "test_outgoing.py", "1000 documents per leg, then 2060"),
    *_done(_element("Response"), "test_links.py", "relative URLs"),
    *_done(_element("Speak"), "test_answering.py", "body", "voice", "language", "loop"),
    *_done(_element("Response"), "test_documents.py", "strict documents, actions that fall through, by configuration"),
    *_done(_element("Response"), "test_get_digits.py", "keys typed ahead of GetDigits and GetInput, by configuration"),
    Line(_element("Speak"), "SSML", PARTLY, "`phoneme` and `w` are reduced to their text", "test_spoken.py"),
    *_done(_element("Play"), "test_outgoing.py", "body", "loop"),
    *_done(_element("Wait"), "test_answering.py", "length"),
    *_done(_element("Wait"), "test_wait.py", "silence", "minSilence"),
    *_done(_element("Wait"), "test_beeps.py", "beep"),
    *_done(_element("Redirect"), "test_outgoing.py", "body", "method"),
    *_done(_element("Hangup"), "test_answering.py", "reason"),
    *_done(_element("Hangup"), "test_outgoing.py", "schedule"),
)

_DIAL = (
    *_done(
        _element("Dial"),
        "test_dial.py",
        "action",
        "method",
        "redirect",
        "timeout",
        "timeLimit",
        "callerId",
        "callerName",
        "hangupOnStar",
        "confirmSound",
        "confirmKey",
        "confirmTimeout",
        "callbackUrl",
        "callbackMethod",
        "digitsMatch",
        "digitsMatchBLeg",
        "sipHeaders",
    ),
    *_done(_element("Dial"), "test_early_audio.py", "dialMusic"),
    Line(_element("Dial"), "callType", PARTLY, "calls are voice; another type is a warning", "test_reading.py"),
    *_done(_element("Dial: Number"), "test_dial.py", "body", "sendDigits", "sipHeaders", "callerId", "callerName"),
    *_done(_element("Dial: Number"), "test_early_audio.py", "sendOnPreanswer"),
    Line(_element("Dial: Number"), "sendDigitsMode", PARTLY, "`rfc2833`; another mode is a warning", "test_reading.py"),
    *_done(_element("Dial: User"), "test_dial.py", "body", "sendDigits", "sipHeaders"),
    *_done(_element("Dial: User"), "test_reading.py", "sipAuthUsername", "sipAuthPassword"),
    *_done(_element("Dial: User"), "test_early_audio.py", "sendOnPreanswer"),
)

_ASKING = (
    *_done(
        _element("Record"), "test_record.py", "action", "method", "redirect", "fileFormat", "maxLength", "timeout",
        "finishOnKey", "playBeep", "recordSession", "startOnDialAnswer", "recordChannelType", "callbackUrl",
        "callbackMethod",
    ),
    *_done(_element("Record"), "test_transcripts.py", "transcriptionUrl", "transcriptionMethod"),
    *_partly(
        _element("Record"), "test_transcripts.py", transcriptionType="every type is made by the recogniser",
        transcriptionReportType="the reference names no difference: every report is the same",
    ),
    *_done(
        _element("GetDigits"), "test_get_digits.py", "action", "method", "redirect", "timeout", "digitTimeout",
        "numDigits", "finishOnKey", "retries", "playBeep", "validDigits", "invalidDigitsSound", "log",
        "Speak, Play and Wait inside",
    ),
    *_done(
        _element("GetInput"), "test_get_input.py", "action", "method", "redirect", "inputType", "executionTimeout",
        "digitEndTimeout", "speechEndTimeout", "startInputTimeout", "retries", "finishOnKey", "numDigits",
        "speechModel", "hints", "language", "interimSpeechResultsCallback", "interimSpeechResultsCallbackMethod",
        "profanityFilter", "log", "Speak, Play and Wait inside",
    ),
    *_done(
        _element("PreAnswer"), "test_pre_answer.py", "Speak, Play, Wait, GetDigits, Redirect, Message and DTMF inside"
    ),
    *_done(_element("DTMF"), "test_sending.py", "body", "async"),
    *_partly(
        _element("Message"), "test_sending.py", body="not sent: there is no SMS gateway", src="not sent",
        dst="not sent", type="not sent",
    ),
    *_done(_element("Message"), "test_sending.py", "callbackUrl", "callbackMethod"),
)  # fmt: skip

_CONFERENCE = (
    *_done(
        _element("Conference"),
        "test_conference.py",
        "body",
        "muted",
        "startConferenceOnEnter",
        "endConferenceOnExit",
        "stayAlone",
        "waitSound",
        "maxMembers",
        "timeLimit",
        "hangupOnStar",
        "action",
        "redirect",
        "callbackUrl",
        "digitsMatch",
    ),
    *_done(_element("Conference"), "test_reading.py", "method", "callbackMethod"),
    *_done(_element("Conference"), "test_conference.py", "enterSound", "exitSound"),
    *_done(_element("Conference"), "test_conference_api.py", "record", "recordWhenAlone", "floorEvent", "relayDTMF"),
    *_done(_element("Conference"), "test_conference_api.py", "recordFileFormat"),
    *_done(_element("Conference"), "test_transcripts.py", "transcriptionUrl", "transcriptionMethod"),
    *_partly(_element("Conference"), "test_transcripts.py", transcriptionType="every type is made by the recogniser"),
)

_TRANSFER_OUT = tuple(
    Line("Transfer of a live call: what the leg was in", part, DONE, test=test)
    for part, test in (
        ("GetDigits", "test_get_digits.py"),
        ("GetInput", "test_get_input.py"),
        ("Record; a session's recording goes on", "test_record.py"),
        ("PreAnswer", "test_pre_answer.py"),
        ("Wait for silence", "test_wait.py"),
    )
)

_TRANSFER = tuple(
    Line("Transfer of a live call: what the leg was in", part, DONE, test="test_transfer_table.py")
    for part in (
        "Speak, Play, Wait",
        "Dial, ringing",
        "Dial, bridged: aleg, bleg, both",
        "Conference",
        "waiting for a document",
        "no document at all",
    )
)

AUDIO = "Audio streams"

_STREAMS = (
    *_done(
        REST,
        "test_streams.py",
        *(f"{method} Call/{{call_uuid}}/Stream/" for method in ("POST", "GET", "DELETE")),
        *(f"{method} Call/{{call_uuid}}/Stream/{{stream_id}}/" for method in ("GET", "DELETE")),
    ),
    *_done(
        _element("Stream"), "test_streams.py", "body", "bidirectional", "audioTrack", "streamTimeout", "contentType",
        "keepCallAlive", "extraHeaders", "statusCallbackUrl", "statusCallbackMethod", "maxRetries",
    ),
    Line(_element("Stream"), "noiseCancellation", PARTLY, "accepted, without effect", "test_streams.py"),
    Line(_element("Stream"), "noiseCancellationLevel", PARTLY, "accepted, without effect", "test_streams.py"),
    *_done(
        AUDIO,
        "test_streams.py",
        "start, media, dtmf, stop: every 20 ms, silence too, across switches and killed audio processes",
        "playAudio in both encodings at 8 to 48 kHz, checkpoint, clearAudio, sendDTMF, stop",
        "playedStream, clearedAudio",
        "StartStream, StopStream, DroppedStream, DegradedStream, PlayedStream, ClearedAudio",
        "signature of the upgrade, in each form that receivers check",
        "two more tries of a connection that fails",
        "URLs under the policy of webhooks",
        "end by the program, its time, the API, the call, a transfer",
    ),
    *_absent(AUDIO, "ignored", "muteStream, unmuteStream"),
)  # fmt: skip

_MULTI_PARTY = tuple(Line(*row) for row in ROWS)

_SECTIONS = (
    _OPERATIONS, _RESOURCES, _ACTIONS, _MAKE, _MOVE, _COMMON, _HOOKS, _SIMPLE, _DIAL, _CONFERENCE,
    _ASKING, _STREAMS, _TRANSFER, _TRANSFER_OUT, _MULTI_PARTY,
)  # fmt: skip
