"""Calls, telephones and users as this API writes them (genesys 8.1).

A call is known by its connection id, which it shares with everybody who is in it. So the id changes when the agent's
call becomes another one, as a transfer's target sees it, and `previousConnId` names the one before.
"""

from __future__ import annotations

from switchhook.dialects.genesys.agents import User
from switchhook.dialects.genesys.call_operations import redirectable
from switchhook.dialects.genesys.calls import Call, Notification, Options
from switchhook.dialects.genesys.capabilities import CallState
from switchhook.dialects.genesys.memberships import CallType, Party
from switchhook.dialects.genesys.numbers import participant
from switchhook.dialects.genesys.shapes import Body, encode
from switchhook.dialects.genesys.workspace import pairs

VOICE, INITIALIZATION = "/workspace/v3/voice", "/workspace/v3/initialization"

COMPLETED = "Completed"
CAPABILITIES = {
    "Answer": "answer",
    "Hangup": "release",
    "Hold": "hold",
    "Retrieve": "retrieve",
    "SendDtmf": "send-dtmf",
    "AttachUserData": "attach-user-data",
    "UpdateUserData": "update-user-data",
    "DeleteUserDataPair": "delete-user-data-pair",
    "InitiateTransfer": "initiate-transfer",
    "CompleteTransfer": "complete-transfer",
    "SingleStepTransfer": "single-step-transfer",
    "InitiateConference": "initiate-conference",
    "CompleteConference": "complete-conference",
    "SingleStepConference": "single-step-conference",
    "RemoveParticipantFromConference": "delete-from-conference",
    "ClearCall": "clear",
    "StartCallRecording": "start-recording",
    "StopCallRecording": "stop-recording",
    "PauseCallRecording": "pause-recording",
    "ResumeCallRecording": "resume-recording",
    "SwitchToListenIn": "switch-to-listen-in",
    "SwitchToCoach": "switch-to-coaching",
    "SwitchToBargeIn": "switch-to-barge-in",
}
NOTIFICATIONS = {
    Notification.PARTICIPANTS: "ParticipantsUpdated",
    Notification.DATA: "AttachedDataChanged",
}
TURNS = ("complete-transfer", "complete-conference")  # asked of the consult, never of the held call


def capabilities(call: Call) -> list[str]:
    """Returns the kebab-case names of what the call offers, in the order of the other API."""
    found = [CAPABILITIES[name] for name in call.capabilities if name in CAPABILITIES]
    if call.parent is None:
        found = [name for name in found if name not in TURNS]
    if redirectable(call):
        found.append("redirect")
    if "SwapCalls" in call.capabilities and call.state is not CallState.HELD:
        found += ["alternate", "reconnect"]
    if "complete-conference" in found:
        found.append("merge")
    return found


class Shapes:
    """Writes resources and messages."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def call(self, user: User, call: Call, state: str = "", offered: list[str] | None = None) -> Body:
        """Returns the call as its agent sees it; `state` and `offered` in place of the call's own."""
        body: Body = {
            "id": call.conn_id,
            "connId": call.conn_id,
            "callUuid": call.id,
            "phoneNumber": user.number,
            "callType": call.type.value,
            "state": state or call.state.value,
            "capabilities": capabilities(call) if offered is None else offered,
            "participants": [_participant(call, party, place) for place, party in enumerate(call.parties)],
            "dnis": call.called,
            "userData": pairs.written(call.data),
        }
        if call.caller or call.type is not CallType.OUTBOUND:
            body["ani"] = call.caller or _ani(user, call)
        if call.previous_conn_id:
            body["previousConnId"] = call.previous_conn_id
        if call.parent is not None:
            body["parentConnId"] = call.parent.conn_id
        if self._options.recorder:
            body["recordingState"] = call.recorder.value
        return body

    def dn(self, user: User) -> Body:
        """Returns the agent's telephone and what the agent says of itself."""
        activity = user.activity
        body: Body = {
            "number": user.number,
            "agentId": user.agent.employee_id or user.name,
            "agentState": activity.state,
            "agentWorkMode": activity.work_mode or ("ManualIn" if activity.state == "Ready" else "Unknown"),
            "dnd": "on" if user.refuses else "off",
        }
        return {**body, "forwardTo": user.forward_to} if user.forward_to else body

    def user(self, user: User) -> Body:
        agent = user.agent
        return {
            "dbid": int(user.id[:7], 16),
            "firstName": agent.first_name,
            "lastName": agent.last_name,
            "userName": agent.username,
            "employeeId": agent.employee_id or agent.username,
            "agentLogin": agent.number,
            "defaultPlace": agent.number,
            "userProperties": [],
        }

    # --- messages ---------------------------------------------------------------------------------------------------

    def call_message(self, notification: str, body: Body) -> bytes:
        return _message(VOICE, "CallStateChanged", {"notificationType": notification, "call": body})

    def dn_message(self, user: User) -> bytes:
        return _message(VOICE, "DnStateChanged", {"dn": self.dn(user)})

    def error_message(self, code: int, text: str) -> bytes:
        """Renders what is told when an operation fails after it was accepted."""
        return _message(VOICE, "EventError", {"error": {"errorCode": code, "errorMessage": text}})

    def user_event(self, data: list[pairs.Pair], call_uuid: str) -> bytes:
        body: Body = {"userData": pairs.written(pairs.merged(data))}
        if call_uuid:
            body["callUuid"] = call_uuid
        return _message(VOICE, "EventUserEvent", body)

    def initialization(self, user: User, configuration: Body) -> bytes:
        data = {"user": self.user(user), "configuration": configuration}
        return _message(INITIALIZATION, "WorkspaceInitializationComplete", {"state": "Complete", "data": data})


def _message(channel: str, kind: str, shown: Body) -> bytes:
    return encode({"data": {**shown, "messageType": kind}, "channel": channel})


def _participant(call: Call, party: Party, place: int) -> Body:
    number = str(participant(party.number, party.external)["phoneNumber"])
    if place > 0:
        return {"number": number, "role": "RoleNewParty"}
    return {"number": number, "role": "RoleDestination" if call.placed else "RoleOrigination"}


def _ani(user: User, call: Call) -> str:
    """Returns the number that calls: the agent's own, or the other party's."""
    return user.number if call.placed or not call.parties else call.parties[0].number
