"""A telephone in the terminal: registers, calls, answers, holds, and says what it hears."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import click

from switchhook.core.errors import Unavailable
from switchhook.core.values import dataclass
from switchhook.exchange.ports import Codec
from switchhook.lab.ears import Ears
from switchhook.lab.manners import Manners
from switchhook.lab.phone import Server
from switchhook.lab.phones import Phones
from switchhook.lab.terminal import HELP, Terminal, Wish
from switchhook.lab.tones import VOICE_HZ, Utterance
from switchhook.sip.uri import is_address, place_of, split_host

_EPILOG = "While it runs, type:\n\n\b\n" + HELP


@dataclass(frozen=True, slots=True)
class Options:
    server: Server | None
    domain: str
    user: str
    password: str
    listen: Server
    utterance: Utterance
    says: str
    record: str | None
    codecs: tuple[Codec, ...]
    answers_after_s: float | None
    wish: Wish


@click.command(epilog=_EPILOG)
@click.option("--server", metavar="HOST[:PORT]", help="The SIP server; without one, only SIP URIs can be called.")
@click.option("--domain", default="", help="The domain of the telephone's address, if not the server's.")
@click.option("--user", default="", help="User name; with a password it registers at the server.")
@click.option("--password", default="", envvar="SWITCHHOOK_PHONE_PASSWORD", help="Digest password.")
@click.option("--listen", default="", metavar="HOST[:PORT]", help="Its own SIP address (default: any free port).")
@click.option("--call", "number", default="", metavar="NUMBER", help="Call this number or SIP URI at once.")
@click.option("--answer", type=click.Choice(["auto", "manual"]), default="manual", show_default=True)
@click.option("--answer-after", type=click.FloatRange(min=0), metavar="SECONDS", help="Answer by itself after this.")
@click.option(
    "--play",
    metavar="FILE|tone:HZ",
    help="What it says: a WAV file, over and over, or a tone (default: one for its user name).",
)
@click.option("--record", metavar="FILE", help="Write what it hears into a WAV file.")
@click.option("--for", "for_s", type=click.FloatRange(min=0), metavar="SECONDS",
              help="Hang up and end this long after the answer (without --call: after the start).")  # fmt: skip
@click.option("--codec", "codecs", multiple=True, type=click.Choice([codec.value for codec in Codec]),
              help="Speak only this; may be repeated, first choice first.")  # fmt: skip
def command(
    server: str | None, domain: str, user: str, password: str, listen: str, number: str, answer: str,
    answer_after: float | None, play: str | None, record: str | None, for_s: float | None, codecs: tuple[str, ...],
) -> None:  # fmt: skip
    """A telephone in the terminal: registers, calls, answers, holds, and says what it hears.

    Exit codes: 0 all went well, 1 the call or the registration failed, 2 wrong usage.
    """
    at = _address(server, 5060, "--server") if server else None
    options = Options(
        server=at,
        domain=domain or _name_of(server),
        user=user,
        password=password,
        listen=_address(listen, 0, "--listen") if listen else (_own_host(at), 0),
        utterance=_utterance(play or f"tone:{voice_of(user):g}"),
        says=play or f"tone:{voice_of(user):g}",
        record=_writable(record),
        codecs=tuple(Codec(name) for name in codecs) or tuple(Codec),
        answers_after_s=answer_after if answer_after is not None else 0.0 if answer == "auto" else None,
        wish=Wish(number, for_s, register=bool(at and user and password)),
    )
    sys.exit(asyncio.run(_run(options)))


async def _run(options: Options) -> int:
    loop = asyncio.get_running_loop()
    async with Phones(server=options.server, domain=options.domain) as phones:
        name = options.user or "phone"
        phone = await phones.open(
            name, password=options.password, host=options.listen[0], port=options.listen[1],
            manners=Manners(answers_after_s=options.answers_after_s), codecs=options.codecs,
            utterance=options.utterance,
        )  # fmt: skip
        click.echo(f"telephone {name} at {phone.uri}")
        click.echo(f"says: {options.says}")
        terminal = Terminal(phone, click.echo, _stdin(), quits_at_end=sys.stdin is not None and sys.stdin.isatty())
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, terminal.stop)
        code = await terminal.run(options.wish)
        if options.record and isinstance(phone.ears, Ears):
            phone.ears.save(options.record)
            click.echo(f"what was heard is in {options.record}")
        return code


async def _stdin() -> AsyncIterator[str]:
    """Lines of standard input, read by a thread: a file or a pipe cannot be waited for on every platform."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def put(line: str | None) -> None:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:
            pass  # the loop is closed: nobody reads any more

    def read() -> None:
        for line in sys.stdin or ():
            put(line)
        put(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def _address(text: str, port: int, option: str) -> Server:
    split = split_host(text)
    if split is None:
        raise click.BadParameter(f"{text!r} is not HOST or HOST:PORT", param_hint=option)
    host, given = split
    if not is_address(host):
        try:
            host = str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
        except OSError as error:
            raise click.BadParameter(f"nobody knows the host {host!r}", param_hint=option) from error
    return host, port if given is None else given


def _name_of(server: str | None) -> str:
    """Returns the domain to use: the server as it was written."""
    split = split_host(server) if server else None
    if split is None:
        return ""
    return split[0] if split[1] in (None, 5060) else place_of(*split)


def _own_host(server: Server | None) -> str:
    """Returns the address of ours that the server can reach; sends nothing."""
    if server is None:
        return "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(server)
        except OSError as error:
            raise click.BadParameter(
                f"there is no way to {server[0]}: {error.strerror}", param_hint="--server"
            ) from error
        return str(probe.getsockname()[0])


def voice_of(user: str) -> float:
    """Returns the tone (Hz) of a telephone that is told none: 1001 and 1002 have different ones."""
    number = int(user[-9:]) if user[-9:].isascii() and user[-9:].isdigit() else zlib.crc32(user.encode())
    return VOICE_HZ[number % len(VOICE_HZ)]


def _utterance(play: str) -> Utterance:
    if play.startswith("tone:"):
        hz = play.removeprefix("tone:")
        if not hz.isascii() or not hz.isdigit() or not 100 <= int(hz) <= 3900:
            raise click.BadParameter("a tone is tone:HZ, from 100 to 3900", param_hint="--play")
        return Utterance.of_tone(float(hz))
    try:
        return Utterance.of_file(play)
    except Unavailable as error:
        raise click.BadParameter(str(error), param_hint="--play") from error


def _writable(path: str | None) -> str | None:
    if path is not None and (not Path(path).parent.is_dir() or Path(path).is_dir()):
        raise click.BadParameter(f"{path} cannot be written: no such folder", param_hint="--record")
    return path
