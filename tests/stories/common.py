"""The settings that the stories share: one account, a trunk, four telephones, an agent and a forwarded number."""

from __future__ import annotations

from switchhook.settings import Settings
from switchhook.settings.loading import load

ACCOUNT = "MASWITCHHOOK00000000"
TOKEN = "a-token-for-tests"


def settings(**more: object) -> Settings:
    """Returns checked settings; `more` adds or replaces tables and sections of the file format."""
    tree: dict[str, object] = {
        "account": [{"auth_id": ACCOUNT, "auth_token": TOKEN}],
        "endpoint": [
            {"username": name, "password": f"secret-{name}", "account": ACCOUNT}
            for name in ("1001", "1002", "1003", "1004")
        ],
        "trunk": [{"name": "carrier", "uri": "sip:127.0.0.1:5070", "match": ["127.0.0.1"], "prefixes": ["+"]}],
        "agent": [
            {"username": f"agent{n}", "password": f"pw{n}", "endpoint": f"100{n}", "number": f"100{n}"}
            for n in (1, 2, 3)
        ],
        "number": [{"number": "+14155550100", "account": ACCOUNT, "forward": "1001"}],
        **more,
    }
    return load(None, environ={}, tree=tree)
