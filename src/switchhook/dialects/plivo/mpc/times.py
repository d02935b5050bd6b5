"""Times of Multi-Party Calls: UTC with its offset (plivo-voice-api 1.6)."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(at: float) -> str:
    """Returns a moment as `2024-07-09 07:24:37+00:00`."""
    return datetime.fromtimestamp(at, UTC).isoformat(" ", "seconds")


def maybe(at: float | None) -> str | None:
    return None if at is None else stamp(at)


def moment(text: str) -> float | None:
    """Reads `YYYY-MM-DD HH:MM[:SS[.ffffff]]`, UTC unless an offset says otherwise; None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
