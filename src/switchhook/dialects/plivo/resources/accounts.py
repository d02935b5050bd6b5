"""The account itself (plivo-voice-api 12.5). A name that the configuration file gives it stays."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.asked import Answer, Asked, Resources
from switchhook.dialects.plivo.problems import Problem
from switchhook.dialects.plivo.resources import given as g
from switchhook.dialects.plivo.resources.reach import change, shown, uri
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MadeAccount

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest


class View(msgspec.Struct):
    """An account as it sees itself."""

    address: str
    auth_id: str
    city: str
    name: str
    resource_uri: str
    timezone: str
    account_type: str = "standard"
    auto_recharge: bool = False
    billing_mode: str = "prepaid"
    cash_credits: str = fields.FREE
    state: str = ""


def get(rest: Rest, asked: Asked) -> Answer:
    """GET /v1/Account/{auth_id}/."""
    account, profile = asked.account, rest.exchange.declared.profile(asked.account.auth_id)
    view = View(
        address=profile.address,
        auth_id=account.auth_id,
        city=profile.city,
        name=account.name or profile.name,
        resource_uri=uri(asked),
        timezone=account.timezone,
    )
    return shown(asked, view)


async def update(rest: Rest, asked: Asked) -> Answer:
    """POST /v1/Account/{auth_id}/: name, city, address."""

    def decide() -> Changes:
        auth_id, given = asked.account.auth_id, asked.given
        account = rest.exchange.directory.accounts[auth_id]
        profile = rest.exchange.declared.profile(auth_id)
        name = g.words(given, "name", account.name or profile.name)
        new = replace(
            profile,
            name="" if account.name else name,
            city=g.words(given, "city", profile.city),
            address=g.words(given, "address", profile.address),
        )
        if account.name and name != account.name:
            if not isinstance(account, MadeAccount):
                raise Problem(403, "the name of the account is in the configuration file and can only be changed there")
            return Changes(put=[replace(account, name=name, changed_at=rest.exchange.clock.now()), new])
        return Changes(put=[new])

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


RESOURCES: Resources = ((re.compile("$"), {"GET": get, "POST": update}),)
