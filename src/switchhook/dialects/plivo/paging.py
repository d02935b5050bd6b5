"""Pages of a list (plivo-voice-api 1.4): what part is wanted, and what stands beside the objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from switchhook.core.values import dataclass
from switchhook.dialects.plivo.problems import invalid
from switchhook.dialects.plivo.shapes import whole

LONGEST = 20


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that is wanted."""

    limit: int = LONGEST
    offset: int = 0

    def meta(self, path: str, given: Mapping[str, Any], total: int) -> dict[str, object]:
        """Returns what is said of a list of `total` objects; the neighbours keep the filters that were `given`."""
        after, before = self.offset + self.limit, max(0, self.offset - self.limit)
        return {
            "limit": self.limit,
            "offset": self.offset,
            "next": self._uri(path, given, after) if after < total else None,
            "previous": self._uri(path, given, before) if self.offset else None,
            "total_count": total,
            "count": total,
        }

    def _uri(self, path: str, given: Mapping[str, Any], offset: int) -> str:
        kept = {name: str(value) for name, value in given.items() if name not in ("limit", "offset")}
        return f"{path.rstrip('/')}/?{urlencode({**kept, 'limit': self.limit, 'offset': offset})}"


def page_of(given: Mapping[str, Any]) -> Page:
    """Reads limit and offset; raises `Problem` 400."""
    limit, offset = whole(given, "limit", 0), whole(given, "offset", 0)
    if limit is not None and not 1 <= limit <= LONGEST:
        raise invalid("limit", f"it should be between 1 and {LONGEST}")
    return Page(LONGEST if limit is None else limit, offset or 0)
