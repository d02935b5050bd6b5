"""Soon after the start a webhook finds everything loaded, and what loads it did not hold up the event loop.

The HTTP client is 40 modules and the certificates of the world, 0.2 to 0.6 s. No start waits for them; a first call
should not either, nor share the interpreter with them turn by turn.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from switchhook.lab.served import on_loopback, written

PROGRAM = """
import asyncio, sys
from switchhook.app import Server
from switchhook.settings.loading import load

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    await writer.drain()
    writer.close()

async def main():
    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    server = await Server.start(load(sys.argv[1], environ={}))
    server.journal.rest()  # it connects
    await server.journal.flush()
    await server.warming.over.wait()
    before = set(sys.modules)
    port = web.sockets[0].getsockname()[1]
    reply = await server.exchange.sender.send("POST", f"http://127.0.0.1:{port}/", body=b"x")
    assert reply.status == 200, reply
    print("loaded:", *sorted(set(sys.modules) - before))
    await server.stop()
    web.close()

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_webhook_after_the_warming_loads_nothing(tmp_path: Path) -> None:
    media = {"realtime": False}  # else a system that does not allow it makes the server say so
    tables = on_loopback(tmp_path / "a.db", domain="first.test", ports=(32000, 32198), max_legs=10, media=media)
    config = tmp_path / "first.toml"
    config.write_text(written(tables), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "loaded:"
