"""One target under atheris (libFuzzer's coverage guidance): `python -m tests.fuzz.deep TARGET FOLDER SECONDS`.

Started by `make fuzz ENGINE=atheris`, in a process of its own, since libFuzzer ends the process that it runs in. FOLDER
gets `found/` (inputs that reached what no seed and none of the corpus reaches) and `wrong/` (inputs that raised).
"""

from __future__ import annotations

import logging
import sys
from hashlib import sha256
from pathlib import Path

import atheris
import structlog

with atheris.instrument_imports(include=["switchhook.sip", "switchhook.media", "switchhook.core.errors"]):
    from tests.fuzz.shapes import BITS, SEEDS, kept
    from tests.fuzz.targets import TARGETS

MOST_BYTES = 3000


def _escaped(bit: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in bit)


def main() -> None:
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for each in ("found", "seeds", "wrong"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    for seed in (*SEEDS[name], *kept(name)):
        (folder / "seeds" / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(bit)}"\n' for bit in BITS))
    options = [
        f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-timeout=20", "-print_final_stats=1",
        f"-dict={words}", f"-artifact_prefix={folder / 'wrong'}/", str(folder / "found"), str(folder / "seeds"),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
