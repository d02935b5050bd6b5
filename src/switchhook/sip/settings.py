"""What the SIP line needs to know of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Latching
from switchhook.sip.digest import Credentials, Password


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """A telephone that may register and call, known by its password, or by H(user:realm:password) of it.

    One of `password`, `ha1` (MD5) and `hashes` (by digest algorithm) is set.
    """

    username: str
    password: str | None = field(default=None, repr=False)
    ha1: str | None = field(default=None, repr=False)
    latching: Latching = Latching.SIGNALLING
    hashes: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def secret(self) -> Password:
        return Password(self.password, self.ha1, self.hashes)


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """A SIP peer: where calls to it go, and from which addresses or networks its calls come."""

    name: str
    uri: str
    match: tuple[str, ...] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    realm: str = ""
    latching: Latching = Latching.SIGNALLING

    @property
    def credentials(self) -> Credentials | None:
        return Credentials(self.username, self.password, self.realm) if self.username else None


@dataclass(frozen=True, slots=True)
class LineSettings:
    """`listen` is what is really bound (our own addresses); `secret` keys the nonces (16 bytes or more)."""

    listen: tuple[tuple[str, str, int], ...]
    domain: str = "switchhook.local"
    endpoints: tuple[EndpointSettings, ...] = ()
    trunks: tuple[TrunkSettings, ...] = ()
    min_expires_s: int = 60
    max_expires_s: int = 3600
    max_contacts: int = 10
    max_legs: int = 0  # beyond it new calls are refused early; 0: as many as come
    worker: str = "w0"
    name: str = "Switchhook"
    secret: bytes = field(default=b"", repr=False)
    # MD5 alone unless configured: libre before 2.0 (baresip of Debian 12) and SIPp give up on a challenge that names
    # an algorithm they do not know, in whatever order (RFC 8760 2.4 expects them to skip it).
    algorithms: tuple[str, ...] = ("MD5",)
