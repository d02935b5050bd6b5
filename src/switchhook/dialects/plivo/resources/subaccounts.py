"""Sub-accounts (plivo-voice-api 12.5): accounts of their own, that see and change nothing but what is theirs.

Deleting one hands its objects to the main account; with `cascade` they are deleted, too. Its calls go on.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import Problem, not_found
from switchhook.dialects.plivo.resources import given as g
from switchhook.dialects.plivo.resources.reach import change, listed, made, shown, uri
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MadeAccount, MadeApplication, MadeEndpoint, MadeNumber
from switchhook.settings import Account

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

_LETTERS = string.ascii_uppercase + string.digits
_TOKEN = string.ascii_letters + string.digits


class View(msgspec.Struct):
    """A sub-account as its main account sees it."""

    account: str
    auth_id: str
    auth_token: str
    created: str | None
    enabled: bool
    modified: str | None
    name: str
    new_auth_token: str
    resource_uri: str


def view(rest: Rest, asked: Asked, found: Account) -> View:
    """Returns what the main account sees of a sub-account of either kind."""
    more = found if isinstance(found, MadeAccount) else None
    zone = fields.settings_zone(rest.exchange.settings, asked.account.auth_id)

    def moment(at: float) -> str | None:
        return datetime.fromtimestamp(at, zone).isoformat(" ", "seconds") if at else None

    return View(
        account=uri(asked),
        auth_id=found.auth_id,
        auth_token=found.auth_token,
        created=moment(more.created_at) if more else None,
        enabled=more.enabled if more else True,
        modified=moment(more.changed_at) if more else None,
        name=found.name,
        new_auth_token=found.auth_token,
        resource_uri=uri(asked, "Subaccount", found.auth_id),
    )


async def create(rest: Rest, asked: Asked) -> Answer:
    """POST Subaccount/."""
    if asked.account.parent:
        raise Problem(403, "a sub-account is not permitted to have sub-accounts")
    g.needed(asked.given, "name")
    now = rest.exchange.clock.now()
    new = MadeAccount(
        auth_id="SA" + "".join(secrets.choice(_LETTERS) for _ in range(18)),
        auth_token="".join(secrets.choice(_TOKEN) for _ in range(40)),
        name=g.words(asked.given, "name"),
        enabled=g.flag(asked.given, "enabled", True),
        parent=asked.account.auth_id,
        timezone=asked.account.timezone,
        created_at=now,
        changed_at=now,
    )
    await change(rest, lambda: Changes(put=[new]))
    keys = {"auth_id": new.auth_id, "auth_token": new.auth_token}
    return Answer(201, {"api_id": asked.api_id, **keys, "message": "created"})


def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Subaccount/."""
    found = [each for each in rest.exchange.settings.accounts if each.parent == asked.account.auth_id]
    return listed(asked, found, lambda each: view(rest, asked, each), "Subaccount")


def get(rest: Rest, asked: Asked) -> Answer:
    """GET Subaccount/{auth_id}/."""
    return shown(asked, view(rest, asked, _need(rest, asked)))


async def update(rest: Rest, asked: Asked) -> Answer:
    """POST Subaccount/{auth_id}/: name and enabled; the credentials of a disabled one are refused."""
    if "name" in asked.given:
        g.needed(asked.given, "name")

    def decide() -> Changes:
        found = _need(rest, asked)
        if not (made(found, "this sub-account") and isinstance(found, MadeAccount)):
            return Changes()
        new = replace(
            found,
            name=g.words(asked.given, "name", found.name),
            enabled=g.flag(asked.given, "enabled", found.enabled),
            changed_at=rest.exchange.clock.now(),
        )
        return Changes(put=[new])

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


async def delete(rest: Rest, asked: Asked) -> Answer:
    """DELETE Subaccount/{auth_id}/."""
    cascade = g.flag(asked.given, "cascade", False)

    def decide() -> Changes:
        found = _need(rest, asked)
        if not (made(found, "this sub-account") and isinstance(found, MadeAccount)):
            return Changes()
        changes, directory = Changes(remove=[found]), rest.exchange.directory
        owned: tuple[object, ...] = (
            *directory.applications.values(),
            *directory.endpoints.values(),
            *directory.numbers.values(),
        )
        for each in owned:
            if isinstance(each, (MadeApplication, MadeEndpoint, MadeNumber)) and each.account == found.auth_id:
                if cascade:
                    changes.remove.append(each)
                else:
                    changes.put.append(replace(each, account=found.parent))
        return changes

    await change(rest, decide)
    return Answer(204)


def _need(rest: Rest, asked: Asked) -> Account:
    found = rest.exchange.directory.accounts.get(asked.words["auth_id"])
    if found is None or found.parent != asked.account.auth_id:
        raise not_found("no sub-account with this auth_id")
    return found


RESOURCES: Resources = (
    (path("subaccount"), {"POST": create, "GET": list_all}),
    (path("subaccount/{auth_id}"), {"GET": get, "POST": update, "DELETE": delete}),
)
