"""From a URI to flows by DNS (RFC 3263 without NAPTR): SRV, then A and AAAA, asked without blocking the loop.

`getaddrinfo` would block a thread or the loop, so dnspython asks. `localhost` and the hosts file are answered without
asking. Answers are kept for their TTL (5 to 300 s), failures for 5 s; the flows of an SRV come by priority and a
weighted draw, and `sip.outgoing` tries the next when one is silent or says 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from switchhook.sip.flow import Flow, Located, Transport
from switchhook.sip.locate import literal_place
from switchhook.sip.uri import SipUri, is_address, parse_uri

if TYPE_CHECKING:
    from switchhook.sip.questions import Questions

Place = tuple[str, str, int]  # transport, host name or address, port
NEGATIVE_S = 5.0


class Resolver:
    """A `flow.Locator` with a cache. `random` draws among SRV records of equal priority."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Callable[[], float],
        random: Random,
        nameservers: list[str] | None = None,
        port: int = 53,
        hosts: dict[str, list[str]] | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._random = random
        self._hosts = _hosts_file() if hosts is None else hosts
        self._cache: dict[str, tuple[float, list[Place]]] = {}
        self._waiting: dict[str, list[Located]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._where = (nameservers, port)
        self._questions: Questions | None = None

    def __call__(self, uri: str, found: Located) -> None:
        place = literal_place(uri)
        if place is not None:
            found(self._flows([place]))
            return
        parsed = parse_uri(uri)
        if parsed is None or parsed.scheme != "sip" or not parsed.host:
            found([])
            return
        key = f"{parsed.host} {parsed.port or ''} {parsed.transport}"
        known = self._cache.get(key)
        if known is not None and known[0] > self._clock():
            found(self._flows(known[1]))
            return
        waiting = self._waiting.setdefault(key, [])
        waiting.append(found)
        if len(waiting) == 1:
            task = asyncio.get_running_loop().create_task(self._ask(key, parsed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Gives up all questions."""
        for task in self._tasks:
            task.cancel()

    async def _ask(self, key: str, uri: SipUri) -> None:
        places: list[Place] = []
        ttl_s = NEGATIVE_S
        try:
            places, ttl_s = await self._resolve(uri)
        except OSError:
            places = []
        self._cache[key] = (self._clock() + (min(max(ttl_s, 5.0), 300.0) if places else NEGATIVE_S), places)
        for found in self._waiting.pop(key, []):
            found(self._flows(places))

    async def _resolve(self, uri: SipUri) -> tuple[list[Place], float]:
        targets: list[Place] = []
        ttl_s = 300.0
        if uri.port is None and uri.host not in self._hosts:
            for transport in [uri.transport] if uri.transport else ["udp", "tcp"]:
                records, record_ttl = await self._services(transport, uri.host)
                targets += records
                ttl_s = min(ttl_s, record_ttl) if records else ttl_s
        if not targets:
            targets = [(uri.transport or "udp", uri.host, uri.port or 5060)]
        places: list[Place] = []
        for transport, name, port in targets:
            addresses, address_ttl = await self._addresses(name)
            ttl_s = min(ttl_s, address_ttl)
            places += [(transport, address, port) for address in addresses]
        return places, ttl_s

    async def _services(self, transport: str, host: str) -> tuple[list[Place], float]:
        answer = await self._dns.ask(f"_sip._{transport}.{host}", "SRV")
        if answer is None:
            return [], 300.0
        records = [(one.priority, one.weight, str(one.target).rstrip("."), one.port) for one in answer[0]]
        ordered = weighted([(p, w, (transport, name, port)) for p, w, name, port in records], self._random)
        return [place for place in ordered if place[1]], answer[1]

    async def _addresses(self, name: str) -> tuple[list[str], float]:
        if is_address(name):
            return [name], 300.0
        if name in self._hosts:
            return self._hosts[name], 300.0
        found: list[str] = []
        ttl_s = 300.0
        for kind in ("A", "AAAA"):
            answer = await self._dns.ask(name, kind)
            if answer is not None:
                found += [str(one.address) for one in answer[0]]
                ttl_s = min(ttl_s, answer[1])
        return found, ttl_s

    @property
    def _dns(self) -> Questions:
        if self._questions is None:
            from switchhook.sip.questions import Questions  # takes 100 ms: not while the server starts

            self._questions = Questions(*self._where)
        return self._questions

    def _flows(self, places: list[Place]) -> list[Flow]:
        flows = [self._transport.flow(transport, host, port) for transport, host, port in places]
        return [flow for flow in flows if flow is not None]


def weighted(records: list[tuple[int, int, Place]], random: Random) -> list[Place]:
    """Orders SRV targets: lowest priority first, equal ones by a draw in proportion to their weight (RFC 2782)."""
    ordered: list[Place] = []
    for priority in sorted({priority for priority, _, _ in records}):
        group = sorted((w, place) for p, w, place in records if p == priority)
        while group:
            draw = random.randint(0, sum(weight for weight, _ in group))
            for index, (weight, place) in enumerate(group):
                draw -= weight
                if draw <= 0:
                    ordered.append(place)
                    del group[index]
                    break
    return ordered


def _hosts_file(path: str = "/etc/hosts") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"localhost": ["127.0.0.1"]}
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for raw in text.splitlines():
        words = raw.partition("#")[0].split()
        for name in words[1:]:
            if is_address(words[0]) and words[0] not in found.setdefault(name.lower(), []) and name != "localhost":
                found[name.lower()].append(words[0])
    return found
