"""What can be read, and the operations of users, channels and devices (genesys 1.2, 1.6 and 1.7)."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from switchhook.core import events as e
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import OUTSIDE, SERVICE, Desktop, settings

BASE = "http://127.0.0.1:8080/api/v2"


def office(**sections: Any) -> Stage:
    return Stage(settings(**sections), dialects=("genesys",))


async def talking(stage: Stage) -> dict[str, Any]:
    """Lets a customer from outside talk to agent1; returns the call's resource."""
    stage.phone(OUTSIDE).calls(SERVICE)
    (await stage.phone("1001").rings()).answers()
    await stage.settled()
    [call] = (await Desktop(stage).get("/me/calls?fields=*"))["calls"]
    found: dict[str, Any] = call
    return found


@in_virtual_time
@pytest.mark.parametrize("slash", ["", "/"])
async def test_me(slash: str) -> None:
    async with office() as stage:
        reply = await Desktop(stage).get(f"/me{slash}")
        user = reply["user"]
        assert reply["statusCode"] == 0
        assert "statusMessage" not in reply
        assert re.fullmatch("[0-9a-f]{32}", user["id"])
        assert user["userName"] == "agent1"
        assert user["roles"] == ["ROLE_AGENT"]
        assert user["enabled"] is True
        assert user["changePasswordOnFirstLogin"] is False
        assert "devices" not in user


@in_virtual_time
async def test_subresources_are_embedded_and_unavailable_ones_left_out() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        user = (await desk.get("/me?subresources=features,devices,channels,settings,calls,chats"))["user"]
        assert [feature["id"] for feature in user["features"]] == ["api-voice"]
        assert [device["phoneNumber"] for device in user["devices"]] == ["5001"]
        assert user["channels"][0]["channel"] == "voice"
        assert user["settings"] == {}
        assert user["calls"] == []
        assert "chats" not in user
        assert "skills" not in user
        every = (await desk.get("/me?subresources=*"))["user"]
        assert {"features", "devices", "channels", "settings", "calls", "skills"} <= set(every)
        assert (await desk.get("/me?fields=id,userName"))["user"].keys() == {"id", "userName"}


@in_virtual_time
async def test_a_collection_is_addresses_or_with_fields_objects() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        call = await talking(stage)
        assert (await desk.get("/me/calls"))["uris"] == [f"{BASE}/me/calls/{call['id']}"]
        assert "calls" not in await desk.get("/me/calls")
        assert (await desk.get("/me/calls?fields=state,callType"))["calls"] == [
            {"state": "Established", "callType": "Inbound"}
        ]
        assert (await desk.get(f"/me/calls/{call['id']}"))["call"] == call
        assert (await desk.get(f"/me/calls/{call['id']}?fields=id"))["call"] == {"id": call["id"]}
        [uri] = (await desk.get("/me/devices"))["uris"]
        assert uri == call["deviceUri"]
        assert (await desk.get("/me/devices?fields=id"))["devices"] == [{"id": uri.rpartition("/")[2]}]
        calls = await desk.get(f"/me/devices/{uri.rpartition('/')[2]}/calls?fields=*")
        assert [each["id"] for each in calls["calls"]] == [call["id"]]


@in_virtual_time
async def test_a_call_from_outside() -> None:
    async with office() as stage:
        call = await talking(stage)
        assert call["callType"] == "Inbound"
        assert call["ani"] == OUTSIDE
        assert call["dnis"] == SERVICE
        assert call["participants"] == [
            {
                "e164Number": OUTSIDE,
                "formattedPhoneNumber": OUTSIDE,
                "phoneNumber": OUTSIDE,
                "digits": OUTSIDE.removeprefix("+"),
            }
        ]
        assert call["uri"] == f"{BASE}/me/calls/{call['id']}"
        assert call["path"] == f"/calls/{call['id']}"
        assert "parentCallUri" not in call
        assert "userData" not in call
        assert "extensions" not in call


@in_virtual_time
async def test_a_device() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        device = (await desk.get(f"/me/devices/{desk.user.device}"))["device"]
        UUID(device["id"])
        assert device["deviceState"] == "Active"
        assert device["userState"] == {
            "id": "0F7F5003-EF26-4D13-A6Ef-D0C7EC819BEB",
            "displayName": "Offline",
            "state": "LoggedOut",
        }
        assert device["phoneNumber"] == "5001"
        assert device["e164Number"] == ""
        assert device["telephonyNetwork"] == "Private"
        assert device["doNotDisturb"] == "Off"
        assert (device["description"], device["dynamicPhoneNumber"]) == ("", "")
        environment = device["voiceEnvironmentUri"]
        assert (await desk.get("/voice-environments"))["uris"] == [environment]
        found = (await desk.get(environment.removeprefix(BASE)))["voiceEnvironment"]
        assert (found["id"], found["uri"]) == (environment.rpartition("/")[2], environment)
        assert device["uri"] == f"{BASE}/devices/{device['id']}"
        assert (await desk.get(f"/devices/{device['id']}"))["device"] == device


@in_virtual_time
@pytest.mark.parametrize(
    "path",
    [
        "/me/calls/NOSUCH",
        "/me/devices/NOSUCH",
        "/me/devices/NOSUCH/calls",
        "/voice-environments/NOSUCH",
        "/nothing",
        "/me/nothing",
    ],
)
async def test_what_is_not_there(path: str) -> None:
    async with office() as stage:
        reply = await Desktop(stage).get(path)
        assert (reply["http"], reply["statusCode"]) == (404, 6)
        assert set(reply) == {"http", "statusCode", "statusMessage"}


@in_virtual_time
async def test_another_agents_calls_and_devices_are_not_there() -> None:
    async with office() as stage:
        call = await talking(stage)
        other = Desktop(stage, "agent2")
        assert (await other.get(f"/me/calls/{call['id']}"))["statusCode"] == 6
        assert await other.post(f"/me/calls/{call['id']}", "Hangup") == (404, 6)
        device = call["deviceUri"].rpartition("/")[2]
        body = {"destination": {"phoneNumber": "5003"}}
        assert await other.post(f"/me/devices/{device}/calls", "Dial", **body) == (404, 6)
        assert stage.phone("1003").lines == []


@in_virtual_time
async def test_the_rest_of_what_clients_read() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        assert (await desk.get("/diagnostics/version"))["version"] == "8.5.202.96"
        services = (await desk.get("/services?fields=*"))["services"]
        assert {"type": "Voice", "state": "Active"}.items() <= services[0].items()
        assert (await desk.get("/me/settings"))["settings"] == []
        assert (await desk.get(f"/me/devices/{desk.user.device}/settings/tserver"))["key"] == "name"
        assert (await desk.get("/me/channels"))["channels"][0]["userState"]["state"] == "LoggedOut"
        operations = {each["operationName"]: each for each in (await desk.get("/settings/agent-states"))["settings"]}
        assert set(operations) == {"Ready", "NotReady", "AfterCallWork", "AuxWork", "Offline"}
        assert operations["Offline"]["state"] == "Logout"
        assert operations["AuxWork"]["workMode"] == "AuxWork"


@in_virtual_time
async def test_a_method_that_a_resource_has_not() -> None:
    async with office() as stage:
        reply = await stage.http.delete("/api/v2/me", auth=("agent1", "secret1"))
        assert (reply.status_code, reply.json()["statusCode"]) == (403, 3)


# --- sessions and agent states ----------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_session_starts_and_ends() -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens("/v2/me/devices", "/v2/me/channels")
        assert await desk.post("/me", "StartContactCenterSession", channels=["voice"]) == (200, 0)
        device, channel = await desk.fetched()
        assert device["data"]["messageType"] == "DeviceStateChangeMessage"
        [shown] = device["data"]["devices"]
        assert shown == (await desk.get(f"/me/devices/{desk.user.device}"))["device"]
        assert shown["userState"]["state"] == "NotReady"
        assert channel["data"]["messageType"] == "ChannelStateChangeMessageV2"
        assert channel["data"]["channels"][0]["userState"]["state"] == "NotReady"
        assert await desk.post("/me", "StartContactCenterSession", channels=["voice"]) == (200, 0)
        assert (await desk.fetched())[0] == device
        assert await desk.post("/me", "EndContactCenterSession") == (200, 0)
        assert (await desk.fetched())[0]["data"]["devices"][0]["userState"]["state"] == "LoggedOut"


@in_virtual_time
@pytest.mark.parametrize("path", ["/me", "/me/channels/voice"])
@pytest.mark.parametrize(
    ("operation", "state", "mode"),
    [
        ("Ready", "Ready", None),
        ("NotReady", "NotReady", None),
        ("AfterCallWork", "NotReady", "AfterCallWork"),
        ("AuxWork", "NotReady", "AuxWork"),
        ("Offline", "LoggedOut", None),
    ],
)
async def test_agent_states(path: str, operation: str, state: str, mode: str | None) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens("/v2/me/devices")
        await desk.post("/me", "StartContactCenterSession", channels=["voice"])
        await desk.fetched()
        assert await desk.post(path, operation) == (200, 0)
        [message] = await desk.fetched()
        shown = message["data"]["devices"][0]["userState"]
        assert shown["state"] == state
        assert shown.get("workMode") == mode


@in_virtual_time
async def test_channels_that_are_not_there_are_named_in_the_reply() -> None:
    async with office() as stage:
        desk = Desktop(stage)
        body = {"operationName": "StartContactCenterSession", "channels": ["voice", "chat"]}
        reply = await stage.http.post("/api/v2/me", json=body, auth=desk.auth)
        answer = reply.json()
        assert (reply.status_code, answer["statusCode"]) == (200, 7)
        assert answer["succeeded"] == [{"statusCode": 0, "channel": "voice"}]
        assert [(each["channel"], each["statusCode"]) for each in answer["failed"]] == [("chat", 4)]
        assert await desk.post("/me", "StartContactCenterSession", channels=["chat"]) == (500, 4)


@in_virtual_time
@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        (None, {}, 1),
        (None, {"operationName": ""}, 1),
        (None, {"operationName": 7}, 2),
        ("NoSuchThing", {}, 3),
        ("StartContactCenterSession", {}, 1),
        ("StartContactCenterSession", {"channels": "voice"}, 2),
        ("StartContactCenterSession", {"channels": []}, 2),
        ("StartContactCenterSession", {"channels": ["voice"], "devicePath": "/devices/NOSUCH"}, 6),
    ],
)
async def test_operations_that_are_refused_change_nothing(
    operation: str | None, parameters: dict[str, Any], code: int
) -> None:
    async with office() as stage:
        desk = await Desktop(stage).opens("/v2/me/devices")
        assert (await desk.post("/me", operation, **parameters))[1] == code
        assert await desk.fetched() == []
        assert not desk.user.in_session


@in_virtual_time
@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff\xfe", b'{"operationName":"Ready"' + b" " * 2_000_000])
async def test_bodies_that_are_no_operation(body: bytes) -> None:
    async with office() as stage:
        reply = await stage.http.post("/api/v2/me", content=body, auth=("agent1", "secret1"))
        assert (reply.status_code, reply.json()["statusCode"]) == (400, 2)


@in_virtual_time
async def test_a_telephone_that_registers_later_is_told_to_its_desktop() -> None:
    async with Stage(settings(), dialects=("genesys",), registered=False) as stage:
        desk = await Desktop(stage).opens("/v2/me/devices")
        assert await desk.post("/me", "StartContactCenterSession", channels=["voice"]) == (200, 0)
        assert (await desk.fetched())[0]["data"]["devices"][0]["deviceState"] == "Inactive"
        path = f"/me/devices/{desk.user.device}/calls"
        reply = await stage.http.post(
            f"/api/v2{path}",
            json={"operationName": "Dial", "destination": {"phoneNumber": "5002"}},
            auth=desk.auth,
        )
        assert reply.status_code == 500
        assert reply.json() == {"statusCode": 4, "statusMessage": "Device '5001' is not registered."}
        stage.exchange.tell(e.EndpointChanged("1001", True))
        [message] = await desk.fetched()
        assert message["data"]["devices"][0]["deviceState"] == "Active"
        stage.exchange.tell(e.EndpointChanged("1001", False))
        assert (await desk.fetched())[0]["data"]["devices"][0]["deviceState"] == "Inactive"


@in_virtual_time
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "", 404, 6),
        ("GET", "/", 404, 6),
        ("PATCH", "/me", 403, 3),
        ("PATCH", "/nowhere", 404, 6),
        ("DELETE", "/me/calls", 403, 3),
        ("PUT", "/notifications", 403, 3),
        ("PATCH", "/notifications/connect", 403, 3),
    ],
)
async def test_whatever_is_asked_for_the_answer_has_the_shape_of_the_api(
    method: str, path: str, status: int, code: int
) -> None:
    async with office() as stage:
        nobody = await stage.http.request(method, f"/api/v2{path}")
        assert (nobody.status_code, nobody.json()["statusCode"]) == (403, 20)
        reply = await stage.http.request(method, f"/api/v2{path}", auth=("agent1", "secret1"))
        assert (reply.status_code, reply.json()["statusCode"]) == (status, code)
