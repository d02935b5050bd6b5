"""`dataclass` for values: frozen for the type checker, plain at run time, and cheap to declare.

A frozen dataclass sets each field through `object.__setattr__`, three times the cost of a plain one, and a call makes
some hundred facts, actions and events. mypy sees the standard decorator and refuses every assignment to a frozen
field; the interpreter gets the same class with the same equality and hash, without the guard that nobody needs then.

The standard decorator also compiles three or four functions for each class, and a server has four hundred classes: a
fifth of its start. Here a method is compiled when it is first looked up, by what stands in its place until then;
`prepare` compiles the constructors ahead, so that no call waits for them. What is rarely asked for (an order, a
`ClassVar`) goes to the standard decorator, which makes the same, only at once.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import MISSING, Field, field
from dataclasses import dataclass as standard
from itertools import chain
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_USUAL = {"slots", "eq", "kw_only"}
_PSEUDO = ("ClassVar", "InitVar", "KW_ONLY")  # annotations of what is no plain field


def prepare(classes: int) -> bool:
    """Compiles the constructors of so many classes, some 0.1 ms each; False when there is none left to do."""
    for _ in range(min(classes, len(_unprepared))):
        getattr(_unprepared.popleft(), "__init__", None)  # whoever looks it up has it compiled
    return bool(_unprepared)


_unprepared: deque[type] = deque()

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: Any = None, /, *, frozen: bool = False, **options: Any) -> Any:
        """Makes a dataclass whose `frozen` means hashable by value; takes what `dataclasses.dataclass` takes."""

        def made(cls: Any) -> Any:
            hints = cls.__annotations__
            if options.keys() <= _USUAL and not any(mark in str(hints.values()) for mark in _PSEUDO):
                return _made(cls, hints, frozen, **options)
            return standard(unsafe_hash=frozen, **options)(cls)

        return made if cls is None else made(cls)


@standard
class _Sample:
    """What the standard decorator writes beside the fields of every class."""

    it: int = 0


_PLAIN = _Sample.__dataclass_fields__["it"]._field_type  # type: ignore[attr-defined]  # neither ClassVar nor InitVar


def _made(
    cls: Any, hints: dict[str, Any], frozen: bool, *, slots: bool = False, eq: bool = True, kw_only: bool = False
) -> Any:
    fields: dict[str, Field[Any]] = {}
    for base in cls.__mro__[-1:0:-1]:
        fields.update(getattr(base, "__dataclass_fields__", ()))
    own = cls.__dict__
    for name, hint in hints.items():
        fields[name] = _field(name, hint, own.get(name, MISSING), kw_only)
    added = {
        "__dataclass_fields__": fields,
        "__dataclass_params__": _Sample.__dataclass_params__,  # type: ignore[attr-defined]
        "__match_args__": tuple(each.name for each in fields.values() if each.init and not each.kw_only),
        "__init__": _Later(_init),
        "__repr__": _repr,
    }
    if eq:
        added["__eq__"] = _Later(_eq)
    if own.get("__hash__") is None:
        if frozen:
            added["__hash__"] = _Later(_hash)
        elif eq:
            added["__hash__"] = None
    for name in ("__init__", "__repr__", "__eq__", "__match_args__"):
        if name in own:
            added.pop(name, None)
    cls = _slotted(cls, fields, added) if slots else _extended(cls, hints, fields, added)
    _unprepared.append(cls)
    return cls


def _field(name: str, hint: Any, given: Any, kw_only: bool) -> Any:
    made: Any = given if type(given) is Field else field(default=given)
    if made.default.__class__.__hash__ is None:
        raise ValueError(f"mutable default {made.default!r} for field {name} is not allowed: use default_factory")
    made.name, made.type, made._field_type = name, hint, _PLAIN
    if made.kw_only is MISSING:
        made.kw_only = kw_only
    return made


def _extended(cls: Any, hints: dict[str, Any], fields: dict[str, Field[Any]], added: dict[str, Any]) -> Any:
    for name in hints:
        if fields[name].default is not MISSING:
            setattr(cls, name, fields[name].default)
        elif name in cls.__dict__:
            delattr(cls, name)
    for name, value in added.items():
        setattr(cls, name, value)
        if type(value) is _Later:
            value.owner = cls
    return cls


def _slotted(cls: Any, fields: dict[str, Field[Any]], added: dict[str, Any]) -> Any:
    """Returns the class again, with `__slots__`: they must be known when a class is made."""
    attributes = {name: value for name, value in cls.__dict__.items() if name not in fields}
    attributes.pop("__dict__", None)
    attributes.pop("__weakref__", None)
    inherited = set(chain.from_iterable(base.__dict__.get("__slots__", ()) for base in cls.__mro__[1:-1]))
    attributes["__slots__"] = tuple(name for name in fields if name not in inherited)
    return type(cls)(cls.__name__, cls.__bases__, attributes | added)


class _Later:
    """Stands for a method of a class until somebody looks it up; then compiles it and puts it in its place."""

    __slots__ = ("compiled", "owner")

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner = owner

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        method = self.compiled(self.owner)
        setattr(self.owner, method.__name__, method)
        return method.__get__(instance, owner)


def _init(cls: Any) -> Any:
    fields: list[Field[Any]] = list(cls.__dataclass_fields__.values())
    me = "__dataclass_self__" if "self" in cls.__dataclass_fields__ else "self"
    known: dict[str, Any] = {"_MISSING": MISSING}
    parameters: dict[bool, list[str]] = {False: [], True: []}  # those by name last
    body = []
    for each in fields:
        default = ""
        value = each.name if each.init else ""
        if each.default is not MISSING:
            known[default := f"_{each.name}_default"] = each.default
            value = value or ("__slots__" in cls.__dict__ and default) or ""
        elif each.default_factory is not MISSING:
            known[make := f"_{each.name}_made"] = each.default_factory
            default, value = "_MISSING", f"{make}() if {each.name} is _MISSING else {value}" if value else f"{make}()"
        if each.init:
            parameters[bool(each.kw_only)].append(f"{each.name}={default}" if default else each.name)
        if value:
            body.append(f"{me}.{each.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append(f"{me}.__post_init__()")
    by_name = ["*", *parameters[True]] if parameters[True] else []
    method = _method(cls, "__init__", ", ".join([me, *parameters[False], *by_name]), "; ".join(body) or "pass", known)
    method.__annotations__ = {each.name: each.type for each in fields if each.init} | {"return": None}
    return method


def _eq(cls: Any) -> Any:
    names = [each.name for each in cls.__dataclass_fields__.values() if each.compare]
    same = f"{_tuple('self', names)} == {_tuple('other', names)}"
    body = f"return {same} if other.__class__ is self.__class__ else NotImplemented"
    return _method(cls, "__eq__", "self, other", body, {})


def _hash(cls: Any) -> Any:
    fields = cls.__dataclass_fields__.values()
    names = [each.name for each in fields if (each.compare if each.hash is None else each.hash)]
    return _method(cls, "__hash__", "self", f"return hash({_tuple('self', names)})", {})


def _tuple(of: str, names: list[str]) -> str:
    return "(" + "".join(f"{of}.{name}, " for name in names) + ")"


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in self.__dataclass_fields__.values() if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _method(cls: Any, name: str, parameters: str, body: str, known: dict[str, Any]) -> Any:
    """Returns a method of the class; its text sees the names of `known`."""
    module = sys.modules.get(cls.__module__)
    made: dict[str, Any] = {}
    text = f"def make({', '.join(known)}):\n def {name}({parameters}): {body}\n return {name}"
    exec(text, module.__dict__ if module else {}, made)
    method = made["make"](**known)
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    return method
