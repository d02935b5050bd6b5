"""On the real server: what API clients make works at once and is there after a restart, recordings included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from switchhook.app import Server
from switchhook.lab.phones import Phones
from switchhook.lab.world_house import ACCOUNT, TOKEN
from switchhook.lab.world_real import RealWorld
from switchhook.settings.loading import load

pytestmark = pytest.mark.slow

AUTH = (ACCOUNT, TOKEN)
BASE = f"/v1/Account/{ACCOUNT}"
NEW = {"username": "zumba", "password": "a secret one", "alias": "zumba"}


async def test_a_telephone_made_by_api_talks_and_its_mp3_recording_is_listed(real_world: RealWorld) -> None:
    pytest.importorskip("av")
    world = real_world
    made = (await world.http.post(f"{BASE}/Endpoint/", json=NEW, auth=AUTH)).json()
    zumba = await world.telephones.open("zumba", username=made["username"], password=NEW["password"])
    await zumba.register()
    agent = await world.phone("agent")
    await agent.call(made["username"])
    await zumba.answer()
    await agent.hears("zumba", within_s=5)
    await zumba.hears("agent", within_s=5)
    started = world.exchange.recordings.start(ACCOUNT, follow=world.leg(agent), wanted_format="mp3")
    assert started is not None
    url = world.exchange.recordings.url(started)
    assert url.endswith(f"{started.id}.mp3")
    await world.passes(1.0)
    await agent.hang_up()
    async with asyncio.timeout(20):
        while not (found := (await world.http.get(f"{BASE}/Recording/", auth=AUTH)).json()["objects"]) or (
            found[0]["recording_format"] != "mp3"
        ):
            await asyncio.sleep(0.05)
    assert (found[0]["recording_id"], found[0]["recording_url"]) == (started.id, url)
    path = f"{BASE}/Recording/{started.id}.mp3"
    async with asyncio.timeout(80):  # a request waits for the file, which is made when the machine has nothing better
        while (whole := await world.http.get(path, auth=AUTH)).status_code == 404:
            pass
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    head = await world.http.head(path, auth=AUTH)
    assert head.headers["content-length"] == str(len(whole.content))
    part = await world.http.get(path, auth=AUTH, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    folder = Path(world.settings.media.recordings) / ACCOUNT
    assert [file.name for file in folder.iterdir()] == [f"{started.id}.mp3"]
    assert (await world.http.delete(f"{BASE}/Recording/{started.id}/", auth=AUTH)).status_code == 204
    assert list(folder.iterdir()) == []


def settings_in(folder: Path) -> Any:
    return load(
        None,
        environ={},
        tree={
            "http": {"listen": "127.0.0.1:0"},
            "sip": {"listen": ["udp:127.0.0.1:0"]},
            "media": {
                "ports": [23000, 29998],
                "max_legs": 8,
                "recordings": str(folder / "recordings"),
                "realtime": False,
            },
            "store": {"url": f"sqlite:///{folder / 'switchhook.db'}"},
            "account": [{"auth_id": ACCOUNT, "auth_token": TOKEN}],
        },
    )


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    asyncio.run(restarted(tmp_path))


async def restarted(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    server = await Server.start(settings)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.http.port}", trust_env=False) as http:
            made = (await http.post(f"{BASE}/Endpoint/", json=NEW, auth=AUTH)).json()
            sub = (await http.post(f"{BASE}/Subaccount/", json={"name": "Shop"}, auth=AUTH)).json()
    finally:
        await server.stop()
    assert NEW["password"].encode() not in (tmp_path / "switchhook.db").read_bytes()
    server = await Server.start(settings)
    try:
        sip = next((host, port) for _, host, port in server.sockets.addresses)
        async with (
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.http.port}", trust_env=False) as http,
            Phones(server=sip, domain=settings.sip.domain) as phones,
        ):
            theirs = await http.get(f"/v1/Account/{sub['auth_id']}/", auth=(sub["auth_id"], sub["auth_token"]))
            assert (theirs.status_code, theirs.json()["name"]) == (200, "Shop")
            zumba = await phones.open("zumba", username=made["username"], password=NEW["password"])
            await zumba.register()
            shown = (await http.get(f"{BASE}/Endpoint/{made['endpoint_id']}/", auth=AUTH)).json()
            assert (shown["username"], shown["sip_registered"]) == (made["username"], "true")
    finally:
        await server.stop()
