"""How the runner refuses: the texts of plivo-phlo 2.2, and state conflicts as 400 (2.3: SDKs lose other texts)."""

from __future__ import annotations

from switchhook.core.errors import Reason, Refused
from switchhook.dialects.plivo.problems import Problem


def missing(name: str) -> Problem:
    return Problem(400, f"{name} is a mandatory param.")


def wrong_type(name: str, expected: str = "string") -> Problem:
    return Problem(400, f"Invalid value provided for {name}. {name} expects a/an {expected}.")


def invalid(name: str) -> Problem:
    return Problem(400, f"Invalid value provided for {name}.")


def unauthorized() -> Problem:
    return Problem(401, "The auth id and auth token are not valid for this account.")


def not_enabled() -> Problem:
    return Problem(403, "The PHLO is not enabled.")


def no_flow() -> Problem:
    return Problem(404, "PHLO not found.")


def no_node() -> Problem:
    return Problem(404, "Node not found in this PHLO.")


def no_run() -> Problem:
    return Problem(404, "Run not found.")


def no_room() -> Problem:
    return Problem(404, "No call is live at this node.")


def no_member() -> Problem:
    return Problem(404, "Member not found in a live call of this node.")


def no_resource() -> Problem:
    return Problem(404, "The requested resource was not found.")


def no_method() -> Problem:
    return Problem(405, "The method is not allowed for this resource.")


def stopping() -> Problem:
    return Problem(500, "The server is stopping.")


def of_refusal(refused: Refused) -> Problem:
    """Returns how a refusal of the core is told."""
    found = TEXTS[refused.reason]
    return Problem(found.status, f"{found.text[:-1]}: {refused}.") if refused.reason is Reason.OVER_LIMIT else found


TEXTS = {
    Reason.UNKNOWN_LEG: no_member(),
    Reason.UNKNOWN_ROOM: no_room(),
    Reason.UNKNOWN_TRANSFER: Problem(400, "No transfer is under way."),
    Reason.NOT_A_MEMBER: no_member(),
    Reason.NOT_ANSWERED: Problem(400, "The member has not answered yet."),
    Reason.WRONG_STATE: Problem(400, "The action is not possible in the present state of the call."),
    Reason.TRANSFER_RUNNING: Problem(400, "A transfer is already under way in this call."),
    Reason.NO_TRANSFER: Problem(400, "No transfer is under way."),
    Reason.NOBODY_TO_TRANSFER: Problem(400, "No other member is in the call."),
    Reason.ALREADY_THERE: Problem(400, "Invalid value provided for to. The user is already a member of the call."),
    Reason.TARGET_IS_SELF: Problem(400, "Invalid value provided for to. It is the same user as trigger_source."),
    Reason.MEMBER_HELD: Problem(400, "Invalid value provided for trigger_source. The member is on hold."),
    Reason.ROOM_FULL: Problem(400, "The call has as many members as it can hold."),
    Reason.NO_ROUTE: invalid("to"),
    Reason.FORBIDDEN: Problem(400, "Invalid value provided for to. The account may not dial it."),
    Reason.NOT_REGISTERED: Problem(400, "Invalid value provided for to. No telephone is registered there."),
    Reason.NOT_RELATED: Problem(400, "The members are not in the same call."),
    Reason.NO_PROMPT: Problem(400, "The node has no voicemail_drop_prompt."),
    Reason.OVER_LIMIT: Problem(400, "The account may not have more calls now."),
}
