"""Two telephones, Ann who calls and Bob who is called: what they do in each flow, and how it may end.

Whatever is lost, doubled or overtaken, each end is told exactly once how the call ended, the two say the same
(`ends`), they agree who holds whom while nothing is under way, and nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from switchhook.core.outcomes import Outcome
from switchhook.exchange.ports import Direction, MediaAddress
from switchhook.sip.agent import Line
from tests.sip.interleavings.net import Net
from tests.sip.link import Person

TALK_S = 3.0  # when they do what the flow is about; Bob picks up at about 1 s
QUIET_S = 28.0  # when everything that was lost has been sent again
LAST_S = 30.0  # when whoever still has a call hangs up
MANY = 60  # messages that no flow needs, whatever is lost

Play = Callable[["Pair"], None]
Ends = frozenset[tuple[str, ...]]

DONE: Ends = frozenset({("completed", "completed")})
CANCELLED: Ends = frozenset({("cancelled", "cancelled")})
CROSSED: Ends = frozenset({("cancelled", "cancelled"), ("cancelled", "completed")})  # 200 and CANCEL met on the way
# When three messages meet with an accident, what was to be done in the call may come before its answer: then it was
# another flow, and ends as that one does. Both ends must still tell one story, and leave nothing.
ANY: Ends = DONE | CROSSED | frozenset({("no_answer", "failed"), ("cancelled", "failed"), ("cancelled", "rejected")})


class Pair:
    """One run: both telephones and the wire between them."""

    def __init__(self, faults: Mapping[int, str], manner: str) -> None:
        self.net = Net(faults)
        self.ann = Person(self.net, "ann", "10.0.0.1", "10.0.0.2")
        self.bob = Person(self.net, "bob", "10.0.0.2", "10.0.0.1", manner=manner)
        self.people = [self.ann, self.bob]
        self.trouble: list[str] = []
        self.may_time_out = False

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        self.net.after(seconds, action)

    def everybody_hangs_up(self) -> None:
        for person in self.people:
            for line in person.agent.lines:
                line.hang_up()

    def look_for_quarrel(self) -> None:
        """While nothing is under way, both ends must say the same of the call."""
        one, other = self.ann.agent.lines, self.bob.agent.lines
        if len(one) != len(other):
            self.trouble.append(f"{len(one)} calls at one end and {len(other)} at the other")
        if not one or not other:
            return
        if one[0].up != other[0].up:
            self.trouble.append("one end thinks the call is up")
        if one[0].up and (_sends(one[0]), _receives(one[0])) != (_receives(other[0]), _sends(other[0])):
            self.trouble.append("they do not agree who hears whom")

    @property
    def end(self) -> tuple[str, ...]:
        return tuple(",".join(ending.outcome.value for ending in who.endings) for who in self.people)

    def left_over(self) -> list[str]:
        found = []
        for who in self.people:
            engine = who.agent.engine
            counts = {
                "calls": len(engine.calls),
                "transactions": engine.transactions.live(),
                "merges": len(engine.transactions.merges),
                "lines": len(who.agent.lines),
                "timers": int(engine.next_due() is not None),
                "transactions that timed out": 0 if self.may_time_out else engine.counters.timeouts,
                "answers never acknowledged": engine.counters.never_acknowledged,
            }
            found += [f"{who.name}: {count} {what}" for what, count in counts.items() if count]
        return found


_SENDS = (Direction.SENDRECV, Direction.SENDONLY)
_RECEIVES = (Direction.SENDRECV, Direction.RECVONLY)


def _sends(line: Line) -> bool:
    media, session = line.call.media, line.session
    return media is not None and session is not None and media.wish in _SENDS and session.direction in _RECEIVES


def _receives(line: Line) -> bool:
    media, session = line.call.media, line.session
    return media is not None and session is not None and media.wish in _RECEIVES and session.direction in _SENDS


@dataclass(frozen=True)
class Flow:
    """A flow between two telephones. `manner` is Bob's (`tests.sip.link.Person`)."""

    name: str
    play: Play
    ends: Ends = DONE
    manner: str = "answer"
    quiet: bool = field(default=True)  # look whether they agree at `QUIET_S`

    def seat(self, faults: Mapping[int, str]) -> Pair:
        """Returns the telephones of one run."""
        return Pair(faults, self.manner)

    def run(self, faults: Mapping[int, str]) -> tuple[int, list[str], object]:
        """Plays it; returns how many messages were sent, what is wrong, and how it ended."""
        pair = self.seat(faults)
        self.play(pair)
        if self.quiet:
            pair.at(QUIET_S, pair.look_for_quarrel)
        pair.at(LAST_S, pair.everybody_hangs_up)
        pair.net.run(300.0)
        wrong = pair.trouble + pair.left_over()
        if any(end.answered != (end.outcome is Outcome.COMPLETED) for who in pair.people for end in who.endings):
            wrong.append("they do not agree whether it was answered")
        if pair.end not in (self.ends if len(faults) < 3 else self.ends | ANY):
            wrong.append(f"ended {pair.end}: {[who.events for who in pair.people]}")
        if pair.net.sent > MANY:
            wrong.append(f"{pair.net.sent} messages")
        if wrong:
            wrong.append(pair.net.ladder())
        return pair.net.sent, wrong, pair.end


def call(pair: Pair, *, offerless: bool = False) -> None:
    pair.ann.call("bob", offerless=offerless)


def caller_leaves_at(seconds: float) -> Play:
    def play(pair: Pair) -> None:
        call(pair)
        pair.at(seconds, lambda: pair.ann.line.hang_up())

    return play


def callee_leaves_at(seconds: float) -> Play:
    def play(pair: Pair) -> None:
        call(pair)
        pair.at(seconds, lambda: _leave(pair.bob))

    return play


def both_leave(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: _leave(pair.ann))
    pair.at(TALK_S, lambda: _leave(pair.bob))


def _leave(who: Person) -> None:
    if who.line is not None:
        who.line.hang_up()


def callee_declines_at(seconds: float, cancel_at: float | None = None) -> Play:
    def play(pair: Pair) -> None:
        call(pair)
        pair.at(seconds, lambda: pair.bob.line and pair.bob.line.reject(603))
        if cancel_at is not None:
            pair.at(cancel_at, lambda: pair.ann.line.hang_up())

    return play


def holds(who: str, style: str, *, resumes: bool = True) -> Play:
    def play(pair: Pair) -> None:
        call(pair)
        holder = pair.ann if who == "ann" else pair.bob
        pair.at(TALK_S, lambda: _hold(holder, style))
        if resumes:
            pair.at(TALK_S + 0.5, lambda: _resume(holder))

    return play


def _hold(who: Person, style: str) -> None:
    media = who.line.call.media if who.line is not None and who.line.up else None
    if media is None:
        return
    if style == "zero":
        media.address = MediaAddress("0.0.0.0", who.media.port)
    who.line.hold(Direction.INACTIVE if style == "inactive" else Direction.SENDONLY)


def _resume(who: Person) -> None:
    media = who.line.call.media if who.line is not None and who.line.up else None
    if media is not None:
        media.address = who.media
        who.line.resume()


def both_hold(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: _hold(pair.ann, "sendonly"))
    pair.at(TALK_S, lambda: _hold(pair.bob, "sendonly"))


def hold_meets_bye(holder: str) -> Play:
    def play(pair: Pair) -> None:
        call(pair)
        one, other = (pair.ann, pair.bob) if holder == "ann" else (pair.bob, pair.ann)
        pair.at(TALK_S, lambda: _hold(one, "sendonly"))
        pair.at(TALK_S, lambda: _leave(other))
        pair.may_time_out = True  # the holder sends no more once the other has left

    return play


def hold_then_bye_at_once(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: _hold(pair.ann, "sendonly"))
    pair.at(TALK_S + 0.005, lambda: _leave(pair.ann))
    pair.may_time_out = True  # an answer to the hold that was lost is not sent again when the call has ended


def offerless_then_caller_leaves(pair: Pair) -> None:
    call(pair, offerless=True)
    pair.at(TALK_S, lambda: _leave(pair.ann))


def offerless_again(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: pair.bob.line is not None and pair.bob.line.up and pair.bob.line.reoffer())


def offerless_meets_hold(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: pair.bob.line is not None and pair.bob.line.up and pair.bob.line.reoffer())
    pair.at(TALK_S, lambda: _hold(pair.ann, "sendonly"))


def digits_and_leaves(pair: Pair) -> None:
    call(pair)
    pair.at(TALK_S, lambda: pair.ann.line.up and pair.ann.line.send_digit("5"))
    pair.at(TALK_S + 0.005, lambda: _leave(pair.bob))


FLOWS = (
    Flow("the caller hangs up", caller_leaves_at(TALK_S), DONE | CANCELLED),
    Flow("the callee hangs up", callee_leaves_at(TALK_S), DONE | {("no_answer", "failed")}),
    Flow("both hang up", both_leave, DONE | CROSSED | {("no_answer", "failed")}),
    Flow("cancel before 100", caller_leaves_at(0.0), CANCELLED, "ring"),
    Flow("cancel meets 100", caller_leaves_at(0.015), CANCELLED, "ring"),
    Flow("cancel after 180", caller_leaves_at(0.5), CANCELLED, "ring"),
    Flow("cancel meets 200", caller_leaves_at(1.015), CROSSED),
    Flow("cancel just before 200", caller_leaves_at(1.005), CROSSED),
    Flow("cancel before 100, answered at once", caller_leaves_at(0.0), CROSSED, "at once"),
    Flow(
        "cancel meets 603",
        callee_declines_at(0.5, 0.5),
        CANCELLED | {("rejected", "rejected"), ("cancelled", "rejected")},
        "ring",
    ),
    Flow("busy", call, frozenset({("busy", "rejected")}), "busy"),
    Flow(
        "declined while ringing",
        callee_declines_at(0.5),
        frozenset({("rejected", "rejected"), ("cancelled", "failed")}),
        "ring",
    ),
    Flow("answered at once, the caller leaves at once", caller_leaves_at(0.031), DONE | CROSSED, "at once"),
    Flow("answered at once, the callee leaves at once", callee_leaves_at(0.015), DONE, "at once"),
    Flow("early audio", caller_leaves_at(TALK_S), DONE | CANCELLED, "early"),
    *(
        Flow(f"{who} holds and resumes, {style}", holds(who, style), DONE)
        for who in ("ann", "bob")
        for style in ("sendonly", "inactive", "zero")
    ),
    Flow("ann holds and stays", holds("ann", "sendonly", resumes=False), DONE),
    Flow("both hold at once", both_hold, DONE),
    Flow("ann's hold meets bob's BYE", hold_meets_bye("ann"), DONE | {("no_answer", "failed")}),
    Flow("bob's hold meets ann's BYE", hold_meets_bye("bob"), DONE | CANCELLED),
    Flow("hold, then BYE before its answer", hold_then_bye_at_once, DONE | CANCELLED),
    Flow("no offer in the INVITE", offerless_then_caller_leaves, DONE | CANCELLED),
    Flow("no offer in a re-INVITE", offerless_again, DONE),
    Flow("a re-INVITE without an offer meets a hold", offerless_meets_hold, DONE),
    Flow("a digit meets BYE", digits_and_leaves, DONE | {("no_answer", "failed")}),
)
