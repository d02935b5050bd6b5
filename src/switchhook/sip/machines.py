"""The four transaction machines as data: RFC 3261 17 with the corrections of RFC 6026 (the Accepted state).

`TABLE[state, stimulus] = (next state, actions)`. A stimulus is a class of message ("1xx", "2xx", "final" for 300 and
above, "request" for a request seen again, "ack") or the letter of a timer that ran out. What is not in a table changes
nothing and is counted. The actions are names; `sip.transactions` carries them out:

    send / resend      put the message on the wire, for the first time or again
    pass               hand the message to the user of the transaction
    ack                acknowledge a failure (RFC 3261 17.1.1.3)
    back_off           start the retransmission timer again with twice the length (capped at T2 for E and G)
    settle             stop retransmitting
    wait_X             start timer X as the lifetime of the new state (0 on reliable transports for D, I, J, K)
    no_wait            stop the lifetime timer
    timeout, unacknowledged, broken     tell the user why it ended

RFC 4320 and 4321: a non-INVITE server transaction sends no provisional response, and never a 408; a late final
response is simply not sent, and a client transaction that times out says 408 to its own user only.
"""

from __future__ import annotations

Table = dict[tuple[str, str], tuple[str, tuple[str, ...]]]

CALLING, TRYING, PROCEEDING = "calling", "trying", "proceeding"
COMPLETED, ACCEPTED, CONFIRMED, TERMINATED = "completed", "accepted", "confirmed", "terminated"

INVITE_CLIENT: Table = {
    (CALLING, "A"): (CALLING, ("resend", "back_off")),
    (CALLING, "B"): (TERMINATED, ("timeout",)),
    (CALLING, "1xx"): (PROCEEDING, ("settle", "no_wait", "pass")),
    (CALLING, "2xx"): (ACCEPTED, ("settle", "wait_M", "pass")),
    (CALLING, "final"): (COMPLETED, ("settle", "ack", "wait_D", "pass")),
    (CALLING, "error"): (TERMINATED, ("broken",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("pass",)),
    (PROCEEDING, "2xx"): (ACCEPTED, ("wait_M", "pass")),
    (PROCEEDING, "final"): (COMPLETED, ("ack", "wait_D", "pass")),
    (PROCEEDING, "B"): (TERMINATED, ("timeout",)),  # 64*T1 after a CANCEL that brought no final response (9.1)
    (PROCEEDING, "error"): (TERMINATED, ("broken",)),
    (COMPLETED, "final"): (COMPLETED, ("ack",)),
    (COMPLETED, "2xx"): (ACCEPTED, ("wait_M", "pass")),  # another fork's: a proxy sends it on behind a failure (16.7)
    (COMPLETED, "D"): (TERMINATED, ()),
    (ACCEPTED, "2xx"): (ACCEPTED, ("pass",)),
    (ACCEPTED, "M"): (TERMINATED, ()),
}

NON_INVITE_CLIENT: Table = {
    (TRYING, "E"): (TRYING, ("resend", "back_off")),
    (TRYING, "F"): (TERMINATED, ("timeout",)),
    (TRYING, "1xx"): (PROCEEDING, ("pass",)),
    (TRYING, "2xx"): (COMPLETED, ("settle", "wait_K", "pass")),
    (TRYING, "final"): (COMPLETED, ("settle", "wait_K", "pass")),
    (TRYING, "error"): (TERMINATED, ("broken",)),
    (PROCEEDING, "E"): (PROCEEDING, ("resend", "back_off")),
    (PROCEEDING, "F"): (TERMINATED, ("timeout",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("pass",)),
    (PROCEEDING, "2xx"): (COMPLETED, ("settle", "wait_K", "pass")),
    (PROCEEDING, "final"): (COMPLETED, ("settle", "wait_K", "pass")),
    (PROCEEDING, "error"): (TERMINATED, ("broken",)),
    (COMPLETED, "K"): (TERMINATED, ()),
}

INVITE_SERVER: Table = {
    (PROCEEDING, "request"): (PROCEEDING, ("resend",)),
    (PROCEEDING, "1xx"): (PROCEEDING, ("send",)),
    (PROCEEDING, "2xx"): (ACCEPTED, ("send", "wait_L")),
    (PROCEEDING, "final"): (COMPLETED, ("send", "start_G", "wait_H")),
    (COMPLETED, "request"): (COMPLETED, ("resend",)),
    (COMPLETED, "G"): (COMPLETED, ("resend", "back_off")),
    (COMPLETED, "ack"): (CONFIRMED, ("settle", "wait_I")),
    (COMPLETED, "H"): (TERMINATED, ("settle", "unacknowledged")),
    (CONFIRMED, "ack"): (CONFIRMED, ()),
    (CONFIRMED, "request"): (CONFIRMED, ()),
    (CONFIRMED, "I"): (TERMINATED, ()),
    (ACCEPTED, "request"): (ACCEPTED, ()),  # the 2xx is retransmitted by the dialog, not by the transaction
    (ACCEPTED, "2xx"): (ACCEPTED, ("send",)),
    (ACCEPTED, "ack"): (ACCEPTED, ("pass",)),
    (ACCEPTED, "L"): (TERMINATED, ()),
}

NON_INVITE_SERVER: Table = {
    (TRYING, "request"): (TRYING, ()),
    (TRYING, "2xx"): (COMPLETED, ("send", "wait_J")),
    (TRYING, "final"): (COMPLETED, ("send", "wait_J")),
    (COMPLETED, "request"): (COMPLETED, ("resend",)),
    (COMPLETED, "J"): (TERMINATED, ()),
}
