"""Start the server; without a configuration file, the built-in demo configuration."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import click
import structlog

from switchhook.commands._configuration import configuration_options, read_settings
from switchhook.core.errors import Unavailable
from switchhook.settings import Settings

SWITCH_S = 0.0005


@click.command(name="serve")
@configuration_options
@click.option("--ready-file", metavar="FILE", help="Write the real addresses here as JSON when the server takes calls.")
def command(config: str | None, assignments: Sequence[str], ready_file: str | None) -> None:
    """Starts the server and runs until SIGTERM or SIGINT; a second signal stops at once.

    Without --config it runs a built-in demo configuration that only this machine can reach, and says what to try next.
    """
    gc.disable()  # what a start makes stays: looking through it again and again takes a twentieth of the time
    settings = read_settings(config, assignments)
    from switchhook.observe.logs import configure

    configure(settings.log.level, settings.log.format)
    run(serve(settings, ready_file))


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def serve(settings: Settings, ready_file: str | None = None) -> None:
    """Runs a server until a signal asks it to stop."""
    if ready_file:
        _try_ready(ready_file)
    from switchhook.audio import begin_audio

    audio = await begin_audio(settings)  # they load while we import the rest
    from switchhook.app import Server

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _asked, stop, number)
    server = await Server.start(settings, audio)
    gc.enable()
    # The event loop gives the interpreter away with each datagram it sends. The journal's thread, once it has it, may
    # keep it for so long: by default 5 ms, and a request that sends three datagrams would wait for that three times.
    sys.setswitchinterval(SWITCH_S)
    try:
        _tell(settings, server, ready_file)
    except OSError as failed:
        await server.stop()
        raise _unwritable(ready_file, failed) from None
    await stop.wait()
    _say(settings, "stopping: ending calls and finishing webhooks")
    await server.stop()


def _asked(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    stop.set()


def _tell(settings: Settings, server: Any, ready_file: str | None) -> None:
    from switchhook.settings.embedded import next_steps

    if ready_file:
        _write_ready(ready_file, server)
    if not settings.source:
        click.echo(next_steps(settings), err=True)
    sip = " ".join(f"{transport}:{host}:{port}" for transport, host, port in server.sockets.addresses)
    _say(settings, f"ready, HTTP on {settings.http_listen.host}:{server.http.port}, SIP on {sip}")


def _say(settings: Settings, text: str) -> None:
    """Says it to people, or as a log line where a program was promised that every line is JSON."""
    if settings.log.format == "json":
        structlog.get_logger("switchhook").info(text)
    else:
        click.echo(f"switchhook: {text}", err=True)


def _unwritable(ready_file: str | None, failed: OSError) -> Unavailable:
    return Unavailable(f"--ready-file {ready_file} cannot be written: {failed.strerror or failed}")


def _try_ready(ready_file: str) -> None:
    """Raises Unavailable where the file could not be written later, before anything has begun."""
    partial = f"{ready_file}.part"
    try:
        with open(partial, "w", encoding="utf-8"):
            pass
        os.unlink(partial)
    except OSError as failed:
        raise _unwritable(ready_file, failed) from None


def _write_ready(ready_file: str, server: Any) -> None:
    """Writes all of it or nothing, so that whoever waits for the file can read it at once."""
    listening = {"http": server.http.port, "sip": server.sockets.addresses, "pid": os.getpid()}
    partial = f"{ready_file}.part"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(listening, file)
    os.replace(partial, ready_file)
