"""Forks, the workshop's side: one WebSocket to a program for each, served by one event loop in a thread of its own.

A frame goes out for every tick of the pump, 30 ms after the tick began (the pump has then had 15 ms to write it). One
that is not there is waited for, 15 ms at most, and then silence goes in its place: frames keep their pace and their
timestamps whatever happens to the pump, also while a killed one is replaced.

Backwards the pump is kept a few frames ahead of its need, no more, so that a program that clears its audio is obeyed
at once. All buffers have an end: what a program says ahead of time (60 s, then it is refused), what it does not read
(40 s, then the connection counts as lost), its messages (1 MB).

A connection that cannot be made, or breaks, is tried again; one that the program closes is not. It goes to the address
that the policy has checked, never to what the name means by now; a redirect to another host is an error.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from switchhook.core.values import dataclass
from switchhook.media import fork_frames
from switchhook.media.fork_audio import Downward, Playout, Upward
from switchhook.media.fork_frames import Frames
from switchhook.media.link import Message
from switchhook.media.rtp import FRAME
from switchhook.media.table import FORK_BACK, FORK_FRAMES, Table

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

TICK_S = 0.02
AFTER_S, PATIENCE_S = 0.030, 0.015
AHEAD = 5  # frames (100 ms) that the pump is kept ahead
CONNECT_S, PING_S, AGAIN_S = 5.0, 20.0, 0.5
LASTED_S = 5.0  # a connection that held so long may be tried as often as a first one when it breaks
LONGEST = 1024 * 1024  # bytes of a message: the documented 64 KB, and forgiving
UNREAD_S = 40.0
LEVELS = (0.3, 0.6, 0.9)
TRACKS = ("inbound", "outbound")
GOING_AWAY = 1001

Tell = Callable[[Message], None]


class Lost(Exception):
    """The connection is gone, and not because the program wanted it."""


@dataclass(slots=True)
class Gauge:
    """Notices each time that a buffer passes 30, 60 or 90 percent on its way up."""

    passed: int = 0

    def rises(self, level: float) -> bool:
        now = sum(level >= each for each in LEVELS)
        before, self.passed = self.passed, now
        return now > before


class Forking:
    """All forks of the workshop; `tell` hears what becomes of them, with slot and use."""

    def __init__(self, table: Table, tell: Tell) -> None:
        self._table, self._tell = table, tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forks: dict[tuple[int, int], Fork] = {}

    def begin(self, m: Message) -> None:
        """Connects a fork; one that runs already goes on."""
        self._in_loop(self._begin, m)

    def end(self, m: Message) -> None:
        """Says goodbye and closes; `released` is told, also of a fork that never was."""
        self._in_loop(self._end, m)

    def digit(self, m: Message) -> None:
        self._in_loop(self._digit, m)

    def _in_loop(self, work: Callable[[Message], None], m: Message) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._loop.call_soon_threadsafe(work, m)

    def _begin(self, m: Message) -> None:
        key = (int(m["slot"]), int(m["use"]))
        if key in self._forks:
            return
        fork = self._forks[key] = Fork(self._table, m, self._tell)
        fork.task = asyncio.get_running_loop().create_task(fork.run())
        fork.task.add_done_callback(lambda _: self._forks.pop(key, None))

    def _end(self, m: Message) -> None:
        fork = self._forks.get((int(m["slot"]), int(m["use"])))
        if fork is None or fork.task is None or fork.task.done():
            self._tell({"say": "fork", "slot": m["slot"], "use": m["use"], "is": "released"})
        else:
            fork.stopping.set()

    def _digit(self, m: Message) -> None:
        fork = self._forks.get((int(m["slot"]), int(m["use"])))
        if fork is not None:
            fork.digit(m["digit"])


class Fork:
    """One stream: its connection, what goes there, and what comes back."""

    def __init__(self, table: Table, m: Message, tell: Tell) -> None:
        self._table, self._m, self._tell = table, m, tell
        self._slot = int(m["slot"])
        self._tracks: tuple[str, ...] = tuple(m["tracks"])
        self._most_unread = int(UNREAD_S / TICK_S) * len(self._tracks)
        self._playout, self._decoder = Playout(), Downward()
        self._marks: deque[tuple[int, str]] = deque()  # (frame number that must have been taken, name)
        self._seen = 0  # frames that the pump had taken
        self._played_level, self._unread_level = Gauge(), Gauge()
        self._unread: asyncio.Queue[str] = asyncio.Queue()
        self._frames: Frames | None = None
        self._opened_at = 0.0
        self.stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Connects, again if need be, until the program or we have had enough; tells of the end once."""
        error = ""
        left = 1 + int(self._m["retries"])
        while left > 0 and not self.stopping.is_set():
            left -= 1
            begun = time.monotonic()
            try:
                await self._connected()
                error = ""
                break
            except Lost as lost:
                error = str(lost)
            except Exception as bug:
                error = f"{type(bug).__name__}: {bug}"
            if self._opened_at > begun and time.monotonic() - self._opened_at > LASTED_S:
                left = int(self._m["retries"])
            if left and not self.stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), AGAIN_S)
        self._clear()
        if self.stopping.is_set():
            self._say("released")
        else:
            self._say("over", error)

    def digit(self, digit: str) -> None:
        if self._frames is not None:
            self._put(self._frames.dtmf(digit, int(time.time() * 1000)))

    # --- one connection -----------------------------------------------------------------------------------------

    async def _connected(self) -> None:
        """Holds one connection until its end; raises `Lost` when that was nobody's wish."""
        from websockets.exceptions import ConnectionClosed

        connection = await self._open()
        m = self._m
        opening = dict(m["opening"])
        self._unread, self._unread_level = asyncio.Queue(), Gauge()
        self._frames = Frames(
            m["stream"], call=opening.get("callId", ""), account=opening.get("accountId", ""), tracks=self._tracks,
            mulaw=m["encoding"] == "mulaw", rate=int(m["rate"]), extra=opening.get("extra_headers", ""),
        )  # fmt: skip
        self._put(self._frames.start())
        work = [self._write(connection), self._pace(), self._read(connection), self.stopping.wait()]
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            self._opened_at = time.monotonic()
            self._say("open")
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[-1] in done:
                await self._goodbye(connection)
                return
            for task in done:
                task.result()
        except ConnectionClosed as closed:
            received = closed.rcvd.code if closed.rcvd is not None else None
            if received not in (1000, GOING_AWAY):
                raise Lost("connection disconnected with the remote service") from closed
        finally:
            self._frames = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Exception):
                await asyncio.wait_for(connection.close(), 1.0)

    async def _open(self) -> ClientConnection:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        m = self._m
        parts = urlsplit(m["url"])
        how: dict[str, Any] = {"host": m["address"], "port": parts.port or (443 if parts.scheme == "wss" else 80)}
        if parts.scheme == "wss":
            how |= {"ssl": _context(bool(m["verify"])), "server_hostname": parts.hostname}
        headers = [(name, value) for name, value in m["headers"] if name.lower() != "user-agent"]
        agent = next((value for name, value in m["headers"] if name.lower() == "user-agent"), None)

        async def asked() -> ClientConnection:
            return await connect(
                parts._replace(fragment="").geturl(), additional_headers=headers, user_agent_header=agent,
                compression=None, open_timeout=CONNECT_S, ping_interval=PING_S, ping_timeout=PING_S, close_timeout=1.0,
                max_size=LONGEST, proxy=None, **how,
            )  # fmt: skip

        opening, stopped = asyncio.ensure_future(asked()), asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((opening, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                raise Lost("stopped before it was connected")
            return opening.result()
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            raise Lost(f"{m['url']}: {str(error) or 'no answer'}") from error
        finally:
            for task in (opening, stopped):
                task.cancel()
            await asyncio.gather(opening, stopped, return_exceptions=True)

    async def _goodbye(self, connection: ClientConnection) -> None:
        """Sends what a program should still know, then closes."""
        if self._m["says_stop"] and self._frames is not None:
            with suppress(Exception):
                await asyncio.wait_for(connection.send(self._frames.stop()), 1.0)

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            text = await self._unread.get()
            await connection.send(text)

    def _put(self, text: str) -> None:
        waiting = self._unread.qsize()
        if waiting >= self._most_unread:
            raise Lost("the program does not read what is sent to it")
        if self._unread_level.rises(waiting / self._most_unread):
            self._say("degraded", "connection degraded")
        self._unread.put_nowait(text)

    # --- to the program -----------------------------------------------------------------------------------------

    async def _pace(self) -> None:
        table, slot, zero = self._table, self._slot, float(self._table.clock_zero[0])
        encoders = [Upward(mulaw=self._m["encoding"] == "mulaw", rate=int(self._m["rate"])) for _ in self._tracks]
        places = [TRACKS.index(track) for track in self._tracks]
        silence = np.zeros(FRAME, np.int16)
        tick = int((time.monotonic() - zero) / TICK_S)
        began, first = int(time.time() * 1000), tick
        assert self._frames is not None
        frames = self._frames
        while True:
            due = zero + tick * TICK_S + AFTER_S
            now = time.monotonic()
            if now < due:
                await asyncio.sleep(due - now)
                now = time.monotonic()
            place = tick % FORK_FRAMES
            there = table.fork_use[slot] == self._m["use"] and table.fork_tick[slot, place] == tick
            if not there and now < due + PATIENCE_S:
                await asyncio.sleep(0.003)
                continue
            for track, at, encoder in zip(self._tracks, places, encoders, strict=True):
                frame = table.fork_up[slot, place, at] if there else silence
                self._put(frames.media(track, began + (tick - first) * 20, encoder.encode(frame)))
            tick += 1
            self._feed()

    # --- from the program ---------------------------------------------------------------------------------------

    async def _read(self, connection: ClientConnection) -> None:
        async for text in connection:
            command = fork_frames.read(text, self._m["stream"])
            match command:
                case fork_frames.Stop():
                    return
                case fork_frames.Press(digits):
                    self._say("keys", digits)
                case _ if not self._m["bidirectional"] or self._frames is None:
                    continue
                case fork_frames.Play(audio, mulaw, rate):
                    self._play(audio, mulaw, rate)
                case fork_frames.Checkpoint(name):
                    self._playout.mark(name)
                    self._feed()
                case fork_frames.Clear():
                    self._clear()
                    self._put(self._frames.cleared())
                    self._say("cleared")

    def _play(self, audio: bytes, mulaw: bool, rate: int) -> None:
        fits = self._playout.add(self._decoder.decode(audio, mulaw=mulaw, rate=rate))
        if self._played_level.rises(self._playout.level):
            self._say("degraded", "connection degraded" if fits else "buffer overflow")
        self._feed()

    def _feed(self) -> None:
        """Keeps the pump ahead, and tells of checkpoints that it has passed."""
        table, slot = self._table, self._slot
        if table.fork_use[slot] != self._m["use"]:
            return
        while int(table.fork_put[slot]) - self._got() < min(AHEAD, FORK_BACK):
            frame, before, inside = self._playout.next()
            put = int(table.fork_put[slot])
            self._marks.extend((put, name) for name in before)
            if frame is None:
                break
            self._marks.extend((put + 1, name) for name in inside)
            table.fork_down[slot, put % FORK_BACK] = frame
            table.fork_put[slot] = put + 1
        self._played_level.rises(self._playout.level)
        got = self._got()
        if got < self._seen:  # the table was cleared, and numbers begin anew: what was in the ring will not be told of
            self._marks = deque((0, name) for _, name in self._marks)
        self._seen = got
        while self._marks and self._marks[0][0] <= got:
            _, name = self._marks.popleft()
            if self._frames is not None:
                self._put(self._frames.played(name))
            self._say("played", name)

    def _got(self) -> int:
        return int(max(self._table.fork_got[self._slot], self._table.fork_void[self._slot]))

    def _clear(self) -> None:
        """Forgets what waits here and what waits in the ring."""
        self._playout.clear()
        self._marks.clear()
        if self._table.fork_use[self._slot] == self._m["use"]:
            self._table.fork_void[self._slot] = self._table.fork_put[self._slot]

    def _say(self, what: str, text: str = "") -> None:
        self._tell({"say": "fork", "slot": self._slot, "use": self._m["use"], "is": what, "text": text})


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
