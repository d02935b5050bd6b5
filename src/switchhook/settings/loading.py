"""Reads, decodes, anchors and checks a configuration: the whole way from texts to `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from switchhook.core.errors import SwitchhookError
from switchhook.settings.checks import check
from switchhook.settings.decoding import decode, keys_of
from switchhook.settings.keys import META
from switchhook.settings.sources import Merged
from switchhook.settings.tree import Settings


class SettingsError(SwitchhookError):
    """The configuration cannot be used; `problems` has one clear line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    file: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    tree: Mapping[str, Any] | None = None,
) -> Settings:
    """Returns checked settings from `tree` or `file`, then environment, then flags; raises SettingsError."""
    merged = Merged(tree=dict(tree or {}))
    base = Path.cwd()
    if file is not None:
        path = Path(file)
        base = path.absolute().parent
        merged.read_file(path)
    merged.read_environment(os.environ if environ is None else environ)
    merged.read_flags(flags or {})
    settings = anchored(decode(merged), base)
    settings = replace(settings, source=str(file or ""))
    if not merged.problems:
        settings = check(settings, merged)
    if merged.problems:
        raise SettingsError(merged.problems)
    return settings


def anchored(settings: Settings, base: Path) -> Settings:
    """Makes every relative path absolute, starting at `base`."""
    changed: dict[str, Any] = {}
    for name in ("http", "media"):
        changed[name] = _anchor(getattr(settings, name), base)
    changed["flows"] = tuple(_anchor(flow, base) for flow in settings.flows)
    music = changed["media"].hold_music
    if not music.startswith(("builtin:", "http://", "https://")):
        changed["media"] = replace(changed["media"], hold_music=str(base / music))
    scheme, _, path = settings.store.url.partition("///")
    if scheme == "sqlite:" and path and path != ":memory:":
        changed["store"] = replace(settings.store, url=f"sqlite:///{base / path}")
    return replace(settings, **changed)


def _anchor(section: Any, base: Path) -> Any:
    known: type = type(section)
    named = [name for name, (each, _) in keys_of(known).items() if each.metadata[META].path]
    paths = {name: getattr(section, name) for name in named}
    return replace(section, **{name: str(base / value) for name, value in paths.items() if value})
