"""Signatures of a stream's upgrade request (plivo-xml 4.8).

Receivers check them by three recipes that disagree: over the wss URL, over the same with https, and over http with
`/websocket` put behind. So the header carries a signature for each, joined by commas; a receiver accepts any.
"""

from __future__ import annotations

from urllib.parse import urldefrag

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
