"""A running engine with telephones, for the tests of the real thing; and what turns an async story into a test."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from switchhook.core.events import Event
from switchhook.core.ids import LegId
from switchhook.core.sources import Source, Voice
from switchhook.exchange.ports import MediaStats
from switchhook.media.control import MediaEngine
from switchhook.media.settings import MediaSettings
from tests.media.phones import Phone
from tests.waits import Waits, family

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4  # of `make test`
# Those in use are skipped. A killed keeper wants the same ones back, which nobody else may have taken meanwhile.
PORTS = (41_000 + 3_000 * WORKER, 43_998 + 3_000 * WORKER)
MADE_UP_S = 0.08  # a pump makes up for 100 ms; what the looks at its waits miss is less than the rest
SETTINGS: dict[str, Any] = {"ports": PORTS, "max_legs": 24}  # where a test says nothing else


def story(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test in a loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))  # type: ignore[arg-type]

    return run


class Studio:
    """The engine, its events, and its telephones by name."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.stats: dict[LegId, MediaStats] = {}
        self.restarted: list[str] = []
        self.warnings: list[str] = []
        self.phones: list[Phone] = []
        self.engine: MediaEngine
        self.waits = Waits(lambda: family(os.getpid()))

    def phone(self, name: str, hz: float, *, talks: bool = True, session: dict[str, object] | None = None,
              **kind: Any) -> Phone:  # fmt: skip
        """Opens a leg with a telephone on it that sends a pitch."""
        phone = Phone(LegId(name), hz, ssrc=0x1000 + len(self.phones), **kind)
        self.phones.append(phone)
        address = self.engine.open(phone.leg)
        phone.target = address
        self.engine.connect(phone.leg, phone.session(**(session or {})))
        if talks:
            phone.talk(address)
        return phone

    def hear(self, **sources: Sequence[Source] | str) -> None:
        """States what legs hear, as one batch; a text names the legs whose voices are heard."""
        batch = []
        for name, wanted in sources.items():
            if isinstance(wanted, str):
                wanted = [Voice(LegId(leg)) for leg in wanted.split()]
            batch.append((LegId(name), tuple(wanted)))
        self.engine.hear(batch)

    async def until(self, found: Callable[[], Any], within_s: float = 20.0) -> Any:
        """Waits until something is true; fails if that takes too long."""
        end = time.monotonic() + within_s
        while not (value := found()):
            assert time.monotonic() < end, f"not within {within_s} s; events: {self.events}"
            await asyncio.sleep(0.005)
        return value

    @property
    def excuse_s(self) -> float:
        """By how much audio may have been late so far, by the clock of this process, for want of a core."""
        return self.waits.in_turn_s()

    @property
    def most_step_ms(self) -> float:
        """The most that one packet's timestamp may lie after the one before: one packet time is missed.

        A pump that had to wait for a core for longer than it makes up for (100 ms) leaves out what it waited.
        """
        return 40.0 + (1000 * self.excuse_s if self.excuse_s > MADE_UP_S else 0.0)

    async def counted(self, **least: int) -> None:
        """Waits until the pump has counted so many of these: what was sent to it is read then, however slow it is."""
        names = least.items()
        await self.until(lambda: (c := self.engine.counters) and all(getattr(c, name) >= n for name, n in names))

    def came(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def child(self, work: str) -> int:
        """Returns the process id of the keeper's child that does this work: the pump is the one with more sockets."""
        keeper = self.engine.pids["keeper"]
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        sockets = {int(child): len(os.listdir(f"/proc/{child}/fd")) for child in children}
        return max(sockets, key=lambda c: sockets[c]) if work == "pump" else min(sockets, key=lambda c: sockets[c])


@asynccontextmanager
async def studio(**settings: Any) -> AsyncIterator[Studio]:
    made = Studio()
    made.engine = await MediaEngine.start(
        MediaSettings(**{**SETTINGS, **settings}),
        emit=made.events.append,
        on_stats=lambda leg, stats: made.stats.__setitem__(leg, stats),
        on_restart=made.restarted.append,
        on_warning=made.warnings.append,
    )
    try:
        with made.waits:
            yield made
    finally:
        await made.engine.stop()
        for phone in made.phones:
            await phone.stop()
