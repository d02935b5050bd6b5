"""What can be read: the GET side of every resource, with `fields` and `subresources` (genesys 1.2 and 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import NAMESPACE_DNS, uuid5

from switchhook.dialects.genesys.agents import Roster, User, activities
from switchhook.dialects.genesys.calls import Call
from switchhook.dialects.genesys.desks import Desks
from switchhook.dialects.genesys.shapes import Body, Shapes
from switchhook.dialects.genesys.status import Code, Failure
from switchhook.exchange.ports import Clock
from switchhook.settings import Settings

VERSION = "8.5.202.96"  # the release whose behaviour this is; clients compare it
Query = Mapping[str, str]


class Resources:
    """Reads for one user at a time; raises `Failure` (code 6) for what is not there."""

    def __init__(self, desks: Desks, shapes: Shapes, clock: Clock, settings: Settings, roster: Roster) -> None:
        self._desks = desks
        self._shapes = shapes
        self._clock = clock
        self._contact_center = str(uuid5(NAMESPACE_DNS, settings.sip.domain))
        self._users = {user.id: user for user in roster.users.values()}
        self._devices = {user.device: user for user in roster.users.values()}
        self._activities = activities(settings.agent_states)
        self._parts: dict[str, Callable[[User], object]] = {
            "devices": self._device_list,
            "channels": self._shapes.channels,
            "calls": self._call_list,
            "features": self._feature_list,
            "skills": lambda user: [],
            "settings": lambda user: {},
        }

    # --- users ------------------------------------------------------------------------------------------------------

    def me(self, user: User, query: Query) -> Body:
        return {"user": self._user(user, query)}

    def users(self, user: User, query: Query) -> Body:
        """The colleagues whom a supervisor may look at: those of its own account."""
        if not user.supervises:
            raise Failure(Code.NO_PERMISSION, "Feature 'api-supervisor-monitoring' is required.")
        found = [other for other in self._users.values() if other.account == user.account]
        if "fields" in query:
            return {"users": [self._user(other, query) for other in found]}
        return {"uris": [f"{self._shapes.api}/users/{other.id}" for other in found]}

    def another(self, user: User, name: str, query: Query) -> Body:
        """A user by its id: oneself, or for a supervisor a colleague."""
        return {"user": self._user(self._visible(user, self._users.get(name), f"User '{name}'"), query)}

    def another_device(self, user: User, name: str, query: Query) -> Body:
        """A device by its id: the own one, or for a supervisor a colleague's."""
        owner = self._visible(user, self._devices.get(name), f"Device '{name}'")
        return {"device": _only(self._device_list(owner)[0], query)}

    def _visible(self, user: User, other: User | None, what: str) -> User:
        if other is None or (other is not user and (not user.supervises or other.account != user.account)):
            raise Failure(Code.NOT_FOUND, f"{what} is not found.")
        return other

    def _user(self, user: User, query: Query) -> Body:
        body = _only(self._shapes.user(user, self._contact_center), query)
        wanted = query.get("subresources", "")
        names = list(self._parts) if wanted == "*" else [name.strip() for name in wanted.split(",")]
        for name in names:
            part = self._parts.get(name)
            if part is not None:  # an unavailable one is left out (genesys 1.2)
                body[name] = part(user)
        return body

    def skills(self, user: User, query: Query) -> Body:
        return _collection("skills", [], query)

    def feature(self, user: User, name: str, query: Query) -> Body:
        return {"feature": _only(_found(self._feature_list(user), name, "Feature"), query)}

    def features(self, user: User, query: Query) -> Body:
        return _collection("features", self._feature_list(user), query)

    def _feature_list(self, user: User) -> list[Body]:
        return [self._shapes.feature(name) for name in user.agent.features]

    # --- devices, channels, settings --------------------------------------------------------------------------------

    def devices(self, user: User, query: Query) -> Body:
        return _collection("devices", self._device_list(user), query)

    def device(self, user: User, query: Query) -> Body:
        return {"device": _only(self._device_list(user)[0], query)}

    def _device_list(self, user: User) -> list[Body]:
        return [self._shapes.device(user, self._desks.active(user))]

    def channels(self, user: User, query: Query) -> Body:
        return {"channels": self._shapes.channels(user)}

    def channel(self, user: User, query: Query) -> Body:
        return {"channel": self._shapes.channels(user)[0]}

    def settings(self, user: User, query: Query) -> Body:
        return {"settings": [], "key": "name"}

    def agent_states(self, user: User, query: Query) -> Body:
        return {"settings": self._shapes.activities(self._activities.values()), "key": "id"}

    def agent_state(self, user: User, name: str, query: Query) -> Body:
        found = self._shapes.activities(self._activities.values())
        return {"setting": _only(_found(found, name, "Agent state"), query)}

    # --- calls ------------------------------------------------------------------------------------------------------

    def calls(self, user: User, query: Query) -> Body:
        return _collection("calls", self._call_list(user), query)

    def call(self, user: User, call_id: str, query: Query) -> Body:
        return {"call": _only(self._shapes.call(user, self.find(user, call_id), self._clock.now()), query)}

    def find(self, user: User, call_id: str) -> Call:
        """Returns a live call of the user's device."""
        call = self._desks.calls(user).live.get(call_id)
        if call is None:
            raise Failure(Code.NOT_FOUND, f"Call '{call_id}' is not found.")
        return call

    def _call_list(self, user: User) -> list[Body]:
        now = self._clock.now()
        return [self._shapes.call(user, call, now) for call in self._desks.calls(user).live.values()]

    # --- the server -------------------------------------------------------------------------------------------------

    def services(self, user: User, query: Query) -> Body:
        return _collection("services", self._service_list(), query)

    def service(self, user: User, name: str, query: Query) -> Body:
        return {"service": _only(_found(self._service_list(), name, "Service"), query)}

    def _service_list(self) -> list[Body]:
        found: list[Body] = []
        for kind in ("Voice", "Provisioning"):
            name = kind.lower()
            found.append(
                {
                    "id": name,
                    "name": f"{kind} service",
                    "type": kind,
                    "state": "Active",
                    "uri": f"{self._shapes.api}/services/{name}",
                    "path": f"/services/{name}",
                }
            )
        return found

    def voice_environments(self, user: User, query: Query) -> Body:
        return _collection("voiceEnvironments", [self._shapes.voice_environment()], query)

    def voice_environment(self, user: User, name: str, query: Query) -> Body:
        found = _found([self._shapes.voice_environment()], name, "Voice environment")
        return {"voiceEnvironment": _only(found, query)}

    def version(self, user: User, query: Query) -> Body:
        return {"version": VERSION}


def _found(items: Sequence[Body], name: str, what: str) -> Body:
    for item in items:
        if item["id"] == name:
            return item
    raise Failure(Code.NOT_FOUND, f"{what} '{name}' is not found.")


def _collection(name: str, items: Sequence[Body], query: Query) -> Body:
    """Addresses only, or with `fields` the objects themselves."""
    if "fields" not in query:
        return {"uris": [item["uri"] for item in items]}
    return {name: [_only(item, query) for item in items]}


def _only(item: Body, query: Query) -> Body:
    fields = query.get("fields", "*")
    if fields in ("", "*"):
        return item
    wanted = {name.strip() for name in fields.split(",")}
    return {name: value for name, value in item.items() if name in wanted}
