"""Turns the plain tree into the typed one: strict types, no unknown keys, all problems collected.

Not msgspec.convert, because it stops at the first problem and knows neither places nor nearest names.
"""

from __future__ import annotations

import json
import types
import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import SequenceMatcher
from enum import Enum
from functools import cache
from typing import Any

from switchhook.settings.keys import META, Key
from switchhook.settings.sources import Merged, Plain, Trail
from switchhook.settings.tree import Settings


class Wrong(Exception):
    """A value that does not fit; the text completes `<place>: <key> ...`."""


def decode(merged: Merged) -> Settings:
    """Builds the settings; what did not fit is in `merged.problems` and left out of the tree."""
    values: dict[str, Any] = {}
    known = sections()
    for name, value in merged.tree.items():
        if name not in known:
            nearest = _nearest(name, list(known))
            complain(merged, (name,), f"{_shown(name)} is not a known section; did you mean {nearest}?")
            continue
        attribute, cls, many = known[name]
        if many:
            values[attribute] = _decode_tables(merged, name, cls, value)
        elif isinstance(value, dict):
            values[attribute] = _decode_table(merged, (name,), cls, value)
        else:
            complain(merged, (name,), f"[{name}] must be a table of keys")
    return Settings(**{attribute: value for attribute, value in values.items() if value is not None})


@cache
def sections() -> dict[str, tuple[str, type, bool]]:
    """TOML name -> attribute, class of its keys, and whether it is an array of tables."""
    hints = typing.get_type_hints(Settings)
    found: dict[str, tuple[str, type, bool]] = {}
    for each in fields(Settings):
        hint = hints[each.name]
        meta: Key | None = each.metadata.get(META)
        if meta is not None:
            many = typing.get_origin(hint) is tuple
            found[meta.table or each.name] = (each.name, typing.get_args(hint)[0] if many else hint, many)
    return found


@cache
def keys_of(cls: type) -> dict[str, tuple[Field[Any], Any]]:
    assert is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    return {each.name: (each, hints[each.name]) for each in fields(cls) if META in each.metadata}


def complain(merged: Merged, trail: Trail, text: str) -> None:
    place = merged.place(trail)
    line = f"{place}: {text}" if place else text
    merged.problems.append(" ".join(line.split()))


def label(name: str, index: int | None = None, table: object = None) -> str:
    """`[http]`, or `[[endpoint]] 2 (1002)`: which table is meant."""
    if index is None:
        return f"[{name}]"
    names = ("auth_id", "username", "name", "app_id", "number", "file")
    said = next((table[each] for each in names if isinstance(table, dict) and isinstance(table.get(each), str)), "")
    return f"[[{name}]] {index + 1}" + (f" ({_shown(said)})" if said else "")


def _decode_tables(merged: Merged, name: str, cls: type, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        complain(merged, (name,), f"{name} must be written as [[{name}]], once for each")
        return ()
    found = []
    for index, table in enumerate(value):
        if isinstance(table, dict):
            found.append(_decode_table(merged, (name, index), cls, table))
        else:
            complain(merged, (name, index), f"{label(name, index)} must be a table of keys")
    return tuple(each for each in found if each is not None)


def _decode_table(merged: Merged, trail: Trail, cls: type, table: dict[str, Any]) -> Any:
    """Returns the section, or None when a key that it cannot be without is missing or wrong."""
    name = str(trail[0])
    shown = label(name, trail[1] if len(trail) > 1 else None, table)  # type: ignore[arg-type]
    known = keys_of(cls)
    values: dict[str, Any] = {}
    complete = True
    for key in table:
        if key not in known:
            advice = _advice(key, name, known)
            complain(merged, (*trail, key), f"{shown} {_shown(key)} is not a known key; did you mean {advice}?")
    for key, (each, hint) in known.items():
        required = each.default is MISSING
        if key not in table:
            if required:
                complain(merged, trail, f"{shown} needs {key}")
                complete = False
            continue
        try:
            values[key] = _value(table[key], hint, each.metadata[META])
        except Wrong as wrong:
            text = "must be a text that is not empty" if each.metadata[META].secret else str(wrong)
            complain(merged, (*trail, key), f"{shown} {key} {text}")
            complete = complete and not required
    return cls(**values) if complete else None


def _value(raw: object, hint: Any, meta: Key) -> Any:
    value = _typed(_from_text(raw, hint) if isinstance(raw, Plain) else raw, hint)
    complaint = meta.check(value) if meta.check else ""
    if complaint:
        raise Wrong(complaint)
    return value


def _from_text(text: str, hint: Any) -> object:
    """Reads a text of the environment as its key's type needs it: plain, JSON, or a list with commas."""
    origin = typing.get_origin(hint)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if origin is tuple:
        if isinstance(parsed, list):
            return parsed
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if int in typing.get_args(hint):
            return [int(part) if part.isascii() and part.isdigit() else part for part in parts]
        return parts
    if hint in (int, float, bool) or (origin is typing.Literal and not isinstance(typing.get_args(hint)[0], str)):
        return str(text) if parsed is None else parsed
    return parsed if isinstance(parsed, str) else str(text)


def _typed(value: object, hint: Any) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value in args and type(value) in {type(arg) for arg in args}:
            return value
        raise Wrong(f"must be {_either(args)}, not {_shown(value)}")
    if isinstance(hint, type) and issubclass(hint, Enum):
        words = [member.value for member in hint]
        if value in words:
            return hint(value)
        raise Wrong(f"must be {_either(words)}, not {_shown(value)}")
    if origin is tuple:
        return _typed_list(value, args)
    if origin is types.UnionType:
        return None if value is None else _typed(value, args[0])
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
        return float(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        if isinstance(value, str) and any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in value):
            raise Wrong("must not contain control characters")
        return value
    words_of = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    raise Wrong(f"must be {words_of[hint]}, not {_shown(value)}")


def _typed_list(value: object, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise Wrong(f"must be a list, not {_shown(value)}")
    if args[-1] is Ellipsis:
        return tuple(_typed(each, args[0]) for each in value)
    if len(value) != len(args):
        raise Wrong(f"must be a list of {len(args)}, not of {len(value)}")
    return tuple(_typed(each, arg) for each, arg in zip(value, args, strict=True))


def _either(words: typing.Iterable[object]) -> str:
    said = [json.dumps(word) for word in words]
    return " or ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]


def _shown(value: object) -> str:
    """The value as short printable text."""
    text = value if isinstance(value, str) else repr(value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return (text[:60] + "...") if len(text) > 60 else text or "(empty)"


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower()[:80], other).ratio()


def _nearest(name: str, known: list[str]) -> str:
    return max(known, key=lambda each: _likeness(name, each))


def _advice(name: str, section: str, known: dict[str, Any]) -> str:
    """The nearest key here, or the same-looking key of another section if that is clearly nearer."""
    here = _nearest(name, list(known))
    best, found = _likeness(name, here) + 0.1, here
    for other, (_, cls, many) in sections().items():
        there = _nearest(name, list(keys_of(cls)))
        if other != section and _likeness(name, there) > best:
            best = _likeness(name, there)
            found = f"{there} of [[{other}]]" if many else f"{there} of [{other}]"
    return found
