"""DTMF and Message: what goes out to the far side beside the talk (plivo-xml 2.13, 2.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

KEY_S = 0.24  # a tone, and the pause behind it
PAUSES_S = {"w": 0.5, "W": 1.0}


def sending_s(digits: str) -> float:
    """Returns how long it takes to send these keys."""
    return sum(PAUSES_S.get(digit, KEY_S) for digit in digits)


class DtmfStep(Step):
    """Presses keys towards the telephone; the document goes on at once, or when all are sent."""

    def __init__(self, session: Session, element: e.Dtmf) -> None:
        super().__init__(session)
        self._element = element

    def start(self) -> None:
        session, element = self.session, self._element
        # A telephone whose answer is still on its way would miss the first key.
        digits = element.digits if session.up or session.early else f"w{element.digits}"
        session.answer()
        sent = session.ask(r.SendKeys(session.call.leg, digits))
        if element.wait and sent is not None:
            session.pause(sending_s(digits))
        else:
            session.done()


class MessageStep(Step):
    """There is no SMS gateway here: it is told, and reported as failed to whoever wants a report."""

    def __init__(self, session: Session, element: e.Message) -> None:
        super().__init__(session)
        self._element = element

    def start(self) -> None:
        session, element = self.session, self._element
        if not (element.src and element.dst and element.text):
            session.warn("Message needs src, dst and a text; it is skipped")
            session.done()
            return
        session.warn(f"Message to {', '.join(element.dst)} is not sent: there is no SMS gateway")
        for number in element.dst if element.callback is not None else ():
            name = session.dialect.exchange.state.ids.new()
            report = {
                "MessageUUID": name,
                "ParentMessageUUID": name,
                "From": element.src,
                "To": number,
                "Status": "failed",
                "PartInfo": "1 of 1",
                "TotalRate": "0",
                "TotalAmount": "0",
                "Units": "0",
            }
            session.notify(element.callback, report)
        session.done()
