"""re-INVITE crossing re-INVITE on one dialog: SIPp calls a telephone of ours, and both press hold at once.

The server itself never sends a re-INVITE (it changes audio inside), so the other end is the telephone that `switchhook
phone` and the lab are made of: the same engine, on real sockets.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Direction
from switchhook.sip.agent import Agent, Identity
from switchhook.sip.counters import Counters
from switchhook.sip.sockets import Sockets
from switchhook.sip.ticking import Ticking
from tests.sip.test_sockets import Told
from tests.wire.rig import Sipp, free_port

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.usefixtures("sipp")]


async def _both_hold(folder: Path) -> Counters:
    loop, port = asyncio.get_running_loop(), free_port()
    sockets, told = Sockets(), Told()
    await sockets.open([("udp", "127.0.0.1", 0)])
    identity, server = Identity("called", "wire.local"), ("udp", "127.0.0.1", port)
    agent = Agent(told, sockets, identity, clock=loop.time, random=Random(3), server=server)
    ticking = Ticking(agent.engine.timers, agent.tick, loop)
    try:
        with Sipp(folder, "glare_caller.xml", port, sockets.addresses[0][2]) as caller:
            line = await told.hears("incoming")
            await told.hears("answered")
            line.hold()
            assert await told.hears("held")
            assert await told.hears("ended") is Outcome.COMPLETED
            await asyncio.to_thread(caller.finish)
        assert line.session.direction is Direction.SENDONLY, "the caller's hold"
        assert [message for message in caller.messages() if "491" in message] == ["> 491 INVITE", "< 491 INVITE"]
    finally:
        ticking.close()
        sockets.close()
    return agent.engine.counters


def test_both_are_refused_with_491_both_come_again_and_both_holds_come_true(tmp_path: Path) -> None:
    counters = asyncio.run(_both_hold(tmp_path))
    assert counters.glare == 2
    assert not counters.bugs
