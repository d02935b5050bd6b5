"""Who may dial what: denied by default, and a refusal names the rule, whichever way the call was to be made."""

from __future__ import annotations

import pytest

from switchhook.core.errors import Reason, Refused
from switchhook.core.outcomes import Outcome
from switchhook.exchange.routes import Directory
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from switchhook.settings import Settings
from switchhook.settings.loading import load

MAIN, SUB = "MASWITCHHOOK00000000", "SASWITCHHOOK00000000"
TOKEN = "token"


def settings() -> Settings:
    tree = {
        "account": [
            {"auth_id": MAIN, "auth_token": TOKEN, "allow": ["+1", "+49"]},
            {"auth_id": SUB, "auth_token": TOKEN, "parent": MAIN, "allow": ["+1415", "+33"]},
        ],
        "endpoint": [
            {"username": "1001", "password": "p", "account": SUB},
            {"username": "1002", "password": "p", "account": MAIN},
        ],
        "trunk": [{"name": "carrier", "uri": "sip:192.0.2.7:5070", "prefixes": ["+1", "+33", "+49", "911"]}],
    }
    return load(None, environ={}, tree=tree)


ALLOW, PREFIXES = "[[account]] allow", "[[trunk]] prefixes"


@pytest.mark.parametrize(
    ("account", "address", "rule"),
    [
        (MAIN, "+14155550100", ""),
        (MAIN, "+4930123456", ""),
        (SUB, "+14155550100", ""),
        (SUB, "1001", ""),
        (MAIN, "+33123456789", ALLOW),
        (SUB, "+4930123456", ALLOW),
        (SUB, "+33123456789", ALLOW),  # its own list has it, its main account's has not
        (SUB, "+12125550100", ALLOW),
        (MAIN, "+44123456789", PREFIXES),
        (MAIN, "911", ALLOW),
        (MAIN, "7777", PREFIXES),
        (MAIN, "sip:+14155550100@192.0.2.7:5070", ""),
        (MAIN, "sip:+33123456789@192.0.2.7:5070", ALLOW),
        (MAIN, "sip:+44123456789@192.0.2.7:5070", PREFIXES),
        (MAIN, "sip:+14155550100@evil.example", "is not a trunk of this server"),
        (MAIN, "", "empty address"),
    ],
)
def test_what_an_account_may_dial(account: str, address: str, rule: str) -> None:
    directory = Directory(settings())
    if not rule:
        directory.destination(account, address)
        return
    with pytest.raises(Refused) as caught:
        directory.destination(account, address)
    assert caught.value.reason in (Reason.FORBIDDEN, Reason.NO_ROUTE)
    assert rule in str(caught.value)


@in_virtual_time
async def test_the_api_says_the_rule_and_nobody_is_called() -> None:
    async with Stage(settings(), dialects=("plivo", "phlo")) as on:
        asked = {"from": "1001", "to": "+33123456789", "answer_url": "http://app.example.com/a"}
        answer = await on.http.post(f"/v1/Account/{MAIN}/Call/", json=asked, auth=(MAIN, TOKEN))
        assert answer.status_code == 403
        assert ALLOW in answer.json()["error"]
        lines = [each for each in on.entries if each.kind == "HttpRequest"]
        assert [ALLOW in str(each.body["error"]) for each in lines] == [True]
        several = {**asked, "to": "+14155550100<+33123456789"}
        answer = await on.http.post(f"/v1/Account/{MAIN}/Call/", json=several, auth=(MAIN, TOKEN))
        assert answer.status_code == 403
        assert "LegCreated" not in on.kinds()


@in_virtual_time
async def test_a_telephone_that_may_not_dial_a_number_gets_403_and_its_timeline_says_the_rule() -> None:
    async with Stage(settings()) as on:
        line = on.phone("1001").calls("+4930123456")
        assert line.over is Outcome.FORBIDDEN
        ended = [each for each in on.entries if each.kind == "LegEnded"]
        assert [(each.leg, ALLOW in str(each.body["reason"])) for each in ended] == [(line.leg, True)]
        unknown = on.phone("1001").calls("7777")
        assert unknown.over is Outcome.NOT_FOUND
