"""The resources as JSON: calls, devices, users, and the messages about them (genesys 1.6, 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from switchhook.dialects.genesys.agents import Activity, User
from switchhook.dialects.genesys.calls import Call, Change, Notification, Options
from switchhook.dialects.genesys.capabilities import Supervision, device_capabilities
from switchhook.dialects.genesys.ids import VOICE_ENVIRONMENT
from switchhook.dialects.genesys.numbers import is_e164, participant

Body = dict[str, object]
encode = msgspec.json.Encoder(order=None).encode

CALLS, DEVICES, CHANNELS = "/v2/me/calls", "/v2/me/devices", "/v2/me/channels"


def user_data(data: Mapping[str, object]) -> msgspec.Raw:
    """Renders key/value pairs. A key that was attached twice (a tuple) stands there twice, the newest last."""
    pairs: list[bytes] = []
    for key, value in data.items():
        for each in value if isinstance(value, tuple) else (value,):
            pairs.append(encode(key) + b":" + encode(each))
    return msgspec.Raw(b"{" + b",".join(pairs) + b"}")


class Shapes:
    """Writes resources for one server: `base` is the external address, without a slash at its end."""

    def __init__(self, base: str, options: Options) -> None:
        self.api = f"{base}/api/v2"
        self._options = options
        self._older = options.profile == "2014"

    # --- calls ------------------------------------------------------------------------------------------------------

    def call_uri(self, call: Call) -> str:
        return f"{self.api}/me/calls/{call.id}"

    def device_uri(self, user: User) -> str:
        return f"{self.api}/devices/{user.device}"

    def call(self, user: User, call: Call, now: float) -> Body:
        """Returns the whole call resource as its device sees it at `now` (clock seconds)."""
        body: Body = {
            "id": call.id,
            "state": call.state.value,
            "callUuid": call.id,
            "connId": call.conn_id,
            "deviceUri": self.device_uri(user),
            "participants": [participant(party.number, party.external) for party in call.parties],
            "dnis": call.called,
            "callType": call.type.value,
            "capabilities": list(call.capabilities),
            "duration": str(max(0, int(now - call.began_at + 0.001))),
            "mute": "On" if call.muted else "Off",
            "supervisorListeningIn": call.supervised in (Supervision.LISTEN_IN, Supervision.COACH),
            "monitoredUserMuted": call.silenced,
            "uri": self.call_uri(call),
            "path": f"/calls/{call.id}",
        }
        if call.caller:
            body["ani"] = f"+{call.caller.removeprefix('+')}" if is_e164(call.caller, True) else call.caller
        if call.data:
            body["userData"] = user_data(call.data)
        if call.parent is not None:
            body["parentCallUri"] = self.call_uri(call.parent)
        if not self._older:
            body["monitoring"] = call.supervises is not None
            if call.supervised is not None:
                body["supervisorMonitoringState"] = {"state": call.supervised.value}
            if call.parent is not None:
                body["parentCallPath"] = f"/calls/{call.parent.id}"
        if self._options.recorder:
            body["recordingState"] = call.recorder.value
        return body

    def call_message(self, user: User, change: Change, now: float) -> bytes:
        """Renders a CallStateChangeMessage."""
        shown: Body = {
            "notificationType": change.notification.value,
            "call": self.call(user, change.call, now),
            "phoneNumber": user.number,
        }
        if self._older:
            shown["extensions"] = {"WrapUpTime": 0, "BusinessCall": 0}
        elif not change.plain:
            shown["extensions"] = {"BusinessCall": 0}
        shown["messageType"] = "CallStateChangeMessage"
        return _message(CALLS, shown)

    def call_error(self, user: User, call: Call, operation: str, code: int, text: str) -> bytes:
        """Renders what is told when an operation fails after it was accepted (genesys 6.4)."""
        return _message(
            CALLS,
            {
                "messageType": "ErrorMessage",
                "notificationType": Notification.ERROR.value,
                "errorMessage": text,
                "errorCode": code,
                "operationName": operation,
                "callUri": self.call_uri(call),
                "callPath": f"/calls/{call.id}",
                "phoneNumber": user.number,
            },
        )

    # --- devices and users ------------------------------------------------------------------------------------------

    def device(self, user: User, active: bool) -> Body:
        number = user.number
        e164 = f"+{number.removeprefix('+')}" if is_e164(number, bool(user.agent.address)) else ""
        body: Body = {
            "id": user.device,
            "deviceState": "Active" if active else "Inactive",
            "userState": user.activity.shown(),
            "phoneNumber": number,
            "e164Number": e164,
            "telephonyNetwork": "Public" if user.agent.address else "Private",
            "doNotDisturb": "On" if user.refuses else "Off",
            "capabilities": device_capabilities(user),
            "channels": ["voice"],
            "description": "",
            "dynamicPhoneNumber": "",
            "voiceEnvironmentUri": self._voice_environment_uri,
            "uri": self.device_uri(user),
            "path": f"/devices/{user.device}",
        }
        if user.forward_to:
            body["forwardTo"] = user.forward_to
        if user.watch is not None:
            body["supervisorMonitoringState"] = user.watch.shown(self.device_uri(user.watch.target))
        return body

    def device_message(self, user: User, active: bool) -> bytes:
        shown: Body = {"messageType": "DeviceStateChangeMessage", "devices": [self.device(user, active)]}
        return _message(DEVICES, shown)

    def channels(self, user: User) -> list[Body]:
        return [
            {
                "channel": "voice",
                "userState": user.activity.shown(),
                "uri": f"{self.api}/me/channels/voice",
                "path": "/channels/voice",
            }
        ]

    def channel_message(self, user: User) -> bytes:
        return _message(CHANNELS, {"messageType": "ChannelStateChangeMessageV2", "channels": self.channels(user)})

    def user(self, user: User, contact_center: str) -> Body:
        agent = user.agent
        return {
            "id": user.id,
            "userName": agent.username,
            "firstName": agent.first_name,
            "lastName": agent.last_name,
            "emailAddress": agent.email,
            "employeeId": agent.employee_id or agent.username,
            "roles": ["ROLE_AGENT", *(["ROLE_SUPERVISOR"] if user.supervises else [])],
            "enabled": True,
            "changePasswordOnFirstLogin": False,
            "contactCenterId": contact_center,
            "uri": f"{self.api}/users/{user.id}",
            "path": f"/users/{user.id}",
        }

    @property
    def _voice_environment_uri(self) -> str:
        return f"{self.api}/voice-environments/{VOICE_ENVIRONMENT}"

    def voice_environment(self) -> Body:
        """Returns what all telephones of this server have in common (the reference names its address only)."""
        path = f"/voice-environments/{VOICE_ENVIRONMENT}"
        return {"id": VOICE_ENVIRONMENT, "name": "Switchhook", "uri": self._voice_environment_uri, "path": path}

    def feature(self, name: str) -> Body:
        words = name.removeprefix("api-").replace("-", " ")
        return {
            "id": name,
            "displayName": f"API {words.title()}",
            "description": f"Access to the {words} operations",
            "autoAssignOnContactCenterCreate": True,
            "uri": f"{self.api}/features/{name}",
            "path": f"/features/{name}",
        }

    def activities(self, known: Iterable[Activity]) -> list[Body]:
        """Returns the agent-state operations of the contact centre's settings."""
        return [self._activity(each) for each in known]

    def _activity(self, each: Activity) -> Body:
        body: Body = {
            "id": each.id,
            "operationName": each.operation,
            "displayName": each.display,
            "state": each.setting or each.state,
        }
        if each.work_mode:
            body["workMode"] = each.work_mode
        if each.reason:
            body["reasonCode"] = each.reason
        body["uri"] = f"{self.api}/settings/agent-states/{each.id}"
        body["path"] = f"/settings/agent-states/{each.id}"
        return body


def _message(channel: str, shown: Body) -> bytes:
    return encode({"data": shown, "channel": channel})
