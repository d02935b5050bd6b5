"""Numbers of an account (plivo-voice-api 12.3): those of the configuration file, the rented, and the owner's own.

A number without an application exists and nobody answers it (404 to the caller). What the file declares about a number
stays; an update that would change nothing is accepted for it, so that a program which sets up its own numbers at every
start finds them set up.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from switchhook.core.addresses import address_key
from switchhook.dialects.plivo import fields
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
from switchhook.dialects.plivo.shapes import text
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import Made, MadeNumber
from switchhook.settings import Number

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

TYPES = ("local", "tollfree", "mobile", "national", "fixed")
MOST = 100  # numbers in one request
_NUMBER = re.compile(r"\d{3,15}")
_TYPE = re.compile("|".join(TYPES))
_CNAM = re.compile("enabled|disabled")
_PLAIN = MadeNumber(number="", account="")


class View(msgspec.Struct):
    """A number as clients see it."""

    number: str
    alias: str | None
    application: str | None
    carrier: str
    region: str
    city: str
    country: str
    number_type: str
    added_on: str
    cnam_lookup: str
    sub_account: str | None
    resource_uri: str
    type: str
    voice_enabled: bool = True
    sms_enabled: bool = False
    mms_enabled: bool = False
    active: bool = True
    monthly_rental_rate: str = fields.FREE
    voice_rate: str = fields.FREE
    sms_rate: str = fields.FREE
    mms_rate: str = fields.FREE
    renewal_date: str | None = None
    compliance_application_id: str | None = None
    compliance_status: str | None = None
    tendlc_campaign_id: str | None = None
    tendlc_registration_status: str | None = None
    toll_free_sms_verification: str | None = None


def view(rest: Rest, asked: Asked, found: Number) -> View:
    """Returns what clients see of a number of either kind."""
    more = found if isinstance(found, MadeNumber) else _PLAIN
    number = address_key(found.number)
    return View(
        number=number,
        alias=more.alias or None,
        application=program_uri(asked, found.application or found.flow),
        carrier=more.carrier or "Switchhook",
        region=more.region,
        city=more.city,
        country=more.country,
        number_type=more.type,
        type=more.type,
        added_on=datetime.fromtimestamp(more.added_at, UTC).strftime("%Y-%m-%d") if more.added_at else "",
        cnam_lookup=more.cnam_lookup,
        sub_account=sub_account(rest, found.account),
        resource_uri=uri(asked, "Number", number),
    )


def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Number/."""
    given, accounts = asked.given, reached(rest, asked)
    start, alias = text(given, "number_startswith").lstrip("+"), text(given, "alias")
    kind = g.matching(given, "type", _TYPE, ", ".join(TYPES))
    found = []
    for number in rest.exchange.directory.numbers.values():
        more = number if isinstance(number, MadeNumber) else _PLAIN
        wanted = kind in ("", more.type) and alias in ("", more.alias) and speaks(asked)
        if number.account in accounts and wanted and address_key(number.number).startswith(start):
            found.append(number)
    return listed(asked, found, lambda each: view(rest, asked, each), "Number")


def speaks(asked: Asked) -> bool:
    """True when the services that are asked for are those of our numbers: voice."""
    return set(text(asked.given, "services").lower().replace(",", " ").split()) <= {"voice"}


def get(rest: Rest, asked: Asked) -> Answer:
    """GET Number/{number}/."""
    return shown(asked, view(rest, asked, _need(rest, asked)))


async def bring(rest: Rest, asked: Asked) -> Answer:
    """POST Number/: numbers of a carrier of one's own, all or none."""
    g.needed(asked.given, "numbers")
    listed_so = text(asked.given, "numbers").strip("[]").split(",")  # the Python SDK writes a list as Python does
    wanted = list(dict.fromkeys(address_key(each.strip(" '\"")) for each in listed_so if each.strip()))
    if not 1 <= len(wanted) <= MOST or not all(_NUMBER.fullmatch(each) for each in wanted):
        raise invalid("numbers", f"1 to {MOST} numbers with commas between them are expected")
    plain = _described(asked, _PLAIN)
    plain = replace(
        plain,
        carrier=g.words(asked.given, "carrier"),
        region=g.words(asked.given, "region"),
        type=g.matching(asked.given, "number_type", _TYPE, ", ".join(TYPES), "local"),
    )

    def decide() -> Changes:
        account = home(rest, asked)
        application, flow = program(rest, asked)
        if "app_id" not in asked.given:
            application = default_program(rest, account, endpoint=False)
        put: list[Made] = []
        for number in wanted:
            if is_taken(rest, number):
                raise invalid("numbers", f"{number} is taken")
            put.append(
                replace(
                    plain, number=f"+{number}", account=account, application=application, flow=flow,
                    added_at=rest.exchange.clock.now(),
                )
            )  # fmt: skip
        return Changes(put=put)

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


def is_taken(rest: Rest, number: str) -> bool:
    """True for a number that somebody has: an account, or an agent."""
    directory = rest.exchange.directory
    return number in directory.numbers or number in directory.agents or number in directory.endpoints


async def update(rest: Rest, asked: Asked) -> Answer:
    """POST Number/{number}/: the next call goes where it says."""

    def decide() -> Changes:
        found = _need(rest, asked)
        application, flow = found.application, found.flow
        if "app_id" in asked.given:
            application, flow = program(rest, asked)
        account = home(rest, asked, found.account)
        same = (application, flow, account) == (found.application, found.flow, found.account)
        if same and not isinstance(found, MadeNumber) and not {"alias", "cnam_lookup"} & asked.given.keys():
            return Changes()
        if not (made(found, "this number") and isinstance(found, MadeNumber)):
            return Changes()
        new = replace(_described(asked, found), application=application, flow=flow, account=account)
        return Changes(put=[new])

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


async def unrent(rest: Rest, asked: Asked) -> Answer:
    """DELETE Number/{number}/: it is nobody's, and may be rented again if it is of the inventory."""

    def decide() -> Changes:
        found = _need(rest, asked)
        return Changes(remove=[found] if made(found, "this number") and isinstance(found, MadeNumber) else [])

    await change(rest, decide)
    return Answer(204)


def _described(asked: Asked, was: MadeNumber) -> MadeNumber:
    return replace(
        was,
        alias=g.words(asked.given, "alias", was.alias),
        cnam_lookup=g.matching(asked.given, "cnam_lookup", _CNAM, "enabled or disabled", was.cnam_lookup),
    )


def _need(rest: Rest, asked: Asked) -> Number:
    found = rest.exchange.directory.numbers.get(address_key(asked.words["number"]))
    if found is None or found.account not in family(rest, asked.account):
        raise not_found("this account has no such number")
    return found


RESOURCES: Resources = (
    (path("number"), {"GET": list_all, "POST": bring}),
    (path("number/{number}"), {"GET": get, "POST": update, "DELETE": unrent}),
)
