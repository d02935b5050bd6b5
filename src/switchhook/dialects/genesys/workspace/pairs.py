"""User data as this API writes them: a list of pairs `{key, type, value}`, whose values may be lists of pairs.

A key that is there more than once stands there once for each value. Types are `str`, `int` and `kvlist`; what the other
API stored as anything else (true, 1.5, a list) is shown as the text of its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from switchhook.dialects.genesys.status import invalid

Pair = tuple[str, object]
Data = dict[str, object]
DEEPEST = 16  # lists in lists


def written(data: Mapping[str, object]) -> list[dict[str, object]]:
    """Renders user data; a value that is a tuple holds the values of a key that is there more than once."""
    found: list[dict[str, object]] = []
    for key, value in data.items():
        for each in value if isinstance(value, tuple) else (value,):
            found.append({"key": key, **_typed(each)})
    return found


def _typed(value: object) -> dict[str, object]:
    if isinstance(value, str):
        return {"type": "str", "value": value}
    if isinstance(value, Mapping):
        return {"type": "kvlist", "value": written(value)}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"type": "int", "value": value}
    return {"type": "str", "value": msgspec.json.encode(value).decode()}


def read(given: object, name: str = "userData") -> list[Pair]:
    """Returns the pairs of a request in their order; raises `Failure` for anything but a list of pairs."""
    return _read(given, name, DEEPEST)


def _read(given: object, name: str, deeper: int) -> list[Pair]:
    if given is None:
        return []
    if not isinstance(given, list) or deeper == 0:
        raise invalid(f"Parameter '{name}' is not a list of key/value pairs.")
    return [_pair(each, name, deeper) for each in given]


def _pair(given: object, name: str, deeper: int) -> Pair:
    if not isinstance(given, dict):
        raise invalid(f"Parameter '{name}' is not a list of key/value pairs.")
    key, kind, value = given.get("key"), given.get("type"), given.get("value")
    if not isinstance(key, str) or not key:
        raise invalid(f"A pair of parameter '{name}' has no key.")
    if kind not in (None, "str", "int", "kvlist"):
        raise invalid(f"The type of '{key}' is not str, int or kvlist.")
    if kind == "kvlist" or (kind is None and isinstance(value, list)):
        return key, merged(_read(value, name, deeper - 1))
    if kind == "int":
        return key, _integer(key, value)
    if not isinstance(value, str | int | float) or (kind == "str" and not isinstance(value, str)):
        raise invalid(f"The value of '{key}' is not a {'string' if kind else 'value'}.")
    return key, value


def _integer(key: str, value: object) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise invalid(f"The value of '{key}' is not a whole number.")


def merged(pairs: list[Pair]) -> Data:
    """Returns user data in which a repeated key holds a tuple of its values."""
    found: Data = {}
    for key, value in pairs:
        if key in found:
            earlier = found[key]
            found[key] = (*(earlier if isinstance(earlier, tuple) else (earlier,)), value)
        else:
            found[key] = value
    return found


def layers(pairs: list[Pair]) -> list[Data]:
    """Splits pairs into parts in which no key is repeated, so that one after the other can be attached."""
    found: list[Data] = []
    for key, value in pairs:
        part = next((each for each in found if key not in each), None)
        if part is None:
            found.append(part := {})
        part[key] = value
    return found
