"""Do not disturb and forwarding over a restart: whoever set it said "until I take it back", not "until you restart".

What a telephone wants is a fact of the core (`core.diverting`); here each change goes to disk beside the calls, and
what is there at the start is asked of the core again. Addresses are resolved anew, because the configuration may have
changed: a telephone that is gone wants nothing, and a forward that leads nowhere any more rings the telephone again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Refused, Unavailable
from switchhook.core.model import Diversion
from switchhook.exchange.objects import Document, MemoryObjects, Objects

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange, Stamped

log = structlog.get_logger("diversions")

KIND = "diversion"
NONE = Diversion()


class Diversions:
    """Keeps what telephones want done with their calls."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._objects: Objects = MemoryObjects()
        self._one = asyncio.Lock()
        exchange.subscribe(self._heard, {f.DiversionSet})

    def open(self, objects: Objects) -> None:
        """Sets what is kept there, and keeps changes there from now on; blocks, and may raise Unavailable."""
        for found in objects.all():
            if found.kind == KIND:
                self._set(found)
        self._objects = objects

    def _set(self, found: Document) -> None:
        account = self._account(found.id)
        if account is None:
            log.warning("a diversion is set aside: there is no such telephone", telephone=found.id)
            return
        wanted = Diversion(found.body.get("refuses") is True, self._target(found, account))
        try:
            self._exchange.ask(r.Divert(found.id, wanted), cause="kept from before the start")
        except Refused as refused:
            log.warning("a diversion is set aside", telephone=found.id, reason=str(refused))

    def _target(self, found: Document, account: str) -> Destination | None:
        address = found.body.get("to")
        if not isinstance(address, str):
            return None
        try:
            return self._exchange.directory.destination(account, address)
        except Refused as refused:
            log.warning("a forward is set aside", telephone=found.id, to=address, reason=str(refused))
            return None

    def _account(self, key: str) -> str | None:
        """Returns whose telephone that is, or None when there is none."""
        directory = self._exchange.directory
        telephone = directory.endpoints.get(key)
        if telephone is not None:
            return telephone.account
        agents = (name for name in directory.agent_names if directory.agent_destination(name).key == key)
        found = next(agents, None)
        return directory.account_of_agent(found) if found is not None else None

    # --- kept -------------------------------------------------------------------------------------------------------

    def _heard(self, stamped: Stamped) -> None:
        if isinstance(stamped.fact, f.DiversionSet):
            self._exchange.spawn(self._keep(stamped.fact.key), name=f"diversion of {stamped.fact.key}")

    async def _keep(self, key: str) -> None:
        """Writes what the telephone wants by now; one after the other, so that the last word stays."""
        async with self._one:
            wanted = self._exchange.state.diversions.get(key, NONE)
            body = {"refuses": wanted.refuses, "to": wanted.to.address if wanted.to is not None else None}
            put = [Document(KIND, key, self._account(key) or "", body)] if wanted != NONE else []
            try:
                await asyncio.to_thread(self._objects.write, put, [(KIND, key)])
            except Unavailable as problem:
                log.warning("a diversion is not kept over a restart", telephone=key, reason=str(problem))
