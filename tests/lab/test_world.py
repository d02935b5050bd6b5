"""Stories in a world: real SIP over a fake network, all dialects, symbolic ears."""

from __future__ import annotations

from switchhook.lab.virtual_time import in_virtual_time
from switchhook.lab.world import MUSIC, Outcome, World


@in_virtual_time
async def test_customer_hangs_up_while_the_target_rings() -> None:
    async with World() as world:
        customer, agent, target = await world.phones("customer", "agent", "target")
        await world.talking(customer, agent)
        await world.phlo.warm_transfer(trigger_source=agent.number, to=target.number)
        await target.is_ringing()
        assert await customer.hears(MUSIC)

        await customer.hang_up()

        await target.stops_ringing(within_s=0.5)
        assert world.outcome is Outcome.CUSTOMER_LEFT
        print(world.timeline())
        print(world.ladder())
        print(world.heard())
        await world.everybody_hangs_up()
