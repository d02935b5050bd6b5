"""PreAnswer: runs elements in early audio, before the call is answered (plivo-xml 2.12).

The children take their place in front of what follows, so they run as everywhere; the session knows that it is early
and plays without answering. Together they have `EARLY_S` seconds; then the first element behind them begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


class PreAnswerStep(Step):
    def __init__(self, session: Session, element: e.PreAnswer) -> None:
        super().__init__(session)
        self._element = element

    def start(self) -> None:
        self.session.run_early(self._element.elements)
        self.session.done()
