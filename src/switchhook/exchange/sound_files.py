"""Sounds fetched from the web, as files: how long they are good, and how many are kept.

A file is good as long as its server says (`Cache-Control: max-age`), else for `FRESH_S`; then it is asked for again on
its next use, with what the server said of it (`ETag`, `Last-Modified`), so that an unchanged one is not sent twice. A
server that cannot be reached then leaves the old file in use. Content that changed is a new file, so what is playing
goes on with the old one.

Bounded: each file by the caller's `max_bytes`, all of them by `MOST_BYTES` and `MOST_FILES`; the one that was not used
for longest goes first, but none that was used in the last `IN_USE_S`. When nothing may go, nothing more is fetched.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections import OrderedDict, deque
from pathlib import Path

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Clock, Reply

FRESH_S = 60.0
LONGEST_FRESH_S = 86_400.0
MOST_BYTES = 512 * 1024 * 1024
MOST_FILES = 5_000
IN_USE_S = 600.0
SMALL_BYTES = 256 * 1024  # written at once; a larger file is written in a thread


@dataclass(slots=True)
class SoundFile:
    path: str
    size: int
    etag: str = ""
    modified: str = ""
    fresh_until: float = 0.0
    used_at: float = 0.0


class SoundFiles:
    """Files by the URL that they came from."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: OrderedDict[str, SoundFile] = OrderedDict()
        self._old: deque[tuple[float, SoundFile]] = deque()  # replaced, and perhaps still heard by somebody
        self._bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def fresh(self, url: str) -> str:
        """Returns the path of a file that need not be asked for again, or nothing."""
        found = self._files.get(url)
        now = self._clock.now()
        if found is None or found.fresh_until < now:
            return ""
        found.used_at = now
        self._files.move_to_end(url)
        return found.path

    def conditions(self, url: str) -> list[tuple[str, str]]:
        """Returns the headers with which an unchanged file is not sent again."""
        found = self._files.get(url)
        if found is None:
            return []
        pairs = (("If-None-Match", found.etag), ("If-Modified-Since", found.modified))
        return [(name, value) for name, value in pairs if value]

    async def take(self, url: str, reply: Reply) -> str:
        """Keeps what a server answered, 200 or 304, and returns the path; raises `Unavailable`."""
        now = self._clock.now()
        known = self._files.get(url)
        if reply.status == 304 and known is not None:
            known.fresh_until, known.used_at = now + _fresh_s(reply), now
            return known.path
        if not 200 <= reply.status < 300:
            raise Unavailable(f"{url} answered {reply.status}")
        size = len(reply.body)
        self._make_room(size)
        path = self._path(url, reply.body)
        if known is None or known.path != path:
            if size <= SMALL_BYTES:
                _write(path, reply.body)
            else:
                await asyncio.to_thread(_write, path, reply.body)
        self._replace(url, path)
        said = dict(reply.headers)
        fresh_until = now + _fresh_s(reply)
        self._files[url] = SoundFile(path, size, said.get("etag", ""), said.get("last-modified", ""), fresh_until, now)
        self._bytes += size
        return path

    def keep_old(self, url: str, for_s: float) -> str:
        """Uses an old file a little longer, because its server cannot be asked; returns its path, or nothing."""
        found = self._files.get(url)
        if found is None:
            return ""
        found.fresh_until = self._clock.now() + for_s
        return found.path

    def _path(self, url: str, body: bytes) -> str:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="switchhook-sounds-")
        ending = ".mp3" if body[:3] == b"ID3" or body[:1] == b"\xff" else ".wav"
        name = hashlib.sha256(url.encode() + b"\0" + body).hexdigest()[:32]
        return os.path.join(self._folder.name, name + ending)

    def _replace(self, url: str, path: str) -> None:
        """Takes the old file of a URL out of use; who listens to it still has it for a while."""
        old = self._files.pop(url, None)
        if old is not None:
            self._bytes -= old.size
            if old.path != path:
                self._old.append((self._clock.now(), old))

    def _make_room(self, size: int) -> None:
        before = self._clock.now() - IN_USE_S
        while self._old and (self._old[0][0] < before or len(self._old) > MOST_FILES):
            _unlink(self._old.popleft()[1].path)
        for url in [url for url, file in self._files.items() if file.used_at < before]:
            if self._bytes + size <= MOST_BYTES and len(self._files) < MOST_FILES:
                return
            gone = self._files.pop(url)
            self._bytes -= gone.size
            _unlink(gone.path)
        if self._bytes + size > MOST_BYTES or len(self._files) >= MOST_FILES:
            raise Unavailable("too many sounds are in use; no more are fetched")

    def close(self) -> None:
        """Deletes all files."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._files.clear()
        self._old.clear()
        self._bytes = 0


def _write(path: str, body: bytes) -> None:
    Path(path).write_bytes(body)


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _fresh_s(reply: Reply) -> float:
    said = dict(reply.headers).get("cache-control", "").lower().replace(" ", "").split(",")
    if "no-store" in said or "no-cache" in said:
        return 0.0
    for word in said:
        name, _, value = word.partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            return min(float(value[:9]), LONGEST_FRESH_S)
    return FRESH_S
