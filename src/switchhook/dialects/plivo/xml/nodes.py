"""Small words for reading a node of a document."""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node

from switchhook.dialects.plivo.xml.attributes import Attributes

KEYS = "0123456789*#"
SENT = frozenset(KEYS + "ABCDabcdwW")  # what can be sent: keys, and the pauses w (0.5 s) and W (1 s)


def all_text(node: Node) -> str:
    """Returns the text of a node and of all that is inside, white space made one blank."""
    return " ".join("".join(node.itertext()).split())


def own_text(node: Node) -> str:
    """Returns the text before the first child."""
    return (node.text or "").strip()


def no_children(node: Node, given: Attributes) -> None:
    """Warns of every child."""
    for child in node:
        given.warn(f"element {child.tag} inside is skipped")


def or_none(value: str | None, most: int = 200) -> str | None:
    """Returns None for what is not set, and nothing for `none`, which is a value of its own here."""
    if not value:
        return None
    return "" if value.lower() == "none" else value[:most]


def sequences(text: str) -> tuple[str, ...]:
    """Returns the entries of a `digitsMatch` list, the longest first."""
    found = {part.strip() for part in text.split(",") if part.strip()}
    return tuple(sorted(found, key=lambda part: (-len(part), part)))


def finish_keys(given: Attributes) -> str | None:
    """Returns the keys that end an input, or None for the default: `none` or empty is no key at all."""
    found = given.raw("finishOnKey")
    if found is None:
        return None
    if found.lower() in ("", "none", "null"):
        return ""
    keys = "".join(key for key in found if key in KEYS)
    if len(keys) != len(found):
        given.warn(f"finishOnKey={found!r} is no key")
    return keys or None
