"""What desktops of this API are told: the changes of a desk, on `/workspace/v3/voice`.

A released call is completed at once, and its last message is `Released`. Where a session was activated with
`autoCompleteCall` false, its agent's released calls are kept until `complete` is asked, and told once more then.
"""

from __future__ import annotations

from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.bayeux.channels import matches
from switchhook.dialects.genesys.bayeux.server import Answer, Bayeux, Message
from switchhook.dialects.genesys.calls import Call, Change
from switchhook.dialects.genesys.capabilities import CallState
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.shapes import Body
from switchhook.dialects.genesys.status import Code, Failure
from switchhook.dialects.genesys.workspace import pairs
from switchhook.dialects.genesys.workspace.shapes import COMPLETED, INITIALIZATION, NOTIFICATIONS, VOICE, Shapes
from switchhook.exchange.switch import Exchange

STATE_CHANGE = "StateChange"
KEPT = 100  # released calls of one agent; the oldest goes when there is one more


class Channels(Bayeux):
    """The CometD sessions of this API; whoever subscribes is told how things stand."""

    messages: Messages | None = None

    def receive(self, user: str, messages: list[Message]) -> Answer:
        answer = super().receive(user, messages)
        for message in messages:
            if self.messages is not None and message.get("channel") == "/meta/subscribe":
                self.messages.subscribed(user, message.get("subscription"))
        return answer


class Messages:
    """Publishes to the desktops of this API; a view of the desks."""

    def __init__(
        self, exchange: Exchange, desks: Desks, shapes: Shapes, channels: Channels, configuration: Body
    ) -> None:
        self._exchange = exchange
        self._desks = desks
        self._shapes = shapes
        self._channels = channels
        self._configuration = configuration
        self._users: dict[str, User] = {}
        self._kept: dict[str, dict[str, Call]] = {}  # agents who complete their calls by hand: released calls by id
        channels.messages = self
        desks.views.append(self)

    # --- the view ---------------------------------------------------------------------------------------------------

    def call_changed(self, user: User, change: Change, now: float) -> None:
        call = change.call
        kept = self._kept.get(user.name)
        if kept is not None and call.state is CallState.RELEASED:
            kept[call.conn_id] = call
            if len(kept) > KEPT:
                del kept[next(iter(kept))]
        self._tell_call(user, call, NOTIFICATIONS.get(change.notification, STATE_CHANGE))

    def call_failed(self, user: User, call: Call, text: str) -> None:
        self._publish(user, self._shapes.error_message(int(Code.FAILED), text))

    def device_changed(self, user: User) -> None:
        self._publish(user, self._shapes.dn_message(user))

    # --- besides ----------------------------------------------------------------------------------------------------

    def introduce(self, user: User) -> None:
        """Knows a user who has a session."""
        self._users[user.name] = user

    def subscribed(self, name: str, subscription: object) -> None:
        """Tells what a desktop that was not there yet has missed: the end of its initialisation, its telephone, calls.

        A client that activates its channels while its subscription is on the way would else never see the answer.
        """
        user = self._users.get(name)
        patterns = [each for each in _listed(subscription) if isinstance(each, str)]
        if user is None:
            return
        if any(matches(pattern, INITIALIZATION) for pattern in patterns):
            self._channels.publish(name, INITIALIZATION, self._shapes.initialization(user, self._configuration))
        if user.in_session and any(matches(pattern, VOICE) for pattern in patterns):
            self.device_changed(user)
            self.tell_recovered(user)

    def tell_recovered(self, user: User) -> None:
        """Tells the calls that were there before the desktop was."""
        for call in self._desks.calls(user).live.values():
            self._tell_call(user, call, "CallRecovered")

    def tell_user_event(self, user: User, data: list[pairs.Pair], call_uuid: str) -> None:
        """Tells an event of an agent's own making to all desktops of that agent."""
        self._publish(user, self._shapes.user_event(data, call_uuid))

    def keep_released(self, user: User, *, on: bool) -> None:
        """Keeps released calls until they are completed by hand, or (`on` false) no longer."""
        if on:
            self._kept.setdefault(user.name, {})
        else:
            self._kept.pop(user.name, None)

    def calls(self, user: User) -> list[Body]:
        """Returns the agent's calls, and those that are over and wait to be completed."""
        live = [*self._desks.calls(user).live.values(), *self._kept.get(user.name, {}).values()]
        return [self._call(user, call) for call in live]

    def _call(self, user: User, call: Call, state: str = "") -> Body:
        if call.state is CallState.RELEASED:
            offered = ["complete"] if user.name in self._kept and not state else []
            return self._shapes.call(user, call, state, offered)
        return self._shapes.call(user, call)

    def complete(self, user: User, conn_id: str) -> None:
        """Ends a released call for its agent; raises `Failure` with code 6 when there is none of that id."""
        call = self._kept.get(user.name, {}).pop(conn_id, None)
        if call is None:
            raise Failure(Code.NOT_FOUND, f"Call '{conn_id}' is not found.")
        self._tell_call(user, call, STATE_CHANGE, COMPLETED)

    def _tell_call(self, user: User, call: Call, notification: str, state: str = "") -> None:
        if not self._channels.listens(user.name, VOICE):
            return
        name = f"{notification} {call.type.value} {state or call.state.value}"
        body: Body = {"dialect": "genesys", "name": name, "channel": VOICE, "user": user.name}
        self._exchange.write("Notification", body, leg=call.leg, call=call.chain)
        shown = self._call(user, call, state)
        self._channels.publish(user.name, VOICE, self._shapes.call_message(notification, shown))

    def _publish(self, user: User, text: bytes) -> None:
        self._channels.publish(user.name, VOICE, text)


def _listed(subscription: object) -> list[object]:
    return subscription if isinstance(subscription, list) else [subscription]
