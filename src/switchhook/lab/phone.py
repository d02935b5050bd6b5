"""`Phone`: a virtual telephone with ears. A SIP user agent of its own, over real UDP and RTP or over the fake network.

    phones = Phones(server=("127.0.0.1", 5060), domain="switchhook.local")     # lab.phones
    customer = await phones.open("customer", username="1001", password="secret")
    await customer.register()
    await customer.call("1002")
    await customer.answered()
    await customer.hears("agent")            # raises `NotHeard` when it does not, within 2 s
    await customer.hold(); await customer.resume(); await customer.press("12#")
    await customer.hang_up()
    await customer.close()

Actions take effect at once (the message has left when they return); what becomes of them is waited for with
`is_ringing`, `answered`, `ended` and the like, each with `within_s`, each raising `Missed` with the telephone's log
when it does not come. Every telephone speaks its own tone (`lab.tones.Voices`) and listens with `ears`: see
`lab.heard.Hearing` for the questions.

How it behaves is `manners` (`lab.manners`); `dies()` pulls its plug.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from itertools import takewhile
from random import Random

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Codec
from switchhook.lab.audio import Audio, OnKey
from switchhook.lab.desk import Desk, Happened
from switchhook.lab.heard import Hearing, Missed
from switchhook.lab.manners import HoldStyle, Manners
from switchhook.lab.phone_call import PhoneCall, State
from switchhook.lab.plug import PhoneTransport, Plug
from switchhook.lab.tones import Utterance
from switchhook.sip.agent import Agent, Identity
from switchhook.sip.engine import Tap
from switchhook.sip.negotiation import OUR_CODECS
from switchhook.sip.ticking import Ticking
from switchhook.sip.uri import escape_user, is_address, parse_uri, place_of

Server = tuple[str, int]
WITHIN_S = 5.0
_HOLD_WITHIN_S = 8.0  # a glare is tried again after up to 4 s (RFC 3261 14.1)


class Phone:
    """One telephone at `place` (the address of its SIP socket). Made by `lab.phones.Phones.open`.

    Without a `server` it calls SIP URIs directly.
    """

    def __init__(
        self,
        name: str,
        transport: PhoneTransport,
        make_audio: Callable[[Phone, OnKey], Audio],
        ears: Hearing,
        *,
        place: Server,
        identity: Identity,
        utterance: Utterance,
        server: Server | None = None,
        manners: Manners | None = None,
        codecs: tuple[Codec, ...] = OUR_CODECS,
        seed: int = 1,
        tap: Tap | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.place = place
        self.ears = ears
        self.utterance = utterance  # what it says in its next call
        self._own = utterance
        self.manners = manners or Manners()
        self._plug = Plug(transport)
        self._desk = Desk(self.manners, lambda on_key: make_audio(self, on_key), ears.clock)
        self._server = server
        self.agent = Agent(
            self._desk, self._plug, identity, clock=loop.time, random=Random(zlib.crc32(f"{seed} {name}".encode())),
            server=("udp", *(server or ("127.0.0.1", 5060))), codecs=codecs, tap=tap,
        )  # fmt: skip
        self._desk.tell_time = lambda: self.agent.engine.timers.at(loop.time())
        self._ticking = Ticking(self.agent.engine.timers, self.agent.tick, loop)

    # --- what it is

    @property
    def uri(self) -> str:
        """Returns a SIP URI that reaches this telephone directly, without a server."""
        return f"sip:{escape_user(self.username)}@{place_of(*self.place)}"

    @property
    def username(self) -> str:
        """Returns the user part of its address: what others dial."""
        return self.agent.identity.username

    @property
    def number(self) -> str:
        """Returns what others dial to reach it: its user name, or its number behind a trunk."""
        return self.username

    @property
    def registered(self) -> bool:
        """Returns whether the last answer to a registration was good (also to one that took it back)."""
        return self._desk.registration is not None and self._desk.registration < 300

    @property
    def calls(self) -> list[PhoneCall]:
        """Returns its last calls (200), oldest first, ended ones too."""
        return self._desk.calls

    @property
    def call_now(self) -> PhoneCall | None:
        """Returns the call that actions are about: the newest that is not over, else the last."""
        live = self._desk.live()
        return live[-1] if live else (self.calls[-1] if self.calls else None)

    @property
    def state(self) -> State | None:
        """Returns where its present call stands; None before its first."""
        call = self.call_now
        return call.state if call is not None else None

    @property
    def keys(self) -> str:
        """Returns the keys that the far end has pressed in the present call."""
        return self.call_now.keys if self.call_now is not None else ""

    @property
    def log(self) -> list[Happened]:
        """Returns everything that happened to it, in order."""
        return self._desk.log

    def watch(self, watcher: Callable[[Happened], None]) -> None:
        """Tells `watcher` of everything that happens from now on."""
        self._desk.watchers.append(watcher)

    # --- what a person does

    async def register(
        self,
        username: str = "",
        password: str = "",
        *,
        domain: str = "",
        expires_s: int = 300,
        within_s: float = WITHIN_S,
    ) -> None:
        """Registers at the server and keeps it up; raises `Unavailable` when it is refused or nobody answers."""
        if username:
            me = self.agent.identity
            self.agent.become(Identity(username, domain or me.domain, password, me.display))
        await self._registration(expires_s, within_s)

    async def unregister(self, *, within_s: float = WITHIN_S) -> None:
        """Takes the registration back; raises `Unavailable` when that is refused."""
        await self._registration(0, within_s)

    async def call(self, number: str, *, headers: str = "") -> PhoneCall:
        """Calls a number of the server's, or a SIP URI; raises `Unavailable` without a way. `headers`: whole lines."""
        self._desk.tell_time()
        uri = number if ":" in number else f"sip:{escape_user(number)}@{self.agent.identity.domain}"
        if self._server is None:
            parsed = parse_uri(uri)
            if ":" not in number or parsed is None or not is_address(parsed.host):
                raise Unavailable(f"without a server only SIP URIs with an IP address can be called, not {number!r}")
            self.agent.server = (parsed.transport or "udp", parsed.host, parsed.port or 5060)
        call = self._desk.new_call(incoming=False)
        try:
            call.line = self.agent.call(uri, call.audio.address, extra=headers, offerless=self.manners.offerless)
        except ValueError as error:
            call.audio.close()
            raise Unavailable(str(error)) from error
        self.calls.append(call)
        self._desk.note("calling", number)
        return call

    async def answer(self, after_s: float = 0.0, *, within_s: float = WITHIN_S) -> None:
        """Picks up the ringing call, now or after some seconds; raises `Missed` when nothing rings."""
        call = await self.is_ringing(within_s=within_s)
        if after_s:
            await asyncio.sleep(after_s)
        self._desk.tell_time()
        call.answer()
        await self._until(lambda: call.state in (State.ANSWERED, State.ENDED), within_s, "the call to be up")

    async def reject(self, status: int = 486, *, contact: str = "") -> None:
        """Refuses the ringing call; with 302, `contact` is the URI it should go to. Raises `Missed` if none rings."""
        call = await self.is_ringing(within_s=WITHIN_S)
        self._desk.tell_time()
        call.line.reject(status, f"Contact: <{contact}>\r\n" if contact else "")

    async def hang_up(self, reason: str = "") -> None:
        """Ends all its calls, in whatever state: BYE, CANCEL or a refusal. Does nothing without one."""
        for call in self._desk.live():
            self._desk.tell_time()
            call.line.hang_up(reason)

    async def hold(self, style: HoldStyle | None = None) -> None:
        """Puts the far end on hold by re-INVITE and waits until that is agreed; raises `Missed` when it is not."""
        await self._hold(True, style or self.manners.hold_style)

    async def resume(self) -> None:
        """Takes the far end back; raises `Missed` when that is not agreed."""
        await self._hold(False, self.manners.hold_style)

    async def press(self, digits: str, *, by_info: bool = False) -> None:
        """Presses keys in the present call (RFC 4733, or INFO); raises `Missed` without one."""
        self._desk.tell_time()
        self._answered_call().press(digits, by_info=by_info)

    def say(self, utterance: Utterance) -> None:
        """Says something else from now on, in this call and later ones."""
        self.utterance = utterance
        for call in self._desk.live():
            call.audio.say(utterance)

    def falls_silent(self) -> None:
        """Says nothing from now on (its packets are silence), until it `talks` again."""
        if not self.utterance.is_silent:
            self._own = self.utterance
        self.say(Utterance.of_silence())

    def talks(self) -> None:
        """Says again what it said before it fell silent."""
        self.say(self._own)

    def dies(self) -> None:
        """Pulls the plug: nothing is sent or received any more, and nobody is told."""
        self._plug.pulled = True
        for call in self._desk.live():
            call.audio.close()
        self._desk.note("died")

    async def close(self) -> None:
        """Hangs up, leaves the network and frees its ports; may be called twice."""
        if not self._plug.pulled:
            await self.hang_up()
        self._plug.pulled = True
        for call in self.calls:
            call.audio.close()
        self._ticking.close()
        self._plug.close()

    # --- what a test waits for

    async def is_ringing(self, *, within_s: float = WITHIN_S) -> PhoneCall:
        """Waits until a call rings here and returns it; raises `Missed`."""
        found = await self._until(
            lambda: next((c for c in self._desk.live() if c.incoming and c.state is State.RINGING), None),
            within_s, "a call to ring here",
        )  # fmt: skip
        assert isinstance(found, PhoneCall)
        return found

    async def stops_ringing(self, *, within_s: float = WITHIN_S) -> None:
        """Waits until nothing rings here; raises `Missed`."""
        await self._until(
            lambda: not any(c.incoming and c.state is State.RINGING for c in self._desk.live()),
            within_s, "the ringing to stop",
        )  # fmt: skip

    async def far_end_rings(self, *, within_s: float = WITHIN_S) -> None:
        """Waits until the telephone that we called rings (180 or 183); raises `Missed`."""
        await self._until(
            lambda: self.call_now is not None and self.call_now.far_end_rang, within_s, "the far end to ring"
        )

    async def answered(self, *, within_s: float = WITHIN_S) -> None:
        """Waits until the present call is up, whoever called; raises `Missed`, at once when it has ended."""
        await self._until(
            lambda: self.state is State.ANSWERED, within_s, "the call to be answered", lambda: self.state is State.ENDED
        )

    async def ended(self, *, within_s: float = WITHIN_S) -> PhoneCall:
        """Waits until no call is left and returns the last; raises `Missed`."""
        await self._until(lambda: bool(self.calls) and not self._desk.live(), within_s, "the call to end")
        return self.calls[-1]

    async def is_held(self, on: bool = True, *, within_s: float = WITHIN_S) -> None:
        """Waits until the far end has put us on hold (or taken us back); raises `Missed`."""
        await self._until(lambda: self.call_now is not None and self.call_now.held is on, within_s, f"hold {on}")

    async def was_pressed(self, keys: str, *, within_s: float = WITHIN_S) -> None:
        """Waits until the far end has pressed exactly these keys; raises `Missed`."""
        await self._until(lambda: self.keys == keys, within_s, f"the keys {keys}")

    async def hears(self, *labels: str, within_s: float = 2.0) -> bool:
        """Waits until each of `labels` is heard (others may be too) and returns True; raises `NotHeard`."""
        await self.ears.until(*labels, within_s=within_s)
        return True

    async def hears_only(self, *labels: str, within_s: float = 2.0) -> bool:
        """Waits until exactly `labels` are heard and returns True; raises `NotHeard`."""
        await self.ears.until(*labels, within_s=within_s, only=True)
        return True

    # --- inside

    def _answered_call(self) -> PhoneCall:
        call = self.call_now
        if call is None or call.state is not State.ANSWERED:
            raise Missed(f"{self.name} has no call that is up. {self._story()}")
        return call

    async def _hold(self, on: bool, style: HoldStyle) -> None:
        call = self._answered_call()
        mark = self.log[-1]
        self._desk.tell_time()
        call.hold(on, style)

        def agreed() -> bool:
            since = takewhile(lambda one: one is not mark, reversed(self.log))
            return any(one.what == "audio" for one in since)

        await self._until(agreed, _HOLD_WITHIN_S, "the hold to be agreed" if on else "the end of the hold to be agreed")
        self._desk.note("holding" if on else "resumed")

    async def _registration(self, expires_s: int, within_s: float) -> None:
        self._desk.registration = None
        self.agent.register(expires_s)
        try:
            await self._until(lambda: self._desk.registration is not None, within_s, "an answer to REGISTER")
        except Missed as error:
            raise Unavailable(f"{self.name}: nobody answered the registration") from error
        status = self._desk.registration or 0
        if status >= 300:
            raise Unavailable(f"{self.name}: the registration was refused with {status}")

    async def _until(
        self, test: Callable[[], object], within_s: float, wanted: str, hopeless: Callable[[], bool] | None = None
    ) -> object:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not (found := test()):
            left = deadline - loop.time()
            if left <= 0 or (hopeless is not None and hopeless()):
                raise Missed(f"{self.name} waited up to {within_s:g} s for {wanted}. {self._story()}")
            await self._desk.change(left)
        return found

    def _story(self) -> str:
        start = self.log[0].at if self.log else 0.0
        lines = [f"{one.at - start:.2f} {one.what} {one.text}".strip() for one in self.log[-12:]]
        return "Its log: " + ("; ".join(lines) or "nothing happened")
