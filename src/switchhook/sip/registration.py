"""A telephone's binding at its registrar (RFC 3261 10.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.sip.build import ALLOW, Draft
from switchhook.sip.headers import whole_number
from switchhook.sip.message import Message
from switchhook.sip.timers import Timer
from switchhook.sip.transactions import ClientTransaction
from switchhook.sip.uri import escape_user

if TYPE_CHECKING:
    from switchhook.sip.agent import Agent


class Registration:
    """One telephone's binding at its registrar (RFC 3261 10.2): same Call-ID, growing CSeq, renewed at half time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._call_id = agent.engine.tokens.call_id()
        self._tag = agent.engine.tokens.tag()
        self._cseq = 0
        self._responder = agent.responder()
        self._renewal: Timer | None = None
        self._expires_s = 0

    def send(self, expires_s: int, credentials: str = "") -> None:
        agent = self._agent
        if self._renewal is not None:
            self._renewal.cancel()
        self._expires_s = expires_s
        self._cseq += 1
        flow = agent.server_flow()
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        me = agent.identity
        contact = f"Contact: <sip:{escape_user(me.username)}@{flow.local}{transport}>\r\n"
        draft = Draft(
            "REGISTER", f"sip:{me.domain}", f"{me.address};tag={self._tag}", f"<{me.uri}>", self._call_id, self._cseq,
            extra=f"{contact}Expires: {expires_s}\r\n{ALLOW}{agent.engine.agent_line}{credentials}",
        )  # fmt: skip
        agent.engine.start(draft, flow, self._response, self._failure)

    def stop(self) -> None:
        """Renews no more; what was registered runs out."""
        if self._renewal is not None:
            self._renewal.cancel()

    def _response(self, transaction: ClientTransaction, message: Message) -> None:
        status = message.status
        if status < 200:
            return
        if status in (401, 407) and self._responder is not None:
            lines = self._responder.answer(message, "REGISTER", transaction.draft.uri, b"")
            if lines:
                self.send(self._expires_s, lines)
                return
        if self._responder is not None:
            self._responder.settled()
        if status == 423:
            least = whole_number(message.get("min-expires"))
            if least is not None and least > self._expires_s:
                self.send(least)
                return
        if status < 300 and self._expires_s:
            expires = self._expires_s
            self._renewal = self._agent.engine.timers.start(float(max(1, expires // 2)), lambda: self.send(expires))
        self._agent.phone.registered(status < 300, status)

    def _failure(self, _: ClientTransaction, status: int) -> None:
        self._agent.phone.registered(False, status)
