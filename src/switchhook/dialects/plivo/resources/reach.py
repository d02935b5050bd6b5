"""Whose objects a request is about, and how they are listed and changed.

An account reaches what is its own and its sub-accounts'; a sub-account nothing else than its own. What the
configuration file declares is shown like everything else, and is changed in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from switchhook.core.errors import Unavailable
from switchhook.dialects.plivo.asked import Answer, Asked
from switchhook.dialects.plivo.auth import owns
from switchhook.dialects.plivo.paging import page_of
from switchhook.dialects.plivo.problems import Problem, invalid, not_found
from switchhook.dialects.plivo.shapes import text
from switchhook.exchange.declared import Changes
from switchhook.exchange.made import MADE
from switchhook.settings import Account

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

T = TypeVar("T")


def family(rest: Rest, account: Account) -> tuple[str, ...]:
    """Returns the accounts whose objects an account reaches."""
    subs = (each.auth_id for each in rest.exchange.settings.accounts if each.parent == account.auth_id)
    return (account.auth_id, *subs)


def reached(rest: Rest, asked: Asked) -> tuple[str, ...]:
    """Returns the accounts whose objects a list shows: all within reach, or the one of `subaccount`."""
    if not _named(asked):
        return family(rest, asked.account)
    if not owns(rest.exchange.settings, asked.account, _named(asked)):
        raise not_found("subaccount")
    return (_named(asked),)


def home(rest: Rest, asked: Asked, default: str = "") -> str:
    """Returns the account that an object is to belong to: `subaccount`, else `default`, else the asker's."""
    wanted = _named(asked) or default or asked.account.auth_id
    if not owns(rest.exchange.settings, asked.account, wanted):
        raise invalid("subaccount", "no sub-account of this account has this auth_id")
    return wanted


def _named(asked: Asked) -> str:
    return text(asked.given, "subaccount").rstrip("/").rpartition("/")[2]


def uri(asked: Asked, *parts: str) -> str:
    """Returns the address of an object, as whoever asks can use it."""
    return "/".join(("/v1/Account", asked.account.auth_id, *parts, ""))


def sub_account(rest: Rest, account: str) -> str | None:
    """Returns the address of the sub-account that an object belongs to; None where it is a main account's."""
    found = rest.exchange.directory.accounts.get(account)
    return f"/v1/Account/{found.parent}/Subaccount/{account}/" if found is not None and found.parent else None


def listed(asked: Asked, found: Iterable[T], view: Callable[[T], msgspec.Struct], *path: str) -> Answer:
    """Returns a page of objects."""
    page, every = page_of(asked.given), list(found)
    meta = page.meta(uri(asked, *path), asked.given, len(every))
    shown = [msgspec.to_builtins(view(each)) for each in every[page.offset : page.offset + page.limit]]
    return Answer(200, {"api_id": asked.api_id, "meta": meta, "objects": shown})


def shown(asked: Asked, view: msgspec.Struct) -> Answer:
    """Returns one object."""
    return Answer(200, {"api_id": asked.api_id, **msgspec.to_builtins(view)})


def made(found: object, what: str) -> bool:
    """True for what was made by API; raises `Problem` 403 for what the configuration file declares."""
    if not isinstance(found, MADE):
        raise Problem(403, f"{what} is declared in the configuration file and can only be changed there")
    return True


async def change(rest: Rest, decide: Callable[[], Changes]) -> None:
    """Carries out what `decide` says; raises `Problem` 409 when the disk refuses, and then nothing has changed."""
    try:
        await rest.exchange.declared.change(decide)
    except Unavailable as failed:
        raise Problem(409, f"not possible now: {failed}") from failed
