"""Digest authentication (RFC 2617, 7616, 8760), both sides, without a store of nonces.

Server: a nonce is its own proof, a time and an HMAC of it under a secret of this process, so nothing is kept per
challenge. What must be kept is which nonce counts were used (RFC 7616 5.12 replay), a window of 64 per nonce that was
used at all, for as long as the nonce lives. Credentials without qop (RFC 2069) have no count: each nonce serves them
once. Challenges go out best algorithm first (RFC 8760 2.3); a client takes the first it knows.

Client: one answer per realm, one more when the server says the nonce was stale; anything else would be a loop. Several
realms may ask, at once (a proxy gathers what its forks say) or one after the other (a proxy, then the server behind
it), so every answer holds what all of them have asked for so far (RFC 3261 22.3); whoever invents ever new realms is
left after `MAX_REALMS`.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum
from random import Random

from switchhook.core.values import dataclass
from switchhook.sip.headers import parse_auth, quote_text
from switchhook.sip.message import Message

NONCE_LIFE_S = 300.0
_WINDOW = 64
MAX_USED = 20_000  # nonces whose counts are kept; about 4 MB
MAX_REALMS = 8  # that may ask for credentials within one call
_REPLIES = (("www-authenticate", "Authorization"), ("proxy-authenticate", "Proxy-Authorization"))


def _hash(name: str) -> Callable[[str], str]:
    return lambda text: hashlib.new(name, text.encode("utf-8", "surrogateescape")).hexdigest()


HASHES: dict[str, Callable[[str], str]] = {"MD5": _hash("md5"), "SHA-256": _hash("sha256")}
if "sha512_256" in hashlib.algorithms_available:
    HASHES["SHA-512-256"] = _hash("sha512_256")


@dataclass(frozen=True, slots=True)
class Password:
    """What we know of a user: the password, or only H(user:realm:password), for MD5 or for each algorithm."""

    password: str | None = field(default=None, repr=False)
    ha1: str | None = field(default=None, repr=False)
    hashes: Mapping[str, str] | None = field(default=None, repr=False)  # HA1 by algorithm

    def secret(self, algorithm: str, username: str, realm: str) -> str | None:
        """Returns HA1 for an algorithm, or None when we cannot know it; at the same effort in either case."""
        made = HASHES[algorithm](f"{username}:{realm}:{self.password}")
        if self.password is not None:
            return made
        if self.hashes is not None:
            return self.hashes.get(algorithm)
        return self.ha1 if algorithm == "MD5" else None


NOBODY = Password()  # an unknown user's: as much is reckoned for it, so that time does not tell who exists


def digest_response(
    algorithm: str,
    ha1: str,
    nonce: str,
    method: str,
    uri: str,
    *,
    qop: str,
    nc: str,
    cnonce: str,
    body: bytes,
    sess: bool,
) -> str:
    """Computes the response value (RFC 7616 3.4.1 to 3.4.3)."""
    hashed = HASHES[algorithm]
    if sess:
        ha1 = hashed(f"{ha1}:{nonce}:{cnonce}")
    subject = f"{method}:{uri}"
    if qop == "auth-int":
        entity = body.decode("utf-8", "surrogateescape")
        subject = f"{subject}:{hashed(entity)}"
    ha2 = hashed(subject)
    if not qop:
        return hashed(f"{ha1}:{nonce}:{ha2}")
    return hashed(f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


class Verdict(Enum):
    CHALLENGE = "challenge"  # no credentials for our realm
    STALE = "stale"  # a nonce that is not ours, too old, or used
    WRONG = "wrong"  # wrong password, unknown user, or credentials that make no sense
    RIGHT = "right"


class Authenticator:
    """The server side for one realm."""

    def __init__(self, realm: str, secret: bytes, *, algorithms: tuple[str, ...] = ("SHA-256", "MD5")) -> None:
        self.realm = realm
        self.algorithms = tuple(name for name in algorithms if name in HASHES)
        self._secret = secret
        self._used: dict[str, tuple[int, int]] = {}  # nonce -> highest nc, bits of the _WINDOW below it
        self._made = 0
        self._not_before = 0  # ms; a nonce made earlier is stale, because its counts may have been dropped

    def challenge(self, now: float, *, stale: bool = False, proxy: bool = False) -> str:
        """Returns the header lines of a challenge, one per algorithm."""
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        nonce = self.nonce(now)
        flag = ", stale=true" if stale else ""
        return "".join(
            f'{name}: Digest realm={quote_text(self.realm)}, nonce="{nonce}", qop="auth,auth-int", '
            f"algorithm={algorithm}{flag}\r\n"
            for algorithm in self.algorithms
        )

    def nonce(self, now: float) -> str:
        self._made += 1
        stamp = f"{int(now * 1000):x}.{self._made:x}"
        return f"{stamp}.{self._proof(stamp)}"

    def _proof(self, stamp: str) -> str:
        made = hmac.new(self._secret, f"{self.realm}|{stamp}".encode("utf-8", "surrogateescape"), "sha256").digest()
        return b64encode(made[:15], b"-_").decode()

    def check(
        self, request: Message, find: Callable[[str], Password | None], now: float, *, proxy: bool = False
    ) -> tuple[Verdict, str]:
        """Judges a request's credentials; returns the user name with `RIGHT`."""
        fields = self._credentials(request, proxy)
        if fields is None:
            return Verdict.CHALLENGE, ""
        username, nonce = fields.get("username", ""), fields.get("nonce", "")
        algorithm = fields.get("algorithm", "MD5").upper()
        sess = algorithm.endswith("-SESS")
        algorithm = algorithm.removesuffix("-SESS")
        qop, nc, cnonce = fields.get("qop", "").lower(), fields.get("nc", ""), fields.get("cnonce", "")
        if algorithm not in self.algorithms or qop not in ("", "auth", "auth-int") or (qop and not (nc and cnonce)):
            return Verdict.WRONG, ""
        if not self._fresh(nonce, now):
            return Verdict.STALE, ""
        ha1 = (find(username) or NOBODY).secret(algorithm, username, self.realm)
        expected = digest_response(
            algorithm, ha1 or "no such user", nonce, request.verb, fields.get("uri", ""),
            qop=qop, nc=nc, cnonce=cnonce, body=request.body, sess=sess,
        )  # fmt: skip
        given = fields.get("response", "").lower()
        same = hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))
        if not same or ha1 is None:
            return Verdict.WRONG, ""
        if not self._count(nonce, nc, qop):
            return Verdict.STALE, ""
        return Verdict.RIGHT, username

    def _credentials(self, request: Message, proxy: bool) -> dict[str, str] | None:
        for value in request.get_all("proxy-authorization" if proxy else "authorization"):
            parsed = parse_auth(value)
            if parsed is not None and parsed[0] == "digest" and parsed[1].get("realm") == self.realm:
                return parsed[1]
        return None

    def _fresh(self, nonce: str, now: float) -> bool:
        stamp, _, proof = nonce.rpartition(".")
        millis = stamp.partition(".")[0]
        if not hmac.compare_digest(self._proof(stamp).encode(), proof.encode("utf-8", "surrogateescape")):
            return False
        made = int(millis, 16)
        return now - made / 1000 <= NONCE_LIFE_S and made >= self._not_before

    def _count(self, nonce: str, nc: str, qop: str) -> bool:
        try:
            number = int(nc, 16) if qop else 1
        except ValueError:
            return False
        highest, bits = self._used.get(nonce, (0, 0))
        if number < 1 or number > 0xFFFFFFFF or number <= highest - _WINDOW:
            return False
        if number > highest:
            bits = (bits << min(number - highest, _WINDOW) | 1) & ((1 << _WINDOW) - 1)
            highest = number
        else:
            bit = 1 << (highest - number)
            if bits & bit:
                return False
            bits |= bit
        if nonce not in self._used and len(self._used) >= MAX_USED:
            self._drop_oldest()
        self._used[nonce] = (highest, bits)
        return True

    def _drop_oldest(self) -> None:
        """Drops the older half of the counts; their nonces, and all older ones, are stale from now on."""
        times = sorted(_made_at(one) for one in self._used)
        self._not_before = times[len(times) // 2] + 1
        self._used = {one: kept for one, kept in self._used.items() if _made_at(one) >= self._not_before}

    def forget(self, now: float) -> None:
        """Drops the counts of nonces that are too old to be used; call it now and then."""
        oldest = (now - NONCE_LIFE_S) * 1000
        for nonce in [one for one in self._used if _made_at(one) < oldest]:
            del self._used[nonce]


def _made_at(nonce: str) -> int:
    """Returns when a nonce of ours was made (ms)."""
    return int(nonce.partition(".")[0], 16)


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password for one realm, or for any when `realm` is empty."""

    username: str
    password: str = field(repr=False)
    realm: str = ""


class Responder:
    """The client side for one call or registration."""

    def __init__(self, credentials: Credentials, random: Random) -> None:
        self.credentials = credentials
        self._random = random
        self._asked: dict[tuple[str, str], dict[str, str]] = {}  # by header of the reply and realm, the latest
        self._tries: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}

    def answer(self, challenge: Message, method: str, uri: str, body: bytes) -> str:
        """Returns the header lines that answer a 401 or 407, or an empty text when we should not try again."""
        asks = [(reply, one) for name, reply in _REPLIES for one in self._choose(challenge.get_all(name))]
        for reply, fields in asks:
            realm = reply, fields.get("realm", "")
            stale = fields.get("stale", "").lower() == "true"
            tries = self._tries.get(realm, 0)
            if (tries and not (stale and tries < 3)) or (realm not in self._asked and len(self._asked) >= MAX_REALMS):
                return ""
            self._tries[realm] = tries + 1
            self._asked[realm] = fields
        if not asks:
            return ""
        return "".join(
            f"{reply}: {self._digest(fields, method, uri, body)}\r\n" for (reply, _), fields in self._asked.items()
        )

    def settled(self) -> None:
        """States that a request was accepted: the next challenge is a new one."""
        self._tries.clear()

    def _choose(self, values: list[str]) -> list[dict[str, str]]:
        """Returns the first challenge of each realm that we can answer (RFC 8760 2.4)."""
        chosen: dict[str, dict[str, str]] = {}
        for value in values:
            parsed = parse_auth(value)
            if parsed is None or parsed[0] != "digest" or "nonce" not in parsed[1]:
                continue
            fields = parsed[1]
            algorithm = fields.get("algorithm", "MD5").upper().removesuffix("-SESS")
            if algorithm in HASHES and (not self.credentials.realm or fields.get("realm") == self.credentials.realm):
                chosen.setdefault(fields.get("realm", ""), fields)
        return list(chosen.values())

    def _digest(self, fields: dict[str, str], method: str, uri: str, body: bytes) -> str:
        written = fields.get("algorithm", "MD5")
        algorithm = written.upper().removesuffix("-SESS")
        sess = written.upper().endswith("-SESS")
        offered = [word.strip().lower() for word in fields.get("qop", "").split(",") if word.strip()]
        qop = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else ""
        nonce, realm, user = fields["nonce"], fields.get("realm", ""), self.credentials.username
        count = self._counts[nonce] = self._counts.get(nonce, 0) + 1
        nc, cnonce = f"{count:08x}", f"{self._random.getrandbits(64):016x}"
        ha1 = HASHES[algorithm](f"{user}:{realm}:{self.credentials.password}")
        made = digest_response(algorithm, ha1, nonce, method, uri, qop=qop, nc=nc, cnonce=cnonce, body=body, sess=sess)
        parts = [
            f"username={quote_text(user)}", f"realm={quote_text(realm)}", f"nonce={quote_text(nonce)}",
            f'uri="{uri}"', f'response="{made}"', f"algorithm={written}",
        ]  # fmt: skip
        if qop or sess:
            parts.append(f'cnonce="{cnonce}"')
        if qop:
            parts += [f"qop={qop}", f"nc={nc}"]
        if "opaque" in fields:
            parts.append(f"opaque={quote_text(fields['opaque'])}")
        return "Digest " + ", ".join(parts)
