"""A fake link for pure SIP elements: virtual time, one-way delay, and a fault for any single message.

Messages are numbered in the order of their sending; `faults` maps a number to "lose", "double" or "late" (delivered
0.3 s later, so that it arrives behind what was sent after it).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import MediaAddress, Session
from switchhook.sip.agent import Agent, Identity, Line
from switchhook.sip.call import Ending
from switchhook.sip.flow import Flow

DELAY_S = 0.01
LATE_S = 0.3


class Wire:
    """The network and the clock."""

    def __init__(self, faults: dict[int, str] | None = None) -> None:
        self.now = 1000.0
        self.faults = faults or {}
        self.log: list[tuple[float, str, str, bytes]] = []
        self._ends: dict[tuple[str, int], End] = {}
        self._under_way: list[tuple[float, int, tuple[str, int], bytes, Flow]] = []
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.tickers: list[Agent] = []

    def end(self, host: str, port: int = 5060, transport: str = "udp") -> End:
        end = End(self, host, port, transport)
        self._ends[host, port] = end
        return end

    def carry(self, source: End, wire: bytes, flow: Flow) -> None:
        self._count += 1
        fault = self.faults.get(self._count)
        self.log.append((self.now, source.host, flow.host, wire))
        seen = Flow(flow.transport, source.host, source.port, f"{flow.host}:{flow.port}")
        delays = {None: [DELAY_S], "lose": [], "double": [DELAY_S, DELAY_S * 2], "late": [LATE_S]}[fault]
        for delay in delays:
            self._under_way_push(delay, (flow.host, flow.port), wire, seen)

    def _under_way_push(self, delay: float, to: tuple[str, int], wire: bytes, flow: Flow) -> None:
        self._count_events = getattr(self, "_count_events", 0) + 1
        heapq.heappush(self._under_way, (self.now + delay, self._count_events, to, wire, flow))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Plans something a person does."""
        self._plans.append((self.now + seconds, len(self._plans), action))
        self._plans.sort()

    def run(self, seconds: float = 200.0) -> None:
        """Lets that much time pass, jumping from event to event."""
        end = self.now + seconds
        while True:
            times = [agent.engine.next_due() for agent in self.tickers]
            moments = [at for at in times if at is not None]
            if self._under_way:
                moments.append(self._under_way[0][0])
            if self._plans:
                moments.append(self._plans[0][0])
            if not moments or min(moments) > end:
                self.now = end
                return
            self.now = max(self.now, min(moments))
            if self._under_way and self._under_way[0][0] <= self.now:
                _, _, to, wire, flow = heapq.heappop(self._under_way)
                target = self._ends.get(to)
                if target is not None:
                    target.on_message(wire, flow)
            elif self._plans and self._plans[0][0] <= self.now:
                self._plans.pop(0)[2]()
            else:
                for agent in self.tickers:
                    agent.tick()

    def seen(self, start: str) -> list[bytes]:
        """Returns the messages sent so far whose first line begins with `start`."""
        return [wire for _, _, _, wire in self.log if wire.startswith(start.encode())]

    def ladder(self) -> str:
        return "\n".join(f"{at:8.3f} {a} -> {b} {wire.split(bytes([13]))[0].decode()}" for at, a, b, wire in self.log)


class End:
    """One address on the wire; a `flow.Transport`."""

    def __init__(self, wire: Wire, host: str, port: int, transport: str) -> None:
        self.wire = wire
        self.host = host
        self.port = port
        self.transport = transport
        self.on_message: Callable[[bytes, Flow], None] = lambda wire, flow: None
        self.on_broken: Callable[[Flow], None] = lambda flow: None
        self.tcp: dict[str, str] = {}  # by host, whose TCP is "refused" or "silent"
        self._unsent: list[tuple[bytes, Flow]] = []

    def send(self, wire: bytes, flow: Flow) -> None:
        manner = self.tcp.get(flow.host) if flow.reliable else None
        if manner == "refused":
            self.wire.after(DELAY_S, lambda: self.on_broken(flow))
        elif manner == "silent":
            self._unsent.append((wire, flow))
        else:
            self.wire.carry(self, wire, flow)

    def withdraw(self, wire: bytes, flow: Flow) -> bool:
        if (wire, flow) not in self._unsent:
            return False
        self._unsent.remove((wire, flow))
        return True

    def flow(self, transport: str, host: str, port: int) -> Flow | None:
        return Flow(transport, host, port, f"{self.host}:{self.port}")


class Person:
    """A phone that writes down what it is told, and does what `manner` says when it rings."""

    def __init__(
        self, wire: Wire, name: str, host: str, peer: str, *, manner: str = "answer", password: str = ""
    ) -> None:
        self.wire = wire
        self.name = name
        self.manner = manner
        self.media = MediaAddress(host, 20_000)
        self.events: list[str] = []
        self.sessions: list[Session] = []
        self.endings: list[Ending] = []
        self.ended_calls: dict[str, Ending] = {}  # by Call-ID
        self.line: Line | None = None
        self.lines: list[Line] = []
        self.end = wire.end(host)
        self.agent = Agent(
            self,
            self.end,
            Identity(name, "example.org", password),
            clock=lambda: wire.now,
            random=Random(name + host),
            server=("udp", peer, 5060),
        )
        wire.tickers.append(self.agent)

    def call(self, user: str, **more: object) -> Line:
        self.line = self.agent.call(f"sip:{user}@example.org", self.media, **more)  # type: ignore[arg-type]
        return self.line

    def incoming(self, line: Line) -> None:
        self.line = line
        self.lines.append(line)
        self.events.append("incoming")
        if self.manner == "busy":
            line.reject(486)
        elif self.manner in ("answer", "late"):
            line.ring()
            self.wire.after(1.0 if self.manner == "answer" else 1.5, lambda: line.answer(self.media))
        elif self.manner == "at once":
            line.answer(self.media)
        elif self.manner == "early":
            line.progress(self.media)
            self.wire.after(1.0, lambda: line.answer(self.media))
        elif self.manner == "ring":
            line.ring()

    def rang(self, line: Line, early: bool) -> None:
        self.events.append("early" if early else "rang")

    def answered(self, line: Line) -> None:
        self.events.append("answered")

    def session(self, line: Line, session: Session) -> None:
        self.sessions.append(session)

    def held(self, line: Line, on: bool) -> None:
        self.events.append("held" if on else "taken back")

    def digit(self, line: Line, digit: str, duration_ms: int) -> None:
        self.events.append(f"digit {digit}")

    def talk(self, line: Line) -> None:
        self.events.append("talk")
        line.answer(self.media)

    def ended(self, line: Line, ending: Ending) -> None:
        self.endings.append(ending)
        self.ended_calls[line.call_id] = ending
        self.events.append(f"ended {ending.outcome.value}")

    def registered(self, ok: bool, status: int) -> None:
        self.events.append(f"registered {status}")

    @property
    def outcome(self) -> Outcome:
        assert len(self.endings) == 1, self.events
        return self.endings[0].outcome

    def clean(self) -> bool:
        """True when nothing is left of any call."""
        engine = self.agent.engine
        return not engine.calls and not engine.transactions.live() and not self.agent.lines


def pair(faults: dict[int, str] | None = None, *, manner: str = "answer") -> tuple[Wire, Person, Person]:
    """Returns the wire, Ann who calls, and Bob who is called."""
    wire = Wire(faults)
    ann = Person(wire, "ann", "10.0.0.1", "10.0.0.2")
    bob = Person(wire, "bob", "10.0.0.2", "10.0.0.1", manner=manner)
    return wire, ann, bob
