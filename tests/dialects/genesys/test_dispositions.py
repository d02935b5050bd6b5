"""SetCallDisposition: during a call and after it, by address or by id (genesys 1.7)."""

from __future__ import annotations

from typing import Any

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.genesys.scene import Scene, talking


async def disposes(scene: Scene, **parameters: Any) -> tuple[int, int]:
    return await scene.desk.post(f"/me/devices/{scene.desk.user.device}", "SetCallDisposition", **parameters)


def notes(scene: Scene) -> list[str]:
    return [str(entry.body["text"]) for entry in scene.stage.entries if entry.kind == "Noted"]


@in_virtual_time
async def test_a_disposition_during_the_call_is_a_pair_that_every_desktop_sees() -> None:
    async with talking() as scene:
        uri = scene.call["uri"]
        assert await disposes(scene, callUri=uri, callUuid=scene.original, disposition="sold") == (200, 0)
        [told] = await scene.desk.told()
        assert told["notificationType"] == "AttachedDataChanged"
        assert told["call"]["userData"] == {"DispositionCode": "sold"}
        more: dict[str, Any] = {"dispositionKey": "Result", "userData": {"note": "again in May"}}
        assert await disposes(scene, callUuid=scene.original, disposition="later", **more) == (200, 0)
        [told] = await scene.desk.told()
        assert told["call"]["userData"] == {"DispositionCode": "sold", "Result": "later", "note": "again in May"}
        assert notes(scene) == ["disposition sold by agent1", "disposition later by agent1"]


@in_virtual_time
async def test_a_disposition_after_the_call_stands_in_its_timeline_and_tells_nobody() -> None:
    async with talking() as scene:
        await scene.desk.does(scene.call, "Hangup")
        assert await disposes(scene, callUri=scene.call["uri"], disposition="sold") == (200, 0)
        assert await scene.desk.told() == []
        assert notes(scene) == ["disposition sold by agent1"]
        [entry] = [entry for entry in scene.stage.entries if entry.kind == "Noted"]
        assert entry.leg == scene.agent.leg


@in_virtual_time
async def test_what_is_missing_or_names_nothing_changes_nothing() -> None:
    async with talking() as scene:
        uri = scene.call["uri"]
        for code, parameters in (
            (1, {"disposition": "sold"}),
            (1, {"callUri": uri}),
            (2, {"callUri": "nonsense", "disposition": "sold"}),
            (2, {"callUri": uri, "callUuid": "OTHER", "disposition": "sold"}),
            (2, {"callUri": uri, "disposition": 7}),
            (2, {"callUri": uri, "disposition": "sold", "userData": []}),
            (6, {"callUuid": "OTHER", "disposition": "sold"}),
        ):
            assert (await disposes(scene, **parameters))[1] == code, parameters
        assert await scene.desk.told() == []
        assert notes(scene) == []
