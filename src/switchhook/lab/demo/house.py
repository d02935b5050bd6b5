"""The house in which the demo plays: configuration, a server process of its own, telephones, a web application."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx2

from switchhook.exchange.ports import Entry
from switchhook.lab.carrier import Carrier
from switchhook.lab.demo.web import WebApplication
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Phone
from switchhook.lab.phones import Phones
from switchhook.lab.served import Served, on_loopback, written
from switchhook.lab.served import free_port as free_port  # the soak takes it from here
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
APPLICATIONS = {"10000000000000001": "1002", "10000000000000002": "15000"}  # and the telephone that each one dials


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
    """The demo's server as a process of its own (`lab.served`)."""

    def __init__(self, folder: Path, name: str, profile: str, carrier: str, web: str) -> None:
        self.folder = folder
        self.name = name
        self.database = folder / f"{name}.db"
        (folder / "support.json").write_text(json.dumps(flow(), indent=2), encoding="utf-8")
        self._served = Served(folder, _configuration(self.database, profile, carrier, web), name=name)
        self.config = self._served.config
        self.http = ""
        self.sip: tuple[str, int] = ("127.0.0.1", 0)
        self.sip_tcp: tuple[str, int] = ("127.0.0.1", 0)
        self.pid = 0

    @property
    def _process(self) -> subprocess.Popen[bytes] | None:
        return self._served.process

    async def start(self) -> None:
        """Returns when the server takes calls; raises `Unavailable` with what it said when it does not start."""
        served = self._served
        await served.come_up()
        self.http, self.sip, self.sip_tcp, self.pid = served.url, served.sip, served.sip_tcp, served.pid

    async def stop(self) -> None:
        """Asks it to stop and waits."""
        await self._served.leave()

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


def _configuration(database: Path, profile: str, carrier: str, web: str) -> str:
    mine = {"account": ACCOUNT}
    tables = on_loopback(database, domain=DOMAIN, ports=(21000, 29998), max_legs=60)
    tables += [
        ("genesys", {"profile": profile}),
        ("account[]", {"auth_id": ACCOUNT, "auth_token": TOKEN}),
        *(("endpoint[]", {"username": user, "password": f"demo-{user}", **mine}) for user in ENDPOINTS),
        *(
            ("agent[]", {"username": name, "password": "demo", "endpoint": user, "number": user})
            for name, user in DESKS.items()
        ),
        ("trunk[]", {"name": "carrier", "uri": f"sip:{carrier}", "match": ["127.0.0.1"], "prefixes": ["+"]}),
        *(
            (
                "application[]",
                {"app_id": app, **mine, "answer_url": f"{web}/answer/{user}", "hangup_url": f"{web}/hangup"},
            )
            for app, user in APPLICATIONS.items()
        ),
        ("number[]", {"number": FLOW_NUMBER, **mine, "flow": PHLO_ID}),
        ("number[]", {"number": APPLICATION_NUMBER, **mine, "application": "10000000000000001"}),
        ("number[]", {"number": DESK_APPLICATION_NUMBER, **mine, "application": "10000000000000002"}),
        ("flow[]", {"file": "support.json", **mine}),
    ]
    return written(tables)
