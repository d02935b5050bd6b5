"""What happens in the soak when a transfer is left early or does not reach its target: every kind of fallback."""

from __future__ import annotations

import asyncio

from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.soak.play import WITHIN_S, Play
from switchhook.lab.soak.scenes import (
    NOTHING,
    A,
    C,
    Story,
    T,
    consulted,
    desktop_of,
    picks_up,
    private,
    supported,
)
from switchhook.lab.soak.site import RING_S
from switchhook.lab.tones import MUSIC, RINGBACK


async def _refused(play: Play, fallback: str = "") -> tuple[Phone, Phone, Phone]:
    """A cold transfer whose target refuses when the agent is gone: one who is called back must have heard the BYE."""
    customer, agent, target = await supported(play, fallback)
    await play.phlo("cold_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await agent.ended(within_s=WITHIN_S)
    await target.reject(play.chance.choice([486, 603, 480]))
    await target.stops_ringing(within_s=WITHIN_S)
    return customer, agent, target


async def cold_parked(play: Play) -> None:
    customer, _, _ = await _refused(play)
    await play.phase("hold music", customer={MUSIC}, agent=NOTHING)
    await customer.hang_up()


async def cold_parked_and_fetched(play: Play) -> None:
    """Nobody has come, so the customer is given a new agent from outside."""
    _, _, target = await _refused(play)
    await play.phase("hold music", customer={MUSIC}, agent=NOTHING)
    await play.phlo("call", to=play.lane.target, role="agent")
    await picks_up(target, 0.3)
    await play.phase("fetched", customer={T}, target={C}, agent=NOTHING)


async def cold_recalled(play: Play) -> None:
    _, agent, _ = await _refused(play, "recall")
    await picks_up(agent, 0.3)
    await play.phase("back with the agent", customer={A}, agent={C})


async def cold_to_the_next(play: Play) -> None:
    everybody = dict(play.phones)
    await _refused(play, "next")
    play.phones["next"] = everybody["colleague"]
    await picks_up(everybody["colleague"], 0.3)
    await play.phase("with the next", **{C: {"next"}, "next": {C}, A: NOTHING})


async def cold_to_voicemail(play: Play) -> None:
    everybody = dict(play.phones)
    await _refused(play, "voicemail")
    play.phones["voicemail"] = everybody["desk"]
    await picks_up(everybody["desk"], 0.3)
    await play.phase("with the voicemail", **{C: {"voicemail"}, "voicemail": {C}, A: NOTHING})


async def cold_announced(play: Play) -> None:
    customer, _, _ = await _refused(play, "announce")
    await customer.ended(within_s=WITHIN_S)


async def cold_unanswered(play: Play) -> None:
    customer, _, target = await supported(play)
    await play.phlo("cold_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the target rings", customer={MUSIC}, agent=NOTHING)
    await target.stops_ringing(within_s=RING_S + WITHIN_S)
    await play.phase("hold music", customer={MUSIC})
    await customer.hang_up()


async def _left_ringing(play: Play, fallback: str = "") -> tuple[Phone, Phone, Phone]:
    """The agent of a warm transfer hangs up while the target rings."""
    customer, agent, target = await supported(play, fallback)
    await play.phlo("warm_transfer", to=play.lane.target, role="agent")
    await target.is_ringing(within_s=WITHIN_S)
    await play.phase("the target rings", customer={MUSIC}, agent={RINGBACK})
    await agent.hang_up()
    await play.phase("the agent has left", customer={MUSIC}, agent=NOTHING)
    return customer, agent, target


async def warm_left_ringing(play: Play) -> None:
    _, _, target = await _left_ringing(play)
    if target.state is State.RINGING:  # with packets lost, all this may have taken longer than it rings
        await picks_up(target, 0)
        await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)


async def warm_left_ringing_recalled(play: Play) -> None:
    _, agent, target = await _left_ringing(play, "recall")
    await target.stops_ringing(within_s=RING_S + WITHIN_S)
    await picks_up(agent, 0.3)
    await play.phase("back with the agent", customer={A}, agent={C})


async def warm_consult_handed_by_bye(play: Play) -> None:
    """A telephone's own BYE in the consult completes, then the customer hangs up on the target."""
    customer, agent, _ = await consulted(play)
    await agent.hang_up()
    await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)
    await customer.hang_up()


# --- Genesys


async def two_step_cancelled(play: Play) -> None:
    """The agent hangs up the consult on the screen and takes the customer back."""
    async with desktop_of(play) as (desktop, _, _, target):
        await private(play, desktop, target)
        consult = await desktop.shows("Established", call_type="Consult", within_s=WITHIN_S)
        await desktop.operate("Hangup", consult)
        await play.phase("still held", customer={MUSIC}, agent=NOTHING, target=NOTHING)
        await desktop.operate("Retrieve", await desktop.shows("Held", within_s=WITHIN_S))
        await play.phase("retrieved", customer={A}, agent={C})


async def two_step_refused(play: Play) -> None:
    async with desktop_of(play) as (desktop, _, _, target):
        target.manners.rejects_with = play.chance.choice([486, 603, 480])
        before = len(target.log)
        await desktop.initiate_transfer(play.lane.colleague)
        await play.until(lambda: any(one.what == "refused" for one in target.log[before:]), "the colleague to refuse")
        await asyncio.sleep(0.3)
        await play.phase("still held", customer={MUSIC}, agent=NOTHING)
        await desktop.operate("Retrieve", await desktop.shows("Held", within_s=WITHIN_S))
        await play.phase("retrieved", customer={A}, agent={C})


async def two_step_muted(play: Play) -> None:
    """Completed while the colleague still rings."""
    async with desktop_of(play) as (desktop, _, _, target):
        await desktop.initiate_transfer(play.lane.colleague)
        await target.is_ringing(within_s=WITHIN_S)
        await play.phase("the colleague rings", customer={MUSIC}, agent={RINGBACK})
        await desktop.complete_transfer()
        await play.phase("the agent has left", customer={MUSIC}, agent=NOTHING)
        await picks_up(target, 0)
        await play.phase("handed over", customer={T}, target={C}, agent=NOTHING)


async def single_step_refused(play: Play) -> None:
    """Nobody takes the customer over, and the program goes on after its Dial, here to its end."""
    async with desktop_of(play) as (desktop, customer, _, target):
        target.manners.rejects_with = 486
        await desktop.single_step_transfer(play.lane.colleague)
        await customer.ended(within_s=2 * WITHIN_S)


FALLBACKS: tuple[Story, ...] = (
    cold_parked, cold_parked_and_fetched, cold_recalled, cold_to_the_next, cold_to_voicemail, cold_announced,
    cold_unanswered, warm_left_ringing, warm_left_ringing_recalled, warm_consult_handed_by_bye, two_step_cancelled,
    two_step_refused, two_step_muted, single_step_refused,
)  # fmt: skip
