"""The configuration: one typed tree, read from defaults, a TOML file, the environment and flags, in that order.

`Settings.load` and `Settings.embedded` are the two ways in; each problem is one line of `SettingsError.problems`.
"""

from __future__ import annotations

from switchhook.settings.listen import Listen
from switchhook.settings.loading import SettingsError, load
from switchhook.settings.tree import (
    Account,
    Agent,
    AgentState,
    Application,
    Endpoint,
    Flow,
    Genesys,
    Http,
    Inventory,
    Log,
    Media,
    Number,
    Phlo,
    Plivo,
    Settings,
    Sip,
    Store,
    Transfers,
    Trunk,
    Webhooks,
)

__all__ = [
    "Account",
    "Agent",
    "AgentState",
    "Application",
    "Endpoint",
    "Flow",
    "Genesys",
    "Http",
    "Inventory",
    "Listen",
    "Log",
    "Media",
    "Number",
    "Phlo",
    "Plivo",
    "Settings",
    "SettingsError",
    "Sip",
    "Store",
    "Transfers",
    "Trunk",
    "Webhooks",
    "load",
]
