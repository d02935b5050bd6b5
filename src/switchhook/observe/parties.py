"""Names for the parties of a call, as a person would say them: `customer +4930123`, `agent 1001`, `target 1003`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Entry


def plain(text: object) -> str:
    """One line of printable characters: what strangers wrote may not move a terminal's cursor or break a picture."""
    said = str(text)
    if said.isprintable() and "  " not in said:
        return said.strip()
    return " ".join("".join(char if char.isprintable() else " " for char in said).split())


@dataclass
class Party:
    """One leg as the pictures show it."""

    leg: str
    number: str = ""
    inbound: bool = False
    connected: bool = False  # it was answered at some time
    role: str = ""

    @property
    def name(self) -> str:
        number = self.number or plain(self.leg)[:8]
        return f"{self.role} {number}" if self.role else number


@dataclass
class Parties:
    """Everyone in a call, in the order of their first line, and what its sounds and transfers are called."""

    legs: dict[str, Party] = field(default_factory=dict)
    sounds: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Parties:
        """Reads a call once: whoever was a transfer's target keeps that name for the whole picture."""
        found = cls()
        targets: list[str] = []
        for entry in entries:
            if entry.leg:
                found.legs.setdefault(entry.leg, Party(entry.leg))
            try:
                targets += found._read(entry.kind, entry.body)
            except (KeyError, TypeError, AttributeError):
                continue  # a line of another version
        for leg in targets:
            if leg in found.legs:
                found.legs[leg].role = "target"
        return found

    def name(self, leg: object) -> str:
        """Returns the party's name, or the beginning of an unknown id."""
        party = self.legs.get(str(leg))
        return party.name if party else plain(leg)[:8] or "somebody"

    def _read(self, kind: str, body: dict[str, Any]) -> list[str]:
        """Takes over what one line says of roles and numbers; returns targets that it names."""
        if kind == "LegCreated":
            self._created(body["leg"])
        elif kind == "LegConnected":
            self.legs[body["leg"]].connected = True
        elif kind == "RoomOpened":
            for leg, member in (body["room"].get("members") or {}).items():
                self._role(leg, member.get("role") or "")
        elif kind == "MemberJoined":
            self._role(body["member"]["leg"], body["member"].get("role") or "")
        elif kind == "TransferAdvanced" and body.get("target"):
            return [str(body["target"])]
        return []

    def _created(self, leg: dict[str, Any]) -> None:
        party = self.legs.setdefault(leg["id"], Party(leg["id"]))
        party.inbound = leg.get("side") == "inbound"
        party.number = plain(leg.get("address") or "").removeprefix("sip:").partition("@")[0]

    def _role(self, leg: str, role: str) -> None:
        party = self.legs.get(leg)
        if party is not None and not party.role:
            party.role = plain(role)
