"""The `switchhook` command. Subcommands are the modules of `switchhook.commands`, imported only when they run.

A module there is a command of its name: it has a docstring whose first line is the short help, and a click command
called `command`. Modules whose name starts with `_` are not commands.
"""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import switchhook
from switchhook.core.errors import SwitchhookError, Unavailable


class Commands(click.Group):
    """Finds subcommands by file name, and turns our errors into one line each."""

    def __init__(self, *, package: str = "switchhook.commands", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._package = package
        self._folder = Path(switchhook.__file__).parent / "commands"

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = pkgutil.iter_modules([str(self._folder)])
        return sorted(module.name.replace("_", "-") for module in found if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            known = ", ".join(self.list_commands(ctx))
            raise click.UsageError(f"there is no command {args[0]!r}; there are {known}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Reads the short helps out of the files: `--help` must not import a server."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(name)) for name in self.list_commands(ctx)])

    def _short_help(self, name: str) -> str:
        source = (self._folder / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
        return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]

    def invoke(self, ctx: click.Context) -> Any:
        from switchhook.settings import SettingsError

        try:
            return super().invoke(ctx)
        except SettingsError as wrong:
            for problem in wrong.problems:
                click.echo(f"switchhook: {problem}", err=True)
            ctx.exit(2)
        except Unavailable as away:
            click.echo(f"switchhook: {away}", err=True)
            ctx.exit(2)
        except SwitchhookError as refused:
            click.echo(f"switchhook: {refused}", err=True)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(switchhook.__version__, prog_name="switchhook")
def main() -> None:
    """A call-control server: real telephones over SIP, steered over HTTP."""


if __name__ == "__main__":
    main()
