"""The floor under the audio figures: a bare forwarder that hands packets over as they came, on connected sockets.

It is what Python and the kernel cost with no audio engine in between: epoll every 5 ms, `recv_into`, `send` to the
partner; no header is read, nobody is checked, nothing is counted. Same legs, same ports per leg, same load. Who
hears whom can be changed by a line on standard input, looked for in each phase: {"hear": [[listener, source], ...]}.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time

PHASE_S = 0.005


def main() -> None:
    """Runs until it is killed: one line in (remote port and partner of each leg), one line out (own ports), changes."""
    wanted = json.loads(sys.stdin.readline())
    socks: list[socket.socket] = []
    for port in wanted["remotes"]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", port))
        socks.append(sock)
    print(json.dumps([sock.getsockname()[1] for sock in socks]), flush=True)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass
    size = 1 + max(sock.fileno() for sock in socks)
    take, give = [socks[0].recv_into] * size, [socks[0].send] * size
    epoll = select.epoll()
    for leg, sock in enumerate(socks):
        take[sock.fileno()] = sock.recv_into
        give[sock.fileno()] = socks[wanted["partners"][leg]].send
        epoll.register(sock.fileno(), select.EPOLLIN)
    memory = memoryview(bytearray(256))
    packet = memory[:172]
    gc.collect()
    gc.freeze()
    due = time.monotonic()
    most = len(socks)
    os.set_blocking(0, False)
    while True:
        for fd, _ in epoll.poll(0, most):
            try:
                take[fd](memory)
                give[fd](packet)
            except OSError:
                continue
        try:
            lines = os.read(0, 1 << 20).splitlines()
        except BlockingIOError:
            lines = []
        for line in lines:  # written whole, far below what a pipe passes on in one piece
            for listener, source in json.loads(line)["hear"]:
                give[socks[source].fileno()] = socks[listener].send
        due += PHASE_S
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        elif left < -0.1:
            due = time.monotonic()


if __name__ == "__main__":
    main()
