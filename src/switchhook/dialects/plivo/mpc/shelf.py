"""Multi-Party Calls that are over: kept where the server keeps its records, and shown as before from there.

One that has ended stays in memory until it is on disk; from then on the disk alone has it, also after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import structlog

from switchhook.core.errors import Unavailable
from switchhook.core.ids import LegId
from switchhook.core.model import Closing
from switchhook.dialects.plivo.mpc.party import TERMINATIONS, Participant, Party
from switchhook.dialects.plivo.mpc.wishes import RoomWishes, SeatWishes
from switchhook.exchange.ended_rooms import EndedRoom, EndedRoomFilter

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

log = structlog.get_logger("plivo")


class Shelf:
    """Writes and reads the ended Multi-Party Calls of all accounts."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def keep(self, party: Party) -> bool:
        """Writes one that has ended; False, with a line in the log, when the disk refuses."""
        try:
            await asyncio.to_thread(self._exchange.ended_rooms.add, row_of(party))
        except Unavailable as error:
            log.warning("an ended multi-party call is not kept", mpc=party.uuid, error=str(error))
            return False
        return True

    async def find(self, uuid: str, accounts: Collection[str]) -> Party | None:
        """Returns one of these accounts by its uuid."""
        row = await asyncio.to_thread(self._exchange.ended_rooms.find, uuid)
        return party_of(row) if row is not None and row.account in accounts else None

    async def newest(self, wanted: EndedRoomFilter, most: int) -> tuple[list[Party], int]:
        """Returns those that were created last, `most` at the most, and how many there are in all."""
        rows, total = await asyncio.to_thread(self._exchange.ended_rooms.newest, wanted, most)
        return [party_of(row) for row in rows], total


def row_of(party: Party) -> EndedRoom:
    """Returns what is kept of one that has ended: all that is ever shown of it."""
    cause = party.cause or Closing.EMPTY
    body = {
        "started_at": party.started_at,
        "cause": cause.value,
        "members": [_member_body(member) for member in party.members.values()],
    }
    ended_at = party.ended_at if party.ended_at is not None else party.created_at
    code = TERMINATIONS[cause][0]
    return EndedRoom(party.uuid, party.account, party.name, party.created_at, ended_at, code, body)


def _member_body(member: Participant) -> dict[str, Any]:
    wishes = member.wishes
    return {
        "member_id": member.member_id, "leg": member.leg, "role": wishes.role, "starts": wishes.starts,
        "ends": wishes.ends, "stay_alone": wishes.stay_alone, "caller": member.caller, "called": member.called,
        "direction": member.direction, "joined_at": member.joined_at, "left_at": member.left_at,
        "exit_cause": member.exit_cause,
    }  # fmt: skip


def party_of(row: EndedRoom) -> Party:
    """Returns a Multi-Party Call that was kept."""
    body = row.body
    party = Party(row.id, row.name, row.account, RoomWishes(), row.created_at)
    party.started_at, party.ended_at, party.cause = body["started_at"], row.ended_at, Closing(body["cause"])
    for each in body["members"]:
        wishes = SeatWishes(each["role"], starts=each["starts"], ends=each["ends"], stay_alone=each["stay_alone"])
        member = Participant(party, LegId(each["leg"]), wishes, each["caller"], each["called"], each["direction"])
        member.member_id, member.exit_cause = each["member_id"], each["exit_cause"]
        member.joined_at, member.left_at = each["joined_at"], each["left_at"]
        party.members[member.member_id] = member
    return party
