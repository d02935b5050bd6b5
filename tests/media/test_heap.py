"""What a phase frees is not given back to the kernel: the next phase would fault it in again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PHASES = """
import resource, sys
from switchhook.media import heap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        held = [b"x" * size for size in (150_000, 300_000, 600_000, 600_000)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept = sys.argv[1] == "keep" and heap.keep_freed()
faults()
print(int(kept), faults())
"""


def _faults(how: str) -> tuple[bool, int]:
    made = subprocess.run([sys.executable, "-c", PHASES, how], capture_output=True, text=True, check=True)
    kept, faults = made.stdout.split()
    return kept == "1", int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_a_phase_frees_is_there_for_the_next() -> None:
    kept, faults = _faults("keep")
    assert kept
    assert faults < 50  # in all; each phase takes 400 pages
    assert _faults("leave")[1] > 50 * 100
