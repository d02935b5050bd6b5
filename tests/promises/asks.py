"""Every kind of request, made up from a few numbers: about things that exist, and about things that do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.ids import DialId, LegId, RecordingId, RoomId, StreamId, TransferId
from switchhook.core.model import (
    Alone,
    DialPlan,
    Diversion,
    FallbackKind,
    HoldAudience,
    Kind,
    Order,
    Role,
    RoomKind,
    RoomPlan,
    Seat,
    StreamPlan,
    TransferPlan,
    Waiting,
)
from switchhook.core.outcomes import Outcome
from switchhook.core.state import State
from tests.core.rig import ACCOUNT, destination, fallback

NAMES = ("ann", "bob", "cat", "dan", "eve")
T = TypeVar("T")


class Numbers:
    """A source of small choices out of one number."""

    def __init__(self, number: int) -> None:
        self._left = number

    def below(self, limit: int) -> int:
        self._left, chosen = divmod(self._left, limit)
        return chosen

    def yes(self, one_in: int = 2) -> bool:
        return self.below(one_in) == 1

    def of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]


def some_dial(n: Numbers, names: Sequence[str] = NAMES) -> DialPlan:
    targets = tuple(destination(n.of(names)) for _ in range(1 + n.of((0, 0, 0, 1, 2))))
    delays = tuple(sorted(n.of((0.0, 0.0, 5.0, 20.0)) for _ in targets)) if n.yes(6) else ()
    return DialPlan(
        targets=targets,
        caller="100",
        role=n.of((Role.AGENT, Role.CUSTOMER, Role.AGENT, Role.CUSTOMER, Role.SUPERVISOR)),
        order=n.of(tuple(Order)),
        brief=("tone:440:500",) if n.yes(4) else (),
        accept_digit="1" if n.yes(5) else "",
        waiting=n.of((Waiting.RINGBACK, Waiting.MUSIC, Waiting.CLIPS, Waiting.REAL)),
        waiting_clips=("tone:300:100",) if n.yes() else (),
        program="program" if n.yes(4) else "",
        send_digits="12" if n.yes(6) else "",
        early_audio=n.yes(3),
        seat=some_seat(n) if n.yes(3) else Seat(),
        delays_s=delays,
        target_ring_s=tuple(n.of((5.0, 30.0)) for _ in targets) if n.yes(8) else (),
    )


def some_seat(n: Numbers) -> Seat:
    return Seat(
        muted=n.yes(4), held=n.yes(8), deaf=n.yes(8), whispers=n.yes(5), ends_room=n.yes(6), starts_room=not n.yes(4),
        stays_alone=n.yes(8), relays_keys=n.yes(8),
    )  # fmt: skip


def some_transfer(n: Numbers, names: Sequence[str] = NAMES) -> TransferPlan:
    fallbacks = tuple(some_fallback(n.of(tuple(FallbackKind)), n) for _ in range(n.below(3)))
    return TransferPlan(
        kind=n.of(tuple(Kind)),
        keep_agent=n.yes(),
        rejoin=n.yes(),
        consult_music=("tone:200:100",) if n.yes(4) else (),
        fallbacks=fallbacks,
        dial=some_dial(n, names),
    )


def some_fallback(kind: FallbackKind, n: Numbers) -> Any:
    named = kind is FallbackKind.NEXT or kind is FallbackKind.VOICEMAIL or n.yes(6)
    return fallback(kind, n.of(NAMES) if named else "", ("speak:en::sorry",))


def some_room(n: Numbers) -> RoomPlan:
    kind = n.of((RoomKind.PARTY, RoomKind.CONFERENCE))
    return RoomPlan(
        kind,
        alone=Alone.MUSIC if kind is RoomKind.PARTY else n.of(tuple(Alone)),
        hold_audience=n.of(tuple(HoldAudience)),
        name=n.of(("one", "two")),
        max_members=n.of((20, 20, 3)),
        limit_s=500.0 if n.yes(4) else None,
        waits_for_company=n.yes(4),
    )


class Asks:
    """Requests about what `state` knows; now and then about what it never knew."""

    def __init__(self, state: State, number: int) -> None:
        self.state = state
        self.n = Numbers(number)

    def leg(self) -> LegId:
        return self.n.of([*self.state.legs, *([LegId("nobody")] if self.n.yes(16) or not self.state.legs else [])])

    def room(self) -> RoomId:
        known = [*self.state.rooms]
        return self.n.of([*known, *([RoomId("nowhere")] if self.n.yes(16) or not known else [])])

    def transfer(self) -> TransferId:
        known = [*self.state.transfers]
        return self.n.of([*known, *([TransferId("none")] if self.n.yes(16) or not known else [])])

    def seat(self) -> tuple[RoomId, LegId]:
        """A room and mostly a member of it."""
        room = self.room()
        found = self.state.rooms.get(room)
        if found is None or not found.members or self.n.yes(16):
            return room, self.leg()
        return room, self.n.of([*found.members])

    def on(self) -> bool:
        return self.n.yes()

    def to(self) -> Destination:
        return destination(self.n.of(NAMES))

    def one(self, kind: int) -> r.Request:
        return _MAKERS[kind % len(_MAKERS)](self)


def _place(x: Asks) -> r.Request:
    return r.PlaceCall(ACCOUNT, some_dial(x.n), some_dial(x.n), {"key": "value"}, "desk")


def _start_transfer(x: Asks) -> r.Request:
    room, agent = x.seat()
    return r.StartTransfer(room, agent, some_transfer(x.n), {"note": "n"} if x.on() else None)


def _accompany(x: Asks) -> r.Request:
    watching = [m.leg for room in x.state.rooms.values() for m in room.members.values() if m.role is Role.SUPERVISOR]
    return r.Accompany(x.n.of(watching) if watching else x.leg(), x.room())


def _start_recording(x: Asks) -> r.Request:
    match x.n.below(3):
        case 0:
            return r.StartRecording((x.leg(),), (), "file")
        case 1:
            return r.StartRecording((), (), "file", room=x.room())
        case _:
            return r.StartRecording((), (), "file", follow=x.leg(), mono=x.n.yes())


def _member(make: Callable[[RoomId, LegId, bool], r.Request]) -> Callable[[Asks], r.Request]:
    def asked(x: Asks) -> r.Request:
        return make(*x.seat(), x.on())

    return asked


_MAKERS: tuple[Callable[[Asks], r.Request], ...] = (
    lambda x: r.Originate(ACCOUNT, x.to(), "100", "program"),
    lambda x: r.TellRinging(x.leg(), early=x.n.yes(3)),
    lambda x: r.AnswerLeg(x.leg()),
    lambda x: r.PressAnswerKey(x.leg()),
    lambda x: r.Divert(x.n.of(NAMES), Diversion(x.n.yes(), x.to() if x.n.yes(3) else None)),
    lambda x: r.HangUp(x.leg(), outcome=x.n.of((Outcome.COMPLETED, Outcome.REJECTED))),
    lambda x: r.Play(x.leg(), ("tone:440:100",), repeat=x.n.of((1, 0)), hang_up_after=x.n.yes(4), early=x.n.yes(4)),
    lambda x: r.StopSound(x.leg()),
    lambda x: r.SendKeys(x.leg(), "12#"),
    lambda x: r.SetLimit(x.leg(), x.n.of((30.0, 60.0, 20_000.0))),
    lambda x: r.Take(tuple(x.leg() for _ in range(1 + x.n.below(2))), "program", end_streams=x.n.yes()),
    lambda x: r.Note(x.leg(), "note"),
    lambda x: r.Connect(x.leg(), some_dial(x.n)),
    _place,
    lambda x: r.PlaceSecondCall(x.leg(), some_dial(x.n)),
    lambda x: r.EnterRoom(
        x.leg(),
        some_room(x.n),
        role=x.n.of(tuple(Role)),
        seat=some_seat(x.n),
    ),
    lambda x: r.LeaveRoom(*x.seat()),
    _accompany,
    lambda x: r.AddParty(x.room(), some_dial(x.n)),
    lambda x: r.AddParty(x.room(), some_dial(x.n), conference=True),
    lambda x: r.CancelDial(x.n.of([*x.state.dials, DialId("none")])),
    lambda x: r.Redirect(x.leg(), destination(x.n.of(NAMES))),
    _member(r.HoldMember),
    _member(r.MuteMember),
    _member(r.DeafenMember),
    lambda x: r.SetWhisper(*x.seat(), x.n.yes(), x.leg() if x.n.yes() else None),
    lambda x: r.StartRoom(x.room()),
    lambda x: r.PlayOver(x.leg(), ("tone:440:100",), x.n.below(2), mixed=x.n.yes(), max_s=5.0 if x.n.yes() else None),
    lambda x: r.StopOver(x.leg()),
    lambda x: r.StartStream(x.leg(), StreamPlan("ws://program", x.n.yes(), timeout_s=None if x.n.yes() else 60.0)),
    lambda x: r.StopStream(x.n.of((*x.state.streams, StreamId("nothing")))),
    lambda x: r.ListenFor(x.leg(), x.n.yes(), x.n.of(("menu", "floor"))),
    lambda x: r.PlaceParty(ACCOUNT, some_room(x.n), some_dial(x.n)),
    lambda x: r.TurnTo(*reversed(x.seat())) if x.n.below(3) else r.TurnTo(x.leg(), None),  # type: ignore[arg-type]
    lambda x: r.ReleaseCall(*reversed(x.seat())),  # type: ignore[arg-type]
    lambda x: r.DropVoicemail(*x.seat(), ("tone:440:100",) if x.n.below(8) else ()),
    lambda x: r.SetData(x.room(), {x.n.of(("a", "b")): x.n.below(3)}),
    lambda x: r.EndRoom(x.room()),
    _start_transfer,
    lambda x: r.CompleteTransfer(x.transfer()),
    lambda x: r.AbortTransfer(x.transfer()),
    lambda x: r.JoinTransfer(x.transfer()),
    lambda x: r.SwapTransfer(x.transfer()),
    _start_recording,
    lambda x: r.StopRecording(x.n.of([*x.state.tapes, RecordingId("none")])),
    lambda x: r.PauseRecording(x.n.of([*x.state.tapes, RecordingId("none")])),
    lambda x: r.ResumeRecording(x.n.of([*x.state.tapes, RecordingId("none")])),
)
KINDS = len(_MAKERS)
