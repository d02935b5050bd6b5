"""Numbers for rent (plivo-voice-api 12.3): the [[inventory]] of the configuration file, as far as nobody has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from switchhook.core.addresses import address_key
from switchhook.dialects.plivo import fields
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import not_found
from switchhook.dialects.plivo.resources import given as g
from switchhook.dialects.plivo.resources.numbers import TYPES, is_taken, speaks
from switchhook.dialects.plivo.resources.programs import default_program, program
from switchhook.dialects.plivo.resources.reach import change, home, listed, uri
from switchhook.dialects.plivo.shapes import text
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MadeNumber
from switchhook.settings import Inventory

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

_COUNTRY = re.compile("[A-Za-z]{2}")
_TYPE = re.compile("|".join((*TYPES, "any")))
_PATTERN = re.compile(r"[0-9*]{1,15}")


class View(msgspec.Struct):
    """A number for rent as clients see it."""

    number: str
    prefix: str
    city: str
    region: str
    country: str
    type: str
    resource_uri: str
    rate_center: str | None = None
    lata: int | None = None
    monthly_rental_rate: str = fields.FREE
    setup_rate: str = fields.FREE
    sms_rate: str = fields.FREE
    voice_rate: str = fields.FREE
    sms_enabled: bool = False
    voice_enabled: bool = True
    restriction: str | None = None
    restriction_text: str | None = None
    prerequisites: list[str] = []


def search(rest: Rest, asked: Asked) -> Answer:
    """GET PhoneNumber/."""
    given = asked.given
    g.needed(given, "country_iso")
    country = g.matching(given, "country_iso", _COUNTRY, "two letters").upper()
    kind = g.matching(given, "type", _TYPE, ", ".join(TYPES))
    digits = g.matching(given, "pattern", _PATTERN, "digits and *")
    pattern = re.compile(digits.replace("*", r"\d*"))
    region, city = text(given, "region").lower(), text(given, "city").lower()
    found = [
        each
        for each in rest.exchange.settings.inventory
        if each.country == country
        and kind in ("", "any", each.type)
        and pattern.search(address_key(each.number))
        and region in each.region.lower()
        and city in each.city.lower()
        and speaks(asked)
        and not is_taken(rest, address_key(each.number))
    ]
    return listed(asked, found, lambda each: _view(asked, each), "PhoneNumber")


def _view(asked: Asked, found: Inventory) -> View:
    number = address_key(found.number)
    return View(
        number=number,
        prefix=number[:4],
        city=found.city,
        region=found.region,
        country=found.country,
        type=found.type,
        resource_uri=uri(asked, "PhoneNumber", number),
    )


async def rent(rest: Rest, asked: Asked) -> Answer:
    """POST PhoneNumber/{number}/."""
    number = address_key(asked.words["number"])

    def decide() -> Changes:
        account = home(rest, asked)
        offered = next((each for each in rest.exchange.settings.inventory if address_key(each.number) == number), None)
        if offered is None or is_taken(rest, number):
            raise not_found("this number is not for rent")
        application, flow = program(rest, asked)
        if "app_id" not in asked.given:
            application = default_program(rest, account, endpoint=False)
        return Changes(
            put=[
                MadeNumber(
                    number=f"+{number}", account=account, application=application, flow=flow,
                    country=offered.country, region=offered.region, city=offered.city, type=offered.type,
                    added_at=rest.exchange.clock.now(),
                )
            ]
        )  # fmt: skip

    await change(rest, decide)
    rented = [{"number": number, "status": "Success"}]
    return Answer(201, {"api_id": asked.api_id, "message": "created", "numbers": rented, "status": "fulfilled"})


RESOURCES: Resources = (
    (path("phonenumber"), {"GET": search}),
    (path("phonenumber/{number}"), {"POST": rent}),
)
