"""The text that Prometheus reads (exposition format 0.0.4), for figures whose names and labels are our own.

The library's writer looks at every name and label again to see whether it is allowed: four fifths of the time that a
page takes, in which the event loop does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from switchhook.core.values import dataclass

Row = tuple[tuple[str, ...], float]  # the labels' values, and the figure


@dataclass(frozen=True, slots=True)
class Family:
    """Figures of one name. Name, text and labels are written as they are: they are the program's, nobody else's."""

    name: str
    kind: str  # "counter" (its name ends in `_total`) or "gauge"
    doc: str
    labels: tuple[str, ...] = ()

    def write(self, rows: Iterable[Row]) -> str:
        """Returns the family's part of a page, one line for each row."""
        lines = [f"# HELP {self.name} {self.doc}\n# TYPE {self.name} {self.kind}\n"]
        lines += [f"{self.name}{self._labelled(values)} {float(figure)!r}\n" for values, figure in rows]
        return "".join(lines)

    def _labelled(self, values: tuple[str, ...]) -> str:
        if not self.labels:
            return ""
        pairs = sorted(zip(self.labels, map(_escaped, values), strict=True))
        return "{" + ",".join([f'{label}="{value}"' for label, value in pairs]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
