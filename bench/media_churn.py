"""What short calls cost the audio processes and the control side of the audio: `python -m bench.media_churn [calls/s]`.

Two legs a call and no telephone that sends: open, connect and hear both, close both 20 ms later, as a SIPp call does
it. The audio processes run on one core, this one on another. Of the control process only the CPU above that of the
same loop without an engine counts. Prints one line of JSON for each rate.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable

from bench.machine import cores, cpu_s, descendants
from switchhook.core.ids import LegId
from switchhook.core.sources import Voice
from switchhook.exchange.ports import Codec, Session
from switchhook.media.control import MediaEngine
from switchhook.media.settings import MediaSettings

SECONDS, MAX_LEGS = 4.0, 4_000
TURN_S = 0.005  # calls that fall into one turn of the loop are made together, as a busy server does
Step = Callable[[int], None]


async def _run(rate: int, steps: list[Step]) -> float:
    """Makes calls at this rate; the steps of one call follow each other by a turn. Returns the CPU used here."""
    loop = asyncio.get_running_loop()
    began, used, made, turn = loop.time(), time.process_time(), 0, 0
    due: list[range] = []
    while loop.time() - began < SECONDS:
        turn += 1
        due.insert(0, range(made, int(turn * TURN_S * rate)))
        made = due[0].stop
        del due[len(steps) :]
        for step, calls in zip(steps, due, strict=False):
            for call in calls:
                step(call)
        await asyncio.sleep(max(0.0, began + turn * TURN_S - loop.time()))
    for number in range(1, len(steps)):
        for step, calls in zip(steps[number:], due, strict=False):
            for call in calls:
                step(call)
    return time.process_time() - used


async def measure(rate: int, wire: str = "auto") -> dict[str, object]:
    """Returns CPU per call of the audio processes and of the control side, in ms."""
    first, others = cores()
    os.sched_setaffinity(0, {first})
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    ended: list[object] = []
    engine = await MediaEngine.start(
        MediaSettings(ports=(12_000, 31_998), max_legs=MAX_LEGS, wire=wire), emit=lambda event: None,
        on_stats=lambda leg, stats: ended.append(leg),
    )  # fmt: skip
    os.sched_setaffinity(0, others)
    session = Session("127.0.0.1", sink.getsockname()[1], Codec.PCMU, 0)

    def names(call: int) -> tuple[LegId, LegId]:
        return LegId(f"a{call}"), LegId(f"b{call}")

    def arrive(call: int) -> None:
        engine.open(names(call)[0])
        engine.open(names(call)[1])

    def answer(call: int) -> None:
        a, b = names(call)
        engine.connect(b, session)
        engine.connect(a, session)
        engine.hear([(a, (Voice(b),)), (b, (Voice(a),))])

    def leave(call: int) -> None:
        for name in names(call):
            engine.close(name)

    def nothing(call: int) -> None:
        return

    idle = await _run(rate, [nothing] * 6)
    audio = [engine.pids["keeper"], *descendants(engine.pids["keeper"])]
    before = sum(cpu_s(pid) for pid in audio)
    used = await _run(rate, [arrive, answer, nothing, nothing, nothing, leave])
    await asyncio.sleep(0.2)
    audio_s = sum(cpu_s(pid) for pid in audio) - before
    calls = len(ended) // 2
    wire = engine.counters.wire if engine.counters else wire
    await engine.stop()
    sink.close()
    return {
        "rate": rate, "wire": wire, "calls": calls, "audio_ms": round(audio_s / calls * 1e3, 4),
        "control_ms": round((used - idle) / calls * 1e3, 4),
    }  # fmt: skip


if __name__ == "__main__":
    for each in [int(text) for text in sys.argv[1:]] or [100, 1_000]:
        for kind in ("auto", "epoll"):
            print(json.dumps(asyncio.run(measure(each, kind))), flush=True)
