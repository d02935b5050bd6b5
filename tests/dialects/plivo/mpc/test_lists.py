"""Lists of Multi-Party Calls and participants: filters, pages, accounts; names and uuids."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import ACCOUNT, OTHER, OTHER_TOKEN, SUB, SUB_TOKEN, TOKEN, World, stage
from tests.dialects.plivo.mpc.common import Mpc


async def listed(world: World, query: str = "", **more: Any) -> dict[str, Any]:
    answer = await world.api("GET", f"MultiPartyCall/{query}", **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [each["friendly_name"] for each in found["objects"]]


@in_virtual_time
async def test_filters() -> None:
    async with stage() as on:
        world = World(on)
        for at, name in enumerate(("one", "two", "three")):
            await Mpc(world, name).comes(caller=f"+1415555020{at}")
            await on.passes(60)
        await Mpc(world, "two").api("DELETE")
        assert names(await listed(world)) == ["three", "two", "one"]
        assert names(await listed(world, "?status=ACTIVE")) == ["three", "one"]
        assert names(await listed(world, "?status=ended")) == ["two"]
        assert names(await listed(world, "?friendly_name=one")) == ["one"]
        assert names(await listed(world, "?termination_cause_code=3000")) == ["two"]
        assert names(await listed(world, "?termination_cause_code=1000")) == []
        created = [each["creation_time"] for each in (await listed(world))["objects"]]
        middle = created[1].replace("+", "%2B")
        assert names(await listed(world, f"?creation_time__gt={middle}")) == ["three"]
        assert names(await listed(world, f"?creation_time_lt={middle[:19]}")) == ["one"]
        assert names(await listed(world, "?end_time__gte=2020-01-01 00:00")) == ["two"]
        assert names(await listed(world, "?end_time_lt=2020-01-01")) == []
        for bad in ("status=running", "termination_cause_code=x", "end_time__gt=soon", "limit=0", "limit=21"):
            assert (await world.api("GET", f"MultiPartyCall/?{bad}")).status_code == 400, bad


@in_virtual_time
async def test_pages() -> None:
    async with stage() as on:
        world = World(on)
        for at in range(5):
            await Mpc(world, f"n{at}").comes(caller=f"+1415555020{at}")
        first = await listed(world, "?limit=2&status=active")
        assert names(first) == ["n4", "n3"]
        meta = first["meta"]
        assert (meta["count"], meta["total_count"], meta["limit"], meta["offset"]) == (5, 5, 2, 0)
        assert meta["previous"] is None
        assert meta["next"].startswith(f"/v1/Account/{ACCOUNT}/MultiPartyCall/?")
        following = (await on.http.get(meta["next"], auth=(ACCOUNT, TOKEN))).json()
        assert names(following) == ["n2", "n1"]
        assert names(await listed(world, "?offset=50")) == []


@in_virtual_time
async def test_participants_and_the_objects() -> None:
    async with stage() as on:
        mpc = Mpc(World(on))
        customer = await mpc.comes()
        agent = await mpc.agent()
        await mpc.agent("1002")
        await on.passes(60.5)
        agent.hangs_up()
        await on.settled()
        found = (await mpc.api("GET", "Participant/?limit=2")).json()
        assert [each["member_id"] for each in found["objects"]] == ["1", "2"]
        assert found["meta"]["count"] == 3
        gone = (await mpc.api("GET", "Participant/2/")).json()
        expected = {
            "call_uuid": agent.leg,
            "exit_cause": "Participant Call Hangup",
            "duration": 61,
            "billed_duration": 120,
            "billed_amount": "0.00000",
            "mute": None,
        }
        assert {name: gone[name] for name in expected} == expected
        party = (await mpc.api("GET")).json()
        uri = f"/v1/Account/{ACCOUNT}/MultiPartyCall/uuid_{party['mpc_uuid']}/"
        expected = {
            "resource_uri": uri,
            "participants": f"{uri}Participant/",
            "status": "Active",
            "sub_account": None,
            "stay_alone": False,
            "duration": None,
            "billed_amount": None,
            "termination_cause": None,
            "termination_cause_code": None,
        }
        assert {name: party[name] for name in expected} == expected
        assert gone["resource_uri"] == f"{uri}Participant/2/"
        assert (await on.http.get(uri, auth=(ACCOUNT, TOKEN))).json()["friendly_name"] == "desk"
        customer.hangs_up()


@in_virtual_time
async def test_a_name_is_free_again_and_the_uuid_stays() -> None:
    async with stage() as on:
        world = World(on)
        mpc = Mpc(world)
        await mpc.comes()
        first = (await mpc.api("GET")).json()["mpc_uuid"]
        await mpc.api("DELETE")
        assert (await mpc.api("GET")).status_code == 404
        await mpc.comes(caller="+14155550124")
        second = (await mpc.api("GET")).json()["mpc_uuid"]
        assert second != first
        old = (await world.api("GET", f"MultiPartyCall/uuid_{first}/")).json()
        assert (old["status"], old["termination_cause_code"]) == ("Ended", 3000)
        for method, path in (("POST", ""), ("DELETE", ""), ("POST", "Record/"), ("DELETE", "Participant/all/")):
            body = {"status": "active"} if path == "" else None
            answer = await world.api(method, f"MultiPartyCall/uuid_{first}/{path}", body)
            assert answer.status_code == 404, (method, path)
            assert "not found" in answer.json()["error"]


@pytest.mark.parametrize("which", ["sub", "other"])
def test_accounts(which: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            await Mpc(world).comes()
            auth = (SUB, SUB_TOKEN) if which == "sub" else (OTHER, OTHER_TOKEN)
            stranger: dict[str, Any] = {"auth": auth, "account": auth[0]}
            assert names(await listed(world, **stranger)) == []
            uuid = (await listed(world))["objects"][0]["mpc_uuid"]
            for mid in ("name_desk", f"uuid_{uuid}"):
                assert (await world.api("GET", f"MultiPartyCall/{mid}/", **stranger)).status_code == 404
                assert (await world.api("DELETE", f"MultiPartyCall/{mid}/", **stranger)).status_code == 404
            body = {"role": "agent", "from": "1000", "to": "1002"}
            assert (await world.api("POST", "MultiPartyCall/name_desk/Participant/", body, **stranger)).status_code in (
                201,
                400,
            )
            assert len((await listed(world))["objects"]) >= 1
            assert (await world.api("GET", "MultiPartyCall/name_desk/")).json()["mpc_uuid"] == uuid

    run(story())


@in_virtual_time
async def test_a_main_account_sees_its_sub_accounts() -> None:
    async with stage() as on:
        world = World(on)
        line = on.phone("1001")
        body = {"role": "agent", "from": "1000", "to": "1001", "stay_alone": "true"}
        answer = await world.api(
            "POST", "MultiPartyCall/name_theirs/Participant/", body, auth=(SUB, SUB_TOKEN), account=SUB
        )
        assert answer.status_code == 201, answer.text
        (await line.rings()).answers()
        await on.settled()
        found = await listed(world, f"?sub_account={SUB}")
        assert names(found) == ["theirs"]
        assert found["objects"][0]["sub_account"] == f"/v1/Account/{ACCOUNT}/Subaccount/{SUB}/"
        assert (await world.api("GET", "MultiPartyCall/name_theirs/")).status_code == 200
        assert (await world.api("GET", f"MultiPartyCall/?sub_account={OTHER}")).status_code == 404


@in_virtual_time
async def test_ended_ones_are_as_they_were_after_a_restart() -> None:
    """All that is shown of them is on disk; here the disk is what two servers have in common."""
    async with stage() as on:
        world = World(on)
        for name in ("one", "two"):
            mpc = Mpc(world, name)
            await mpc.comes("stayAlone='true'", caller="+14155550201")
            await mpc.agent("1001")
            await on.passes(60.5)
            await mpc.api("DELETE")
            await on.passes(5)
        before = await listed(world)
        uuid = before["objects"][1]["mpc_uuid"]
        members = (await world.api("GET", f"MultiPartyCall/uuid_{uuid}/Participant/")).json()
        kept = on.exchange.ended_rooms
    assert [each["exit_cause"] for each in members["objects"]] == ["Multiparty Call Ended"] * 2
    async with stage() as again:
        again.exchange.ended_rooms = kept
        await again.passes(600)  # its clock and its ids begin as those of the first did
        for _ in range(500):
            again.exchange.state.ids.new()
        world = World(again)
        await Mpc(world, "three").comes()
        after = await listed(world)
        assert names(after) == ["three", "two", "one"]
        assert after["objects"][1:] == before["objects"]
        assert after["meta"]["total_count"] == 3
        path = f"MultiPartyCall/uuid_{uuid}/"
        assert (await world.api("GET", path)).json() | {"api_id": ""} == before["objects"][1] | {"api_id": ""}
        assert (await world.api("GET", f"{path}Participant/")).json()["objects"] == members["objects"]
        one = members["objects"][0]
        shown = (await world.api("GET", f"{path}Participant/{one['member_id']}/")).json()
        assert shown | {"api_id": ""} == one | {"api_id": ""}
        assert names(await listed(world, "?limit=1&offset=1")) == ["two"]
        assert names(await listed(world, "?limit=1&offset=2")) == ["one"]
        assert names(await listed(world, "?status=active")) == ["three"]
        assert names(await listed(world, "?status=ended&friendly_name=two")) == ["two"]
        assert names(await listed(world, "?termination_cause_code=3000")) == ["two", "one"]
        assert names(await listed(world, "?termination_cause_code=1010")) == []
        ended = after["objects"][1]["end_time"].replace("+", "%2B")
        for word, found in (("gt", []), ("gte", ["two"]), ("lt", ["one"]), ("lte", ["two", "one"])):
            assert names(await listed(world, f"?end_time__{word}={ended}")) == found, word
        assert (await world.api("GET", "MultiPartyCall/name_one/")).status_code == 404
        for method, what in (("DELETE", ""), ("POST", "Record/"), ("DELETE", f"Participant/{one['member_id']}/")):
            assert (await world.api(method, f"{path}{what}")).status_code == 404
        other = (OTHER, OTHER_TOKEN)
        assert (await again.http.get(f"/v1/Account/{OTHER}/{path}", auth=other)).status_code == 404
