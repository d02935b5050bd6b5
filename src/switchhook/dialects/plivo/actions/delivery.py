"""Delivers what a client must not miss: a recording that is finished (plivo-voice-api 5.4).

Other notifications are tried as their URL says and then given up, for the call goes on without them. Of a recording
nothing else tells, so it is tried again for some minutes, unless the URL's fragment says how often (`rc`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo.outgoing import Webhook

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo

AGAIN_S = (5.0, 30.0, 120.0)  # pauses between tries


def deliver(dialect: Plivo, webhook: Webhook) -> None:
    """Sends a notification, and again if nobody takes it; returns at once."""
    dialect.exchange.spawn(_deliver(dialect, webhook), name=f"delivery {webhook.leg}")


async def _deliver(dialect: Plivo, webhook: Webhook) -> None:
    said = "rc=" in urldefrag(webhook.link.url).fragment
    for pause_s in (0.0, *(() if said else AGAIN_S)):
        if pause_s:
            await asyncio.sleep(pause_s)
        try:
            await dialect.outgoing.ask(webhook)
            return
        except Unavailable:
            continue  # written into the journal with its reason
