"""What API clients make beside the configuration file.

An object that was made is what the file could have declared, and a little more that only an API shows. So whoever looks
up an account, a telephone, an application or a number finds either, and need not know which.

A telephone's password is not kept: what digest authentication needs is a hash of user, realm and password for each
algorithm (RFC 7616 3.4.2), which serves for nothing but this realm.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from enum import Enum
from typing import Literal

import msgspec

from switchhook.core.values import dataclass
from switchhook.exchange.objects import Document
from switchhook.settings.tree import Account, Application, Endpoint, Number

DIGESTS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Kind(Enum):
    """What can be made; the order is that in which objects refer to each other."""

    ACCOUNT = "account"
    PROFILE = "profile"
    APPLICATION = "application"
    ENDPOINT = "endpoint"
    NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class MadeAccount(Account):
    """A sub-account."""

    enabled: bool = True  # otherwise its credentials are refused
    created_at: float = 0.0
    changed_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What an account of the file says of itself for people."""

    account: str
    name: str = ""
    city: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class MadeApplication(Application):
    """An application; its answer URL may be empty until somebody sets it."""

    message_url: str = ""
    message_method: Literal["GET", "POST"] = "POST"
    default_app: bool = False  # of numbers that are rented without an application
    default_endpoint_app: bool = False  # of telephones that are made without one
    log_incoming_messages: bool = True
    public_uri: bool = False


@dataclass(frozen=True, kw_only=True)
class MadeEndpoint(Endpoint):
    """A telephone, whose password nobody knows."""

    password: str = field(default="", repr=False)
    endpoint_id: str
    alias: str = ""
    realm: str = ""  # what the hashes were made for
    hashes: dict[str, str] = field(default_factory=dict, repr=False)  # by digest algorithm


@dataclass(frozen=True, kw_only=True)
class MadeNumber(Number):
    """A number that was rented from the inventory, or brought by its owner; without an application nobody answers."""

    alias: str = ""
    carrier: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    type: str = "local"
    cnam_lookup: str = "disabled"
    added_at: float = 0.0


Made = MadeAccount | Profile | MadeApplication | MadeEndpoint | MadeNumber

_CLASSES: dict[Kind, type[Made]] = {
    Kind.ACCOUNT: MadeAccount,
    Kind.PROFILE: Profile,
    Kind.APPLICATION: MadeApplication,
    Kind.ENDPOINT: MadeEndpoint,
    Kind.NUMBER: MadeNumber,
}
_KINDS = {cls: kind for kind, cls in _CLASSES.items()}
MADE = tuple(_CLASSES.values())


def kind_of(made: Made) -> Kind:
    return _KINDS[type(made)]


def name_of(made: Made) -> str:
    """Returns the id under which an object is kept."""
    match made:
        case MadeAccount():
            return made.auth_id
        case MadeApplication():
            return made.app_id
        case MadeEndpoint():
            return made.username
        case MadeNumber():
            return made.number
        case _:
            return made.account


def owner_of(made: Made) -> str:
    """Returns the account whose object it is; a sub-account's is its main account."""
    return made.parent if isinstance(made, MadeAccount) else made.account


def hashes_of(username: str, realm: str, password: str) -> dict[str, str]:
    """Returns what a server must know of a password, by digest algorithm."""
    text = f"{username}:{realm}:{password}".encode()
    known = {name: hashed for name, hashed in DIGESTS.items() if hashed in hashlib.algorithms_available}
    return {name: hashlib.new(hashed, text).hexdigest() for name, hashed in known.items()}


# --- on disk --------------------------------------------------------------------------------------------------------


def document(made: Made) -> Document:
    """Returns an object as it is kept."""
    return Document(kind_of(made).value, name_of(made), owner_of(made), msgspec.to_builtins(made))


def of_document(found: Document) -> Made | None:
    """Returns the object; None for a kind that this version does not know, or a body that does not fit."""
    try:
        return msgspec.convert(found.body, _CLASSES[Kind(found.kind)], strict=False)
    except (ValueError, msgspec.ValidationError):
        return None
