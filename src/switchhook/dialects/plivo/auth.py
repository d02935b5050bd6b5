"""Who asks: HTTP Basic with auth_id and auth_token (plivo-voice-api 1.1)."""

from __future__ import annotations

import base64
import hmac

from switchhook.dialects.plivo.problems import unauthorized
from switchhook.exchange.made import MadeAccount
from switchhook.settings import Account, Settings


def account_of(settings: Settings, authorization: str, auth_id: str) -> Account:
    """Returns the account named in the path; raises `Problem` 401 unless the asker is it or its main account."""
    return _account_of(settings, *_credentials(authorization), auth_id)


def asker_of(settings: Settings, authorization: str) -> Account:
    """Returns the account that asks, where no path names one; raises `Problem` 401 for wrong credentials."""
    user, password = _credentials(authorization)
    return _account_of(settings, user, password, user)


def _account_of(settings: Settings, user: str, password: str, auth_id: str) -> Account:
    asker = settings.account(user)
    # Compared in constant time, also for users that do not exist, so that the answer's time tells nothing.
    expected = asker.auth_token if asker is not None else "\0" * 40
    right = hmac.compare_digest(expected.encode(), password.encode())
    owner = asker if auth_id == user else settings.account(auth_id)
    disabled = isinstance(asker, MadeAccount) and not asker.enabled
    if asker is None or not right or owner is None or disabled:
        raise unauthorized()
    if owner.auth_id != asker.auth_id and owner.parent != asker.auth_id:
        raise unauthorized()
    return owner


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise unauthorized()
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode()
    except ValueError:  # not base64, not ASCII, or not UTF-8 within
        raise unauthorized() from None
    user, colon, password = text.partition(":")
    if not colon:
        raise unauthorized()
    return user, password


def owns(settings: Settings, asker: Account, account: str) -> bool:
    """True when objects of `account` are within reach of `asker`: its own and those of its sub-accounts."""
    if account == asker.auth_id:
        return True
    found = settings.account(account)
    return found is not None and found.parent == asker.auth_id


def main_of(settings: Settings, account: str) -> Account | None:
    """Returns the main account to which `account` belongs; itself when it is one."""
    found = settings.account(account)
    if found is not None and found.parent:
        return settings.account(found.parent) or found
    return found
