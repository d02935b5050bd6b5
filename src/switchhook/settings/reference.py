"""Texts made from the tree, so that they cannot go stale: the list of all keys, and an example file."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from enum import Enum

from switchhook.settings.decoding import keys_of, sections
from switchhook.settings.keys import META
from switchhook.settings.tree import Settings


def reference() -> str:
    """Returns a Markdown page with every key, its default and its meaning."""
    docs = {each.name: each.metadata[META].doc for each in fields(Settings) if META in each.metadata}
    lines = []
    for name, (attribute, cls, many) in sections().items():
        lines += [f"## `[[{name}]]`" if many else f"## `[{name}]`", "", f"{docs[attribute]}.", ""]
        lines += ["| key | default | meaning |", "|---|---|---|"]
        for key, (each, _) in keys_of(cls).items():
            meta = each.metadata[META]
            shown = "needed" if each.default is MISSING else f"`{_toml(each.default)}`"
            lines.append(f"| `{key}` | {shown} | {meta.doc or '-'} |".replace("|'", "'"))
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


def example() -> str:
    """Returns a configuration file to start from: it passes `switchhook check` as it stands."""
    return _EXAMPLE


_EXAMPLE = """\
# A configuration for Switchhook. Check it with: switchhook check --config switchhook.toml
# Change every token and password before anything listens beyond this machine.

[http]
listen = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080"      # used in URIs we hand out

[sip]
listen = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]
domain = "switchhook.local"

[media]
address = "127.0.0.1"                     # put into SDP: the address telephones can reach
ports = [20000, 29998]

[store]
url = "sqlite:///switchhook.db"

[[account]]
auth_id = "MASWITCHHOOK00000000"          # 20 characters, MA + 18
auth_token = "change-me"

[[endpoint]]                              # a telephone that registers
username = "1001"
password = "change-me"
account = "MASWITCHHOOK00000000"

[[endpoint]]
username = "1002"
password = "change-me"
account = "MASWITCHHOOK00000000"

[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:5070"                # where outbound calls go
match = ["127.0.0.1"]                     # whose inbound calls are ours
prefixes = ["+"]                          # every E.164 number

[[number]]
number = "+14155550100"
account = "MASWITCHHOOK00000000"
forward = "1001"                          # or application, flow, agent

[[agent]]                                 # a Genesys user and the telephone on the desk
username = "agent1"
password = "change-me"
endpoint = "1001"
number = "1001"
"""
