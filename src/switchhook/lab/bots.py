"""Programs at the far end of audio streams, in virtual time: a voice and ears without audio, and no WebSocket.

    bot = world.bot("ws://bot.test/agent")        # whoever streams there reaches it
    await bot.joined()                            # a stream has been connected
    assert await bot.hears("customer")
    bot.talks(False)                              # it talks from the beginning until told otherwise
    bot.hangs_up()                                # closes the connection; `drops()` breaks it

It hears what the stream carries: what the leg says (inbound), what the leg hears (outbound).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from switchhook.core.events import Event, StreamConnected, StreamOver, StreamPressed, StreamTold
from switchhook.core.ids import StreamId
from switchhook.exchange.ports import Forked
from switchhook.lab.ears import SymbolicEars

CONNECTS_S, AGAIN_S = 0.02, 0.5


@dataclass(slots=True)
class Talk:
    """One stream that reached the bot."""

    forked: Forked
    open: bool = True
    keys: str = ""  # pressed by the telephone


class Bot:
    """One program at one URL."""

    def __init__(self, name: str, emit: Callable[[Event], None], changed: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.ears = SymbolicEars(loop.time)
        self.speaks = True
        self.refusals = 0  # so many attempts to connect fail
        self.streams: list[Talk] = []  # in the order in which they came
        self._emit, self._changed, self._loop = emit, changed, loop
        self._came = asyncio.Event()

    @property
    def now(self) -> Talk | None:
        """Returns the stream that is open, or None."""
        return next((talk for talk in reversed(self.streams) if talk.open), None)

    # --- what a test does and asks ------------------------------------------------------------------------------

    async def joined(self, *, within_s: float = 5.0) -> Talk:
        """Waits until a stream is open; raises `TimeoutError`."""
        async with asyncio.timeout(within_s):
            while (found := self.now) is None:
                self._came.clear()
                await self._came.wait()
        return found

    async def hears(self, *labels: str, within_s: float = 2.0) -> bool:
        """Waits until each of `labels` is heard and returns True; raises `NotHeard`."""
        await self.ears.until(*labels, within_s=within_s)
        return True

    async def hears_only(self, *labels: str, within_s: float = 2.0) -> bool:
        """Waits until exactly `labels` are heard and returns True; raises `NotHeard`."""
        await self.ears.until(*labels, within_s=within_s, only=True)
        return True

    def talks(self, on: bool = True) -> None:
        """Talks from now on, or is silent."""
        self.speaks = on
        self._changed()

    def hangs_up(self) -> None:
        """Closes the connection, as a program does that has nothing more to say."""
        self._leave("")

    def drops(self) -> None:
        """Breaks the connection, and takes no other."""
        self._leave("connection disconnected with the remote service")

    def presses(self, digits: str) -> None:
        """Has keys pressed towards the telephone."""
        if self.now is not None:
            self._emit(StreamPressed(self.now.forked.id, digits))

    def has_played(self, name: str) -> None:
        """Lets what it said before a checkpoint have been played."""
        if self.now is not None:
            self._emit(StreamTold(self.now.forked.id, "played", name))

    def has_cleared(self) -> None:
        """Has what it said ahead of time forgotten."""
        if self.now is not None:
            self._emit(StreamTold(self.now.forked.id, "cleared"))

    def falls_behind(self) -> None:
        """Reads too slowly, or talks too far ahead."""
        if self.now is not None:
            self._emit(StreamTold(self.now.forked.id, "degraded", "connection degraded"))

    def _leave(self, error: str) -> None:
        talk = self.now
        if talk is not None:
            talk.open = False
            self._emit(StreamOver(talk.forked.id, error))
            self._changed()

    # --- told by the air ----------------------------------------------------------------------------------------

    def asked(self, forked: Forked) -> None:
        """Somebody connects."""
        tries = 1 + forked.retries
        failed, self.refusals = min(tries, self.refusals), max(0, self.refusals - tries)
        if failed == tries:
            over = StreamOver(forked.id, f"{forked.url}: HTTP 503")
            self._loop.call_later(CONNECTS_S + (tries - 1) * AGAIN_S, self._emit, over)
        else:
            self._loop.call_later(CONNECTS_S + failed * AGAIN_S, self._open, Talk(forked))

    def _open(self, talk: Talk) -> None:
        if not talk.open:
            return
        self.streams.append(talk)
        self._came.set()
        self._emit(StreamConnected(talk.forked.id))
        self._changed()

    def ended(self, stream: StreamId) -> None:
        """The switch closes a stream."""
        for talk in self.streams:
            if talk.forked.id == stream:
                talk.open = False
