"""Generated lives of CometD clients: whatever breaks, each message arrives once and in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.genesys.bayeux_world import Client, World, texts

STEPS = ("publish", "fetch", "lose", "wait", "cut", "wake", "replace")


class Life:
    """One client, what it has seen, and the connect that it has on its way."""

    def __init__(self, ack: bool) -> None:
        self.world = World(max_queue=1000)
        self.client: Client = self.world.client(ack=ack)
        self.hold: Any = None
        self.sent: list[str] = []
        self.seen: list[str] = []

    def publish(self) -> None:
        self.sent.append(str(len(self.sent)))
        self.world.publish(self.sent[-1])

    def fetch(self) -> None:
        """A connect that is answered and arrives."""
        self.hold = None
        self.seen += texts(self.client.connect(advice={"timeout": 0}))

    def lose(self) -> None:
        """A connect that is answered, and whose reply never arrives: with acknowledgement it is sent again."""
        if not self.client.ack:
            return
        self.hold = None
        seen = self.client.batch
        self.client.connect(advice={"timeout": 0})
        self.client.batch = seen

    def wait(self) -> None:
        """A connect; it is held unless there is something to tell."""
        answer = self.client._connect()
        self.hold = answer.hold
        if answer.texts:
            self.seen += texts(self.client.seen(answer.texts))

    def cut(self) -> None:
        """The connection of the held connect ends."""
        if self.hold is not None:
            self.world.bayeux.abandon(self.hold)
            self.hold = None

    def wake(self) -> None:
        """The held connect is answered: written, or given back because writing failed."""
        if self.hold is None:
            return
        hold, self.hold = self.hold, None
        if len(self.sent) % 2:
            self.world.bayeux.give_back(hold, self.world.bayeux.finish(hold))
        else:
            self.seen += texts(self.client.finish(hold))

    def replace(self) -> None:
        """A second connect while one is held: the first is answered without messages."""
        earlier = self.hold
        self.wait()
        if earlier is not None:
            assert len(self.world.bayeux.finish(earlier)) == 1


@pytest.mark.parametrize("ack", [False, True])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=40))
@settings(max_examples=60, deadline=None)
def test_each_message_arrives_once_and_in_order(ack: bool, steps: list[str]) -> None:
    life = Life(ack)
    for step in steps:
        getattr(life, step)()
        assert life.seen == life.sent[: len(life.seen)]
    life.cut()
    life.fetch()
    assert life.seen == life.sent
    life.world.passes(61)
    assert life.world.bayeux.sessions == 0
    assert life.world.left == ["agent1"]
