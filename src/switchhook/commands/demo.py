"""Play six transfers with virtual telephones over real SIP and RTP, and report who heard whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from switchhook.core.errors import Unavailable


@click.command(name="demo")
@click.option("--report", default="demo-report", show_default=True, metavar="FOLDER", help="Where the report goes.")
@click.option("--scene", default="", metavar="N", help="Play only this scene.")
@click.option("--stay", is_flag=True, help="Leave the server and the telephones up, and say how to steer them by hand.")
@click.option("--ladders/--no-ladders", default=True, help="Print the ladder of each scene.")
def command(report: str, scene: str, stay: bool, ladders: bool) -> None:
    """Starts a server of its own and virtual telephones that each speak a tone, plays six scenes, and measures what
    every telephone heard. Exit code 1 when anything heard differs from what the rules say.
    """
    if stay:
        from switchhook.lab.demo.stay import stay as remain

        asyncio.run(remain(click.echo))
        return
    from switchhook.lab.demo.programme import play_all
    from switchhook.lab.demo.scenes import PROGRAMME

    folder = Path(report)
    known = sorted(listed.number for listed in PROGRAMME)
    if not any(number.startswith(scene) for number in known):
        raise click.BadParameter(f"there is no scene {scene}; there are {', '.join(known)}", param_hint="--scene")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise Unavailable(f"--report {folder} cannot be written: {failed.strerror or failed}") from None
    faults = asyncio.run(play_all(folder, click.echo, only=scene, ladders=ladders))
    if faults:
        click.echo(f"{faults} things were not as the rules say", err=True)
        raise SystemExit(1)
    click.echo("everybody heard exactly what the rules say")
    click.echo(what_next(folder))


def what_next(folder: Path) -> str:
    return _NEXT.format(page=str(folder / "index.html"))


_NEXT = """
Next:
  open {page:<33} the ladders, who heard whom as a picture, and what each telephone recorded
  switchhook demo --stay                 leave a server and telephones up, and steer them with curl
  switchhook serve                       your own server (it says what to try)
  docs/get-started.md                    telephones, trunks, flows and your own program"""
