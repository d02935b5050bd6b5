"""`call_cpu_ms`: CPU of the control process for one plain call from trunk to trunk through the B2BUA.

SIPp calls a number that is forwarded to another SIPp: 14 messages, two legs, offer and answer on both, ports of audio
opened and closed, journal and call records. What the journal still has to write when the calls are over is
waited for and counted. The audio processes are a figure of their own: they are busy once per 5 ms phase whatever the
number of calls in it.
"""

from __future__ import annotations

from bench import sipp
from bench.floor import echo_ms
from bench.house import BEHIND, CALLED, Served
from bench.measure import Reading, workshop

RATE, SECONDS = 100, 8


def read() -> Reading:
    with workshop() as folder, sipp.Answering(folder) as behind, Served(folder, behind.port) as server:
        sipp.calls(folder, server.sip, CALLED, rate=RATE, count=RATE, answering=behind)
        server.settled()
        control, audio = server.control_cpu_s(), server.audio_cpu_s()
        count = RATE * SECONDS
        load = sipp.calls(folder, server.sip, CALLED, rate=RATE, count=count, answering=behind)
        settled = server.settled()
        spent, of_audio = server.control_cpu_s() - control, server.audio_cpu_s() - audio
    return Reading(
        value=spent / max(1, load.good) * 1e3,
        how=f"{count} calls at {RATE}/s with SIPp at both ends, {CALLED} forwarded to {BEHIND}, journal on; "
        f"{load.good} good, {load.sent_again} messages sent again",
        floor=echo_ms(),
        floor_is="echo of the same number of datagrams",
        holds=load.good == count and settled,
        second={"audio_cpu_ms": of_audio / count * 1e3, "sipp_cpu_ms": load.cpu_s / count * 1e3},
    )
