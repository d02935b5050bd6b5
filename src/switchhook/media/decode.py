"""From what a clip asks for to samples: int16, 8 kHz, in blocks, so that playing begins before decoding has ended.

Raises `Unavailable` with a sentence for people for everything that cannot be played. Only the workshop decodes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from switchhook.core.errors import Unavailable
from switchhook.media import clips, tones, wav
from switchhook.media.resample import Resampler

Samples = NDArray[np.int16]
SPEECH_S = 20.0  # how long the speech program may take
LONGEST_TEXT = 20_000
_NEAREST = "en"  # spoken where the program knows neither the language nor its family
_VARIANTS = {"WOMAN": "+f3", "MAN": "", "FEMALE": "+f3", "MALE": ""}


def decode(clip: str, espeak: str) -> Iterator[Samples]:
    """Yields the samples of a clip."""
    wanted = clips.parse(clip)
    if isinstance(wanted, clips.Builtin):
        yield tones.make(wanted.name)
    elif isinstance(wanted, clips.Silence):
        yield tones.silence(wanted.ms)
    elif isinstance(wanted, clips.Tone):
        yield tones.tone(wanted.hz, wanted.ms)
    elif isinstance(wanted, clips.Speech):
        yield from _wav(BytesIO(speak(wanted, espeak)))
    else:
        yield from _file(Path(wanted.path))


def words_of(path: Path) -> Iterator[bytes]:
    """Yields what is said in a file, 16 bit, little-endian, 8 kHz, one channel; blocks, and raises `Unavailable`."""
    for block in _file(path):
        yield block.astype("<i2", copy=False).tobytes()


def _file(path: Path) -> Iterator[Samples]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start in (b"RIFF", b"RF64"):
                yield from _wav(file)
                return
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror or error}") from error
    yield from _compressed(path)


def _wav(file: BinaryIO) -> Iterator[Samples]:
    found, length = wav.read_format(file)
    resampler = Resampler(found.rate)
    for block in wav.blocks(file, found, length):
        yield resampler.feed(block)
    yield resampler.finish()


def _compressed(path: Path) -> Iterator[Samples]:
    """Yields MP3 and whatever else PyAV knows."""
    try:
        import av
    except ImportError as error:
        raise Unavailable(f"{path}: only WAV is played unless the `mp3` extra is installed") from error
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise Unavailable(f"{path}: no audio in it")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000)
            for frame in container.decode(container.streams.audio[0]):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().reshape(-1).astype(np.int16, copy=False)
            for piece in resampler.resample(None):
                yield piece.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Unavailable(f"{path}: cannot be decoded ({error})") from error


def speak(wanted: clips.Speech, espeak: str) -> bytes:
    """Returns a WAV file of spoken text, made by espeak-ng as a program of its own."""
    text = wanted.text[:LONGEST_TEXT]
    language = wanted.language.lower().replace("_", "-")
    variant = _VARIANTS.get(wanted.voice.upper(), "")
    problem = ""
    for name in dict.fromkeys((language, language.split("-")[0], _NEAREST)):
        command = [espeak, "-v", name + variant, "-s", "165", "-b", "1", "--stdin", "--stdout"]
        if text.startswith("<speak"):
            command.insert(1, "-m")
        try:
            made = subprocess.run(command, input=text.encode(), capture_output=True, timeout=SPEECH_S, check=False)
        except FileNotFoundError as error:
            raise Unavailable(f"{espeak} is not installed, so nothing can be spoken") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{espeak} did not speak: {error}") from error
        if made.returncode == 0 and len(made.stdout) > wav.HEADER_BYTES:
            return made.stdout
        problem = made.stderr.decode(errors="replace").strip()[:200]
    raise Unavailable(f"{espeak} cannot speak {wanted.language}: {problem}")
