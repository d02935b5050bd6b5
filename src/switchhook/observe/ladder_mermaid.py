"""A ladder as a Mermaid sequence diagram, for Markdown pages and tickets."""

from __future__ import annotations

from switchhook.observe.ladder import Ladder, Look


def draw_mermaid(ladder: Ladder) -> str:
    """Returns Mermaid text; labels begin with the seconds since the first step."""
    last = len(ladder.columns) - 1
    lines = ["sequenceDiagram"]
    lines += [f"    participant p{number} as {_plain(column.name)}" for number, column in enumerate(ladder.columns)]
    for step in ladder.steps:
        label = f"{step.at - ladder.start:+.3f} {_plain(step.label)}"
        if step.is_arrow:
            head = "--x" if step.bad else "-->>" if step.reply else "->>"
            lines.append(f"    p{step.source}{head}p{step.target}: {label}")
        elif step.look in (Look.BAND, Look.WARNING) and last:
            lines.append(f"    Note over p0,p{last}: {label}")
        else:
            lines.append(f"    Note over p{step.source}: {label}")
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    """Mermaid ends a statement at `;` and starts an entity at `#`; it would read `<` as HTML."""
    return "".join(_ENTITIES.get(char, char) for char in text) or " "


_ENTITIES = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "%": "#37;", "{": "#123;", "}": "#125;"}
