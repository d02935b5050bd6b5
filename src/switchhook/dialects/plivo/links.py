"""Where a request of ours goes: URL and method, and the retry tuning in the URL's fragment (plivo-xml 1.8)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from switchhook.core.values import dataclass

UNSET = frozenset({"", "none", "null"})
_RETRIED = frozenset({"4xx", "5xx", "ct", "rt", "all"})


@dataclass(frozen=True, slots=True)
class Link:
    """A URL with the method to use, both as the client wrote them."""

    url: str
    method: str = "POST"

    @property
    def valid_url(self) -> bool:
        """True when the URL is absolute, http or https, and names a host."""
        return is_web_url(self.url)

    @property
    def valid_method(self) -> bool:
        return self.method.upper() in ("GET", "POST")

    def against(self, base: str) -> Link:
        """Returns the link with its URL resolved against the URL of the document in which it stood."""
        if not base or is_web_url(self.url):
            return self
        try:
            return Link(urljoin(base, self.url), self.method)
        except ValueError:
            return self


def link_of(url: str | None, method: str | None = None) -> Link | None:
    """Returns the link, or None where the client set no URL (`none` and empty mean unset, plivo-xml 1.10)."""
    text = (url or "").strip()
    if text.lower() in UNSET:
        return None
    verb = (method or "").strip()
    return Link(text, "POST" if verb.lower() in UNSET else verb.upper())


@lru_cache(maxsize=1024)  # the URLs of the configuration come again in every call
def is_web_url(url: str) -> bool:
    """True for an absolute http or https URL with a host and a sensible port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in parts.netloc)


def escaped(url: str) -> str:
    """Returns `url` with blanks and non-ASCII letters percent-encoded, and everything else as it was."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]|\"<>\\^`{}")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How patient and how stubborn a request is; times in seconds."""

    connect_s: float = 2.0
    read_s: float = 40.0
    total_s: float = 55.0
    retries: int = 1
    retried: frozenset[str] = frozenset({"ct", "rt"})

    def again(self, status: int | None) -> bool:
        """Says whether a try that ended with `status` (None: no whole answer came) is worth another."""
        if "all" in self.retried:
            return True
        if status is None:
            return bool(self.retried & {"ct", "rt"})
        return f"{status // 100}xx" in self.retried


@lru_cache(maxsize=1024)
def tuned(url: str, default: Tuning | None = None) -> tuple[str, Tuning]:
    """Splits the fragment off `url`; values out of range are clamped, unknown keys and words ignored."""
    start = default or Tuning()
    bare, fragment = urldefrag(url)
    given = dict(part.split("=", 1) for part in fragment.split("&") if "=" in part)
    policy = frozenset(word.strip().lower() for word in given.get("rp", "").split(",")) & _RETRIED
    return bare, Tuning(
        connect_s=_ms(given.get("ct"), 100, 10_000, start.connect_s),
        read_s=_ms(given.get("rt"), 100, 40_000, start.read_s),
        total_s=_ms(given.get("tt"), 100, 55_000, start.total_s),
        retries=_whole(given.get("rc"), 0, 5, start.retries),
        retried=policy or start.retried,
    )


def _whole(text: str | None, low: int, high: int, default: int) -> int:
    if text is None or not text.isascii() or not text.isdigit():
        return default
    return min(high, max(low, int(text[:9])))


def _ms(text: str | None, low: int, high: int, default: float) -> float:
    found = _whole(text, low, high, -1)
    return default if found < 0 else found / 1000
