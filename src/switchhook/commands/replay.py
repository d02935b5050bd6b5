"""Play a past call again from the journal, step by step: who heard whom, and does the journal rebuild the call?

CALL is any id of the call (call, leg, transfer, api id), its unique beginning, or `last`, the newest. Exit code 1 when
something in the journal does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from switchhook.commands._configuration import configuration_options, read_settings
from switchhook.commands._journal import reading

if TYPE_CHECKING:
    from switchhook.lab.replay import Replay


@click.command(help=__doc__)
@click.argument("call")
@configuration_options
def command(call: str, config: str | None, assignments: tuple[str, ...]) -> None:
    from switchhook.lab.replay import replay

    with reading(read_settings(config, assignments)) as reader:
        found = replay(reader.call(reader.find(call)))
    for line in report(found):
        click.echo(line)
    if found.doubts:
        raise SystemExit(1)


def report(found: Replay) -> Iterator[str]:
    """Tells a replay as lines of text; who hears whom is repeated only where it changed."""
    start = found.steps[0].at if found.steps else 0.0
    before: dict[str, str] = {}
    for step in found.steps:
        changed = {name: heard for name, heard in step.hears.items() if before.get(name) != heard}
        if not step.said and not changed and not step.doubts:
            continue
        lead = f"{step.at - start:+9.3f}  "
        for said in step.said:
            yield lead + said
            lead = " " * 11
        for name, heard in changed.items():
            yield f"{lead}    {name} hears {heard}"
            lead = " " * 11
        for doubt in step.doubts:
            yield f"{lead}    does not fit: {doubt}"
        before = step.hears
    yield ""
    yield f"{found.facts} facts in {len(found.steps)} steps; {_verdict(found)}"
    for doubt in found.doubts:
        yield f"  {doubt}"


def _verdict(found: Replay) -> str:
    if found.doubts:
        return f"{len(found.doubts)} things do not fit:"
    if found.foreign:
        return f"{found.foreign} facts concern another call that it met, so it was not judged"
    if not found.ended:
        return f"they rebuild the call, which is not over: {', '.join(found.left)}"
    return "they rebuild the call, and nothing is left of it"
