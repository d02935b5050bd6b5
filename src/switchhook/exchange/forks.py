"""Audio streams on their way out: where a stream's URL may lead, and what its program is told first.

The same policy as for webhooks: the host is resolved here, each address is checked, and the audio process connects to
the checked address, so that a name cannot point elsewhere between check and use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from switchhook.core.errors import Unavailable
from switchhook.core.events import StreamOver
from switchhook.core.ids import StreamId
from switchhook.core.model import AudioStream
from switchhook.exchange.ports import Forked

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange


class Forks:
    """Opens and closes streams on behalf of the core."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def open(self, stream: AudioStream) -> None:
        """Connects a stream; what becomes of it comes back as events."""
        if stream.plan.is_leg:
            try:
                self._exchange.media.open(stream.leg)
            except Unavailable as error:
                self._exchange.soon(StreamOver(stream.id, str(error)))
                return
        self._exchange.spawn(self._open(stream), name=f"stream {stream.id}")

    def close(self, stream: StreamId) -> None:
        self._exchange.media.end_fork(stream)

    def tell(self, stream: StreamId, digit: str) -> None:
        self._exchange.media.tell_fork(stream, digit)

    async def _open(self, stream: AudioStream) -> None:
        exchange, plan = self._exchange, stream.plan
        try:
            address = await self._reach(plan.url)
        except Unavailable as error:
            exchange.tell(StreamOver(stream.id, str(error)))
            return
        leg = exchange.state.legs.get(stream.leg)
        if stream.id not in exchange.state.streams or leg is None:
            return  # it ended while the name was looked up
        settings = exchange.settings
        forked = Forked(
            id=stream.id, leg=stream.leg, url=plan.url, address=address,
            opening=(("callId", stream.leg), ("accountId", leg.account), ("extra_headers", plan.extra)),
            tracks=plan.tracks, encoding=plan.encoding, rate=plan.rate, bidirectional=plan.bidirectional,
            is_leg=plan.is_leg, headers=(("User-Agent", settings.webhooks.user_agent), *plan.credentials),
            retries=plan.retries, says_stop=settings.plivo.stream_stop_frame, verify=settings.webhooks.verify_tls,
        )  # fmt: skip
        exchange.media.fork(forked)

    async def _reach(self, url: str) -> str:
        if not is_stream_url(url):
            raise Unavailable(f"{url} is not a ws or wss URL")
        return await self._exchange.sender.reach(urlsplit(url).hostname or "")


def is_stream_url(url: str) -> bool:
    """True for an absolute ws or wss URL with a host and a sensible port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("ws", "wss") and bool(parts.hostname) and not any(c.isspace() for c in parts.netloc)
