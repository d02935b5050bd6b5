"""Small telephones for the tests of the real engine: each sends a tone as RTP on loopback and keeps what it hears."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from switchhook.core.ids import LegId
from switchhook.exchange.ports import Codec, MediaAddress, Session
from switchhook.media import g711, rtp

LAW = {Codec.PCMU: g711.ULAW, Codec.PCMA: g711.ALAW}
PAYLOAD = {Codec.PCMU: 0, Codec.PCMA: 8}


@dataclass
class Heard:
    at: float
    packet: rtp.Packet


@dataclass
class Phone:
    """A telephone that talks to one port of the engine; `hz` 0 sends silence."""

    leg: LegId
    hz: float = 0.0
    codec: Codec = Codec.PCMU
    frame: int = 160
    loud: int = 8_000
    digits_payload: int | None = 101
    ssrc: int = 0x1000
    seq: int = 65_530
    ts: int = 0xFFFFFF00
    sock: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    rtcp: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    heard: list[Heard] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    target: MediaAddress | None = None
    muted: bool = False
    sent: int = 0
    _phase: float = 0.0
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        for sock in (self.sock, self.rtcp):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock.fileno(), self._receive)
        loop.add_reader(self.rtcp.fileno(), self._receive_rtcp)

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def session(self, **changes: object) -> Session:
        wanted: dict[str, object] = {
            "remote_host": "127.0.0.1",
            "remote_port": self.port,
            "codec": self.codec,
            "payload": PAYLOAD[self.codec],
            "digits_payload": self.digits_payload,
            "remote_rtcp_port": self.rtcp.getsockname()[1],
            "frame_ms": self.frame // 8,
        }
        return Session(**{**wanted, **changes})  # type: ignore[arg-type]

    def talk(self, to: MediaAddress) -> None:
        """Begins to send frames, paced by the clock."""
        self.target = to
        self._task = asyncio.get_running_loop().create_task(self._talk())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        loop = asyncio.get_running_loop()
        for sock in (self.sock, self.rtcp):
            loop.remove_reader(sock.fileno())
            sock.close()

    def send(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False, advance: int = 0) -> None:
        assert self.target is not None
        kind = PAYLOAD[self.codec] if payload_type is None else payload_type
        packet = rtp.Packet(kind, marker, self.seq, self.ts, self.ssrc, payload)
        self.sock.sendto(rtp.build(packet), (self.target.host, self.target.port))
        self.seq = self.seq + 1 & 0xFFFF
        self.ts = self.ts + advance & 0xFFFFFFFF
        self.sent += 1

    def press(self, code: int, *, frames: int = 5, ends: int = 3) -> None:
        """Sends a whole key press at once."""
        for n in range(1, frames + 1):
            self.send(struct.pack("!BBH", code, 10, n * 160), payload_type=self.digits_payload, marker=n == 1)
        for _ in range(ends):
            self.send(struct.pack("!BBH", code, 0x8A, frames * 160), payload_type=self.digits_payload)
        self.ts = self.ts + frames * 160 & 0xFFFFFFFF

    # --- what was heard -----------------------------------------------------------------------------------------

    def forget(self) -> None:
        self.heard.clear()

    def audio(self, last_s: float | None = None) -> np.ndarray:
        """Returns the samples heard, in the order they came (the last so many seconds)."""
        kind = PAYLOAD[self.codec]
        codes = b"".join(h.packet.payload for h in self.heard if h.packet.payload_type == kind)
        samples = g711.decode(np.frombuffer(codes, np.uint8), LAW[self.codec]).astype(np.float64)
        return samples if last_s is None else samples[-int(last_s * 8000) :]

    def level(self, hz: float, last_s: float | None = None) -> float:
        """Returns the amplitude of one pitch in what was heard; of the last moments the median of 100 ms pieces.

        A frame that a jitter buffer drops or doubles turns the phase of a tone, which spoils the piece it falls into.
        """
        audio = self.audio(last_s)
        pieces = len(audio) // 800 if last_s is not None else 0
        if pieces < 2:
            return amplitude(audio, hz)
        return float(np.median([amplitude(piece, hz) for piece in np.array_split(audio, pieces)]))

    def keys(self) -> list[tuple[int, int]]:
        """Returns (code, duration) of each key press heard, by its end packets."""
        found: dict[int, tuple[int, int]] = {}
        for heard in self.heard:
            if heard.packet.payload_type == self.digits_payload and heard.packet.payload[1] & 0x80:
                code, _, duration = struct.unpack("!BBH", heard.packet.payload)
                found[heard.packet.ts] = (code, duration)
        return list(found.values())

    def gaps(self) -> list[float]:
        return [b.at - a.at for a, b in pairwise(self.heard)]

    def longest_step(self) -> float:
        """Returns the most time that one packet's timestamp lies after the one before, in ms: the audio missed."""
        packets = [h.packet for h in self.heard]
        return max(((b.ts - a.ts) & 0xFFFFFFFF) / 8 for a, b in pairwise(packets))

    def breaks(self) -> list[str]:
        """Returns everything that is wrong with the stream heard: SSRC, sequence, timestamps that go back."""
        found = []
        packets = [h.packet for h in self.heard]
        for a, b in pairwise(packets):
            if a.ssrc != b.ssrc:
                found.append(f"ssrc {a.ssrc} {b.ssrc}")
            if (b.seq - a.seq) & 0xFFFF != 1:
                found.append(f"seq {a.seq} {b.seq}")
            step = (b.ts - a.ts) & 0xFFFFFFFF
            if step > 0x7FFFFFFF:
                found.append(f"ts back {a.ts} {b.ts}")
        return found

    def worst_clock(self) -> float:
        """Returns how far timestamps and arrival times come apart, in ms."""
        if not self.heard:
            return 0.0
        first = self.heard[0]
        apart = [
            ((h.packet.ts - first.packet.ts) & 0xFFFFFFFF) / 8 - (h.at - first.at) * 1000
            for h in self.heard
            if h.packet.payload_type == PAYLOAD[self.codec]
        ]
        return max(apart) - min(apart)

    # --- inside -------------------------------------------------------------------------------------------------

    async def _talk(self) -> None:
        start, number = time.monotonic(), 0
        while True:
            if not self.muted:
                self.send(self._tone(number), advance=self.frame)
            else:
                self.ts = self.ts + self.frame & 0xFFFFFFFF
            number += 1
            await asyncio.sleep(max(0.0, start + number * self.frame / 8000 - time.monotonic()))

    def _tone(self, number: int) -> bytes:
        time_ = (np.arange(self.frame) + number * self.frame) / 8000
        samples = (np.sin(2 * np.pi * self.hz * time_) * (self.loud if self.hz else 0)).astype(np.int16)
        return g711.encode(samples, LAW[self.codec]).tobytes()

    def _receive(self) -> None:
        now = time.monotonic()
        while True:
            try:
                received = self.sock.recv(2048)
            except OSError:
                return
            packet = rtp.parse(received)
            if packet is not None and not rtp.looks_like_rtcp(received):
                self.heard.append(Heard(now, packet))
            else:
                self.reports.append(received)

    def _receive_rtcp(self) -> None:
        while True:
            try:
                self.reports.append(self.rtcp.recv(2048))
            except OSError:
                return


def amplitude(samples: np.ndarray, hz: float) -> float:
    """Goertzel: the amplitude of one pitch."""
    if not len(samples):
        return 0.0
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / 8000)
    return float(2 * abs(np.dot(samples, wave)) / len(samples))
