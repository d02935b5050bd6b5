"""Plays the scenes one after the other, draws their ladders from the server's journal, and writes the report."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from switchhook.exchange.ports import Entry
from switchhook.lab.demo import report
from switchhook.lab.demo.house import House
from switchhook.lab.demo.scene import Scene
from switchhook.lab.demo.scenes import PROGRAMME, Listed
from switchhook.observe.ladder import Ladder, ladder
from switchhook.observe.ladder_text import draw_text
from switchhook.stores.reading import Reader

Say = Callable[[str], None]


async def play_all(folder: Path, say: Say, *, only: str = "", ladders: bool = True) -> int:
    """Plays all scenes (or those whose number begins with `only`); returns how many things were not as they must be."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [listed for listed in PROGRAMME if listed.number.startswith(only)]
    played: list[tuple[Scene, list[Ladder], dict[str, str]]] = []
    for profile in dict.fromkeys(listed.profile for listed in wanted):
        work = Path(tempfile.mkdtemp(prefix="switchhook-demo-"))
        try:
            async with House(work, profile=profile) as house:
                say(f"server ready: HTTP {house.server.http}, SIP udp {house.server.sip[0]}:{house.server.sip[1]}")
                for listed in wanted:
                    if listed.profile == profile:
                        played.append(await _play(listed, house, folder, say, ladders))
        finally:
            shutil.rmtree(work, ignore_errors=True)
    played.sort(key=lambda each: each[0].number)
    seconds = time.monotonic() - began
    (folder / "index.html").write_text(report.page(played, seconds), encoding="utf-8")
    faults = sum(len(scene.faults) for scene, _, _ in played)
    for scene, _, _ in played:
        say(f"  {'ok    ' if not scene.faults else 'FAILED'}  {scene.number:<3} {scene.title}")
    say(f"report: {folder / 'index.html'} ({seconds:.0f} s)")
    return faults


async def _play(
    listed: Listed, house: House, folder: Path, say: Say, ladders: bool
) -> tuple[Scene, list[Ladder], dict[str, str]]:
    say(f"\nscene {listed.number}: {listed.title}")
    scene = Scene(listed.number, listed.title, house, say=say)
    await scene.play(listed.story)
    files = report.save_recordings(scene, folder)
    drawn = [ladder(entries) for entries in await _journal_of(house, scene)]
    if ladders:
        for each in drawn:
            say("")
            say(draw_text(each))
    say(report.table(scene))
    for name, stream in scene.streams.items():
        say(f"    {name}: {stream}")
    for note in scene.notes:
        say(f"    {note}")
    for fault in scene.faults:
        say(f"    FAULT: {fault}")
    return scene, drawn, files


async def _journal_of(house: House, scene: Scene) -> list[list[Entry]]:
    """Reads the lines of all calls of the scene, once the server has written them."""

    def read(reader: Reader) -> list[Entry]:
        lines: list[Entry] = []
        for summary in reader.recent(20):
            if summary.started_at >= scene.start_s - 0.5:
                lines += reader.call(summary.call)
        return lines

    await asyncio.sleep(0.3)
    lines = await asyncio.to_thread(house.server.read, read)
    calls: dict[str, list[Entry]] = {}
    for line in lines:
        calls.setdefault(line.call, []).append(line)
    whole = [entry for entries in calls.values() for entry in entries]
    return [sorted(whole, key=lambda entry: entry.at)] if whole else []
