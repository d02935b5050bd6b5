"""Which function answers which input: the whole face of the core on one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from switchhook.core import dials, diverting, legs, listening, members, streams, tapes
from switchhook.core import events as e
from switchhook.core import facts as f
from switchhook.core import requests as r
from switchhook.core import transfer_requests as transfers
from switchhook.core.ids import DialId, LegId, RoomId, StreamId
from switchhook.core.model import Closing
from switchhook.core.rooms import end_room
from switchhook.core.work import Work


def timer_fired(work: Work, event: e.TimerFired) -> None:
    """Finds whose time is over; a timer of something that is gone changes nothing."""
    what, _, name = event.timer.partition(":")
    match what:
        case "ring":
            legs.ring_time_over(work, LegId(name))
        case "limit":
            legs.limit_over(work, LegId(name))
        case "press":
            legs.not_pressed(work, LegId(name))
        case "accept":
            dials.accept_time_over(work, LegId(name))
        case "over":
            legs.end_overlay(work, LegId(name))
        case "room":
            end_room(work, RoomId(name), Closing.LIMIT)
        case "delay":
            dials.delay_over(work, DialId(name))
        case "stream":
            streams.time_over(work, StreamId(name))


def endpoint_changed(work: Work, event: e.EndpointChanged) -> None:
    if (event.username in work.state.registered) != event.registered:
        work.fact(f.EndpointRegistered(event.username, event.registered))


FUNCTIONS: dict[type, Callable[[Work, Any], r.Accepted | None]] = {
    e.LegArrived: legs.arrived,
    e.LegRang: legs.rang,
    e.LegAnswered: legs.answered,
    e.LegFailed: legs.failed,
    e.LegGone: legs.gone,
    e.LegHeld: legs.phone_held,
    e.DigitPressed: legs.digit,
    e.SoundEnded: legs.sound_ended,
    e.MediaLost: legs.media_lost,
    e.MediaBack: legs.media_back,
    e.VoiceStarted: listening.voice,
    e.VoiceStopped: listening.voice,
    e.StreamConnected: streams.opened,
    e.StreamTold: streams.told,
    e.StreamPressed: streams.keys,
    e.StreamOver: streams.over,
    e.RecordingEnded: tapes.recording_ended,
    e.TimerFired: timer_fired,
    e.EndpointChanged: endpoint_changed,
    r.Originate: legs.originate,
    r.TellRinging: legs.tell_ringing,
    r.AnswerLeg: legs.answer_leg,
    r.PressAnswerKey: legs.press_answer,
    r.Divert: diverting.divert,
    r.HangUp: legs.hang_up_asked,
    r.Play: legs.play,
    r.StopSound: legs.stop_sound_asked,
    r.PlayOver: legs.play_over,
    r.StopOver: legs.stop_over,
    r.SendKeys: legs.send_keys,
    r.ListenFor: listening.listen_for,
    r.SetLimit: legs.set_limit,
    r.Take: members.take,
    r.Note: legs.note,
    r.Connect: dials.connect,
    r.PlaceCall: dials.place_call,
    r.PlaceSecondCall: dials.place_second_call,
    r.PlaceParty: dials.place_party,
    r.EnterRoom: members.enter,
    r.Accompany: members.accompany,
    r.LeaveRoom: members.leave_asked,
    r.AddParty: dials.add_party,
    r.CancelDial: dials.cancel_asked,
    r.Redirect: dials.redirect,
    r.HoldMember: members.hold,
    r.MuteMember: members.mute,
    r.DeafenMember: members.deafen,
    r.SetWhisper: members.whisper,
    r.StartRoom: members.begin,
    r.TurnTo: members.turn_asked,
    r.ReleaseCall: members.release,
    r.DropVoicemail: members.drop_voicemail,
    r.SetData: members.set_data,
    r.EndRoom: members.end,
    r.StartTransfer: transfers.start_transfer,
    r.CompleteTransfer: transfers.complete,
    r.AbortTransfer: transfers.abort,
    r.JoinTransfer: transfers.join_asked,
    r.SwapTransfer: transfers.swap_asked,
    r.StartRecording: tapes.start_recording,
    r.StopRecording: tapes.stop_recording,
    r.StartStream: streams.start_stream,
    r.StopStream: streams.stop_stream,
    r.PauseRecording: tapes.pause_recording,
    r.ResumeRecording: tapes.pause_recording,
}
