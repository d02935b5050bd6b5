"""The figures of `/metrics` that live in parts of the server: read at each scrape, kept by nobody.

Those under "what is live" must all be at zero (or where they were at the start) when the last call is over; a soak
compares them, so whatever can be left over belongs here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from switchhook.sip.counters import Counters

if TYPE_CHECKING:
    from switchhook.app import Server

_AUDIO = {  # as they come from the audio process once a second; what is counted, is counted since the start
    "received": "Audio packets taken from telephones",
    "sent": "Audio packets sent to telephones",
    "strangers": "Audio packets dropped because they came from an address that is no telephone's of a call",
    "malformed": "Packets at audio ports that are neither RTP nor RTCP, dropped",
    "unknown": "Audio packets of a payload type or a length that was not agreed, dropped",
    "lost": "Audio packets of telephones that did not come",
    "late": "Audio packets of telephones that came too late to be mixed",
    "duplicated": "Audio packets of telephones that came twice",
    "jitter_ms": "The largest jitter of the telephones that send now, in milliseconds",
    "late_phases": "Phases of 5 ms that the audio process began more than 5 ms late",
    "most_work_us": "The longest work in one phase of 5 ms in the last second, in microseconds",
    "load": "Share of the last second in which the audio process worked, from 0 to 1",
    "legs": "Legs that the audio process has",
    "bugs": "Packets that the audio process failed over: an error of ours",
}


def watch_all(server: Server) -> None:
    """Shows every figure of a started server."""
    _watch_live(server)
    _watch_sip(server)
    _watch_http(server)
    watch = server.metrics.watch
    watch("switchhook_journal_waiting", "Journal lines not yet on disk", lambda: server.journal.waiting)
    watch("switchhook_journal_dropped", "Journal lines lost", lambda: server.journal.dropped)
    doc = "Lines about refused API requests that were only counted, because there were too many"
    watch("switchhook_journal_left_out", doc, lambda: server.lines.left_out)
    registered = server.exchange.state.registered
    watch("switchhook_endpoints_registered", "Telephones registered", lambda: len(registered))
    watch("switchhook_audio_ports_taken", "Audio ports that are some leg's", lambda: server.media.ports_taken)
    doc = "Sounds whose place is kept for a leg: what it hears, and what it has heard and may go on with"
    watch("switchhook_audio_sounds_playing", doc, lambda: server.media.sounds_playing)
    watch("switchhook_audio_restarts", "Audio processes that were replaced", lambda: server.media.restarts)
    doc = "1 for the wire that carries the audio, with why it is not the best there is"
    server.metrics.watch_words("switchhook_audio_wire", doc, ("wire", "note"), lambda: _wire(server))
    for name, doc in _AUDIO.items():
        watch(f"switchhook_audio_{name}", doc, _audio_counter(server, name))


def _watch_live(server: Server) -> None:
    watch, state, engine = server.metrics.watch, server.exchange.state, server.line.engine
    figures: dict[str, tuple[str, Callable[[], float]]] = {
        "rooms_live": ("Rooms that are open", lambda: len(state.rooms)),
        "dials_live": ("Dials that ring or talk", lambda: len(state.dials)),
        "transfers_live": ("Transfers that are not over", lambda: len(state.transfers)),
        "recordings_live": ("Recordings under way", lambda: len(state.tapes)),
        "agents_live": ("Legs that are the agent of a transfer", lambda: len(state.agents)),
        "names_live": ("Names of rooms that are open", lambda: len(state.named)),
        "timers_armed": ("Timers of the call logic that wait", lambda: server.timers.armed),
        "tasks": ("Tasks of the event loop", lambda: len(asyncio.all_tasks())),
        "sip_legs": ("Legs that SIP knows", lambda: server.line.live_legs),
        "sip_dialogs": ("SIP calls, those included whose BYE is unanswered", lambda: len(engine.calls)),
        "sip_client_transactions": ("SIP requests of ours not yet forgotten", lambda: len(engine.transactions.clients)),
        "sip_server_transactions": ("SIP requests of others not forgotten", lambda: len(engine.transactions.servers)),
        "sip_timers": ("SIP timers that wait", lambda: engine.timers.waiting),
        "sip_connections": ("TCP connections that carry SIP", lambda: server.sockets.connections),
    }
    for name, (doc, read) in figures.items():
        watch(f"switchhook_{name}", doc, read)


def _watch_sip(server: Server) -> None:
    metrics, admission = server.metrics, server.line.admission
    metrics.watch("switchhook_sip_overload", "1 while new calls are refused", lambda: float(admission.overloaded))
    metrics.watch("switchhook_sip_delay_seconds", "How late SIP is served at present", lambda: admission.delay_s)
    metrics.watch("switchhook_sip_delay_worst_seconds", "The longest delay so far", lambda: admission.worst_delay_s)

    def refused() -> dict[Enum, float]:
        return {reason: float(count) for reason, count in admission.refused.items()}

    doc = "Requests refused early because of an overload"
    metrics.watch_counts("switchhook_sip_refused", doc, "reason", refused)
    sockets = server.sockets
    metrics.watch("switchhook_sip_connections_refused", "TCP connections refused", lambda: sockets.refused_connections)

    def dropped() -> dict[Enum, float]:
        return {reason: float(count) for reason, count in sockets.dropped.items()}

    metrics.watch_counts("switchhook_sip_connections_dropped", "Connections that we closed", "reason", dropped)
    words = Enum("words", {name: name for name in Counters().by_reason()})  # type: ignore[misc]

    def by_word() -> dict[Enum, float]:
        return {words[name]: float(count) for name, count in server.line.counters.by_reason().items()}

    doc = "SIP messages, by what became of them"
    metrics.watch_counts("switchhook_sip_messages_by_reason", doc, "reason", by_word)


def _watch_http(server: Server) -> None:
    http, metrics = server.http, server.metrics
    metrics.watch("switchhook_http_connections", "Connections of the HTTP port", lambda: http.connections)

    def refused() -> dict[Enum, float]:
        return {reason: float(count) for reason, count in http.refused.items()}

    doc = "HTTP requests refused before anybody saw them, and connections closed"
    metrics.watch_counts("switchhook_http_refused", doc, "reason", refused)


def _audio_counter(server: Server, name: str) -> Callable[[], float]:
    def read() -> float:
        return float(getattr(server.media.counters, name)) if server.media.counters is not None else 0.0

    return read


def _wire(server: Server) -> tuple[str, str] | None:
    found = server.media.counters
    return (found.wire, found.wire_note) if found is not None else None
