"""Colleagues, features and agent states: what a supervisor may read of others, and states of the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.settings import SettingsError
from tests.dialects.genesys.office import TREE, Desktop, settings

API = "http://127.0.0.1:8080/api/v2"
AGENTS = [*TREE["agent"][:2], {**TREE["agent"][2], "features": ["api-voice", "api-supervisor-monitoring"]}]
LUNCH = {"operation": "Lunch", "display": "At lunch", "reason": "17", "work_mode": "AuxWork"}


def office(**sections: Any) -> Stage:
    return Stage(settings(agent=AGENTS, **sections), dialects=("genesys",))


@in_virtual_time
async def test_a_supervisor_reads_its_colleagues_and_their_devices() -> None:
    async with office() as stage:
        boss, agent = Desktop(stage, "agent3"), Desktop(stage)
        assert (await boss.get("/me"))["user"]["roles"] == ["ROLE_AGENT", "ROLE_SUPERVISOR"]
        uris = (await boss.get("/users"))["uris"]
        assert uris == [f"{API}/users/{Desktop(stage, f'agent{n}').user.id}" for n in (1, 2, 3)]
        users = (await boss.get("/users?fields=userName&subresources=devices"))["users"]
        assert [user["userName"] for user in users] == ["agent1", "agent2", "agent3"]
        assert [user["devices"][0]["phoneNumber"] for user in users] == ["5001", "5002", "5003"]
        other = (await boss.get(f"/users/{agent.user.id}"))["user"]
        assert other["userName"] == "agent1"
        assert (await boss.get(f"/devices/{agent.user.device}"))["device"]["phoneNumber"] == "5001"


@in_virtual_time
async def test_an_agent_reads_itself_and_nobody_else() -> None:
    async with office() as stage:
        agent, boss = Desktop(stage), Desktop(stage, "agent3")
        me = (await agent.get("/me"))["user"]
        assert (await agent.get(me["uri"].removeprefix(API)))["user"] == me
        assert (await agent.get("/users"))["statusCode"] == 5
        assert (await agent.get(f"/users/{boss.user.id}"))["statusCode"] == 6
        assert (await agent.get(f"/devices/{boss.user.device}"))["statusCode"] == 6
        assert (await agent.get(f"/devices/{agent.user.device}"))["device"]["phoneNumber"] == "5001"
        assert (await boss.post(f"/devices/{agent.user.device}", "DoNotDisturbOn")) == (404, 6)


@in_virtual_time
@pytest.mark.parametrize(
    ("path", "collection", "name"),
    [
        ("/features", "features", "feature"),
        ("/services", "services", "service"),
        ("/settings/agent-states", "settings", "setting"),
    ],
)
async def test_every_address_in_a_collection_leads_to_its_object(path: str, collection: str, name: str) -> None:
    async with office(agent_state=[LUNCH]) as stage:
        desk = Desktop(stage, "agent3")
        for item in (await desk.get(f"{path}?fields=*"))[collection]:
            assert (await desk.get(item["uri"].removeprefix(API)))[name] == item
        assert (await desk.get(f"{path}/nothing"))["http"] == 404
        assert (await desk.get("/me/skills"))["uris"] == []


@in_virtual_time
async def test_a_state_of_the_configuration_is_offered_set_and_shown_with_its_reason() -> None:
    async with office(agent_state=[LUNCH]) as stage:
        desk = await Desktop(stage).opens("/v2/me/devices")
        [state] = [s for s in (await desk.get("/settings/agent-states"))["settings"] if s["operationName"] == "Lunch"]
        assert (state["displayName"], state["state"], state["reasonCode"]) == ("At lunch", "NotReady", "17")
        assert await desk.post("/me/channels/voice", "Lunch") == (200, 0)
        [message] = [m["data"] for m in await desk.fetched() if m["channel"] == "/v2/me/devices"]
        assert message["devices"][0]["userState"] == {
            "id": state["id"],
            "displayName": "At lunch",
            "state": "NotReady",
            "workMode": "AuxWork",
            "reason": "17",
            "reasonCode": "17",
        }
        assert await desk.post("/me/channels/voice", "Dinner") == (403, 3)


@pytest.mark.parametrize("operation", ["Ready", "EndContactCenterSession"])
def test_a_state_that_is_built_in_cannot_be_configured(operation: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        settings(agent_state=[{**LUNCH, "operation": operation}])
    assert "is built in" in str(wrong.value)


def test_two_states_cannot_have_one_operation() -> None:
    with pytest.raises(SettingsError):
        settings(agent_state=[LUNCH, LUNCH])


@in_virtual_time
async def test_a_telephone_is_used_by_one_user_at_a_time() -> None:
    late = {"username": "agent4", "password": "secret4", "endpoint": "1001", "number": "5004"}
    async with Stage(settings(agent=[*AGENTS, late]), dialects=("genesys",)) as stage:
        early, late_one = Desktop(stage), Desktop(stage, "agent4")
        voice = {"channels": ["voice"]}
        assert await early.post("/me", "StartContactCenterSession", **voice) == (200, 0)
        assert await early.post("/me", "StartContactCenterSession", **voice) == (200, 0)
        assert await late_one.post("/me", "StartContactCenterSession", **voice) == (409, 19)
        [device] = (await late_one.get("/me/devices?fields=*"))["devices"]
        assert device["userState"]["state"] == "LoggedOut"
        assert await early.post("/me", "EndContactCenterSession") == (200, 0)
        assert await late_one.post("/me", "StartContactCenterSession", **voice) == (200, 0)
