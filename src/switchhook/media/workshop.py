"""The workshop: everything about audio that may block. Decodes files, has text spoken, writes recordings.

One thread listens to control, two decode, one writes. Samples go into the shared memory where the pump plays them
from while the rest is still being decoded; control hears `loaded` or `failed` for each clip and `recorded` for each
recording. A workshop that died is replaced; control then states again what it still wants.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from switchhook.core.errors import PeerBroke, Unavailable
from switchhook.media import decode
from switchhook.media.link import Message, Unframer, frame
from switchhook.media.recorder import Recorder
from switchhook.media.shelf import Shelf
from switchhook.media.table import FAILED, READY, Table
from switchhook.media.waiting import readable

if TYPE_CHECKING:
    from switchhook.media.forking import Forking

DECODERS = 2


class Workshop:
    """`run` returns when the keeper is gone or has asked for the end."""

    def __init__(self, table: Table, listener: socket.socket) -> None:
        self._table, self._listener = table, listener
        self._conn: socket.socket | None = None
        self._sending = threading.Lock()
        self._shelf = Shelf(table)
        self.recorder = Recorder(table, self._tell)
        self.wanted: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._stopped = threading.Event()

    @cached_property
    def _forking(self) -> Forking:
        from switchhook.media.forking import Forking  # asyncio, which only streams need

        return Forking(self._table, self._tell)

    def run(self, keeper: int) -> None:
        wake, end = socket.socketpair()
        signal.signal(signal.SIGTERM, lambda *_: end.send(b"."))
        writer = threading.Thread(target=self.recorder.run, args=(self._stopped,), daemon=True)
        writer.start()
        for _ in range(DECODERS):
            threading.Thread(target=self._decode, daemon=True).start()
        unframer = Unframer()
        while os.getppid() == keeper:
            watched = [self._listener, wake] + ([self._conn] if self._conn else [])
            ready = readable(watched, 1.0)
            if wake in ready:
                break
            if self._listener in ready:
                self._accept()
                unframer = Unframer()
            elif self._conn is not None and self._conn in ready:
                self._receive(self._conn, unframer)
        self._stopped.set()
        writer.join(1.0)

    def _accept(self) -> None:
        try:
            conn, _ = self._listener.accept()
        except OSError:
            return
        conn.setblocking(True)
        with self._sending:
            if self._conn is not None:
                self._conn.close()
            self._conn = conn

    def _receive(self, conn: socket.socket, unframer: Unframer) -> None:
        try:
            received = conn.recv(1 << 16)
            messages = unframer.feed(received)
        except (OSError, PeerBroke):
            received, messages = b"", []
        for message in messages:
            self.take(message)
        if not received:
            with self._sending:
                conn.close()
                self._conn = None

    def take(self, message: Message) -> None:
        """Carries out one statement; one that makes no sense is a bug of control and is left out, with a warning."""
        try:
            self._carry_out(message)
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError) as error:
            self._tell({"say": "warning", "text": f"workshop statement {message.get('say')!r} refused: {error!r}"})

    def _carry_out(self, m: Message) -> None:
        if m["say"] == "load":
            clip, spec = self._clip(m), str(m["spec"])
            if self._table.clip_state[clip] == READY and not m["again"]:
                self._tell({"say": "loaded", "clip": clip, "frames": int(self._table.clip_frames[clip])})
            else:
                self.wanted.put((clip, spec))
        elif m["say"] == "forget":
            self._shelf.forget(self._clip(m))
        elif m["say"] == "fork":
            self._forking.begin(m)
        elif m["say"] == "end_fork":
            self._forking.end(m)
        elif m["say"] == "tell_fork":
            self._forking.digit(m)
        elif m["say"] == "record":
            slot, channels = int(m["slot"]), int(m["channels"])
            if not 0 <= slot < len(self._table.rec_use) or channels not in (1, 2):
                raise ValueError(f"no recording {slot} of {channels} channels")
            self.recorder.begin(slot, int(m["use"]), m["path"], channels, bool(m["resume"]))

    def _clip(self, m: Message) -> int:
        clip = int(m["clip"])
        if not 0 <= clip < len(self._table.clip_state):
            raise ValueError(f"no clip {clip}")
        return clip

    def _decode(self) -> None:
        while True:
            clip, spec = self.wanted.get()
            try:
                self._shelf.begin(clip)
                for samples in decode.decode(spec, self._table.settings.espeak):
                    self._shelf.add(clip, samples)
                frames = self._shelf.finish(clip)
            except Unavailable as error:
                self._fail(clip, str(error))
            except Exception as error:  # a broken file must not end the thread that decodes for all
                self._fail(clip, f"{spec[:100]}: {error!r}")
            else:
                self._tell({"say": "loaded", "clip": clip, "frames": frames})

    def _fail(self, clip: int, error: str) -> None:
        self._tell({"say": "failed", "clip": clip, "error": error})
        self._shelf.forget(clip, FAILED)

    def _tell(self, message: Message) -> None:
        with self._sending:
            if self._conn is not None:
                try:
                    self._conn.sendall(frame(message))
                except OSError:
                    pass
