"""The server without a file: enough to register three telephones and try every API, on this machine only.

The token and passwords are public, which is why everything listens on loopback and a flag or variable that opens a
listener to others is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from switchhook.settings.loading import SettingsError, load
from switchhook.settings.tree import Settings

AUTH_ID = "MASWITCHHOOK00000000"
AUTH_TOKEN = "switchhook-demo-token"
_USERS = ("1001", "1002", "1003")

TREE = {
    "account": [{"auth_id": AUTH_ID, "auth_token": AUTH_TOKEN, "name": "Demo"}],
    "endpoint": [{"username": user, "password": f"demo-{user}", "account": AUTH_ID} for user in _USERS],
    "agent": [
        {"username": f"agent{n}", "password": f"demo-agent{n}", "endpoint": user, "number": user}
        for n, user in enumerate(_USERS, 1)
    ],
}


def embedded(*, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None) -> Settings:
    """Returns the built-in configuration, changed by environment and flags; raises SettingsError.

    Listening beyond loopback with the public demo token is a problem, too.
    """
    tree = {name: [dict(table) for table in tables] for name, tables in TREE.items()}
    settings = load(environ=environ, flags=flags, tree=tree)
    exposed = [str(listen) for listen in (settings.http_listen, *settings.sip_listen) if not listen.is_loopback]
    account = settings.account(AUTH_ID)
    if exposed and account is not None and account.auth_token == AUTH_TOKEN:
        where = ", ".join(exposed)
        text = "with the public demo passwords is refused; write a configuration file"
        raise SettingsError([f"listening on {where} {text}"])
    return settings


def next_steps(settings: Settings) -> str:
    """What to print after a start without a file: where things are and what to try next."""
    token = next((account.auth_token for account in settings.accounts), "")
    first = next((account.auth_id for account in settings.accounts), "")
    sip = next((listen for listen in settings.sip_listen if listen.transport == "udp"), settings.sip_listen[0])
    phones = ", ".join(f"{each.username} (password {each.password})" for each in settings.endpoints)
    return "\n".join(
        [
            "No configuration file: running the built-in demo configuration, reachable from this machine only.",
            f"  HTTP        {settings.public_url}",
            f"  SIP         {' '.join(map(str, settings.sip_listen))}",
            f"  telephones  {phones}",
            f"  Plivo API   {first} / {token}",
            f"  Genesys     {', '.join(f'{agent.username} / {agent.password}' for agent in settings.agents)}",
            "Next:",
            f"  switchhook phone --server {sip.host}:{sip.port} --user 1001 --password demo-1001",
            f"  curl -u {first}:{token} '{settings.public_url}/v1/Account/{first}/Call/?status=live'",
            "  switchhook demo                              (six transfers, heard and drawn)",
            "  switchhook check --example > switchhook.toml (a configuration file of your own)",
        ]
    )
