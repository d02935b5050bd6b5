"""The few SVG words that the pictures need. Everything written by others is escaped."""

from __future__ import annotations

from html import escape

FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
INK, FAINT, LINE, PAPER = "#1e293b", "#64748b", "#cbd5e1", "#ffffff"


def picture(width: float, height: float, title: str, parts: list[str], defs: str = "") -> str:
    """Returns a whole SVG document that scales to the place it is put into."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" font-family="{FONT}" font-size="12" role="img">',
            f"<title>{clean(title)}</title>",
            f"<defs>{defs}</defs>" if defs else "",
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{PAPER}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def text(
    x: float, y: float, said: str, *, anchor: str = "middle", size: float = 12, fill: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size:g}" fill="{fill}"{weight}'
    return f"<text {place}>{clean(said)}</text>"


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    stroke: str = "none",
    round: float = 4,
    title: str = "",
) -> str:
    tip = f"<title>{clean(title)}</title>" if title else ""
    shape = f'x="{x:g}" y="{y:g}" width="{max(width, 0):g}" height="{height:g}" rx="{round:g}"'
    return f'<rect {shape} fill="{fill}" stroke="{stroke}">{tip}</rect>'


def line(
    x1: float, y1: float, x2: float, y2: float, *, stroke: str = LINE, dashed: bool = False, more: str = ""
) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}"{dashes} {more}/>'


def group(parts: list[str], title: str) -> str:
    """Parts that show their full text when pointed at."""
    return f"<g><title>{clean(title)}</title>{''.join(parts)}</g>"


def fit(said: str, width: float, size: float = 12) -> str:
    """Cuts a text to what about fits into `width` pixels."""
    room = int(width / (size * 0.56))
    return said if len(said) <= room else said[: max(1, room - 1)] + "…"


def clean(said: str) -> str:
    """Escapes a text, and drops the characters that XML 1.0 cannot hold."""
    return escape("".join(char for char in said if char.isprintable() or char == " "), quote=True)
