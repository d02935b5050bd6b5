"""What happens in the soak: every kind of call and transfer, each a story of one lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from switchhook.lab.demo.house import ACCOUNT
from switchhook.lab.heard import Missed
from switchhook.lab.manners import HoldStyle
from switchhook.lab.soak.play import WITHIN_S, Play
from switchhook.lab.soak.site import RING_S, RTP_TIMEOUT_S
from switchhook.lab.tones import MUSIC, RINGBACK
from switchhook.lab.world_desks import Desktop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from switchhook.lab.phone import Phone

Story = Callable[[Play], Awaitable[None]]
NOTHING: frozenset[str] = frozenset()
C, A, T = "customer", "agent", "target"


def cast(play: Play, agent: str, target: str) -> tuple[Phone, Phone, Phone]:
    """Takes the customer and these two of the lane as agent and target, and nobody else."""
    everybody = play.phones
    play.phones = {C: everybody[C], A: everybody[agent], T: everybody[target]}
    return play.phones[C], play.phones[A], play.phones[T]


async def picks_up(phone: Phone, after_s: float) -> None:
    await phone.is_ringing(within_s=WITHIN_S)
    await phone.answer(after_s, within_s=WITHIN_S)


async def supported(play: Play, fallback: str = "") -> tuple[Phone, Phone, Phone]:
    """A customer has called the line of a flow, whose transfers have this fallback, and talks to its agent."""
    customer, agent, target = cast(play, "agent", "target")
    play.line = play.lane.support(fallback)
    await customer.call(play.line.number)
    await picks_up(agent, play.chance.uniform(0, 1))
    await play.phase("talk", customer={A}, agent={C})
    return customer, agent, target


async def dialled(play: Play) -> tuple[Phone, Phone, Phone]:
    """A customer has called the line of the program, whose Dial has found the desk."""
    customer, agent, target = cast(play, "desk", "colleague")
    await customer.call(play.lane.dial_line)
    await picks_up(agent, play.chance.uniform(0, 1))
    await play.phase("talk", customer={A}, agent={C})
    return customer, agent, target


# --- calls


async def plain_call(play: Play) -> None:
    customer, agent, _ = await dialled(play)
    first, second = play.chance.sample([customer, agent], 2)
    await first.hang_up()
    await second.ended(within_s=WITHIN_S)


async def hold_and_resume(play: Play) -> None:
    customer, agent, _ = await dialled(play)
    for _ in range(play.chance.randint(1, 3)):
        await agent.hold(play.chance.choice(list(HoldStyle)))
        await play.phase("on hold", customer={MUSIC})
        await agent.resume()
        await play.phase("taken back", customer={A}, agent={C})
    await customer.hang_up()


async def caller_gives_up(play: Play) -> None:
    customer, agent, _ = cast(play, "desk", "colleague")
    await customer.call(play.lane.dial_line)
    await agent.is_ringing(within_s=WITHIN_S)
    await customer.hang_up()
    await agent.stops_ringing(within_s=WITHIN_S)


async def conference(play: Play) -> None:
    customer, agent, target = cast(play, "agent", "target")
    for phone in (customer, agent, target):
        await phone.call(play.lane.conference_line)
        await phone.answered(within_s=WITHIN_S)
    await play.phase("all three", customer={A, T}, agent={C, T}, target={C, A})
    leaves, left = play.chance.sample([A, T], 2)
    await play.phones[leaves].hang_up()
    await play.phase("two are left", **{C: {left}, left: {C}})


async def program_fails(play: Play) -> None:
    customer, _, _ = cast(play, "agent", "target")
    await customer.call(play.lane.broken_line)
    await customer.ended(within_s=45)


# --- PHLO


async def another_agent(play: Play) -> None:
    _, agent, target = await supported(play)
    await play.phlo("call", to=play.lane.target, role="agent")
    await picks_up(target, 0.3)
    await play.phase("all three", customer={A, T}, agent={C, T}, target={C, A})
    await agent.hang_up()
    await play.phase("the first has left", customer={T}, target={C}, agent=NOTHING)


async def consulted(play: Play) -> tuple[Phone, Phone, Phone]:
    customer, agent, target = await supported(play)
    await play.phlo("warm_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the target rings", customer={MUSIC}, agent={RINGBACK})
    await picks_up(target, 0)
    await play.phase("in private", customer={MUSIC}, agent={T}, target={A})
    return customer, agent, target


async def warm_completed(play: Play) -> None:
    _, agent, _ = await consulted(play)
    await agent.hang_up()
    await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)


async def warm_merged(play: Play) -> None:
    _, agent, _ = await consulted(play)
    await play.phlo("resume_call")
    await play.phase("merged", customer={A, T}, agent={C, T}, target={C, A})
    await agent.hang_up()
    await play.phase("the agent has left", customer={T}, target={C}, agent=NOTHING)


async def warm_aborted(play: Play) -> None:
    _, _, target = await consulted(play)
    await play.phlo("abort_transfer")
    await play.phase("taken back", customer={A}, agent={C})
    await target.ended(within_s=WITHIN_S)


async def warm_left_by_target(play: Play) -> None:
    _, _, target = await consulted(play)
    await target.hang_up()
    await play.phase("back with the agent", customer={A}, agent={C}, target=NOTHING)


async def warm_left_by_customer(play: Play) -> None:
    customer, _, _ = await consulted(play)
    await customer.hang_up()
    await play.phase("the agents go on", agent={T}, target={A})


async def warm_refused(play: Play) -> None:
    _, _, target = await supported(play)
    target.manners.rejects_with = play.chance.choice([486, 603, 480])
    before = len(target.log)
    await play.phlo("warm_transfer", to=play.lane.target, role="agent")
    await play.until(lambda: any(one.what == "refused" for one in target.log[before:]), "the target to refuse")
    await asyncio.sleep(0.3)  # the music and the ringback of that moment have been heard
    await play.phase("back with the agent", customer={A}, agent={C})


async def warm_unanswered(play: Play) -> None:
    _, _, target = await supported(play)
    await play.phlo("warm_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the target rings", customer={MUSIC}, agent={RINGBACK})
    await target.stops_ringing(within_s=RING_S + WITHIN_S)
    await play.phase("back with the agent", customer={A}, agent={C})


async def cold_completed(play: Play) -> None:
    _, agent, target = await supported(play)
    await play.phlo("cold_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the target rings", customer={MUSIC}, agent=NOTHING)
    await agent.ended(within_s=WITHIN_S)
    await picks_up(target, 0)
    await play.phase("handed over", customer={T}, target={C})


async def cold_abandoned(play: Play) -> None:
    customer, _, target = await supported(play)
    await play.phlo("cold_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await customer.hang_up()
    await target.stops_ringing(within_s=WITHIN_S)


# --- Plivo


async def plivo_transfer(play: Play) -> None:
    _, agent, target = await dialled(play)
    path = f"/v1/Account/{ACCOUNT}/Call/"
    uuid = ""
    for each in (await play.get(path, status="live"))["calls"]:
        call = await play.get(f"{path}{each}/", status="live")
        if call.get("direction") == "inbound" and call["from"].lstrip("+") == play.lane.customer.lstrip("+"):
            uuid = each
    if not uuid:
        raise Missed("no live call of the customer's is listed")
    answers = f"{play.web}/to/{play.lane.colleague}"
    await play.post(f"{path}{uuid}/", {"legs": "aleg", "aleg_url": answers, "aleg_method": "GET"})
    await picks_up(target, 0.3)
    await play.phase("handed over", customer={T}, target={C})
    await agent.ended(within_s=WITHIN_S)


# --- Genesys


@asynccontextmanager
async def desktop_of(play: Play) -> AsyncIterator[tuple[Desktop, Phone, Phone, Phone]]:
    """The customer has called the desk, whose agent has answered on the screen."""
    customer, agent, target = cast(play, "desk", "colleague")
    desktop = Desktop(str(play.http.base_url), play.lane.user, "soak")
    await desktop.open()
    try:
        await customer.call(play.lane.dial_line)
        await desktop.operate("Answer", await desktop.shows("Ringing", within_s=WITHIN_S))
        await play.phase("talk", customer={A}, agent={C})
        yield desktop, customer, agent, target
    finally:
        await desktop.close()


async def private(play: Play, desktop: Desktop, target: Phone) -> None:
    await desktop.initiate_transfer(play.lane.colleague)
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the colleague rings", customer={MUSIC}, agent={RINGBACK})
    await picks_up(target, 0)
    await play.phase("in private", customer={MUSIC}, agent={T}, target={A})


async def two_step(play: Play) -> None:
    async with desktop_of(play) as (desktop, _, _, target):
        await private(play, desktop, target)
        await desktop.complete_transfer()
        await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)


async def two_step_swapped(play: Play) -> None:
    async with desktop_of(play) as (desktop, _, _, target):
        await private(play, desktop, target)
        await desktop.swap()
        await play.phase("swapped", customer={A}, agent={C}, target={MUSIC})
        await desktop.shows("Held", call_type="Consult", within_s=WITHIN_S)
        await desktop.swap()
        await play.phase("in private again", customer={MUSIC}, agent={T}, target={A})
        await desktop.complete_transfer()
        await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)


async def single_step(play: Play) -> None:
    async with desktop_of(play) as (desktop, _, agent, target):
        await desktop.single_step_transfer(play.lane.colleague)
        await agent.ended(within_s=WITHIN_S)
        await picks_up(target, 0.3)
        await play.phase("handed over", customer={T}, target={C})


async def desk_holds(play: Play) -> None:
    async with desktop_of(play) as (desktop, customer, _, _):
        await desktop.hold()
        await play.phase("held", customer={MUSIC}, agent=NOTHING)
        await desktop.shows("Held", within_s=WITHIN_S)
        await desktop.retrieve()
        await play.phase("retrieved", customer={A}, agent={C})
        await customer.hang_up()


# --- telephones that die


async def agent_dies(play: Play) -> None:
    """No BYE, no audio any more: the leg ends after `rtp_timeout_s`, and the program goes on, here to its end."""
    customer, _, _ = await dialled(play)
    play.dies(A)
    await customer.ended(within_s=RTP_TIMEOUT_S + 2 * WITHIN_S)


async def customer_dies(play: Play) -> None:
    _, agent, _ = await supported(play)
    play.dies(C)
    await play.phase("the agent waits", agent={MUSIC})  # in a multi-party call who is left may be joined
    await agent.hang_up()


async def target_dies_in_consult(play: Play) -> None:
    await consulted(play)
    play.dies(T)
    await play.phase("in silence", customer={MUSIC}, agent=NOTHING)
    await play.phase("back with the agent", customer={A}, agent={C})


STORIES: tuple[Story, ...] = (
    plain_call, plain_call, hold_and_resume, caller_gives_up, conference, program_fails, another_agent, warm_completed,
    warm_completed, warm_merged, warm_aborted, warm_left_by_target, warm_left_by_customer, warm_refused,
    warm_unanswered, cold_completed, cold_completed, cold_abandoned, plivo_transfer, two_step, two_step,
    two_step_swapped, single_step, desk_holds, agent_dies, customer_dies, target_dies_in_consult,
)  # fmt: skip
