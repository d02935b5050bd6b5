"""The audio of one call at a telephone: what it says goes out by the session agreed, what it hears goes to its ears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from switchhook.exchange.ports import Codec, Direction, MediaAddress, Session
from switchhook.lab.ears import Ears
from switchhook.lab.keys import KeyEar
from switchhook.lab.mouth import Mouth
from switchhook.lab.network import Address
from switchhook.lab.packets import PCMA, PCMU
from switchhook.lab.ports import OpenPort
from switchhook.lab.pulse import Pulse
from switchhook.lab.tones import Utterance

LAW = {Codec.PCMU: PCMU, Codec.PCMA: PCMA}
_FIRST_DYNAMIC = 96
_THEY_LISTEN = (Direction.SENDRECV, Direction.RECVONLY)

OnKey = Callable[[str], None]


class Audio(Protocol):
    """The audio of one call. `connect` may come again with each re-INVITE."""

    address: MediaAddress

    def connect(self, session: Session, *, sends: bool) -> None:
        """States what was agreed; `sends` is whether our own side of it may send."""

    def press(self, digits: str) -> bool:
        """Presses keys (RFC 4733); returns False when the far end takes no telephone events."""

    def say(self, utterance: Utterance) -> None:
        """Says something else from now on."""

    def close(self) -> None:
        """Falls silent and frees the address; may be called twice."""


class RtpAudio:
    """Audio in real RTP packets, over whatever port `open_port` opens. `mute` telephones never send a packet."""

    def __init__(
        self, open_port: OpenPort, ears: Ears, utterance: Utterance, on_key: OnKey, *, seed: int, mute: bool = False
    ) -> None:
        self.mute = mute
        self.sent = 0
        self._ears = ears
        self._on_key = on_key
        self._key_ear = KeyEar()
        self._mouth = Mouth(seed, utterance)
        self._session: Session | None = None
        self._sends = False
        self._pulse = Pulse.of_loop()
        self._port = open_port(self._arrived)
        self.address = MediaAddress(*self._port.address)

    def connect(self, session: Session, *, sends: bool) -> None:
        """States what was agreed; speaking begins, goes on or stops with the next beat."""
        if self._session is None:
            self._pulse.join(self._beat)
        self._session = session
        self._sends = sends and session.direction in _THEY_LISTEN and session.remote_port > 0

    def press(self, digits: str) -> bool:
        """Presses keys; returns False when the far end takes no telephone events."""
        if self._session is None or self._session.digits_payload is None:
            return False
        self._mouth.presses.add(digits)
        return True

    def say(self, utterance: Utterance) -> None:
        """Says something else from the next beat on."""
        self._mouth.say(utterance)

    @property
    def done(self) -> bool:
        """Returns whether all has been said; never, for a tone."""
        return self._mouth.done

    def close(self) -> None:
        """Falls silent and frees the port; may be called twice."""
        self._pulse.leave(self._beat)
        self._port.close()

    def _beat(self) -> None:
        session = self._session
        if session is None or not self._sends or self.mute:
            self._mouth.rest()
            return
        for packet in self._mouth.frame(LAW[session.codec], session.digits_payload):
            self._port.send(packet.encode(), (session.remote_host, session.remote_port))
            self.sent += 1

    def _arrived(self, datagram: bytes, source: Address, age_s: float) -> None:
        packet = self._ears.receive(datagram, self._ears.clock() - age_s)
        if packet is not None and packet.payload_type >= _FIRST_DYNAMIC:
            key = self._key_ear.hear(packet)
            if key:
                self._on_key(key)


class SymbolicAudio:
    """Audio without packets, for virtual time: keeps what was agreed and pressed; its ears are set from outside."""

    def __init__(self, address: MediaAddress) -> None:
        self.address = address
        self.session: Session | None = None
        self.sends = False
        self.pressed = ""
        self.closed = False

    def connect(self, session: Session, *, sends: bool) -> None:
        """Keeps what was agreed."""
        self.session, self.sends = session, sends

    def press(self, digits: str) -> bool:
        """Keeps the keys; returns False when the far end takes no telephone events."""
        if self.session is None or self.session.digits_payload is None:
            return False
        self.pressed += digits
        return True

    def say(self, utterance: Utterance) -> None:
        """Changes nothing: symbols have no sound."""

    def close(self) -> None:
        """Ends it; may be called twice."""
        self.closed = True
