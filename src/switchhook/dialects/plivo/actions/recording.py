"""Record on a live call or conference, and how the file is told of when it is finished (plivo-voice-api 5.4, 7.6, 9).

A recording of a call follows its leg through transfers until the call ends; one of a conference ends with it. It ends
sooner by DELETE or when `time_limit` seconds are in the file. Its end is told to `callback_url` however it came about;
of a file that could not be written nothing is told. What is said in it is told to `transcription_url`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from switchhook.core.ids import LegId, RecordingId, RoomId
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.actions.delivery import deliver
from switchhook.dialects.plivo.actions.legs import leg_in_progress
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.problems import Problem, invalid, not_found
from switchhook.exchange.recordings import Ended, Recorded

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo
    from switchhook.dialects.plivo.rest import Rest

LONGEST_S = 86_400
DEFAULT_S = 60


def start(rest: Rest, asked: Asked) -> Answer:
    """POST Call/{uuid}/Record/: records the call, from now on."""
    given = asked.given
    wanted = file_format(asked)
    channels = shapes.text(given, "record_channel_type").lower() or "mono"
    if channels not in ("mono", "stereo"):
        raise invalid("record_channel_type", "mono or stereo")
    limit = min(shapes.whole(given, "time_limit", 1) or DEFAULT_S, LONGEST_S)
    ended = told(rest.dialect, asked, "call_uuid")
    leg = leg_in_progress(rest, asked)
    warn_of_transcription(rest, asked, leg.id)
    found = rest.exchange.recordings.start(
        leg.account, follow=leg.id, cause=asked.api_id,
        max_s=limit, mono=channels == "mono", heard=True, wanted_format=wanted, ended=ended,
    )  # fmt: skip
    return started(rest, asked, found, "call recording started")


def stop(rest: Rest, asked: Asked) -> Answer:
    """DELETE Call/{uuid}/Record/: ends all recordings of the call, or the one whose `URL` is given."""
    leg = leg_in_progress(rest, asked)
    stop_running(rest, asked, rest.exchange.recordings.running(leg=leg.id))
    return Answer(204, synchronous=True)


# --- shared with conferences ----------------------------------------------------------------------------------------


def file_format(asked: Asked) -> str:
    """Returns the format that is asked for: mp3, which is the default, or wav."""
    found = shapes.text(asked.given, "file_format").lower() or "mp3"
    if found not in ("mp3", "wav"):
        raise invalid("file_format", "mp3 or wav")
    return found


def told(dialect: Plivo, asked: Asked, subject: str, name: str = "") -> Ended | None:
    """Returns what tells `callback_url` of the end; `subject` is the field that says what was recorded, as `name`."""
    hook = shapes.link(asked.given, "callback_url", "callback_method")
    words_to = shapes.link(asked.given, "transcription_url", "transcription_method")
    if hook is None and words_to is None:
        return None
    api_id, uuid, account = asked.api_id, asked.words.get("uuid", ""), asked.account.auth_id

    def ended(recorded: Recorded) -> None:
        if recorded.has_file and hook is not None:
            fields = {"api_id": api_id, subject: name or uuid, **facts_of(dialect, recorded)}
            sent = {**fields, "response": json.dumps(fields)}
            deliver(dialect, Webhook(LegId(uuid or recorded.id), account, hook, sent))
        dialect.transcripts.tell(words_to, recorded, words)

    def words(link: Link, said: dict[str, str]) -> Webhook:
        about = {"api_id": api_id, "call_uuid": uuid, subject: name or uuid}
        return Webhook(LegId(uuid or said["recording_id"]), account, link, said | about)

    return ended


def facts_of(dialect: Plivo, recorded: Recorded) -> dict[str, str]:
    """Returns what the callback of a recording that was started by API says of it."""
    return {
        "record_url": dialect.exchange.recordings.url(recorded),
        "recording_id": recorded.id,
        "recording_duration": str(round(recorded.duration_ms / 1000)),
        "recording_duration_ms": str(recorded.duration_ms),
        "recording_start_ms": str(round(recorded.started_at * 1000)),
        "recording_end_ms": str(round(recorded.ended_at * 1000)),
    }


def document_facts_of(dialect: Plivo, recorded: Recorded) -> dict[str, str]:
    """Returns what the callback of a recording that a document started says of it, as `facts_of` in other words."""
    found = facts_of(dialect, recorded)
    return {
        "RecordUrl": found["record_url"],
        "RecordingID": found["recording_id"],
        "RecordingDuration": found["recording_duration"],
        "RecordingDurationMs": found["recording_duration_ms"],
        "RecordingStartMs": found["recording_start_ms"],
        "RecordingEndMs": found["recording_end_ms"],
    }


def warn_of_transcription(rest: Rest, asked: Asked, leg: str) -> None:
    """Says in the timeline that a transcription that is asked for is not made."""
    wanted = shapes.text(asked.given, "transcription_type") or shapes.text(asked.given, "transcription_url")
    if wanted and rest.dialect.transcripts.recogniser is None:
        text = "Record: no transcription is made: [plivo] recogniser is not set"
        rest.exchange.write("Warning", {"dialect": "plivo", "text": text}, leg=leg)


def started(rest: Rest, asked: Asked, recorded: Recorded | None, message: str) -> Answer:
    """Returns the answer to a Record; the URL is announced before there is a file."""
    if recorded is None:  # the timeline says why
        raise Problem(409, "not possible now: nothing can be recorded")
    url = rest.exchange.recordings.url(recorded)
    body: dict[str, object] = {"api_id": asked.api_id, "message": message, "recording_id": recorded.id, "url": url}
    return Answer(202, body, synchronous=True)


def stop_running(rest: Rest, asked: Asked, running: tuple[Recorded, ...]) -> None:
    """Ends these recordings, or the one of them whose URL is given; raises `Problem` 404 when it is none of them."""
    wanted = shapes.text(asked.given, "URL") or shapes.text(asked.given, "url")
    chosen = [each for each in running if not wanted or each.id in wanted]
    if wanted and not chosen:
        raise not_found("no recording with this URL is running")
    for each in chosen:
        rest.exchange.recordings.stop(RecordingId(each.id), cause=asked.api_id)


def start_of_room(rest: Rest, asked: Asked, room: RoomId, name: str) -> Answer:
    """POST Conference/{name}/Record/: records the conference, from now on."""
    wanted = file_format(asked)
    limit = shapes.whole(asked.given, "time_limit", 1)
    ended = told(rest.dialect, asked, "conference_name", name)
    members = tuple(rest.exchange.state.rooms[room].members)
    warn_of_transcription(rest, asked, members[0] if members else "")
    found = rest.exchange.recordings.start(
        asked.account.auth_id, room=room, cause=asked.api_id,
        max_s=min(limit, LONGEST_S) if limit else None, mono=True, wanted_format=wanted, ended=ended,
    )  # fmt: skip
    return started(rest, asked, found, "conference recording started")


RESOURCES: Resources = ((path("call/{uuid}/record"), {"POST": start, "DELETE": stop}),)
