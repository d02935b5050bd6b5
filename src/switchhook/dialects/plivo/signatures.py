"""Signatures of outgoing requests, generations V2 and V3 (plivo-voice-api 8, plivo-xml 1.9).

All are base64(HMAC-SHA256(auth token, message)). The V3 message is made of the URL without query, the sorted query,
the sorted body and a nonce; the joints between them follow the official SDKs, not the prose of the manual:

    GET  base ? query . nonce        POST  base ? query . body . nonce
    GET  base . nonce                POST  base ? body . nonce        POST  base ? query . nonce       POST base . nonce

Receivers rebuild the URL from what they see, and SDKs differ in what they keep of it: some drop an explicit port, and a
URL without a path comes back with one. So a header carries one signature for each likely form, joined by commas (no
blank: the Python SDK does not trim). A receiver accepts if any of them fits.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit, urlunsplit

Pairs = Iterable[tuple[str, str]]


def sign(token: str, message: str) -> str:
    """Returns base64 of HMAC-SHA256 of `message` under `token`."""
    return base64.b64encode(hmac.digest(token.encode(), message.encode(), "sha256")).decode()


@lru_cache(maxsize=1024)
def base_of(url: str) -> str:
    """Returns scheme, host, port and path of `url`, as written."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def v2(token: str, url: str, nonce: str) -> str:
    """Returns the V2 signature; query, fragment and body do not matter."""
    return sign(token, base_of(url) + nonce)


def v3_message(method: str, base: str, query: Pairs, body: Pairs, nonce: str) -> str:
    """Returns the text that V3 signs for a request to `base`; pairs are decoded, in any order."""
    asked = "&".join(f"{name}={value}" for name, value in sorted(query))
    sent = "" if method == "GET" else "".join(name + value for name, value in sorted(body))
    parameters = ".".join(part for part in (asked, sent) if part)
    return f"{base}?{parameters}.{nonce}" if parameters else f"{base}.{nonce}"


def v3(token: str, method: str, url: str, body: Pairs, nonce: str) -> str:
    """Returns the V3 signature of a request to exactly `url` (fragment ignored), for upper-case `method`."""
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return sign(token, v3_message(method, base_of(url), query, body, nonce))


@lru_cache(maxsize=1024)
def forms_of(url: str) -> tuple[str, ...]:
    """Returns `url` and the other forms in which a receiver may see it: without its port, with a path."""
    parts = urlsplit(url)
    hosts = [parts.netloc]
    if parts.port is not None:
        hosts.append(parts.netloc.rsplit(":", 1)[0])
    paths = [parts.path] if parts.path else ["", "/"]
    return tuple(urlunsplit((parts.scheme, host, path, parts.query, "")) for host in hosts for path in paths)


def new_nonce() -> str:
    """Returns twenty fresh decimal digits."""
    return f"{secrets.randbelow(10**20):020d}"


def headers(
    method: str,
    url: str,
    body: Mapping[str, str],
    *,
    tokens: Sequence[str],
    main_tokens: Sequence[str],
    generations: str = "v2+v3",
    nonce: str = "",
) -> tuple[tuple[str, str], ...]:
    """Returns the signature headers of a request; `tokens` are the owner's, `main_tokens` those of its main account."""
    nonce = nonce or new_nonce()
    forms = forms_of(url)
    out: list[tuple[str, str]] = []
    if "v3" in generations:
        pairs = tuple(body.items())

        def all_forms(keys: Sequence[str]) -> str:
            return ",".join([v3(key, method, form, pairs, nonce) for key in keys for form in forms])

        own = all_forms(tokens)
        out.append(("X-Plivo-Signature-V3", own))
        out.append(("X-Plivo-Signature-Ma-V3", own if main_tokens == tokens else all_forms(main_tokens)))
        out.append(("X-Plivo-Signature-V3-Nonce", nonce))
    if "v2" in generations:
        # The V2 validators compare one value, not a list: the URL as the client wrote it.
        own = ",".join([v2(key, url, nonce) for key in tokens])
        out.append(("X-Plivo-Signature-V2", own))
        mains = own if main_tokens == tokens else ",".join([v2(key, url, nonce) for key in main_tokens])
        out.append(("X-Plivo-Signature-Ma-V2", mains))
        out.append(("X-Plivo-Signature-V2-Nonce", nonce))
    return tuple(out)
