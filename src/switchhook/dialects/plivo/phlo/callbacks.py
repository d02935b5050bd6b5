"""Event callbacks of call nodes: facts become the events of plivo-phlo 8.1 and go to the node's URL.

All events belong to a Multi-Party Call, except `Record`, which every call node has. One lane per room (a recorded call
outside of one has its own), so that events leave in the order in which things happened; a slow receiver delays only the
events of its own room, never a call. Signed like Plivo's voice callbacks. Two retries, on a network error or 5xx.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from switchhook.core import facts as f
from switchhook.core.ids import LegId, RoomId, TransferId
from switchhook.core.model import Kind, Phase, Role, Transfer, TransferOutcome, not_reached
from switchhook.core.values import dataclass
from switchhook.dialects.plivo.auth import main_of
from switchhook.dialects.plivo.links import Link, Tuning, is_web_url
from switchhook.dialects.plivo.outgoing import Outgoing, Webhook
from switchhook.dialects.plivo.signatures import headers as signature_headers
from switchhook.exchange.ports import Reply
from switchhook.exchange.switch import Exchange
from switchhook.flows.graph import Node
from switchhook.flows.nodes import Callback
from switchhook.flows.parties import Party, Readers, Seat
from switchhook.flows.runs import Run, written
from switchhook.flows.walk import Walker

RETRIES = Tuning(retries=2, retried=frozenset({"ct", "rt", "5xx"}))
TYPES = {Kind.WARM: "warm_transfer", Kind.COLD: "cold_transfer", Kind.CONSULT: "warm_transfer"}


@dataclass(frozen=True, slots=True)
class RoomWebhook(Webhook):
    """An event of a room; its lane is named by the room, in the place of a leg."""

    as_json: bool = False

    @property
    def event(self) -> str:
        return self.fields["event"]


class RoomOutgoing(Outgoing):
    """Sends the events of rooms; JSON where the node asks for it."""

    async def _once(self, webhook: Webhook, url: str, tuning: Tuning) -> Reply:
        if not isinstance(webhook, RoomWebhook) or not webhook.as_json:
            return await Outgoing._once(self, webhook, url, tuning)
        settings = self._exchange.settings
        headers = [("User-Agent", settings.webhooks.user_agent), ("Content-Type", "application/json")]
        owner, main = settings.account(webhook.account), main_of(settings, webhook.account)
        if owner is not None and main is not None and settings.webhooks.signature != "off":
            headers += signature_headers(
                "POST",
                url,
                {},
                tokens=(owner.auth_token,),
                main_tokens=(main.auth_token,),
                generations=settings.webhooks.signature,
            )
        content = json.dumps(webhook.fields).encode()
        return await self._exchange.sender.send(
            "POST", url, headers=headers, body=content, connect_s=tuning.connect_s, read_s=tuning.read_s
        )

    def _write(self, webhook: Webhook, url: str, started: float, status: int, tries: int, trouble: str) -> None:
        body: dict[str, object] = {
            "url": url,
            "method": webhook.link.method,
            "event": webhook.event,
            "status": status,
            "ms": round((self._exchange.clock.now() - started) * 1000),
            "error": trouble,
            "tries": tries,
        }
        self._exchange.write("Webhook", body, call=self._exchange.calls.of(webhook.leg))


class Callbacks:
    """Reads facts and tells each node's URL what its settings ask for."""

    def __init__(self, exchange: Exchange, walker: Walker) -> None:
        self._exchange = exchange
        self._parties = walker.parties
        self._tapes = walker.tapes
        self._outgoing = RoomOutgoing(exchange)
        self._transfers: dict[TransferId, tuple[Party, dict[str, str]]] = {}  # and what its events carry
        self._closing: set[RoomId] = set()  # closed rooms whose transfer has yet to be said over
        self._dropping: set[LegId] = set()  # who hears a voicemail being dropped

    @property
    def told(self) -> Readers:
        """What takes facts, in order; never blocks."""
        return {
            f.LegCreated: self._invited,
            f.LegRinging: lambda fact, at: self._member(at, fact.leg, "MemberRinging"),
            f.DialTried: self._failed,
            f.MemberJoined: self._joined,
            f.MemberLeft: lambda fact, at: self._in_or_out(at, fact.room, fact.leg, "MemberLeft", "ConferenceExit"),
            f.MemberHeld: lambda fact, at: self._member(at, fact.leg, "MemberHeld" if fact.on else "MemberUnheld"),
            f.MemberMuted: self._muted,
            f.TransferStarted: self._transfer_started,
            f.TransferAdvanced: self._transfer_advanced,
            f.TransferEnded: self._transfer_ended,
            f.SoundStarted: self._sound_started,
            f.SoundFinished: self._sound_finished,
            f.RoomClosed: self._room_closed,
            f.RecordingFinished: self._tape_finished,
        }

    # --- members ----------------------------------------------------------------------------------------------------

    def _invited(self, fact: f.LegCreated, at: float) -> None:
        if fact.leg.dial is not None:
            self._member(at, fact.leg.id, "MemberInvited")

    def _failed(self, fact: f.DialTried, at: float) -> None:
        found = self._parties.of_dial(fact.dial)
        if found is not None:
            self._seated(at, found[0], fact.leg, "MemberFailed", cause=not_reached(fact.outcome).value)

    def _joined(self, fact: f.MemberJoined, at: float) -> None:
        if fact.member.role is not Role.SUPERVISOR:
            self._in_or_out(at, fact.room, fact.member.leg, "MemberJoined", "ConferenceEnter")

    def _muted(self, fact: f.MemberMuted, at: float) -> None:
        if not self._said_twice(fact.room, fact.leg):
            self._member(at, fact.leg, "MemberMuted" if fact.on else "MemberUnmuted")

    def _sound_started(self, fact: f.SoundStarted, _: float) -> None:
        if fact.hang_up_after and self._parties.of_leg(fact.leg) is not None:
            self._dropping.add(fact.leg)

    def _sound_finished(self, fact: f.SoundFinished, at: float) -> None:
        if fact.leg in self._dropping:
            self._dropping.discard(fact.leg)
            if not fact.stopped and not fact.error:
                self._member(at, fact.leg, "VoicemailDropped")

    def _member(self, at: float, leg: LegId, event: str) -> None:
        party = self._parties.of_leg(leg)
        if party is not None:
            self._seated(at, party, leg, event)

    def _seated(self, at: float, party: Party, leg: LegId, event: str, **more: str) -> None:
        if party.options.callback.url and leg in party.seats:
            self._send(at, party, event, {**_of_seat(party.seats[leg]), **more})

    def _in_or_out(self, at: float, room: RoomId, leg: LegId, event: str, attested: str) -> None:
        party = self._parties.of_room(room)
        if party is not None and party.room == room and party.options.callback.url:
            self._seated(at, party, leg, event)
            self._seated(at, party, leg, attested)

    def _room_closed(self, fact: f.RoomClosed, at: float) -> None:
        """The last event of a room, also when one step ends both the room and a transfer in it."""
        party = self._parties.of_room(fact.room)
        if party is None or party.room != fact.room:
            return
        if party.transfers:
            self._closing.add(fact.room)
        else:
            self._send(at, party, "RoomEnded", {})

    def _said_twice(self, room: RoomId, leg: LegId) -> bool:
        """An agent who hands over is muted in both rooms: while it waits for the target the main room's fact speaks,
        in the private talk that room's."""
        party = self._parties.of_room(room)
        found = self._exchange.state.rooms.get(room)
        transfer = self._exchange.state.transfer_of(found) if found is not None else None
        if party is None or transfer is None:
            return False
        if party.room != room:
            return transfer.phase is Phase.RINGING
        return leg == transfer.agent and transfer.phase is Phase.CONSULTING

    # --- transfers --------------------------------------------------------------------------------------------------

    def _transfer_started(self, fact: f.TransferStarted, at: float) -> None:
        transfer = fact.transfer
        party = self._parties.of_transfer(transfer.id)
        if party is not None:
            carried = _of_transfer(party, transfer) if party.options.callback.url else {}
            self._transfers[transfer.id] = party, carried
            self._send(at, party, "TransferStarted", carried)

    def _transfer_advanced(self, fact: f.TransferAdvanced, at: float) -> None:
        if fact.phase is Phase.CONSULTING and fact.transfer in self._transfers:
            self._send(at, self._transfers[fact.transfer][0], "TransferConsult", self._transfers[fact.transfer][1])

    def _transfer_ended(self, fact: f.TransferEnded, at: float) -> None:
        party, carried = self._transfers.pop(fact.transfer, (None, {}))
        if party is not None:
            event, cause = ending(fact.outcome)
            self._send(at, party, event, {**carried, "cause": cause})
            if party.room in self._closing:
                self._closing.discard(party.room)
                self._send(at, party, "RoomEnded", {})

    # --- sending ----------------------------------------------------------------------------------------------------

    def _tape_finished(self, fact: f.RecordingFinished, at: float) -> None:
        """Nothing is said of a recording that was never written."""
        run, tape = self._tapes.of(fact.recording) or (None, None)
        if run is not None and tape is not None and tape.recording.has_file:
            more = {name: str(value) for name, value in {**tape.about(), **tape.variables()}.items()}
            self._post(at, run, tape.node, tape.callback, tape.lane, "Record", more)

    def _send(self, at: float, party: Party, event: str, more: Mapping[str, str]) -> None:
        if party.room is not None and party.options.callback.url:
            named = {"conference_name": party.name, "conference_uuid": party.room, **more}
            self._post(at, party.run, party.node, party.options.callback, party.room, event, named)

    def _post(
        self, at: float, run: Run, node: Node, callback: Callback, lane: str, event: str, more: Mapping[str, str]
    ) -> None:
        if not callback.wants(event) or not is_web_url(callback.url):
            return
        fields = {
            "event": event,
            "phlo_id": run.flow.phlo_id,
            "phlo_run_id": run.id,
            "node_id": node.id,
            "node_name": node.name,
            "node_type": node.type,
            "timestamp": written(at),
            **more,
        }
        link = Link(callback.url)
        self._outgoing.tell(RoomWebhook(LegId(lane), run.account, link, fields, RETRIES, as_json=callback.as_json))


def _of_seat(seat: Seat) -> dict[str, str]:
    return {
        "member_id": seat.address,
        "member_address": seat.address,
        "role": seat.role.value,
        "call_uuid": seat.leg,
        "call_status": "in-progress",
        "from": seat.caller,
        "to": seat.called,
        "direction": "inbound" if seat.inbound else "outbound",
        "caller_name": seat.caller_name,
        "bill_rate": "0",
    }


def _of_transfer(party: Party, transfer: Transfer) -> dict[str, str]:
    agent = party.seats.get(transfer.agent)
    return {
        "transfer_type": TYPES[transfer.plan.kind],
        "trigger_source": agent.address if agent is not None else "",
        "to": transfer.plan.dial.targets[0].address,
        "cause": "",
    }


def ending(outcome: TransferOutcome) -> tuple[str, str]:
    """Returns the event that tells a transfer's outcome, and its cause."""
    if outcome.succeeded:
        return "TransferCompleted", "merged" if outcome is TransferOutcome.MERGED else ""
    if outcome is TransferOutcome.ABORTED:
        return "TransferAborted", ""
    return "TransferFailed", outcome.value
