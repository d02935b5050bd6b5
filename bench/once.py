"""Takes one measure once: `python -m bench.once MODULE[:FUNCTION]` prints the reading as one line of JSON."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

from bench.machine import cores
from bench.measure import Reading, told


def main() -> None:
    os.sched_setaffinity(0, cores()[1])
    signal.signal(signal.SIGTERM, _end)
    module, _, function = sys.argv[1].partition(":")
    reading: Reading = getattr(import_module(f"bench.{module}"), function or "read")()
    print(told(reading))


def _end(_number: int, _frame: object) -> None:
    """Unwinds, which ends what was started; a second wish does not disturb that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("was asked to end")


if __name__ == "__main__":
    main()
