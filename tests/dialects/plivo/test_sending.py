"""DTMF and Message: what goes out beside the talk (plivo-xml 2.13, 2.14)."""

from __future__ import annotations

from plivo import plivoxml

from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, World, stage


@in_virtual_time
async def test_keys_go_to_the_telephone_and_the_document_goes_on_at_once() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<DTMF> 1w2# </DTMF>", "<Speak>next</Speak>", "<Wait length='9'/>")
        assert line.up
        assert on.media.digits_sent(line.leg) == "w1w2#"
        assert line.hears == {"speak:en-US:WOMAN:next"}


@in_virtual_time
async def test_or_when_all_of_them_are_sent() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives('<DTMF async="false">1Ww2</DTMF>', "<Speak>next</Speak>", "<Wait length='9'/>")
        assert line.hears == set()
        await on.passes(2.4)  # two keys of 0.24 s, pauses of 1 and 0.5 s, and half a second behind the answer
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == {"speak:en-US:WOMAN:next"}


@in_virtual_time
async def test_what_is_no_key_is_skipped_with_a_warning() -> None:
    async with stage() as on:
        world = World(on)
        line = await world.arrives("<DTMF>1-2</DTMF>", "<DTMF/>", "<Wait length='9'/>")
        assert on.media.digits_sent(line.leg) == ""
        assert sum("cannot be sent" in warning for warning in world.warnings) == 2


@in_virtual_time
async def test_a_message_is_not_sent_and_reported_as_failed_to_each_number() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/report")
        line = await world.arrives(
            f'<Message src="14155550100" dst="14155550111&lt;14155550112" callbackUrl="{APP}/report">hi</Message>',
            '<Message src="1">nobody</Message>',
            "<Wait length='9'/>",
        )
        assert not line.up  # a message does not answer
        assert world.told("/report", "To", "From", "Status") == [
            ("14155550111", "14155550100", "failed"),
            ("14155550112", "14155550100", "failed"),
        ]
        assert any("no SMS gateway" in warning for warning in world.warnings)
        assert any("needs src, dst" in warning for warning in world.warnings)


@in_virtual_time
async def test_as_the_official_sdk_writes_them() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/report")
        response = plivoxml.ResponseElement()
        response.add(plivoxml.DTMFElement("98", async_=False))
        response.add(plivoxml.MessageElement("hi", src="1", dst="2", type="sms", callback_url=f"{APP}/report"))
        response.add(plivoxml.WaitElement(length=5))
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.passes(1.1)
        assert on.media.digits_sent(line.leg) == "w98"
        assert world.one("/report")["Status"] == "failed"
