"""Endpoints: telephones that register (plivo-voice-api 12.2).

A user name gets 12 digits appended, as clients expect, unless `[plivo] endpoint_suffix` is off. The password is hashed
at once and is in no answer, no log and no file.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import invalid, not_found
from switchhook.dialects.plivo.resources import given as g
from switchhook.dialects.plivo.resources.programs import default_program, program, program_uri
from switchhook.dialects.plivo.resources.reach import (
    change,
    family,
    home,
    listed,
    made,
    reached,
    shown,
    sub_account,
    uri,
)
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MadeEndpoint, hashes_of
from switchhook.settings import Endpoint

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,49}")
_ALIAS = re.compile(r"[A-Za-z0-9.+@_-]{1,50}")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 5, 128
SUFFIX_DIGITS = 12


class View(msgspec.Struct, omit_defaults=True):
    """A telephone as clients see it; the last three only while it is registered."""

    alias: str
    application: str | None
    endpoint_id: str
    resource_uri: str
    sip_registered: str
    sip_uri: str
    sub_account: str | None
    username: str
    sip_contact: str = ""
    sip_expires: str = ""
    sip_user_agent: str = ""


def id_of(found: Endpoint) -> str:
    """Returns the endpoint_id; a telephone of the file gets one from its name, the same each time."""
    if isinstance(found, MadeEndpoint):
        return found.endpoint_id
    hashed = int.from_bytes(hashlib.sha256(found.username.encode()).digest()[:8], "big")
    return str(10**13 + hashed % (9 * 10**13))


def view(rest: Rest, asked: Asked, found: Endpoint) -> View:
    """Returns what clients see of a telephone of either kind."""
    exchange = rest.exchange
    known = View(
        alias=found.alias if isinstance(found, MadeEndpoint) else found.username,
        application=program_uri(asked, found.application),
        endpoint_id=id_of(found),
        resource_uri=uri(asked, "Endpoint", id_of(found)),
        sip_registered="true" if found.username in exchange.state.registered else "false",
        sip_uri=f"sip:{found.username}@{exchange.settings.sip.domain}",
        sub_account=sub_account(rest, found.account),
        username=found.username,
    )
    contacts = exchange.declared.contacts(found.username)
    if contacts:
        until = datetime.fromtimestamp(contacts[0].expires_at, UTC)
        known.sip_contact = contacts[0].uri
        known.sip_expires = until.strftime("%Y-%m-%d %H:%M:%S")
        known.sip_user_agent = contacts[0].user_agent
    return known


async def create(rest: Rest, asked: Asked) -> Answer:
    """POST Endpoint/."""
    given = asked.given
    for name in ("username", "password", "alias"):
        g.needed(given, name)
    wanted = g.matching(given, "username", _USERNAME, "letters and digits, a letter first,")
    password = _password(given.get("password"))
    alias = g.matching(given, "alias", _ALIAS, "letters, digits and . + @ - _")
    settings = rest.exchange.settings
    username = wanted + (_digits(SUFFIX_DIGITS) if settings.plivo.endpoint_suffix else "")
    endpoint_id = str(10**13 + secrets.randbelow(9 * 10**13))
    hashes = hashes_of(username, settings.sip.domain, password)

    def decide() -> Changes:
        account = home(rest, asked)
        directory = rest.exchange.directory
        if username in directory.endpoints or username in directory.agents:
            raise invalid("username", "it is taken")
        application = "".join(program(rest, asked)) or default_program(rest, account, endpoint=True)
        return Changes(
            put=[
                MadeEndpoint(
                    username=username, account=account, application=application, endpoint_id=endpoint_id, alias=alias,
                    realm=settings.sip.domain, hashes=hashes,
                )
            ]
        )  # fmt: skip

    await change(rest, decide)
    made_now = {"username": username, "alias": alias, "message": "created", "endpoint_id": endpoint_id}
    return Answer(201, {"api_id": asked.api_id, **made_now})


def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Endpoint/."""
    accounts = reached(rest, asked)
    found = [each for each in rest.exchange.directory.endpoints.values() if each.account in accounts]
    return listed(asked, found, lambda each: view(rest, asked, each), "Endpoint")


def get(rest: Rest, asked: Asked) -> Answer:
    """GET Endpoint/{endpoint_id}/."""
    return shown(asked, view(rest, asked, _need(rest, asked)))


async def update(rest: Rest, asked: Asked) -> Answer:
    """POST Endpoint/{endpoint_id}/: password, alias, application; a registration lasts until it runs out."""
    given = asked.given
    alias = g.matching(given, "alias", _ALIAS, "letters, digits and . + @ - _")
    password = _password(given["password"]) if given.get("password") not in (None, "") else ""

    def decide() -> Changes:
        found = _need(rest, asked)
        if not (made(found, "this endpoint") and isinstance(found, MadeEndpoint)):
            return Changes()
        new = replace(found, alias=alias or found.alias, account=home(rest, asked, found.account))
        if "app_id" in given:
            new = replace(new, application="".join(program(rest, asked)))
        if password:
            new = replace(new, hashes=hashes_of(found.username, found.realm, password))
        return Changes(put=[new])

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


async def delete(rest: Rest, asked: Asked) -> Answer:
    """DELETE Endpoint/{endpoint_id}/: it is registered no longer; a call that it is in goes on."""

    def decide() -> Changes:
        found = _need(rest, asked)
        return Changes(remove=[found] if made(found, "this endpoint") and isinstance(found, MadeEndpoint) else [])

    await change(rest, decide)
    return Answer(204)


def _need(rest: Rest, asked: Asked) -> Endpoint:
    wanted, accounts = asked.words["endpoint_id"], family(rest, asked.account)
    for each in rest.exchange.directory.endpoints.values():
        if each.account in accounts and id_of(each) == wanted:
            return each
    raise not_found("no endpoint with this endpoint_id")


def _password(value: object) -> str:
    """A password is taken as it is, blanks included."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise invalid("password", "a text is expected")
    text = str(value)
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD or not text.isprintable():
        raise invalid("password", f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} printable characters are expected")
    return text


def _digits(count: int) -> str:
    return "".join(str(secrets.randbelow(10)) for _ in range(count))


RESOURCES: Resources = (
    (path("endpoint"), {"POST": create, "GET": list_all}),
    (path("endpoint/{endpoint_id}"), {"GET": get, "POST": update, "DELETE": delete}),
)
