"""Installs what Pipecat's Plivo serializer needs into an environment of its own, once for each content of the list.

Pipecat's whole dependency tree (model run times, compilers) has nothing to do with the serializer, so nothing of it is
installed but what the list names.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "pipecat"
LIST = HERE / "requirements.txt"


def _folder() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(LIST.read_bytes() + sys.version.encode()).hexdigest()[:16]
    return root / "switchhook-tests" / f"pipecat-{name}"


@cache
def _installed() -> tuple[Path | None, str]:
    folder = _folder()
    python = folder / "bin" / "python"
    if (folder / "done").exists():
        return python, ""
    command = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", "-r", str(LIST)]
    try:
        venv.create(folder, with_pip=True)
        run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"no environment for pipecat: {error}"
    if run.returncode:
        return None, f"pipecat cannot be installed: {run.stderr.strip().splitlines()[-1:]}"
    (folder / "done").touch()
    return python, ""


def pipecat_python() -> Path:
    """Returns the interpreter that has the serializer; skips the test, with the reason, where it cannot be had."""
    python, reason = _installed()
    if python is None:
        pytest.skip(reason)
    return python
