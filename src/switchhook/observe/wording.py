"""What happened, in plain words: one sentence per journal line, or none for a line that only machines need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from switchhook.exchange.ports import Entry
from switchhook.observe.parties import Parties, plain

Body = dict[str, Any]
Say = Callable[[Body, Parties], str]

_BY = {
    "phone": "its own telephone",
    "peer": "another party",
    "api": "an API request",
    "program": "the program",
    "server": "a rule of the server",
}
_PHASE = {
    "ringing": "the target's telephone rings, the agent waits",
    "consulting": "agent and target talk in private, the customer hears music",
    "joining": "the agent is back with the customer while the target rings",
    "following": "the agent is gone, the target rings",
    "recalling": "the agent is rung again",
    "announcing": "the customer is told that nobody came",
}
_BUILT_IN = {"hold": "hold music", "ringback": "ringback", "busy": "busy tone", "beep": "a beep"}


def say(entry: Entry, parties: Parties) -> str:
    """Returns one sentence without a full stop, or an empty text. Lines of other versions never raise."""
    words = _WORDS.get(entry.kind)
    try:
        if entry.kind == "MediaStats":
            return plain(_audio_lost(entry.body, parties.name(entry.leg)))
        if entry.kind == "Warning" and entry.leg in parties.legs:
            return plain(f"warning, {parties.name(entry.leg)}: {entry.body.get('text') or entry.body}")
        if words is None:
            return ""
        return plain(words(entry.body, parties))
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        return f"{entry.kind} (written by another version)"


def _audio_lost(body: dict[str, Any], name: str) -> str:
    """Says what was wrong with a leg's audio, at its end; nothing when all of it came."""
    theirs = {"lost": "lost", "late": "too late", "duplicated": "doubled"}
    told = [f"{body[field]} {word}" for field, word in theirs.items() if body[field]]
    if told:
        told[-1] += f" (of {body['received'] + body['lost'] - body['duplicated']}, jitter {body['jitter_ms']:.1f} ms)"
    if body["remote_lost"] > 0:
        told.append(f"{body['remote_lost']} of ours lost on the way to it (jitter {body['remote_jitter_ms']:.1f} ms)")
    return f"audio packets of {name}: " + ", ".join(told) if told else ""


def clip(clip: str) -> str:
    """`builtin:hold` is hold music; a spoken clip is its text."""
    kind, _, rest = clip.partition(":")
    if kind == "builtin":
        return _BUILT_IN.get(rest, rest)
    if kind == "speak":
        return f'"{rest.split(":", 2)[-1]}"'
    if kind in ("http", "https", "file"):
        return urlsplit(clip).path.rsplit("/", 1)[-1] or clip
    if kind == "silence":
        return "silence"
    if kind == "tone":
        return f"{rest.partition(':')[0]} Hz"
    return clip


def _stream_ended(body: Body, parties: Parties) -> str:
    why = str(body.get("error") or ("the call is over" if body["end"] == "call" else body["end"]))
    return f"the audio stream of {parties.name(body['leg'])} ended: {why}"


def sources(heard: list[Body], parties: Parties) -> str:
    """`customer +4930 and hold music`, or `nothing`."""
    names = [
        parties.name(one["leg"])
        if "leg" in one
        else ", ".join(clip(each) for each in one["clips"])
        if "clips" in one
        else "the program at its stream"
        for one in heard
    ]
    return " and ".join(names) or "nothing"


def sip_line(body: Body) -> str:
    """`INVITE 1001`, `200 OK (BYE)`: the first line of a SIP message without its noise."""
    line = str(body.get("first_line", ""))
    method = str(body.get("cseq", "")).rpartition(" ")[2]
    if line.startswith("SIP/2.0 "):
        return f"{line[8:]} ({method})" if method else line[8:]
    word, _, rest = line.partition(" ")
    user, at, _ = rest.removeprefix("sip:").partition("@")
    return f"{word} {user}" if word == "INVITE" and at else word


def http_line(body: Body) -> str:
    """`POST /v1/phlo/5b1d/ {"action": ...}`: method, path with long ids cut, and the short body if one was kept.

    Of the PHLO API the answer is kept, not what was asked: it is no part of the request.
    """
    path = "/".join(part if len(part) <= 18 else part[:8] + ".." for part in str(body.get("path", "")).split("/"))
    asked = f"{body.get('method', '')} {path}".strip()
    return f"{asked} {body['body']}" if body.get("body") and body.get("dialect") != "phlo" else asked


def _http_request(body: Body, parties: Parties) -> str:
    status = body.get("status")
    why = f" {body['body']}" if body.get("dialect") == "phlo" and status and status >= 400 else ""
    return http_line(body) + (f" -> {status}{why}" if status else "")


def notification_line(body: Body) -> str:
    """Returns what a desktop was told, where, and whose desktop: two desktops are told of one consult."""
    line = f"{body.get('name', '')} {body.get('channel', '')}".strip()
    return f"{line} to {body['user']}" if body.get("user") else line


def webhook_line(body: Body) -> str:
    parts = urlsplit(str(body.get("url", "")))
    return f"{body.get('method', '')} {parts.netloc}{parts.path}".strip()


def webhook_result(body: Body) -> str:
    said = str(body.get("error") or body.get("status") or "sent")
    ms = body.get("ms")
    return f"{said} after {ms:.0f} ms" if isinstance(ms, int | float) else said


# --- one function for each kind that people want to read --------------------------------------------------------------


def _leg_created(body: Body, parties: Parties) -> str:
    leg: Body = body["leg"]
    name = parties.name(leg["id"])
    if leg.get("side") == "inbound":
        return f"{name} calls {leg.get('called') or '?'}"
    return f"{name} is dialled, shown as coming from {leg.get('caller') or 'nobody'}"


def _leg_ended(body: Body, parties: Parties) -> str:
    party = parties.legs.get(body["leg"])
    if party is None or party.connected or party.inbound:
        text = f"{parties.name(body['leg'])} is gone: {_plain(body['outcome'])}, by {_BY.get(body['by'], body['by'])}"
    else:
        text = f"{parties.name(body['leg'])} was not reached: {_plain(body['outcome'])}"
    numbers = [
        f"SIP {body['sip_status']}" if body.get("sip_status") else "",
        f"Q.850 {body['q850']}" if body.get("q850") else "",
    ]
    said = ", ".join(filter(None, [*numbers, body.get("reason") or ""]))
    return f"{text} ({said})" if said else text


def _room_opened(body: Body, parties: Parties) -> str:
    room: Body = body["room"]
    kind = {
        "call": "a call",
        "consult": "a private consultation",
        "party": "a multi-party call",
        "conference": "a conference",
    }
    names = " and ".join(parties.name(leg) for leg in room.get("members") or {})
    opened = f"{kind.get(room['plan']['kind'], 'a room')} begins"
    return f"{opened} with {names}" if names else opened


def _transfer_started(body: Body, parties: Parties) -> str:
    transfer: Body = body["transfer"]
    targets = ", ".join(target["address"] for target in transfer["plan"]["dial"]["targets"])
    return f"{transfer['plan']['kind']} transfer: {parties.name(transfer['agent'])} hands the customer to {targets}"


def _transfer_ended(body: Body, parties: Parties) -> str:
    target = f" with {parties.name(body['target'])}" if body.get("target") else ""
    return f"the transfer is over: {_plain(body['outcome'])}{target}"


def _diversion_set(body: Body, parties: Parties) -> str:
    wanted = body["diversion"]
    if wanted.get("to"):
        return f"calls to {body['key']} go to {wanted['to']['address']}"
    return f"{body['key']} is not to be disturbed" if wanted.get("refuses") else f"{body['key']} takes calls again"


def _fallback(body: Body, parties: Parties) -> str:
    goes = body["fallback"].get("destination") or {}
    where = f" {goes['address']}" if goes.get("address") else ""
    return f"the target was not reached ({_plain(body['failure'])}), so: {_plain(body['fallback']['kind'])}{where}"


def _member_flag(on: str, off: str) -> Say:
    return lambda body, parties: f"{parties.name(body['leg'])} {on if body['on'] else off}"


def _dial_ended(body: Body, parties: Parties) -> str:
    return (
        f"{parties.name(body['leg'])} comes in" if body.get("leg") else f"nobody was reached: {_plain(body['outcome'])}"
    )


def _sound_finished(body: Body, parties: Parties) -> str:
    if body.get("error"):
        return f"a sound for {parties.name(body['leg'])} could not be played: {body['error']}"
    return f"the sound for {parties.name(body['leg'])} {'was stopped' if body.get('stopped') else 'has ended'}"


def _plain(value: object) -> str:
    return str(value).replace("_", " ")


_WORDS: dict[str, Say] = {
    "LegCreated": _leg_created,
    "LegRinging": lambda body, parties: (
        f"{parties.name(body['leg'])} rings" + (" with early audio" if body.get("early") else "")
    ),
    "LegConnected": lambda body, parties: f"{parties.name(body['leg'])} is connected",
    "LegEnded": _leg_ended,
    "PhoneHeld": _member_flag("pressed hold on the telephone", "took the call back from hold"),
    "SoundStarted": lambda body, parties: (
        f"{parties.name(body['leg'])} is played " + ", ".join(clip(each) for each in body["sound"]["clips"])
    ),
    "SoundFinished": _sound_finished,
    "OverlayStarted": lambda body, parties: (
        f"{parties.name(body['leg'])} is played "
        + ", ".join(clip(each) for each in body["sound"]["clips"])
        + (" over what it hears" if body.get("mixed", True) else " in place of what it hears")
    ),
    "OverlayFinished": _sound_finished,
    "DigitHeard": lambda body, parties: f"{parties.name(body['leg'])} pressed {body['digit']}",
    "DigitsSent": lambda body, parties: f"digits {body['digits']} are sent to {parties.name(body['leg'])}",
    "AnswerAsked": lambda body, parties: f"{parties.name(body['leg'])} is asked to pick up by itself",
    "AnswerNotPressed": lambda body, parties: f"{parties.name(body['leg'])} did not pick up by itself and rings on",
    "MediaSilent": lambda body, parties: (
        ("no audio comes from " if body["lost"] else "audio is back from ") + parties.name(body["leg"])
    ),
    "VoiceHeard": lambda body, parties: (
        parties.name(body["leg"])
        + (" begins to talk" if body["on"] else f" has stopped talking after {body['after_ms'] / 1000:g} s")
    ),
    "StreamStarted": lambda body, parties: (
        f"the audio of {parties.name(body['leg'])} is streamed to {body['stream']['plan']['url']}"
    ),
    "StreamOpened": lambda body, parties: "the program at the stream's end is reached",
    "StreamNoted": lambda body, parties: f"stream: {body['what']} {body.get('text', '')}".rstrip(),
    "StreamEnded": _stream_ended,
    "RoomOpened": _room_opened,
    "RoomStarted": lambda body, parties: "the conference begins",
    "MemberJoined": lambda body, parties: f"{parties.name(body['member']['leg'])} joins",
    "MemberLeft": lambda body, parties: f"{parties.name(body['leg'])} leaves the room",
    "MemberHeld": _member_flag("is put on hold", "is taken back from hold"),
    "MemberMuted": _member_flag("is muted", "is heard again"),
    "MemberDeafened": _member_flag("hears nobody any more", "hears the others again"),
    "WhisperSet": lambda body, parties: (
        f"{parties.name(body['leg'])} is heard by "
        + (
            (parties.name(body["coached"]) + " only" if body.get("coached") else "the agents only")
            if body["on"]
            else "everybody"
        )
    ),
    "RoomParked": lambda body, parties: "whoever is left is parked with music",
    "DialRang": lambda body, parties: (
        f"the call is sent on from {parties.name(body['instead'])}" if body.get("instead") else ""
    ),
    "DialAccepting": lambda body, parties: f"{parties.name(body['leg'])} answered and is asked to accept",
    "DialTried": lambda body, parties: f"{parties.name(body['leg'])} was not reached: {_plain(body['outcome'])}",
    "DialMoved": lambda body, parties: "whoever answers comes into another room",
    "DialKept": lambda body, parties: "the attempt goes on without the transfer",
    "DialEnded": _dial_ended,
    "TransferStarted": _transfer_started,
    # With a target it only says who answered; the phase that follows comes as a line of its own.
    "TransferAdvanced": lambda body, parties: (
        "" if body.get("target") and body["phase"] != "consulting" else _PHASE.get(body["phase"], _plain(body["phase"]))
    ),
    "FallbackTaken": _fallback,
    "TransferMissed": lambda body, parties: f"the target was not reached: {_plain(body['failure'])}",
    "TransferEnded": _transfer_ended,
    "HearingChanged": lambda body, parties: f"{parties.name(body['leg'])} hears {sources(body['sources'], parties)}",
    "RecordingTurned": lambda body, parties: "",
    "RecordingPaused": lambda body, parties: "recording paused" if body["on"] else "recording goes on",
    "RecordingStarted": lambda body, parties: f"recording to {body['tape']['path']}",
    "RecordingFinished": lambda body, parties: (
        f"recording ended after {body['duration_ms'] / 1000:.1f} s: {body['path']}"
    ),
    "EndpointRegistered": lambda body, parties: (
        f"{body['username']} " + ("is registered" if body["on"] else "is no longer registered")
    ),
    "DiversionSet": _diversion_set,
    "Noted": lambda body, parties: str(body["text"]),
    "HttpRequest": _http_request,
    "HttpReply": lambda body, parties: f"answered {body['status']}",
    "Webhook": lambda body, parties: f"webhook {webhook_line(body)}: {webhook_result(body)}",
    "Notification": lambda body, parties: f"event {notification_line(body)}",
    "SipMessage": lambda body, parties: (
        f"{'<-' if body['direction'] == 'in' else '->'} {body.get('peer', '')} {sip_line(body)}"
    ),
    "SipNote": lambda body, parties: f"{parties.name(body['leg'])}: {body['text']}",
    "Warning": lambda body, parties: f"warning: {body.get('text') or body}",
}
