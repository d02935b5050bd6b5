"""The door to what API clients made: one document of JSON types for each object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """An object as it is kept: JSON types only."""

    kind: str
    id: str
    account: str
    body: Mapping[str, Any]


class Objects(Protocol):
    """Where objects are kept; each method blocks, so call it in a thread, and may raise Unavailable."""

    def all(self) -> list[Document]:
        """Returns every document."""

    def write(self, put: Sequence[Document], remove: Sequence[tuple[str, str]]) -> None:
        """Removes what is named by kind and id, then puts documents in place of those of the same name: all or none."""


class MemoryObjects:
    """Objects that end with the process."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], Document] = {}

    def all(self) -> list[Document]:
        return [self._documents[name] for name in sorted(self._documents)]

    def write(self, put: Sequence[Document], remove: Sequence[tuple[str, str]]) -> None:
        for name in remove:
            self._documents.pop(name, None)
        self._documents.update({(each.kind, each.id): each for each in put})
