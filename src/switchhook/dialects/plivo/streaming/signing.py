"""Signatures of a stream's upgrade request (plivo-xml 4.8).

Receivers check them by three recipes that disagree: over the wss URL, over the same with https, and over http with
`/websocket` put behind. So the header carries a signature for each, joined by commas; a receiver accepts any.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urldefrag, urlsplit, urlunsplit

from switchhook.dialects.plivo import signatures
from switchhook.dialects.plivo.auth import main_of
from switchhook.settings import Settings


def upgrade_headers(settings: Settings, account: str, url: str) -> tuple[tuple[str, str], ...]:
    """Returns the signature headers of the GET that opens a stream of an account; none where signing is off."""
    owner, main = settings.account(account), main_of(settings, account)
    if settings.webhooks.signature == "off" or owner is None or main is None:
        return ()
    nonce, forms = signatures.new_nonce(), forms_of(url)
    headers = [
        (name, ",".join(signatures.v3(token, "GET", form, (), nonce) for form in forms))
        for name, token in (
            ("X-Plivo-Signature-V3", owner.auth_token), ("X-Plivo-Signature-Ma-V3", main.auth_token),
        )
    ]  # fmt: skip
    return (*headers, ("X-Plivo-Signature-V3-Nonce", nonce))


def forms_of(url: str) -> tuple[str, ...]:
    """Returns the URLs over which a receiver may check a signature."""
    url = urldefrag(url).url
    rest = url.partition("://")[2]
    seen = (url, f"https://{rest}", f"http://{rest}", f"http://{rest}/websocket")
    return tuple(dict.fromkeys(form for each in seen for form in signatures.forms_of(each)))


def without_login(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Returns a URL without user and password, and the header that these stand for (RFC 7617)."""
    parts = urlsplit(url)
    if parts.username is None:
        return url, ()
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return plain, (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)
