"""What the SIP layer counts: plain integers, read by `/metrics` and by tests."""

from __future__ import annotations

from dataclasses import asdict

from switchhook.core.values import dataclass


@dataclass(slots=True)
class Counters:
    received: int = 0
    sent: int = 0
    retransmissions_sent: int = 0
    retransmissions_received: int = 0
    malformed: int = 0  # dropped in silence: nothing to answer to
    rejected_malformed: int = 0  # answered 400 and the like
    unknown_method: int = 0
    stray_ack: int = 0
    stray_response: int = 0  # of no transaction of ours
    stray_cancel: int = 0
    unknown_dialog: int = 0  # answered 481
    merged: int = 0
    looped: int = 0
    glare: int = 0  # re-INVITEs that met another, theirs and ours
    out_of_order: int = 0  # requests of a call with an old CSeq, answered 500
    too_fast: int = 0  # requests of a call that came faster than any telephone asks, answered 500
    untold: int = 0  # messages of a call that are in no timeline, because there were too many
    late_acks: int = 0  # they came when our answer had been sent again
    repeated_answers: int = 0  # 2xx seen again: our ACK was lost
    early_byes: int = 0  # they came before the ACK
    crossed_byes: int = 0  # both ends hung up at once
    late_cancels: int = 0  # they came after our final answer and changed nothing
    holds: int = 0  # times that a telephone put a call on hold
    offerless: int = 0  # INVITEs without an offer, answered with one of ours
    refused_changes: int = 0  # re-INVITEs with nothing that we could take; the call went on as before
    moved: int = 0  # telephones that changed their address in a call
    lost_connections: int = 0  # connections that closed under a call
    redirections: int = 0  # 3xx
    refused_offers: int = 0  # INVITEs without audio that we could take, answered 488
    not_served: int = 0  # INVITEs for what is neither ours nor a trunk's, answered 404
    refused_registrations: int = 0  # REGISTERs with a right password that were too brief, too late or too many
    large_by_tcp: int = 0  # INVITEs that were too large for a datagram
    without_tcp: int = 0  # of these: there was no TCP, and UDP carried it in fragments
    challenges: int = 0
    forbidden: int = 0
    wrong_credentials: int = 0  # of these: a wrong password or an unknown user, as when somebody guesses
    stale_nonces: int = 0
    timeouts: int = 0
    transport_errors: int = 0
    never_acknowledged: int = 0
    extra_answers: int = 0  # 2xx of further forks, acknowledged and ended
    late_answers: int = 0  # 2xx after we gave up, acknowledged and ended
    unresolved: int = 0  # host names that DNS did not know
    refused_early: int = 0  # new requests refused because of an overload; see sip.overload
    stateless: int = 0  # refused without a transaction, because there were too many
    storms: int = 0  # requests that came again more often than RFC 3261 17 sends them
    bugs: int = 0  # an exception of ours that a message brought about; it was logged and the message dropped

    def by_reason(self) -> dict[str, int]:
        """Returns all counts by name."""
        return asdict(self)
