"""A request of ours within a dialog other than INVITE: sent, challenged once, answered.

An object and not a nest of functions: functions that call each other form a ring, which keeps the whole ended call
until the garbage collector comes by, and on a server that may be hundreds of thousands of calls later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchhook.sip.dialogs import Dialog
from switchhook.sip.flow import Flow
from switchhook.sip.message import Message
from switchhook.sip.transactions import ClientTransaction

if TYPE_CHECKING:
    from switchhook.sip.call import Call

Answer = Callable[[int], None]


class Asking:
    """One request; `answer` gets its final status, otherwise the call hears when its dialog is gone."""

    __slots__ = ("answer", "body", "call", "dialog", "extra", "kind", "method")

    def __init__(
        self, call: Call, dialog: Dialog, method: str, extra: str, body: bytes, kind: str, answer: Answer | None
    ) -> None:
        self.call = call
        self.dialog = dialog
        self.method = method
        self.extra = extra
        self.body = body
        self.kind = kind
        self.answer = answer

    def send(self, credentials: str = "") -> None:
        """Sends it in a new transaction; 503 is its status when there is no way to the far end."""
        draft = self.dialog.draft(self.method, extra=self.extra + credentials, body=self.body, kind=self.kind)
        engine = self.call.engine

        def start(flow: Flow) -> None:
            engine.start(draft, flow, self._response, self._failure)

        engine.toward(self.dialog, start, self._nowhere)

    def _response(self, transaction: ClientTransaction, message: Message) -> None:
        if message.status < 200:
            return
        if message.status in (401, 407):
            lines = self.call.credentials(message, self.method, transaction.draft.uri, self.body)
            if lines:
                self.send(lines)
                return
        self.call.settled()
        self._final(message.status)

    def _failure(self, _: ClientTransaction, status: int) -> None:
        self._final(status)

    def _nowhere(self) -> None:
        self._final(503)

    def _final(self, status: int) -> None:
        self.call.asked(self.method, self.dialog, status, self.answer)
