"""Draw the sequence of a call: HTTP, SIP, audio switches and webhooks, with times.

CALL is any id of the call (call, leg, transfer, api id), its unique beginning, or `last`, the newest.
"""

from __future__ import annotations

from pathlib import Path

import click

from switchhook.commands._configuration import configuration_options, read_settings
from switchhook.commands._journal import reading
from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Entry


@click.command(help=__doc__)
@click.argument("call")
@configuration_options
@click.option(
    "--format", "form", type=click.Choice(["text", "mermaid", "svg"]), help="Default: by --output, else text."
)
@click.option("--output", "-o", metavar="FILE", help="Write to a file (.svg and .mmd choose the format).")
def command(call: str, config: str | None, assignments: tuple[str, ...], form: str | None, output: str | None) -> None:
    with reading(read_settings(config, assignments)) as reader:
        found = reader.find(call)
        drawn = draw(reader.call(found), form or _form_of(output), found)
    if output is None:
        click.echo(drawn, nl=False)
        return
    try:
        Path(output).write_text(drawn, encoding="utf-8")
    except OSError as failed:
        raise Unavailable(f"{output} cannot be written: {failed.strerror or failed}") from None


def draw(entries: list[Entry], form: str, call: str) -> str:
    """Returns the ladder of these journal lines as text, mermaid or svg."""
    from switchhook.observe.ladder import ladder
    from switchhook.observe.ladder_mermaid import draw_mermaid
    from switchhook.observe.ladder_svg import draw_svg
    from switchhook.observe.ladder_text import draw_text

    picture = ladder(entries)
    if form == "svg":
        return draw_svg(picture, title=f"Call {call}")
    return draw_mermaid(picture) if form == "mermaid" else draw_text(picture)


def _form_of(output: str | None) -> str:
    return {".svg": "svg", ".mmd": "mermaid"}.get(Path(output or "").suffix, "text")
