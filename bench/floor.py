"""The floor under every SIP figure: a process that sends 14 datagrams of a call's size back, and does nothing else.

`python -m bench.floor` is that process; `echo_ms` pins it where the server was, sends it datagrams as a call would have
them, and returns the CPU it needed for 14 of them received and 14 sent.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from bench.machine import cores, cpu_s

SIZE, PER_CALL, WINDOW = 600, 14, 32


def echo_ms(calls: int = 4000, datagrams: int = PER_CALL) -> float:
    """Returns milliseconds of CPU for so many datagrams, half of them received and half sent: what a call makes."""
    command = ["taskset", "-c", str(cores()[0]), sys.executable, "-m", "bench.floor"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        before = cpu_s(process.pid)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            sock.settimeout(1.0)
            for _ in range(calls * datagrams // 2 // WINDOW):
                for _ in range(WINDOW):
                    sock.send(b"x" * SIZE)
                for _ in range(WINDOW):
                    sock.recv(2048)
        time.sleep(0.05)
        return (cpu_s(process.pid) - before) / calls * 1e3
    finally:
        process.kill()
        process.wait()


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        while True:
            wire, address = sock.recvfrom(2048)
            sock.sendto(wire, address)


if __name__ == "__main__":
    main()
