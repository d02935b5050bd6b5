"""Voices for SIP telephones: a process that sends each leg's tone where its call says, and keeps all that comes back.

The same sending and receiving as in `media_load`, but a leg begins, changes and ends while it runs: one JSON line on
standard input each time. A leg without a call sends to a socket that nobody reads, so that its clock runs on. A leg
says one G.711 code all the time, different for those who meet, so any single packet tells whom it is from; the
kernel's stamp tells when it came. Lines: {"aim": [leg, port]} (port 0: nowhere), {"keep": file} (writes what came,
empties it, answers one line of figures; without a file it only empties, which takes no time from the sending).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys
import time
from typing import Any

import numpy as np

from bench.machine import cores
from bench.media_load import Load, drops, spread
from bench.media_rig import voices

Array = Any
LONGEST_S = 240.0
FREED = 50  # pieces in 2 ms


class Talkers:
    """The bench's end of that process: `ports` and `codes` by leg."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int], codes: list[int]) -> None:
        self._process, self.ports, self.codes = process, ports, codes

    @classmethod
    async def start(cls, legs: int) -> Talkers:
        """Starts it on the last core of the load; `legs` voices, the twelve codes in turn."""
        core = sorted(cores()[1])[-1]
        codes, _ = voices(legs, lambda _leg, _legs: [])
        process = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(core), sys.executable, "-m", "bench.talkers",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"codes": codes}).encode() + b"\n")
        return cls(process, json.loads(await process.stdout.readline())["ports"], codes)

    def aim(self, leg: int, port: int) -> None:
        """Sends that leg's voice to a port of the server; 0 ends it."""
        self._line({"aim": [leg, port]})

    async def keep(self, file: str) -> dict[str, Any]:
        """Writes what came since the last time to an .npz file; returns how well the process kept up."""
        self._line({"keep": file})
        assert self._process.stdout is not None
        figures: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return figures

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def _line(self, line: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")


class Orders:
    """Lines on standard input, read without waiting."""

    def __init__(self) -> None:
        os.set_blocking(0, False)
        self._rest = b""

    def __iter__(self) -> Orders:
        return self

    def __next__(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            try:
                more = os.read(0, 65_536)
            except BlockingIOError:
                raise StopIteration from None
            if not more:
                raise SystemExit
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        order: dict[str, Any] = json.loads(line)
        return order


class Voices:
    """The sending and receiving side."""

    def __init__(self, codes: list[int]) -> None:
        self._nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._nobody.bind(("127.0.0.1", 0))
        self._nobody.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.load = Load(len(codes), seed=1)
        nowhere = self._nobody.getsockname()[1]
        self.load.aim([nowhere] * len(codes), codes)
        self.load.leg_of_port[:] = -1
        self._port_of = dict.fromkeys(range(len(codes)), 0)
        self._nowhere = nowhere
        self.late: list[float] = []
        self._spent: list[tuple[Array, ...]] = []  # what nobody wants any more: freed little by little
        self._used = time.process_time()

    def aim(self, leg: int, port: int) -> None:
        load, old = self.load, self._port_of[leg]
        if old and load.leg_of_port[old] == leg:
            load.leg_of_port[old] = -1
        self._port_of[leg] = port
        if port:
            load.leg_of_port[port] = leg
        load.out.names[load.row_of[leg], 2:4] = np.array([port or self._nowhere], ">u2").view(np.uint8)

    def keep(self, file: str) -> dict[str, Any]:
        """Writes the columns and begins anew."""
        load = self.load
        load.receive()
        packets = sum(len(column[0]) for column in load.kept)
        if file:
            self._write(file)
        self._spent += load.kept
        load.kept = []
        late = np.array(self.late or [0.0])
        self.late.clear()
        used, self._used = time.process_time() - self._used, time.process_time()
        seconds = len(late) / 1000
        return {
            "late_ms": spread(late * 1000), "dropped": sum(drops(sock) for sock in load.socks),
            "cpu": used / max(0.001, seconds), "packets": packets,
        }  # fmt: skip

    def _write(self, file: str) -> None:
        leg, at, seq, ts, _, codes, size, second = self.load.columns()
        np.savez(file, leg=leg, at=at, seq=seq, ts=ts, codes=codes, size=size, second=second)

    def run(self) -> None:
        """Sends and receives until standard input ends."""
        orders, start, ms = Orders(), time.monotonic(), 0
        while ms < LONGEST_S * 1000:
            due = start + ms / 1000
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
                now = time.monotonic()
            self.late.append(now - due)
            self.load.send(ms, stamped=False)
            if ms % 2:
                self.load.receive()
                del self._spent[-FREED:]  # all at once would stop the voices for 0.3 s
            else:
                for order in orders:
                    if "aim" in order:
                        self.aim(*order["aim"])
                    else:
                        print(json.dumps(self.keep(order["keep"])), flush=True)
            ms += 1


def main() -> None:
    """Runs the voices for `Talkers`."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    except OSError:
        pass
    talking = Voices(json.loads(sys.stdin.readline())["codes"])
    gc.collect()
    gc.freeze()
    gc.disable()  # a look at all that came would stop the voices for 0.3 s, and the server would be blamed for it
    print(json.dumps({"ports": talking.load.ports()}), flush=True)
    talking.run()


if __name__ == "__main__":
    main()
