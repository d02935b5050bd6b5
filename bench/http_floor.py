"""The floor under `api_to_invite_p99_ms`: a bare process that reads an HTTP request and sends a datagram for it.

`python -m bench.http_floor PORT` is that process: one asyncio protocol, nothing parsed beyond the number in the path,
a fixed answer. `delays_ms` pins it where the server was, asks it at the same rate by the same client, and takes the
time in the same way.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from bench.api import Api
from bench.machine import cores
from bench.stamped import StampedSocket

_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
SIZE = 900  # of an INVITE with its offer


async def delays_ms(count: int, rate: float) -> list[float]:
    """Returns the time from each request to its datagram."""
    stamped = StampedSocket()
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(cores()[0]), sys.executable, "-m", "bench.http_floor", str(stamped.port),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        api = await Api.open(int(await process.stdout.readline()))
        found: list[float] = []

        async def one(number: int) -> None:
            asked = await api.post(f"/{number}", {"action": "warm_transfer", "to": "+14158880001", "role": "agent"})
            await asyncio.sleep(0.05)
            found.append((stamped.invited_ns[str(number)] - asked.asked_ns) / 1e6)

        under_way = []
        for number in range(count):
            under_way.append(asyncio.create_task(one(number)))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*under_way)
        api.close()
        return found
    finally:
        process.kill()
        await process.wait()
        stamped.close()


class _Answering(asyncio.Protocol):
    def __init__(self, out: socket.socket) -> None:
        self._out = out

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        number = data[data.find(b"/") + 1 : data.find(b" ", 6)].decode()
        wire = f"INVITE sip:{number}@bench SIP/2.0\r\nVia: SIP/2.0/UDP bench;branch=z9hG4bK{number}\r\n".encode()
        self._out.send(wire.ljust(SIZE))
        self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", port))
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(out), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
