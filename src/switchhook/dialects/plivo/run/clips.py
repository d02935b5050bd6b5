"""From elements to clips, the words in which the core asks for sound (`core.sources`)."""

from __future__ import annotations

from urllib.parse import urljoin

from switchhook.dialects.plivo.links import escaped, is_web_url
from switchhook.dialects.plivo.run.voices import voice_of
from switchhook.dialects.plivo.xml import elements as e

MOST_TURNS = 10  # of one sound inside a document of sounds, whose whole is repeated anyway


def play_clip(play: e.Play, base: str) -> str:
    """Returns the clip of a Play, or nothing when it has no web address."""
    if not play.url:
        return ""
    url = play.url if is_web_url(play.url) or not base else urljoin(base, play.url)
    return escaped(url) if is_web_url(url) else ""


def speak_clip(speak: e.Speak) -> str:
    """Returns the clip of a Speak, or nothing when it has no text."""
    if not speak.text:
        return ""
    language, voice = voice_of(speak.voice, speak.language)
    # Only what we made ourselves is markup to the speech program.
    text = speak.markup or (f" {speak.text}" if speak.text.startswith("<speak") else speak.text)
    return f"speak:{language}:{voice}:{text}"


def clip_of(prompt: e.Prompt, base: str) -> str:
    """Returns the clip of one turn of a Play, Speak or Wait, or nothing when it has nothing to play."""
    match prompt:
        case e.Play():
            return play_clip(prompt, base)
        case e.Speak():
            return speak_clip(prompt)
        case e.Wait():
            return f"silence:{prompt.length_s * 1000}"


def clips_of(document: e.Document, base: str) -> tuple[str, ...]:
    """Returns the clips of a document of sounds: Play, Speak and Wait in order, everything else left out."""
    clips: list[str] = []
    for element in document.elements:
        match element:
            case e.Play() | e.Speak():
                clips += _times(clip_of(element, base), element.loop)
            case e.Wait():
                clips.append(clip_of(element, base))
            case _:
                pass
    return tuple(clips)


def _times(clip: str, loop: int) -> list[str]:
    return [clip] * max(1, min(loop, MOST_TURNS)) if clip else []
