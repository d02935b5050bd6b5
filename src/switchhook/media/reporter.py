"""RTCP for every leg, in relay and mixing alike: made from what we sent and heard, read for what the telephone heard.

Every 5 s, randomised to half and one and a half of that (RFC 3550 6.2). The RTP time in a sender report is that of this
instant on that stream: its last timestamp and the time since. Reports are taken only from the address of the leg's
audio.
"""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from switchhook.media import reception, rtcp, strangers
from switchhook.media.address import host_of
from switchhook.media.table import Table
from switchhook.media.wires import Address, Wire

EVERY_S = 5.0
MALFORMED, REPORTS = 3, 4  # places in `counters`


class Reporter:
    """Knows when each leg's next report is due, and where reports go."""

    def __init__(self, table: Table, wire: Wire) -> None:
        self._table, self._wire = table, wire
        self._random = random.Random()
        self._due = np.full(table.legs + 1, np.inf)
        self._heard: dict[int, tuple[int, int, float]] = {}  # row: whose SR came last, the middle of its time, when
        self._back: dict[int, Address] = {}
        self._reported: set[int] = set()
        for row in np.flatnonzero(table.use):
            self.begin(int(row), time.monotonic())

    def begin(self, row: int, now: float) -> None:
        """Plans the first report of a leg."""
        self.forget(row)
        self._due[row] = now + self._random.uniform(0.5, 1.5) * EVERY_S / 2

    def forget(self, row: int) -> None:
        self._due[row] = np.inf
        self._reported.discard(row)
        self._heard.pop(row, None)
        self.moved(row)

    def moved(self, row: int) -> None:
        """Says that new SDP has come for a leg: reports no longer go to where it reported from."""
        self._back.pop(row, None)

    def send_due(self, now: float) -> None:
        """Sends the reports whose time has come."""
        for row in np.flatnonzero(self._due <= now):
            self.send(int(row), now)
            self._due[row] = now + self._random.uniform(0.5, 1.5) * EVERY_S

    def send(self, row: int, now: float, *, bye: bool = False) -> None:
        """Sends one report now; nothing where nobody is connected."""
        table = self._table
        if not table.connected[row] or (bye and not table.sent[row] and row not in self._reported):
            return  # RFC 3550 6.3.7: no BYE from who never sent anything
        target = self._target(row)
        if target is None:
            return
        self._reported.add(row)
        blocks = (self._block(row, now),) if table.has_ssrc[row] else ()
        report = rtcp.Report(int(table.ssrc[row]), blocks)
        if table.sent[row]:
            # Not from the packet sent last: a key's all bear the time at which it went down (RFC 4733 2.1).
            stamp = round(float(table.clock[row]) + now * 8000)
            report = rtcp.Report(
                int(table.ssrc[row]), blocks, rtcp.ntp(time.time()), stamp, int(table.sent[row]), int(table.octets[row])
            )
        packet = rtcp.build(report, table.settings.cname, bye=bye)
        table.counters[REPORTS] += 1
        if table.mux[row]:
            self._wire.send_one(row, packet)
        else:
            self._wire.send_rtcp(row, packet, target)

    def receive(self, row: int, packet: bytes, source: Address, now: float, *, back: bool = True) -> None:
        """Takes what the telephone reports; anything from elsewhere is a stranger's.

        Our reports go `back` to where its reports come from, unless they come where audio should; who shares its
        address but does not know its SSRC cannot draw them to himself.
        """
        table = self._table
        near = {int(table.latched_ip[row]), int(table.sdp_ip[row])} - {0}
        if source[0] not in {host_of(ip) for ip in near}:
            strangers.count(table, row, source)
            return
        found = rtcp.parse(packet)
        if found is None:
            table.counters[MALFORMED] += 1
            return
        if back and (not table.has_ssrc[row] or int(table.heard_ssrc[row]) in {each.ssrc for each in found.reports}):
            self._back[row] = source
        for report in found.reports:
            if report.ntp is not None:
                self._heard[row] = (report.ssrc, rtcp.middle(report.ntp), now)
            for block in report.blocks:
                if block.ssrc == int(table.ssrc[row]):
                    self._read(row, block)

    def summary(self, row: int) -> dict[str, Any]:
        """Returns the leg's `MediaStats` as JSON."""
        table = self._table
        trip = float(table.round_trip[row])
        return {
            "received": int(table.received[row]), "sent": int(table.sent[row]), "lost": reception.lost(table, row),
            "duplicated": int(table.duplicated[row]), "late": int(table.late[row]),
            "strangers": int(table.strangers[row]), "stranger": strangers.named(table, row),
            "jitter_ms": round(float(table.jitter[row]) / 8, 3),
            "remote_lost": int(table.remote_lost[row]), "remote_jitter_ms": round(float(table.remote_jitter[row]), 3),
            "round_trip_ms": None if np.isnan(trip) else round(trip, 3),
        }  # fmt: skip

    def _block(self, row: int, now: float) -> rtcp.Block:
        table = self._table
        good = int(table.received[row] - table.duplicated[row])
        expected = reception.expected(table, row)
        lately = expected - int(table.report_expected[row])
        missing = lately - (good - int(table.report_received[row]))
        table.report_expected[row], table.report_received[row] = expected, good
        fraction = min(255, missing * 256 // lately) if lately > 0 and missing > 0 else 0
        whose, last_sr, heard_at = self._heard.get(row, (0, 0, now))
        if whose != int(table.heard_ssrc[row]):  # it tells the time of another stream
            last_sr = 0
        return rtcp.Block(
            int(table.heard_ssrc[row]), fraction, expected - good - int(table.lost_before[row]),
            int(table.last_ext[row]) & 0xFFFFFFFF,
            int(table.jitter[row]), last_sr, round((now - heard_at) * 65_536) if last_sr else 0,
        )  # fmt: skip

    def _read(self, row: int, block: rtcp.Block) -> None:
        table = self._table
        table.remote_lost[row] = max(int(table.remote_lost[row]), block.lost)
        table.remote_jitter[row] = block.jitter / 8
        if block.last_sr:
            trip = rtcp.middle(rtcp.ntp(time.time())) - block.last_sr - block.delay & 0xFFFFFFFF
            if trip < 0x80000000:
                table.round_trip[row] = trip / 65.536

    def _target(self, row: int) -> Address | None:
        table = self._table
        if row in self._back and not table.mux[row]:
            return self._back[row]
        ip = int(table.latched_ip[row]) or int(table.sdp_ip[row])
        port = int(table.rtcp_port[row])
        if not port and table.latched_port[row]:
            port = int(table.latched_port[row]) + 1
        port = port or int(table.sdp_port[row]) + 1
        return (host_of(ip), port) if ip and 0 < port < 65_536 else None
