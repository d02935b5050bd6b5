"""The Bayeux machine alone: refusals, the life of sessions, acknowledgement (genesys 7.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from switchhook.dialects.genesys.bayeux.server import MOST_PATTERNS, MOST_SESSIONS
from tests.dialects.genesys.bayeux_world import Client, World, texts

# --- refusals ---------------------------------------------------------------------------------------------------------


def test_clients_may_not_publish() -> None:
    world = World()
    client, other = world.client(subscription="/**"), world.client("agent2", subscription="/**")
    for channel in ("/v2/me/calls", "/chat"):
        reply = client.one(channel, clientId=client.id, data={"text": "forged"})
        assert not reply["successful"]
        assert reply["error"].startswith("403:")
        assert reply["channel"] == channel
    assert texts(client.finish(client.waits())) == []
    assert texts(other.finish(other.waits())) == []


def test_bad_messages() -> None:
    client = World().client()
    assert client.one("")["error"] == "400::channel_missing"
    assert client.one("calls")["error"] == "405::channel_invalid"
    assert not client.one("/meta/unheard", clientId=client.id)["successful"]


@pytest.mark.parametrize("client_id", ["nobody", None, 7])
def test_an_unknown_session_is_told_to_shake_hands_again(client_id: Any) -> None:
    client = World().client()
    reply = client.one("/meta/connect", clientId=client_id, connectionType="long-polling")
    assert not reply["successful"]
    assert reply["error"] == "402::session_unknown"
    assert reply["advice"] == {"reconnect": "handshake", "interval": 0}
    assert client.one("/meta/subscribe", clientId=client_id, subscription="/a")["error"] == "402::session_unknown"


def test_a_session_belongs_to_its_user() -> None:
    world = World()
    client = world.client("agent1")
    thief = world.client("agent2")
    assert thief.one("/meta/connect", clientId=client.id)["error"] == "402::session_unknown"


# --- users and sessions -----------------------------------------------------------------------------------------------


def test_every_session_of_a_user_gets_the_same_in_the_same_order_and_nobody_else_does() -> None:
    world = World()
    one, two, other = world.client(), world.client(), world.client("agent2")
    world.publish(*(str(n) for n in range(20)))
    expected = [str(n) for n in range(20)]
    assert texts(one.connect()) == expected
    assert texts(two.connect()) == expected
    assert texts(other.finish(other.waits())) == []


def test_a_session_ends_after_its_interval_and_not_while_it_is_held() -> None:
    world = World()
    client = world.client()
    hold = client.waits()
    world.passes(1000)
    assert world.bayeux.sessions == 1
    client.finish(hold)
    world.passes(59)
    assert texts(client.finish(client.waits())) == []
    assert world.left == []
    world.passes(61)
    assert world.bayeux.sessions == 0
    assert world.left == ["agent1"]
    assert client.connect()[0]["error"] == "402::session_unknown"


def test_a_session_that_never_connects_ends_too() -> None:
    world = World()
    Client(world, "agent1", ack=False)
    assert world.bayeux.next_end() == 60.0
    world.passes(60)
    assert world.bayeux.sessions == 0
    assert world.bayeux.next_end() is None


def test_a_disconnect_ends_the_session_and_answers_the_held_connect() -> None:
    world = World()
    client = world.client()
    hold = client.waits()
    assert client.one("/meta/disconnect", clientId=client.id) == {
        "channel": "/meta/disconnect",
        "successful": True,
        "id": "1",
    }
    assert client.woken == 1
    [reply] = client.finish(hold)
    assert reply["advice"]["reconnect"] == "none"
    assert world.left == ["agent1"]
    assert client.connect()[0]["error"] == "402::session_unknown"


def test_a_session_that_overflows_is_dropped_so_that_its_client_starts_again() -> None:
    world = World(max_queue=10)
    slow, quick = world.client(), world.client()
    for n in range(11):
        world.publish(str(n))
        assert texts(quick.connect()) == [str(n)]
    [reply] = slow.connect()
    assert reply["error"] == "402::session_unknown"
    assert reply["advice"]["reconnect"] == "handshake"
    assert world.left == []


def test_a_user_who_shakes_hands_for_ever_ends_only_the_sessions_of_that_user_that_wait_for_nothing() -> None:
    world = World()
    other, living = world.client("agent2"), world.client()
    hold = living.waits()
    for _ in range(3 * MOST_SESSIONS):
        Client(world, "agent1", ack=False)
    assert world.bayeux.sessions_of("agent1") == MOST_SESSIONS
    assert living.woken == 0
    world.publish("one")
    assert texts(living.finish(hold)) == ["one"]
    assert texts(other.finish(other.waits())) == []
    assert world.left == []


def test_a_session_has_a_bound_of_subscriptions_and_keeps_those_it_has() -> None:
    world = World()
    client = world.client()
    many = [f"/a/{number}" for number in range(MOST_PATTERNS)]
    reply = client.subscribe(many)
    assert not reply["successful"]
    assert reply["error"].endswith(":subscribe_denied")
    assert client.subscribe(many[1:])["successful"]
    assert client.subscribe(many[1:])["successful"]  # the same again is no more
    world.publish("one")
    assert texts(client.connect()) == ["one"]


# --- the ack extension ------------------------------------------------------------------------------------------------


def test_with_acknowledgement_each_batch_has_a_number() -> None:
    world = World()
    client = world.client(ack=True)
    assert client.shaken["ext"] == {"ack": True}
    hold = client.waits()
    world.publish("one", "two")
    replies = client.finish(hold)
    assert texts(replies) == ["one", "two"]
    assert replies[-1]["ext"] == {"ack": 1}
    world.publish("three")
    replies = client.connect()
    assert texts(replies) == ["three"]
    assert replies[-1]["ext"] == {"ack": 2}


def test_a_lost_reply_is_sent_again_before_anything_newer() -> None:
    world = World()
    client = world.client(ack=True)
    world.publish("one")
    seen = client.batch
    assert texts(client.connect()) == ["one"]
    client.batch = seen  # the reply never arrived
    world.publish("two")
    assert texts(client.connect()) == ["one", "two"]
    assert texts(client.finish(client.waits())) == []


def test_what_is_not_acknowledged_counts_towards_the_overflow() -> None:
    world = World(max_queue=10)
    client = world.client(ack=True)
    for n in range(11):
        world.publish(str(n))
        client.connect(ext={"ack": -1})
    assert world.bayeux.sessions == 0


def test_the_newer_form_of_the_extension_is_understood() -> None:
    message = {"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]}
    for asked, granted in (({"enabled": True}, True), ({"enabled": False}, False), ({}, False), (False, False)):
        [text] = World().bayeux.receive("agent1", [{**message, "ext": {"ack": asked}}]).texts
        assert (json.loads(text).get("ext") == {"ack": True}) is granted


def test_without_the_extension_no_acknowledgement_is_sent() -> None:
    client = World().client()
    assert "ext" not in client.shaken
    assert "ext" not in client.finish(client.waits())[-1]


def test_all_held_connects_are_answered_when_the_server_stops() -> None:
    world = World()
    clients = [world.client(), world.client("agent2")]
    holds = [client.waits() for client in clients]
    world.bayeux.release_all()
    assert [client.woken for client in clients] == [1, 1]
    assert all(client.finish(hold)[-1]["successful"] for client, hold in zip(clients, holds, strict=True))
    assert texts(clients[0].connect()) == []
