"""What every world can do, on whatever it runs: the words of the stories.

A subclass opens the exchange, its line and the telephones; everything here works on those alone, so a story reads the
same in virtual time and over real sockets.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC
from typing import Any

import httpx2

from switchhook.core import facts as f
from switchhook.core.ids import LegId
from switchhook.core.model import TransferOutcome
from switchhook.core.sources import Sources
from switchhook.exchange.ports import Codec, Entry
from switchhook.exchange.switch import Exchange, Stamped
from switchhook.lab.carrier import Carrier
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import PhoneCall
from switchhook.lab.phones import Phones
from switchhook.lab.world_air import spoken
from switchhook.lab.world_clients import PhloClient, PlivoClient
from switchhook.lab.world_desks import GenesysClient
from switchhook.lab.world_house import SUPPORT_LINE, has_support_line, support_flow
from switchhook.lab.world_web import Web
from switchhook.observe.ladder import ladder
from switchhook.observe.ladder_text import draw_text
from switchhook.observe.timeline import timeline
from switchhook.settings import Settings
from switchhook.sip.line import Line

_OUTSIDE = ("customer", "caller")  # who lives behind the trunk unless told otherwise
_FIRST_NUMBER = 14155550123


class AnyWorld(ABC):
    """One exchange, its telephones, its web, its API clients, and what became of it all."""

    settings: Settings
    exchange: Exchange
    line: Line
    web: Web
    http: httpx2.AsyncClient
    plivo: PlivoClient
    phlo: PhloClient
    genesys: GenesysClient
    run: Callable[[Coroutine[Any, Any, Any]], Any]  # runs a coroutine in the world's loop, from an ordinary fixture
    patience_s = 5.0  # how long one step of signalling may take

    def __init__(self) -> None:
        self.entries: list[Entry] = []  # the journal's lines so far
        self.facts: list[Stamped] = []
        self.dialects: dict[str, Any] = {}
        self.carriers: dict[str, Carrier] = {}
        self.telephones: Phones
        self._outside = 0
        self._connected: dict[LegId, str] = {}  # every leg that was ever up, and its Call-ID

    # --- telephones

    async def phones(self, *names: str, manners: Manners | None = None) -> list[Phone]:
        """Opens telephones: `customer...` and `caller...` behind the first trunk, everybody else a registered one.

        A name that is an endpoint's user name is that endpoint; other names get the next free one, and when none is
        left a number behind the trunk. `manners` is copied for each.
        """
        return [await self.phone(name, manners=manners) for name in names]

    async def phone(
        self,
        name: str,
        *,
        endpoint: str = "",
        number: str = "",
        trunk: str = "",
        manners: Manners | None = None,
        codecs: tuple[Codec, ...] = tuple(Codec),
    ) -> Phone:
        """Opens one telephone: a registered `endpoint`, or one with `number` behind a `trunk` (the first)."""
        if not endpoint and not number and not trunk and not name.startswith(_OUTSIDE):
            endpoint = self._free_endpoint(name)
        own = Manners(**{key: getattr(manners, key) for key in Manners.__slots__}) if manners is not None else Manners()
        if not endpoint:
            number = number or self._next_number()
            carrier = self.carriers[trunk or next(iter(self.carriers))]
            return await self.telephones.open(
                name, username=number, transport=carrier.line(number), manners=own, codecs=codecs
            )
        declared = next(each for each in self.settings.endpoints if each.username == endpoint)
        phone = await self.telephones.open(
            name, username=endpoint, password=declared.password, manners=own, codecs=codecs
        )
        await phone.register(within_s=self.patience_s)
        return phone

    async def talking(self, customer: Phone, agent: Phone, *, through: str = "") -> None:
        """Returns when customer and agent hear each other: the customer calls `through`, the agent picks up.

        Without `through` the customer calls the support line, whose flow dials the agent into a multi-party call; in a
        configuration of your own, the agent's own number.
        """
        if not through and has_support_line(self.settings):
            self.support(agent)
            through = SUPPORT_LINE
        await customer.call(through or agent.number)
        await agent.answer(within_s=self.patience_s)
        await customer.answered(within_s=self.patience_s)
        await asyncio.gather(
            customer.hears(agent.name, within_s=self.patience_s), agent.hears(customer.name, within_s=self.patience_s)
        )

    def support(self, agent: Phone | str, **model: object) -> None:
        """Makes the support line dial `agent`; `model` sets more of its multi-party call node (`fallback`, ...)."""
        number = agent.number if isinstance(agent, Phone) else agent
        self.dialects["phlo"].walker.flows.put(support_flow(number, **model))

    def leg(self, phone: Phone) -> LegId:
        """Returns the leg of a telephone's present call; raises KeyError when the server has none."""
        if phone.call_now is None:
            raise KeyError(f"{phone.name} has no call")
        return self.leg_of(phone.call_now)

    def leg_of(self, call: PhoneCall) -> LegId:
        """Returns the leg of one call of a telephone; raises KeyError when the server has none."""
        wanted = call.line.call_id
        for leg in self.exchange.state.legs:
            if self.line.hidden(leg) == wanted:
                return leg
        raise KeyError(f"the server has no leg with the Call-ID {wanted}")

    def said_to(self, phone: Phone) -> list[str]:
        """Returns every text that was spoken to a telephone in its present or last call, in order."""
        told: list[str] = []
        wanted = phone.call_now.line.call_id if phone.call_now is not None else ""
        legs = {leg for leg, call_id in self._connected.items() if call_id == wanted}
        for stamped in self.facts:
            if isinstance(stamped.fact, f.SoundStarted) and stamped.fact.leg in legs:
                told += spoken([stamped.fact.sound])
        return told

    # --- what became of it

    @property
    def now(self) -> float:
        """Returns the time: seconds since 1970, the clock of facts and ears."""
        return self.exchange.clock.now()

    @property
    def outcome(self) -> TransferOutcome | None:
        """Returns how the latest transfer ended; None while none has."""
        ended = [s.fact for s in self.facts if isinstance(s.fact, f.TransferEnded)]
        return ended[-1].outcome if ended else None

    def hears(self, phone: Phone) -> Sources:
        """Returns what the server believes a telephone must hear."""
        return self.exchange.state.legs[self.leg(phone)].heard

    @property
    def calls(self) -> list[str]:
        """Returns the ids of all calls so far, in order of their first line."""
        return list(dict.fromkeys(entry.call for entry in self.entries if entry.call))

    def timeline(self, call: str = "", *, sip: bool = False) -> str:
        """Tells the story as text: of one call, or of all."""
        return timeline(self._lines(call), sip=sip, zone=UTC)

    def ladder(self, call: str = "", *, width: int = 24) -> str:
        """Draws the ladder of one call as text, or of all."""
        return draw_text(ladder(self._lines(call)), width)

    def heard(self) -> str:
        """Returns what each telephone heard, a line for each: names and sounds with seconds since it was opened."""
        names = max((len(name) for name in self.telephones.opened), default=0)
        return "\n".join(f"{name:>{names}}: {one.ears.story()}" for name, one in self.telephones.opened.items())

    def left_over(self) -> list[str]:
        """Returns what is still there of any call: nothing, once everybody has hung up and the last ACK is in."""
        state = self.exchange.state
        found = [
            *(f"leg {leg.address} ({leg.state.value})" for leg in state.legs.values()),
            *(f"room {room}" for room in state.rooms),
            *(f"dial {dial}" for dial in state.dials),
            *(f"transfer {transfer}" for transfer in state.transfers),
            *(f"recording {tape}" for tape in state.tapes),
            *(f"{len(self.line.engine.calls)} SIP dialogs" for _ in range(bool(self.line.engine.calls))),
        ]
        phones = self.telephones.opened.values()
        return found + [f"{p.name}'s telephone is {c.state.value}" for p in phones for c in p.calls if not c.over]

    async def everybody_hangs_up(self, *, within_s: float = 70.0) -> None:
        """Ends all calls from the telephones and waits until nothing is left of them; raises `AssertionError`."""
        for phone in self.telephones.opened.values():
            await phone.hang_up()
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while (left := self.left_over()) and loop.time() < until:
            await asyncio.sleep(0.1)
        assert not left, f"left over after {within_s:g} s: {', '.join(left)}"

    @abstractmethod
    async def passes(self, seconds: float) -> None:
        """Lets time pass."""

    @abstractmethod
    async def close(self) -> None:
        """Ends everything."""

    # --- inside

    def _clients(self, base_url: str, transport: httpx2.AsyncBaseTransport | None) -> None:
        account = next(iter(self.settings.accounts), None)
        auth = (account.auth_id, account.auth_token) if account is not None else ("", "")
        self.http = httpx2.AsyncClient(base_url=base_url, transport=transport, timeout=None, trust_env=False)
        self.plivo = PlivoClient(self.http, auth, self.leg_of)
        self.phlo = PhloClient(self.http, auth, lambda: list(self.dialects["phlo"].walker.flows))
        passwords: Mapping[str, str] = {each.username: each.password for each in self.settings.agents}
        self.genesys = GenesysClient(base_url, transport, passwords)

    def _lines(self, call: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.call in ("", call)] if call else self.entries

    def _true(self, stamped: Stamped) -> None:
        """Takes note of a fact; the line forgets the Call-IDs of old legs, the story may not."""
        self.facts.append(stamped)
        if isinstance(stamped.fact, f.LegConnected):
            self._connected[stamped.fact.leg] = self.line.hidden(stamped.fact.leg)

    def _free_endpoint(self, name: str) -> str:
        taken = {phone.username for phone in self.telephones.opened.values()}
        free = [each.username for each in self.settings.endpoints if each.username not in taken]
        return name if name in free else next(iter(free), "")

    def _next_number(self) -> str:
        self._outside += 1
        return f"+{_FIRST_NUMBER + self._outside - 1}"
