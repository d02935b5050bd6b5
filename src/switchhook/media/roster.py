"""Rows in an array without gaps: who joins is put at the end, whose place becomes free is filled by the last."""

from __future__ import annotations

import numpy as np

from switchhook.media.rtp import Array


class Roster:
    """A set of table rows that can be read as an array at no cost; the order means nothing."""

    __slots__ = ("_array", "_order", "_place")

    def __init__(self, most: int) -> None:
        self._array = np.zeros(most, np.int64)
        self._order: list[int] = []
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._order)

    @property
    def rows(self) -> Array:
        """Returns the rows; good until the next change."""
        return self._array[: len(self._order)]

    def add(self, row: int) -> None:
        """Takes a row in that is not in it."""
        place = len(self._order)
        self._place[row] = place
        self._order.append(row)
        self._array[place] = row

    def remove(self, row: int) -> None:
        """Takes a row out that is in it."""
        place = self._place.pop(row)
        last = self._order.pop()
        if last != row:
            self._order[place] = last
            self._place[last] = place
            self._array[place] = last
