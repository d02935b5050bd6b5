"""Requests that we send: documents that are asked for, and notifications, signed and tried again as their URL says.

Order. The notifications of one call leave one after the other, each only when the one before has been delivered or
given up, so that a receiver sees things in the order in which they happened. A document holds up a caller, so it waits
for the notifications before it only for a moment (`PATIENCE_S`), and never holds up those after it.

Behind a receiver that does not answer, notifications wait, and more come. So many of a call and of all may wait; one
more is not sent, and stands in the call's timeline as one that failed.

Redirects are followed here, because a signature covers the URL: each hop is signed anew (plivo-xml 1.2).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from switchhook.core.errors import Unavailable
from switchhook.core.ids import LegId
from switchhook.core.values import dataclass
from switchhook.dialects.plivo import signatures
from switchhook.dialects.plivo.auth import main_of
from switchhook.dialects.plivo.links import Link, Tuning, escaped, tuned
from switchhook.exchange.ports import Reply
from switchhook.exchange.sender import MAX_REDIRECTS, TooLong, redirected

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

PATIENCE_S = 1.0
MOST_OF_CALL, MOST_WAITING = 500, 10_000  # notifications, those under way included in the second


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request to be sent; `leg` says which call it belongs to."""

    leg: LegId
    account: str
    link: Link
    fields: dict[str, str]
    tuning: Tuning | None = None  # what the URL's fragment does not say
    call: str = ""  # for what belongs to a call, but to no leg of it

    @property
    def event(self) -> str:
        return self.fields.get("Event") or self.fields.get("EventName", "")


@dataclass(slots=True)
class _Lane:
    waiting: deque[tuple[Webhook, asyncio.Event]] = field(default_factory=deque)
    last: asyncio.Event | None = None
    working: bool = False


class Outgoing:
    """The outgoing requests of all calls of this dialect."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lanes: dict[LegId, _Lane] = {}
        self._waiting = 0

    def tell(self, webhook: Webhook) -> None:
        """Queues a notification behind the earlier ones of its call; what is answered does not matter."""
        known = self._lanes.get(webhook.leg)
        if self._waiting >= MOST_WAITING or (known is not None and len(known.waiting) >= MOST_OF_CALL):
            url, _ = tuned(webhook.link.url, webhook.tuning)
            self._write(webhook, url, self._exchange.clock.now(), 0, 0, "not sent: too many wait for an answer")
            return
        self._waiting += 1
        lane = self._lanes.setdefault(webhook.leg, _Lane())
        lane.last = asyncio.Event()
        lane.waiting.append((webhook, lane.last))
        if not lane.working:
            lane.working = True
            self._exchange.spawn(self._work(webhook.leg, lane), name=f"webhooks {webhook.leg}")

    async def _work(self, leg: LegId, lane: _Lane) -> None:
        try:
            while lane.waiting:
                webhook, delivered = lane.waiting.popleft()
                try:
                    await self._send(webhook)
                except Unavailable:
                    pass  # written into the journal by _send
                finally:
                    self._waiting -= 1
                    delivered.set()
        finally:
            lane.working = False
            if not lane.waiting:
                self._lanes.pop(leg, None)

    async def ask(self, webhook: Webhook) -> Reply:
        """Asks for a document; raises `Unavailable` when no answer with a 2xx status came."""
        lane = self._lanes.get(webhook.leg)
        if lane is not None and lane.last is not None:
            try:
                await asyncio.wait_for(lane.last.wait(), PATIENCE_S)
            except TimeoutError:
                pass
        return await self._send(webhook)

    async def _send(self, webhook: Webhook) -> Reply:
        url, tuning = tuned(webhook.link.url, webhook.tuning)
        started = self._exchange.clock.now()
        status, tries, trouble = 0, 0, ""
        try:
            async with asyncio.timeout(tuning.total_s):
                while True:
                    tries += 1
                    try:
                        reply = await self._once(webhook, url, tuning)
                    except TooLong as error:
                        status, trouble = error.status, str(error)
                        raise
                    except Unavailable as error:
                        trouble = str(error) or "no answer"
                        if tries > tuning.retries or not tuning.again(None):
                            raise
                        continue
                    status, trouble = reply.status, ""
                    if 200 <= status < 300:
                        return reply
                    if tries > tuning.retries or not tuning.again(status):
                        raise Unavailable(f"HTTP status {status}")
        except TimeoutError:
            trouble = f"no answer within {tuning.total_s:g} s"
            raise Unavailable(trouble) from None
        finally:
            self._write(webhook, url, started, status, tries, trouble)

    async def _once(self, webhook: Webhook, url: str, tuning: Tuning) -> Reply:
        method = webhook.link.method.upper()
        target, body = addressed(method, url, webhook.fields)
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._exchange.sender.send(
                method,
                target,
                headers=self._headers(webhook, method, target, body),
                body=body,
                connect_s=tuning.connect_s,
                read_s=tuning.read_s,
                follow=False,
            )
            moved = redirected(method, target, body, reply)
            if moved is None:
                return reply
            method, target, body = moved
        raise Unavailable(f"{target}: more than {MAX_REDIRECTS} redirects")

    def _headers(self, webhook: Webhook, method: str, target: str, body: bytes) -> list[tuple[str, str]]:
        settings = self._exchange.settings
        headers = [("User-Agent", settings.webhooks.user_agent)]
        if method == "POST":
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        if settings.webhooks.signature != "off":
            headers.extend(self._signatures(webhook, method, target, body))
        return headers

    def _signatures(self, webhook: Webhook, method: str, url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        settings = self._exchange.settings
        owner, main = settings.account(webhook.account), main_of(settings, webhook.account)
        if owner is None or main is None:
            return ()
        return signatures.headers(
            method,
            url,
            webhook.fields if body else {},
            tokens=(owner.auth_token,),
            main_tokens=(main.auth_token,),
            generations=settings.webhooks.signature,
        )

    def _write(self, webhook: Webhook, url: str, started: float, status: int, tries: int, trouble: str) -> None:
        body: dict[str, object] = {
            "url": url,
            "method": webhook.link.method,
            "event": webhook.event,
            "status": status,
            "ms": round((self._exchange.clock.now() - started) * 1000),
            "error": trouble,
        }
        if tries > 1:
            body["tries"] = tries
        for name in ("DialAction", "DialStatus", "ConferenceAction"):
            if name in webhook.fields:
                body["detail"] = webhook.fields[name]
        known = bool(self._exchange.calls.of(webhook.leg))  # an asynchronous answer belongs to no call
        self._exchange.write("Webhook", body, leg=webhook.leg if known else "", call=webhook.call)


def addressed(method: str, url: str, fields: dict[str, str]) -> tuple[str, bytes]:
    """Returns the URL to ask and the body to send: keys sorted, in the query for GET, as a form for POST."""
    url = escaped(url)
    if method != "GET":
        return url, urlencode(sorted(fields.items()), quote_via=quote).encode()
    parts = urlsplit(url)
    pairs = sorted([*parse_qsl(parts.query, keep_blank_values=True), *fields.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(pairs, quote_via=quote), "")), b""
