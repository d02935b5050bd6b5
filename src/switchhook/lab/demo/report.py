"""What comes out of the demo: tables in the terminal, and one HTML page with ladders, audio charts and recordings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from switchhook.lab.demo.scene import Scene
from switchhook.lab.ears import Ears
from switchhook.lab.tones import SILENCE
from switchhook.observe.audio import Heard, draw_audio
from switchhook.observe.ladder import Ladder
from switchhook.observe.ladder_svg import draw_svg


def table(scene: Scene) -> str:
    """Returns who heard whom when, as measured from the audio that each telephone received."""
    lines = [f"    {'listener':<18}{'heard':<18}{'from':>8}{'to':>8}   (s, measured from the received audio)"]
    for listener, intervals in scene.heard.items():
        name = listener
        for interval in intervals:
            if interval.label == SILENCE:
                continue
            start, end = interval.start_s - scene.start_s, interval.end_s - scene.start_s
            lines.append(f"    {name:<18}{interval.label:<18}{start:>8.2f}{end:>8.2f}")
            name = ""
        if name:
            lines.append(f"    {name:<18}{'nothing':<18}")
    return "\n".join(lines)


def chart(scene: Scene) -> str:
    """Returns the same as a picture (SVG)."""
    heard = [
        Heard(listener, interval.label, interval.start_s - scene.start_s, interval.end_s - scene.start_s)
        for listener, intervals in scene.heard.items()
        for interval in intervals
        if interval.label != SILENCE
    ]
    return draw_audio(heard, title="Who heard whom, measured from the received audio")


def save_recordings(scene: Scene, folder: Path) -> dict[str, str]:
    """Writes one WAV a telephone of what it heard; returns the file names by telephone."""
    files = {}
    for name, phone in scene.phones.items():
        if isinstance(phone.ears, Ears):
            file = f"scene-{scene.number}-{name.replace(' ', '-')}.wav"
            phone.ears.save(folder / file, scene.start_s, scene.end_s)
            files[name] = file
    return files


def page(scenes: Sequence[tuple[Scene, Sequence[Ladder], dict[str, str]]], seconds: float) -> str:
    """Returns the whole report as one self-contained HTML page (the WAV files lie beside it)."""
    faults = sum(len(scene.faults) for scene, _, _ in scenes)
    verdict = (
        "everybody heard exactly what the rules say" if not faults else f"{faults} things were not as the rules say"
    )
    parts = [
        _HEAD,
        f"<h1>Switchhook demo</h1><p class={'ok' if not faults else 'bad'}>{len(scenes)} scenes: {verdict}.</p>",
    ]
    parts.append(
        "<ul class=toc>"
        + "".join(f"<li><a href='#s{s.number}'>{s.number} {escape(s.title)}</a></li>" for s, _, _ in scenes)
    )
    parts.append(f"</ul><p class=dim>Played in {seconds:.0f} s over real SIP and RTP on loopback.</p>")
    for scene, ladders, files in scenes:
        parts += _section(scene, ladders, files)
    return "\n".join([*parts, "</main></html>"])


def _section(scene: Scene, ladders: Sequence[Ladder], files: dict[str, str]) -> list[str]:
    parts = [f"<section id='s{scene.number}'><h2>Scene {scene.number}: {escape(scene.title)}</h2>"]
    parts.append(f"<pre class=request>{escape(scene.request)}</pre>")
    for fault in scene.faults:
        parts.append(f"<p class=bad>{escape(fault)}</p>")
    parts.append(f"<figure>{chart(scene)}</figure>")
    parts.append("<div class=rules><table><tr><th>phase</th><th>from</th><th>to</th><th>who must hear what</th></tr>")
    for phase in scene.phases:
        rule = "; ".join(f"{n}: {' + '.join(sorted(labels)) or 'nothing'}" for n, labels in phase.expected.items())
        start, end = phase.start_s - scene.start_s, phase.end_s - scene.start_s
        parts.append(f"<tr><td>{escape(phase.name)}<td>{start:.2f}<td>{end:.2f}<td>{escape(rule)}</tr>")
    parts.append("</table></div><h3>What each telephone heard</h3><ul>")
    for name, file in files.items():
        stream = escape(scene.streams.get(name, ""))
        parts.append(
            f"<li>{escape(name)} <audio controls preload=none src='{escape(file)}'></audio> "
            f"<span class=dim>{stream}</span>"
        )
    parts.append("</ul>")
    for note in scene.notes:
        parts.append(f"<p class=dim>{escape(note)}</p>")
    for ladder in ladders:
        parts.append(
            f"<details open><summary>Ladder</summary><figure>{draw_svg(ladder, scene.title)}</figure></details>"
        )
    parts.append("</section>")
    return parts


_HEAD = """<!doctype html><html lang=en><meta charset=utf-8><title>Switchhook demo</title>
<meta name=viewport content="width=device-width,initial-scale=1">
<style>
body{font:16px/1.5 system-ui,sans-serif;color:#0f172a;background:#f8fafc;margin:0}
main{max-width:1160px;margin:0 auto;padding:2rem 1rem}
section{background:#fff;border:1px solid #e2e8f0;border-radius:8px;padding:1rem 1.5rem;margin:1.5rem 0}
figure{margin:1rem 0;overflow-x:auto}figure svg{max-width:100%;min-width:720px;height:auto}
ul{padding-left:1.2rem}.rules{overflow-x:auto}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e2e8f0}
.request{background:#0f172a;color:#e2e8f0;padding:.7rem 1rem;border-radius:6px;
white-space:pre-wrap;overflow-wrap:anywhere}
.ok{color:#15803d;font-weight:600}.bad{color:#b91c1c;font-weight:600}.dim{color:#64748b}
audio{height:28px;max-width:100%;vertical-align:middle}
@media(max-width:600px){main{padding:1rem .5rem}section{padding:.5rem .8rem}}
summary{cursor:pointer;font-weight:600}
</style><main>"""
