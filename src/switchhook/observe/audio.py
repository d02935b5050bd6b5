"""Who heard whom when: a chart with one row per listener and one coloured bar per stretch of a source.

The input is neutral, so that the same chart shows what the server said and what a virtual telephone really heard.
Sources that were heard at the same time stand one under the other in the listener's row.
"""

from __future__ import annotations

from collections.abc import Sequence

from switchhook.core.values import dataclass
from switchhook.observe import svg

_LEFT, _TOP, _LANE, _GAP = 150.0, 66.0, 22.0, 12.0
_SPECIAL = {  # sources that mean the same in every chart
    "music": "#a78bfa",
    "hold music": "#a78bfa",
    "ringback": "#fbbf24",
    "silence": "#e2e8f0",
    "nothing": "#e2e8f0",
    "busy tone": "#f87171",
}
_ROLES = {"customer": "#38bdf8", "agent": "#4ade80", "target": "#f472b6"}
_OTHERS = ("#2dd4bf", "#fb923c", "#818cf8", "#a3e635", "#94a3b8", "#c084fc")


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch: `listener` heard `source` from `start_s` to `end_s`."""

    listener: str
    source: str
    start_s: float
    end_s: float


def draw_audio(heard: Sequence[Heard], *, title: str = "Who heard whom", width: float = 960) -> str:
    """Returns a self-contained SVG document; rows stand in the order in which listeners first appear."""
    first = min((each.start_s for each in heard), default=0.0)
    last = max((each.end_s for each in heard), default=first + 1.0)
    span = max(last - first, 0.001)
    colours = _colours(heard)
    parts = [svg.text(16, 26, title, anchor="start", size=15, bold=True), *_legend(colours, width)]
    rows: list[str] = []
    y = _TOP
    for listener in dict.fromkeys(each.listener for each in heard):
        lanes = _lanes([each for each in heard if each.listener == listener])
        height = len(lanes) * _LANE
        rows.append(svg.rect(_LEFT, y, width - _LEFT - 16, height, fill="#f8fafc", round=3))
        rows.append(svg.text(_LEFT - 12, y + height / 2 + 4, svg.fit(listener, _LEFT - 24), anchor="end", bold=True))
        for number, lane in enumerate(lanes):
            rows += [_bar(each, y + number * _LANE, first, span, width, colours) for each in lane]
        y += height + _GAP
    parts += _axis(y - _GAP, span, width)
    return svg.picture(width, y + 26, title, [*parts, *rows])


def _x(at_s: float, span: float, width: float) -> float:
    return _LEFT + at_s / span * (width - _LEFT - 16)


def _bar(each: Heard, y: float, first: float, span: float, width: float, colours: dict[str, str]) -> str:
    start, end = _x(each.start_s - first, span, width), _x(each.end_s - first, span, width)
    tip = f"{each.listener} heard {each.source} from {each.start_s - first:.2f} s to {each.end_s - first:.2f} s"
    box = svg.rect(start, y + 2, max(end - start, 1), _LANE - 4, fill=colours[each.source], round=3)
    room = end - start - 8
    words = [svg.text((start + end) / 2, y + 15, svg.fit(each.source, room, 11), size=11)] if room > 24 else []
    return svg.group([box, *words], tip)


def _lanes(heard: list[Heard]) -> list[list[Heard]]:
    """Spreads stretches over as few lanes as keep them from covering each other (1 ms of overlap is none)."""
    lanes: list[list[Heard]] = []
    for each in sorted(heard, key=lambda one: (one.start_s, one.end_s)):
        free = next((lane for lane in lanes if lane[-1].end_s <= each.start_s + 0.001), None)
        if free is None:
            lanes.append([each])
        else:
            free.append(each)
    return lanes


def _colours(heard: Sequence[Heard]) -> dict[str, str]:
    found: dict[str, str] = {}
    others = 0
    for source in dict.fromkeys(each.source for each in heard):
        role = source.partition(" ")[0].lower()
        known = _SPECIAL.get(source.lower()) or _ROLES.get(role)
        if known is None or (role in _ROLES and known in found.values()):
            known = _OTHERS[others % len(_OTHERS)]
            others += 1
        found[source] = known
    return found


def _legend(colours: dict[str, str], width: float) -> list[str]:
    parts: list[str] = []
    x = 16.0
    for source, colour in colours.items():
        shown = svg.fit(source, 160, 11)
        need = 22 + len(shown) * 6.4
        if x + need > width - 8:
            break
        parts += [
            svg.rect(x, 38, 12, 12, fill=colour, round=3),
            svg.text(x + 17, 48, shown, anchor="start", size=11, fill=svg.FAINT),
        ]
        x += need + 10
    return parts


def _axis(bottom: float, span: float, width: float) -> list[str]:
    step = next(
        (each for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if span / each <= 12), span / 12
    )
    parts: list[str] = []
    count = int(span / step + 1e-9)
    for number in range(count + 1):
        x = _x(number * step, span, width)
        parts.append(svg.line(x, _TOP - 6, x, bottom + 4, stroke="#e2e8f0"))
        parts.append(svg.text(x, bottom + 18, f"{number * step:g} s", size=10.5, fill=svg.FAINT))
    return parts
