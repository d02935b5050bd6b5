"""The options that every command with a configuration shares, and how they become settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from switchhook.settings import Settings, SettingsError

F = TypeVar("F", bound=Callable[..., Any])


def configuration_options(command: F) -> F:
    """Adds `--config FILE` and `--set KEY=VALUE`; they arrive as `config` and `assignments`."""
    file = click.option(
        "--config",
        "-c",
        envvar="SWITCHHOOK_CONFIG",
        metavar="FILE",
        help="Configuration file (TOML); without one, the built-in demo configuration.",
    )
    flag = click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="KEY=VALUE",
        help="Sets one key, such as http.listen=127.0.0.1:8081; wins over file and environment.",
    )
    return file(flag(command))


def read_settings(config: str | None, assignments: Sequence[str] = ()) -> Settings:
    """Returns the settings that a command runs with; raises SettingsError."""
    flags: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise SettingsError([f"--set {assignment}: must look like http.listen=127.0.0.1:8081"])
        flags[key.strip()] = value
    return Settings.load(config, flags=flags) if config else Settings.embedded(flags=flags)
