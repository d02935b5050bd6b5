"""The official `plivo` packages, Python and Node, drive all resources that are no calls."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import plivo
import pytest
from plivo.exceptions import (
    AuthenticationError,
    ForbiddenError,
    ResourceNotFoundError,
    ValidationError,
)

from switchhook.dialects.plivo import Plivo
from switchhook.http import HttpServer, application, bind
from switchhook.lab.authority import Authority
from switchhook.lab.proxy import HOSTS, Proxy
from tests.dialects.plivo.common import ACCOUNT, APP, NUMBER, SUB, TOKEN, settings
from tests.sdks.live import LiveStage
from tests.sdks.nodejs import node_modules
from tests.sdks.test_proxy import run

pytestmark = pytest.mark.slow

VOICE = ("API_VOICE_BASE_URI", "API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2", "PLIVO_API_BASE_URI")
FOR_RENT = {"number": "+14155550180", "country": "US", "region": "California"}
OWN = "14155550190"


class Live:
    """The server and an SDK client that runs in threads."""

    def __init__(self, stage: LiveStage, base: str) -> None:
        self.stage, self.base = stage, base
        self._clients: list[Any] = []
        self.client = self.as_user(ACCOUNT, TOKEN)

    def as_user(self, auth_id: str, token: str) -> Any:
        client = plivo.RestClient(auth_id, token)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.session.close()

    async def sdk(self, call: Callable[[], Any]) -> Any:
        """Runs blocking SDK code beside the server."""
        return await asyncio.to_thread(call)

    async def recording(self) -> str:
        """Returns the id of a recording of a talk that is over."""
        recordings = self.stage.exchange.recordings
        caller = self.stage.phone("1001").calls("1002")
        async with asyncio.timeout(5):
            line = await self.stage.phone("1002").rings()
            line.answers()
            made = recordings.start(ACCOUNT, follow=caller.leg)
            assert made is not None
            made.path.parent.mkdir(parents=True, exist_ok=True)
            made.path.write_bytes(b"RIFF" + bytes(100))
            await asyncio.sleep(0.05)
            caller.hangs_up()
            while (found := recordings.find(made.id)) is None or not found.finished:
                await asyncio.sleep(0.002)
        return str(made.id)


@asynccontextmanager
async def live(folder: Path) -> AsyncIterator[Live]:
    sock = bind("127.0.0.1", 0)
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    stage = LiveStage(settings(inventory=[FOR_RENT], media={"recordings": str(folder)}, http={"public_url": base}))
    stage.open()
    dialect = Plivo(stage.exchange)
    await dialect.start()
    server = HttpServer(application(dialect.routes()), stage.settings, sock)
    await server.start()
    found = Live(stage, base)
    try:
        yield found
    finally:
        found.close()
        await server.stop()
        await dialect.stop()
        await stage.exchange.settle(1.0)
        stage.timers.stop()


Story = Callable[[Live], Any]


def on_a_live_server(story: Story) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def play() -> None:
            async with live(tmp_path) as server:
                for name in VOICE:
                    monkeypatch.setattr(plivo.rest.client, name, f"{server.base}/v1/Account")
                await story(server)

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"plivo(\..*)?")
            asyncio.run(play())

    test.__name__ = story.__name__
    test.__doc__ = story.__doc__
    return test


@on_a_live_server
async def test_applications(on: Live) -> None:
    apps = on.client.applications
    made = await on.sdk(lambda: apps.create("shop", answer_url=f"{APP}/shop", hangup_url=f"{APP}/bye"))
    assert made.message == "created"
    got = await on.sdk(lambda: apps.get(made.app_id))
    assert (got.app_name, got.answer_url, got.hangup_url, got.enabled) == ("shop", f"{APP}/shop", f"{APP}/bye", True)
    assert (await on.sdk(lambda: apps.update(made.app_id, answer_url=f"{APP}/new", answer_method="GET"))).message == (
        "changed"
    )
    listed = await on.sdk(lambda: apps.list(app_name="shop"))
    assert [(each.answer_url, each.answer_method) for each in listed] == [(f"{APP}/new", "GET")]
    assert [each.app_id for each in await on.sdk(lambda: list(apps))] == ["app1", made.app_id]
    with pytest.raises(ValidationError, match="app_name"):
        await on.sdk(lambda: apps.create("shop", answer_url=f"{APP}/shop"))
    with pytest.raises(ForbiddenError, match="configuration file"):
        await on.sdk(lambda: apps.update("app1", answer_url=f"{APP}/new"))
    assert await on.sdk(lambda: apps.delete(made.app_id, cascade=True)) is None
    with pytest.raises(ResourceNotFoundError, match="not found"):
        await on.sdk(lambda: apps.get(made.app_id))


@on_a_live_server
async def test_endpoints(on: Live) -> None:
    endpoints = on.client.endpoints
    made = await on.sdk(lambda: endpoints.create("zumba", "secret", "zumba", app_id="app1"))
    assert (made.username[:5], made.alias, made.message) == ("zumba", "zumba", "created")
    got = await on.sdk(lambda: endpoints.get(made.endpoint_id))
    assert (got.username, got.sip_registered, got.application) == (
        made.username, "false", f"/v1/Account/{ACCOUNT}/Application/app1/",
    )  # fmt: skip
    assert (
        await on.sdk(lambda: endpoints.update(made.endpoint_id, alias="new", password="other"))
    ).message == "changed"
    assert len((await on.sdk(lambda: endpoints.list(limit=20))).objects) == 6
    assert await on.sdk(lambda: endpoints.delete(made.endpoint_id)) is None
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: endpoints.get(made.endpoint_id))
    with pytest.raises(ValidationError, match="invalid"):
        await on.sdk(lambda: endpoints.create("zumba", "secret", "no alias"))


@on_a_live_server
async def test_numbers(on: Live) -> None:
    numbers = on.client.numbers
    found = await on.sdk(lambda: numbers.search("US", region="cali"))
    assert [each.number for each in found] == ["14155550180"]
    bought = await on.sdk(lambda: numbers.buy("14155550180", app_id="app1"))
    assert bought.status == "fulfilled"
    assert [(each.number, each.status) for each in bought.numbers] == [("14155550180", "Success")]
    assert (await on.sdk(lambda: numbers.create([OWN], "mine", "Bavaria"))).message == "changed"
    got = await on.sdk(lambda: numbers.get(OWN))
    assert (got.number, got.carrier, got.application) == (OWN, "mine", None)
    assert (await on.sdk(lambda: numbers.update(OWN, app_id="app1", alias="hot"))).message == "changed"
    assert (await on.sdk(lambda: numbers.get(OWN))).application.endswith("/app1/")
    assert (await on.sdk(lambda: numbers.update(NUMBER[1:], app_id="app1"))).message == "changed"
    listed = await on.sdk(lambda: numbers.list(number_startswith="1415"))
    assert [each.number for each in listed] == [NUMBER[1:], "14155550180", OWN]
    for number in ("14155550180", OWN):
        assert await on.sdk(lambda number=number: numbers.delete(number)) is None
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: numbers.delete(OWN))


@on_a_live_server
async def test_recordings(on: Live) -> None:
    name = await on.recording()
    recordings = on.client.recordings
    (found,) = await on.sdk(lambda: recordings.list())
    assert (found.recording_id, found.recording_format) == (name, "wav")
    got = await on.sdk(lambda: recordings.get(name))
    assert got.recording_url.startswith(on.base)
    async with httpx2.AsyncClient(trust_env=False) as http:
        file = await http.get(got.recording_url, auth=(ACCOUNT, TOKEN))
        assert (file.status_code, file.content[:4]) == (200, b"RIFF")
    assert len((await on.sdk(lambda: recordings.list(call_uuid="nobody"))).objects) == 0
    assert await on.sdk(lambda: recordings.delete(name)) is None
    with pytest.raises(ResourceNotFoundError):
        await on.sdk(lambda: recordings.get(name))


@on_a_live_server
async def test_sub_accounts_and_the_account(on: Live) -> None:
    subaccounts = on.client.subaccounts
    made = await on.sdk(lambda: subaccounts.create("Shop", enabled=True))
    theirs = on.as_user(made.auth_id, made.auth_token)
    assert (await on.sdk(theirs.account.get)).name == "Shop"
    assert len((await on.sdk(lambda: theirs.applications.list())).objects) == 0
    assert [each.auth_id for each in await on.sdk(lambda: subaccounts.list())] == [SUB, made.auth_id]
    assert (await on.sdk(lambda: subaccounts.update(made.auth_id, "Shop 2", enabled=False))).message == "changed"
    with pytest.raises(AuthenticationError):
        await on.sdk(theirs.account.get)
    assert (await on.sdk(lambda: subaccounts.get(made.auth_id))).name == "Shop 2"
    assert await on.sdk(lambda: subaccounts.delete(made.auth_id, cascade=True)) is None
    assert (await on.sdk(lambda: on.client.account.update(city="Munich"))).message == "changed"
    assert (await on.sdk(on.client.account.get)).city == "Munich"


NODE = """
const plivo = require("plivo");
const client = new plivo.Client(%(account)r, %(token)r);
const said = [];
async function main() {
    const app = await client.applications.create("shop", {answerUrl: "%(app)s/shop", answerMethod: "GET"});
    said.push(app.message);
    const got = await client.applications.get(app.appId);
    said.push([got.appName, got.answerUrl, got.answerMethod]);
    said.push((await client.applications.update(app.appId, {hangupUrl: "%(app)s/bye"})).message);
    said.push((await client.applications.list({app_name: "shop"})).map(each => each.appName));
    const endpoint = await client.endpoints.create("zumba", "secret", "zumba", app.appId);
    said.push([endpoint.username.slice(0, 5), (await client.endpoints.get(endpoint.endpointId)).sipRegistered]);
    said.push((await client.endpoints.update(endpoint.endpointId, {alias: "new"})).message);
    said.push((await client.endpoints.list()).length);
    said.push((await client.numbers.search("US")).map(each => each.number || each.id));
    said.push((await client.numbers.buy("14155550180", app.appId)).status);
    said.push((await client.numbers.update("14155550180", {appId: "app1"})).message);
    said.push((await client.numbers.list({number_startswith: "1415555018"})).map(each => each.number));
    await client.numbers.unrent("14155550180");
    said.push((await client.recordings.list()).map(each => each.recordingId));
    said.push((await client.recordings.get(%(recording)r)).recordingFormat);
    await client.recordings.delete(%(recording)r);
    const sub = await client.subAccounts.create("Shop", true);
    said.push([sub.authId.slice(0, 2), (await client.subAccounts.get(sub.authId)).name]);
    await client.subAccounts.delete(sub.authId);
    await client.endpoints.delete(endpoint.endpointId);
    await client.applications.delete(app.appId);
    try { await client.applications.get(app.appId); } catch (error) { said.push(error.status); }
    said.push((await client.accounts.get()).name);
    console.log(JSON.stringify(said));
}
main().catch(error => { console.error(error); process.exit(1); });
"""


@on_a_live_server
async def test_the_node_package(on: Live) -> None:
    recording = await on.recording()
    program = NODE % {"account": ACCOUNT, "token": TOKEN, "app": APP, "recording": recording}
    ca = Path(on.stage.settings.media.recordings) / "ca.pem"
    proxy = Proxy(Authority.at(ca, HOSTS), on.base)
    port = await proxy.start("127.0.0.1", 0)
    environment = {
        "HTTPS_PROXY": f"http://127.0.0.1:{port}", "NODE_EXTRA_CA_CERTS": str(ca), "NODE_PATH": str(node_modules()),
    }  # fmt: skip
    try:
        code, out, error = await run("node", "-e", program, **environment)
    finally:
        await proxy.stop()
    assert code == 0, error
    assert json.loads(out.splitlines()[-1]) == [
        "created", ["shop", f"{APP}/shop", "GET"], "changed", ["shop"], ["zumba", "false"], "changed", 6,
        ["14155550180"], "fulfilled", "changed", ["14155550180"], [recording], "wav", ["SA", "Shop"], 404, "Tests",
    ]  # fmt: skip
