"""Play and Speak on a live call: a sound over the talk, or in its place (plivo-voice-api 5.1, 5.2).

What the call's document does goes on beneath it. `length` counts from the start of the sound. DELETE ends what the same
action on the same call began, on either leg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from switchhook.core.errors import Refused
from switchhook.core.ids import LegId
from switchhook.core.model import Clips
from switchhook.dialects.plivo import shapes
from switchhook.dialects.plivo.actions.legs import flag, leg_in_progress, legs_argument, legs_wanted
from switchhook.dialects.plivo.actions.overlays import Layer
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.links import escaped, is_web_url
from switchhook.dialects.plivo.problems import invalid, missing, of_refusal
from switchhook.dialects.plivo.run.clips import speak_clip
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.spoken import speak as read_speak

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

LONGEST_SPEECH = 3000  # characters (plivo-xml 2.1)
_BETWEEN = re.compile(r"\s*,\s*(?=https?://)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_VOICE = re.compile(r"[\w.\- ]{1,64}")


def play(rest: Rest, asked: Asked) -> Answer:
    """POST Call/{uuid}/Play/: plays files one after the other."""
    given = needed(asked, "urls")
    listed = asked.given["urls"]
    urls = [str(url) for url in listed] if isinstance(listed, list) else _BETWEEN.split(given)
    clips = tuple(web_sound(url, "urls") for url in urls)
    length = shapes.whole(asked.given, "length", 1)
    return _lay(rest, asked, clips, "play", length)


def speak(rest: Rest, asked: Asked) -> Answer:
    """POST Call/{uuid}/Speak/: speaks a text."""
    clips, warnings = speech(asked)
    answer = _lay(rest, asked, clips, "speak", None)
    warn(rest, rest.need(asked).id, warnings)
    return answer


def stop_play(rest: Rest, asked: Asked) -> Answer:
    """DELETE Call/{uuid}/Play/."""
    return _lift(rest, asked, "play")


def stop_speak(rest: Rest, asked: Asked) -> Answer:
    """DELETE Call/{uuid}/Speak/."""
    return _lift(rest, asked, "speak")


def _lay(rest: Rest, asked: Asked, clips: Clips, kind: str, length: int | None) -> Answer:
    wanted = legs_argument(asked, "legs")
    repeat = 0 if flag(asked, "loop", False) else 1
    mixed = flag(asked, "mix", True)
    legs = legs_wanted(rest, asked, wanted)
    layer = Layer(kind, rest.need(asked).id)
    try:
        rest.dialect.overlays.lay(
            legs, clips, layer, repeat=repeat, mixed=mixed, max_s=length, cause=asked.api_id,
        )  # fmt: skip
    except Refused as refused:
        raise of_refusal(refused) from refused
    return Answer(202, {"api_id": asked.api_id, "message": f"{kind} started"})


def _lift(rest: Rest, asked: Asked, kind: str) -> Answer:
    rest.dialect.overlays.lift(Layer(kind, leg_in_progress(rest, asked).id), cause=asked.api_id)
    return Answer(204)


# --- shared with conferences ----------------------------------------------------------------------------------------


def needed(asked: Asked, name: str) -> str:
    """Returns a text argument; raises `Problem` 400 when it is missing."""
    found = shapes.text(asked.given, name)
    if not found:
        raise missing(name)
    return found


def web_sound(url: str, name: str) -> str:
    """Returns the clip of a file on the web; raises `Problem` 400 for what is no http or https URL."""
    found = escaped(url.strip())
    if not is_web_url(found):
        raise invalid(name, "an absolute http or https URL is expected")
    return found


def speech(asked: Asked) -> tuple[Clips, tuple[str, ...]]:
    """Returns the clips of a Speak, its text in its voice and language, and warnings about its SSML.

    Go's SDK sends the voice under the name `length` (plivo-voice-api 5.2).
    """
    text = needed(asked, "text")
    if len(text) > LONGEST_SPEECH:
        raise invalid("text", f"at most {LONGEST_SPEECH} characters can be spoken")
    misplaced = shapes.text(asked.given, "length")
    voice = shapes.text(asked.given, "voice") or ("" if misplaced.isdigit() else misplaced) or "WOMAN"
    language = shapes.text(asked.given, "language")
    if not _VOICE.fullmatch(voice):
        raise invalid("voice")
    if language and not _LANGUAGE.fullmatch(language):
        raise invalid("language")
    warnings: list[str] = []
    given = {"voice": voice, "language": language} if language else {"voice": voice}
    node = _markup(text, voice)
    clip = speak_clip(read_speak(node, Attributes("Speak", given, warnings)))
    if not clip:
        raise invalid("text", "it says nothing")
    return (clip,), tuple(warnings)


def _markup(text: str, voice: str) -> Element:
    """Returns the text as an element: SSML where it is a whole `speak`, or where the voice reads SSML."""
    if text.startswith("<speak") or ("<" in text and voice.lower().startswith("polly.")):
        from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
        from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

        try:
            found: Element = fromstring(f"<Speak>{text}</Speak>", forbid_dtd=True)
        except (ParseError, DefusedXmlException):
            pass
        else:
            return found[0] if len(found) == 1 and found[0].tag == "speak" else found
    plain = Element("Speak")
    plain.text = text
    return plain


def warn(rest: Rest, leg: LegId, warnings: Iterable[str]) -> None:
    """Writes what is not done as asked into the timeline of a call."""
    for text in warnings:
        rest.exchange.write("Warning", {"dialect": "plivo", "text": f"Speak by API: {text}"}, leg=leg)


RESOURCES: Resources = (
    (path("call/{uuid}/play"), {"POST": play, "DELETE": stop_play}),
    (path("call/{uuid}/speak"), {"POST": speak, "DELETE": stop_speak}),
)
