"""One CometD client: what it subscribed to, what waits for it, and what it has not acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import field

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.bayeux.channels import matches

Wake = Callable[[], None]


@dataclass(eq=False, slots=True)
class Hold:
    """A `/meta/connect` that waits for something to tell. `wake` is set by whoever holds the connection."""

    session: Session
    reply: dict[str, object]
    timeout_s: float
    wake: Wake | None = None

    def release(self) -> None:
        if self.wake is not None:
            self.wake()


@dataclass(eq=False, slots=True)
class Session:
    """Messages are rendered texts, shared by all sessions of a user; each is kept until it was delivered."""

    client_id: str
    user: str
    ack: bool = False
    subscriptions: dict[str, None] = field(default_factory=dict)
    queue: deque[bytes] = field(default_factory=deque)
    unacknowledged: deque[tuple[int, bytes]] = field(default_factory=deque)
    batch: int = 0
    connected: bool = False  # its first connect has been answered
    gone: bool = False
    left: bool = False  # gone because its client said so
    hold: Hold | None = None

    def wants(self, channel: str) -> bool:
        return channel in self.subscriptions or any(matches(pattern, channel) for pattern in self.subscriptions)

    @property
    def kept(self) -> int:
        """How many messages are kept for it."""
        return len(self.queue) + len(self.unacknowledged)

    def acknowledged(self, batch: int) -> None:
        """Forgets what the client has seen; whatever it has not seen will be sent again, before anything newer."""
        while self.unacknowledged and self.unacknowledged[0][0] <= batch:
            self.unacknowledged.popleft()
        self.queue.extendleft(text for _, text in reversed(self.unacknowledged))
        self.unacknowledged.clear()

    def take(self) -> Iterable[bytes]:
        """Empties the queue into one delivery."""
        texts = list(self.queue)
        self.queue.clear()
        if self.ack and texts:
            self.batch += 1
            self.unacknowledged.extend((self.batch, text) for text in texts)
        return texts
