"""What no single key can tell: duplicates, references, files, and sockets that would collide.

All of these need a tree whose values fit, so they run only when decoding found nothing wrong.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from typing import Any

from switchhook.settings.decoding import complain
from switchhook.settings.sources import Merged, Trail
from switchhook.settings.tree import Flow, Number, Settings

Say = Callable[[Trail, str], None]


def check(settings: Settings, merged: Merged) -> Settings:
    """Returns the settings with flow ids filled in from their files; problems go to `merged.problems`."""

    def say(trail: Trail, text: str) -> None:
        complain(merged, trail, text)

    flows = tuple(_flow(flow, index, say) for index, flow in enumerate(settings.flows))
    settings = replace(settings, flows=flows)
    _check_unique(settings, say)
    _check_accounts(settings, say)
    _check_endpoints(settings, say)
    _check_trunks(settings, say)
    _check_numbers(settings, say)
    _check_agents(settings, say)
    _check_files(settings, say)
    _check_sockets(settings, say)
    return settings


def bare(number: str) -> str:
    """Numbers are compared without a leading `+`."""
    return number.removeprefix("+")


def _check_unique(settings: Settings, say: Say) -> None:
    _once("account", "auth_id", [account.auth_id for account in settings.accounts], say)
    _once("endpoint", "username", [endpoint.username for endpoint in settings.endpoints], say)
    _once("trunk", "name", [trunk.name for trunk in settings.trunks], say)
    _once("application", "app_id", [application.app_id for application in settings.applications], say)
    _once("number", "number", [bare(number.number) for number in settings.numbers], say)
    owned = [bare(number.number) for number in settings.numbers]
    _once("inventory", "number", [bare(each.number) for each in settings.inventory], say)
    for index, each in enumerate(settings.inventory):
        if bare(each.number) in owned:
            text = f"[[inventory]] {index + 1} number {each.number} is also that of a [[number]]"
            say(("inventory", index, "number"), text)
    _once("flow", "phlo_id", [flow.phlo_id for flow in settings.flows], say)
    _once("agent", "username", [agent.username for agent in settings.agents], say)
    _once("agent", "number", [bare(agent.number) for agent in settings.agents], say)
    _once("agent_state", "operation", [each.operation for each in settings.agent_states], say)
    _check_agent_states(settings, say)


def _once(table: str, key: str, values: Iterable[str], say: Say) -> None:
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        if value and value in first:
            other = f"[[{table}]] {first[value] + 1}"
            say((table, index, key), f"[[{table}]] {index + 1} {key} {value} is also that of {other}")
        first.setdefault(value, index)


def _check_accounts(settings: Settings, say: Say) -> None:
    known = {account.auth_id for account in settings.accounts}
    for index, account in enumerate(settings.accounts):
        where: Trail = ("account", index, "parent")
        if account.auth_id.startswith("SA") and not account.parent:
            say(where, f"[[account]] {index + 1} ({account.auth_id}) is a sub-account and needs parent")
        if account.parent and (account.parent not in known or not account.parent.startswith("MA")):
            say(where, f"[[account]] {index + 1} parent {account.parent} is not a main account of this file")
    owned: dict[str, tuple[Any, ...]] = {
        "endpoint": settings.endpoints,
        "application": settings.applications,
        "number": settings.numbers,
        "flow": settings.flows,
    }
    for table, entries in owned.items():
        for index, entry in enumerate(entries):
            if entry.account not in known:
                text = f"account {entry.account} is not in any [[account]]"
                say((table, index, "account"), f"[[{table}]] {index + 1} {text}")


def _check_endpoints(settings: Settings, say: Say) -> None:
    applications = {application.app_id for application in settings.applications}
    applications.update(flow.phlo_id for flow in settings.flows)  # a telephone may enter a flow as well
    for index, endpoint in enumerate(settings.endpoints):
        if endpoint.application and endpoint.application not in applications:
            trail = ("endpoint", index, "application")
            text = f"application {endpoint.application} is not in any [[application]]"
            say(trail, f"[[endpoint]] {index + 1} ({endpoint.username}) {text}")


def _check_trunks(settings: Settings, say: Say) -> None:
    for index, trunk in enumerate(settings.trunks):
        if bool(trunk.username) != bool(trunk.password):
            say(("trunk", index), f"[[trunk]] {index + 1} ({trunk.name}) needs username and password, or neither")
    trunks = enumerate(settings.trunks)
    matches = [(index, ip_network(net, strict=False)) for index, trunk in trunks for net in trunk.match]
    for (one, net), (other, same) in combinations(matches, 2):
        if one != other and net == same:
            say(("trunk", other, "match"), f"[[trunk]] {other + 1} match {same} is also in [[trunk]] {one + 1}")


def _check_numbers(settings: Settings, say: Say) -> None:
    known = {
        "application": ({application.app_id for application in settings.applications}, "[[application]]"),
        "flow": ({flow.phlo_id for flow in settings.flows}, "[[flow]] file (as its phlo_id)"),
        "agent": ({agent.username for agent in settings.agents}, "[[agent]]"),
    }
    endpoints = {endpoint.username for endpoint in settings.endpoints}
    for index, number in enumerate(settings.numbers):
        shown = f"[[number]] {index + 1} ({number.number})"
        given = _given(number)
        if len(given) != 1:
            said = " and ".join(given) or "none"
            say(("number", index), f"{shown} needs exactly one of application, flow, agent and forward; it has {said}")
            continue
        key, value = given[0], getattr(number, given[0])
        if key == "forward":
            if not _callable(value, endpoints):
                say(("number", index, key), f"{shown} forward {value} is no endpoint, SIP URI or number")
        elif value not in known[key][0]:
            say(("number", index, key), f"{shown} {key} {value} is not in any {known[key][1]}")


def _given(number: Number) -> list[str]:
    return [key for key in ("application", "flow", "agent", "forward") if getattr(number, key)]


def _callable(address: str, endpoints: set[str]) -> bool:
    if address in endpoints or re.fullmatch(r"\+?[0-9]{3,15}", address):
        return True
    return re.fullmatch(r"sips?:[^\s@<>\"]+(@[^\s@<>\"]+)?", address) is not None


BUILT_IN_STATES = frozenset({"Ready", "NotReady", "AfterCallWork", "AuxWork", "Offline"})
SESSION = frozenset({"StartContactCenterSession", "EndContactCenterSession"})


def _check_agent_states(settings: Settings, say: Say) -> None:
    for index, each in enumerate(settings.agent_states):
        if each.operation in BUILT_IN_STATES | SESSION:
            say(
                ("agent_state", index, "operation"),
                f"[[agent_state]] {index + 1} operation {each.operation} is built in",
            )


def _check_agents(settings: Settings, say: Say) -> None:
    endpoints = {endpoint.username for endpoint in settings.endpoints}
    numbers = {bare(number.number): index for index, number in enumerate(settings.numbers)}
    for index, agent in enumerate(settings.agents):
        shown = f"[[agent]] {index + 1} ({agent.username})"
        if bool(agent.endpoint) == bool(agent.address):
            say(("agent", index), f"{shown} needs exactly one of endpoint and address")
        elif agent.endpoint and agent.endpoint not in endpoints:
            say(("agent", index, "endpoint"), f"{shown} endpoint {agent.endpoint} is not in any [[endpoint]]")
        elif agent.address and not _callable(agent.address, set()):
            say(("agent", index, "address"), f"{shown} address {agent.address} is no SIP URI or number")
        elif bare(agent.number) in numbers:
            other = numbers[bare(agent.number)]
            say(("agent", index, "number"), f"{shown} number {agent.number} is also that of [[number]] {other + 1}")


def _check_files(settings: Settings, say: Say) -> None:
    http, media = settings.http, settings.media
    if bool(http.certificate) != bool(http.key):
        say(("http",), "[http] needs certificate and key, or neither")
    pair = (("certificate", http.certificate), ("key", http.key))
    readable = [_readable(path, ("http", name), f"[http] {name}", say) for name, path in pair if path]
    if len(readable) == 2 and None not in readable:
        _check_certificate(http.certificate, http.key, say)
    if not media.hold_music.startswith(("builtin:", "http://", "https://")):
        _check_music(media.hold_music, say)
    elif media.hold_music.startswith("builtin:") and media.hold_music != "builtin:hold":
        say(("media", "hold_music"), f"[media] hold_music {media.hold_music} is not built in; there is builtin:hold")
    database = Path(settings.store.url.removeprefix("sqlite:///"))
    if database.is_dir():
        say(("store", "url"), f"[store] url {settings.store.url}: {database} is a folder, not a file")
    elif not database.parent.is_dir():
        say(("store", "url"), f"[store] url {settings.store.url}: there is no folder {database.parent}")
    if Path(media.recordings).exists() and not Path(media.recordings).is_dir():
        say(("media", "recordings"), f"[media] recordings {media.recordings} is not a folder")


def _check_music(path: str, say: Say) -> None:
    shown, trail = "[media] hold_music", ("media", "hold_music")
    content = _readable(path, trail, shown, say)
    if content is None or content[:4] in (b"RIFF", b"RF64"):
        return
    if find_spec("av") is None:
        say(trail, f"{shown} {path} is no WAV file; for MP3 install the extra: pip install 'switchhook[mp3]'")


def _check_certificate(certificate: str, key: str, say: Say) -> None:
    """Loads both as the server will, so that a wrong one is found before anything is opened."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password an encrypted key would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as failed:
        if failed.reason == "KEY_VALUES_MISMATCH":
            say(("http", "key"), f"[http] key {key} does not belong to [http] certificate {certificate}")
        else:
            reason = (failed.reason or "no PEM in it, or a key with a password").replace("_", " ").lower()
            say(("http", "certificate"), f"[http] certificate {certificate} and key {key} cannot be used: {reason}")
    except (OSError, ValueError) as failed:
        say(("http", "certificate"), f"[http] certificate {certificate} and key {key} cannot be used: {failed}")


def _readable(path: str, trail: Trail, shown: str, say: Say) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError as failed:
        say(trail, f"{shown} {path} cannot be read: {failed.strerror or failed}")
    except ValueError as failed:  # a NUL inside a name
        say(trail, f"{shown} cannot be a file name: {failed}")
    return None


def _flow(flow: Flow, index: int, say: Say) -> Flow:
    shown, trail = f"[[flow]] {index + 1} file", ("flow", index, "file")
    content = _readable(flow.file, trail, shown, say)
    if content is None:
        return flow
    try:
        graph = json.loads(content)
    except (ValueError, RecursionError) as failed:
        say(trail, f"{shown} {flow.file} is not JSON: {failed}")
        return flow
    found = phlo_id_of(graph)
    if not found:
        say(trail, f"{shown} {flow.file} has no phlo_id at its top or inside phlo")
    elif flow.phlo_id and flow.phlo_id != found:
        say(trail, f"{shown} {flow.file} has phlo_id {found}, not {flow.phlo_id}")
    return replace(flow, phlo_id=found or flow.phlo_id)


def phlo_id_of(graph: object) -> str:
    """Returns the id that a PHLO definition carries at its top or inside `phlo`, else an empty text."""
    if not isinstance(graph, dict):
        return ""
    inner = graph.get("phlo")
    found = graph.get("phlo_id") or (inner.get("phlo_id") if isinstance(inner, dict) else "")
    return found if isinstance(found, str) else ""


def _check_sockets(settings: Settings, say: Say) -> None:
    sip = settings.sip_listen
    for index, listen in enumerate(sip):
        if any(listen.overlaps(other) for other in sip[:index]):
            say(("sip", "listen"), f"[sip] listen has {listen} twice or overlapping")
        if listen.overlaps(settings.http_listen):
            say(("sip", "listen"), f"[sip] listen {listen} is also [http] listen")
        low, high = settings.media.ports
        if listen.transport == "udp" and low <= listen.port <= high:
            say(("media", "ports"), f"[media] ports [{low}, {high}] contain the SIP port {listen.port}")
    low, high = settings.media.ports
    if settings.media.max_legs > settings.media.pairs:
        text = f"needs more ports: [{low}, {high}] has {settings.media.pairs} pairs"
        say(("media", "max_legs"), f"[media] max_legs {settings.media.max_legs} {text}")
