from __future__ import annotations

import pytest

from switchhook.core.errors import Unavailable
from switchhook.core.outcomes import Outcome
from switchhook.lab.carrier import Carrier
from switchhook.lab.manners import PICKS_UP
from switchhook.lab.network import Network
from switchhook.lab.phones import Phones
from switchhook.lab.virtual_time import in_virtual_time


@in_virtual_time
async def test_numbers_behind_one_address_are_called_and_call() -> None:
    network = Network()
    carrier = Carrier.virtual(network, "10.0.0.9")
    async with Phones(network=network) as phones:
        desk = await phones.open("desk")
        ann = await phones.open("ann", username="+14155550111", transport=carrier.line("+14155550111"))
        bob = await phones.open("bob", username="+14155550122", transport=carrier.line("14155550122"), manners=PICKS_UP)
        await desk.call(f"sip:+14155550122@{carrier.local}")
        await desk.hears_only("bob")
        assert ann.calls == []
        await desk.hang_up()
        await bob.ended()

        await ann.call(desk.uri)
        ringing = await desk.is_ringing()
        assert ringing.number == "+14155550111"
        await desk.answer()
        await ann.hears_only("desk")
        await desk.hang_up()
        await ann.ended()


@in_virtual_time
async def test_a_number_of_nobody_and_a_number_taken() -> None:
    network = Network()
    carrier = Carrier.virtual(network, "10.0.0.9")
    carrier.line("1001")
    with pytest.raises(Unavailable, match="1001"):
        carrier.line("+1001")
    async with Phones(network=network, rtp=False) as phones:
        desk = await phones.open("desk")
        await desk.call(f"sip:1002@{carrier.local}")
        over = await desk.ended()
        assert over.ending is not None
        assert over.ending.outcome is Outcome.NOT_FOUND
    assert carrier.unknown == 1
