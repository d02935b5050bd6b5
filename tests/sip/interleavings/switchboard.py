"""A whole server between three telephones: core, exchange, SIP line and fake audio on one virtual wire, without a loop.

A customer calls through a trunk, agent (1002) and target (1003) are registered telephones; one of the two may have a
twin, a second telephone of the same user, that rings too. Faults begin when the telephones are registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from switchhook.app import line_settings
from switchhook.core import facts as f
from switchhook.core.addresses import Destination, Endpoint, Trunk
from switchhook.core.errors import Unavailable
from switchhook.core.events import Event, TimerFired
from switchhook.core.ids import LegId
from switchhook.core.model import DialPlan, Role, Room, Transfer
from switchhook.core.outcomes import Outcome
from switchhook.core.requests import PlaceCall
from switchhook.exchange.ports import Entry, Reply
from switchhook.exchange.switch import Exchange, Stamped
from switchhook.lab.soak.ledger import Ledger
from switchhook.lab.world_house import ACCOUNT, settings_of, with_trunks_at
from switchhook.media.fake import FakeMedia
from switchhook.settings import Settings
from switchhook.sip.agent import Identity
from switchhook.sip.line import Line
from switchhook.stores.encoding import Encoding, facts_of
from tests.sip.interleavings.net import Net
from tests.sip.link import Person

SERVER = "10.0.0.100"
CUSTOMER, AGENT, TARGET, TWIN = "10.0.0.50", "10.0.0.2", "10.0.0.3", "10.0.0.4"
NAMES = {"customer": "+4930123", "agent": "1002", "target": "1003"}


@cache
def house() -> Settings:
    return with_trunks_at(settings_of(None), {"carrier": f"{CUSTOMER}:5060"})


_encode = Encoding(facts_of(f.Fact)).write


# What a telephone says of its call, and what the journal may say of the same leg: a CANCEL does not tell why, and a
# telephone that refuses with 486 calls that its own refusal.
SAME = {
    Outcome.COMPLETED: {Outcome.COMPLETED},
    Outcome.CANCELLED: {Outcome.CANCELLED, Outcome.NO_ANSWER},
    Outcome.NO_ANSWER: {Outcome.NO_ANSWER},
    Outcome.BUSY: {Outcome.BUSY},
    Outcome.REJECTED: {Outcome.BUSY},
}
Apart = frozenset[tuple[Outcome, Outcome]]  # what else one flow allows: a telephone's word, the journal's


class Clock:
    def __init__(self, net: Net) -> None:
        self._net = net

    def now(self) -> float:
        return self._net.now


class Cancellable:
    """A callback on the wire's clock that may be called off."""

    def __init__(self, net: Net, delay_s: float, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback
        net.after(delay_s, self._run)

    def cancel(self) -> None:
        self._callback = None

    def _run(self) -> None:
        if self._callback is not None:
            self._callback()


class Alarms:
    """`exchange.ports.Timers` on the wire's clock."""

    def __init__(self, net: Net, tell: Callable[[Event], None]) -> None:
        self._net = net
        self._tell = tell
        self.armed: dict[str, Cancellable] = {}

    def arm(self, timer: str, at: float) -> None:
        self.disarm(timer)
        self.armed[timer] = Cancellable(self._net, max(0.0, at - self._net.now), lambda: self._fire(timer))

    def disarm(self, timer: str) -> None:
        known = self.armed.pop(timer, None)
        if known is not None:
            known.cancel()

    def _fire(self, timer: str) -> None:
        del self.armed[timer]
        self._tell(TimerFired(timer))


class Journal:
    """What the exchange writes, judged at the end: each line must follow from those before it, and all has one end."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)

    def doubts(self) -> list[str]:
        ledger = Ledger()
        ledger.take(self.entries)
        return [f"journal: {doubt}" for doubt in ledger.read(last=True)]


class NoWeb:
    """A sender without a network."""

    async def send(self, method: str, url: str, **how: object) -> Reply:
        raise Unavailable(url)


class SoonExchange(Exchange):
    """An exchange whose "later" is the wire's."""

    net: Net

    def soon(self, event: Event) -> None:
        self.net.after(0.0, lambda: self.tell(event))


class Switchboard:
    """One run: the server, its telephones, and what became of their calls."""

    def __init__(self, faults: Mapping[int, str], manners: Mapping[str, str], twin_of: str = "") -> None:
        self.net = net = Net({})
        self.trouble: list[str] = []
        self.may_time_out = False
        self._twins = bool(twin_of)
        self.facts: list[f.Fact] = []
        self.written: dict[str, Outcome] = {}  # by Call-ID, how the journal says that the leg ended
        self.journal = Journal()
        self.exchange = SoonExchange(
            house(), clock=Clock(net), journal=self.journal, sender=NoWeb(), encode=_encode, seed=1
        )
        self.exchange.net = net
        self.exchange.subscribe(self._true)
        self.media = FakeMedia(
            self.exchange.tell, call_later=lambda s, call: Cancellable(net, s, call), now=lambda: net.now, host=SERVER
        )
        self.alarms = Alarms(net, self.exchange.tell)
        self._open_line()
        self.exchange.plug(self.line, self.media, self.alarms)
        self.customer = self._phone("customer", CUSTOMER, manners)
        self.customer.agent.become(Identity(NAMES["customer"], "carrier.net"))
        self.agent = self._phone("agent", AGENT, manners)
        self.target = self._phone("target", TARGET, manners)
        self.everybody = [self.customer, self.agent, self.target]
        if twin_of:
            self.twin = self._phone("twin", TWIN, manners, NAMES[twin_of])
            self.everybody.append(self.twin)
        for one in self.everybody[1:]:
            one.agent.register(3600)
        net.run(1.0)
        net.plan, net.sent = faults, 0
        net.log.clear()

    def _open_line(self) -> None:
        net = self.net
        self.line = Line(
            line_settings(house(), [("udp", SERVER, 5060)], b"s" * 16),
            net.end(SERVER),
            emit=self.exchange.tell,
            on_session=self.exchange.on_session,
            media_address=self.media.open,
            new_leg=lambda: LegId(self.exchange.state.ids.new()),
            clock=lambda: net.now,
            defer=lambda call: net.after(0.0, call),
            random=Random(7),
        )
        self.exchange.directory.listening([f"{SERVER}:5060"])
        net.tickers.append(self.line)  # type: ignore[arg-type]

    def _phone(self, role: str, host: str, manners: Mapping[str, str], name: str = "") -> Person:
        name = name or NAMES[role]
        password = "" if role == "customer" else f"secret-{name}"
        return Person(self.net, name, host, SERVER, manner=manners.get(role, "answer"), password=password)

    def _true(self, stamped: Stamped) -> None:
        fact = stamped.fact
        self.facts.append(fact)
        if isinstance(fact, f.LegEnded):
            self.written[self.line.hidden(fact.leg)] = fact.outcome

    # --- what a flow does

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        self.net.after(seconds, action)

    def when(self, condition: Callable[[], bool], action: Callable[[], None], delay_s: float = 1.0) -> None:
        """Does something a while after a condition came true, which it must in a minute; looks four times a second."""
        until = self.net.now + 60.0

        def look() -> None:
            if condition():
                self.at(delay_s, action)
            elif self.net.now < until:
                self.at(0.25, look)
            else:
                self.must(False, f"what {action.__qualname__} waits for has come")

        look()

    def call(self, user: str = "1002") -> None:
        self.customer.agent.call(f"sip:{user}@{SERVER}", self.customer.media)
        self.customer.line = self.customer.agent.lines[0]

    def call_out(self) -> None:
        """The agent's desktop asks for a call: the agent's telephone rings, then the customer's, through the trunk."""
        number = NAMES["customer"]
        out = DialPlan((Destination(number, Trunk("carrier", number), number),), NAMES["agent"], role=Role.CUSTOMER)
        self.exchange.ask(PlaceCall(ACCOUNT, self.dial(NAMES["agent"]), out))

    def dial(self, user: str = "1003", ring_s: float = 30.0) -> DialPlan:
        return DialPlan((Destination(user, Endpoint(user), user),), "+4930123", ring_s=ring_s)

    # --- what is so

    def leg_of(self, who: Person) -> LegId | None:
        """Returns the server's leg of a telephone's present call."""
        lines = who.agent.lines
        wanted = lines[0].call_id if lines else ""
        return next((leg for leg in self.exchange.state.legs if self.line.hidden(leg) == wanted), None)

    def hears(self, listener: Person, *speakers: Person) -> bool:
        """True when a telephone is up and the server lets it hear exactly these."""
        leg = self.leg_of(listener)
        if leg is None or leg not in self.media.legs or not listener.agent.lines[0].up:
            return False
        return self.media.voices(leg) == frozenset(self.leg_of(one) for one in speakers)

    def talk(self, one: Person, other: Person) -> bool:
        return self.hears(one, other) and self.hears(other, one)

    @property
    def room(self) -> Room:
        return next(room for room in self.exchange.state.rooms.values() if room.main is None)

    @property
    def transfer(self) -> Transfer | None:
        return next(iter(self.exchange.state.transfers.values()), None)

    @property
    def outcomes(self) -> str:
        """How the transfers of this run ended."""
        return ",".join(one.outcome.value for one in self.facts if isinstance(one, f.TransferEnded))

    @property
    def ends(self) -> tuple[str, ...]:
        return tuple(",".join(ending.outcome.value for ending in who.endings) for who in self.everybody)

    def must(self, true: bool, what: str) -> None:
        if not true:
            self.trouble.append(f"at {self.net.now:.2f} not so: {what}")

    def look_for_quarrel(self) -> None:
        """While nothing is under way, the server has a leg for each call of a telephone, and no other."""
        legs = {self.line.hidden(leg) for leg in self.exchange.state.legs}
        lines = {line.call_id for who in self.everybody for line in who.agent.lines}
        self.must(legs == lines, f"the server's calls {legs} are the telephones' {lines}")

    def look_for_two_stories(self, apart: Apart) -> list[str]:
        """Each telephone and the journal must say the same of how their leg ended, and know of the same legs."""
        found, known = [], set()
        for who in self.everybody:
            for call_id, ending in who.ended_calls.items():
                known.add(call_id)
                written = self.written.get(call_id)
                if written is None:
                    if not self._twins:  # of two telephones of one user only one is the leg's
                        found.append(f"{who.name}'s call {call_id} is no leg of the journal's")
                elif written not in SAME.get(ending.outcome, ()) and (ending.outcome, written) not in apart:
                    found.append(f"{who.name} says {ending.outcome.value}, the journal {written.value}")
        return found + [f"no telephone knows of the leg {call_id}" for call_id in self.written.keys() - known]

    def everybody_hangs_up(self) -> None:
        for who in self.everybody:
            for line in who.agent.lines:
                line.hang_up()

    def unregister(self) -> None:
        for who in self.everybody[1:]:
            who.agent.unregister()

    def left_over(self) -> list[str]:
        state, engine = self.exchange.state, self.line.engine
        counts = {
            "legs": len(state.legs), "rooms": len(state.rooms), "dials": len(state.dials),
            "transfers": len(state.transfers), "registrations": len(state.registered),
            "audio ports": len(self.media.legs), "alarms": len(self.alarms.armed),
            "SIP legs": self.line.live_legs, "errors of ours": self.line.counters.bugs,
        }  # fmt: skip
        found = [f"server: {count} {what}" for what, count in counts.items() if count]
        engines = [("server", engine), *((who.name, who.agent.engine) for who in self.everybody)]
        for name, one in engines:
            left = {
                "calls": len(one.calls), "transactions": one.transactions.live(),
                "merges": len(one.transactions.merges), "timers": int(one.next_due() is not None),
                "transactions that timed out": 0 if self.may_time_out else one.counters.timeouts,
                "answers never acknowledged": one.counters.never_acknowledged,
            }  # fmt: skip
            found += [f"{name}: {count} {what}" for what, count in left.items() if count]
        return found
