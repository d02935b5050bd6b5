"""Tell the story of a call: what happened when, and because of what.

CALL is any id of the call (call, leg, transfer, api id), its unique beginning, or `last`, the newest.
"""

from __future__ import annotations

import click

from switchhook.commands._configuration import configuration_options, read_settings
from switchhook.commands._journal import reading


@click.command(help=__doc__)
@click.argument("call")
@configuration_options
@click.option("--sip", is_flag=True, help="Show SIP messages, too.")
def command(call: str, config: str | None, assignments: tuple[str, ...], sip: bool) -> None:
    from switchhook.observe.timeline import timeline

    with reading(read_settings(config, assignments)) as reader:
        click.echo(timeline(reader.call(reader.find(call)), sip=sip), nl=False)
