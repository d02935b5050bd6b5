"""The Bayeux server as a machine: messages and the time in, replies out. No sockets, no tasks, no timers of its own.

A client has one connect on its way at any time. It is answered at once when there is something to tell, when it is the
first one, when it came together with other messages, or when its advice says so; else it is held (`Hold`) until
something comes or its time is over. What is queued leaves only on connect replies, so that one path keeps the order.

A message is rendered once and its text is shared by every session of its user. Delivery may fail without a sign: with
the ack extension each delivery has a batch number, the next connect names the last batch seen, and whatever was not
seen goes out again (genesys 7.3). Without it, a held connect whose TCP connection ended keeps its messages.

A session ends by `/meta/disconnect`, `max_interval_s` after its last connect, or when its queue overflows: the client
then gets `402::session_unknown` and shakes hands again. Rejected: the `multiple-clients` advice, which slows down a
second window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

import msgspec

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.bayeux.channels import is_channel, is_pattern
from switchhook.dialects.genesys.bayeux.session import Hold, Session

POLLING = ("long-polling", "callback-polling")
Message = dict[str, object]
UNKNOWN = "402::session_unknown"
MOST_SESSIONS = 100  # of one user; a client that shakes hands for ever only ends its own
MOST_PATTERNS = 1000  # subscriptions of one session

encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    """What came of one request: texts to send back at once, and perhaps a connect that waits."""

    texts: list[bytes] = field(default_factory=list)
    hold: Hold | None = None


class Bayeux:
    """All CometD sessions of one server."""

    def __init__(
        self,
        *,
        connect_s: float,
        max_interval_s: float,
        max_queue: int,
        now: Callable[[], float],
        new_id: Callable[[], str],
        on_last_gone: Callable[[str], None] = lambda user: None,
        sockets: bool = False,
    ) -> None:
        self._types = ("websocket", *POLLING) if sockets else POLLING
        self._connect_s = connect_s
        self._max_interval_s = max_interval_s
        self._max_queue = max_queue
        self._now = now
        self._new_id = new_id
        self._on_last_gone = on_last_gone
        self._holds = True
        self._sessions: dict[str, Session] = {}
        self._of_user: dict[str, dict[str, Session]] = {}
        self._idle: dict[str, float] = {}  # when the session ends; in order, because the interval is one for all

    # --- in ---------------------------------------------------------------------------------------------------------

    def receive(self, user: str, messages: list[Message]) -> Answer:
        """Carries out the messages of one request of an authenticated user, in order."""
        answer = Answer()
        if messages and messages[0].get("channel") == "/meta/handshake":
            messages = messages[:1]  # what stands beside a handshake is ignored (Bayeux 1.0, 4.1)
        alone = len(messages) == 1
        for message in messages:
            self._one(user, message, answer, alone)
        return answer

    def _one(self, user: str, message: Message, answer: Answer, alone: bool) -> None:
        channel = message.get("channel")
        if not channel:
            answer.texts.append(_refused("", message, "400::channel_missing"))
        elif not isinstance(channel, str) or not is_channel(channel):
            answer.texts.append(_refused(str(channel), message, "405::channel_invalid"))
        elif channel == "/meta/handshake":
            self._handshake(user, message, answer)
        else:
            session = self._session(user, message)
            if session is None:
                answer.texts.append(self._unknown(channel, message))
            elif channel == "/meta/connect":
                self._connect(session, message, answer, alone)
            elif channel == "/meta/disconnect":
                answer.texts.append(_accepted(channel, message))
                session.left = True
                self._drop(session)
            else:
                answer.texts.append(_OTHERS.get(channel, _publish)(session, message))

    def _session(self, user: str, message: Message) -> Session | None:
        client_id = message.get("clientId")
        session = self._sessions.get(client_id) if isinstance(client_id, str) else None
        return session if session is not None and session.user == user else None

    def _unknown(self, channel: str, message: Message) -> bytes:
        if channel == "/meta/connect":
            return _refused(channel, message, UNKNOWN, advice={"reconnect": "handshake", "interval": 0})
        return _refused(channel, message, UNKNOWN)

    # --- handshake and connect --------------------------------------------------------------------------------------

    @property
    def _advice(self) -> Message:
        return {"reconnect": "retry", "interval": 0, "timeout": int(self._connect_s * 1000)}

    def _handshake(self, user: str, message: Message, answer: Answer) -> None:
        shared: Message = {"version": "1.0", "minimumVersion": "1.0", "supportedConnectionTypes": list(self._types)}
        offered = message.get("supportedConnectionTypes")
        if not isinstance(offered, list) or not any(kind in self._types for kind in offered):
            error = "400::connection_types_unsupported"
            advice: Message = {"reconnect": "none", "interval": 0}
            answer.texts.append(_refused("/meta/handshake", message, error, advice=advice, **shared))
            return
        ack = _wants_ack(message)
        mine = self._of_user.get(user, {})
        if len(mine) >= MOST_SESSIONS:  # the oldest ends, if it can be one that has no connect on its way
            self._drop(next((each for each in mine.values() if each.hold is None), next(iter(mine.values()))))
        session = Session(self._new_id(), user, ack=ack)
        self._sessions[session.client_id] = session
        self._of_user.setdefault(user, {})[session.client_id] = session
        self._rest(session)
        if ack:
            shared["ext"] = {"ack": True}
        answer.texts.append(
            _accepted("/meta/handshake", message, clientId=session.client_id, advice=self._advice, **shared)
        )

    def _connect(self, session: Session, message: Message, answer: Answer, alone: bool) -> None:
        kind = message.get("connectionType", "long-polling")
        if kind not in self._types:
            answer.texts.append(_refused("/meta/connect", message, "400::connection_type_unknown"))
            return
        if session.hold is not None:
            earlier, session.hold = session.hold, None
            earlier.release()
        self._idle.pop(session.client_id, None)
        if session.ack:
            session.acknowledged(_batch_seen(message))
        advice = message.get("advice")
        wait_s = self._connect_s
        reply: Message = {"channel": "/meta/connect", "successful": True, "clientId": session.client_id}
        if message.get("id") is not None:
            reply["id"] = message["id"]
        if isinstance(advice, dict) or not session.connected:
            reply["advice"] = self._advice
        if isinstance(advice, dict) and isinstance(asked := advice.get("timeout"), int | float):
            wait_s = min(wait_s, max(0.0, asked / 1000))
        hold = Hold(session, reply, wait_s)
        session.hold = hold
        if not (self._holds and alone and session.connected) or session.queue or wait_s == 0:
            answer.texts.extend(self.finish(hold))
        else:
            answer.hold = hold
        session.connected = True

    def finish(self, hold: Hold) -> list[bytes]:
        """Ends the wait of a connect: returns what is queued, then the connect's own reply."""
        session = hold.session
        if session.left:
            return [encode({**hold.reply, "advice": {**self._advice, "reconnect": "none"}})]
        if session.gone:
            advice: Message = {"reconnect": "handshake", "interval": 0}
            return [encode({**hold.reply, "successful": False, "error": UNKNOWN, "advice": advice})]
        if session.hold is not hold:
            return [encode(hold.reply)]  # a later connect took its place and gets the messages
        session.hold = None
        texts = list(session.take())
        if session.ack:
            hold.reply["ext"] = {"ack": session.batch}
        texts.append(encode(hold.reply))
        self._rest(session)
        return texts

    def abandon(self, hold: Hold) -> None:
        """The connection of a held connect has ended: it counts as not answered, its messages wait for the next."""
        session = hold.session
        if session.hold is hold:
            session.hold = None
            if not session.gone:
                self._rest(session)

    def give_back(self, hold: Hold, texts: list[bytes]) -> None:
        """What `finish` returned could not be written: the messages wait for the next connect, before newer ones.

        With acknowledgement they are kept anyway, until the client says that it has seen them.
        """
        if not hold.session.ack and not hold.session.gone:
            hold.session.queue.extendleft(reversed(texts[:-1]))

    def release_all(self) -> None:
        """Answers every held connect now, and holds none any more (the server stops)."""
        self._holds = False
        for session in self._sessions.values():
            if session.hold is not None:
                session.hold.release()

    # --- out --------------------------------------------------------------------------------------------------------

    def publish(self, user: str, channel: str, text: bytes) -> None:
        """Queues one rendered message for every session of `user` that subscribed to `channel`, and wakes them."""
        for session in list(self._of_user.get(user, {}).values()):
            if not session.wants(channel):
                continue
            session.queue.append(text)
            if session.kept > self._max_queue:
                self._drop(session)
            elif session.hold is not None:
                session.hold.release()

    def listens(self, user: str, channel: str) -> bool:
        """True when a session of `user` wants what is sent on `channel`; otherwise nothing need be rendered."""
        return any(session.wants(channel) for session in self._of_user.get(user, {}).values())

    def sessions_of(self, user: str) -> int:
        return len(self._of_user.get(user, ()))

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    @property
    def held(self) -> int:
        """How many connects wait at this moment."""
        return sum(session.hold is not None for session in self._sessions.values())

    # --- ends -------------------------------------------------------------------------------------------------------

    def _rest(self, session: Session) -> None:
        """The session waits for its client's next connect, not for ever."""
        self._idle.pop(session.client_id, None)
        self._idle[session.client_id] = self._now() + self._max_interval_s

    def next_end(self) -> float | None:
        """Returns when `expire` has something to do (clock seconds), or None."""
        return next(iter(self._idle.values()), None)

    def expire(self) -> None:
        """Ends every session whose client has not come back in time."""
        now = self._now()
        while self._idle:
            client_id, end = next(iter(self._idle.items()))
            if end > now:
                return
            self._drop(self._sessions[client_id])

    def _drop(self, session: Session) -> None:
        session.gone = True
        self._sessions.pop(session.client_id, None)
        self._idle.pop(session.client_id, None)
        mine = self._of_user.get(session.user, {})
        mine.pop(session.client_id, None)
        if session.hold is not None:
            session.hold.release()
        if not mine and self._of_user.pop(session.user, None) is not None:
            self._on_last_gone(session.user)


# --- replies --------------------------------------------------------------------------------------------------------


def _accepted(channel: str, message: Message, **more: object) -> bytes:
    reply: Message = {"channel": channel, "successful": True, **more}
    if message.get("id") is not None:
        reply["id"] = message["id"]
    return encode(reply)


def _refused(channel: str, message: Message, error: str, **more: object) -> bytes:
    reply: Message = {"channel": channel, "successful": False, "error": error, **more}
    for member in ("id", "subscription"):
        if message.get(member) is not None:
            reply[member] = message[member]
    return encode(reply)


def _wants_ack(message: Message) -> bool:
    """True for `ext.ack` true, and for its newer form, an object with `enabled` true."""
    ext = message.get("ext")
    asked = ext.get("ack") if isinstance(ext, dict) else None
    return asked is True or (isinstance(asked, dict) and asked.get("enabled") is True)


def _batch_seen(message: Message) -> int:
    ext = message.get("ext")
    seen = ext.get("ack") if isinstance(ext, dict) else None
    return seen if isinstance(seen, int) and not isinstance(seen, bool) else -1


def _patterns(message: Message) -> list[str] | str:
    """Returns the patterns of a subscription, or the error."""
    asked = message.get("subscription")
    if not asked:
        return "403::subscription_missing"
    patterns = list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str | Mapping) else [asked]
    if not all(is_pattern(pattern) for pattern in patterns):
        return "403::subscription_invalid"
    for pattern in patterns:
        if str(pattern).startswith("/meta/"):
            return f"403:{pattern}:subscribe_denied"
    return [str(pattern) for pattern in patterns]


def _subscribe(session: Session, message: Message) -> bytes:
    patterns = _patterns(message)
    if isinstance(patterns, str):
        return _refused("/meta/subscribe", message, patterns)
    wanted = {**session.subscriptions, **dict.fromkeys(patterns)}
    if len(wanted) > MOST_PATTERNS:
        return _refused("/meta/subscribe", message, f"403:{MOST_PATTERNS}:subscribe_denied")
    session.subscriptions = wanted
    return _accepted("/meta/subscribe", message, clientId=session.client_id, subscription=message["subscription"])


def _unsubscribe(session: Session, message: Message) -> bytes:
    patterns = _patterns(message)
    if isinstance(patterns, str):
        return _refused("/meta/unsubscribe", message, patterns)
    for pattern in patterns:
        session.subscriptions.pop(pattern, None)
    return _accepted("/meta/unsubscribe", message, clientId=session.client_id, subscription=message["subscription"])


def _publish(session: Session, message: Message) -> bytes:
    """Clients may not publish; a meta channel that does not exist is refused alike."""
    channel = str(message["channel"])
    error = "404::unknown_meta" if channel.startswith("/meta/") else f"403:{channel}:publish_denied"
    return _refused(channel, message, error)


_OTHERS: dict[str, Callable[[Session, Message], bytes]] = {
    "/meta/subscribe": _subscribe,
    "/meta/unsubscribe": _unsubscribe,
}
