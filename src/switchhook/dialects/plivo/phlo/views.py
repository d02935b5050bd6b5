"""What the runner answers: supersets of every documented and SDK-modelled field (plivo-phlo 3 and 4.3)."""

from __future__ import annotations

from switchhook.core.model import LegState
from switchhook.exchange.switch import Exchange
from switchhook.flows.graph import Flow, Node
from switchhook.flows.runs import Run, written

Body = dict[str, object]


def error(api_id: str, text: str) -> Body:
    return {"api_id": api_id, "error": text}


def flow(api_id: str, found: Flow) -> Body:
    return {
        "api_id": api_id,
        "phlo_id": found.phlo_id,
        "name": found.name,
        "created_on": written(found.created_on),
    }


def node(api_id: str, found: Flow, one: Node) -> Body:
    return {
        "api_id": api_id,
        "node_id": one.id,
        "phlo_id": found.phlo_id,
        "name": one.name,
        "node_type": one.type,
        "created_on": written(found.created_on),
    }


def action(api_id: str, found: Flow, one: Node, member_address: str | None = None) -> Body:
    """The answer to a node action, or with an address to a member action."""
    body = {"error": "", **node(api_id, found, one)}
    if member_address is not None:
        body["member_address"] = member_address
    return body


def removed(api_id: str, member_address: str) -> Body:
    return {"api_id": api_id, "id": member_address, "error": ""}


def started(run: Run) -> Body:
    """The answer to a run request: its api id is the run's id."""
    phlo_id = run.flow.phlo_id
    return {
        "api_id": run.id,
        "phlo_run_id": run.id,
        "phlo_id": phlo_id,
        "message": run.message,
        "resource_uri": f"/Account/{run.account}/Phlo/{phlo_id}/",
        "error": "",
    }


def run(api_id: str, found: Run) -> Body:
    return {
        "api_id": api_id,
        "phlo_id": found.flow.phlo_id,
        "run_id": found.id,
        "call_uuids": list(found.calls),
        "message_uuids": [],
        "recording_ids": list(found.recordings),
        "status": found.status,
        "current_node_id": found.node,
        "started_on": written(found.started_at),
        "ended_on": written(found.ended_at) if found.ended_at is not None else "",
    }


def dials_still(exchange: Exchange, found: Run) -> bool:
    """True while a call of the run rings that nobody has answered yet."""
    legs = (exchange.state.legs.get(leg) for leg in found.calls)
    return any(leg is not None and leg.state in (LegState.DIALLING, LegState.RINGING) for leg in legs)
