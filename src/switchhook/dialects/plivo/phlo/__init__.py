"""The Plivo PHLO dialect: flows run, steered over the runner's HTTP API, told by event callbacks."""

from __future__ import annotations

from starlette.routing import BaseRoute

from switchhook.dialects.plivo.phlo.callbacks import Callbacks
from switchhook.dialects.plivo.phlo.runner import Runner
from switchhook.exchange.switch import Exchange
from switchhook.flows.walk import Walker


class Phlo:
    """The dialect on one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.walker = Walker(exchange)
        self._callbacks = Callbacks(exchange, self.walker)
        self._runner = Runner(exchange, self.walker)

    def routes(self) -> list[BaseRoute]:
        """Returns the routes of the runner API, complete paths."""
        return self._runner.routes()

    async def start(self) -> None:
        """Loads the flows (a bad one is left out with a warning), fetches their sounds, and begins to listen."""
        self.walker.flows.load(self._exchange.settings, self._warn)
        for flow in self.walker.flows:
            self._exchange.sounds.prepare(self.walker.sounds_of(flow))
        self.walker.read(self._callbacks.told)
        self.walker.start()

    async def stop(self) -> None:
        """Nothing is left to stop: calls end with the exchange, callbacks under way are the exchange's tasks."""

    def _warn(self, file: str, text: str) -> None:
        self.walker.warn(f"{file}: {text}")
