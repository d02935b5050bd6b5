"""The Bayeux machine alone: channels, handshake, connect, subscriptions (genesys 7.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from switchhook.dialects.genesys.bayeux.channels import is_channel, is_pattern, matches
from tests.dialects.genesys.bayeux_world import ADVICE, Client, World, texts

# --- channels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "channel", "wanted"),
    [
        ("/v2/me/calls", "/v2/me/calls", True),
        ("/v2/me/calls", "/v2/me/devices", False),
        ("/v2/me/*", "/v2/me/calls", True),
        ("/v2/me/*", "/v2/me", False),
        ("/v2/me/*", "/v2/me/calls/1", False),
        ("/v2/**", "/v2/me/calls", True),
        ("/**", "/v2/me/calls", True),
        ("/**", "/meta/connect", False),
        ("/*", "/v2", True),
        ("/*", "/v2/me", False),
        ("/v2/me/**", "/v2/mercury/calls", False),
    ],
)
def test_globs(pattern: str, channel: str, wanted: bool) -> None:
    assert matches(pattern, channel) is wanted


def test_names_of_channels() -> None:
    assert is_channel("/v2/me/calls")
    assert is_pattern("/v2/me/calls")
    assert is_pattern("/**")
    for wrong in ("", "calls", "/", "/a/", "/a//b", "/a*", "/**/a", "/*/a", "/a/***", 7, None, ["/a"]):
        assert not is_pattern(wrong)
    assert not is_channel("/v2/*")


# --- handshake --------------------------------------------------------------------------------------------------------


def test_a_handshake_opens_a_session_and_offers_only_what_there_is() -> None:
    reply = Client(World(), "agent1", ack=False).shaken
    assert reply == {
        "channel": "/meta/handshake",
        "successful": True,
        "clientId": "client1",
        "version": "1.0",
        "minimumVersion": "1.0",
        "supportedConnectionTypes": ["long-polling", "callback-polling"],
        "advice": ADVICE,
        "id": "1",
    }


@pytest.mark.parametrize("types", [["websocket"], [], None, "long-polling"])
def test_no_common_transport_is_no_session(types: Any) -> None:
    world = World()
    [text] = world.bayeux.receive("agent1", [{"channel": "/meta/handshake", "supportedConnectionTypes": types}]).texts
    reply = json.loads(text)
    assert not reply["successful"]
    assert reply["supportedConnectionTypes"] == ["long-polling", "callback-polling"]
    assert "clientId" not in reply
    assert world.bayeux.sessions == 0


def test_what_stands_beside_a_handshake_is_ignored() -> None:
    world = World()
    handshake = {"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]}
    answer = world.bayeux.receive("agent1", [handshake, {"channel": "/meta/subscribe", "subscription": "/**"}])
    assert len(answer.texts) == 1


@pytest.mark.parametrize("number", [7, "7", 0, "abc"])
def test_an_id_comes_back_as_it_was(number: Any) -> None:
    client = World().client()
    message = {"channel": "/meta/subscribe", "clientId": client.id, "subscription": "/a", "id": number}
    [text] = client.send(message).texts
    assert json.loads(text)["id"] == number


# --- connect ----------------------------------------------------------------------------------------------------------


def test_the_first_connect_is_answered_at_once_and_carries_advice() -> None:
    client = Client(World(), "agent1", ack=False)
    [reply] = client.connect()
    assert reply == {
        "channel": "/meta/connect",
        "successful": True,
        "clientId": client.id,
        "id": "c",
        "advice": ADVICE,
    }
    hold = client.waits()
    assert hold.timeout_s == 30.0
    assert "advice" not in client.finish(hold)[-1]


def test_a_connect_is_held_until_there_is_something_to_tell() -> None:
    world = World()
    client = world.client()
    hold = client.waits()
    assert client.woken == 0
    world.publish("one", "two")
    assert client.woken > 0
    assert texts(client.finish(hold)) == ["one", "two"]
    assert texts(client.finish(client.waits())) == []


def test_a_connect_is_answered_at_once_when_messages_wait() -> None:
    world = World()
    client = world.client()
    world.publish("one")
    assert texts(client.connect()) == ["one"]


def test_a_connect_that_comes_with_others_is_never_held() -> None:
    world = World()
    client = world.client(subscription="/v2/me/devices")
    connect = {"channel": "/meta/connect", "clientId": client.id, "connectionType": "long-polling"}
    subscribe = {"channel": "/meta/subscribe", "clientId": client.id, "subscription": "/v2/me/calls"}
    answer = client.send(subscribe, connect)
    assert answer.hold is None
    assert [json.loads(text)["successful"] for text in answer.texts] == [True, True]


def test_the_client_may_ask_for_a_shorter_wait_only() -> None:
    client = World().client()
    assert client.waits(advice={"timeout": 5000}).timeout_s == 5.0
    assert client.waits(advice={"timeout": 500_000}).timeout_s == 30.0


def test_a_second_connect_releases_the_first_and_gets_the_messages() -> None:
    world = World()
    client = world.client()
    first = client.waits()
    second = client.waits()
    assert client.woken == 1
    world.publish("one")
    assert texts(client.finish(first)) == []
    assert texts(client.finish(second)) == ["one"]


def test_a_connection_that_ended_keeps_its_messages_for_the_next() -> None:
    world = World()
    client = world.client()
    hold = client.waits()
    world.bayeux.abandon(hold)
    world.publish("one")
    assert client.woken == 0
    assert texts(client.connect()) == ["one"]


def test_callback_polling_is_a_connection_type_and_web_socket_is_not() -> None:
    client = World().client()
    assert client.waits(connectionType="callback-polling") is not None
    [reply] = client.connect(connectionType="websocket")
    assert not reply["successful"]


# --- subscriptions ----------------------------------------------------------------------------------------------------


def test_several_subscriptions_at_once_and_their_end() -> None:
    world = World()
    client = world.client(subscription=["/v2/me/calls", "/v2/me/devices"])
    world.publish("call")
    world.publish("device", channel="/v2/me/devices")
    world.publish("channel", channel="/v2/me/channels")
    assert texts(client.connect()) == ["call", "device"]
    reply = client.one("/meta/unsubscribe", clientId=client.id, subscription="/v2/me/calls")
    assert reply["successful"]
    assert reply["subscription"] == "/v2/me/calls"
    world.publish("call")
    world.publish("device", channel="/v2/me/devices")
    assert texts(client.connect()) == ["device"]


def test_overlapping_subscriptions_deliver_once() -> None:
    world = World()
    client = world.client(subscription=["/v2/me/calls", "/v2/me/*", "/**"])
    world.publish("one")
    assert texts(client.connect()) == ["one"]


@pytest.mark.parametrize(
    ("subscription", "error"),
    [
        (None, "403::subscription_missing"),
        ([], "403::subscription_missing"),
        ("calls", "403::subscription_invalid"),
        (["/a", 7], "403::subscription_invalid"),
        ({"a": 1}, "403::subscription_invalid"),
        ("/meta/connect", "403:/meta/connect:subscribe_denied"),
    ],
)
def test_a_bad_subscription_is_refused_whole(subscription: Any, error: str) -> None:
    world = World()
    client = world.client(subscription="/v2/me/devices")
    reply = client.subscribe(subscription)
    assert not reply["successful"]
    assert reply["error"] == error
    assert reply["id"] == "1"
    world.publish("one", channel="/a")
    assert texts(client.finish(client.waits())) == []
