"""Applications: the URLs that are asked what to do with a call (plivo-voice-api 12.1).

An application that changes is another one for the next call; calls under way keep the URLs that they began with.
Deleting one leaves its numbers and telephones without an application, or gives them to another; only `cascade` deletes
the telephones, because nobody gets them back.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import invalid, not_found
from switchhook.dialects.plivo.resources import given as g
from switchhook.dialects.plivo.resources.programs import program
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
from switchhook.exchange.made import Made, MadeApplication, MadeEndpoint, MadeNumber
from switchhook.settings import Application

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAIN = MadeApplication(app_id="", account="", answer_url="")


class View(msgspec.Struct):
    """An application as clients see it."""

    app_id: str
    app_name: str
    answer_url: str
    answer_method: str
    hangup_url: str
    hangup_method: str
    fallback_answer_url: str
    fallback_method: str
    message_url: str
    message_method: str
    default_app: bool
    default_endpoint_app: bool
    enabled: bool
    public_uri: bool
    log_incoming_messages: bool
    resource_uri: str
    sip_uri: str
    sub_account: str | None


def view(rest: Rest, asked: Asked, found: Application) -> View:
    """Returns what clients see of an application of either kind."""
    more = found if isinstance(found, MadeApplication) else _PLAIN
    return View(
        app_id=found.app_id,
        app_name=found.name or found.app_id,
        answer_url=found.answer_url,
        answer_method=found.answer_method,
        hangup_url=found.hangup_url or found.answer_url,
        hangup_method=found.hangup_method,
        fallback_answer_url=found.fallback_answer_url,
        fallback_method=found.fallback_method,
        message_url=more.message_url,
        message_method=more.message_method,
        default_app=more.default_app,
        default_endpoint_app=more.default_endpoint_app,
        enabled=True,
        public_uri=more.public_uri,
        log_incoming_messages=more.log_incoming_messages,
        resource_uri=uri(asked, "Application", found.app_id),
        sip_uri=f"sip:{found.app_id}@{rest.exchange.settings.sip.domain}",
        sub_account=sub_account(rest, found.account),
    )


def all_within(rest: Rest, accounts: tuple[str, ...]) -> list[Application]:
    """Returns the applications of these accounts, those of the file first."""
    return [each for each in rest.exchange.directory.applications.values() if each.account in accounts]


async def create(rest: Rest, asked: Asked) -> Answer:
    """POST Application/."""
    g.needed(asked.given, "app_name")
    app_id = str(secrets.randbelow(9 * 10**16) + 10**16)

    def decide() -> Changes:
        new = replace(_PLAIN, app_id=app_id, account=home(rest, asked))
        return _put(rest, asked, new)

    await change(rest, decide)
    return Answer(201, {"api_id": asked.api_id, "app_id": app_id, "message": "created"})


def list_all(rest: Rest, asked: Asked) -> Answer:
    """GET Application/."""
    name = text(asked.given, "app_name")
    found = [each for each in all_within(rest, reached(rest, asked)) if name in (each.name or each.app_id)]
    return listed(asked, found, lambda each: view(rest, asked, each), "Application")


def get(rest: Rest, asked: Asked) -> Answer:
    """GET Application/{app_id}/."""
    return shown(asked, view(rest, asked, _need(rest, asked)))


async def update(rest: Rest, asked: Asked) -> Answer:
    """POST Application/{app_id}/: what is given changes, the rest stays."""

    def decide() -> Changes:
        found = _need(rest, asked)
        if made(found, "this application") and isinstance(found, MadeApplication):
            return _put(rest, asked, replace(found, account=home(rest, asked, found.account)))
        return Changes()

    await change(rest, decide)
    return Answer(202, {"api_id": asked.api_id, "message": "changed"})


async def delete(rest: Rest, asked: Asked) -> Answer:
    """DELETE Application/{app_id}/."""
    cascade = g.flag(asked.given, "cascade", False)

    def decide() -> Changes:
        found = _need(rest, asked)
        made(found, "this application")
        heir, _ = program(rest, asked, "new_endpoint_application")
        if heir == found.app_id:
            raise invalid("new_endpoint_application", "it is the application that is to be deleted")
        directory = rest.exchange.directory
        changes = Changes(remove=[found] if isinstance(found, MadeApplication) else [])
        for telephone in directory.endpoints.values():
            if isinstance(telephone, MadeEndpoint) and telephone.application == found.app_id:
                if cascade:
                    changes.remove.append(telephone)
                else:
                    changes.put.append(replace(telephone, application=heir))
        for number in directory.numbers.values():
            if isinstance(number, MadeNumber) and number.application == found.app_id:
                changes.put.append(replace(number, application=""))
        return changes

    await change(rest, decide)
    return Answer(204)


def _need(rest: Rest, asked: Asked) -> Application:
    found = rest.exchange.directory.applications.get(asked.words["app_id"])
    if found is None or found.account not in family(rest, asked.account):
        raise not_found("no application with this app_id")
    return found


def _put(rest: Rest, asked: Asked, was: MadeApplication) -> Changes:
    new = _with(asked, was)
    others = [each for each in all_within(rest, (new.account,)) if each.app_id != new.app_id]
    if any((each.name or each.app_id) == new.name for each in others):
        raise invalid("app_name", "another application has this name")
    changed: list[Made] = [new]
    for each in others:  # there is one default of each kind
        if isinstance(each, MadeApplication):
            kept = replace(
                each,
                default_app=each.default_app and not new.default_app,
                default_endpoint_app=each.default_endpoint_app and not new.default_endpoint_app,
            )
            changed += [kept] if kept != each else []
    return Changes(put=changed)


def _with(asked: Asked, was: MadeApplication) -> MadeApplication:
    given = asked.given
    return replace(
        was,
        name=g.matching(given, "app_name", _NAME, "letters, digits, - and _", was.name),
        answer_url=g.url(given, "answer_url", was.answer_url),
        answer_method=g.method(given, "answer_method", was.answer_method),
        hangup_url=g.url(given, "hangup_url", was.hangup_url),
        hangup_method=g.method(given, "hangup_method", was.hangup_method),
        fallback_answer_url=g.url(given, "fallback_answer_url", was.fallback_answer_url),
        fallback_method=g.method(given, "fallback_method", was.fallback_method),
        message_url=g.url(given, "message_url", was.message_url),
        message_method=g.method(given, "message_method", was.message_method),
        default_app=g.flag(given, "default_number_app", was.default_app),
        default_endpoint_app=g.flag(given, "default_endpoint_app", was.default_endpoint_app),
        log_incoming_messages=g.flag(given, "log_incoming_messages", was.log_incoming_messages),
        public_uri=g.flag(given, "public_uri", was.public_uri),
    )


RESOURCES: Resources = (
    (path("application"), {"POST": create, "GET": list_all}),
    (path("application/{app_id}"), {"GET": get, "POST": update, "DELETE": delete}),
)
