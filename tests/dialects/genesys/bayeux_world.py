"""A Bayeux server with a clock set by hand, and clients that speak to it without any HTTP."""

from __future__ import annotations

import itertools
import json
from typing import Any

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
