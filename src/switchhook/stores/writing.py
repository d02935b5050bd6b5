"""Writers of dataclasses, compiled once from their type hints, since every fact of every call passes here.

Two kinds. A *full* writer makes a body of JSON types with every field, for whoever reads lines in memory. A *lean* one
makes what goes to disk: it leaves an empty value out where that is the field's default (most of a leg's 28 fields are
empty), and leaves enums and tuples as they are, which msgspec encodes itself. Only emptiness is left out, never a
number or a word that happens to be the default today: a later version may change those, and old files must not change.
Neither writes a secret: a journal is copied, mailed and shown.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any

TYPE, CLASS = "type", "@class"
SECRETS = frozenset({"credentials"})  # keys that never reach the disk; all have a default
Write = Callable[[Any], Any]


class Writers:
    """The writers of all classes asked for, and of every dataclass that these mention."""

    def __init__(self, *, lean: bool) -> None:
        self._lean = lean
        self._made: dict[type, Write] = {}
        self._names: dict[str, Any] = {}  # what the compiled writers call: looked up when they run

    def __getitem__(self, cls: type) -> Write:
        return self._made[cls]

    def learn(self, cls: type) -> None:
        """Compiles the writer of a dataclass, unless it is there."""
        if cls in self._made:
            return
        # A class may contain itself: the look-up goes through the table until the real one is there.
        self._made[cls] = self._names[_name_of(cls)] = lambda value: self._made[cls](value)
        hints = typing.get_type_hints(cls)
        known = {each: hints[each.name] for each in fields(cls) if each.name not in SECRETS}
        self._made[cls] = self._names[_name_of(cls)] = self._compiled(cls.__name__, known)

    def _compiled(self, name: str, known: dict[Field[Any], Any]) -> Write:
        """Returns straight-line code: no loop and no look-up by name."""
        always, sometimes = [], []
        for field, hint in known.items():
            filled = _filled(field, hint) if self._lean else ""
            write = self._writer(hint)
            if filled and isinstance(write, _Optional):
                write = write.inside  # asked already
            value = self._expression(name, field.name, write)
            if filled:
                sometimes.append(f"    if {filled}:\n        body[{field.name!r}] = {value}\n")
            else:
                always.append(f"{field.name!r}: {value}")
        if not sometimes:
            return typing.cast(Write, eval(f"lambda value: {{{', '.join(always)}}}", self._names))
        text = f"def write(value):\n    body = {{{', '.join(always)}}}\n{''.join(sometimes)}    return body\n"
        space: dict[str, Any] = {}
        exec(text, self._names, space)
        return typing.cast(Write, space["write"])

    def _expression(self, cls: str, name: str, write: Write) -> str:
        if write is _same:
            return f"value.{name}"
        if write is _value_of:
            return f"value.{name}._value_"
        if isinstance(write, _Nested):
            return f"{_name_of(write.cls)}(value.{name})"
        self._names[f"write_{cls}_{name}"] = write
        return f"write_{cls}_{name}(value.{name})"

    def _writer(self, hint: Any) -> Write:
        hint = bare(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if is_enum(hint):
            return _same if self._lean else _value_of
        if isinstance(hint, type) and is_dataclass(hint):
            self.learn(hint)
            return _Nested(hint, self._made)
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
            return _same if self._lean else list
        if endless:
            only = inside[0]
            return lambda value: [only(each) for each in value]
        return lambda value: [write(each) for write, each in zip(inside, value, strict=True)]

    def _union_writer(self, args: tuple[Any, ...]) -> Write:
        classes = [arg for arg in args if isinstance(arg, type) and is_dataclass(arg)]
        for cls in classes:
            self.learn(cls)
        if len(classes) > 1:
            return self._tagged
        others = [self._writer(arg) for arg in args if arg is not type(None)]
        only = others[0] if len(others) == 1 else self._anything
        return only if only is _same else _Optional(only)

    def _tagged(self, value: Any) -> object:
        if value is None:
            return None
        cls = type(value)
        body = self._made[cls](value)
        body[TYPE] = cls.__name__
        return body

    def _anything(self, value: Any) -> object:
        if is_dataclass(value) and not isinstance(value, type):
            self.learn(type(value))
            body = self._made[type(value)](value)
            body[CLASS] = type(value).__name__
            return body
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, Mapping):
            return {str(key): self._anything(each) for key, each in value.items()}
        if isinstance(value, tuple | list | frozenset | set):
            return [self._anything(each) for each in value]
        return value


class _Nested:
    """The writer of a class, for where no compiled code can call it by its name."""

    def __init__(self, cls: type, made: dict[type, Write]) -> None:
        self.cls = cls
        self._made = made

    def __call__(self, value: Any) -> Any:
        return self._made[self.cls](value)


class _Optional:
    """A writer for a value or None."""

    def __init__(self, inside: Write) -> None:
        self.inside = inside

    def __call__(self, value: Any) -> Any:
        return None if value is None else self.inside(value)


def _name_of(cls: type) -> str:
    return f"write_{cls.__name__}"


def _filled(field: Field[Any], hint: Any) -> str:
    """Returns the question whether there is something to write, or an empty text if it is written always."""
    value, hint = f"value.{field.name}", bare(hint)
    if field.default is None:
        return f"{value} is not None"
    if hint in (str, bool) or typing.get_origin(hint) in (tuple, Mapping):
        empty = field.default_factory is dict if field.default is MISSING else not field.default
        return value if empty else ""
    if type(field.default) in (int, float) and not field.default:
        return f"{value} != 0"
    return ""


def _same(value: Any) -> Any:
    return value


def _value_of(value: Any) -> object:
    return value.value


def is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def bare(hint: Any) -> Any:
    """A NewType is its base type; `Annotated` is what it annotates."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
