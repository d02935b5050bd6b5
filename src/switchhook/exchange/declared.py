"""What there is: everything of the configuration file, and what API clients made beside it.

The file goes first. What it declares cannot be changed or removed from outside, and an object that was made before the
file declared its name is set aside, with a warning, until the file lets it go again.

A change is on disk before it is true here, and here before whoever asked hears of it: nothing accepted is lost over a
restart, and the next call finds it. Changes go one after the other, each decided on what the one before it left, so
two clients who want one name do not both get it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

import structlog

from switchhook.core import events as e
from switchhook.core.addresses import address_key
from switchhook.core.values import dataclass
from switchhook.exchange import made as m
from switchhook.exchange.diversions import KIND as DIVERSION
from switchhook.exchange.made import Kind, Made
from switchhook.exchange.objects import MemoryObjects, Objects
from switchhook.exchange.ports import Contact, Telephones
from switchhook.settings import Settings

if TYPE_CHECKING:
    from switchhook.exchange.switch import Exchange

log = structlog.get_logger("declared")


@dataclass(slots=True)
class Changes:
    """What becomes of objects, all at once."""

    put: list[Made] = field(default_factory=list)
    remove: list[Made] = field(default_factory=list)


class Declared:
    """Finds and changes what was made; whoever looks up objects of both kinds asks `exchange.directory`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._file: Settings = exchange.settings
        self._objects: Objects = MemoryObjects()
        self._made: dict[Kind, dict[str, Any]] = {kind: {} for kind in Kind}
        self._telephones: Telephones | None = None
        self._one = asyncio.Lock()

    def open(self, objects: Objects) -> None:
        """Keeps objects there from now on, and takes up those that are there; blocks, and may raise Unavailable."""
        self._objects = objects
        found = [(each, m.of_document(each)) for each in objects.all() if each.kind != DIVERSION]
        order = {kind: number for number, kind in enumerate(Kind)}
        readable = sorted((made for _, made in found if made is not None), key=lambda made: order[m.kind_of(made)])
        for document, made in found:
            if made is None:
                log.warning("an object in the store cannot be read", kind=document.kind, id=document.id)
        for each in readable:
            if reason := self._set_aside(each):
                log.warning("an object made by API is set aside", kind=m.kind_of(each).value, id=m.name_of(each),
                            reason=reason)  # fmt: skip
            else:
                self._take(each)
        self._spread()

    def follow(self, telephones: Telephones) -> None:
        """Tells signalling of the telephones that were made, now and later."""
        self._telephones = telephones
        for each in self._made[Kind.ENDPOINT].values():
            telephones.admit(each.username, each.hashes, each.media_from)

    # --- found ------------------------------------------------------------------------------------------------------

    def profile(self, account: str) -> m.Profile:
        """Returns what an account says of itself, empty where it never did."""
        found = self._made[Kind.PROFILE].get(account)
        return found if isinstance(found, m.Profile) else m.Profile(account=account)

    def contacts(self, username: str) -> list[Contact]:
        """Returns where a telephone can be reached, as far as signalling tells."""
        return self._telephones.contacts(username) if self._telephones is not None else []

    # --- changed ----------------------------------------------------------------------------------------------------

    async def change(self, decide: Callable[[], Changes]) -> Changes:
        """Carries out what `decide` says, which sees what every earlier change left; whatever it raises goes through.

        Raises Unavailable when the disk refuses, and then nothing has changed.
        """
        async with self._one:
            changes = decide()
            put = [m.document(each) for each in changes.put]
            remove = [(m.kind_of(each).value, m.name_of(each)) for each in changes.remove]
            await asyncio.to_thread(self._objects.write, put, remove)
            for each in changes.remove:
                self._drop(each)
            for each in changes.put:
                self._take(each)
            self._spread()
        return changes

    def _take(self, made: Made) -> None:
        directory, name = self._exchange.directory, m.name_of(made)
        self._made[m.kind_of(made)][name] = made
        match made:
            case m.MadeAccount():
                directory.accounts[name] = made
            case m.MadeApplication():
                directory.applications[name] = made
            case m.MadeNumber():
                directory.numbers[address_key(name)] = made
            case m.MadeEndpoint():
                directory.endpoints[name] = made
                if self._telephones is not None:
                    self._telephones.admit(name, made.hashes, made.media_from)

    def _drop(self, made: Made) -> None:
        directory, name = self._exchange.directory, m.name_of(made)
        self._made[m.kind_of(made)].pop(name, None)
        match made:
            case m.MadeAccount():
                directory.accounts.pop(name, None)
            case m.MadeApplication():
                directory.applications.pop(name, None)
            case m.MadeNumber():
                directory.numbers.pop(address_key(name), None)
            case m.MadeEndpoint():
                directory.endpoints.pop(name, None)
                if self._telephones is not None:
                    self._telephones.expel(name)
                if name in self._exchange.state.registered:
                    self._exchange.tell(e.EndpointChanged(name, False), cause="endpoint deleted")

    def _spread(self) -> None:
        """The settings say what there is, too."""
        made, file = self._made, self._file
        self._exchange.settings = file.with_(
            accounts=(*file.accounts, *made[Kind.ACCOUNT].values()),
            applications=(*file.applications, *made[Kind.APPLICATION].values()),
            endpoints=(*file.endpoints, *made[Kind.ENDPOINT].values()),
            numbers=(*file.numbers, *made[Kind.NUMBER].values()),
        )

    def _set_aside(self, made: Made) -> str:
        """Says why an object of the store cannot be, now that the file is what it is."""
        directory, name = self._exchange.directory, m.name_of(made)
        if m.owner_of(made) not in directory.accounts:
            return f"there is no account {m.owner_of(made)} any more"
        declared: dict[type, Any] = {
            m.MadeAccount: directory.accounts,
            m.MadeApplication: directory.applications,
            m.MadeEndpoint: directory.endpoints,
            m.MadeNumber: directory.numbers,
        }
        key = address_key(name) if isinstance(made, m.MadeNumber) else name
        if key in declared.get(type(made), ()):
            return "the configuration file has one of that name"
        if isinstance(made, m.MadeEndpoint) and made.realm != self._file.sip.domain:
            return f"its password was set for the domain {made.realm}"
        return ""
