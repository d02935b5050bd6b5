"""Who may ask: Basic, cookie, token, origins (genesys 1.3)."""

from __future__ import annotations

import base64

import httpx2
import pytest

from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import TREE, settings

AUTH = ("agent1", "secret1")
START = {"operationName": "StartContactCenterSession", "channels": ["voice"]}


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


def fresh(stage: Stage) -> httpx2.AsyncClient:
    """A client without cookies of its own."""
    transport = httpx2.ASGITransport(app=stage.app)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


@in_virtual_time
@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(b"agent1:wrong"),
        basic(b"nobody:secret1"),
        basic(b"agent1"),
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer secret1"},
        {"Cookie": "JSESSIONID=0123456789ABCDEF0123456789ABCDEF"},
    ],
)
@pytest.mark.parametrize("path", ["/me", "/me/calls", "/notifications", "/no/such/thing", "/diagnostics/version"])
async def test_nobody_gets_403_and_code_20(headers: dict[str, str], path: str) -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        reply = await stage.http.get(f"/api/v2{path}", headers=headers)
        assert reply.status_code == 403
        assert reply.json() == {"statusCode": 20, "statusMessage": "Access denied"}
        assert "set-cookie" not in reply.headers


@in_virtual_time
async def test_basic_once_then_the_cookie_alone() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage, fresh(stage) as client:
        first = await client.get("/api/v2/me", auth=AUTH)
        assert first.headers["set-cookie"].startswith("JSESSIONID=")
        second = await client.get("/api/v2/me")
        assert second.json()["user"]["userName"] == "agent1"
        assert "set-cookie" not in second.headers
        assert (await client.post("/api/v2/me", json=START)).json() == {"statusCode": 0}


@in_virtual_time
async def test_basic_always_and_no_cookie_makes_no_session_for_each_request() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage:
        for _ in range(20):
            async with fresh(stage) as client:
                assert (await client.get("/api/v2/me", auth=AUTH)).status_code == 200
        assert stage.dialects["genesys"]._access.sessions == 1


@in_virtual_time
async def test_credentials_win_over_a_cookie_of_somebody_else() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage, fresh(stage) as client:
        await client.get("/api/v2/me", auth=AUTH)
        reply = await client.get("/api/v2/me", auth=("agent2", "secret2"))
        assert reply.json()["user"]["userName"] == "agent2"
        assert "set-cookie" in reply.headers
        assert (await client.get("/api/v2/me", auth=("agent2", "wrong"))).status_code == 403


@in_virtual_time
async def test_the_session_ends_with_the_contact_center_session_or_by_itself() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage, fresh(stage) as client:
        await client.get("/api/v2/me", auth=AUTH)
        await client.post("/api/v2/me", json=START)
        reply = await client.post("/api/v2/me", json={"operationName": "EndContactCenterSession"})
        assert reply.json() == {"statusCode": 0}
        assert (await client.get("/api/v2/me")).status_code == 403
        await client.get("/api/v2/me", auth=AUTH)
        await stage.passes(1799)
        assert (await client.get("/api/v2/me")).status_code == 200
        await stage.passes(1801)
        assert (await client.get("/api/v2/me")).status_code == 403


@in_virtual_time
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
async def test_both_ways_to_write_credentials(charset: str) -> None:
    agent = {"username": "zoë", "password": "grün", "endpoint": "1001", "number": "5001"}
    async with Stage(settings(agent=[agent], number=[]), dialects=("genesys",)) as stage:
        reply = await stage.http.get("/api/v2/me", headers=basic("zoë:grün".encode(charset)))
        assert reply.json()["user"]["userName"] == "zoë"


# --- CSRF -------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_without_the_option_no_token_is_shown_or_asked_for() -> None:
    async with Stage(settings(), dialects=("genesys",)) as stage, fresh(stage) as client:
        reply = await client.get("/api/v2/me", auth=AUTH)
        assert "x-csrf-header" not in reply.headers
        assert (await client.post("/api/v2/me", json=START)).status_code == 200


@in_virtual_time
async def test_with_the_option_a_change_needs_the_token_of_its_session() -> None:
    async with Stage(settings(genesys={"csrf": True}), dialects=("genesys",)) as stage, fresh(stage) as client:
        reply = await client.get("/api/v2/me", auth=AUTH)
        assert reply.headers["x-csrf-header"] == "X-CSRF-TOKEN"
        token = reply.headers["x-csrf-token"]
        for headers in ({}, {"X-CSRF-TOKEN": "wrong"}):
            refused = await client.post("/api/v2/me", json=START, headers=headers)
            assert refused.status_code == 403
            assert "Csrf token" in refused.json()["statusMessage"]
        assert (await client.post("/api/v2/me", json=START, headers={"X-CSRF-TOKEN": token})).status_code == 200
        async with fresh(stage) as other:  # no cookie store: the session cannot be the same
            refused = await other.post("/api/v2/me", json=START, headers={"X-CSRF-TOKEN": token}, auth=AUTH)
            assert refused.status_code == 403
        handshake = {"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]}
        assert (await client.post("/api/v2/notifications", json=[handshake])).json()[0]["successful"]


# --- CORS -------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_origins_that_are_allowed() -> None:
    async with Stage(settings(genesys={"allowed_origins": ["http://*.example.com"]}), dialects=("genesys",)) as stage:
        origin = {"Origin": "http://desk.example.com"}
        ask = {**origin, "Access-Control-Request-Method": "POST"}
        for path in ("/me", "/notifications", "/me/calls/x"):
            reply = await stage.http.options(f"/api/v2{path}", headers=ask)
            assert reply.status_code == 200
            assert reply.headers["access-control-allow-origin"] == origin["Origin"]
            assert reply.headers["access-control-allow-credentials"] == "true"
            assert "POST" in reply.headers["access-control-allow-methods"]
            assert "X-CSRF-TOKEN" in reply.headers["access-control-allow-headers"]
            assert reply.headers["access-control-max-age"] == "120"
        reply = await stage.http.get("/api/v2/me", headers=origin, auth=AUTH)
        assert reply.headers["access-control-allow-origin"] == origin["Origin"]
        assert reply.headers["access-control-expose-headers"] == "X-CSRF-HEADER,X-CSRF-TOKEN"
        async with fresh(stage) as client:
            refused = await client.get("/api/v2/me", headers=origin)
        assert refused.status_code == 403
        assert refused.headers["access-control-allow-origin"] == origin["Origin"]


@in_virtual_time
@pytest.mark.parametrize(
    "origin", ["http://example.org", "http://desk.example.com.evil.org", "https://desk.example.com"]
)
async def test_origins_that_are_not(origin: str) -> None:
    async with Stage(settings(genesys={"allowed_origins": ["http://*.example.com"]}), dialects=("genesys",)) as stage:
        reply = await stage.http.get("/api/v2/me", headers={"Origin": origin}, auth=AUTH)
        assert "access-control-allow-origin" not in reply.headers


# --- permission -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_without_the_feature_voice_operations_are_refused() -> None:
    agents = [{**agent, "features": []} for agent in TREE["agent"]]
    async with Stage(settings(agent=agents), dialects=("genesys",)) as stage:
        for operation in ("StartContactCenterSession", "Ready"):
            reply = await stage.http.post(
                "/api/v2/me", json={"operationName": operation, "channels": ["voice"]}, auth=AUTH
            )
            assert (reply.status_code, reply.json()["statusCode"]) == (403, 5)
        device = stage.dialects["genesys"].roster.users["agent1"].device
        body = {"operationName": "Dial", "destination": {"phoneNumber": "5002"}}
        reply = await stage.http.post(f"/api/v2/me/devices/{device}/calls", json=body, auth=AUTH)
        assert (reply.status_code, reply.json()["statusCode"]) == (403, 5)
        stage.phone("1002").calls("5001")
        await stage.phone("1001").rings()
        [call] = (await stage.http.get("/api/v2/me/calls?fields=*", auth=AUTH)).json()["calls"]
        reply = await stage.http.post(f"/api/v2/me/calls/{call['id']}", json={"operationName": "Answer"}, auth=AUTH)
        assert (reply.status_code, reply.json()["statusCode"]) == (403, 5)
