"""Who asks the runner: HTTP Basic, a main account also for its sub-accounts (plivo-phlo 2, 3.1)."""

from __future__ import annotations

import base64
import binascii

from switchhook.dialects.plivo.auth import account_of, owns
from switchhook.dialects.plivo.phlo import problems
from switchhook.dialects.plivo.problems import Problem
from switchhook.settings import Account, Settings


def asker_of(settings: Settings, authorization: str) -> Account:
    """Returns the account whose credentials come with the request; raises `Problem` 401."""
    try:
        user = base64.b64decode(authorization.partition(" ")[2].strip()).decode().partition(":")[0]
        return account_of(settings, authorization, user)
    except (Problem, binascii.Error, ValueError):
        raise problems.unauthorized() from None


def may_act_for(settings: Settings, asker: Account, auth_id: str) -> bool:
    """True for the account itself and for the sub-accounts of a main account."""
    return settings.account(auth_id) is not None and owns(settings, asker, auth_id)
