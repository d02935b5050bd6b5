"""`World`: a whole switch with telephones in virtual time. The `world` fixture of the pytest plugin.

    async def test_customer_hangs_up_while_the_target_rings(world):
        customer, agent, target = await world.phones("customer", "agent", "target")
        await world.talking(customer, agent)
        await world.phlo.warm_transfer(trigger_source=agent, to=target)
        await target.is_ringing()
        assert await customer.hears(MUSIC)

        await customer.hang_up()

        await target.stops_ringing(within_s=0.5)
        assert world.outcome is Outcome.CUSTOMER_LEFT

Real are the core, the exchange, all dialects, the whole SIP stack on both sides, SDP and digest, the HTTP APIs and the
sender of webhooks. Not there are sockets, packets of audio and disks: SIP goes over `world.network` (seeded; lose,
delay, double and reorder with `world.network.faults`), audio is symbols (`lab.world_air`), HTTP is called in-process,
the journal is a list. An hour takes milliseconds, and a seed plays the same way every time.

The same story runs over real sockets and audio with `real_world` (`lab.world_real`).
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType

from switchhook.app import dialects, line_settings, sip_notes
from switchhook.core.ids import LegId
from switchhook.core.model import TransferOutcome as Outcome
from switchhook.exchange.guard import Guard
from switchhook.exchange.ports import Entry
from switchhook.exchange.sender import HttpSender
from switchhook.exchange.switch import Exchange
from switchhook.exchange.timers import LoopTimers
from switchhook.http import application
from switchhook.lab.bots import Bot
from switchhook.lab.carrier import Carrier
from switchhook.lab.faults import LAN, Faults
from switchhook.lab.manners import HoldStyle, Manners
from switchhook.lab.network import Network
from switchhook.lab.phone import Phone
from switchhook.lab.phones import Phones
from switchhook.lab.tones import BEEP, BUSY, MUSIC, RINGBACK, SILENCE, SPEECH
from switchhook.lab.transport import NetworkTransport
from switchhook.lab.virtual_time import VirtualLoop, settle
from switchhook.lab.world_air import Air, AirMedia
from switchhook.lab.world_base import AnyWorld
from switchhook.lab.world_house import NUMBER, SERVER_HOST, SUPPORT_LINE, TRUNK_HOST, Given, settings_of, with_trunks_at
from switchhook.lab.world_web import Nearby, Web
from switchhook.sip.line import Line
from switchhook.sip.ticking import Ticking
from switchhook.stores.encoding import fact_encoding

__all__ = [
    "BEEP", "BUSY", "LAN", "MUSIC", "NUMBER", "RINGBACK", "SILENCE", "SPEECH", "SUPPORT_LINE",
    "Faults", "HoldStyle", "Manners", "Outcome", "Phone", "World",
]  # fmt: skip

_LOSSY_PATIENCE_S = 35.0  # longer than a SIP transaction tries (64 * T1, RFC 3261 17.1.1.2)


class World(AnyWorld):
    """One switch in virtual time. Use as `async with` inside a `VirtualLoop`, or by the `world` fixture.

    `settings` is None (a house of the lab's own), a mapping of sections that replace parts of it, a TOML file, or
    ready settings; trunks are moved to the fake network. `seed` decides everything random, `faults` are on all links.
    """

    def __init__(self, settings: Given = None, *, seed: int = 1, faults: Faults = LAN) -> None:
        super().__init__()
        declared = settings_of(settings)
        places = {each.name: f"{TRUNK_HOST}{n}:5060" for n, each in enumerate(declared.trunks, 1)}
        self.settings = with_trunks_at(declared, places)
        self.seed = seed
        self._faults = faults
        self._places = places
        self._stack = AsyncExitStack()
        if faults.loss or faults.partition:
            self.patience_s = _LOSSY_PATIENCE_S

    async def __aenter__(self) -> World:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise RuntimeError("a World needs virtual time: use the `world` fixture, or lab.virtual_time.run")
        self.network = Network(seed=self.seed, faults=self._faults)
        self._open_exchange(loop)
        self._open_line(loop)
        await self._open_http()
        for name, place in self._places.items():
            self.carriers[name] = Carrier.virtual(self.network, place.rpartition(":")[0])
        self.telephones = Phones(
            server=(SERVER_HOST, 5060), domain=self.settings.sip.domain, network=self.network, rtp=False,
            seed=self.seed, symbols=self.air.audio,
        )  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Logs the desktops out, ends all calls and takes everything down."""
        await self.genesys.close()
        await self.telephones.close()
        self.line.draining = True
        await self.exchange.drain(1.0)
        await self.exchange.settle(1.0)
        await self._stack.aclose()
        await self.web.close()
        await self.http.aclose()
        for carrier in self.carriers.values():
            carrier.close()

    async def passes(self, seconds: float) -> None:
        """Lets virtual time pass, and everything happen that is due in it."""
        await asyncio.sleep(seconds)
        await settle()

    def bot(self, url: str, name: str = "bot") -> Bot:
        """Puts a program at a ws or wss URL, for audio streams (`lab.bots`)."""
        found = self.air.bots[url] = Bot(name, self.exchange.tell, self.air.changed)
        return found

    async def settled(self) -> None:
        """Returns when everything that could happen now has happened."""
        await settle()

    def append(self, entry: Entry) -> None:
        """Takes a line of the journal (`exchange.ports.Journal`)."""
        self.entries.append(entry)

    def left_over(self) -> list[str]:
        """Returns what is still there of any call, armed timers and audio ports included."""
        timers = [f"{self.timers.armed} timers"] if self.timers.armed else []
        return super().left_over() + timers + [f"audio of leg {leg}" for leg in sorted(self.media.legs)]

    # --- composition, as `switchhook.app` does it, with other ports

    def _open_exchange(self, loop: VirtualLoop) -> None:
        self.clock = _VirtualClock(loop)
        self.web = Web(self.clock.now)
        guard = Guard(self.settings.webhooks.allow, loopback=True)  # every name here is an address of the lab's own
        agent = self.settings.webhooks.user_agent
        sender = HttpSender(guard, user_agent=agent, resolve=self.web.resolve, transport=self.web.transport)
        self._stack.push_async_callback(sender.close)
        encode = fact_encoding().write
        self.exchange = Exchange(
            self.settings, clock=self.clock, journal=self, sender=sender, encode=encode, seed=self.seed
        )
        self._stack.callback(self.exchange.sounds.close)
        self.exchange.subscribe(self._true)
        media = self.settings.media
        self.air = Air(hold_music=media.hold_music, rtp_timeout_s=media.rtp_timeout_s)
        self.media = AirMedia(
            self.air, self.exchange.tell, call_later=loop.call_later, now=loop.time, host=SERVER_HOST,
            ports=media.ports, max_legs=media.max_legs, seed=self.seed,
        )  # fmt: skip

    def _open_line(self, loop: VirtualLoop) -> None:
        transport = NetworkTransport(self.network, SERVER_HOST)
        self._stack.callback(transport.close)
        random = Random(f"line {self.seed}")
        bound = [("udp", SERVER_HOST, 5060)]
        self.line = Line(
            line_settings(self.settings, bound, random.randbytes(32)),
            transport,
            emit=self.exchange.tell,
            on_session=self.exchange.on_session,
            media_address=self.media.open,
            new_leg=lambda: LegId(self.exchange.state.ids.new()),
            clock=self.clock.now,
            defer=loop.call_soon,
            random=random,
            tap=sip_notes(self.exchange),
            on_note=lambda leg, text: self.exchange.write("SipNote", {"leg": leg, "text": text}, leg=leg),
        )
        self.line.callers.open_to = self.exchange.directory.is_public
        self.exchange.directory.listening([f"{host}:{port}" for _, host, port in bound])
        ticking = Ticking(self.line.engine.timers, self.line.tick, loop)
        self._stack.callback(ticking.close)
        self.timers = LoopTimers(self.clock, self.exchange.tell)
        self._stack.callback(self.timers.stop)
        self.exchange.plug(self.line, self.media, self.timers)

    async def _open_http(self) -> None:
        routes = []
        for name, dialect in dialects(self.exchange):
            self.dialects[name] = dialect
            await dialect.start()
            self._stack.push_async_callback(dialect.stop)
            routes += dialect.routes()
        self.app = application(routes)
        self._clients(self.settings.public_url, Nearby(self.app))


class _VirtualClock:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.wall()
