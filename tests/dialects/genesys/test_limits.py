"""A desktop is held to its account's limits, and told the rule."""

from __future__ import annotations

from switchhook.dialects.genesys.status import Code
from switchhook.lab.stage import Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.office import ACCOUNT, SERVICE, Desktop, settings


@in_virtual_time
async def test_a_dial_over_the_limit_is_refused_with_the_rule_and_nobody_is_rung() -> None:
    account = [{"auth_id": ACCOUNT, "auth_token": "token", "max_calls": 2}]
    async with Stage(settings(account=account), dialects=("genesys",)) as stage:
        desk = await Desktop(stage, "agent2").opens()
        stage.phone("+14155550177").calls(SERVICE)  # and its agent's telephone: two calls
        await stage.settled()
        body = {"operationName": "Dial", "destination": {"phoneNumber": "5003"}}
        before = len(stage.facts)
        reply = await stage.http.post(f"/api/v2/me/devices/{desk.user.device}/calls", json=body, auth=desk.auth)
        assert (reply.status_code, reply.json()["statusCode"]) == (403, int(Code.FORBIDDEN))
        assert "[[account]] max_calls" in reply.json()["statusMessage"]
        assert len(stage.facts) == before
        assert stage.phone("1002").lines == []
