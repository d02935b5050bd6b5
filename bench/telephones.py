"""Virtual telephones for measuring: they ring, pick up at once, and say what they are told to (or nothing)."""

from __future__ import annotations

import asyncio
from random import Random

from bench.talkers import Talkers
from switchhook.exchange.ports import MediaAddress, Session
from switchhook.lab.carrier import Carrier
from switchhook.sip.agent import Agent, Identity, Line
from switchhook.sip.call import Ending
from switchhook.sip.ticking import Ticking

NOBODY = MediaAddress("127.0.0.1", 9)  # the discard port: nobody sends, nobody listens


class Telephone:
    """Behind the carrier, with one line at a time. `voice` is its leg of the talkers; without it, it says nothing."""

    def __init__(
        self,
        carrier: Carrier,
        number: str,
        server: tuple[str, str, int],
        talkers: Talkers | None = None,
        voice: int = 0,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.number, self.voice = number, voice
        self.line: Line | None = None
        self.up = asyncio.Event()
        self.idle = asyncio.Event()
        self.sessions = 0  # offers and answers agreed on the present line
        self.endings: list[Ending] = []
        self._talkers = talkers
        self._audio = NOBODY if talkers is None else MediaAddress("127.0.0.1", talkers.ports[voice])
        self.agent = Agent(
            self, carrier.line(number), Identity(number, "bench.local"), clock=loop.time, random=Random(), server=server
        )
        self.ticking = Ticking(self.agent.engine.timers, self.agent.tick, loop)

    def call(self, number: str) -> None:
        self.idle.clear()
        self.sessions = 0
        self.line = self.agent.call(f"sip:{number}@bench.local", self._audio)

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.hang_up()

    def incoming(self, line: Line) -> None:
        self.idle.clear()
        self.sessions = 0
        self.line = line
        line.ring()
        line.answer(self._audio)

    def session(self, line: Line, session: Session) -> None:
        self.sessions += 1
        if self._talkers is not None:
            self._talkers.aim(self.voice, session.remote_port)

    def answered(self, line: Line) -> None:
        self.up.set()

    def ended(self, line: Line, ending: Ending) -> None:
        self.endings.append(ending)
        if line is self.line:
            self.line = None
            self.up.clear()
            self.idle.set()
            if self._talkers is not None:
                self._talkers.aim(self.voice, 0)

    def rang(self, line: Line, early: bool) -> None: ...
    def held(self, line: Line, on: bool) -> None: ...
    def digit(self, line: Line, digit: str, duration_ms: int) -> None: ...
    def talk(self, line: Line) -> None: ...
    def registered(self, ok: bool, status: int) -> None: ...
