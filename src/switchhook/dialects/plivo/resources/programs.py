"""What an `app_id` names: an application or a flow within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.dialects.plivo.asked import Asked
from switchhook.dialects.plivo.problems import invalid
from switchhook.dialects.plivo.resources.reach import family, uri
from switchhook.dialects.plivo.shapes import text
from switchhook.exchange.made import MadeApplication

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest


def program(rest: Rest, asked: Asked, name: str = "app_id") -> tuple[str, str]:
    """Returns the app_id and the phlo_id that an argument names, one of them or none; raises `Problem` 400."""
    wanted = text(asked.given, name).rstrip("/").rpartition("/")[2]
    if not wanted:
        return "", ""
    accounts = family(rest, asked.account)
    application = rest.exchange.directory.applications.get(wanted)
    if application is not None and application.account in accounts:
        return wanted, ""
    if any(flow.phlo_id == wanted and flow.account in accounts for flow in rest.exchange.settings.flows):
        return "", wanted
    raise invalid(name, "no application of this account has this id")


def default_program(rest: Rest, account: str, *, endpoint: bool) -> str:
    """Returns the account's application for new numbers, or for new telephones; an empty text for none."""
    for each in rest.exchange.directory.applications.values():
        if isinstance(each, MadeApplication) and each.account == account:
            default = each.default_endpoint_app if endpoint else each.default_app
            if default:
                return each.app_id
    return ""


def program_uri(asked: Asked, name: str) -> str | None:
    """Returns the address of an application, or None for none."""
    return uri(asked, "Application", name) if name else None
