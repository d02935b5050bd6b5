"""Installs the npm packages of `node/package.json` into a cache folder, once for each content of the lock file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "node"


def _folder() -> Path:
    content = b"".join((HERE / name).read_bytes() for name in ("package.json", "package-lock.json"))
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "switchhook-tests" / f"node-{hashlib.sha256(content).hexdigest()[:16]}"


@cache
def _installed() -> tuple[Path | None, str]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "node and npm are not installed"
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder):
        return _install(folder)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keeps other processes from installing into that folder."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(folder: Path) -> tuple[Path | None, str]:
    if (folder / "done").exists():
        return folder / "node_modules", ""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        return None, "npm ci took more than 90 s"
    if run.returncode:
        return None, f"npm ci failed: {run.stderr.strip().splitlines()[-1:]}"
    (folder / "done").touch()
    return folder / "node_modules", ""


def node_modules() -> Path:
    """Returns the folder of the installed packages; skips the test, with the reason, where they cannot be had."""
    folder, reason = _installed()
    if folder is None:
        pytest.skip(reason)
    return folder
