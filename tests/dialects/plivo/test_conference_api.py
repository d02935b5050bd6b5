"""The Conference API and what a Conference element records and tells: by ears, and by the shapes of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import ACCOUNT, APP, World, stage

ANN, BOB, CAT = "+14155550123", "+14155550124", "+14155550125"
SONG = "http://files.example.com/song.wav"
CALLBACK = f'callbackUrl="{APP}/conf"'
ROOM = "My Conf Room"
HERE = "Conference/My%20Conf%20Room/"


async def enters(world: World, caller: str, attributes: str = "", *after: str, name: str = ROOM) -> Line:
    return await world.arrives(f"<Conference {attributes}>{name}</Conference>", *after, caller=caller)


async def three(on: Stage, attributes: str = "", *after: str) -> tuple[World, Line, Line, Line]:
    world = World(on)
    on.web.on(SONG, b"RIFF" + b"\0" * 40)
    lines = [await enters(world, caller, attributes, *after) for caller in (ANN, BOB, CAT)]
    return world, lines[0], lines[1], lines[2]


async def ask(world: World, method: str, path: str = "", **body: Any) -> Any:
    answer = await world.api(method, HERE + path, body or None)
    await world.stage.passes(0.01)
    return answer


def sounds(line: Line) -> list[str]:
    return sorted("file" if each.startswith("file:") else each for each in line.hears if ":" in each)


def voices(line: Line) -> set[str]:
    return {each for each in line.hears if ":" not in each}


# --- what is shown --------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_conferences_are_listed_and_shown_with_texts_where_the_reference_has_texts() -> None:
    async with stage() as on:
        world, ann, *_ = await three(on)
        await world.arrives("<Conference muted='true'>other</Conference>", caller="+14155550126")
        listed = (await world.api("GET", "Conference/")).json()
        assert listed["conferences"] == [ROOM, "other"]
        assert set(listed) == {"api_id", "conferences"}
        await on.passes(590)
        shown = (await ask(world, "GET")).json()
        assert set(shown) == {
            "api_id", "conference_name", "conference_run_time", "conference_member_count", "members",
        }  # fmt: skip
        assert shown["conference_name"] == ROOM
        assert (shown["conference_run_time"], shown["conference_member_count"]) == ("590", "3")
        assert shown["members"][0] == {
            "member_id": "1",
            "call_uuid": ann.leg,
            "muted": False,
            "deaf": False,
            "from": "14155550123",
            "to": "14155550100",
            "caller_name": "14155550123",
            "direction": "inbound",
            "join_time": "590",
        }
        assert [member["member_id"] for member in shown["members"]] == ["1", "2", "3"]
        muted = (await world.api("GET", "conference/other")).json()["members"]
        assert [(member["member_id"], member["muted"]) for member in muted] == [("4", True)]


@in_virtual_time
async def test_a_conference_that_is_over_is_not_found() -> None:
    async with stage() as on:
        world, *lines = await three(on)
        for line in lines:
            line.hangs_up()
        await on.settled()
        assert (await ask(world, "GET")).status_code == 404
        assert (await world.api("GET", "Conference/")).json()["conferences"] == []


# --- members --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_muted_member_is_not_heard_and_a_deaf_one_hears_nobody() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on)
        answer = await ask(world, "POST", "Member/2/Mute/")
        assert answer.status_code == 202
        assert {name: answer.json()[name] for name in ("message", "member_id")} == {
            "message": "muted",
            "member_id": "2",
        }
        assert (ann.hears, bob.hears, cat.hears) == ({CAT}, {ANN, CAT}, {ANN})
        answer = await ask(world, "POST", "Member/1,3/Deaf/")
        assert (answer.json()["message"], answer.json()["member_id"]) == ("deaf", "1,3")
        assert (ann.hears, bob.hears, cat.hears) == (set(), {ANN, CAT}, set())
        shown = (await ask(world, "GET")).json()["members"]
        assert [(member["muted"], member["deaf"]) for member in shown] == [(False, True), (True, False), (False, True)]
        assert (await ask(world, "DELETE", "Member/all/Deaf/")).status_code == 204
        assert (await ask(world, "DELETE", "Member/2/Mute")).status_code == 204
        assert (ann.hears, bob.hears, cat.hears) == ({BOB, CAT}, {ANN, CAT}, {ANN, BOB})


@in_virtual_time
async def test_a_kicked_member_goes_on_with_its_document_and_the_others_talk_on() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on, CALLBACK, "<Speak loop='0'>goodbye</Speak>")
        answer = await ask(world, "POST", "Member/2/Kick/")
        assert (answer.status_code, answer.json()["message"], answer.json()["member_id"]) == (202, "kicked", "2")
        assert [sound.rpartition(":")[2] for sound in sounds(bob)] == ["goodbye"]
        assert (ann.hears, cat.hears) == ({CAT}, {ANN})
        leaves = [form for form in world.hooks("/conf") if form["ConferenceAction"] == "exit"]
        assert [form["ConferenceMemberID"] for form in leaves] == ["2"]
        assert (await ask(world, "POST", "Member/2/Kick/")).status_code == 404


@in_virtual_time
async def test_who_is_kicked_at_the_end_of_its_document_is_hung_up_as_kicked() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on)
        action = world.page("/after", "<Speak loop='0'>after</Speak>")
        dan = await enters(world, "+14155550126", f"action='{action}'")
        answer = await ask(world, "POST", "Member/all/Kick/")
        assert answer.json()["member_id"] == "all"
        await on.settled()
        assert [line.over is not None for line in (ann, bob, cat, dan)] == [True, True, True, False]
        assert world.told("/hangup", "HangupCauseCode", "HangupSource") == [("4030", "API Request")] * 3
        assert [sound.rpartition(":")[2] for sound in sounds(dan)] == ["after"]
        assert world.one("/after")["ConferenceMemberID"] == "4"


@in_virtual_time
async def test_members_are_hung_up_one_several_or_all() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on)
        assert (await ask(world, "DELETE", "Member/2/")).status_code == 204
        assert (ann.up and not ann.over, bool(bob.over), bool(cat.over)) == (True, True, False)
        assert world.told("/hangup", "HangupCauseCode", "HangupSource") == [("4000", "API Request")]
        assert (await ask(world, "DELETE")).status_code == 204
        assert bool(ann.over and cat.over)
        again = [await enters(world, caller, name=name) for caller, name in ((ANN, "a"), (BOB, "b"))]
        assert (await world.api("DELETE", "Conference/")).status_code == 204
        await on.settled()
        assert all(line.over for line in again)
        assert (await world.api("DELETE", "Conference/")).status_code == 204


@in_virtual_time
async def test_a_play_is_heard_by_the_chosen_over_the_talk() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on)
        answer = await ask(world, "POST", "Member/1,2/Play/", url=SONG)
        assert (answer.status_code, answer.json()["message"]) == (202, "play queued into conference")
        assert answer.json()["member_id"] == "1,2"
        assert (sounds(ann), sounds(bob), sounds(cat)) == (["file"], ["file"], [])
        assert (voices(ann), voices(bob), voices(cat)) == ({BOB, CAT}, {ANN, CAT}, {ANN, BOB})
        assert (await ask(world, "DELETE", "Member/1/Play/")).status_code == 204
        assert (sounds(ann), sounds(bob)) == ([], ["file"])
        await on.passes(3.1)
        assert sounds(bob) == []


@in_virtual_time
async def test_a_speak_is_heard_by_the_chosen_and_ends_with_their_leaving() -> None:
    async with stage() as on:
        world, ann, bob, _ = await three(on, "", "<Wait length='60'/>")
        text = "x" * 1000
        answer = await ask(world, "POST", "Member/2/Speak/", text=text, voice="MAN", language="de-DE")
        assert answer.json()["message"] == "speak queued into conference"
        assert sounds(ann) == []
        assert [sound.rpartition(":")[2] for sound in sounds(bob)] == [text]
        await ask(world, "DELETE", "Member/2/Play/")
        assert len(sounds(bob)) == 1
        await ask(world, "POST", "Member/2/Kick/")
        assert bob.hears == set()
        await ask(world, "POST", "Member/1/Speak/", text=text)
        assert len(sounds(ann)) == 1
        assert (await ask(world, "DELETE", "Member/all/Speak/")).status_code == 204
        assert sounds(ann) == []


# --- recording ------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_conference_is_recorded_by_api_and_its_end_is_told() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on)
        on.web.on(f"{APP}/rec", "")
        answer = await ask(world, "POST", "Record/", callback_url=f"{APP}/rec", file_format="wav")
        body = answer.json()
        assert (answer.status_code, body["message"]) == (202, "conference recording started")
        (tape,) = on.media.recordings
        assert set(tape.left) == {ann.leg, bob.leg, cat.leg}
        await ask(world, "POST", "Member/3/Mute/")
        assert set(on.media.recordings[0].left) == {ann.leg, bob.leg}
        await on.passes(4.98)
        assert (await ask(world, "DELETE", "Record/")).status_code == 204
        sent = world.one("/rec")
        assert json.loads(sent.pop("response")) == sent
        assert sent["conference_name"] == ROOM
        assert (sent["api_id"], sent["recording_id"], sent["record_url"]) == (
            body["api_id"], body["recording_id"], body["url"],
        )  # fmt: skip
        assert sent["recording_duration"] == "5"
        assert "call_uuid" not in sent


@in_virtual_time
async def test_a_record_without_a_body_runs_until_the_conference_is_over() -> None:
    async with stage() as on:
        world, *lines = await three(on)
        assert (await ask(world, "POST", "Record/")).status_code == 202
        await on.passes(600)
        assert len(on.media.recordings) == 1
        for line in lines:
            line.hangs_up()
        await on.settled()
        assert not on.media.recordings


@in_virtual_time
async def test_a_document_has_the_room_recorded_and_time_alone_is_cut_out() -> None:
    async with stage() as on:
        world = World(on)
        ann = await enters(world, ANN, f"record='true' recordFileFormat='wav' {CALLBACK}")
        (tape,) = on.media.recordings
        assert tape.paused
        await on.passes(10)
        bob = await enters(world, BOB, f"record='true' {CALLBACK} action='{world.page('/after')}'")
        assert [tape.paused for tape in on.media.recordings] == [False]
        enter = world.hooks("/conf")
        assert {form["RecordingID"] for form in enter} == {tape.id}
        assert enter[0]["RecordUrl"].endswith(f"/v1/Account/{ACCOUNT}/Recording/{tape.id}.wav")
        await on.passes(5)
        assert (await ask(world, "POST", "Member/2/Kick/")).status_code == 202
        assert world.one("/after")["RecordingID"] == tape.id
        assert on.media.recordings[0].paused
        bob.hangs_up()
        await on.passes(10)
        ann.hangs_up()
        await on.passes(1)
        sent = world.hooks("/conf")[-1]
        expected = {
            "ConferenceAction": "record",
            "Event": "ConferenceRecord",
            "ConferenceName": ROOM,
            "ConferenceMemberID": "1",
            "RecordingID": tape.id,
            "RecordingDuration": "5",
            "CallUUID": ann.leg,
        }
        assert {name: sent[name] for name in expected} == expected
        assert 5000 <= int(sent["RecordingDurationMs"]) < 5100
        assert int(sent["RecordingEndMs"]) - int(sent["RecordingStartMs"]) == pytest.approx(15_000, abs=100)
        assert [form["ConferenceAction"] for form in world.hooks("/conf")].count("record") == 1


@in_virtual_time
async def test_time_alone_is_recorded_where_it_is_asked_for() -> None:
    async with stage() as on:
        world = World(on)
        await enters(world, ANN, "record='true' recordWhenAlone='true'")
        assert [tape.paused for tape in on.media.recordings] == [False]


# --- the floor and the keys -----------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_floor_is_told_when_another_member_talks() -> None:
    async with stage() as on:
        world, ann, bob, cat = await three(on, f"floorEvent='true' {CALLBACK}")

        async def talks(line: Line) -> None:
            line.talks()
            await on.passes(1)
            line.talks(on=False)
            await on.passes(1)

        for line in (ann, ann, bob, ann):
            await talks(line)
        await ask(world, "POST", "Member/3/Mute/")
        await talks(cat)
        told = [form for form in world.hooks("/conf") if form["ConferenceAction"] == "floor"]
        assert [(form["ConferenceMemberID"], form["CallUUID"]) for form in told] == [
            ("1", ann.leg), ("2", bob.leg), ("1", ann.leg),
        ]  # fmt: skip
        assert {form["Event"] for form in told} == {"ConferenceFloor"}
        bob.hangs_up()
        await on.settled()
        assert not on.exchange.state.legs[cat.leg].talking


@in_virtual_time
async def test_nothing_is_known_of_a_conference_that_is_over() -> None:
    async with stage() as on:
        world, *lines = await three(on, f"floorEvent='true' record='true' {CALLBACK}")
        await ask(world, "POST", "Member/all/Play/", url=SONG)
        lines[0].talks()
        await on.passes(1)
        for line in lines:
            line.hangs_up()
        await on.passes(1)
        dialect = on.dialects["plivo"]
        kept = [value for value in vars(dialect.conferences).values() if isinstance(value, dict | set)]
        assert kept == [{}, {}, set(), {}]
        assert dialect.overlays._laid == {}
        assert not on.exchange.recordings.running(room=next(iter(on.exchange.state.rooms), None))
        assert on.nothing_left()


@in_virtual_time
async def test_nobody_listens_for_a_floor_that_nobody_wants() -> None:
    async with stage() as on:
        _, ann, *_ = await three(on)
        assert on.exchange.state.legs[ann.leg].listeners == ()


@pytest.mark.parametrize(("attributes", "heard"), [("", "5"), ("relayDTMF='true'", "5"), ("relayDTMF='false'", "")])
def test_keys_are_relayed_to_the_other_members(attributes: str, heard: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with stage() as on:
            _, ann, bob, cat = await three(on, attributes)
            ann.presses("5")
            await on.settled()
            assert [on.media.digits_sent(line.leg) for line in (ann, bob, cat)] == ["", heard, heard]

    story()


@in_virtual_time
async def test_a_name_with_a_slash_is_skipped_with_a_warning() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<Conference>a/b</Conference>", "<Speak loop='0'>next</Speak>")
        assert [sound.rpartition(":")[2] for sound in sounds(line)] == ["next"]
        assert any("slash" in text for text in world.warnings)


# --- what is refused ------------------------------------------------------------------------------------------------

PATHS = {
    "": ("GET", "DELETE"),
    "Record/": ("POST", "DELETE"),
    "Member/{}/": ("DELETE",),
    "Member/{}/Kick/": ("POST",),
    "Member/{}/Mute/": ("POST", "DELETE"),
    "Member/{}/Deaf/": ("POST", "DELETE"),
    "Member/{}/Play/": ("POST", "DELETE"),
    "Member/{}/Speak/": ("POST", "DELETE"),
}
GOOD = {"url": SONG, "text": "hello"}
BAD = [
    ("Record/", "file_format", ["ogg", {}, True]),
    ("Record/", "time_limit", [0, "long", True, {}]),
    ("Record/", "callback_url", ["app", True]),
    ("Record/", "transcription_url", ["app", {}]),
    ("Member/1/Play/", "url", ["song", "ftp://x/y", True, {}]),
    ("Member/all/Speak/", "text", ["x" * 3001, True, {}]),
    ("Member/1/Speak/", "voice", ["a/b", True]),
    ("Member/1/Speak/", "language", ["no language", {}]),
    ("Member/1/Mute/", "callback_url", ["app"]),
    ("Member/1/Kick/", "callback_url", ["app"]),
]


@in_virtual_time
async def test_bad_arguments_are_400_and_change_nothing() -> None:
    async with stage() as on:
        world, *_ = await three(on)
        before = len(on.facts)
        for path, name, values in BAD:
            for value in values:
                answer = await ask(world, "POST", path, **{**GOOD, name: value})
                assert answer.status_code == 400, (path, name, value)
                assert name in answer.json()["error"]
                assert "invalid" in answer.json()["error"]
        for path, name in (("Member/1/Play/", "url"), ("Member/1/Speak/", "text")):
            answer = await ask(world, "POST", path)
            assert (answer.status_code, answer.json()["error"]) == (400, f"{name} parameter is missing")
        assert len(on.facts) == before


@in_virtual_time
async def test_unknown_conferences_and_members_are_404_other_methods_405_and_nothing_changes() -> None:
    async with stage() as on:
        world, *_ = await three(on)
        other = ("MAOTHERACCOUNT000000", "other-token")
        before = len(on.facts)
        for path, methods in PATHS.items():
            for method in methods:
                for where in ("Conference/nowhere/", "Conference/my%20conf%20room/"):
                    answer = await world.api(method, where + path.format("1"), GOOD)
                    assert answer.status_code == 404, (method, where + path)
                    assert "not found" in answer.json()["error"]
                answer = await world.api(method, HERE + path.format("1"), GOOD, auth=other, account=other[0])
                assert answer.status_code == 404
                for ids in ("9", "1,9", "x", ",", "-1", "1;2") if "{}" in path else ():
                    answer = await ask(world, method, path.format(ids), **GOOD)
                    assert answer.status_code == 404, (method, path, ids)
                    assert set(answer.json()) == {"api_id", "error"}
            for method in {"GET", "POST", "DELETE", "PUT", "PATCH"} - set(methods):
                assert (await world.api(method, HERE + path.format("1"))).status_code == 405, (method, path)
        assert len(on.facts) == before
        assert (await world.api("GET", "Conference/", auth=other, account=other[0])).json()["conferences"] == []
