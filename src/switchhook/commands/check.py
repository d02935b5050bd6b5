"""Validate a configuration and show what it declares.

Exit code 0 when the server would start with it, 2 with one line for each problem when not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from switchhook.commands._configuration import configuration_options, read_settings
from switchhook.settings import Settings
from switchhook.settings.reference import example, reference


@click.command(help=__doc__)
@configuration_options
@click.option("--example", "show_example", is_flag=True, help="Print a configuration file to start from, and exit.")
@click.option("--keys", "show_keys", is_flag=True, help="Print all keys with their defaults as Markdown, and exit.")
def command(config: str | None, assignments: tuple[str, ...], show_example: bool, show_keys: bool) -> None:
    if show_example:
        click.echo(example(), nl=False)
    elif show_keys:
        click.echo(reference())
    else:
        click.echo(report(read_settings(config, assignments)))


def report(settings: Settings) -> str:
    """What the configuration declares, as text for people; no secrets."""
    media = settings.media
    lines = [
        f"{settings.source or 'The built-in demo configuration'} is fine.",
        "",
        f"  HTTP    {settings.public_url} (listens on {settings.http.listen})",
        f"  SIP     {', '.join(settings.sip.listen)}; domain {settings.sip.domain}",
        f"  audio   {media.address}, ports {media.ports[0]} to {media.ports[1]}, at most {media.max_legs} legs",
        f"  store   {settings.store.url}",
    ]
    for title, head, rows in _tables(settings):
        found = list(rows)
        if found:
            lines += ["", f"{title} ({len(found)})", *_columns([head, *found])]
    return "\n".join(lines)


Rows = Iterable[Sequence[str]]


def _tables(settings: Settings) -> Iterable[tuple[str, Sequence[str], Rows]]:
    yield (
        "Accounts",
        ("auth_id", "name", "may dial"),
        ((a.auth_id, a.name or "-", ", ".join(a.allow) or "whatever the trunks take") for a in settings.accounts),
    )
    yield (
        "Endpoints",
        ("username", "account", "its calls"),
        ((e.username, e.account, f"ask {e.application}" if e.application else "dial") for e in settings.endpoints),
    )
    yield (
        "Trunks",
        ("name", "uri", "inbound from", "prefixes"),
        ((t.name, t.uri, ", ".join(t.match) or "-", " ".join(t.prefixes) or "-") for t in settings.trunks),
    )
    yield (
        "Applications",
        ("app_id", "answer_url"),
        ((a.app_id, f"{a.answer_method} {a.answer_url}") for a in settings.applications),
    )
    yield ("Flows", ("phlo_id", "file"), ((f.phlo_id, f.file) for f in settings.flows))
    yield (
        "Agents",
        ("username", "number", "telephone"),
        ((a.username, a.number, a.endpoint or a.address) for a in settings.agents),
    )
    yield ("Numbers", ("number", "goes to"), _numbers(settings))


def _numbers(settings: Settings) -> Rows:
    """Every number that can be called, in the order in which it is looked up."""
    for agent in settings.agents:
        yield agent.number, f"agent {agent.username}"
    taken = {agent.number.removeprefix("+") for agent in settings.agents}
    for endpoint in settings.endpoints:
        if endpoint.username not in taken:
            yield endpoint.username, "its telephone"
    for number in settings.numbers:
        key = next(key for key in ("application", "flow", "agent", "forward") if getattr(number, key))
        yield number.number, f"{key} {getattr(number, key)}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
