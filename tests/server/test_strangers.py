"""A stranger's audio on a leg's port: nobody hears it, and the leg's timeline says that it was there."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from switchhook.lab.world_real import RealWorld
from switchhook.observe.timeline import timeline

pytestmark = pytest.mark.slow


def packet(number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 0, number, number * 160, 0xBAD) + bytes(160)


def test_a_strangers_packets_stand_in_the_timeline_of_the_leg() -> None:
    async def story() -> None:
        async with RealWorld() as world:
            customer, agent = await world.phones("customer", "agent")
            await world.talking(customer, agent)
            leg = next(iter(world.exchange.state.legs))
            port = world.server.media.open(leg).port
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.2", 0))
                stranger_port = stranger.getsockname()[1]
                for number in range(20):
                    stranger.sendto(packet(number), ("127.0.0.1", port))
                    await asyncio.sleep(0.02)
            assert await customer.hears_only("agent")
            assert await agent.hears_only("customer")
            await customer.hang_up()
            await agent.hang_up()
            async with asyncio.timeout(5):
                while not any(entry.kind == "Warning" and entry.leg == leg for entry in world.entries):
                    await asyncio.sleep(0.02)
            async with asyncio.timeout(5):
                while "switchhook_audio_strangers 20.0" not in world.server.metrics.render().decode():
                    await asyncio.sleep(0.02)
            sender = f"127.0.0.2:{stranger_port}"
            told = timeline(world.entries)
            assert f"20 audio packets of a stranger's address were not played: from {sender}\n" in told
            (counted,) = [entry.body for entry in world.entries if entry.kind == "MediaStats" and entry.leg == leg]
            assert (counted["strangers"], counted["stranger"]) == (20, sender)

    asyncio.run(story())
