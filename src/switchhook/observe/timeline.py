"""The story of one call as text: when, what, and because of what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from switchhook.exchange.ports import Entry
from switchhook.observe.order import in_order
from switchhook.observe.parties import Parties, plain
from switchhook.observe.wording import say

# What brought something about, where it was an event (`core.events`) and no request, program or rule with a name.
_EVENTS = {
    "LegArrived": "a telephone called",
    "LegRang": "a telephone rings",
    "LegAnswered": "a telephone answered",
    "LegFailed": "a telephone was not reached",
    "LegGone": "a telephone has gone",
    "LegHeld": "a hold key",
    "DigitPressed": "a key",
    "SoundEnded": "a sound has ended",
    "MediaLost": "no audio came",
    "MediaBack": "audio came again",
    "VoiceStarted": "a voice",
    "VoiceStopped": "a voice",
    "StreamConnected": "the program at a stream",
    "StreamTold": "the program at a stream",
    "StreamPressed": "the program at a stream",
    "StreamOver": "the program at a stream",
    "RecordingEnded": "a recording has ended",
    "TimerFired": "a time was over",
    "EndpointChanged": "a registration",
}


def timeline(entries: Sequence[Entry], *, sip: bool = False, zone: tzinfo | None = None) -> str:
    """Returns a line per thing that happened, with clock time, seconds since the start, and the cause.

    SIP messages are left out unless `sip`; times are local unless `zone` is given.
    """
    if not entries:
        return "nothing happened\n"
    entries = in_order(entries)
    parties = Parties.of(entries)
    start = entries[0].at
    began = datetime.fromtimestamp(start, zone).astimezone(zone)
    call = next((entry.call for entry in entries if entry.call), "-")
    lines = [f"call {plain(call)}, {began:%Y-%m-%d %H:%M:%S %Z}".rstrip(), ""]
    before = ""
    for entry in entries:
        said = say(entry, parties)
        if not said or (entry.kind == "SipMessage" and not sip):
            continue
        cause = f"  [{_EVENTS.get(entry.cause) or plain(entry.cause)}]" if entry.cause and entry.cause != before else ""
        before = entry.cause
        clock = datetime.fromtimestamp(entry.at, zone)
        lines.append(f"{clock:%H:%M:%S}.{clock.microsecond // 1000:03d} {entry.at - start:+9.3f}  {said}{cause}")
    return "\n".join([*lines, ""])
