"""Telephones for measuring the audio: one process sends and receives the RTP of all legs from one socket.

Started by `media_rig` with JSON on its standard input; prints JSON. Each leg sends a 20 ms frame at its own phase; the
first eight payload bytes carry the time of sending, which a relay hands on and a mixer does not. It looks at its
socket at least once a millisecond, so that is what its delays may be too long by.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import time

STAMP = struct.Struct("!d")
HEADER = struct.Struct("!BBHII")


def main() -> None:
    """Runs one measurement."""
    wanted = json.load(sys.stdin)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 32 << 20)
    sock.bind(("127.0.0.1", wanted["port"]))
    sock.setblocking(False)
    print(json.dumps({"ready": True}), flush=True)
    legs, seconds, settle = wanted["ports"], wanted["seconds"], wanted["settle"]
    buckets: list[list[int]] = [[] for _ in range(20)]
    for leg in range(len(legs)):
        buckets[random.randrange(20)].append(leg)
    frames = [bytearray(HEADER.pack(0x80, 0, 0, 0, leg + 1) + b"\xff" * 160) for leg in range(len(legs))]
    targets = [("127.0.0.1", port) for port in legs]
    place = {port: leg for leg, port in enumerate(legs)}
    delays: list[float] = []
    gaps: list[float] = []
    last = [0.0] * len(legs)
    last_seq = [-1] * len(legs)
    sent = received = breaks = late_ms = 0
    start = time.monotonic()
    total = int((settle + seconds) * 1000)
    measured = start + settle
    buffer = bytearray(2048)
    for ms in range(total):
        due = start + ms / 1000
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
        elif now > due + 0.01:
            late_ms += 1
        number = ms // 20
        for leg in buckets[ms % 20]:
            frame = frames[leg]
            HEADER.pack_into(frame, 0, 0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, leg + 1)
            STAMP.pack_into(frame, 12, time.monotonic())
            sock.sendto(frame, targets[leg])
            sent += now >= measured
        while True:
            try:
                length, source = sock.recvfrom_into(buffer)
            except BlockingIOError:
                break
            now = time.monotonic()
            leg = place.get(source[1], -1)
            if leg < 0 or length < 20:
                continue
            seq = buffer[2] << 8 | buffer[3]
            if now >= measured:
                received += 1
                if wanted["stamped"] and buffer[100] == buffer[171] == 0xFF:  # not the noise that fills a gap
                    delays.append(now - STAMP.unpack_from(buffer, 12)[0])
                if last[leg]:
                    gaps.append(now - last[leg])
                if last_seq[leg] >= 0 and seq != last_seq[leg] + 1 & 0xFFFF:
                    breaks += 1
            last[leg], last_seq[leg] = now, seq
    out = {
        "sent": sent, "received": received, "breaks": breaks, "late_ms": late_ms,
        "delay": spread(delays), "gap": spread(gaps), "cpu": time.process_time() / (time.monotonic() - start),
    }  # fmt: skip
    print(json.dumps(out), flush=True)


def spread(values: list[float]) -> list[float]:
    """Returns p50, p99, p99.9 and the most, in ms."""
    if not values:
        return []
    values.sort()
    places = (len(values) // 2, len(values) * 99 // 100, len(values) * 999 // 1000, len(values) - 1)
    return [round(values[n] * 1000, 2) for n in places]


if __name__ == "__main__":
    main()
