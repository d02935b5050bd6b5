"""A ladder for terminals and log files: one line per row, lifelines as bars."""

from __future__ import annotations

from switchhook.observe.ladder import Ladder, Look, Step

_GUTTER = 11


def draw_text(ladder: Ladder, width: int = 28) -> str:
    """Returns the ladder as text; `width` is the distance of two columns, at least 16 characters."""
    width = max(16, width)
    lines = [*_header(ladder, width)]
    for row in ladder.rows():
        canvas = _lifelines(ladder, width)
        for step in row:
            _put(canvas, step, ladder, width)
        lines.append(f"{row[0].at - ladder.start:+9.3f}  " + "".join(canvas).rstrip())
    return "\n".join([*lines, ""])


def _middle(column: int, width: int) -> int:
    return width // 2 + column * width


def _header(ladder: Ladder, width: int) -> list[str]:
    upper, lower = [], []
    for column in ladder.columns:
        role, _, number = (
            column.name.partition(" ") if column.role == column.name.partition(" ")[0] else ("", "", column.name)
        )
        upper.append(shorten(role, width - 2).center(width))
        lower.append(shorten(number, width - 2).center(width))
    bars = "".join(_lifelines(ladder, width)).rstrip()
    named = [" " * _GUTTER + "".join(upper).rstrip()] if any(map(str.strip, upper)) else []
    return [*named, " " * _GUTTER + "".join(lower).rstrip(), " " * _GUTTER + bars]


def _lifelines(ladder: Ladder, width: int) -> list[str]:
    canvas = [" "] * (width * len(ladder.columns))
    for column in range(len(ladder.columns)):
        canvas[_middle(column, width)] = "|"
    return canvas


def _put(canvas: list[str], step: Step, ladder: Ladder, width: int) -> None:
    if step.is_arrow:
        _put_arrow(canvas, step, width)
    elif step.look in (Look.BAND, Look.WARNING):
        fill = "=" if step.look is Look.BAND else "!"
        inside = len(canvas) - 2
        canvas[1:-1] = f" {shorten(step.label, inside - 8)} ".center(inside, fill)
    else:
        room = width - 2 if step.look is Look.AUDIO else len(canvas) - 4
        text = f"[{shorten(step.label, room - 2)}]"
        start = min(max(0, _middle(step.source, width) - len(text) // 2), len(canvas) - len(text))
        canvas[start : start + len(text)] = text


def _put_arrow(canvas: list[str], step: Step, width: int) -> None:
    left, right = sorted((_middle(step.source, width), _middle(step.target, width)))
    inside = right - left - 1
    fill = "." if step.reply else "-"
    text = f" {shorten(step.label, inside - 6)} ".center(inside, fill)
    text = text[:-1] + ">" if step.target > step.source else "<" + text[1:]
    canvas[left + 1 : right] = text


def shorten(text: str, room: int) -> str:
    """Cuts a text to `room` characters and shows that it was cut."""
    return text if len(text) <= room else text[: max(0, room - 2)] + ".."
