"""The six scenes. Each uses the request of the vendor's own example; only addresses and ids are those of this house."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from switchhook.lab.demo.cometd import Desktop
from switchhook.lab.demo.house import (
    ACCOUNT,
    AGENT_NUMBER,
    APPLICATION_NUMBER,
    CUSTOMER_NUMBER,
    DESK_APPLICATION_NUMBER,
    FLOW_NUMBER,
    NODE_ID,
    PHLO_ID,
    TARGET_NUMBER,
    TOKEN,
)
from switchhook.lab.demo.scene import Scene
from switchhook.lab.phone import Phone
from switchhook.lab.tones import MUSIC, RINGBACK

NODE_PATH = f"/v1/phlo/{PHLO_ID}/multi_party_call/{NODE_ID}"
NOTHING: set[str] = set()


async def _phlo(scene: Scene, action: str) -> None:
    body = {"action": action, "to": TARGET_NUMBER, "role": "agent", "trigger_source": AGENT_NUMBER}
    await _post(scene, NODE_PATH, body)


async def _post(scene: Scene, path: str, body: dict[str, str]) -> dict[str, Any]:
    scene.request = f"POST {path} {json.dumps(body)}"
    reply = await scene.house.client.post(path, json=body, auth=(ACCOUNT, TOKEN))
    scene.say(f"    {scene.house.phones.clock() - scene.start_s:5.2f} s  POST {path} -> {reply.status_code}")
    if reply.status_code not in (200, 201, 202):
        raise RuntimeError(f"{path} answered {reply.status_code}: {reply.text}")
    answer: dict[str, Any] = reply.json()
    return answer


async def _support_call(scene: Scene) -> tuple[Phone, Phone, Phone]:
    """A customer calls the support line and talks to the agent whom the flow dials."""
    customer = await scene.house.outside("customer", CUSTOMER_NUMBER)
    agent = await scene.house.outside("agent", AGENT_NUMBER)
    target = await scene.house.outside("target", TARGET_NUMBER)
    scene.take(customer, agent, target)
    await customer.call(FLOW_NUMBER)
    await agent.is_ringing()
    await scene.phase("the agent's telephone rings", customer={MUSIC}, agent=NOTHING)
    await agent.answer()
    await scene.phase("customer and agent talk", customer={"agent"}, agent={"customer"})
    return customer, agent, target


async def add_agent(scene: Scene) -> None:
    """PHLO `call`: one more agent comes into the multi-party call."""
    customer, agent, target = await _support_call(scene)
    await _phlo(scene, "call")
    await target.is_ringing()
    await scene.phase("the second agent's telephone rings", customer={"agent"}, agent={"customer"}, target=NOTHING)
    await target.answer()
    await scene.phase(
        "all three talk", customer={"agent", "target"}, agent={"customer", "target"}, target={"customer", "agent"}
    )
    await agent.hang_up()
    await scene.phase("the first agent has left", customer={"target"}, target={"customer"}, agent=NOTHING)
    await customer.hang_up()


async def warm_transfer(scene: Scene) -> None:
    """PHLO `warm_transfer`: the agents talk in private before the customer is handed over."""
    _, agent, target = await _support_call(scene)
    await _phlo(scene, "warm_transfer")
    await target.is_ringing()
    await scene.phase("the target's telephone rings", customer={MUSIC}, agent={RINGBACK}, target=NOTHING)
    await target.answer()
    await scene.phase("agent and target talk in private", customer={MUSIC}, agent={"target"}, target={"agent"})
    await agent.hang_up()
    await scene.phase("the agent has left", customer={"target"}, target={"customer"}, agent=NOTHING)


async def cold_transfer(scene: Scene) -> None:
    """PHLO `cold_transfer`: the customer goes straight to the target."""
    _, agent, target = await _support_call(scene)
    await _phlo(scene, "cold_transfer")
    await target.is_ringing()
    await scene.phase(
        "the target's telephone rings, the agent is gone", customer={MUSIC}, agent=NOTHING, target=NOTHING
    )
    await agent.ended()
    await target.answer()
    await scene.phase("customer and target talk", customer={"target"}, target={"customer"}, agent=NOTHING)


async def transfer_a_call(scene: Scene) -> None:
    """Plivo "Transfer a call" on both legs of a Dial: the customer's document dials the target."""
    house = scene.house
    customer = await house.outside("customer", CUSTOMER_NUMBER)
    agent = await house.inside("dialled", "1002")
    target = await house.inside("specialist", "1001")
    scene.take(customer, agent, target)
    await customer.call(APPLICATION_NUMBER)
    await agent.is_ringing()
    await agent.answer()
    await scene.phase("customer and agent talk in a Dial", customer={"dialled"}, dialled={"customer"})
    uuid = await _uuid_of(scene, CUSTOMER_NUMBER)
    body = {
        "legs": "both",
        "aleg_url": f"{house.web.url}/to-target",
        "aleg_method": "GET",
        "bleg_url": f"{house.web.url}/thanks",
        "bleg_method": "GET",
    }
    await _post(scene, f"/v1/Account/{ACCOUNT}/Call/{uuid}/", body)
    await target.is_ringing()
    await scene.phase("the target rings, the agent is in a conference of its own", customer={RINGBACK}, dialled=NOTHING)
    await target.answer()
    await scene.phase("customer and target talk", customer={"specialist"}, specialist={"customer"}, dialled=NOTHING)


async def _uuid_of(scene: Scene, caller: str) -> str:
    """Finds the live call of a caller as any client would: list, then look."""
    path = f"/v1/Account/{ACCOUNT}/Call/"
    auth = (ACCOUNT, TOKEN)
    live = (await scene.house.client.get(path, params={"status": "live"}, auth=auth)).json()["calls"]
    for uuid in live:
        call = (await scene.house.client.get(f"{path}{uuid}/", params={"status": "live"}, auth=auth)).json()
        if call["direction"] == "inbound" and call["from"].lstrip("+") == caller.lstrip("+"):
            return str(uuid)
    raise RuntimeError(f"no live call from {caller} among {len(live)}")


async def _operation(scene: Scene, desktop: Desktop, call: dict[str, Any], name: str, **more: Any) -> None:
    path = f"/api/v2/me/calls/{call['id']}"
    scene.request = f"POST {path} {json.dumps({'operationName': name, **more})}"
    await desktop.post(path, operationName=name, **more)
    scene.say(f"    {scene.house.phones.clock() - scene.start_s:5.2f} s  {name} on {call['id'][-8:]} -> statusCode 0")


def _order(scene: Scene, desktop: Desktop, first: int, *wanted: str) -> None:
    """The messages since `first` must be these, in this order."""
    seen = desktop.states()[first:]
    if seen != list(wanted):
        scene.faults.append(f"the desktop was told {seen}, not {list(wanted)}")
    scene.notes.append("desktop: " + ", ".join(seen))


async def two_step_newer(scene: Scene) -> None:
    """Genesys InitiateTransfer, sample 1: 15000 hands 15001 to 15002."""
    await _two_step(scene, "agent15000", "15000", "15001", "15002")


async def two_step_older(scene: Scene) -> None:
    """Genesys InitiateTransfer, sample 2, from the ringing call to the end: 5005 hands 5000 to 5001."""
    await _two_step(scene, "agent5005", "5005", "5000", "5001")


async def _two_step(scene: Scene, user: str, desk: str, caller: str, wanted: str) -> None:
    house = scene.house
    customer = await house.inside(f"caller {caller}", caller)
    agent = await house.inside(f"desk {desk}", desk)
    target = await house.inside(f"colleague {wanted}", wanted)
    scene.take(customer, agent, target)
    c, a, t = customer.name, agent.name, target.name
    desktop = Desktop(house.server.http, user, "demo")
    await desktop.open()
    try:
        await customer.call(desk)
        ringing = await desktop.call("Ringing")
        await _operation(scene, desktop, ringing, "Answer")
        await desktop.call("Established")
        await scene.phase("caller and agent talk", **{c: {a}, a: {c}})
        first = len(desktop.states())
        await _operation(scene, desktop, ringing, "InitiateTransfer", destination={"phoneNumber": wanted})
        consult = await desktop.call("Dialing", call_type="Consult")
        _order(scene, desktop, first, "Held Internal", "Dialing Consult")
        await target.is_ringing()
        await scene.phase("the colleague's telephone rings", **{c: {MUSIC}, a: {RINGBACK}, t: NOTHING})
        await target.answer()
        await scene.phase("agent and colleague talk in private", **{c: {MUSIC}, a: {t}, t: {a}})
        first = len(desktop.states())
        await _operation(scene, desktop, consult, "CompleteTransfer")
        await desktop.call("Released", call_type="Consult")
        _order(scene, desktop, first, "Released Internal", "Released Consult")
        await scene.phase("the caller is with the colleague", **{c: {t}, t: {c}, a: NOTHING})
    finally:
        await desktop.close()


async def desk_takes_over(scene: Scene) -> None:
    """A call that Plivo started in a Dial is transferred by a Genesys desktop."""
    house = scene.house
    customer = await house.outside("customer", CUSTOMER_NUMBER)
    agent = await house.inside("desk 15000", "15000")
    target = await house.inside("colleague 15002", "15002")
    scene.take(customer, agent, target)
    c, a, t = customer.name, agent.name, target.name
    before = len(house.web.told)
    desktop = Desktop(house.server.http, "agent15000", "demo")
    await desktop.open()
    try:
        await customer.call(DESK_APPLICATION_NUMBER)
        ringing = await desktop.call("Ringing")
        await _operation(scene, desktop, ringing, "Answer")
        await scene.phase("customer and agent talk in a Dial", **{c: {a}, a: {c}})
        await _operation(scene, desktop, ringing, "InitiateTransfer", destination={"phoneNumber": "15002"})
        consult = await desktop.call("Dialing", call_type="Consult")
        await target.is_ringing()
        await scene.phase("the colleague's telephone rings", **{c: {MUSIC}, a: {RINGBACK}, t: NOTHING})
        await target.answer()
        await scene.phase("agent and colleague talk in private", **{c: {MUSIC}, a: {t}, t: {a}})
        await _operation(scene, desktop, consult, "CompleteTransfer")
        await scene.phase("the customer is with the colleague", **{c: {t}, t: {c}, a: NOTHING})
    finally:
        await desktop.close()
    await asyncio.sleep(0.1)
    told = [each.form.get("DialAction", "") for each in house.web.told[before:] if each.path == "/dial"]
    scene.notes.append(f"Dial callbacks: {', '.join(told)}")
    if told != ["answer", "connected", "answer", "connected", "hangup"] and sorted(told[2:]) != sorted(
        ["answer", "connected", "hangup"]
    ):
        scene.faults.append(f"the Dial's callbackUrl was told {told}")


Story = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Listed:
    """A scene of the programme; `profile` is the Genesys generation that its server speaks."""

    number: str
    title: str
    story: Story
    profile: str = "2016"


PROGRAMME = (
    Listed("1", "PHLO call adds an agent to a multi-party call", add_agent),
    Listed("2", "PHLO warm_transfer", warm_transfer),
    Listed("3", "PHLO cold_transfer", cold_transfer),
    Listed("4", "Plivo 'Transfer a call', legs both, on a call in a Dial", transfer_a_call),
    Listed("5a", "Genesys Answer, InitiateTransfer, CompleteTransfer (sample 1)", two_step_newer),
    Listed("6", "A call that Plivo started is transferred by a Genesys desktop", desk_takes_over),
    Listed("5b", "Genesys Answer, InitiateTransfer, CompleteTransfer (sample 2)", two_step_older, "2014"),
)
