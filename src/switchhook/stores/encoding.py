"""Facts as JSON and back: frozen dataclasses of enums, tuples, mappings, unions and other dataclasses.

msgspec cannot read a union of untagged dataclasses (`Voice | Sound`), and the core may not carry tags for it, so each
class gets a writer and a reader, compiled once from its type hints. Inside a union a dataclass is written with its
class name under "type", where the hint is `object` under "@class" (users' own data may have a "type"). Old files stay
readable: unknown keys are passed over, missing ones take their default. Secrets are left out: a journal is copied,
mailed and shown.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

TYPE, CLASS = "type", "@class"
SECRETS = frozenset({"credentials"})  # keys that never reach the disk; all have a default
Write = Callable[[Any], object]
Read = Callable[[Any], Any]


class Unreadable(ValueError):
    """A line that this version cannot turn into a fact: an unknown kind, or a value that does not fit."""


def _compiled(writers: tuple[tuple[str, Write], ...]) -> Write:
    """Returns one expression that makes the body: no loop and no look-up by name, since every fact passes here."""
    names = {f"write_{name}": write for name, write in writers}

    def item(name: str, write: Write) -> str:
        if write is _same:
            return f"{name!r}: value.{name}"
        if write is _value_of:
            return f"{name!r}: value.{name}._value_"
        return f"{name!r}: write_{name}(value.{name})"

    body = ", ".join(item(name, write) for name, write in writers)
    made: Write = eval(f"lambda value: {{{body}}}", names)
    return made


class Encoding:
    """Writes and reads the dataclasses it was made for, and every dataclass that they mention."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes: dict[str, type] = {}
        self._writers: dict[type, Write] = {}
        self._readers: dict[type, Read] = {}
        for cls in classes:
            self._learn(cls)

    def write(self, fact: object) -> tuple[str, dict[str, object]]:
        """Returns the kind (class name) and a body of JSON types; raises KeyError for a class it was not made for."""
        cls = type(fact)
        return cls.__name__, self._writers[cls](fact)  # type: ignore[return-value]

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
        if cls in self._writers:
            return
        if self._classes.setdefault(cls.__name__, cls) is not cls:
            raise ValueError(f"two classes are called {cls.__name__}")
        # A class may contain itself: the look-up goes through the table until the real pair is there.
        self._writers[cls] = lambda value: self._writers[cls](value)
        self._readers[cls] = lambda raw: self._readers[cls](raw)
        assert is_dataclass(cls)
        hints = typing.get_type_hints(cls)
        writers = tuple((e.name, self._writer(hints[e.name])) for e in fields(cls) if e.name not in SECRETS)
        readers = tuple((each.name, self._reader(hints[each.name])) for each in fields(cls))
        needed = frozenset(e.name for e in fields(cls) if e.default is MISSING and e.default_factory is MISSING)
        write = _compiled(writers)

        def read(raw: Any) -> Any:
            found = {name: read(raw[name]) for name, read in readers if name in raw}
            if not needed <= found.keys():
                raise KeyError(", ".join(sorted(needed - found.keys())))
            return cls(**found)

        self._writers[cls] = write
        self._readers[cls] = read

    def _writer(self, hint: Any) -> Write:
        hint = _bare(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if _is_enum(hint):
            return _value_of
        if isinstance(hint, type) and is_dataclass(hint):
            self._learn(hint)
            return lambda value: self._writers[hint](value)
        if origin is tuple:
            return self._list_writer([self._writer(arg) for arg in args if arg is not ...], args[-1:] == (...,))
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            inside = self._writer(args[1])
            return dict if inside is _same else lambda value: {str(key): inside(each) for key, each in value.items()}
        if origin in (types.UnionType, typing.Union):
            return self._union_writer(args)
        if hint is object or hint is Any:
            return self._anything
        return _same

    def _list_writer(self, inside: list[Write], endless: bool) -> Write:
        if all(write is _same for write in inside):
            return list
        if endless:
            only = inside[0]
            return lambda value: [only(each) for each in value]
        return lambda value: [write(each) for write, each in zip(inside, value, strict=True)]

    def _union_writer(self, args: tuple[Any, ...]) -> Write:
        classes = [arg for arg in args if isinstance(arg, type) and is_dataclass(arg)]
        for cls in classes:
            self._learn(cls)
        if len(classes) > 1:
            return self._tagged
        others = [self._writer(arg) for arg in args if arg is not type(None)]
        only = others[0] if len(others) == 1 else self._anything
        return only if only is _same else lambda value: None if value is None else only(value)

    def _tagged(self, value: Any) -> object:
        if value is None:
            return None
        body: Any = self._writers[type(value)](value)
        body[TYPE] = type(value).__name__
        return body

    def _anything(self, value: Any) -> object:
        if is_dataclass(value) and not isinstance(value, type):
            self._learn(type(value))
            body: Any = self._writers[type(value)](value)
            body[CLASS] = type(value).__name__
            return body
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, Mapping):
            return {str(key): self._anything(each) for key, each in value.items()}
        if isinstance(value, tuple | list | frozenset | set):
            return [self._anything(each) for each in value]
        return value

    def _reader(self, hint: Any) -> Read:
        hint = _bare(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if _is_enum(hint):
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


def _same(value: Any) -> Any:
    return value


def _value_of(value: Any) -> object:
    return value.value


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _bare(hint: Any) -> Any:
    """A NewType is its base type; `Annotated` is what it annotates."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
