"""Dial: rings others for the leg, and tells what becomes of them (plivo-xml 2.7).

The core dials (`Connect` opens a room that A leads); this step listens and tells. It follows the room, not the
attempt: whoever comes into the room after the first B is another B, whichever dialect brought it in. When a desktop
hands A to somebody else, `hangup` is told for the agent, `answer` and `connected` for the target, and the Dial goes on;
its action is due when the room lets A go (architecture 6, "Two dialects on one call").

`hangup` is told exactly once for each B of which `answer` was told: when its leg is over, or, if it lives on without
this Dial (A is gone while B consults), when A is. A B that a transfer takes away to a document of its own is not told
of again (plivo-xml 3.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core.addresses import Destination
from switchhook.core.errors import Reason, Refused
from switchhook.core.ids import DialId, LegId, RoomId
from switchhook.core.model import By, Clips, DialPlan, Leg, LegState, Role, RoomKind, RoomPlan, Waiting
from switchhook.core.outcomes import Outcome
from switchhook.dialects.plivo.causes import DIAL_STATUS, WORDS, Cause, Ending, best, cause_of, outcome_of
from switchhook.dialects.plivo.run.branch import Branch, branch_fields, branch_of, ended_fields
from switchhook.dialects.plivo.run.keys import Keys
from switchhook.dialects.plivo.run.step import Step
from switchhook.dialects.plivo.xml import elements as e
from switchhook.settings import Settings

if TYPE_CHECKING:
    from switchhook.dialects.plivo.run.session import Session

ANONYMOUS = "anonymous"  # user part of From of a caller who does not want to be known (RFC 3323 4.1.1.3)
_GONE_ON = Cause("NORMAL_CLEARING", "Normal Hangup", 4000, "Plivo")  # B lives on, without this Dial


class DialStep(Step):
    def __init__(self, session: Session, element: e.Dial) -> None:
        super().__init__(session)
        self._element = element
        self._resolved: list[tuple[e.Target, Destination]] = []
        self._unresolved: list[Outcome] = []
        self._branches: dict[LegId, Branch] = {}
        self._room: RoomId | None = None
        self._dial: DialId | None = None
        self._rung = 0
        self._rang = False
        self._bridged: Branch | None = None  # the last B that talked to A
        self._keys = Keys(element.digits_match)
        self._keys_of_b: dict[LegId, Keys] = {}
        self._pressed_for: set[LegId] = set()  # Bs for which the keys of their target have been pressed

    # --- dialling ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        element = self._element
        if element.dial_music is not None or element.confirm_sound is not None:
            self.session.wait_for(self._with_sounds)
        else:
            self._connect((), ())

    async def _with_sounds(self) -> None:
        """Fetches the sounds first, so that nobody who answers has to wait for them."""
        element, session = self._element, self.session
        music: Clips = ()
        confirm: Clips = ()
        if element.dial_music is not None:
            music = await session.sounds(element.dial_music, "DialRemoteSounds")
        if element.confirm_sound is not None:
            confirm = await session.sounds(element.confirm_sound, "DialRemoteSounds")
        session.nothing_awaited()
        self._connect(music, confirm)

    def _connect(self, music: Clips, confirm: Clips) -> None:
        session = self.session
        self._resolve()
        leg = session.leg
        if leg is None:
            return
        plan = self._plan(leg, music, confirm) if self._resolved else None
        room = RoomPlan(kind=RoomKind.CALL, program="plivo")
        if plan is None or session.ask(r.Connect(session.call.leg, plan, room)) is None:
            self._finish(best(self._unresolved))

    def _resolve(self) -> None:
        directory = self.session.dialect.exchange.directory
        for target in self._element.targets:
            try:
                self._resolved.append((target, directory.destination(self.session.call.account, target.address)))
            except Refused as refused:
                forbidden = refused.reason is Reason.FORBIDDEN
                self._unresolved.append(Outcome.FORBIDDEN if forbidden else Outcome.NOT_FOUND)
                self.session.warn(f"Dial: {target.address} cannot be dialled: {refused}")

    def _caller(self, leg: Leg, target: e.Target, destination: Destination) -> tuple[str, str]:
        """Returns number and name to show to a target: its own, else the Dial's, else A's; `none` hides both."""
        element = self._element
        number = element.caller_id if target.caller_id is None else target.caller_id
        name = element.caller_name if target.caller_name is None else target.caller_name
        if number == "":
            return ANONYMOUS, name or ""
        wanted = leg.caller if number is None else caller_id(number)
        known = self.session.dialect.exchange.directory.caller_id(wanted, destination, leg.endpoint)
        return known, leg.caller_name if name is None else name

    def _plan(self, leg: Leg, music: Clips, confirm: Clips) -> DialPlan:
        element, settings = self._element, self.session.dialect.exchange.settings
        callers = tuple(self._caller(leg, target, destination) for target, destination in self._resolved)
        return DialPlan(
            targets=tuple(destination for _, destination in self._resolved),
            caller=callers[0][0],
            caller_name=callers[0][1],
            callers=callers,
            role=Role.AGENT,
            ring_s=element.timeout_s or settings.plivo.dial_ring_s,
            waiting=Waiting.REAL if element.real_music else Waiting.CLIPS if music else Waiting.RINGBACK,
            waiting_clips=music,
            brief=confirm,
            accept_digit=element.confirm_key if confirm else "",
            accept_s=element.confirm_timeout_s,
            early_audio=any(target.on_preanswer for target, _ in self._resolved),
            headers=element.sip_headers,
            limit_s=element.time_limit_s,
            target_headers=tuple(target.sip_headers for target, _ in self._resolved),
            credentials=tuple(target.credentials for target, _ in self._resolved),
        )

    # --- what becomes of it (called by the dialect's watch) ---------------------------------------------------------

    def on_dial(self, fact: f.DialStarted) -> None:
        """The attempt has begun; from now on its room is watched."""
        self._room, self._dial = fact.dial.room, fact.dial.id
        self.session.dialect.watch.room(fact.dial.room, self)
        self.session.dialect.watch.dial(fact.dial.id, self)

    def on_rang_out(self, fact: f.DialRang) -> None:
        """Our INVITE to the next target went out, or to whom it sent the call on."""
        sent_on = self._branches.pop(fact.instead, None) if fact.instead is not None else None
        if sent_on is None:
            target: e.Target | None = self._resolved[self._rung][0]
            position = self._resolved[self._rung][0].position
            self._rung += 1
        else:
            target, position = sent_on.target, sent_on.position
            self.session.dialect.watch.drop_leg(sent_on.leg, self)
        found = self._leg(fact.leg)
        if found is None:
            return
        self._follow(branch_of(self._settings, found, position, target))

    def _follow(self, branch: Branch) -> None:
        self._branches[branch.leg] = branch
        self._keys_of_b[branch.leg] = Keys(self._element.digits_match_bleg)
        self.session.dialect.watch.leg(branch.leg, self)

    def on_b_ringing(self, fact: f.LegRinging) -> None:
        self._rang = True
        branch = self._branches.get(fact.leg)
        if fact.early and branch is not None and branch.target is not None and branch.target.on_preanswer:
            self._send_keys(branch)

    def on_b_up(self, fact: f.LegConnected) -> None:
        branch = self._branches[fact.leg]
        branch.answered_at = fact.at
        self._send_keys(branch)
        self._tell_answer(branch)

    def _send_keys(self, branch: Branch) -> None:
        """Presses the keys of its target for a B, once: on its early audio, or when it has answered."""
        if branch.target is not None and branch.target.send_digits and branch.leg not in self._pressed_for:
            self._pressed_for.add(branch.leg)
            self.session.ask(r.SendKeys(branch.leg, branch.target.send_digits))

    def _tell_answer(self, branch: Branch) -> None:
        if not branch.told:
            branch.told = True
            self._post("DialAnswer", "answer", branch)

    def on_b_joined(self, fact: f.MemberJoined) -> None:
        """Somebody came into the room: the B that was dialled, or who takes its place."""
        leg = fact.member.leg
        if leg == self.session.call.leg:
            return
        if leg not in self._branches:
            found = self._leg(leg)
            if found is None:
                return
            self._follow(branch_of(self._settings, found, len(self._branches) + 1))
        branch = self._branches[leg]
        self._tell_answer(branch)
        if not branch.connected:
            branch.connected = True
            self.session.dial_connected()
            self._post("DialConnected", "connected", branch)
        self._bridged = branch

    def on_b_over(self, fact: f.LegEnded) -> None:
        branch = self._branches.get(fact.leg)
        if branch is None or branch.outcome is not None:
            return
        self.session.dialect.watch.drop_leg(fact.leg, self)
        answered = branch.answered_at is not None
        ending = self.session.dialect.endings.get(fact.leg)
        branch.cause = cause_of(fact, branch.side, answered=answered, ending=ending)
        branch.outcome = outcome_of(fact)
        if answered and not branch.connected and fact.outcome in (Outcome.REJECTED, Outcome.COMPLETED):
            branch.outcome = Outcome.NO_ANSWER  # it did not press the key, or hung up before: not answered
        if branch.told:
            self._tell_hangup(branch, branch.cause)
        left = [self._branches[leg] for leg in self.present() if leg in self._branches]
        if branch is self._bridged and left:
            self._bridged = left[-1]  # who is the last to talk to A is told by the action

    def _tell_hangup(self, branch: Branch, cause: Cause) -> None:
        branch.told = False
        now = self.session.dialect.exchange.clock.now()
        extra = ended_fields(self._settings, branch, self.session.call.account, cause, now)
        self._post("DialHangup", "hangup", branch, extra)

    def detach(self, leg: LegId) -> None:
        """A transfer takes this B to a document of its own: nothing more is told of it here."""
        branch = self._branches.get(leg)
        if branch is not None:
            branch.told = False
            self.session.dialect.watch.drop_leg(leg, self)

    def reattach(self, leg: LegId) -> None:
        """The transfer was refused: B is still ours."""
        branch = self._branches.get(leg)
        if branch is not None:
            branch.told = branch.answered_at is not None
            self.session.dialect.watch.leg(leg, self)

    def present(self) -> tuple[LegId, ...]:
        """Returns the Bs that are in the room now, in order of joining."""
        room = self.session.dialect.exchange.state.rooms.get(self._room) if self._room is not None else None
        return tuple(leg for leg in (room.members if room is not None else ()) if leg != self.session.call.leg)

    # --- keys -------------------------------------------------------------------------------------------------------

    def on_digit(self, fact: f.DigitHeard) -> None:
        """A pressed a key."""
        bridged = self._bridged if self._bridged is not None and self._bridged.outcome is None else None
        if bridged is None:
            return
        found = self._keys.press(fact.digit, self._now)
        if found:
            self._tell_digits(bridged, found, "ALeg")
        if fact.digit == "*" and self._element.hangup_on_star:
            for leg in self.present():
                self.session.dialect.endings[leg] = Ending(4000, "Answer XML")
                self.session.ask(r.HangUp(leg, by=By.PROGRAM, reason="hangupOnStar"))

    def on_b_digit(self, fact: f.DigitHeard) -> None:
        branch = self._branches[fact.leg]
        found = self._keys_of_b[fact.leg].press(fact.digit, self._now) if branch.connected else ""
        if found:
            self._tell_digits(branch, found, "BLeg")

    def _tell_digits(self, branch: Branch, digits: str, by: str) -> None:
        extra = {"DialDigitsMatch": digits, "DialDigitsPressedBy": by}
        self._post("DialDigitsMatch", "digits", branch, {**extra, "DialBLegStatus": "connected"})

    # --- endings ----------------------------------------------------------------------------------------------------

    def on_freed(self, fact: f.LegFreed) -> None:
        """The room let A go: the last B left, or nobody was reached."""
        if fact.room != self._room:
            return
        self._close()
        if self._bridged is None:
            self._finish(best([*self._outcomes(), *self._unresolved]))
        else:
            self._finish(fact.outcome if fact.dial is not None else Outcome.COMPLETED)

    def on_taken(self) -> None:
        self._close()
        action, session = self._element.action, self.session
        if action is not None and not self._element.redirect:
            outcome = Outcome.CANCELLED if self._bridged is None else Outcome.COMPLETED
            session.notify(action, session.fields("Redirect") | self._action_fields(outcome))

    def on_over(self) -> None:
        self._close()

    def last_words(self) -> None:
        """A is gone; the action is told, what it answers does not matter."""
        outcome = Outcome.CANCELLED if self._bridged is None else Outcome.COMPLETED
        session = self.session
        session.notify(self._element.action, session.fields("Redirect") | self._action_fields(outcome))

    def _outcomes(self) -> list[Outcome]:
        return [branch.outcome for branch in self._branches.values() if branch.outcome is not None]

    def _close(self) -> None:
        """Stops watching; a B that lives on without this Dial is told of now, as nothing later will be its."""
        watch = self.session.dialect.watch
        if self._room is not None:
            watch.drop_room(self._room, self)
        if self._dial is not None:
            watch.drop_dial(self._dial)
        for branch in self._branches.values():
            watch.drop_leg(branch.leg, self)
            if branch.told and branch.outcome is None:
                self._tell_hangup(branch, _GONE_ON)

    def _finish(self, outcome: Outcome) -> None:
        self.session.follow(self._element.action, self._element.redirect, self._action_fields(outcome))

    def _action_fields(self, outcome: Outcome) -> dict[str, str]:
        word = WORDS[outcome][0]
        for branch in self._branches.values():
            if (
                branch.cause is not None
                and branch.outcome is outcome
                and (branch.connected or branch.answered_at is None)
            ):
                word = (
                    branch.cause.word
                )  # who answered and never talked ended in its own way; the Dial was not answered
        return {
            "DialStatus": DIAL_STATUS[outcome],
            "DialRingStatus": "true" if self._rang or self._bridged is not None else "false",
            "DialHangupCause": word,
            "DialALegUUID": self.session.call.leg,
            "DialBLegUUID": self._bridged.leg if self._bridged is not None else "",
        }

    # --- small things -----------------------------------------------------------------------------------------------

    def _post(self, event: str, action: str, branch: Branch, extra: dict[str, str] | None = None) -> None:
        session = self.session
        about = branch_fields(self._settings, branch, session.call.account, action)
        about["DialALegUUID"] = session.call.leg
        session.notify(self._element.callback, session.fields(event) | about | (extra or {}))

    @property
    def _settings(self) -> Settings:
        return self.session.dialect.exchange.settings

    @property
    def _now(self) -> float:
        return self.session.dialect.exchange.clock.now()

    def _leg(self, leg: LegId) -> Leg | None:
        found = self.session.dialect.exchange.state.legs.get(leg)
        return found if found is not None and found.state is not LegState.OVER else None


def caller_id(text: str) -> str:
    """Returns a caller id for the From of an INVITE: digits without punctuation, or the user part of a SIP URI."""
    bare = text.strip()
    if bare.lower().startswith(("sip:", "sips:")):
        return bare.partition(":")[2].partition("@")[0]
    digits = bare.translate(str.maketrans("", "", " -()."))
    return digits if digits.removeprefix("+").isdigit() else bare
