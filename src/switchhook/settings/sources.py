"""Where values come from: TOML file, environment, flags. Merges them into one plain tree and remembers each place.

A place is what a person must open to change the value: `switchhook.toml:12`, `SWITCHHOOK_HTTP__LISTEN`, `--set ...`.
tomllib tells no line numbers, so the lines are found by a scan for headers and `key =`; a text inside a multi-line
string that looks like a key can mislead the number, never the value.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from itertools import pairwise
from pathlib import Path
from typing import Any

from switchhook.core.values import dataclass

Trail = tuple[str | int, ...]
PREFIX = "SWITCHHOOK_"
RESERVED = frozenset({"SWITCHHOOK_CONFIG"})
# Kubernetes and container links put such names beside a service called `switchhook`.
_FOREIGN = re.compile(r"SWITCHHOOK(_SERVICE_(HOST|PORT)(_\w+)?|_PORT(_\d+_\w+)?|_NAME|_ENV_\w+)")
_HEADER = re.compile(r"\s*\[(\[)?\s*([^\[\]#]+?)\s*\]")
_ASSIGNMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")


class Plain(str):
    """A text from the environment or a flag: its type is not known until the key's type is."""

    __slots__ = ()


@dataclass
class Merged:
    """The plain tree, the place of each value, and the problems met so far."""

    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[Trail, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def place(self, trail: Trail) -> str:
        """Returns the place of the value, or of the nearest table round it, or an empty text."""
        for length in range(len(trail), 0, -1):
            found = self.places.get(trail[:length])
            if found:
                return found
        return ""

    def read_file(self, path: Path) -> None:
        """Takes over a TOML file; problems: unreadable, not UTF-8, not TOML (with its line)."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as failed:
            self.problems.append(f"{path}: cannot be read: {failed.strerror or failed}")
            return
        except UnicodeDecodeError:
            self.problems.append(f"{path}: is not UTF-8 text")
            return
        try:
            self.tree = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as failed:
            self.problems.append(f"{path}: is not TOML: {failed}")
            return
        self.places = {trail: f"{path.name}:{line}" for trail, line in lines_of(text).items()}

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Takes over `SWITCHHOOK_HTTP__LISTEN`, `SWITCHHOOK_ACCOUNT__0__AUTH_TOKEN` and whole sections as JSON."""
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in RESERVED and not _FOREIGN.fullmatch(name):
                self.put(name[len(PREFIX) :].lower().split("__"), environ[name], name)

    def read_flags(self, flags: Mapping[str, str]) -> None:
        """Takes over `{"http.listen": "127.0.0.1:8081"}`."""
        for name, text in flags.items():
            self.put(name.split("."), text, f"--set {name}")

    def put(self, names: list[str], text: str, place: str) -> None:
        """Puts one text where its name says; a name that leads nowhere becomes a problem."""
        trail: Trail = tuple(int(name) if re.fullmatch(r"\d{1,4}", name) else name for name in names)
        value: object = Plain(text)
        if len(trail) == 1 or isinstance(trail[-1], int):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                self.problems.append(f"{place}: must be JSON, since it stands for a whole section")
                return
        if self._set(trail, value):
            self.places = {old: where for old, where in self.places.items() if old[: len(trail)] != trail}
            self.places[trail] = place
        else:
            self.problems.append(f"{place}: leads nowhere; write SWITCHHOOK_<SECTION>__<KEY>")

    def _set(self, trail: Trail, value: object) -> bool:
        here: Any = self.tree
        for step, after in pairwise(trail):
            here = _descend(here, step, [] if isinstance(after, int) else {})
            if here is None:
                return False
        last = trail[-1]
        if isinstance(here, dict) and isinstance(last, str):
            here[last] = value
        elif isinstance(here, list) and isinstance(last, int) and last <= len(here):
            here[last : last + 1] = [value]
        else:
            return False
        return True


def _descend(here: Any, step: str | int, fresh: Any) -> Any:
    if isinstance(here, dict) and isinstance(step, str):
        found = here.setdefault(step, fresh)
        return found if isinstance(found, dict | list) else None
    if isinstance(here, list) and isinstance(step, int) and step <= len(here):
        if step == len(here):
            here.append(fresh)
        return here[step] if isinstance(here[step], dict | list) else None
    return None


def lines_of(text: str) -> dict[Trail, int]:
    """Finds the line (from 1) of each section, table and key of a TOML text."""
    found: dict[Trail, int] = {}
    counts: dict[str, int] = {}
    here: Trail = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header and "=" not in line[: header.end()]:
            name = header[2].strip("\"'")
            here = (name,)
            if header[1]:
                here = (name, counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            found.setdefault(here[:1], number)
            found[here] = number
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*here, assignment[1].strip("\"'")), number)
    return found
