"""Calls that are up while something bad happens to the server, and what their telephones notice of it.

Pairs of telephones with G.711 both ways. Each caller sends a re-INVITE every few seconds; at the end all of them hang
up. What they notice is counted from outside: packets of audio lost and the longest gap at a listener, re-INVITEs and
BYEs that did not get their 200, calls that ended before their time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.house import ACCOUNT
from bench.media_load import spread
from bench.stamped import StampedSocket
from bench.talkers import Talkers
from bench.telephones import Telephone
from switchhook.lab.carrier import Carrier
from switchhook.lab.served import Table

REINVITES_EVERY_S = 3.0
ANSWER_S = 5.0  # a request without its answer by then has failed


@dataclass(frozen=True)
class Noticed:
    """What the telephones noticed; gaps in ms as p50, p99, p99.9 and the most."""

    lost: int
    gaps: list[float]
    packets: int
    reinvites: int
    reinvites_failed: int
    byes: int
    byes_failed: int
    ended_early: int
    load_late: list[float]


class Tap:
    """Counts one telephone's re-INVITEs and BYEs, and their 200s."""

    def __init__(self) -> None:
        self.asked: dict[str, set[str]] = {"INVITE": set(), "BYE": set()}
        self.granted: dict[str, set[str]] = {"INVITE": set(), "BYE": set()}

    def __call__(self, _at: float, _leg: str | None, way: str, wire: bytes, _peer: str) -> None:
        first = wire[: wire.find(b"\r\n")].decode()
        at = wire.find(b"\r\nCSeq:")
        number, _, method = wire[at + 7 : wire.find(b"\r\n", at + 7)].decode().strip().partition(" ")
        if method not in self.asked:
            return
        if way == "out" and first.startswith(method):
            self.asked[method].add(number)
        elif way == "in" and first.startswith("SIP/2.0 2"):
            self.granted[method].add(number)

    def failed(self, method: str) -> int:
        return len(self.asked[method] - self.granted[method])


class LiveCalls:
    """`open` before the server starts, `connect` when it runs, then `during`, then `end`."""

    def __init__(self, calls: int) -> None:
        self._numbers = [
            (f"+1415550{number:04d}", f"+1415666{number:04d}", f"+1415777{number:04d}") for number in range(calls)
        ]
        self._pairs: list[tuple[Telephone, Telephone]] = []
        self._taps: list[Tap] = []
        self.ended_early = 0

    async def open(self) -> list[Table]:
        """Returns what the configuration says of them: their trunk and their numbers."""
        self._stamped = StampedSocket()
        self._carrier = Carrier(self._stamped)
        self._talkers = await Talkers.start(2 * len(self._numbers))
        trunk = f"sip:127.0.0.1:{self._stamped.port}"
        return [
            ("trunk[]", {"name": "phones", "uri": trunk, "prefixes": ["+1415666", "+1415777"]}),
            *(("number[]", {"number": called, "account": ACCOUNT, "forward": to}) for called, _, to in self._numbers),
        ]

    async def connect(self, sip: int) -> None:
        """Makes all the calls, ten at a time."""
        for number, (_, caller, callee) in enumerate(self._numbers):
            one, two = (
                Telephone(self._carrier, each, ("udp", "127.0.0.1", sip), self._talkers, 2 * number + voice)
                for voice, each in enumerate((caller, callee))
            )
            for phone in (one, two):
                tap = Tap()
                phone.agent.engine.tap = tap
                self._taps.append(tap)
            self._pairs.append((one, two))
        for start in range(0, len(self._pairs), 10):
            ten = range(start, min(start + 10, len(self._pairs)))
            for number in ten:
                self._pairs[number][0].call(self._numbers[number][0])
            async with asyncio.timeout(15.0):
                await asyncio.gather(*(phone.up.wait() for number in ten for phone in self._pairs[number]))
        await asyncio.sleep(2.0)  # the first packets of a call are another matter
        await self._talkers.keep("")

    async def during(self, seconds: float) -> None:
        """Lets time pass; each caller sends a re-INVITE every few seconds, all of them spread evenly."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        apart = REINVITES_EVERY_S / len(self._pairs)
        number = 0
        while loop.time() < start + seconds:
            line = self._pairs[number % len(self._pairs)][0].line
            if line is not None:
                line.resume()
            number += 1
            await asyncio.sleep(max(0.0, start + number * apart - loop.time()))

    async def heard(self, folder: Path) -> dict[str, Any]:
        """Returns the audio of all since `connect`, and how the talkers kept up; counts who is gone already."""
        self.ended_early = sum(phone.line is None for pair in self._pairs for phone in pair)
        file = folder / "live.npz"
        figures = await self._talkers.keep(str(file))
        with np.load(file) as kept:
            audio = (kept["leg"] >= 0) & (kept["second"] & 0x7F == 0)
            order = np.lexsort((kept["at"][audio], kept["leg"][audio]))
            leg, at, seq = (kept[name][audio][order] for name in ("leg", "at", "seq"))
        same = leg[1:] == leg[:-1]
        steps = (seq[1:] - seq[:-1])[same] & 0xFFFF
        gaps = (at[1:] - at[:-1])[same] / 1e6
        lost = int((steps[(steps > 1) & (steps < 1000)] - 1).sum())
        return {"lost": lost, "gaps": spread(gaps), "packets": len(leg), "late": figures["late_ms"]}

    async def hang_up(self) -> None:
        """Everybody's caller hangs up; returns when all are idle or the time for it is over."""
        for caller, _ in self._pairs:
            caller.hang_up()
        try:
            async with asyncio.timeout(ANSWER_S):
                await asyncio.gather(*(phone.idle.wait() for pair in self._pairs for phone in pair))
        except TimeoutError:
            pass
        await asyncio.sleep(0.5)

    def noticed(self, audio: dict[str, Any]) -> Noticed:
        taps = self._taps
        never = sum(not phone.idle.is_set() for pair in self._pairs for phone in pair)
        return Noticed(
            lost=audio["lost"], gaps=audio["gaps"], packets=audio["packets"],
            reinvites=sum(max(0, len(tap.asked["INVITE"]) - 1) for tap in taps[::2]),
            reinvites_failed=sum(tap.failed("INVITE") for tap in taps),
            byes=sum(len(tap.asked["BYE"]) for tap in taps), byes_failed=sum(tap.failed("BYE") for tap in taps) + never,
            ended_early=self.ended_early, load_late=audio["late"],
        )  # fmt: skip

    async def close(self) -> None:
        await self._talkers.close()
        self._carrier.close()
