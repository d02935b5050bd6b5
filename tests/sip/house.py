"""A server's line on the fake link, with an exchange that does what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from switchhook.core.events import Event, LegArrived
from switchhook.core.ids import LegId
from switchhook.exchange.ports import MediaAddress, Session
from switchhook.sip.line import Line
from switchhook.sip.settings import EndpointSettings, LineSettings, TrunkSettings
from tests.sip.link import Person, Wire

SERVER = "10.0.0.100"

ENDPOINTS = (
    EndpointSettings("1001", "red"),
    EndpointSettings("1002", "green"),
    EndpointSettings("1003", "blue"),
)
TRUNKS = (TrunkSettings("carrier", "sip:10.0.0.50:5060", match=("10.0.0.50",), username="me", password="secret"),)


class House:
    """The server. `on` is called with every event."""

    def __init__(
        self, wire: Wire, *, endpoints=ENDPOINTS, trunks=TRUNKS, on: Callable[[Event], None] | None = None
    ) -> None:
        self.wire = wire
        self.events: list[Event] = []
        self.sessions: list[tuple[LegId, Session]] = []
        self.taps: list[tuple[float, LegId | None, str, bytes, str]] = []
        self.on = on
        self._legs = 0
        self.end = wire.end(SERVER)
        self.full = False
        self.line = Line(
            LineSettings((("udp", SERVER, 5060),), "example.org", endpoints, trunks, secret=b"s" * 16),
            self.end,
            emit=self._emit,
            on_session=lambda leg, session: self.sessions.append((leg, session)),
            media_address=self._media,
            new_leg=self.leg,
            clock=lambda: wire.now,
            defer=lambda call: wire.after(0.0, call),
            random=Random(7),
            tap=lambda *seen: self.taps.append(seen),
        )
        wire.tickers.append(self.line)  # type: ignore[arg-type]

    def leg(self) -> LegId:
        self._legs += 1
        return LegId(f"leg-{self._legs}")

    def _media(self, leg: LegId) -> MediaAddress:
        from switchhook.core.errors import Unavailable

        if self.full:
            raise Unavailable("no port")
        return MediaAddress(SERVER, 30_000 + int(leg[4:]) * 2)

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        if self.on is not None:
            self.on(event)

    def told(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def arrived(self) -> LegArrived:
        return self.told(LegArrived)[-1]

    def clean(self) -> bool:
        engine = self.line.engine
        return (
            not engine.calls
            and not engine.transactions.live()
            and not self.line.live_legs
            and not self.line.counters.bugs
        )


def telephone(wire: Wire, user: str, host: str, password: str, **more) -> Person:
    return Person(wire, user, host, SERVER, password=password, **more)
