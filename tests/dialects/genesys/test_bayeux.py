"""The Bayeux machine alone: messages and a hand-set clock in, replies out."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from switchhook.dialects.genesys.bayeux.channels import is_channel, is_pattern, matches
from switchhook.dialects.genesys.bayeux.server import Answer, Bayeux

ADVICE = {"reconnect": "retry", "interval": 0, "timeout": 30_000}


class World:
    """A server with a clock of its own, and clients that speak to it."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.left: list[str] = []
        names = itertools.count(1)
        options: dict[str, Any] = {"connect_s": 30.0, "max_interval_s": 60.0, "max_queue": 100, **limits}
        self.bayeux = Bayeux(
            **options, now=lambda: self.now, new_id=lambda: f"client{next(names)}", on_last_gone=self.left.append
        )

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.bayeux.expire()

    def publish(self, *texts: str, channel: str = "/v2/me/calls", user: str = "agent1") -> None:
        for text in texts:
            rendered = json.dumps({"channel": channel, "data": {"text": text}}).encode()
            self.bayeux.publish(user, channel, rendered)

    def client(self, user: str = "agent1", *, ack: bool = False, subscription: Any = "/v2/me/*") -> Client:
        client = Client(self, user, ack)
        client.subscribe(subscription)
        client.connect(advice={"timeout": 0})
        return client


class Client:
    def __init__(self, world: World, user: str, ack: bool) -> None:
        self.world = world
        self.user = user
        self.ack = ack
        self.batch = -1
        self.woken = 0
        ext = {"ext": {"ack": True}} if ack else {}
        self.shaken = self.one("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"], **ext)
        self.id = self.shaken["clientId"]

    def send(self, *messages: dict[str, Any]) -> Answer:
        answer = self.world.bayeux.receive(self.user, list(messages))
        if answer.hold is not None:
            answer.hold.wake = self._wake
        return answer

    def _wake(self) -> None:
        self.woken += 1

    def one(self, channel: str, **more: Any) -> dict[str, Any]:
        [text] = self.send({"channel": channel, "id": "1", **more}).texts
        reply: dict[str, Any] = json.loads(text)
        return reply

    def subscribe(self, subscription: Any) -> dict[str, Any]:
        return self.one("/meta/subscribe", clientId=self.id, subscription=subscription)

    def _connect(self, **more: Any) -> Answer:
        ext = {"ext": {"ack": self.batch}} if self.ack else {}
        message = {"channel": "/meta/connect", "clientId": self.id, "connectionType": "long-polling", "id": "c"}
        return self.send({**message, **ext, **more})

    def connect(self, **more: Any) -> list[dict[str, Any]]:
        """Connects where an answer must come at once."""
        answer = self._connect(**more)
        assert answer.hold is None
        return self.seen(answer.texts)

    def waits(self, **more: Any) -> Any:
        """Connects where the connect must be held."""
        answer = self._connect(**more)
        assert answer.texts == []
        assert answer.hold is not None
        return answer.hold

    def finish(self, hold: Any) -> list[dict[str, Any]]:
        return self.seen(self.world.bayeux.finish(hold))

    def seen(self, texts: list[bytes]) -> list[dict[str, Any]]:
        replies = [json.loads(text) for text in texts]
        if self.ack and replies[-1]["successful"]:
            self.batch = replies[-1]["ext"]["ack"]
        return replies


def texts(replies: list[dict[str, Any]]) -> list[str]:
    """Returns the delivered texts, which must stand before the connect's own reply."""
    *events, reply = replies
    assert reply["channel"] == "/meta/connect"
    assert all("successful" not in event for event in events)
    return [event["data"]["text"] for event in events]


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
