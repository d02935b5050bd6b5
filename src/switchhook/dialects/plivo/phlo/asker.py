"""Who asks the runner: HTTP Basic, a main account also for its sub-accounts (plivo-phlo 2, 3.1)."""

from __future__ import annotations

from switchhook.dialects.plivo import auth
from switchhook.dialects.plivo.phlo import problems
from switchhook.dialects.plivo.problems import Problem
from switchhook.settings import Account, Settings


def asker_of(settings: Settings, authorization: str) -> Account:
    """Returns the account whose credentials come with the request; raises `Problem` 401."""
    try:
        return auth.asker_of(settings, authorization)
    except Problem:
        raise problems.unauthorized() from None


def may_act_for(settings: Settings, asker: Account, auth_id: str) -> bool:
    """True for the account itself and for the sub-accounts of a main account."""
    return auth.owns(settings, asker, auth_id)
