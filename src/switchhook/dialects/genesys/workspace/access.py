"""Who is asking: a bearer token opens a session, and the session's cookie everything else (genesys 8.1).

Tokens come from `/auth/v3/oauth/token`, in exchange for the agent's user name and password (RFC 6749 4.3); they are
random, kept here only, and end after `TOKEN_S` or with the process. Which client asks for one is not checked: the
agent's password decides. Where `[genesys] api_key` is set, every request must carry it as `x-api-key`.

Rejected: the authorization code grant, which needs a page of ours to log in at and clients to be registered.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from starlette.requests import Request

from switchhook.core.values import dataclass
from switchhook.dialects.genesys.agents import Roster, User
from switchhook.dialects.genesys.status import Code, Failure

COOKIE = "WORKSPACE_SESSIONID"
IDLE_S = 1800.0  # a session lives so long after its last request
TOKEN_S = 43_200.0
KEPT = 16  # tokens of one user; the oldest goes when there is one more


@dataclass(eq=False, slots=True)
class Session:
    """One desktop that has initialised its workspace."""

    id: str
    user: User
    used_at: float


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    user: User
    ends_at: float


class Access:
    """Knows the live tokens and sessions of this API."""

    def __init__(self, roster: Roster, now: Callable[[], float], api_key: str) -> None:
        self._roster = roster
        self._now = now
        self._api_key = api_key.encode()
        self._tokens: dict[str, list[Token]] = {}  # by user, oldest first
        self._sessions: dict[str, Session] = {}  # least recently used first

    # --- tokens -----------------------------------------------------------------------------------------------------

    def token(self, username: str, password: str) -> Token | None:
        """Returns a new token, or None for a user that does not exist or another password."""
        user = self._roster.users.get(username)
        if user is None or not hmac.compare_digest(password.encode(), user.agent.password.encode()):
            return None
        mine = [each for each in self._tokens.get(user.name, ()) if each.ends_at > self._now()]
        found = Token(secrets.token_urlsafe(32), user, self._now() + TOKEN_S)
        self._tokens[user.name] = [*mine[1 - KEPT :], found]
        return found

    def bearer(self, request: Request) -> User:
        """Returns whose token the request carries; raises `Failure` with code 20."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        given = text.strip().encode()
        if scheme.lower() == "bearer":
            for tokens in self._tokens.values():
                for token in tokens:
                    if hmac.compare_digest(token.text.encode(), given) and token.ends_at > self._now():
                        return token.user
        raise _denied()

    # --- sessions ---------------------------------------------------------------------------------------------------

    def check_key(self, request: Request) -> None:
        """Raises `Failure` for a request without the configured API key."""
        given = request.headers.get("x-api-key", "").encode()
        if self._api_key and not hmac.compare_digest(given, self._api_key):
            raise Failure(Code.NOT_AUTHENTICATED, "Missing or invalid x-api-key.")

    def open(self, user: User) -> Session:
        session = Session(secrets.token_hex(16), user, self._now())
        self._sessions[session.id] = session
        return session

    def session(self, request: Request) -> Session:
        """Returns the session of the request's cookie; raises `Failure` with code 20 without one."""
        self._forget()
        session = self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        if session is None:
            raise _denied()
        session.used_at = self._now()
        self._sessions[session.id] = session
        return session

    def end(self, session: Session) -> None:
        self._sessions.pop(session.id, None)

    def _forget(self) -> None:
        oldest = self._now() - IDLE_S
        while self._sessions:
            session = next(iter(self._sessions.values()))
            if session.used_at >= oldest:
                return
            self.end(session)


def _denied() -> Failure:
    return Failure(Code.NOT_AUTHENTICATED, "Access denied.")
