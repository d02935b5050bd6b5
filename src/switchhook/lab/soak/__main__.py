"""`python -m switchhook.lab.soak --minutes N`: plays, prints, and ends with 1 when anything was not as it should be."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path
from tempfile import mkdtemp

import click

from switchhook.lab.soak.report import table
from switchhook.lab.soak.run import Soak


@click.command()
@click.option(
    "--minutes",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How long it plays, after a warm-up and a rest.",
)
@click.option("--seed", type=int, default=None, help="Which scenes and faults; without it a new one, which is printed.")
@click.option("--lanes", default=4, show_default=True, type=click.IntRange(1, 16), help="Groups of five telephones.")
@click.option("--folder", type=click.Path(path_type=Path), default=None, help="Where database, log and report stay.")
def main(minutes: float, seed: int | None, lanes: int, folder: Path | None) -> None:
    """Plays calls and transfers on a bad network for some minutes and checks every promise all the while.

    Ends with 0 when all was good, 1 when anything was not, 130 when it was stopped before it could tell.
    """
    seed = secrets.randbits(32) if seed is None else seed
    folder = folder or Path(mkdtemp(prefix="switchhook-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"soak: {minutes:g} minutes after a warm-up, {lanes} lanes, seed {seed}, in {folder}")
    soak = Soak(folder, seconds=minutes * 60, seed=seed, lanes=lanes, say=click.echo)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, too
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))  # nothing is left running
    try:
        verdict = asyncio.run(soak.run())
    except KeyboardInterrupt:
        so_far = soak.verdict
        click.echo(
            f"stopped: {sum(so_far.played.values())} scenes, {len(so_far.violations)} violations, {len(so_far.wrong)} "
            "wrong in the journal so far; what is left over was not looked at, so there is no verdict"
        )
        raise SystemExit(130) from None
    click.echo(table(verdict))
    if not verdict.good:
        if verdict.violations:
            click.echo((folder / "violations.txt").read_text(encoding="utf-8"))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
