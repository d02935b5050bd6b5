"""What a client may say of a stream it wants, in a document or by API (plivo-xml 4.1, plivo-voice-api 5.5)."""

from __future__ import annotations

import json
from dataclasses import replace

from switchhook.core.values import dataclass
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.problems import invalid, missing
from switchhook.exchange.forks import is_stream_url

LONGEST_URL, LONGEST_EXTRA, LONGEST_S = 2048, 512, 86_400
TRACKS = ("inbound", "outbound", "both")
CONTENT_TYPES = {
    "audio/x-l16;rate=8000": ("l16", 8_000),
    "audio/x-l16;rate=16000": ("l16", 16_000),
    "audio/x-mulaw;rate=8000": ("mulaw", 8_000),
}
DEFAULT_TYPE = "audio/x-l16;rate=8000"


@dataclass(frozen=True, slots=True)
class Wishes:
    """One stream, as somebody wants it."""

    url: str
    bidirectional: bool = False
    track: str = "inbound"
    timeout_s: int = LONGEST_S
    content_type: str = DEFAULT_TYPE
    extra: str = ""  # as written
    callback: Link | None = None
    keep_alive: bool = False
    retries: int = 2

    @property
    def tracks(self) -> tuple[str, ...]:
        return ("inbound", "outbound") if self.track == "both" else (self.track,)

    def against(self, base: str) -> Wishes:
        """Returns it with the URL of its callback resolved against that of its document."""
        return self if self.callback is None else replace(self, callback=self.callback.against(base))


def content_type(text: str) -> str:
    """Returns a content type in its one spelling, or nothing for one that is unknown."""
    found = "".join(text.lower().split())
    found = found if ";" in found or found not in ("audio/x-l16", "audio/x-mulaw") else f"{found};rate=8000"
    return found if found in CONTENT_TYPES else ""


def extra_headers(text: str, prefix: str = "") -> str:
    """Returns `k=v,k2=v2` (or with semicolons, or a JSON object) as a compact JSON object of prefixed names."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict):
        pairs = [(str(name), str(value)) for name, value in given.items()]
    else:
        parts = (part.partition("=") for part in text.replace(";", ",").split(",") if "=" in part)
        pairs = [(name.strip(), value.strip()) for name, _, value in parts if name.strip()]
    return json.dumps({f"{prefix}{name}": value for name, value in pairs}, separators=(",", ":"))


def asked_for(given: shapes.Arguments) -> Wishes:
    """Reads the arguments of POST Call/{uuid}/Stream/; raises `Problem` 400 for the first that is wrong."""
    url = shapes.text(given, "service_url")
    if not url:
        raise missing("service_url")
    if not is_stream_url(url) or len(url) > LONGEST_URL:
        raise invalid("service_url", f"a ws or wss URL of at most {LONGEST_URL} characters is expected")
    both_ways = _flag(given, "bidirectional")
    track = shapes.text(given, "audio_track").lower() or "inbound"
    if track not in TRACKS:
        raise invalid("audio_track", "inbound, outbound or both")
    if both_ways and track != "inbound":
        raise invalid("audio_track", "only inbound goes with bidirectional")
    kind = content_type(shapes.text(given, "content_type") or DEFAULT_TYPE)
    if not kind:
        raise invalid("content_type", ", ".join(CONTENT_TYPES))
    timeout = shapes.whole(given, "stream_timeout", 1)
    if timeout is not None and timeout > LONGEST_S:
        raise invalid("stream_timeout", f"at most {LONGEST_S} seconds")
    extra = given.get("extra_headers")
    text = json.dumps(extra) if isinstance(extra, dict) else shapes.text(given, "extra_headers")
    if len(text.encode()) > LONGEST_EXTRA:
        raise invalid("extra_headers", f"at most {LONGEST_EXTRA} bytes")
    _flag(given, "noise_cancellation")
    level = shapes.whole(given, "noise_cancellation_level", 0)
    if level is not None and not 60 <= level <= 100:
        raise invalid("noise_cancellation_level", "60 to 100")
    callback = shapes.link(given, "status_callback_url", "status_callback_method")
    return Wishes(url, both_ways, track, timeout or LONGEST_S, kind, text, callback)


def _flag(given: shapes.Arguments, name: str) -> bool:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if word not in ("true", "false", "1", "0", "", "none", "null"):
        raise invalid(name, "true or false")
    return word in ("true", "1")
