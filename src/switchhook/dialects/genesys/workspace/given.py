"""What a request of this API was given: `{"data": {...}}`, read strictly."""

from __future__ import annotations

import msgspec

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.status import invalid, missing
from switchhook.dialects.genesys.workspace import pairs

Data = dict[str, object]


@dataclass(frozen=True, slots=True)
class Given:
    """The members of a request's `data`, and the whole body."""

    data: Data
    body: Data

    @staticmethod
    def read(body: bytes) -> Given:
        """Reads a body, which may be empty; raises `Failure` for anything but an object with an object in it."""
        try:
            whole = msgspec.json.decode(body) if body.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid("The body is not JSON.") from error
        if not isinstance(whole, dict):
            raise invalid("The body is not a JSON object.")
        data = whole.get("data")
        if data is not None and not isinstance(data, dict):
            raise invalid("Parameter 'data' is not an object.")
        if not isinstance(whole.get("operationId", ""), str):
            raise invalid("Parameter 'operationId' is not a string.")
        given = Given(data or {}, whole)
        for name in ("reasons", "extensions"):  # for the T-Server; checked, and not used otherwise
            pairs.read(given.data.get(name), name)
        return given

    def text(self, name: str) -> str:
        """Returns a string, or nothing when it is absent."""
        found = self.data.get(name)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise invalid(f"Parameter '{name}' is not a string.")
        return found

    def needed(self, name: str) -> str:
        found = self.text(name)
        if not found:
            raise missing(name)
        return found

    def one_of(self, name: str, values: tuple[str, ...]) -> str:
        """Returns one of the values, or nothing when it is absent."""
        found = self.text(name)
        if found and found not in values:
            raise invalid(f"Parameter '{name}' is not one of {', '.join(values)}.")
        return found

    def flag(self, name: str, default: bool) -> bool:
        found = self.data.get(name)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise invalid(f"Parameter '{name}' is not true or false.")
        return found

    def pairs(self, *, needed: bool = False) -> list[pairs.Pair]:
        """Returns the pairs of `userData`."""
        if needed and self.data.get("userData") is None:
            raise missing("userData")
        return pairs.read(self.data.get("userData"))

    def dialled(self) -> Data:
        """Returns the parameters of an operation of the other API that dials."""
        given: Data = {"destination": {"phoneNumber": self.needed("destination")}, "location": self.text("location")}
        if data := pairs.merged(self.pairs()):
            given["userData"] = data
        if shown := self.text("outboundCallerId"):
            given["outboundCallerId"] = shown
        return given

    def summary(self) -> str:
        """Returns the number dialled, for the timeline."""
        number = self.data.get("destination")
        return number[:100] if isinstance(number, str) else ""
