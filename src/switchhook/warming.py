"""What a start does not wait for and the first call would: done right after the start, before a call needs it.

Libraries that only some requests need are imported in a thread. It gives the interpreter back to the event loop within
half a millisecond (`commands.serve` asks for that; with the usual five a burst of calls right after the start would get
every second turn at most), and before each module it waits twice as long as it has worked, as does every other thread
that imports meanwhile, such as the journal's. A request that comes now and needs one of the libraries waits for it.
Constructors of values (`core.values`) are compiled on the loop itself, a millisecond at a time.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module

from switchhook.core import values

LATER_S = 0.02  # after the start, which is to be told first
AT_ONCE, PAUSE_S = 16, 0.004  # classes whose constructors are compiled together, and the pause until the next
PAUSES, MOST_S = 2.0, 0.02  # the wait before a module, as often as the work before; and its longest

# What calls need most comes first.
MODULES = (
    "prometheus_client",
    "defusedxml.ElementTree",
    "switchhook.sip.questions",  # DNS
    "switchhook.flows.sandbox",  # templates
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "switchhook.media.decode",  # NumPy, to find beeps and to read what was said
    "switchhook.dialects.plivo.run.beeps",
)


class Warming:
    """Under way from the moment it is made; `close` ends it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, first: Sequence[Callable[[], object]] = ()) -> None:
        """`first` are done in the thread before the imports."""
        self._loop = loop
        self._first = first
        self._closed = False
        self.over = asyncio.Event()  # nothing is left to do
        self._paced = _Paced(threading.get_ident())
        self._paced.begin()
        self._next = loop.call_later(LATER_S, self._begin)

    def close(self) -> None:
        """Does nothing more; what is being imported at the moment is imported to its end."""
        self._closed = True
        self._next.cancel()
        self._paced.end()

    def _begin(self) -> None:
        self._compile()
        self._loop.run_in_executor(None, self._import).add_done_callback(self._end)

    def _end(self, _: object) -> None:
        gc.freeze()  # what was imported stays, like what the start made
        self.over.set()

    def _compile(self) -> None:
        if values.prepare(AT_ONCE):
            self._next = self._loop.call_later(PAUSE_S, self._compile)

    def _import(self) -> None:
        try:
            self._import_all()
        finally:
            self._paced.end()

    def _import_all(self) -> None:
        for each in self._first:
            if not self._closed:
                each()
        for module in MODULES:
            if not self._closed:
                import_module(module)


class _Paced(threading.local):
    """Stands first in `sys.meta_path`: finds nothing, and has every thread but the loop's wait before each module."""

    worked_s = 0.0  # of a thread, when it went on

    def __init__(self, loops: int) -> None:
        self._loops = loops

    def begin(self) -> None:
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, *_: object) -> None:
        if threading.get_ident() != self._loops:
            time.sleep(min(MOST_S, PAUSES * (time.thread_time() - self.worked_s)))
            self.worked_s = time.thread_time()
