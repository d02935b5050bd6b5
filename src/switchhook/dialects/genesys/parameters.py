"""What an operation was given: the body of a POST, read strictly and refused by code (genesys 1.4 and 2)."""

from __future__ import annotations

import re

import msgspec

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.status import Code, Failure, invalid, missing

_DIGITS = re.compile(r"[0-9*#A-Dw]+")
_CALL_URI = re.compile(r".*/calls/([A-Za-z0-9]+)/?")
Data = dict[str, object]


@dataclass(frozen=True, slots=True)
class Parameters:
    """One operation and its parameters."""

    operation: str
    given: Data

    @staticmethod
    def read(body: bytes) -> Parameters:
        """Reads a body; raises `Failure`: code 1 without an operationName, code 2 for anything but a JSON object."""
        try:
            given = msgspec.json.decode(body) if body.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid("The body is not JSON.") from error
        if not isinstance(given, dict):
            raise invalid("The body is not a JSON object.")
        operation = given.get("operationName")
        if operation is None or operation == "":
            raise missing("operationName")
        if not isinstance(operation, str):
            raise invalid("Parameter 'operationName' is not a string.")
        return Parameters(operation, given)

    def summary(self) -> str:
        """Returns the operation and the number dialled, for the timeline."""
        destination = self.given.get("destination")
        number = destination.get("phoneNumber") if isinstance(destination, dict) else None
        return f"{self.operation} {number}"[:200] if number else self.operation[:200]

    def dialled(self) -> tuple[str, Data, str]:
        """Returns what every operation that dials takes: the number, the user data, the location."""
        return self.number(), self.user_data(), self.text("location")

    def number(self) -> str:
        """Returns the number in `destination`."""
        destination = self.given.get("destination")
        if destination is None:
            raise missing("destination")
        number = destination.get("phoneNumber") if isinstance(destination, dict) else None
        if number is None:
            raise missing("destination.phoneNumber")
        if isinstance(number, int) and not isinstance(number, bool):
            number = str(number)
        if not isinstance(number, str) or not number.strip():
            raise invalid("Parameter 'destination.phoneNumber' is not a number.")
        return number.strip()

    def participant(self) -> str:
        """Returns the number of the party that is meant, given as itself or as an object of one."""
        given = self.given.get("participant")
        number = given.get("phoneNumber") if isinstance(given, dict) else given
        if number is None or number == "":
            raise missing("participant")
        if isinstance(number, int) and not isinstance(number, bool):
            number = str(number)
        if not isinstance(number, str):
            raise invalid("Parameter 'participant' is not a number.")
        return number.strip()

    def digits(self) -> str:
        digits = self.given.get("digits")
        if digits is None or digits == "":
            raise missing("digits")
        if not isinstance(digits, str) or _DIGITS.fullmatch(digits) is None:
            raise Failure(Code.OUT_OF_RANGE, "Parameter 'digits' may contain 0-9, *, #, A-D and w.")
        return digits

    def user_data(self, *, needed: bool = False) -> Data:
        """Returns `userData`, a flat object of pairs; values may be nested."""
        data = self.given.get("userData")
        if data is None:
            if needed:
                raise missing("userData")
            return {}
        if not isinstance(data, dict):
            raise invalid("Parameter 'userData' is not an object.")
        return data

    def key(self) -> str:
        key = self.given.get("key")
        if key is None or key == "":
            raise missing("key")
        if not isinstance(key, str):
            raise invalid("Parameter 'key' is not a string.")
        return key

    def call(self, name: str) -> str | None:
        """Returns the id of the call that a URI names, or None when the parameter is absent."""
        uri = self.given.get(name)
        if uri is None or uri == "":
            return None
        found = _CALL_URI.fullmatch(uri) if isinstance(uri, str) else None
        if found is None:
            raise invalid(f"Parameter '{name}' is not the address of a call.")
        return found.group(1)

    def text(self, name: str) -> str:
        found = self.given.get(name)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise invalid(f"Parameter '{name}' is not a string.")
        return found
