"""A set of telephones that belong together: same server, same voices, same seed; opened by name, closed as one.

    async with Phones(server=("127.0.0.1", 5060), domain="switchhook.local") as phones:
        agent = await phones.open("agent", username="1001", password="secret")

With a `network` they live on it in virtual time, each on a host of its own; `rtp` says whether they send real RTP there
or symbols (`SymbolicAudio`, whose `SymbolicEars` are set by whoever knows what is heard).
"""

from __future__ import annotations

import asyncio
import secrets
import time
import zlib
from collections.abc import Callable
from types import TracebackType

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Codec, MediaAddress
from switchhook.lab.audio import Audio, OnKey, RtpAudio, SymbolicAudio
from switchhook.lab.detector import Detector
from switchhook.lab.ears import Ears, SymbolicEars
from switchhook.lab.faults import Faults
from switchhook.lab.heard import Hearing
from switchhook.lab.manners import Manners
from switchhook.lab.network import Network
from switchhook.lab.phone import Phone, Server
from switchhook.lab.plug import PhoneTransport
from switchhook.lab.ports import Arrived, OpenPort, RtpPort, UdpPort, network_port
from switchhook.lab.shaky import Mishaps, ShakyTransport, shaky
from switchhook.lab.tones import BEEP, MUSIC, Samples, Utterance, Voices
from switchhook.lab.transport import NetworkTransport
from switchhook.lab.virtual_time import VirtualLoop
from switchhook.media import tones
from switchhook.sip.agent import Identity
from switchhook.sip.engine import Tap
from switchhook.sip.negotiation import OUR_CODECS
from switchhook.sip.sockets import Sockets
from switchhook.sip.uri import place_of

MakeSymbols = Callable[[Phone, MediaAddress, OnKey], Audio]  # makes the audio of a call without packets


def lab_clock() -> Callable[[], float]:
    """Returns the clock of the running loop: seconds since 1970 that never go backwards."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        return loop.wall
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


class Phones:
    """Opens telephones. `host` is where real ones live; on a `network` each gets the next of 10.1.0.1, 10.1.0.2, ...

    On a network everything random comes from `seed` (1); real telephones take a new one each time unless told.
    `faults` are on every telephone's own line, both ways, SIP and RTP, on real sockets too.
    """

    def __init__(
        self,
        *,
        server: Server | None = None,
        domain: str = "",
        host: str = "127.0.0.1",
        network: Network | None = None,
        rtp: bool = True,
        voices: Voices | None = None,
        clock: Callable[[], float] | None = None,
        seed: int | None = None,
        tap: Tap | None = None,
        keep_s: float = 600.0,
        faults: Faults | None = None,
        symbols: MakeSymbols = lambda _phone, address, _on_key: SymbolicAudio(address),
    ) -> None:
        self.server = server
        self.domain = domain
        self.voices = voices or Voices()
        self.opened: dict[str, Phone] = {}
        self.mishaps: Mishaps = {}  # what `faults` did so far, on the lines of closed telephones, too
        self.clock = clock or lab_clock()
        self.detector = Detector()
        self.detector.learn(MUSIC, tones.hold())
        self.detector.learn(BEEP, tones.beep())
        self._host = host
        self._network = network
        self._rtp = rtp
        # Two runs with one seed make the same Call-IDs, which a real server that lives on takes for repeats.
        self._seed = seed if seed is not None else 1 if network is not None else secrets.randbits(64)
        self._tap = tap
        self._keep_s = keep_s
        self._faults = faults
        self._symbols = symbols
        self._calls = 0

    def learn(self, samples: Samples, label: str = MUSIC) -> None:
        """Makes a sound known to the ears of all telephones by a sample of it (8 kHz mono).

        The server's own hold music and beep are known already.
        """
        self.detector.learn(label, samples)

    async def open(
        self,
        name: str,
        *,
        username: str = "",
        password: str = "",
        display: str = "",
        port: int = 0,
        host: str = "",
        transport: PhoneTransport | None = None,
        manners: Manners | None = None,
        codecs: tuple[Codec, ...] = OUR_CODECS,
        utterance: Utterance | None = None,
        hz: float | None = None,
        voices: Voices | None = None,
        seed: int | None = None,
    ) -> Phone:
        """Opens a telephone; raises `Unavailable` when its address is taken, or its name.

        It says `utterance`, else its own tone (at `hz` if given). Without `port` a real one takes any free one. Twenty
        share the tones; more need `voices` of their own, one for each group that may ever hear each other. One that
        takes the name of a closed one needs a `seed` of its own, or its first Call-IDs are those of the other.
        """
        if name in self.opened:
            raise Unavailable(f"there is a telephone named {name!r} already")
        host = host or self._next_host()
        own, place = await self._plug_in(transport, host, port)
        if self._faults is not None:
            own = ShakyTransport(own, self._faults, seed=self._seed, name=name, mishaps=self.mishaps)
        voices = voices or self.voices
        ears, make_audio = self._audio(name, host, voices)
        if utterance is None:
            utterance = Utterance.of_tone(voices.assign(name, hz))
        phone = Phone(
            name, own, make_audio, ears, place=place, identity=self._identity(name, username, password, display, place),
            utterance=utterance, server=self.server, manners=manners, codecs=codecs, tap=self._tap,
            seed=self._seed if seed is None else seed,
        )  # fmt: skip
        self.opened[name] = phone
        return phone

    async def close(self) -> None:
        """Closes all telephones."""
        for phone in self.opened.values():
            await phone.close()

    async def __aenter__(self) -> Phones:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _plug_in(self, transport: PhoneTransport | None, host: str, port: int) -> tuple[PhoneTransport, Server]:
        if transport is not None:
            flow = transport.flow("udp", *(self.server or (host, 5060)))
            local = flow.local.rpartition(":") if flow is not None else (host, ":", "5060")
            return transport, (local[0], int(local[2]))
        if self._network is not None:
            virtual = NetworkTransport(self._network, host, port or 5060)
            return virtual, (host, virtual.port)
        sockets = Sockets()
        await sockets.open([("udp", host, port)])
        return sockets, (host, sockets.addresses[0][2])

    def _audio(self, name: str, host: str, voices: Voices) -> tuple[Hearing, Callable[[Phone, OnKey], Audio]]:
        if self._network is not None and not self._rtp:
            places = iter(range(30_000, 60_000, 2))
            return SymbolicEars(self.clock), lambda phone, on_key: self._symbols(
                phone, MediaAddress(host, next(places)), on_key
            )
        ears = Ears(self.clock, voices, detector=self.detector, keep_s=self._keep_s)
        open_port = network_port(self._network, host) if self._network is not None else _real_port(host)
        if self._faults is not None:
            open_port = shaky(open_port, self._faults, seed=self._seed, name=name, mishaps=self.mishaps)

        def make_audio(phone: Phone, on_key: OnKey) -> Audio:
            ears.new_stream()
            self._calls += 1
            seed = zlib.crc32(f"{self._seed} {name} {self._calls}".encode())
            mute = not phone.manners.sends_audio
            return RtpAudio(open_port, ears, phone.utterance, on_key, seed=seed, mute=mute)

        return ears, make_audio

    def _next_host(self) -> str:
        return self._host if self._network is None else f"10.1.0.{len(self.opened) + 1}"

    def _identity(self, name: str, username: str, password: str, display: str, place: Server) -> Identity:
        registrar = self.server or place
        shown = self.domain or (registrar[0] if registrar[1] == 5060 else place_of(*registrar))
        return Identity(username or name, shown, password, display or ("" if username in ("", name) else name))


def _real_port(host: str) -> OpenPort:
    def open_port(arrived: Arrived) -> RtpPort:
        return UdpPort(host, arrived)

    return open_port
