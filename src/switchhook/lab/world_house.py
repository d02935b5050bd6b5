"""What a world is configured with: a house of its own, parts of it replaced, a user's file, or whole settings.

The house: one account, six telephones 1001 to 1006 that register, agents agent1 to agent4 (passwords pw1 to pw4;
agent4 supervises) with the telephones of these numbers on their desks, a trunk for every E.164 number, `NUMBER` that
asks the web application at `APP`, and `SUPPORT_LINE`, a PHLO whose multi-party call dials whatever agent a story wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from switchhook.flows.graph import Flow, read
from switchhook.settings import Settings
from switchhook.settings.loading import load
from switchhook.settings.tree import Number

ACCOUNT = "MASWITCHHOOK00000000"
TOKEN = "a-token-for-tests"
APP = "http://app.test"  # where the house's application is asked: /answer, /hangup
NUMBER = "+14155550100"  # asks the application
SUPPORT_LINE = "+14155550199"  # runs the house's flow
PHLO_ID = "5b1d7c0a-2c3e-4d5f-8a90-1b2c3d4e5f60"
NODE_ID = "8d7e6f50-1a2b-4c3d-9e8f-0a1b2c3d4e5f"

SERVER_HOST = "10.0.0.1"
TRUNK_HOST = "10.0.9."  # trunks live at .1, .2, ...

HOUSE: dict[str, Any] = {
    "account": [{"auth_id": ACCOUNT, "auth_token": TOKEN}],
    "endpoint": [{"username": f"100{n}", "password": f"secret-100{n}", "account": ACCOUNT} for n in (1, 2, 3, 4, 5, 6)],
    "trunk": [{"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}],
    "application": [
        {"app_id": "app", "account": ACCOUNT, "answer_url": f"{APP}/answer", "hangup_url": f"{APP}/hangup"}
    ],
    "agent": [
        {
            "username": f"agent{n}",
            "password": f"pw{n}",
            "endpoint": f"100{n}",
            "number": f"100{n}",
            "features": ["api-voice", "api-supervisor-monitoring"] if n == 4 else ["api-voice"],
        }
        for n in (1, 2, 3, 4)
    ],
    "number": [{"number": NUMBER, "account": ACCOUNT, "application": "app"}],
}

Given = Settings | Mapping[str, Any] | str | Path | None


def settings_of(given: Given) -> Settings:
    """Returns the settings of a world: a file's or ready ones as they are, a mapping as sections of the house.

    Raises `SettingsError`. The environment is not read: a test is the same everywhere.
    """
    if isinstance(given, Settings):
        return given
    if isinstance(given, str | Path):
        return Settings.load(given, environ={})
    settings = load(None, environ={}, tree={**HOUSE, **(given or {})})
    if settings.account(ACCOUNT) is None:
        return settings
    return replace(settings, numbers=(*settings.numbers, Number(number=SUPPORT_LINE, account=ACCOUNT, flow=PHLO_ID)))


def has_support_line(settings: Settings) -> bool:
    """Returns whether these settings are the house's, with its flow."""
    return any(number.flow == PHLO_ID and number.number == SUPPORT_LINE for number in settings.numbers)


def with_trunks_at(settings: Settings, places: Mapping[str, str]) -> Settings:
    """Returns the settings with the trunks of these names at other places (host:port), inbound calls included."""
    trunks = tuple(
        replace(each, uri=f"sip:{places[each.name]}", match=(places[each.name].rpartition(":")[0],))
        for each in settings.trunks
    )
    return replace(settings, trunks=trunks)


def support_flow(agent: str, **model: object) -> Flow:
    """Returns the house's flow: whoever calls is a customer in a multi-party call into which `agent` is dialled."""
    node = {"name": "Support", "dialing": "customer_dials_in", "to": agent, **model}
    definition = {
        "phlo_id": PHLO_ID,
        "phlo": {"name": "Support line", "phlo_type": "voice", "state": "ACTIVE", "enabled": True},
        "nodes": [
            {"id": "start", "name": "Start", "type": "start", "config": {"model": {"name": "Start"}}},
            {"id": NODE_ID, "name": "Support", "type": "multi_party_call", "config": {"model": node}},
        ],
        "connections": [{"source": "start.call", "target": f"{NODE_ID}.Input", "data": {"id": "c1"}}],
    }
    return read(definition, account=ACCOUNT, created_on=0.0)
