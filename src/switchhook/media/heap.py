"""Freed memory stays with the process: a pump takes and frees the same arrays in every phase.

With 1,750 mixed legs a phase takes some 2 MB in arrays of 100 to 600 kB. By its defaults glibc may give the end of the
heap back to the kernel each time, for the next phase to fault it in again. Whether it does hangs on what happens to lie
at that end: seen were none, 4 and 260 pages a phase, and 260 are a tenth of all that a phase costs.
Rejected: arrays made once and written with `out=`, which NumPy lacks for half of the steps and which nobody can read.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT = 16 << 20  # bytes; no phase takes that much


def keep_freed() -> bool:
    """Has this process keep up to 16 MB that it frees; False where the C library has no `mallopt` (it is glibc's)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _KEPT))
