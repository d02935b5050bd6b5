"""Attributes of an element, forgiving as the official SDKs make it necessary (plivo-xml 1.6, 1.10, 6).

The exact name goes first, then one that differs only in case, then one with underscores (`min_silence`). A number out
of range is moved to the limit, one that is no number is the default; both are told as warnings, as is every attribute
that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from switchhook.dialects.plivo.links import UNSET, Link, link_of

# What SDKs write although it has no meaning: told to nobody.
_NOISE = frozenset({"legs", "machinedetection", "beep", "cont", "calltype"})


class Attributes:
    """The attributes of one element, and what is wrong with them."""

    def __init__(self, element: str, given: Mapping[str, str], warnings: list[str]) -> None:
        self._element = element
        self._given = given
        self._folded = {_fold(name): name for name in reversed(list(given))}
        self._warnings = warnings
        self._known: set[str] = set()

    @property
    def warnings(self) -> list[str]:
        """All warnings about the document so far; more may be added."""
        return self._warnings

    def raw(self, name: str) -> str | None:
        """Returns the value as written, trimmed, or None."""
        found = name if name in self._given else self._folded.get(_fold(name))
        self._known.add(_fold(name))
        return self._given[found].strip() if found is not None else None

    def text(self, name: str, default: str = "") -> str:
        """Returns a text; `none`, `null` and empty are unset."""
        found = self.raw(name)
        return default if found is None or found.lower() in UNSET else found

    def flag(self, name: str, default: bool) -> bool:
        found = self.text(name).lower()
        if found in ("true", "false"):
            return found == "true"
        if found:
            self.warn(f"{name}={found!r} is neither true nor false")
        return default

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Returns a whole number within limits."""
        found = self.text(name)
        if not found:
            return default
        digits = found.removeprefix("-")
        if not digits.isascii() or not digits.isdigit():
            self.warn(f"{name}={found!r} is no whole number")
            return default
        value = int(found[:10])
        if not least <= value <= most:
            self.warn(f"{name}={value} is not within {least} and {most}")
        return min(most, max(least, value))

    def link(self, url: str, method: str) -> Link | None:
        """Returns the link that two attributes make; what is wrong with it is found when it is used."""
        return link_of(self.raw(url), self.raw(method))

    def warn(self, text: str) -> None:
        self._warnings.append(f"{self._element}: {text}")

    def tell_unknown(self) -> None:
        """Warns of every attribute that was never asked for."""
        for name in self._given:
            folded = _fold(name)
            if folded not in self._known and folded not in _NOISE:
                self.warn(f"attribute {name} is ignored")


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
