"""The sounds of Multi-Party Calls: beeps, and URLs that answer with a document of sounds or are sounds themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from switchhook.core.errors import Unavailable
from switchhook.core.ids import LegId
from switchhook.core.model import Clips
from switchhook.dialects.plivo.links import Link, escaped
from switchhook.dialects.plivo.mpc.wishes import Noise
from switchhook.dialects.plivo.outgoing import Webhook
from switchhook.dialects.plivo.run.clips import clips_of
from switchhook.dialects.plivo.xml.reading import NotADocument, read
from switchhook.exchange.sender import TooLong

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

BEEP = "builtin:beep"
_AUDIO = (".mp3", ".wav")


def beeps(noise: Noise) -> Clips:
    """Returns so many beeps, with pauses between; none for what has to be fetched."""
    return (BEEP, *("silence:100", BEEP) * (noise - 1)) if isinstance(noise, int) and noise else ()


async def clips(dialect: Plivo, leg: LegId, account: str, noise: Noise | None, sent: dict[str, str]) -> Clips:
    """Fetches a sound; none, with a warning, when it cannot be had."""
    if not isinstance(noise, Link):
        return beeps(noise or 0)
    if not noise.valid_url or not noise.valid_method:
        _warn(dialect, leg, f"{noise.url}: the URL of a sound is invalid")
        return ()
    audio = (escaped(noise.url.partition("#")[0]),)
    if urlsplit(noise.url).path.lower().endswith(_AUDIO):
        return audio
    try:
        reply = await dialect.outgoing.ask(Webhook(leg, account, noise, sent))
        kind = next((value for name, value in reply.headers if name.lower() == "content-type"), "")
        if kind.lower().startswith("audio/"):
            return audio
        document = read(reply.body, kind)
    except TooLong:
        return audio  # no document is that long
    except (Unavailable, NotADocument) as error:
        _warn(dialect, leg, f"{noise.url}: {error}")
        return ()
    for warning in document.warnings:
        _warn(dialect, leg, warning)
    return clips_of(document, reply.url or noise.url)


def _warn(dialect: Plivo, leg: LegId, text: str) -> None:
    known = bool(dialect.exchange.calls.of(leg))
    dialect.exchange.write("Warning", {"dialect": "plivo", "text": text}, leg=leg if known else "")
