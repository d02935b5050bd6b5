"""Virtual time: an asyncio loop whose clock stands still while anybody works, and jumps when everybody waits.

A story of minutes (ring times, session timers, hold) runs in milliseconds and always in the same order, so a test
never sleeps and never guesses. asyncio asks its selector to wait until the next timer; ours does not wait. It looks
for something ready, and when there is nothing it moves the clock to that timer (the idea of trio's MockClock, here
as a selector because that is the one place where an asyncio loop can block).

Three ways to be stuck, each an error instead of a hang: nothing is ready and no timer is armed (`Stuck`), the story
took more virtual time than allowed (`TimeRanOut`), or threads outside never came back (the test's own timeout).

Work in threads is invisible to a loop, and a jump while it runs would make it look infinitely slow. Work started
with `run_in_executor` or `asyncio.to_thread` is counted by itself; any other is announced by `outside_work()`. While
the count is above zero the clock does not move and the loop really waits. Real sockets are not counted: in this mode
datagrams go over `lab.network`.

Rejected: patching `time` (lies to everything else in the process), a step-by-hand clock only (every test would have
to know every timer of the code under test).
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from switchhook.core.errors import SwitchhookError

START = 1_000.0  # what a fresh loop's `time()` says, seconds
WALL_START = 1_800_000_000.0  # what `wall()` says at that moment: seconds since 1970
LIMIT_S = 7200.0  # of virtual time; with a 20 ms tick that is 360,000 rounds, several real seconds

T = TypeVar("T")
P = ParamSpec("P")


class Stuck(SwitchhookError):
    """Everybody waits for something that no timer and no thread will ever bring."""


class TimeRanOut(SwitchhookError):
    """The story took more virtual time than it was allowed."""


class _JumpingSelector(selectors.BaseSelector):
    """Never waits for the clock: moves it instead."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = START
        self.outside = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        found = self._real.get_map()
        assert found is not None
        return found

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.outside:
            return self._real.select(None)
        if timeout is None:
            raise Stuck("everybody waits, and no timer is armed that could wake anybody")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop whose `time()` starts at `START` and jumps to the next timer when nothing else is ready."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Returns virtual seconds since `START`; it never moves while a callback runs."""
        return self._jumping.now

    def wall(self) -> float:
        """Returns virtual seconds since 1970, for code that wants a `Clock`."""
        return WALL_START + self._jumping.now - START

    @contextmanager
    def outside_work(self) -> Iterator[None]:
        """Holds the clock still while a thread works for us; that thread must end with `call_soon_threadsafe`."""
        self._jumping.outside += 1
        try:
            yield
        finally:
            self._jumping.outside -= 1

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Runs `func` in a thread as every loop does; the clock stands still until it has ended."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.outside += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        """Waits for the threads of the default executor, as every loop does when it is closed."""
        with self.outside_work():
            await super().shutdown_default_executor(*args)

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.outside -= 1


def run(coro: Coroutine[Any, Any, T], *, limit_s: float | None = LIMIT_S) -> T:
    """Runs `coro` in virtual time and returns its result; raises `TimeRanOut` after `limit_s`, or `Stuck`.

    Without a limit (None) a deadlock is told apart: `Stuck` the moment that no timer is left to wait for.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_within(coro, limit_s))


async def _within(coro: Coroutine[Any, Any, T], limit_s: float | None) -> T:
    deadline = asyncio.timeout(limit_s)
    try:
        async with deadline:
            return await coro
    except TimeoutError as error:
        if deadline.expired():
            raise TimeRanOut(f"the story took more than {limit_s:g} s of virtual time") from error
        raise


def in_virtual_time(story: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Makes an `async def` test an ordinary one that pytest runs without a plugin, in virtual time."""

    @functools.wraps(story)
    def test(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(story(*args, **kwargs))

    return test


async def settle() -> None:
    """Returns when everything that could run has run and all wait; takes one virtual microsecond."""
    if not isinstance(asyncio.get_running_loop(), VirtualLoop):
        raise Stuck("settle() needs a VirtualLoop")
    await asyncio.sleep(_MOMENT_S)  # the clock moves only when nothing is ready, so this timer comes last


_MOMENT_S = 1e-6
