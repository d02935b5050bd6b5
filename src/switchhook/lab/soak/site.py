"""Where the soak plays: the server's configuration, its lanes of numbers, and the web application that fails."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select

from switchhook.lab.demo.house import ACCOUNT, DOMAIN, TOKEN, ServerProcess, free_port
from switchhook.lab.demo.house import flow as one_flow
from switchhook.lab.demo.web import WebApplication
from switchhook.stores import schema
from switchhook.stores.database import connect

RTP_TIMEOUT_S = 4  # a telephone that died is noticed after so long
RING_S = 8
CALLBACK_FAILS = 0.15
HANGS_S = 3.0


@dataclass(frozen=True)
class Support:
    """A line whose calls a PHLO puts through to the lane's agent."""

    number: str
    phlo: str
    node: str


@dataclass(frozen=True)
class Lane:
    """The numbers of one group of telephones that play together."""

    number: int

    def _of(self, middle: str) -> str:
        return f"+1415{middle}{self.number:02d}"

    @property
    def customer(self) -> str:
        return self._of("55501")

    @property
    def agent(self) -> str:
        return self._of("22201")

    @property
    def target(self) -> str:
        return self._of("22202")

    @property
    def desk(self) -> str:
        return f"10{self.number:02d}1"

    @property
    def colleague(self) -> str:
        return f"10{self.number:02d}2"

    @property
    def user(self) -> str:
        return f"agent{self.desk}"

    @property
    def dial_line(self) -> str:
        return self._of("55503")

    @property
    def conference_line(self) -> str:
        return self._of("55504")

    @property
    def broken_line(self) -> str:
        return self._of("55505")

    def support(self, fallback: str = "") -> Support:
        """Returns the line of a PHLO whose transfers that fail end with this fallback; without one, with hold music."""
        place = tuple(self.fallbacks).index(fallback) + 1 if fallback else 0
        end = f"{place:010d}{self.number:02d}"
        number = self._of(f"5551{place}") if place else self._of("55502")
        return Support(number, f"5b1d7c0a-2c3e-4d5f-8a90-{end}", f"8d7e6f50-1a2b-4c3d-9e8f-{end}")

    @property
    def fallbacks(self) -> dict[str, str]:
        """What the node of each such line is given."""
        return {
            "recall": "recall",
            "next": f"next:{self.colleague}",
            "voicemail": f"voicemail:{self.desk}",
            "announce": "announce:builtin:beep",
        }

    def flow(self, fallback: str = "") -> dict[str, Any]:
        """Returns the lane's PHLO: who calls its line is put through to its agent."""
        line, made = self.support(fallback), one_flow(self.agent)
        text = json.dumps(made)
        for old, new in ((made["phlo_id"], line.phlo), (made["nodes"][1]["id"], line.node)):
            text = text.replace(old, new)
        found: dict[str, Any] = json.loads(text)
        if fallback:
            found["nodes"][1]["config"]["model"]["fallback"] = self.fallbacks[fallback]
        return found


class UnreliableWeb(WebApplication):
    """The web application of the soak: its callbacks fail and hang, `/broken` always does, documents it serves."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = Random(1)
        self.failed = 0
        self.calm = False  # stop failing, at the end

    async def status(self, path: str) -> int:
        del self.told[:-200]
        if path.startswith(("/answer", "/to", "/meet")) or self.calm:
            return 200
        drawn = self.chance.random()
        if path.startswith("/broken"):
            self.failed += 1
            return 500 if drawn < 0.5 else 0
        if drawn > CALLBACK_FAILS:
            return 200
        self.failed += 1
        if drawn < CALLBACK_FAILS / 3:
            await asyncio.sleep(HANGS_S)
        return 503 if drawn < CALLBACK_FAILS * 2 / 3 else 0

    def document(self, path: str) -> str:
        match path.strip("/").split("/"):
            case ["answer" | "to", user]:
                user = f"<User>sip:{user}@phone.plivo.com</User>"
                return (
                    f'<Response><Dial callbackUrl="{self.url}/dial" action="{self.url}/after">{user}</Dial></Response>'
                )
            case ["meet", room]:
                return f'<Response><Conference callbackUrl="{self.url}/met">{room}</Conference></Response>'
            case _:
                return "<Response><Hangup/></Response>"


class Site(ServerProcess):
    """The server process of the soak."""

    def __init__(self, folder: Path, lanes: list[Lane], carrier: str, web: str) -> None:
        super().__init__(folder, "soak", "2016", carrier, web)
        for lane in lanes:
            for fallback in ("", *lane.fallbacks):
                file = folder / _file(lane, fallback)
                file.write_text(json.dumps(lane.flow(fallback)), encoding="utf-8")
        (folder / "soak.toml").write_text(configuration(self.database, lanes, carrier, web), encoding="utf-8")

    @property
    def code(self) -> int | None:
        """Returns what the server ended with; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def rows(self) -> dict[str, int]:
        """Counts the rows of each table of its database."""
        engine = connect(f"sqlite:///{self.database}", migrate=False)
        try:
            with engine.connect() as connection:
                tables = schema.metadata.tables.values()
                return {
                    each.name: connection.execute(select(func.count()).select_from(each)).scalar_one()
                    for each in tables
                }
        finally:
            engine.dispose()


def configuration(database: Path, lanes: list[Lane], carrier: str, web: str) -> str:
    """Returns the configuration file."""
    return f"""\
[http]
listen = "127.0.0.1:{free_port()}"
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
domain = "{DOMAIN}"
ring_s = {RING_S}
[media]
ports = [21000, 29998]
max_legs = 400
rtp_timeout_s = {RTP_TIMEOUT_S}
[phlo]
ring_s = {RING_S}
[store]
url = "sqlite:///{database}"
[log]
format = "json"
[[account]]
auth_id = "{ACCOUNT}"
auth_token = "{TOKEN}"
[[trunk]]
name = "carrier"
uri = "sip:{carrier}"
match = ["127.0.0.1"]
prefixes = ["+"]
{"".join(_lane(lane, web) for lane in lanes)}"""


def _lane(lane: Lane, web: str) -> str:
    endpoints = "".join(
        f'[[endpoint]]\nusername = "{user}"\npassword = "soak-{user}"\naccount = "{ACCOUNT}"\n'
        for user in (lane.desk, lane.colleague)
    )
    programs = {
        lane.dial_line: f"/answer/{lane.desk}",
        lane.conference_line: f"/meet/room{lane.number}",
        lane.broken_line: "/broken",
    }
    applications = "".join(
        f'[[application]]\napp_id = "2{lane.number:08d}{place:08d}"\naccount = "{ACCOUNT}"\n'
        f'answer_url = "{web}{path}"\nhangup_url = "{web}/hangup"\n'
        f'[[number]]\nnumber = "{number}"\naccount = "{ACCOUNT}"\napplication = "2{lane.number:08d}{place:08d}"\n'
        for place, (number, path) in enumerate(programs.items())
    )
    flows = "".join(
        f'[[number]]\nnumber = "{line.number}"\naccount = "{ACCOUNT}"\nflow = "{line.phlo}"\n'
        f'[[flow]]\nfile = "{_file(lane, fallback)}"\naccount = "{ACCOUNT}"\n'
        for fallback in ("", *lane.fallbacks)
        for line in (lane.support(fallback),)
    )
    return (
        f'{endpoints}{applications}[[agent]]\nusername = "{lane.user}"\npassword = "soak"\nendpoint = "{lane.desk}"\n'
        f'number = "{lane.desk}"\n{flows}'
    )


def _file(lane: Lane, fallback: str) -> str:
    return f"lane-{lane.number}{'-' if fallback else ''}{fallback}.json"
