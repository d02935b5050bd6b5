"""`warm_transfer_cpu_ms`: CPU of the control process for a whole warm transfer by one request of the PHLO API.

Virtual telephones (SIP only, they send no audio) behind a carrier stand in multi-party calls. At 20 a second, who
talks with the customer asks for a warm transfer: hold, dial, the target rings and answers, consult; then hangs up, and
customer and target talk. Counted is from the first request until the last fact is on disk. With 10 and with 1,000
other calls up.
"""

from __future__ import annotations

import asyncio

from bench.floor import echo_ms
from bench.measure import Reading, workshop
from bench.others import FEW, MANY
from bench.teams import Floor, Team, standing

TEAMS, COUNT, RATE = 20, 160, 20.0
DATAGRAMS = 8  # INVITE, 180, 200, ACK of the target, BYE and 200 of the agent; request and answer of HTTP


def read() -> Reading:
    return asyncio.run(_read())


async def _read() -> Reading:
    with workshop() as folder:
        async with standing(folder, [Team(number) for number in range(TEAMS)], audio=False) as floor:
            await floor.more_others(FEW)
            await floor.play(2 * TEAMS, RATE)  # warms up
            few, of_audio = await _cpu_ms(floor)
            await floor.more_others(MANY)
            many, _ = await _cpu_ms(floor)
            completed = floor.server.metrics().get(
                'switchhook_transfers_ended_total{kind="warm",outcome="completed"}', 0.0
            )
            asked, late = floor.asked, floor.late
    return Reading(
        value=few,
        how=f"{COUNT} transfers at {RATE:.0f}/s by the PHLO API, virtual telephones without audio; {FEW} other calls "
        f"up, then {MANY}; {completed:.0f} of {asked} completed, {late} began late",
        floor=echo_ms(datagrams=DATAGRAMS),
        floor_is=f"echo of {DATAGRAMS} datagrams",
        holds=completed == asked,
        why=f"{completed:.0f} of {asked} transfers were completed",
        second={"with_1000_others_ms": many, "grows": many / few, "audio_cpu_ms": of_audio},
    )


async def _cpu_ms(floor: Floor) -> tuple[float, float]:
    """Returns milliseconds per transfer of the control process and of the audio processes."""
    server = floor.server
    control, audio = server.control_cpu_s(), server.audio_cpu_s()
    await floor.play(COUNT, RATE)
    return (server.control_cpu_s() - control) / COUNT * 1e3, (server.audio_cpu_s() - audio) / COUNT * 1e3
