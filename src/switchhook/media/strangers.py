"""Packets that were nobody's: counted of each leg and of all, and one address of each leg is kept for the operator.

Which one is a vote (Boyer and Moore's): a packet of the kept host is a vote for it, a packet of any other one against
it, and when no vote is left the next sender takes its place. So whoever sends more than all others together is named
in the end, however many they are, and a leg needs three numbers; if nobody does, the kept one is still one who sent.
The numbers are in the table: a pump that dies forgets nobody. Rejected: the last sender (one late packet of the
telephone's hides a scan), a count for each address (a flood from many would grow it).
"""

from __future__ import annotations

from switchhook.media.address import host_of, number_of
from switchhook.media.table import Table

STRANGERS = 2  # place in `counters`


def count(table: Table, row: int, source: tuple[str, int]) -> None:
    """Counts one packet that came to a leg from an address that is not its own."""
    table.strangers[row] += 1
    table.counters[STRANGERS] += 1
    host = number_of(source[0])
    if host != table.stranger_ip[row]:
        if table.stranger_votes[row] > 0:
            table.stranger_votes[row] -= 1
            return
        table.stranger_ip[row] = host
    table.stranger_port[row] = source[1]
    table.stranger_votes[row] += 1


def named(table: Table, row: int) -> str:
    """Returns who sent them: `203.0.113.5:4711`, with "and others" if not all came from that host; "" for nobody."""
    if not table.strangers[row]:
        return ""
    place = f"{host_of(int(table.stranger_ip[row]))}:{int(table.stranger_port[row])}"
    return place if table.stranger_votes[row] == table.strangers[row] else f"{place} and others"
