"""An HTTPS proxy that brings unmodified Plivo programs to this server instead of the vendor's.

Some SDKs pin api.plivo.com and phlorunner.plivo.com. Started beside the server, this proxy answers as those two hosts
and as no other. It makes its own certificate authority on first use, which can vouch for these hosts only. With a
command behind `--` it runs that program, tells it of the proxy by its environment, and ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from switchhook.core.errors import Unavailable
from switchhook.lab import behind
from switchhook.lab.authority import Authority
from switchhook.lab.proxy import HOSTS, Proxy

_EPILOG = """\b
Run a program behind it:
  switchhook proxy -- python program.py
  switchhook proxy -- node program.js
Or start programs yourself with
  HTTPS_PROXY=http://127.0.0.1:8442
and let them trust the authority:
  Node      NODE_EXTRA_CA_CERTS=switchhook-ca.pem
  curl      --cacert switchhook-ca.pem
  Ruby, Go  SSL_CERT_FILE=switchhook-ca.pem
Plivo's Python SDK heeds neither variable by itself; `switchhook proxy -- python ...` makes it."""


@click.command(epilog=_EPILOG)
@click.option("--listen", default="127.0.0.1:8442", show_default=True, metavar="HOST:PORT", help="Where clients come.")
@click.option("--to", default="http://127.0.0.1:8080", show_default=True, metavar="URL", help="The server.")
@click.option(
    "--ca",
    default="switchhook-ca.pem",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The authority's certificate; made, with its key in FILE.key, when it is not there.",
)
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def command(listen: str, to: str, ca: Path, program: tuple[str, ...]) -> None:
    """Runs the proxy until Ctrl-C, or until PROGRAM ends."""
    host, colon, digits = listen.rpartition(":")
    if not colon or not digits.isdecimal() or int(digits) > 65_535:
        raise click.BadParameter(f"{listen!r} is not HOST:PORT", param_hint="--listen")
    fresh = not ca.exists()
    try:
        authority = Authority.at(ca, HOSTS)
        proxy = Proxy(authority, to)
        said = [f"proxy for {' and '.join(HOSTS)} to {to}", f"authority {'made in' if fresh else 'read from'} {ca}"]
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(asyncio.run(_run(proxy, host.strip("[]"), int(digits), ca, program, said)))
    except Unavailable as error:
        raise click.ClickException(str(error)) from error


async def _run(proxy: Proxy, host: str, port: int, ca: Path, program: Sequence[str], said: list[str]) -> int:
    bound = await proxy.start(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    try:
        if program:
            return await _behind(url, ca, program)
        for line in (*said, f"use it with HTTPS_PROXY={url}"):
            click.echo(line)
        return await asyncio.Event().wait() or 0
    finally:
        await proxy.stop()


async def _behind(url: str, ca: Path, program: Sequence[str]) -> int:
    with tempfile.NamedTemporaryFile("wb", suffix=".pem") as bundle:
        # Clients that take one file in place of the system's authorities still need those for other hosts.
        system = ssl.get_default_verify_paths().cafile
        bundle.write((Path(system).read_bytes() if system else b"") + b"\n" + ca.read_bytes())
        bundle.flush()
        try:
            process = await asyncio.create_subprocess_exec(*program, env=_environment(url, ca, bundle.name))
        except OSError as error:
            raise Unavailable(f"{program[0]} cannot be started: {error.strerror or error}") from error
        return await process.wait()


def _environment(url: str, ca: Path, bundle: str) -> dict[str, str]:
    found = dict(os.environ)
    found.update(dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url))
    found.update(dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), bundle))
    found["NODE_EXTRA_CA_CERTS"] = str(ca.resolve())
    paths = (str(Path(behind.__file__).parent), os.environ.get("PYTHONPATH", ""))
    found["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return found
