"""Unmodified client programs, whose SDKs pin the vendor's host names, reach the server through `switchhook proxy`.

Each program runs in a process of its own with nothing but environment variables to tell it of the proxy.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switchhook.cli import main
from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo import Plivo
from switchhook.http import HttpServer, application, bind
from switchhook.lab.authority import Authority
from switchhook.lab.proxy import HOSTS, Proxy
from tests.dialects.plivo.common import ACCOUNT, TOKEN, settings
from tests.sdks.live import LiveStage
from tests.sdks.nodejs import node_modules

pytestmark = pytest.mark.slow

PYTHON = """
import plivo, json
client = plivo.RestClient({account!r}, {token!r})
made = client.calls.create(from_="14155550100", to_="+14155550123", answer_url="http://127.0.0.1:9/answer")
print(json.dumps([made.request_uuid, len(client.live_calls.list_ids().calls)]))
"""
NODE = """
const plivo = require("plivo");
const client = new plivo.Client({account!r}, {token!r});
client.calls.create("14155550100", "+14155550123", "http://127.0.0.1:9/answer")
    .then(made => console.log(JSON.stringify([made.requestUuid])))
    .catch(error => {{ console.error(error); process.exit(1); }});
"""


@dataclass
class Site:
    stage: LiveStage
    base: str
    proxy: Proxy
    url: str
    ca: Path


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    sock = bind("127.0.0.1", 0)
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    stage = LiveStage(settings())
    stage.open()
    dialect = Plivo(stage.exchange)
    server = HttpServer(application(dialect.routes()), stage.settings, sock)
    await server.start()
    ca = folder / "ca.pem"
    proxy = Proxy(Authority.at(ca, HOSTS), base)
    port = await proxy.start("127.0.0.1", 0)
    try:
        yield Site(stage, base, proxy, f"http://127.0.0.1:{port}", ca)
    finally:
        await proxy.stop()
        await server.stop()
        await dialect.stop()


Story = Callable[[Path], Coroutine[Any, Any, None]]


def in_loop(story: Story) -> Callable[[Path], None]:
    @wraps(story)
    def run(tmp_path: Path) -> None:
        asyncio.run(story(tmp_path))

    return run


async def run(*command: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "NO_PROXY": "", "no_proxy": "", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), error.decode()


async def behind(here: Site, *program: str, **environment: str) -> tuple[int, str, str]:
    """Runs a program as a user would: `switchhook proxy -- PROGRAM`."""
    options = ("--listen", "127.0.0.1:0", "--to", here.base, "--ca", str(here.ca))
    return await run(sys.executable, "-m", "switchhook", "proxy", *options, "--", *program, **environment)


@in_loop
async def test_a_python_program_reaches_the_server_unchanged(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        code, out, error = await behind(here, sys.executable, "-c", PYTHON.format(account=ACCOUNT, token=TOKEN))
        assert code == 0, error
        made, live = json.loads(out.splitlines()[-1])
        assert here.stage.exchange.calls.of(made)
        assert live == 0  # it still rings


@in_loop
async def test_a_node_program_reaches_the_server_unchanged(tmp_path: Path) -> None:
    modules = str(node_modules())
    async with site(tmp_path) as here:
        program = NODE.format(account=ACCOUNT, token=TOKEN)
        for started in (behind(here, "node", "-e", program, NODE_PATH=modules), by_variables(here, program, modules)):
            code, out, error = await started
            assert code == 0, error
            (made,) = json.loads(out.splitlines()[-1])
            assert here.stage.exchange.calls.of(made)
        assert here.proxy.tunnels == 1


def by_variables(here: Site, program: str, modules: str) -> Coroutine[Any, Any, tuple[int, str, str]]:
    """Runs a program behind a proxy that runs already, told of it by two variables."""
    told = {"HTTPS_PROXY": here.url, "NODE_EXTRA_CA_CERTS": str(here.ca), "NODE_PATH": modules}
    return run("node", "-e", program, **told)


@in_loop
async def test_the_exit_code_is_the_programs(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        assert (await behind(here, sys.executable, "-c", "raise SystemExit(7)"))[0] == 7
        code, _, error = await behind(here, "no-such-program")
        assert code == 1
        assert "no-such-program cannot be started" in error


@in_loop
async def test_every_other_host_is_refused_and_nothing_is_connected(tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    async with site(tmp_path) as here:
        for url in ("https://example.com/", "https://api.plivo.com:8443/", "https://api.plivo.com.example.com/"):
            code, _, error = await run(curl, "-sS", "--proxy", here.url, "--cacert", str(here.ca), url)
            assert code == 56, error
            assert "403" in error
        plain = await run(curl, "-s", "--proxy", here.url, "http://example.com/x")
        assert "serves api.plivo.com and phlorunner.plivo.com only, not example.com" in plain[1]
        assert here.proxy.refused == 4
        assert here.proxy.tunnels == 0
        code, out, error = await run(
            curl, "-sS", "-u", f"{ACCOUNT}:{TOKEN}", "--proxy", here.url, "--cacert", str(here.ca),
            f"https://api.plivo.com/v1/Account/{ACCOUNT}/",
        )  # fmt: skip
        assert code == 0, error
        assert json.loads(out)["auth_id"] == ACCOUNT


@in_loop
async def test_a_server_that_is_away_is_said_and_clears_up(tmp_path: Path) -> None:
    sock = bind("127.0.0.1", 0)
    gone = f"http://127.0.0.1:{sock.getsockname()[1]}"
    sock.close()
    proxy = Proxy(Authority.at(tmp_path / "ca.pem", HOSTS), gone)
    port = await proxy.start("127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET https://api.plivo.com/v1/ HTTP/1.1\r\nHost: api.plivo.com\r\n\r\n")
        said = await reader.read()
        assert said.startswith(b"HTTP/1.1 502 ")
        assert b"no server answers at" in said
        writer.close()
    finally:
        await proxy.stop()


def test_the_authority_is_kept_private_and_vouches_for_its_hosts_only(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    made = Authority.at(path, HOSTS)
    key = tmp_path / "ca.pem.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert Authority.at(path, HOSTS).hosts == made.hosts == HOSTS
    assert path.read_bytes() == before
    with pytest.raises(Unavailable, match=r"made without other\.example"):
        Authority.at(path, ("other.example",))
    key.write_bytes(b"nothing")
    with pytest.raises(Unavailable, match="cannot be used"):
        Authority.at(path, HOSTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "nowhere"], "is not HOST:PORT"),
        (["--to", "ftp://x"], "is no address such as"),
    ],
)
def test_bad_arguments_are_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["proxy", "--ca", str(tmp_path / "ca.pem"), *arguments])
    assert result.exit_code != 0
    assert said in result.output
