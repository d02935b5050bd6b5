"""What arrives: ordinary packets as columns, odd ones singly.

Ordinary is: from the leg's own address, header 0x80, the leg's payload type. Such packets are
counted, put into the jitter rings where somebody mixes or records, and carried over to relayed listeners, all as arrays
(a round of the wire never holds two packets of one leg). Before anything came from a leg, its own address is that of
its SDP, and a new SSRC is taken note of on the way, so that a thousand telephones may begin at once. Key presses,
comfort noise, padding, extensions, strangers, RTCP on the RTP port and nonsense are picked out by one mask and looked
at one by one.

What telephones do beside the book, and is taken: we offer both laws of G.711, and some answer one and send the other,
or change in the middle (the static numbers mean the same everywhere); some send keys with the number that we offered
where they answered another (RFC 3264 6.1 even asks for it); some send keys with an SSRC of their own beside the
audio's, whose numbers fit into no stream of ours, so those keys are pressed anew towards who hears them; RTCP comes on
the RTP port without a word of it. What nobody agreed to, by its payload type or its length, is counted, and says
nothing of the SSRC.
"""

from __future__ import annotations

import struct
import traceback

import numpy as np

from switchhook.media import g711, jitter, reception, rtp, strangers, streams
from switchhook.media.address import host_of, number_of
from switchhook.media.desk import Desk
from switchhook.media.digits import ENDS, OFFERED_DIGITS, Ear, Key
from switchhook.media.latch import SILENT_S, Address, Candidates, Known, Rule
from switchhook.media.outbound import SENT, Outbound, Passing
from switchhook.media.outbox import Outbox
from switchhook.media.reporter import MALFORMED, Reporter
from switchhook.media.rtp import Array, Packet
from switchhook.media.table import HALF, RELAY, Table
from switchhook.media.wires import LONGEST, STRIDE, Odd, Round, Wire

RECEIVED, UNKNOWN, BUGS = 0, 10, 14  # places in `counters`
TOLD = 10  # bugs that are told with their traceback
ROUNDS = 8  # at most this many packets of a leg per phase
FEW = 100  # legs
BEGINNING = 320  # samples for which a key has been down at most in the first of its packets that comes
_LAWS = {rtp.PCMU: g711.ULAW, rtp.PCMA: g711.ALAW}


class Inbound:
    """Receives, and passes on what is relayed."""

    def __init__(
        self, table: Table, desk: Desk, wire: Wire, outbox: Outbox, outbound: Outbound, reporter: Reporter
    ) -> None:
        self._table, self._desk, self._wire, self._outbox = table, desk, wire, outbox
        self._outbound, self._reporter = outbound, reporter
        self._candidates = Candidates()
        self._ears: dict[int, Ear] = {}
        self._passing = outbound.passing
        self._one = np.zeros((1, STRIDE), np.uint8)
        self._awaited = np.zeros(table.legs + 1, bool)  # nothing has come yet from the address in the leg's SDP

    def awaits(self, row: int, on: bool) -> None:
        """States whether a leg's address is only what its SDP says: the first packet from there makes it its own."""
        self._awaited[row] = on

    def receive(self, phases: int, now: float) -> None:
        """Takes what waits; `phases` is the number of the phase that will be served next.

        With few legs everything is drained. With many, one packet of each socket per phase is four times what a
        telephone sends, and what comes in meanwhile is cheaper with the next phase; a backlog (most sockets have a
        packet) is worked off at once, and the bursts of single legs by a second look in one phase of four.
        """
        if self._passing:
            self._end_cut_off(now)
        few = self._wire.watched <= FEW
        for n in range(ROUNDS):
            found = self._wire.round()
            if len(found.rows):
                self._table.counters[RECEIVED] += len(found.rows)
                self._sort(found, phases, now)
            for packet in found.odd:
                try:
                    self._odd(packet, phases, now)
                except Exception:
                    self._bug()
            again = few or found.more or found.taken > self._wire.watched * 2 // 3 or (n == 0 and phases % 4 == 0)
            if not again or not (found.taken or found.more):
                return

    def forget(self, row: int) -> None:
        """Drops what was remembered of a leg."""
        self._candidates.forget(row)
        self._ears.pop(row, None)
        self._passing.pop(row, None)

    def moved(self, row: int, now: float) -> None:
        """Says that new SDP has come for a leg; a key under way, and whether keys are passed on, stay as they are."""
        table = self._table
        self._candidates.forget(row)
        if table.latched_port[row]:
            address = host_of(int(table.latched_ip[row])), int(table.latched_port[row])
            self._candidates.left(row, address, now)

    def keep_keys(self, row: int, on: bool, now: float) -> None:
        """Passes a leg's keys to nobody from now on (`on`), or with its voice again."""
        self._table.keeps_keys[row] = on
        if on:
            for listener in [each for each, found in self._passing.items() if found.talker == row]:
                self.sources_changed(listener, now)

    def listen(self, now: float) -> None:
        """Reports keys whose last packets were lost; to be called every 50 ms or so."""
        self._end_cut_off(now)
        for row, ear in self._ears.items():
            if keys := ear.waited(now):
                self._table.key_ssrc[row], self._table.key_ts[row] = ear.reported
                self._keys(row, keys)
        for listener, found in list(self._passing.items()):
            if found.talker not in self._ears or self._ears[found.talker].quiet(now):
                del self._passing[listener]  # over, though its end packets never came: audio goes on as it is

    # --- the many -----------------------------------------------------------------------------------------------

    def _sort(self, found: Round, phases: int, now: float) -> None:
        table, rows, packets, lengths = self._table, found.rows, found.packets, found.lengths
        header, known = rtp.columns(packets), table.arrival_rows.take(rows)
        good = (
            (header["first"] == 0x80)
            & (header["second"] & 0x7F == known["payload"])
            & (lengths > 12)
            & (lengths <= LONGEST)
        )
        begun = (header["ssrc"] == known["heard_ssrc"]) & (known["has_ssrc"] != 0)
        awaited = self._awaited[rows]
        if awaited.any() or not begun.all():
            for place in np.flatnonzero(good & awaited):
                self._latch(int(rows[place]))
            for place in np.flatnonzero(good & ~begun):
                self._begin(int(rows[place]), int(header["ssrc"][place]), int(header["seq"][place]))
            known = table.arrival_rows.take(rows)
        if good.all():
            self._ordinary(rows, known, lengths, header, packets, phases, now)
            return
        places = np.flatnonzero(good)
        if len(places):
            self._ordinary(rows[places], known[places], lengths[places], header[places], packets[places], phases, now)
        for place in np.flatnonzero(~good):
            try:
                self._single(int(rows[place]), packets[place, : lengths[place]].tobytes(), phases, now)
            except Exception:
                self._bug()

    def _ordinary(
        self, rows: Array, known: Array, lengths: Array, header: Array, packets: Array, phases: int, now: float
    ) -> None:
        """Takes ordinary packets; `known` are their legs' rows of arrivals."""
        table = self._table
        seq, ts, samples = header["seq"].astype(np.int64), header["ts"].astype(np.int64), lengths - 12
        ring, codec = (known["ring_on"] != 0) & (samples % HALF == 0) & (samples > 0), known["codec"]
        reception.count_in(table, known, rows, seq, ts, now)
        if ring.all():
            self._buffer(rows, codec, ts, packets, samples, phases)
        elif ring.any():
            self._buffer(rows[ring], codec[ring], ts[ring], packets[ring, :LONGEST], samples[ring], phases)
        places, listeners = self._desk.relay_pairs(rows)
        if not len(places):
            return
        can = (table.sends[listeners] != 0) & (table.hush[listeners] == 0)
        if not can.all():
            places, listeners = places[can], listeners[can]
        if len(places) != len(rows) or (places[1:] <= places[:-1]).any():  # mostly each packet goes to one listener
            rows, seq, ts, samples, lengths = (each[places] for each in (rows, seq, ts, samples, lengths))
            if not len(rows):
                return
            header, packets = header[places], packets[places, : int(lengths.max())]
        passed = streams.relay(table, listeners, rows, seq, ts, header["ssrc"], samples, header["second"] >= 0x80, now)
        width = int(lengths.max())
        heads = rtp.headers(table.payload[listeners], passed.marker, passed.seq, passed.ts, table.ssrc[listeners])
        if not passed.keep.all():
            listeners, lengths, packets, heads = (each[passed.keep] for each in (listeners, lengths, packets, heads))
        out = self._wire.outgoing
        out[: len(heads), :12] = heads
        out[: len(heads), 12:width] = packets[:, 12:width]
        self._wire.send(listeners, lengths)
        table.sent[listeners] += 1
        table.octets[listeners] += lengths - 12
        table.counters[SENT] += len(listeners)

    def _buffer(self, rows: Array, codec: Array, ts: Array, packets: Array, samples: Array, phases: int) -> None:
        """Puts what came into the jitter rings."""
        table = self._table
        phase = table.ring_phase[rows].astype(np.int64)
        early = phase - phases & 3
        heard = g711.decode(packets[:, 12 : 12 + int(samples.max())], codec[:, None])
        jitter.put(table, rows, ts, heard, samples, phases + early - phase >> 2, early)

    # --- the odd ones -------------------------------------------------------------------------------------------

    def _bug(self) -> None:
        """Counts a packet that we failed over, and tells of the first few: one telephone must not end all audio."""
        self._table.counters[BUGS] += 1
        if self._table.counters[BUGS] <= TOLD:
            traceback.print_exc()

    def _odd(self, found: Odd, phases: int, now: float) -> None:
        row, table = found.row, self._table
        if not table.use[row]:
            return
        if found.rtcp:
            self._reporter.receive(row, found.packet, found.source[:2], now)
            return
        latched = int(table.latched_port[row])
        if found.own or (latched and found.source == (host_of(int(table.latched_ip[row])), latched) and not found.rtcp):
            table.counters[RECEIVED] += 1
            self._single(row, found.packet, phases, now)
            return
        source = found.source[:2]
        if self._is_report(row, found.packet):
            self._reporter.receive(row, found.packet, source, now, back=False)
            return
        packet = rtp.parse(found.packet)
        if packet is None:
            table.counters[MALFORMED] += 1
        if packet is None or not table.connected[row] or not self._accepts(row, packet, source, now):
            strangers.count(table, row, source)
            return
        table.latched_ip[row], table.latched_port[row] = number_of(source[0]), source[1]
        self._awaited[row] = False
        self._wire.expect(row, source)
        self._wire.aim(row, source)
        table.sends[row] = table.direction[row] in (0, 2)
        table.counters[RECEIVED] += 1
        self._single(row, found.packet, phases, now)

    def _accepts(self, row: int, packet: Packet, source: Address, now: float) -> bool:
        table = self._table
        if table.latched_port[row] and now - table.arrival[row] < SILENT_S:
            return False  # its telephone talks, so it is nobody's turn: a flood is to cost little
        sdp = (host_of(int(table.sdp_ip[row])), int(table.sdp_port[row])) if table.sdp_ip[row] else None
        latched = (host_of(int(table.latched_ip[row])), int(table.latched_port[row]))
        known = Known(
            Rule(int(table.latching[row])), sdp, host_of(int(table.signalling_ip[row])),
            float(table.connected_at[row]), latched if table.latched_port[row] else None, float(table.arrival[row]),
            int(table.heard_ssrc[row]), int(table.last_ext[row]) & 0xFFFF,
        )  # fmt: skip
        return self._candidates.accepts(row, known, source, packet.ssrc, packet.seq, now)

    def _single(self, row: int, received: bytes, phases: int, now: float) -> None:
        """Takes one packet that came from the leg's own address but is not ordinary."""
        table = self._table
        if self._is_report(row, received):
            ip, port = table.latched_ip[row] or table.sdp_ip[row], table.latched_port[row] or table.sdp_port[row]
            self._reporter.receive(row, received, (host_of(int(ip)), int(port)), now, back=False)
            return
        packet = rtp.parse(received)
        if packet is None:
            table.counters[MALFORMED] += 1
            return
        if self._awaited[row]:
            self._latch(row)
        packet = self._in_the_agreed_law(row, packet)
        kind = packet.payload_type
        audio = kind == table.payload[row]
        event = not audio and table.digits_pt[row] >= 0 and kind in (table.digits_pt[row], OFFERED_DIGITS)
        noise = not audio and kind == rtp.NOISE and table.noise_pt[row] >= 0
        unknown = not (audio or event or noise) or not 4 * event <= len(packet.payload) <= LONGEST - 12
        table.counters[UNKNOWN] += unknown
        if not table.has_ssrc[row] or packet.ssrc != table.heard_ssrc[row]:
            if unknown:
                return
            if event and table.has_ssrc[row]:
                table.arrival[row] = now
                self._keys(row, self._hear_key(row, packet, now))
                return
            self._begin(row, packet.ssrc, packet.seq)
        if audio and not unknown:
            whole = rtp.build(packet)
            self._one[0, : len(whole)] = np.frombuffer(whole, np.uint8)
            header, rows = rtp.columns(self._one), np.array([row])
            known = table.arrival_rows.take(rows)
            self._ordinary(rows, known, np.array([len(whole)]), header, self._one, phases, now)
            return
        doubled = int(table.duplicated[row])
        reception.count(table, np.array([row]), np.array([packet.seq]), np.array([packet.ts]), now, audio=False)
        again = int(table.duplicated[row]) > doubled
        nobody = np.full(table.legs + 1, -1)
        if unknown:
            self._pass(row, packet, nobody, now, again=again)
        elif event:
            keys = self._hear_key(row, packet, now)
            payload_types = nobody if table.keeps_keys[row] else table.digits_pt
            self._pass(row, packet, payload_types, now, again=again, event=self._ears[row])
            self._keys(row, keys)
        else:
            self._pass(row, packet, table.noise_pt, now, again=again)

    def _is_report(self, row: int, packet: bytes) -> bool:
        """True for RTCP on the RTP port, whether it was agreed (RFC 5761) or not."""
        if not rtp.looks_like_rtcp(packet):
            return False
        table = self._table
        return bool(table.mux[row]) or packet[1] & 0x7F not in (table.payload[row], table.digits_pt[row])

    def _in_the_agreed_law(self, row: int, packet: Packet) -> Packet:
        """Returns G.711 that came with the other static payload type as if it had come with the agreed one."""
        agreed, law = int(self._table.payload[row]), _LAWS.get(packet.payload_type)
        if law is None or packet.payload_type == agreed:
            return packet
        codes = np.frombuffer(packet.payload, np.uint8)
        if law != self._table.codec[row]:
            codes = g711.encode(g711.decode(codes, law), int(self._table.codec[row]))
        return Packet(agreed, packet.marker, packet.seq, packet.ts, packet.ssrc, codes.tobytes())

    def _hear_key(self, row: int, packet: Packet, now: float) -> list[Key]:
        """Hears a packet of a key press; returns the keys that are now known to be over."""
        table, ear = self._table, self._ears.get(row)
        if ear is None:
            ear = self._ears[row] = Ear((int(table.key_ssrc[row]), int(table.key_ts[row])))
        before = ear.ignored
        keys = ear.packet(packet.ssrc, packet.ts, packet.payload, now)
        table.key_ssrc[row], table.key_ts[row] = ear.reported
        table.counters[UNKNOWN] += ear.ignored - before
        return keys

    def _latch(self, row: int) -> None:
        """Makes the address that the SDP gave a leg's own."""
        table = self._table
        table.latched_ip[row], table.latched_port[row] = table.sdp_ip[row], table.sdp_port[row]
        self._awaited[row] = False
        self._candidates.forget(row)

    def _begin(self, row: int, ssrc: int, seq: int) -> None:
        """Takes the first packet of a sender."""
        table = self._table
        reception.begin(table, row, seq)
        table.heard_ssrc[row], table.has_ssrc[row], table.ring_ready[row] = ssrc, 1, 0

    def _pass(
        self, row: int, packet: Packet, payload_types: Array, now: float, *, again: bool, event: Ear | None = None
    ) -> None:
        """Relays one packet to listeners that have a payload type for it; for the others it never was.

        Of a key (`event` is who heard it) whoever did not hear this leg without a break since its beginning gets no
        packet: it bears the time of that, of which his stream knows nothing. `_keys` presses it for him.
        """
        table = self._table
        _, listeners = self._desk.relay_pairs(np.array([row]))
        listeners = listeners[(table.sends[listeners] != 0) & (table.hush[listeners] == 0)]
        lacking = payload_types[listeners] < 0
        if lacking.any() and not again:
            streams.swallow(table, listeners[lacking], packet.seq, packet.ssrc)
        listeners = listeners[~lacking]
        late = event is not None and event.late
        if late or (event is not None and _begun_before(packet.payload)):
            joined = (table.source[listeners] == row) & (table.source_ssrc[listeners] == packet.ssrc)
            listeners = listeners[joined]
        if not len(listeners):
            return
        count = len(listeners)
        length = rtp.FRAME if event is None else struct.unpack_from("!H", packet.payload, 2)[0]
        passed = streams.relay(
            table, listeners, np.full(count, row), np.full(count, packet.seq), np.full(count, packet.ts),
            np.full(count, packet.ssrc, np.uint32), np.full(count, length), np.full(count, packet.marker), now,
            event=event is not None, late=late,
        )  # fmt: skip
        for n in np.flatnonzero(passed.keep):
            listener, ts = int(listeners[n]), int(passed.ts[n])
            made = Packet(
                int(payload_types[listener]), bool(passed.marker[n]), int(passed.seq[n]), ts,
                int(table.ssrc[listener]), packet.payload,
            )  # fmt: skip
            self._wire.send_one(listener, rtp.build(made))
            table.sent[listener] += 1
            table.octets[listener] += len(packet.payload)
            table.counters[SENT] += 1
            if event is not None:
                event.given.add(listener)
                self._passed(listener, row, ts, packet.payload)

    # --- keys ---------------------------------------------------------------------------------------------------

    def _keys(self, row: int, keys: list[Key]) -> None:
        """Reports keys, and presses them towards those who hear this leg but were not relayed to."""
        table = self._table
        for key in keys:
            use = int(table.use[row])
            self._outbox.add({"is": "digit", "row": row, "use": use, "digit": key.digit, "ms": key.duration_ms})
            for listener in self._desk.hearers.get(row, ()) if not table.keeps_keys[row] else ():
                if listener not in key.given:
                    self._outbound.press(listener, key.digit, max(80, min(key.duration_ms, 5_000)))

    def sources_changed(self, listener: int, now: float) -> None:
        """Ends a relayed key press whose talker the listener hears no more: three packets with the end bit."""
        table, found = self._table, self._passing.pop(listener, None)
        if found is None or table.digits_pt[listener] < 0 or not table.sends[listener]:
            return
        if found.ends and table.ts[listener] != found.ts:
            return  # audio has followed it
        payload = found.payload
        last = bytes((payload[0], payload[1] | 0x80)) + payload[2:]
        length = struct.unpack_from("!H", payload, 2)[0]
        for _ in range(ENDS - found.ends):
            self._outbound.send_event(listener, found.ts, last, False, length, now)

    def _passed(self, listener: int, talker: int, ts: int, payload: bytes) -> None:
        """Remembers how far a key has been relayed, until its last packet has."""
        found = self._passing.get(listener)
        if found is None or (found.talker, found.ts) != (talker, ts):
            found = self._passing[listener] = Passing(talker, ts)
        found.payload = payload
        found.ends += payload[1] >> 7
        if found.ends >= ENDS:
            del self._passing[listener]

    def _end_cut_off(self, now: float) -> None:
        """Ends the relayed keys of legs that have ended, and those of listeners that are mixed now."""
        for listener, found in list(self._passing.items()):
            if self._table.mode[listener] != RELAY or self._desk.voices(listener) != [found.talker]:
                self.sources_changed(listener, now)


def _begun_before(event: bytes) -> bool:
    """True when the beginning of a key was missed, so that its packet tells the time of long ago."""
    return bool(event[1] & 0x80) or struct.unpack_from("!H", event, 2)[0] > BEGINNING
