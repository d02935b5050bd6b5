"""Participants: how the number of another party is written (genesys 5.2)."""

from __future__ import annotations


def bare(address: str) -> str:
    """Returns the user part of a SIP address, or the number as it is."""
    lower = address.lower()
    for scheme in ("sips:", "sip:", "tel:"):
        if lower.startswith(scheme):
            address = address[len(scheme) :]
            break
    user = address.split(";", 1)[0].partition("@")[0]
    return user or address


def is_e164(number: str, external: bool) -> bool:
    """True for a number of the public network: it says so by its `+`, or it lies behind a trunk and is long enough."""
    digits = number.removeprefix("+")
    if not digits.isdigit() or not 7 <= len(digits) <= 15:
        return False
    return external or number.startswith("+")


def participant(number: str, external: bool = False) -> dict[str, str]:
    """Returns the participant object of a number; `external` means that a trunk carries it."""
    if is_e164(number, external):
        digits = number.removeprefix("+")
        written = f"+{digits}"
        return {"e164Number": written, "formattedPhoneNumber": written, "phoneNumber": written, "digits": digits}
    return {"e164Number": "", "formattedPhoneNumber": number, "phoneNumber": number, "digits": number}
