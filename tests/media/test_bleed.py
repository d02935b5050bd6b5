"""Somebody goes through all ports with RTP, as `sippts rtpbleed` does, and waits for what comes back."""

from __future__ import annotations

import asyncio
import socket

import pytest

from switchhook.core.ids import LegId
from switchhook.core.sources import Sound, SoundId
from switchhook.exchange.ports import Latching
from switchhook.media import rtcp, rtp
from tests.media.studio import Studio, story, studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("wire")]
KINDS = (0, 3, 8, 9, 18, 97, 98, 101)
ROUNDS = 4


class Scanner:
    """Sends short and whole packets to every port; hears what is sent to it, and that a port is closed (ICMP)."""

    def __init__(self, host: str) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.sent: dict[int, int] = {}
        self.heard: list[bytes | str] = []

    def scan(self, ports: list[int]) -> None:
        """One round: two packets of each payload type, in sequence, and a report, to each port and the next one."""
        for port in (each + more for each in ports for more in (0, 1)):
            for n, kind in enumerate(KINDS):
                for k in range(2):
                    packet = rtp.Packet(kind, k == 0, 2 * n + k, 160 * k, 0xB1EED, b"" if n % 2 else b"\xff" * 160)
                    self._send(rtp.build(packet), port)
            self._send(rtcp.build(rtcp.Report(0xB1EED), "scanner"), port)
            self.listen()

    def listen(self) -> None:
        while True:
            try:
                self.heard.append(self.sock.recv(2048))
            except BlockingIOError:
                return
            except OSError as error:
                self.heard.append(str(error))

    def _send(self, packet: bytes, port: int) -> None:
        try:
            self.sock.sendto(packet, ("127.0.0.1", port))
            self.sent[port] = self.sent.get(port, 0) + 1
        except OSError as error:  # ICMP for one before
            self.heard.append(str(error))


def states(s: Studio) -> list[int]:
    """Opens a leg in every state there is; returns all ports, those of nobody last."""
    s.phone("a", 600)
    s.phone("b", 900)
    s.phone("c", 1_500)
    s.phone("early", 0, talks=False)
    s.phone("trunk", 0, talks=False, session={"latching": Latching.STRICT})
    s.phone("nat", 0, talks=False, session={"remote_host": "192.0.2.9", "signalling_host": "192.0.2.9"})
    s.phone("music", 0)
    s.engine.open(LegId("unknown"))  # its SDP is not known
    s.hear(a="b", b="a", c="a b", early="a", trunk="a", nat="a", unknown="a")
    s.hear(music=[Sound(SoundId("m"), ("builtin:hold",), 0)])
    legs = [leg.address.port for leg in s.engine._legs.values()]
    return legs + [port for port in s.engine._ports if port not in legs]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"], ids=["of_a_telephones_address", "of_another"])
def test_a_scan_of_all_ports_gets_nothing_and_nobody_hears_it(host: str) -> None:
    @story
    async def run() -> None:
        async with studio(max_legs=12) as s:
            ports = states(s)
            await s.until(lambda: all(len(phone.heard) > 20 for phone in s.phones if phone.leg in ("a", "b", "c")))
            for phone in s.phones:
                phone.forget()
            scanner = Scanner(host)
            with scanner.sock:
                for _ in range(ROUNDS):
                    scanner.scan(ports)
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0.3)
                scanner.listen()
            assert scanner.heard == []
            named = {str(phone.leg): phone for phone in s.phones}
            for name, hz in (("a", 900), ("b", 600), ("c", 600)):
                assert named[name].level(hz, 0.3) > 7_000
                assert named[name].breaks() == []
                assert named[name].longest_step() <= s.most_step_ms
            audio = ROUNDS * 2 * len(KINDS)
            # What comes on the RTCP port from the telephone's own address may be from it, and is only malformed.
            near = {name for name in ("a", "b", "c", "early", "trunk", "music") if host == "127.0.0.1"}
            strange = {str(name): audio if name in near else 2 * (audio + ROUNDS) for name in s.engine._legs}
            await s.counted(strangers=sum(strange.values()))
            for name in ("a", "b", "early", "trunk", "nat", "music", "unknown"):
                s.engine.close(LegId(name))
                stats = await s.until(lambda name=name: s.stats.get(LegId(name)))
                assert stats.strangers == strange[name]
                assert stats.received == 0 or name in ("a", "b", "music")

    run()
