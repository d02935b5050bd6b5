"""A telephone in the terminal: lines of text in, what happens and what is heard out.

It knows nothing of click or of a real terminal: lines come from an iterator, texts go to a function, so that a test can
sit at it as well as a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from switchhook.core.errors import SwitchhookError, Unavailable
from switchhook.lab.desk import Happened
from switchhook.lab.heard import Missed
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.tones import FRAME_S, SILENCE

HELP = """answer                pick up          reject [STATUS]   refuse the call (486)
call NUMBER           call             hangup            end the call
hold / resume         hold the call    digits 12#        press keys
wait SECONDS          (for scripts)    quit              end
help                  this list"""

_LISTEN_S = 0.1
_STEADY_S = 0.2  # what is heard this long is told
_EDGES_S = 0.3  # time for a BYE and its answer, or an unregistration


@dataclass(frozen=True, slots=True)
class Wish:
    """What a terminal session should do by itself."""

    call: str = ""  # number to call at the start
    for_s: float | None = None  # hang up and quit this long after the answer (without `call`: after the start)
    register: bool = False


class Terminal:
    """One session at one telephone. `lines` are commands; its end is the end of input, not of the session."""

    def __init__(
        self, phone: Phone, say: Callable[[str], None], lines: AsyncIterator[str], *, quits_at_end: bool = False
    ) -> None:
        self.phone = phone
        self._say = say
        self._lines = lines
        self._quits_at_end = quits_at_end
        self._over = asyncio.Event()
        self._told: frozenset[str] | None = None
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "answer": self._answer, "reject": self._reject, "call": self._call, "hangup": self._hang_up,
            "hold": self._hold, "resume": self._resume, "digits": self._digits, "wait": self._pause,
            "quit": self._quit, "help": self._help,
        }  # fmt: skip

    async def run(self, wish: Wish) -> int:
        """Runs until it is over and returns the exit code: 0, or 1 when the call or the registration failed."""
        self.phone.watch(self._happened)
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]
        try:
            return await self._session(wish)
        except Unavailable as error:
            self._say(f"error: {error}")
            return 1
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._leave()

    def stop(self) -> None:
        """Ends the session, as `quit` does."""
        self._over.set()

    async def _session(self, wish: Wish) -> int:
        if wish.register:
            await self.phone.register()
            self._say(f"registered as {self.phone.username}")
        if not wish.call:
            await self._wait(wish.for_s)
            return 0
        call = await self.phone.call(wish.call)
        while call.state in (State.CALLING, State.RINGING) and not self._over.is_set():
            await self._wait(FRAME_S)
        if call.state is State.ENDED:
            return 1
        ends = self._now() + wish.for_s if wish.for_s is not None else None
        while not call.over and not self._over.is_set() and (ends is None or self._now() < ends):
            await self._wait(FRAME_S)
        return 0

    async def _leave(self) -> None:
        await self.phone.hang_up()
        if any(not call.over for call in self.phone.calls):
            try:
                await self.phone.ended(within_s=_EDGES_S)
            except Missed:
                pass
        if self.phone.registered:
            try:
                await self.phone.unregister(within_s=_EDGES_S)
            except Unavailable:
                pass
        await asyncio.sleep(0.05)  # the last ACK or BYE leaves
        await self.phone.close()

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # --- out

    def _happened(self, happened: Happened) -> None:
        if happened.what not in ("audio", "registration"):
            self._say(f"{happened.what}: {happened.text}" if happened.text else happened.what)

    async def _listen(self) -> None:
        ears, steady, since = self.phone.ears, frozenset[str](), self._now()
        while True:
            await asyncio.sleep(_LISTEN_S)
            if self.phone.state not in (State.ANSWERED, State.RINGING):
                self._told = None
                continue
            heard = ears.lately()
            if heard != steady:
                steady, since = heard, self._now()
            elif heard != self._told and self._now() - since >= _STEADY_S and (heard or self._told is not None):
                self._told = heard
                self._say("hears: " + (", ".join(sorted(heard)) or SILENCE))

    # --- in

    async def _read(self) -> None:
        async for line in self._lines:
            word, _, rest = line.strip().partition(" ")
            if not word:
                continue
            command = self._commands.get(word.lower())
            if command is None:
                self._say(f"there is no command {word!r}; help lists them")
                continue
            try:
                await command(rest.strip())
            except (Missed, SwitchhookError, ValueError) as error:
                self._say(f"error: {error}")
        if self._quits_at_end:
            self.stop()

    async def _answer(self, _: str) -> None:
        await self.phone.answer()

    async def _reject(self, status: str) -> None:
        if status and not (status.isascii() and status.isdigit() and 300 <= int(status) <= 699):
            raise ValueError("reject takes a SIP status from 300 to 699")
        await self.phone.reject(int(status or 486))

    async def _call(self, number: str) -> None:
        if not number:
            raise ValueError("call whom?")
        await self.phone.call(number)

    async def _hang_up(self, _: str) -> None:
        await self.phone.hang_up()

    async def _hold(self, _: str) -> None:
        await self.phone.hold()

    async def _resume(self, _: str) -> None:
        await self.phone.resume()

    async def _digits(self, digits: str) -> None:
        await self.phone.press(digits)

    async def _pause(self, seconds: str) -> None:
        try:
            await self._wait(float(seconds))
        except ValueError:
            raise ValueError("wait takes a number of seconds") from None

    async def _quit(self, _: str) -> None:
        self.stop()

    async def _help(self, _: str) -> None:
        self._say(HELP)
