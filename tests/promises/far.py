"""A rig whose news and orders travel: they may be late, cross, come twice, come out of order, or be lost.

What SIP guarantees is kept: an order to a telephone arrives, and after the one before it; an answer is told in the end.
What it does not guarantee is not: that a telephone rings is told or not, a BYE may never arrive, news of one telephone
may overtake each other, and a timer may fire late, or once more after it was disarmed or moved.
"""

from __future__ import annotations

from switchhook.core import actions as a
from switchhook.core import events as e
from switchhook.core.model import Side
from switchhook.core.outcomes import Outcome
from switchhook.core.witness import Telephone
from tests.core.rig import Rig

Order = a.End | a.Answer
News = e.LegRang | e.LegAnswered | e.LegFailed | e.LegGone | e.LegHeld | e.DigitPressed | e.SoundEnded | e.MediaLost
_LOSABLE = (e.LegRang, e.LegHeld, e.DigitPressed, e.SoundEnded, e.MediaLost, e.LegGone)


class FarRig(Rig):
    """One core, and a world that it hears of by post."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False  # news and orders travel only when delivered
        self.news: list[News] = []
        self.orders: list[Order] = []
        self.old_timers: list[str] = []  # disarmed or moved, and perhaps on their way all the same
        self.refusals = 0
        self._ended_tapes: list[e.RecordingEnded] = []

    # --- what travels -----------------------------------------------------------------------------------------------

    def carry_out(self, action: a.Action) -> None:
        match action:
            case a.Disarm(timer) | a.Arm(timer) if timer in self.world.timers:
                self.old_timers.append(timer)
                del self.old_timers[:-20]
            case a.StopRecord(recording):
                tape = self.state.tapes.get(recording)
                if tape is not None:
                    self._ended_tapes.append(e.RecordingEnded(recording, tape.path, 1000))
            case a.End(leg) | a.Answer(leg) if self.slow or any(order.leg == leg for order in self.orders):
                self.orders.append(action)
                self.world.telephones[leg].under_way += 1
                return
            case _:
                pass
        super().carry_out(action)

    def say(self, news: News) -> None:
        """A telephone says something; it arrives now, or when it is delivered."""
        if self.slow:
            self.news.append(news)
            self.world.telephones[news.leg].under_way += 1
        else:
            self.tell(news)

    def deliver_news(self, n: int) -> None:
        news = self.news.pop(n % len(self.news))
        self.world.telephones[news.leg].under_way -= 1
        self.tell(news)

    def deliver_order(self, n: int) -> None:
        """Carries out an order; those to one telephone keep their order."""
        leg = self.orders[n % len(self.orders)].leg
        order = next(order for order in self.orders if order.leg == leg)
        self.orders.remove(order)
        self.world.telephones[leg].under_way -= 1
        self.world.obey(order)

    def lose_news(self, n: int) -> None:
        news = self.news[n % len(self.news)]
        if isinstance(news, _LOSABLE):
            self.news.remove(news)
            phone = self.world.telephones[news.leg]
            phone.under_way -= 1
            phone.deserted = phone.deserted or isinstance(news, e.LegGone)

    def repeat_news(self, n: int) -> None:
        news = self.news[n % len(self.news)]
        self.news.append(news)
        self.world.telephones[news.leg].under_way += 1

    def catch_up(self) -> None:
        """Delivers everything that is under way."""
        self.slow = False
        while self.news or self.orders or self._ended_tapes:
            if self.orders:
                self.deliver_order(0)
            elif self.news:
                self.deliver_news(0)
            else:
                self.tell(self._ended_tapes.pop())

    # --- what telephones do -----------------------------------------------------------------------------------------

    def pick_up(self, phone: Telephone) -> None:
        if phone.rings and phone.side is Side.OUTBOUND:
            phone.rings, phone.on_line = False, True
            self.say(e.LegAnswered(phone.leg))

    def decline(self, phone: Telephone, outcome: Outcome, status: int) -> None:
        if phone.rings and phone.side is Side.OUTBOUND:
            phone.rings, phone.gone = False, True
            self.say(e.LegFailed(phone.leg, outcome, status))

    def put_down(self, phone: Telephone) -> None:
        """BYE, or CANCEL of a call to us."""
        if phone.on_line or (phone.rings and phone.side is Side.INBOUND):
            phone.rings, phone.on_line, phone.gone = False, False, True
            self.say(e.LegGone(phone.leg))

    def end_of_sound(self, phone: Telephone) -> None:
        leg = self.state.legs.get(phone.leg)
        if leg is not None and leg.playing is not None and leg.playing in phone.hears and leg.playing.repeat:
            self.say(e.SoundEnded(phone.leg, leg.playing.id))

    # --- time -------------------------------------------------------------------------------------------------------

    def fire(self, n: int) -> None:
        """Time passes to some timer; earlier ones become late."""
        name = sorted(self.world.timers)[n % len(self.world.timers)]
        self.now = max(self.now, self.world.timers.pop(name))
        self.tell(e.TimerFired(name))

    def fire_old(self, n: int) -> None:
        """A timer that was disarmed or moved fires all the same."""
        self.tell(e.TimerFired(self.old_timers[n % len(self.old_timers)]))

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Everybody hangs up, everything arrives, time passes: nothing is left."""
        self.catch_up()
        for phone in list(self.world.telephones.values()):
            self.put_down(phone)
        for _ in range(400):
            if not self.world.timers:
                break
            self.passes(max(0.0, min(self.world.timers.values()) - self.now))
        self.catch_up()
        assert self.nothing_left(), self.state
        assert not self.state.tapes
