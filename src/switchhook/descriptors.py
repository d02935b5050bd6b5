"""How many connections of one kind may be open at a time, as the file descriptors that the system allows permit."""

from __future__ import annotations

SPARE = 256
FEWEST = 16


def connections(most: int) -> int:
    """Returns how many may be open, `most` at most: half of what `LimitNOFILE` leaves beyond a reserve for the rest."""
    try:
        import resource
    except ImportError:  # not there on Windows
        return most
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    return max(FEWEST, min(most, (soft - SPARE) // 2))
