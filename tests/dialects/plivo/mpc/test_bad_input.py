"""Bad input for every resource of Multi-Party Calls, made from the shapes: the documented error, nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from switchhook.dialects.plivo.mpc.rest import RESOURCES
from switchhook.lab.virtual_time import in_virtual_time, run
from tests.dialects.plivo.common import APP, NUMBER, OTHER, OTHER_TOKEN, World, stage
from tests.dialects.plivo.mpc.common import Mpc

URLS = [True, "words", "ftp://a/b", {}, 7]
FLAGS = ["maybe", 2, {}, [], "yes please"]
METHODS = ["PUT", True, "x"]
ADD: dict[str, Any] = {"role": "agent", "from": NUMBER, "to": "1003"}
BAD_URLS = (
    "call_status_callback_url", "confirm_key_sound_url", "wait_music_url", "agent_hold_music_url",
    "customer_hold_music_url", "recording_callback_url", "status_callback_url", "on_exit_action_url",
    "start_recording_audio", "stop_recording_audio",
)  # fmt: skip
BAD_FLAGS = (
    "record", "record_participant_track", "stay_alone", "coach_mode", "mute", "hold", "start_mpc_on_enter",
    "end_mpc_on_exit", "relay_dtmf_inputs", "create_mpc_with_single_participant",
)  # fmt: skip
BAD_ADD: dict[str, list[Any]] = {
    "role": ["boss", 7, True, {}],
    "to": ["<", "1003<1003", "<".join(str(n) for n in range(21)), {}, True, "nobody at all"],
    "from": [{}, True],
    "caller_name": ["x" * 51, {}, True],
    "confirm_key": ["12", "A", True, {}],
    "dial_music": ["loud", "ftp://x/y"],
    "ring_timeout": ["soon", -1, 0, "5<x", "5<6", True, {}, 100_000],
    "delay_dial": ["soon", -1, "1<2", True, {}],
    "max_duration": [299, 28_801, "long", True, {}],
    "max_participants": [1, 11, "many", True],
    "record_min_member_count": [0, 3, "x"],
    "status_callback_events": ["everything", "mpc-state-changes,x", {}, True],
    "record_file_format": ["ogg", True, {}],
    "send_digits": ["x", {}, True],
    "enter_sound": ["gong", "ftp://x"],
    "exit_sound": ["gong"],
    "agent_hold_music": URLS,
    "customer_hold_music": URLS,
    **dict.fromkeys(BAD_URLS, URLS),
    **dict.fromkeys(BAD_FLAGS, FLAGS),
}
OTHERS: dict[tuple[str, str], dict[str, list[Any]]] = {
    ("POST", ""): {"status": ["ended", 7, True, {}, ["active", "x"]]},
    ("POST", "Participant/1/"): dict.fromkeys(("mute", "hold", "coach_mode"), FLAGS),
    ("POST", "Record/"): {
        "file_format": ["ogg", True, {}],
        "recording_callback_url": URLS,
        "record_track_type": ["left", {}, True],
    },
    ("POST", "Participant/1/Record/"): {"file_format": ["ogg"], "record_track_type": ["left", {}, True]},
    ("POST", "Member/1/Play/"): {"url": URLS, "urls": ["x", ["http://a/b", "y"]]},
    ("POST", "Member/1/Speak/"): {"text": [{}, True], "voice": ["?"], "language": ["!"], "mix": FLAGS},
}
METHODS_OF = {
    "status_callback_url": "status_callback_method",
    "on_exit_action_url": "on_exit_action_method",
    "wait_music_url": "wait_music_method",
    "enter_sound": "enter_sound_method",
}


async def talking(world: World) -> Mpc:
    mpc = Mpc(world)
    await mpc.comes()
    await mpc.agent()
    return mpc


@pytest.mark.parametrize("name", list(BAD_ADD))
def test_adding_with_a_bad_argument(name: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = await talking(World(on))
            before = len(on.facts)
            for value in BAD_ADD[name]:
                answer = await mpc.api("POST", "Participant/", {**ADD, name: value})
                assert answer.status_code == 400, (value, answer.text)
                assert set(answer.json()) == {"api_id", "error"}
                assert name.partition("_url")[0] in answer.json()["error"], value
                assert "invalid" in answer.json()["error"] or "missing" in answer.json()["error"]
            assert len(on.facts) == before
            assert (await mpc.api("GET", "Participant/")).json()["meta"]["count"] == 2

    run(story())


@in_virtual_time
async def test_adding_with_a_bad_method() -> None:
    async with stage() as on:
        mpc = await talking(World(on))
        before = len(on.facts)
        for url, method in METHODS_OF.items():
            for value in METHODS:
                answer = await mpc.api("POST", "Participant/", {**ADD, url: f"{APP}/x", method: value})
                assert (answer.status_code, method in answer.json()["error"]) == (400, True), (method, value)
        assert len(on.facts) == before


@pytest.mark.parametrize("where", list(OTHERS))
def test_other_resources_with_a_bad_argument(where: tuple[str, str]) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = await talking(World(on))
            before = len(on.facts)
            for name, values in OTHERS[where].items():
                text = {"text": "x"} if "Speak" in where[1] and name != "text" else {}
                for value in values:
                    answer = await mpc.api(*where, {**text, name: value})
                    assert answer.status_code == 400, (name, value, answer.text)
                    assert "invalid" in answer.json()["error"] or "missing" in answer.json()["error"]
            assert len(on.facts) == before

    run(story())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "role"),
        ({"role": "agent"}, "call_uuid, or from and to"),
        ({"role": "agent", "from": NUMBER}, "to"),
        ({"role": "agent", "to": "1003"}, "from"),
        ({**ADD, "call_uuid": "x"}, "call_uuid"),
        ({"role": "customer", "from": NUMBER, "to": "1002<1003"}, "to"),
    ],
)
def test_what_is_missing_or_too_much(given: dict[str, Any], said: str) -> None:
    async def story() -> None:
        async with stage() as on:
            mpc = Mpc(World(on))
            answer = await mpc.api("POST", "Participant/", given)
            assert answer.status_code == 400
            assert said in answer.json()["error"]
            assert (await mpc.api("GET")).status_code == 404

    run(story())


def test_nobody_there_wrong_account_and_wrong_methods() -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            await talking(world)
            before = len(on.facts)
            for pattern, methods in RESOURCES:
                path = pattern.pattern.rstrip("$").replace("(?P<pid>[^/]+)", "99")
                if path == "multipartycall":
                    continue
                for method in methods:
                    good = {"POST": {"status": "active", **ADD, "mute": True, "url": "http://a/b", "text": "x"}}
                    for mid in ("name_nobody", "uuid_nobody", "desk", "name_"):
                        if method == "POST" and path.endswith("/participant") and mid == "name_nobody":
                            continue
                        found = path.replace("(?P<mid>[^/]+)", mid)
                        answer = await world.api(method, f"{found}/", good.get(method))
                        assert answer.status_code == 404, (method, found, answer.text)
                        assert "not found" in answer.json()["error"]
                    found = path.replace("(?P<mid>[^/]+)", "name_desk")
                    if "99" in found:
                        answer = await world.api(method, f"{found}/", good.get(method))
                        assert (answer.status_code, "not found" in answer.json()["error"]) == (404, True), found
                    if "participant" not in found or "99" in found:
                        stranger: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
                        answer = await world.api(method, f"{found}/", good.get(method), **stranger)
                        assert answer.status_code == 404, found
                wrong = next(each for each in ("PUT", "PATCH") if each not in methods)
                assert (await world.api(wrong, found)).status_code == 405
            assert len(on.facts) == before

    run(story())


@in_virtual_time
async def test_calls_that_cannot_be_pulled_in() -> None:
    async with stage() as on:
        world = World(on)
        mpc = await talking(world)
        other = await world.arrives("<Wait length='60'/>", caller="+14155550124")
        gone = await world.arrives("<Hangup/>", caller="+14155550125")
        before = len(on.facts)
        for uuid in ("nobody", gone.leg):
            answer = await mpc.api("POST", "Participant/", {"role": "agent", "call_uuid": uuid})
            assert (answer.status_code, "not found" in answer.json()["error"]) == (404, True)
        stranger: dict[str, Any] = {"auth": (OTHER, OTHER_TOKEN), "account": OTHER}
        body = {"role": "agent", "call_uuid": other.leg}
        assert (await world.api("POST", "MultiPartyCall/name_x/Participant/", body, **stranger)).status_code == 404
        assert len(on.facts) == before
        answer = await mpc.api("POST", "Participant/", {**ADD, "to": "1001"})
        assert (answer.status_code, "already" in answer.json()["error"]) == (409, True)
