"""Facts as JSON and back: frozen dataclasses of enums, tuples, mappings, unions and other dataclasses.

msgspec cannot read a union of untagged dataclasses (`Voice | Sound`), and the core may not carry tags for it, so each
class gets writers (`stores.writing`) and a reader, compiled once from its type hints. Inside a union a dataclass is
written with its class name under "type", where the hint is `object` under "@class" (users' own data may have a
"type"). Old files stay readable: unknown keys are passed over, missing ones take their default.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

from switchhook.core.facts import Fact
from switchhook.stores.writing import CLASS, TYPE, Write, Writers, bare, is_enum
from switchhook.stores.writing import SECRETS as SECRETS

Read = Callable[[Any], Any]


class Unreadable(ValueError):
    """A line that this version cannot turn into a fact: an unknown kind, or a value that does not fit."""


class Encoding:
    """Writes and reads the dataclasses it was made for, and every dataclass that they mention."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes: dict[str, type] = {}
        self._full = Writers(lean=False)
        self._lean = Writers(lean=True)
        self._readers: dict[type, Read] = {}
        for cls in classes:
            self._learn(cls)
            self._full.learn(cls)
            self._lean.learn(cls)

    def write(self, fact: object) -> tuple[str, dict[str, object]]:
        """Returns the kind (class name) and a body of JSON types; raises KeyError for a class it was not made for."""
        cls = type(fact)
        return cls.__name__, self._full[cls](fact)

    def lean(self, cls: type) -> Write:
        """Returns what makes the body for the disk, which msgspec encodes; `restored` gives back what it leaves out."""
        return self._lean[cls]

    def restored(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Returns a body read from disk with the fields that a lean one leaves out; an unreadable one as it is."""
        try:
            return _merged(self.write(self.read(kind, body))[1], body)
        except (Unreadable, KeyError):
            return body

    def read(self, kind: str, body: Mapping[str, object]) -> Any:
        """Returns the fact; raises Unreadable."""
        cls = self._classes.get(kind)
        if cls is None:
            raise Unreadable(f"unknown kind {kind}")
        try:
            return self._readers[cls](body)
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise Unreadable(f"{kind}: {wrong!r}") from wrong

    def knows(self, kind: str) -> bool:
        return kind in self._classes

    # --- compiling, once per class ---------------------------------------------------------------------------------

    def _learn(self, cls: type) -> None:
        if cls in self._readers:
            return
        if self._classes.setdefault(cls.__name__, cls) is not cls:
            raise ValueError(f"two classes are called {cls.__name__}")
        # A class may contain itself: the look-up goes through the table until the real one is there.
        self._readers[cls] = lambda raw: self._readers[cls](raw)
        assert is_dataclass(cls)
        hints = typing.get_type_hints(cls)
        readers = tuple((each.name, self._reader(hints[each.name])) for each in fields(cls))
        needed = frozenset(e.name for e in fields(cls) if e.default is MISSING and e.default_factory is MISSING)

        def read(raw: Any) -> Any:
            found = {name: read(raw[name]) for name, read in readers if name in raw}
            if not needed <= found.keys():
                raise KeyError(", ".join(sorted(needed - found.keys())))
            return cls(**found)

        self._readers[cls] = read

    def _reader(self, hint: Any) -> Read:
        hint = bare(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if is_enum(hint):
            by_value = {member.value: member for member in hint}
            return by_value.__getitem__
        if isinstance(hint, type) and is_dataclass(hint):
            self._learn(hint)
            return lambda raw: self._readers[hint](raw)
        if origin is tuple:
            inside = [self._reader(arg) for arg in args if arg is not ...]
            if args[-1:] == (...,):
                only = inside[0]
                return lambda raw: tuple(only(each) for each in raw)
            return lambda raw: tuple(read(each) for read, each in zip(inside, raw, strict=True))
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            each_value = self._reader(args[1])
            return lambda raw: {key: each_value(each) for key, each in raw.items()}
        if origin in (types.UnionType, typing.Union):
            return self._union_reader(args)
        if hint is object or hint is Any:
            return self._read_anything
        if hint is float:
            return float
        return _same

    def _union_reader(self, args: tuple[Any, ...]) -> Read:
        classes = [arg for arg in args if isinstance(arg, type) and is_dataclass(arg)]
        for cls in classes:
            self._learn(cls)
        if len(classes) > 1:
            return self._read_tagged
        others = [self._reader(arg) for arg in args if arg is not type(None)]
        only = others[0] if len(others) == 1 else self._read_anything
        return lambda raw: None if raw is None else only(raw)

    def _read_tagged(self, raw: Any) -> Any:
        return None if raw is None else self._readers[self._classes[raw[TYPE]]](raw)

    def _read_anything(self, raw: Any) -> Any:
        if isinstance(raw, dict):
            cls = self._classes.get(raw[CLASS]) if isinstance(raw.get(CLASS), str) else None
            return self._readers[cls](raw) if cls else {key: self._read_anything(each) for key, each in raw.items()}
        if isinstance(raw, list):
            return tuple(self._read_anything(each) for each in raw)
        return raw


def facts_of(union: object) -> tuple[type, ...]:
    """Returns the classes of a union such as `core.facts.Fact`."""
    return typing.get_args(union)


@cache
def fact_encoding() -> Encoding:
    """Returns the encoding of `core.facts`, made once."""
    return Encoding(facts_of(Fact))


def _merged(full: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What was found wins, also what this version does not know; what is missing comes from `full`."""
    merged = {**full, **found}
    for name, value in found.items():
        other = full.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            merged[name] = _merged(other, value)
        elif isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
            pairs = zip(other, value, strict=True)
            merged[name] = [_merged(a, b) if isinstance(a, dict) and isinstance(b, dict) else b for a, b in pairs]
    return merged


def _same(value: Any) -> Any:
    return value
