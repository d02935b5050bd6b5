"""`python -m switchhook.lab.soak --minutes N`: plays, prints, and ends with 1 when anything was not as it should be."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from tempfile import mkdtemp

import click

from switchhook.lab.soak.report import table
from switchhook.lab.soak.run import Soak


@click.command()
@click.option("--minutes", default=5.0, show_default=True, help="How long it plays, after a warm-up and a rest.")
@click.option("--seed", type=int, default=None, help="Which scenes and faults; without it a new one, which is printed.")
@click.option("--lanes", default=4, show_default=True, type=click.IntRange(1, 16), help="Groups of five telephones.")
@click.option("--folder", type=click.Path(path_type=Path), default=None, help="Where database, log and report stay.")
def main(minutes: float, seed: int | None, lanes: int, folder: Path | None) -> None:
    """Plays calls and transfers on a bad network for some minutes and checks every promise all the while."""
    seed = secrets.randbits(32) if seed is None else seed
    folder = folder or Path(mkdtemp(prefix="switchhook-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"soak: {minutes:g} minutes after a warm-up, {lanes} lanes, seed {seed}, in {folder}")
    verdict = asyncio.run(Soak(folder, seconds=minutes * 60, seed=seed, lanes=lanes, say=click.echo).run())
    click.echo(table(verdict))
    if not verdict.good:
        if verdict.violations:
            click.echo((folder / "violations.txt").read_text(encoding="utf-8"))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
