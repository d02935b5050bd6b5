"""Who is asking: HTTP Basic on any request, or the session cookie that an earlier one was given (genesys 1.3).

Some clients send `Authorization` once and rely on the cookie, others send it always and keep no cookie. A session that
was handed out and never came back is handed out again to the same user, so that the second kind does not make a new
session with every request. With both present `Authorization` wins.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import field
from uuid import uuid4

from starlette.requests import Request

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import Roster, User
from switchhook.dialects.genesys.status import Code, Failure

COOKIE = "JSESSIONID"
IDLE_S = 1800.0  # a session lives so long after its last request
CSRF_NAME = "X-CSRF-TOKEN"


@dataclass(eq=False, slots=True)
class HttpSession:
    id: str
    user: User
    used_at: float
    token: str = field(default_factory=lambda: str(uuid4()))
    claimed: bool = False  # its cookie has come back


@dataclass(frozen=True, slots=True)
class Asker:
    """An authenticated request."""

    user: User
    session: HttpSession
    by_cookie: bool  # the request carried the session's own cookie


class Access:
    """Knows the users' passwords and the live HTTP sessions."""

    def __init__(self, roster: Roster, now: Callable[[], float], *, csrf: bool) -> None:
        self._roster = roster
        self._now = now
        self._csrf = csrf
        self._sessions: dict[str, HttpSession] = {}  # least recently used first
        self._unclaimed: dict[str, HttpSession] = {}

    def asker(self, request: Request) -> Asker:
        """Returns who asks; raises `Failure` with code 20 for nobody, or for a wrong password."""
        self._forget()
        given = self._sessions.get(request.cookies.get(COOKIE, ""))
        header = request.headers.get("authorization")
        if header is not None:
            user = self._user(header)
            if user is None:
                raise _denied()
            if given is None or given.user is not user:
                return Asker(user, self._use(self._fresh(user)), by_cookie=False)
        elif given is None:
            raise _denied()
        given.claimed = True
        if self._unclaimed.get(given.user.name) is given:
            del self._unclaimed[given.user.name]
        return Asker(given.user, self._use(given), by_cookie=True)

    def check_token(self, asker: Asker, request: Request) -> None:
        """Where the option is on, a request that changes something must carry its session's token."""
        if not self._csrf or request.method in ("GET", "HEAD", "OPTIONS"):
            return
        token = request.headers.get(CSRF_NAME, "")
        if not asker.by_cookie or not hmac.compare_digest(token.encode(), asker.session.token.encode()):
            raise Failure(Code.FORBIDDEN, "Missing or invalid Csrf token.")

    def headers(self, asker: Asker, request: Request, *, secure: bool) -> dict[str, str]:
        """Returns what an authenticated reply carries: the cookie where it is new, the token on a GET."""
        found: dict[str, str] = {}
        if not asker.by_cookie:
            found["Set-Cookie"] = f"{COOKIE}={asker.session.id}; Path=/; HttpOnly" + ("; Secure" if secure else "")
        if self._csrf and request.method == "GET":
            found["X-CSRF-HEADER"] = CSRF_NAME
            found[CSRF_NAME] = asker.session.token
        return found

    def end(self, session: HttpSession) -> None:
        """Ends a session: its cookie opens nothing any more."""
        self._sessions.pop(session.id, None)
        if self._unclaimed.get(session.user.name) is session:
            del self._unclaimed[session.user.name]

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def _fresh(self, user: User) -> HttpSession:
        found = self._unclaimed.get(user.name)
        if found is None:
            found = HttpSession(secrets.token_hex(16).upper(), user, self._now())
            self._unclaimed[user.name] = found
        return found

    def _use(self, session: HttpSession) -> HttpSession:
        session.used_at = self._now()
        self._sessions.pop(session.id, None)
        self._sessions[session.id] = session
        return session

    def _forget(self) -> None:
        oldest = self._now() - IDLE_S
        while self._sessions:
            session = next(iter(self._sessions.values()))
            if session.used_at >= oldest:
                return
            self.end(session)

    def _user(self, header: str) -> User | None:
        """Checks Basic credentials; clients write them as UTF-8 or as ISO-8859-1."""
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
        for charset in ("utf-8", "iso-8859-1"):
            try:
                name, colon, password = given.decode(charset).partition(":")
            except UnicodeDecodeError:
                continue
            user = self._roster.users.get(name)
            if colon and user is not None and hmac.compare_digest(password.encode(), user.agent.password.encode()):
                return user
        return None


def _denied() -> Failure:
    return Failure(Code.NOT_AUTHENTICATED, "Access denied")
