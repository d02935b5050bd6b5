"""The house in which the demo plays: configuration, a server process of its own, telephones, a web application."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx2

from switchhook.core.errors import Unavailable
from switchhook.exchange.ports import Entry
from switchhook.lab.carrier import Carrier
from switchhook.lab.demo.web import WebApplication
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Phone
from switchhook.lab.phones import Phones
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader

ACCOUNT = "MASWITCHHOOK00000000"
TOKEN = "switchhook-demo-token"
DOMAIN = "switchhook.local"
PHLO_ID = "5b1d7c0a-2c3e-4d5f-8a90-1b2c3d4e5f60"
NODE_ID = "8d7e6f50-1a2b-4c3d-9e8f-0a1b2c3d4e5f"
FLOW_NUMBER = "+14155550100"
APPLICATION_NUMBER = "+14155550101"
DESK_APPLICATION_NUMBER = "+14155550102"
AGENT_NUMBER = "+14152223333"  # U1 of the seeds
TARGET_NUMBER = "+14152225555"  # U3 of the seeds
CUSTOMER_NUMBER = "+14155550123"
ENDPOINTS = ("1001", "1002", "15000", "15001", "15002", "5000", "5001", "5005")
DESKS = {"agent15000": "15000", "agent5005": "5005"}
START_S = 30.0  # a machine with much to do


def flow(agent: str = AGENT_NUMBER) -> dict[str, Any]:
    """Returns a PHLO: whoever calls in is a customer of a multi-party call, and an agent is dialled into it."""
    return {
        "phlo_id": PHLO_ID,
        "phlo": {"name": "Support line", "phlo_type": "voice", "state": "ACTIVE", "enabled": True},
        "nodes": [
            {"id": "n-start", "name": "Start", "type": "start", "config": {"model": {"name": "Start"}}},
            {
                "id": NODE_ID,
                "name": "Support_Room",
                "type": "multi_party_call",
                "config": {"model": {"name": "Support_Room", "dialing": "customer_dials_in", "to": agent}},
            },
        ],
        "connections": [{"source": "n-start.call", "target": f"{NODE_ID}.Input", "data": {"id": "c1"}}],
    }


class ServerProcess:
    """`switchhook serve` as a process of its own."""

    def __init__(self, folder: Path, name: str, profile: str, carrier: str, web: str) -> None:
        self.folder = folder
        self.name = name
        self.database = folder / f"{name}.db"
        self.config = folder / f"{name}.toml"
        self._ready = folder / f"{name}.ready"
        self._process: asyncio.subprocess.Process | None = None
        self.http = ""
        self.sip: tuple[str, int] = ("127.0.0.1", 0)
        self.sip_tcp: tuple[str, int] = ("127.0.0.1", 0)
        self.pid = 0
        flow_file = folder / "support.json"
        flow_file.write_text(json.dumps(flow(), indent=2), encoding="utf-8")
        self.config.write_text(_configuration(self.database, profile, carrier, web), encoding="utf-8")

    async def start(self) -> None:
        """Returns when the server takes calls; raises `Unavailable` with what it said when it does not start."""
        self._ready.unlink(missing_ok=True)
        log = (self.folder / f"{self.name}.log").open("wb")
        command = ["-m", "switchhook", "serve", "--config", str(self.config), "--ready-file", str(self._ready)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        try:
            async with asyncio.timeout(START_S):
                while not self._ready.exists():
                    if self._process.returncode is not None:
                        raise Unavailable(f"the server did not start: {self._said()}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            await self.stop()
            raise Unavailable(f"the server was not ready within {START_S:g} s: {self._said() or 'no word'}") from None
        listening = json.loads(self._ready.read_text(encoding="utf-8"))
        self.http = f"http://127.0.0.1:{listening['http']}"
        self.pid = int(listening["pid"])
        places = {transport: (str(host), int(port)) for transport, host, port in listening["sip"]}
        self.sip, self.sip_tcp = places["udp"], places["tcp"]

    def _said(self) -> str:
        return (self.folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace").strip()[-600:]

    async def stop(self) -> None:
        """Asks it to stop and waits."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def read(self, work: Callable[[Reader], list[Entry]]) -> list[Entry]:
        """Reads its journal."""
        engine = connect(f"sqlite:///{self.database}", migrate=False)
        try:
            return work(Reader(engine))
        finally:
            engine.dispose()


class House:
    """One server with its carrier, telephones and web application. Use as `async with`."""

    def __init__(self, folder: Path, name: str = "switchhook", profile: str = "2016") -> None:
        self.folder = folder
        self._name = name
        self._profile = profile

    async def __aenter__(self) -> House:
        self.carrier = await Carrier.real()
        self.web = await WebApplication.start()
        self.server = ServerProcess(self.folder, self._name, self._profile, self.carrier.local, self.web.url)
        try:
            await self.server.start()
        except BaseException:
            await self.web.stop()
            self.carrier.close()
            raise
        self.phones = Phones(server=self.server.sip, domain=DOMAIN)
        self.client = httpx2.AsyncClient(base_url=self.server.http, timeout=10, trust_env=False, verify=False)
        await self.client.get("/healthz")  # its first request is slow, and telephones in this process would stutter
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        await self.phones.close()
        await asyncio.sleep(0.05)  # their BYEs leave before the sockets close
        await self.server.stop()
        await self.web.stop()
        self.carrier.close()

    async def outside(self, name: str, number: str, **how: Any) -> Phone:
        """Returns a telephone behind the carrier."""
        if name not in self.phones.opened:
            await self.phones.open(name, username=number, transport=self.carrier.line(number))
        return _behaving(self.phones.opened[name], Manners(**how))

    async def inside(self, name: str, username: str, **how: Any) -> Phone:
        """Returns a registered telephone."""
        if name not in self.phones.opened:
            phone = await self.phones.open(name, username=username, password=f"demo-{username}")
            await phone.register()
        return _behaving(self.phones.opened[name], Manners(**how))


def _behaving(phone: Phone, manners: Manners) -> Phone:
    for one in fields(Manners):
        setattr(phone.manners, one.name, getattr(manners, one.name))
    return phone


def free_port() -> int:
    """Asks the system for a free TCP port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _configuration(database: Path, profile: str, carrier: str, web: str) -> str:
    endpoints = "".join(
        f'[[endpoint]]\nusername = "{user}"\npassword = "demo-{user}"\naccount = "{ACCOUNT}"\n' for user in ENDPOINTS
    )
    agents = "".join(
        f'[[agent]]\nusername = "{name}"\npassword = "demo"\nendpoint = "{user}"\nnumber = "{user}"\n'
        for name, user in DESKS.items()
    )
    http = free_port()
    return f"""\
[http]
listen = "127.0.0.1:{http}"
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
domain = "{DOMAIN}"
[media]
ports = [21000, 29998]
max_legs = 60
[store]
url = "sqlite:///{database}"
[genesys]
profile = "{profile}"
[[account]]
auth_id = "{ACCOUNT}"
auth_token = "{TOKEN}"
{endpoints}{agents}
[[trunk]]
name = "carrier"
uri = "sip:{carrier}"
match = ["127.0.0.1"]
prefixes = ["+"]
[[application]]
app_id = "10000000000000001"
account = "{ACCOUNT}"
answer_url = "{web}/answer/1002"
hangup_url = "{web}/hangup"
[[application]]
app_id = "10000000000000002"
account = "{ACCOUNT}"
answer_url = "{web}/answer/15000"
hangup_url = "{web}/hangup"
[[number]]
number = "{FLOW_NUMBER}"
account = "{ACCOUNT}"
flow = "{PHLO_ID}"
[[number]]
number = "{APPLICATION_NUMBER}"
account = "{ACCOUNT}"
application = "10000000000000001"
[[number]]
number = "{DESK_APPLICATION_NUMBER}"
account = "{ACCOUNT}"
application = "10000000000000002"
[[flow]]
file = "support.json"
account = "{ACCOUNT}"
"""
