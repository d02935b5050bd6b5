"""Lets Python programs that use `requests` heed HTTPS_PROXY and REQUESTS_CA_BUNDLE where their SDK passes both by.

`switchhook proxy -- python program.py` puts this folder first on PYTHONPATH. Some SDKs call `Session.send` with
`proxies=None`, and `requests` then reads neither variable; here they are read after all. Nothing else is changed, and a
`sitecustomize` of the machine's own is run as well.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def _shadowed() -> None:
    for folder in sys.path:
        found = Path(folder or ".").resolve() / "sitecustomize.py"
        if found.parent != _HERE and found.is_file():
            runpy.run_path(str(found))
            return


def _heed() -> None:
    try:
        from requests import Session
        from requests.utils import get_environ_proxies
    except ImportError:
        return
    plain = Session.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        if not options.get("proxies"):
            options["proxies"] = get_environ_proxies(request.url)
        if options.get("verify", self.verify) is True and os.environ.get("REQUESTS_CA_BUNDLE"):
            options["verify"] = os.environ["REQUESTS_CA_BUNDLE"]
        return plain(self, request, **options)

    setattr(Session, "send", send)  # noqa: B010


_shadowed()
_heed()
