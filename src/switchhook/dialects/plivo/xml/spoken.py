"""Reads Speak, Play and Wait: what is heard, alone or as the prompts of another element (plivo-xml 2.1 to 2.3, 1.5).

SSML goes to the speech program as it is where the program knows it: espeak-ng reads `break`, `emphasis`, `p`, `s`,
`prosody`, `sub`, `say-as` and `voice` (for `lang`). What it does not know (`phoneme`, `w`, anything else) is reduced to
its text, with a warning. Only tags and attributes named here reach the program.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element as Node
from xml.sax.saxutils import escape, quoteattr

from switchhook.dialects.plivo.xml import elements as e
from switchhook.dialects.plivo.xml.attributes import Attributes
from switchhook.dialects.plivo.xml.nodes import all_text, no_children, own_text

LONGEST_SPEECH = 3000
MOST_LOOPS = 10_000

_TUNING = re.compile(r"(duration|inter_silence|intra_silence|threshold)\s*[=:]\s*(\d{1,5})")

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "break": ("break", ("strength", "time")),
    "emphasis": ("emphasis", ("level",)),
    "lang": ("voice", (_LANG,)),
    "p": ("p", ()),
    "prosody": ("prosody", ("rate", "pitch", "volume")),
    "s": ("s", ()),
    "say-as": ("say-as", ("interpret-as", "format")),
    "sub": ("sub", ("alias",)),
}
_SAY_AS = {"digits": "telephone", "spell-out": "characters"}  # the program's own words for them


def speak(node: Node, given: Attributes) -> e.Speak:
    text = all_text(node)
    if len(text) > LONGEST_SPEECH:
        given.warn(f"only the first {LONGEST_SPEECH} characters are spoken")
    markup = ""
    if len(node) and len(text) <= LONGEST_SPEECH and any(child.tag in _KNOWN for child in node.iter()):
        try:
            markup = f"<speak>{_inside(node, given).strip()}</speak>"
        except RecursionError:
            given.warn("the elements inside are nested too deeply; only their text is spoken")
    for name in {str(child.tag) for child in node.iter() if child is not node and child.tag not in _KNOWN}:
        if name != "cont":
            given.warn(f"element {name} inside is reduced to its text")
    voice = given.text("voice", "WOMAN")
    polly = voice.lower().startswith("polly.")
    return e.Speak(
        text[:LONGEST_SPEECH],
        voice,
        given.text("language", "" if polly else "en-US"),
        given.whole("loop", 1, 0, MOST_LOOPS),
        markup,
    )


def _inside(node: Node, given: Attributes) -> str:
    """Returns what is inside a node as markup that the speech program reads."""
    parts = [escape(_squeezed(node.text or ""))]
    for child in node:
        parts.append(_tag(child, given))
        parts.append(escape(_squeezed(child.tail or "")))
    return "".join(parts)


def _tag(node: Node, given: Attributes) -> str:
    inside = _inside(node, given)
    if node.tag not in _KNOWN:
        return f" {inside} " if inside else " "
    name, known = _KNOWN[node.tag]
    pairs = []
    for attribute in known:
        value = node.attrib.get(attribute, "").strip()
        if attribute == "interpret-as":
            value = _SAY_AS.get(value, value)
        if value:
            pairs.append(f" {'xml:lang' if attribute == _LANG else attribute}={quoteattr(value)}")
    for attribute in node.attrib:
        if attribute not in known:
            given.warn(f"attribute {attribute} of {node.tag} is ignored")
    if name == "voice" and not pairs:
        return inside
    return f"<{name}{''.join(pairs)}>{inside}</{name}>"


def _squeezed(text: str) -> str:
    """Returns text with white space made one blank, at its ends too."""
    words = " ".join(text.split())
    if not words:
        return " " if text else ""
    return f"{' ' if text[:1].isspace() else ''}{words}{' ' if text[-1:].isspace() else ''}"


def play(node: Node, given: Attributes) -> e.Play:
    no_children(node, given)
    return e.Play(own_text(node), given.whole("loop", 1, 0, MOST_LOOPS))


def wait(node: Node, given: Attributes) -> e.Wait:
    no_children(node, given)
    length = given.whole("length", 1, 1, e.MOST_S)
    silence = given.flag("silence", False)
    least_ms = given.whole("minSilence", 2000, 1, e.MOST_S * 1000)
    beep = _beep(given)
    if silence and length * 1000 <= least_ms:
        given.warn("length must be more than minSilence; it waits its whole length")
        silence = False
    if beep and (silence or given.text("minSilence")):
        given.warn("beep is ignored where silence or minSilence is set")
        beep = None
    return e.Wait(length, least_ms if silence else 0, beep)


def _beep(given: Attributes) -> e.BeepWanted | None:
    """Returns which beep is listened for: `true` is an ordinary one, another text tunes the detector."""
    found = given.text("beep", "false").lower()
    if found in ("true", "false"):
        return e.BeepWanted() if found == "true" else None
    tuned = {name: int(value) for name, value in _TUNING.findall(found)}
    if not tuned:
        given.warn(f"beep={found!r} is neither true nor false")
        return None
    usual = e.BeepWanted()
    return e.BeepWanted(
        max(20, tuned.get("duration", usual.least_ms)),
        max(20, tuned.get("inter_silence", usual.gap_ms)),
        tuned.get("threshold", usual.level),
    )


_PROMPTS: dict[str, Callable[[Node, Attributes], e.Prompt]] = {"Speak": speak, "Play": play, "Wait": wait}


def prompts(node: Node, given: Attributes) -> tuple[e.Prompt, ...]:
    """Returns the Speak, Play and Wait inside an element, in order; everything else is skipped with a warning."""
    found: list[e.Prompt] = []
    for child in node:
        reader = _PROMPTS.get(str(child.tag))
        if reader is None:
            given.warn(f"element {child.tag} inside is skipped")
            continue
        inner = Attributes(f"{node.tag}: {child.tag}", child.attrib, given.warnings)
        found.append(reader(child, inner))
        inner.tell_unknown()
    return tuple(found)
