"""`call_cpu_ms`: CPU of the control process for one plain call from trunk to trunk through the B2BUA.

SIPp calls a number that is forwarded to another SIPp: 14 messages, two legs, offer and answer on both, ports of audio
opened and closed, journal and call records. What the journal still has to write when the calls are over is
waited for and counted. The audio processes are a figure of their own: they are busy once per 5 ms phase whatever the
number of calls in it.

Taken with 10 other calls up and then, in the same server, with 1,000: the cost may not grow by more than a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench import sipp
from bench.floor import echo_ms
from bench.house import BEHIND, CALLED, Served
from bench.measure import Reading, workshop
from bench.others import FEW, MANY, Others

RATE, SECONDS = 300, 8  # a wake-up costs more than a message: at 50/s a call costs twice what it does at 300/s
COUNT = RATE * SECONDS


@dataclass(frozen=True)
class Cost:
    """What a call cost, in ms of CPU."""

    control: float
    audio: float
    of_sipp: float
    load: sipp.Load
    settled: bool

    @property
    def clean(self) -> bool:
        return self.load.good == COUNT and self.settled


def read() -> Reading:
    with (
        workshop() as folder,
        sipp.Answering(folder) as behind,
        Served(folder, behind.port) as server,
        Others(folder, server) as others,
    ):
        sipp.calls(folder, server.sip, CALLED, rate=RATE, count=RATE, answering=behind)
        server.settled()
        others.grow(FEW)
        few = _cost(folder, server, behind, others)
        others.grow(MANY)
        many = _cost(folder, server, behind, others)
    return Reading(
        value=few.control,
        how=f"{COUNT} calls at {RATE}/s with SIPp at both ends, {CALLED} forwarded to {BEHIND}, journal on; {FEW} "
        f"other calls up, then {MANY} (they are silent: dialogs, ports and journal rows, no packets); "
        f"{few.load.good} and {many.load.good} good, {few.load.sent_again + many.load.sent_again} messages sent again",
        floor=echo_ms(),
        floor_is="echo of the same number of datagrams",
        holds=few.clean and many.clean,
        why=f"{few.load.good} and {many.load.good} of {COUNT} calls were good",
        second={
            "with_1000_others_ms": many.control, "grows": many.control / few.control, "audio_cpu_ms": few.audio,
            "sipp_cpu_ms": few.of_sipp,
        },
    )  # fmt: skip


def _cost(folder: Path, server: Served, behind: sipp.Answering, others: Others) -> Cost:
    control, audio = server.control_cpu_s(), server.audio_cpu_s()
    load = sipp.calls(folder, server.sip, CALLED, rate=RATE, count=COUNT, answering=behind)
    settled = server.settled(others.legs)
    made = max(1, load.good) / 1e3
    spent, of_audio = server.control_cpu_s() - control, server.audio_cpu_s() - audio
    return Cost(spent / made, of_audio / made, load.cpu_s / made, load, settled)
