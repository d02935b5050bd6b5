"""A ladder as a picture: SIP blue, HTTP green, webhooks orange, audio violet, failures red."""

from __future__ import annotations

from switchhook.observe import svg
from switchhook.observe.ladder import Column, Ladder, Look, Step

_GUTTER = 74.0
_COLUMN = 200.0
_TOP = 74.0
_ARROW, _NOTE, _BAND = 32.0, 27.0, 34.0
_COLOURS = {Look.SIP: "#1d4ed8", Look.HTTP: "#047857", Look.WEBHOOK: "#b45309", Look.NOTE: "#475569"}
_BAD = "#dc2626"
_PAINT = {  # fill and ink of each role
    "customer": ("#e0f2fe", "#0369a1"),
    "agent": ("#dcfce7", "#15803d"),
    "target": ("#fce7f3", "#be185d"),
    "server": ("#1e293b", "#ffffff"),
    "client": ("#ecfdf5", "#047857"),
    "web": ("#fff7ed", "#b45309"),
    "": ("#f1f5f9", "#334155"),
}


def draw_svg(ladder: Ladder, title: str = "Sequence of a call") -> str:
    """Returns a self-contained SVG document."""
    width = _GUTTER + _COLUMN * len(ladder.columns) + 12
    parts: list[str] = []
    y = _TOP
    for row in ladder.rows():
        height = _height(row[0])
        parts.append(
            svg.text(_GUTTER - 10, y + _baseline(row[0]), _clock(row[0], ladder), anchor="end", size=11, fill=svg.FAINT)
        )
        parts += [_draw(step, y, ladder) for step in row]
        y += height
    bottom = y + 14
    lifelines = [svg.line(_middle(number), 58, _middle(number), bottom - 4) for number in range(len(ladder.columns))]
    heads = [_head(number, column) for number, column in enumerate(ladder.columns)]
    return svg.picture(width, bottom + 4, title, [*lifelines, *heads, *parts], _markers())


def _clock(step: Step, ladder: Ladder) -> str:
    return f"{step.at - ladder.start:+.3f}"


def _height(step: Step) -> float:
    if step.is_arrow:
        return _ARROW
    return _BAND if step.look in (Look.BAND, Look.WARNING) else _NOTE


def _baseline(step: Step) -> float:
    if step.is_arrow:
        return 22
    return 21 if step.look in (Look.BAND, Look.WARNING) else 18


def _middle(column: int) -> float:
    return _GUTTER + _COLUMN * (column + 0.5)


def _head(number: int, column: Column) -> str:
    fill, ink = _PAINT.get(column.role, _PAINT[""])
    left = _middle(number) - _COLUMN / 2 + 10
    box = svg.rect(left, 14, _COLUMN - 20, 44, fill=fill, stroke=ink, round=8)
    role, _, number_ = column.name.partition(" ")
    if role != column.role:
        return svg.group(
            [box, svg.text(_middle(number), 41, svg.fit(column.name, _COLUMN - 30, 13), size=13, fill=ink, bold=True)],
            column.name,
        )
    upper = svg.text(_middle(number), 32, role, size=11, fill=ink)
    lower = svg.text(_middle(number), 49, svg.fit(number_, _COLUMN - 30, 13), size=13, fill=ink, bold=True)
    return svg.group([box, upper, lower], column.name)


def _draw(step: Step, y: float, ladder: Ladder) -> str:
    if step.is_arrow:
        return _draw_arrow(step, y)
    if step.look is Look.BAND:
        return _draw_band(step, y, len(ladder.columns), "#fffbeb", "#d97706", "#92400e")
    if step.look is Look.WARNING:
        return _draw_band(step, y, len(ladder.columns), "#fef2f2", _BAD, "#991b1b")
    return _draw_note(step, y)


def _draw_arrow(step: Step, y: float) -> str:
    colour = _BAD if step.bad else _COLOURS[step.look]
    forward = 1 if step.target > step.source else -1
    x1, x2 = _middle(step.source), _middle(step.target)
    marker = f'stroke-width="1.5" marker-end="url(#{_marker(colour)})"'
    shaft = svg.line(x1, y + 24, x2 - forward * 2, y + 24, stroke=colour, dashed=step.reply, more=marker)
    label = svg.fit(step.label, abs(x2 - x1) - 16, 11.5)
    middle = (x1 + x2) / 2
    # White behind the words, so that lifelines they cross do not run through them.
    back = svg.rect(middle - len(label) * 3.2, y + 7, len(label) * 6.4, 14, fill=svg.PAPER, round=2)
    crossed = abs(step.target - step.source) > 1
    return svg.group(
        [back if crossed else "", svg.text(middle, y + 18, label, size=11.5, fill=colour), shaft], step.label
    )


def _draw_note(step: Step, y: float) -> str:
    audio = step.look is Look.AUDIO
    width = _COLUMN - 12
    fill, ink = ("#f5f3ff", "#6d28d9") if audio else ("#f8fafc", "#475569")
    box = svg.rect(
        _middle(step.source) - width / 2, y + 3, width, 21, fill=fill, stroke=ink, round=10.5 if audio else 3
    )
    return svg.group(
        [box, svg.text(_middle(step.source), y + 18, svg.fit(step.label, width - 10, 11.5), size=11.5, fill=ink)],
        step.label,
    )


def _draw_band(step: Step, y: float, columns: int, fill: str, stroke: str, ink: str) -> str:
    width = _COLUMN * columns - 8
    box = svg.rect(_GUTTER + 4, y + 4, width, 26, fill=fill, stroke=stroke, round=5)
    words = svg.text(_GUTTER + 4 + width / 2, y + 21, svg.fit(step.label, width - 20, 12), size=12, fill=ink, bold=True)
    return svg.group([box, words], step.label)


def _marker(colour: str) -> str:
    return f"head-{colour[1:]}"


def _markers() -> str:
    heads = [*(_COLOURS.values()), _BAD]
    return "".join(
        f'<marker id="{_marker(colour)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
        for colour in heads
    )
