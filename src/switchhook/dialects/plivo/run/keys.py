"""Finds listed key sequences in what a telephone presses (plivo-xml 2.7, digitsMatch)."""

from __future__ import annotations

PAUSE_S = 2.0  # after so long without a key the sequence begins anew


class Keys:
    """A rolling memory of one telephone's keys; `sequences` are the longest first."""

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._pressed = ""
        self._last = 0.0

    def press(self, key: str, now: float) -> str:
        """Returns the sequence that this key completes, or nothing; a match is forgotten at once."""
        if not self._sequences:
            return ""
        kept = "" if now - self._last > PAUSE_S else self._pressed
        self._last = now
        self._pressed = (kept + key)[-len(self._sequences[0]) :]
        for sequence in self._sequences:
            if self._pressed.endswith(sequence):
                self._pressed = ""
                return sequence
        return ""
