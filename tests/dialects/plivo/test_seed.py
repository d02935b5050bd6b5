"""The public example of a transfer, byte for byte: its body, its header and its URLs that nobody serves."""

from __future__ import annotations

import base64

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, TOKEN, World, stage

# As in the example's request: curl -d sends JSON and says that it is a form.
BODY = """{
    "legs":"both",
    "aleg_url":"http://aleg.url",
    "aleg_method":"GET",
    "bleg_url":"http://bleg.url",
    "bleg_method":"GET"
}"""


async def send(world: World, uuid: str, content_type: str = "application/x-www-form-urlencoded"):  # type: ignore[no-untyped-def]
    token = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    answer = await world.stage.http.post(
        f"/v1/Account/{ACCOUNT}/Call/{uuid}/",
        content=BODY,
        headers={"Content-Type": content_type, "Authorization": f"Basic {token}"},
    )
    await world.stage.settled()
    return answer


@in_virtual_time
async def test_both_legs_run_the_documents_of_their_urls() -> None:
    async with stage() as on:
        world = World(on)
        on.web.on("http://aleg.url", "<Response><Conference>room</Conference></Response>")
        on.web.on("http://bleg.url", "<Response><Conference>room</Conference></Response>")
        customer, agent = await world.in_dial(f'action="{APP}/after" callbackUrl="{APP}/cb"')
        answer = await send(world, customer.leg)
        assert answer.status_code == 202
        assert answer.json()["message"] == "call transfered"
        assert set(answer.json()) == {"api_id", "message"}
        assert customer.hears == {"1001"}
        assert agent.hears == {"+14155550123"}
        assert [hook.method for hook in on.web.hooks if hook.url.startswith(("http://aleg", "http://bleg"))] == [
            "GET",
            "GET",
        ]
        assert world.hooks("/after") == []
        assert ("hangup",) not in world.told("/cb", "DialAction")


@in_virtual_time
async def test_urls_that_nobody_serves_are_accepted_and_then_end_both_legs_with_7013() -> None:
    async with stage() as on:
        world = World(on)
        customer, agent = await world.in_dial()
        answer = await send(world, customer.leg, "application/json")
        assert answer.status_code == 202
        await on.passes(120)
        assert customer.over is not None
        assert agent.over is not None
        end = world.one("/hangup")
        assert (end["HangupCauseCode"], end["HangupCauseName"], end["HangupSource"]) == (
            "7013",
            "Error Reaching Transfer URL",
            "Error",
        )
        assert on.nothing_left()
