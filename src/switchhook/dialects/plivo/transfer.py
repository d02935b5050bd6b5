"""Transfer a call: pulls a leg, the leg it is bridged with, or both, into documents (plivo-voice-api 4, plivo-xml 3).

The order matters, and nothing in it waits: first the Dials concerned are told which B will live on, so that no `hangup`
is told of it; then the core takes the legs, all in one step; only then the old documents are ended with their closing
callbacks and the new ones are fetched. A refusal of the core leaves everything as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.core.hearing import HOLD_MUSIC
from switchhook.core.ids import LegId
from switchhook.core.model import Leg, LegState, Side
from switchhook.dialects.plivo.causes import Ending
from switchhook.dialects.plivo.links import Link
from switchhook.dialects.plivo.problems import Problem, not_found
from switchhook.dialects.plivo.run.session import Session
from switchhook.dialects.plivo.run.step import Origin, Step
from switchhook.dialects.plivo.run.stream import StreamStep
from switchhook.dialects.plivo.shapes import TransferCall
from switchhook.dialects.plivo.views import bridged

if TYPE_CHECKING:
    from switchhook.dialects.plivo.dialect import Plivo


def transfer(dialect: Plivo, leg: Leg, asked: TransferCall, cause: str) -> tuple[Session, ...]:
    """Transfers `leg` and its partner as asked; raises `Problem` 404 when there is nothing to transfer.

    Returns the sessions that fetch a document now. `cause` goes into the journal.
    """
    links = _links(dialect, leg, asked)
    for each in links:
        if not takable(dialect, each):
            raise not_found("the call is not in progress")
    sessions = {each: dialect.session(dialect.exchange.state.legs[each]) for each in links}
    counted = dialect.session(leg) if leg.id not in sessions else sessions[leg.id]
    counted.call.transfers += 1
    if counted.call.transfers > dialect.exchange.settings.plivo.max_transfers:
        counted.end(Ending(2060, "Plivo"))
        return ()
    wait_s = dialect.exchange.settings.plivo.stream_transfer_wait_s
    steps = [session.step for session in sessions.values()]
    talking = next((step for step in steps if isinstance(step, StreamStep) and step.lasts), None)
    if wait_s and talking is not None:
        talking.say_goodbye(wait_s, lambda: _later(dialect, links, sessions, cause))
    else:
        _move(dialect, links, sessions, cause)
    return tuple(sessions.values())


def _move(dialect: Plivo, links: dict[LegId, Link], sessions: dict[LegId, Session], cause: str) -> None:
    pull(dialect, sessions, cause)
    for each, link in links.items():
        sessions[each].begin(Origin.TRANSFER, link)


def _later(dialect: Plivo, links: dict[LegId, Link], sessions: dict[LegId, Session], cause: str) -> None:
    """Transfers who is still there when the program has said goodbye, or has had the time to."""
    there = {each: link for each, link in links.items() if takable(dialect, each)}
    try:
        _move(dialect, there, {each: sessions[each] for each in there}, cause)
    except Problem as problem:
        for each in there:
            sessions[each].warn(f"the transfer was refused after all: {problem}")


def _links(dialect: Plivo, leg: Leg, asked: TransferCall) -> dict[LegId, Link]:
    partner = bridged(dialect.exchange.state, leg) if asked.legs != "aleg" else None
    links: dict[LegId, Link] = {}
    if asked.aleg is not None:
        links[leg.id] = asked.aleg
    if asked.bleg is not None and partner is not None:
        links[partner] = asked.bleg
    if not links:
        raise not_found("no bleg is bridged with this call")
    return links


def takable(dialect: Plivo, leg_id: LegId) -> bool:
    """Only a call that is up can be taken, or an inbound one that runs a document although it is not answered yet.

    A program that is in a Multi-Party Call without a telephone stays there.
    """
    leg = dialect.exchange.state.legs.get(leg_id)
    if leg is None or leg.state is LegState.OVER or leg.is_program:
        return False
    return leg.state is LegState.UP or (leg.side is Side.INBOUND and leg_id in dialect.sessions)


def pull(dialect: Plivo, sessions: dict[LegId, Session], cause: str) -> None:
    """Takes legs out of their documents and whatever these have put them into; raises `Problem` 404."""
    left, legs = _left_behind(dialect, sessions), dialect.exchange.state.legs
    keeps = dialect.exchange.settings.plivo.transfer_keep_other_leg
    parked = {each: dialect.session(legs[each]) for each in left if keeps}
    dropped = [each for each in left if not keeps]
    sessions = sessions | parked
    detached = [(dial, leg) for leg in sessions for dial in dialect.watch.of_leg(leg)]
    for dial, leg in detached:
        dial.detach(leg)
    for session in sessions.values():
        session.moving = True
    dialect.endings.update(dict.fromkeys(dropped, Ending(4000, "Plivo")))
    try:
        end_streams = not dialect.exchange.settings.plivo.keep_streams
        dialect.exchange.ask(r.Take(tuple(sessions), "plivo", end_streams), cause=cause)
    except Refused as refused:
        for dial, leg in detached:
            dial.reattach(leg)
        for leg in dropped:
            dialect.endings.pop(leg, None)
        raise not_found(str(refused)) from refused
    finally:
        for session in sessions.values():
            session.moving = False
    for leg in dropped:
        dialect.endings.pop(leg, None)
    for session in sessions.values():
        session.take()
    for session in parked.values():
        session.warn("left behind by a transfer: hold music until it is transferred itself")
        step = ParkStep(session)
        session.occupy(step)
        step.start()


class ParkStep(Step):
    """Holds a call that has no document to go on with."""

    def start(self) -> None:
        self.session.play(HOLD_MUSIC, 0)

    def cancel(self) -> None:
        if self.session.leg is not None:
            self.session.ask(r.StopSound(self.session.call.leg))


def _left_behind(dialect: Plivo, taken: dict[LegId, Session]) -> list[LegId]:
    """Returns the Bs that their Dial loses by this transfer: they are hung up, source `Plivo`, or parked."""
    return [
        leg
        for session in taken.values()
        for leg in (session.step.present() if session.step is not None else ())
        if leg not in taken
    ]
