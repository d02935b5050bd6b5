"""Which step runs which element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.dialects.plivo.mpc.program import ProgramStep
from switchhook.dialects.plivo.mpc.step import MultiPartyCallStep
from switchhook.dialects.plivo.run.conference import ConferenceStep
from switchhook.dialects.plivo.run.dial import DialStep
from switchhook.dialects.plivo.run.digits import GetDigitsStep
from switchhook.dialects.plivo.run.inputs import GetInputStep
from switchhook.dialects.plivo.run.preanswer import PreAnswerStep
from switchhook.dialects.plivo.run.record import RecordStep
from switchhook.dialects.plivo.run.sending import DtmfStep, MessageStep
from switchhook.dialects.plivo.run.simple import HangupStep, RedirectStep, SoundStep
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.run.stream import StreamStep
from switchhook.dialects.plivo.run.wait import WaitStep
from switchhook.dialects.plivo.xml import elements as e

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session


def step_of(session: Session, element: e.Element, *, last: bool) -> Step:
    """Returns the step of an element; `last` says that nothing follows it in the document."""
    match element:
        case e.Speak() | e.Play():
            return SoundStep(session, element)
        case e.Wait():
            return WaitStep(session, element)
        case e.Record():
            return RecordStep(session, element)
        case e.GetDigits():
            return GetDigitsStep(session, element)
        case e.GetInput():
            return GetInputStep(session, element)
        case e.Dial():
            return DialStep(session, element)
        case e.Conference():
            return ConferenceStep(session, element)
        case e.MultiPartyCall() if element.seat.stream is not None:
            return ProgramStep(session, element, last=last)
        case e.MultiPartyCall():
            return MultiPartyCallStep(session, element, last=last)
        case e.Redirect():
            return RedirectStep(session, element)
        case e.Hangup():
            return HangupStep(session, element, last)
        case e.PreAnswer():
            return PreAnswerStep(session, element)
        case e.Dtmf():
            return DtmfStep(session, element)
        case e.Message():
            return MessageStep(session, element)
        case e.Stream():
            return StreamStep(session, element, last)
