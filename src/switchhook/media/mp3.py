"""A recording as MP3: made of the finished WAV file by a process of its own, which takes no time from the calls.

Needs PyAV (the `mp3` extra). The file appears under its name when it is whole; the WAV file stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from switchhook.core.errors import Unavailable

LONGEST_S = 600.0  # for a day of talk; an hour takes some seconds
BITS_PER_S = 32_000  # of each channel: speech at 8 kHz gains nothing by more
_NICENESS = 10


def converter() -> Callable[[Path, Path], None] | None:
    """Returns what makes an MP3 file of a WAV file; None where PyAV is not installed."""
    return convert if find_spec("av") is not None else None


def convert(source: Path, made: Path) -> None:
    """Writes `made`, and leaves `source`; blocks, and raises Unavailable with one line when it cannot be done."""
    command = [sys.executable, "-m", __name__, str(source), str(made)]
    try:
        run = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise Unavailable(f"no MP3 of {source}: {failed}") from failed
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(f"no MP3 of {source}: {' '.join(said)[:200]}")


def encode(source: Path, made: Path) -> None:
    """Does it in this process."""
    import av

    part = made.with_name(f"{made.name}.part")
    with av.open(str(source)) as wav, av.open(str(part), "w", format="mp3") as out:
        sound = wav.streams.audio[0]
        layout = "stereo" if sound.channels == 2 else "mono"  # a WAV file says how many, not which
        stream = out.add_stream("libmp3lame", rate=sound.rate, layout=layout, format="s16p")
        stream.bit_rate = BITS_PER_S * sound.channels
        planes = av.AudioResampler(format="s16p", layout=layout, rate=sound.rate)
        for frame in wav.decode(sound):
            for piece in planes.resample(frame):
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    os.replace(part, made)


if __name__ == "__main__":
    os.nice(_NICENESS)
    encode(Path(sys.argv[1]), Path(sys.argv[2]))
