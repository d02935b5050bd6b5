"""`switchhook demo --stay`: the house stays open, a call is up, and the requests to steer it are printed."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from switchhook.lab.demo.house import (
    ACCOUNT,
    AGENT_NUMBER,
    CUSTOMER_NUMBER,
    FLOW_NUMBER,
    TARGET_NUMBER,
    TOKEN,
    House,
)
from switchhook.lab.demo.scenes import NODE_PATH
from switchhook.lab.phone import Phone
from switchhook.lab.phone_call import State
from switchhook.lab.tones import SILENCE

LOOK_S = 0.25


async def stay(say: Callable[[str], None]) -> None:
    """Opens the house, connects customer and agent, and reports what everybody hears until it is interrupted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="switchhook-demo-") as folder:
        async with House(Path(folder)) as house:
            customer = await house.outside("customer", CUSTOMER_NUMBER)
            agent = await house.outside("agent", AGENT_NUMBER, answers_after_s=0.5)
            target = await house.outside("target", TARGET_NUMBER, answers_after_s=2.0)
            await customer.call(FLOW_NUMBER)
            say(_steering(house))
            await _report(say, (customer, agent, target), stop)
            say("Stopping.")


def _steering(house: House) -> str:
    base, auth = house.server.http, f"-u {ACCOUNT}:{TOKEN}"

    def action(name: str) -> str:
        body = {"action": name, "to": TARGET_NUMBER, "role": "agent", "trigger_source": AGENT_NUMBER}
        return f"curl {auth} -d '{json.dumps(body)}' {base}{NODE_PATH}"

    def member(number: str, name: str) -> str:
        return f"""curl {auth} -d '{{"action":"{name}"}}' {base}{NODE_PATH}/members/{number}"""

    return "\n".join(
        [
            f"The server is up at {base}; a customer talks to an agent in a multi-party call.",
            f"  customer {CUSTOMER_NUMBER}   agent {AGENT_NUMBER}   target {TARGET_NUMBER} (answers after 2 s)",
            "Steer the call from another terminal:",
            f"  {action('warm_transfer')}",
            f"  {member(AGENT_NUMBER, 'resume_call')}      # merge: all three talk",
            f"  {member(AGENT_NUMBER, 'abort_transfer')}   # or: back to the customer",
            f"  {member(AGENT_NUMBER, 'hangup')}           # or: the agent leaves, the transfer is complete",
            f"  {action('cold_transfer')}",
            f"  {action('call')}",
            f"  curl {auth} '{base}/v1/Account/{ACCOUNT}/Call/?status=live'",
            f"  curl {base}/metrics",
            f"  switchhook timeline last --config {house.server.config}",
            "When the call is over, the customer calls again. What everybody hears follows; Ctrl-C ends it.",
        ]
    )


async def _report(say: Callable[[str], None], phones: tuple[Phone, ...], stop: asyncio.Event) -> None:
    said: dict[str, str] = {}
    customer = phones[0]
    while not stop.is_set():
        if customer.state is State.ENDED and said.get(customer.name, "").strip().endswith(State.ENDED.value):
            await customer.call(FLOW_NUMBER)
        for phone in phones:
            state = phone.state.value if phone.state is not None else "idle"
            heard = " + ".join(sorted(phone.ears.lately())) or SILENCE
            text = f"{phone.name:<9} {state:<9}" + (f" hears {heard}" if state == "answered" else "")
            if said.get(phone.name) != text:
                said[phone.name] = text
                say(f"  {text}")
        try:
            await asyncio.wait_for(stop.wait(), LOOK_S)
        except TimeoutError:
            continue
