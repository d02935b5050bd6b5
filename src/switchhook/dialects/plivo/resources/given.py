"""Arguments of resources: what is not given stays, what is given is checked, what is given empty is emptied."""

from __future__ import annotations

import re
from typing import Literal

from switchhook.dialects.plivo.links import is_web_url
from switchhook.dialects.plivo.problems import invalid, missing
from switchhook.dialects.plivo.shapes import Arguments, text

LONGEST = 255
Method = Literal["GET", "POST"]
_METHODS: dict[str, Method] = {"GET": "GET", "POST": "POST"}


def words(given: Arguments, name: str, default: str = "", *, longest: int = LONGEST) -> str:
    """Returns a text for people; raises `Problem` 400."""
    if name not in given:
        return default
    value = text(given, name)
    if len(value) > longest or not value.isprintable():
        raise invalid(name, f"at most {longest} printable characters are expected")
    return value


def matching(given: Arguments, name: str, pattern: re.Pattern[str], looks: str, default: str = "") -> str:
    """Returns a text of a certain form, or the default where it is not given or empty; raises `Problem` 400."""
    value = text(given, name)
    if value and not pattern.fullmatch(value):
        raise invalid(name, f"{looks} are expected")
    return value or default


def needed(given: Arguments, name: str) -> None:
    """Raises `Problem` 400 for an argument that must be there."""
    if not text(given, name):
        raise missing(name)


def flag(given: Arguments, name: str, default: bool) -> bool:
    """Returns a boolean, as JSON has it or as clients write it; raises `Problem` 400."""
    value = given.get(name, default)
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else "?"
    if word in ("true", "1", "yes"):
        return True
    if word in ("false", "0", "no"):
        return False
    raise invalid(name, "true or false is expected")


def url(given: Arguments, name: str, default: str = "") -> str:
    """Returns a web address, which may be given empty; raises `Problem` 400."""
    if name not in given:
        return default
    value = text(given, name)
    if value and (not is_web_url(value) or len(value) > 2048):
        raise invalid(name, "an absolute http or https URL is expected")
    return value


def method(given: Arguments, name: str, default: Method = "POST") -> Method:
    """Returns an HTTP method; raises `Problem` 400."""
    found = _METHODS.get(text(given, name).upper() or default)
    if found is None:
        raise invalid(name, "GET or POST is expected")
    return found
