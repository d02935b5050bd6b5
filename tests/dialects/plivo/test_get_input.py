"""GetInput: keys, words, or whichever comes first (plivo-xml 2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from plivo import plivoxml

from switchhook.core.errors import Unavailable
from switchhook.exchange.recognising import Interim, OnInterim, Recognised, Wanted
from switchhook.lab.stage import Line, Stage
from switchhook.lab.virtual_time import in_virtual_time
from tests.dialects.plivo.common import APP, World, stage

PRESS = "speak:en-US:WOMAN:speak"  # 0.3 s on the stage
ASK = f'<GetInput action="{APP}/got" %s><Speak>speak</Speak></GetInput>'


class Ear:
    """A recogniser that hears what the test says, when the caller has finished."""

    def __init__(self, *said: Recognised | Unavailable, interim: tuple[Interim, ...] = ()) -> None:
        self.said = list(said)
        self.interim = interim
        self.wanted: list[Wanted] = []
        self.closed = False

    async def recognise(
        self, audio: AsyncIterator[bytes], wanted: Wanted, interim: OnInterim | None = None
    ) -> Recognised:
        self.wanted.append(wanted)
        for each in self.interim if interim is not None else ():
            interim(each)
        async for _ in audio:
            pass
        found = self.said.pop(0)
        if isinstance(found, Unavailable):
            raise found
        return found

    async def close(self) -> None:
        self.closed = True


async def asked(on: Stage, attributes: str, *after: str, ear: Ear | None = None) -> tuple[World, Line]:
    world = World(on)
    world.page("/got", "<Wait length='60'/>")
    world.page("/interim")
    on.dialects["plivo"].recogniser = ear
    line = await world.arrives(ASK % attributes, *(after or ("<Speak>nobody</Speak>", "<Wait length='50'/>")))
    assert line.up
    assert line.hears == {PRESS}
    return world, line


def words(on: Stage, line: Line) -> bool:
    """Says whether anybody listens to the caller."""
    return bool(on.exchange.state.legs[line.leg].listeners) or bool(on.media.recordings)


# --- keys -----------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_keys() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf"')
        line.presses("12")
        await on.settled()
        assert line.hears == set()
        await on.passes(1.9)
        assert world.hooks("/got") == []
        await on.passes(0.2)
        told = world.one("/got")
        assert (told["InputType"], told["Digits"], told["Speech"]) == ("dtmf", "12", "")
        assert {"SpeechConfidenceScore", "BilledAmount"} <= set(told)


@in_virtual_time
async def test_the_finish_key_and_as_many_as_wanted() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf" digitEndTimeout="5"')
        line.presses("12#")
        await on.settled()
        assert world.one("/got")["Digits"] == "12"
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf" numDigits="3"')
        line.presses("1234")
        await on.settled()
        assert world.one("/got")["Digits"] == "123"


@in_virtual_time
async def test_nothing_in_time_runs_the_next_element() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf" executionTimeout="8"')
        await on.passes(8.2)  # counted from the end of the prompt
        assert line.hears == set()
        await on.passes(0.2)
        assert line.hears == {"speak:en-US:WOMAN:nobody"}
        assert world.hooks("/got") == []


@in_virtual_time
async def test_it_has_tries_and_a_time_to_begin() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf" executionTimeout="30" startInputTimeout="3" retries="2"')
        await on.passes(3.4)
        assert line.hears == {PRESS}
        await on.passes(3.3)
        assert line.hears == {"speak:en-US:WOMAN:nobody"}
        assert world.hooks("/got") == []


@in_virtual_time
async def test_keys_that_are_there_when_the_time_is_over_count() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf" executionTimeout="5" digitEndTimeout="10"')
        await on.passes(4)
        line.presses("77")
        await on.passes(1.4)
        assert world.one("/got")["Digits"] == "77"


# --- words ----------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_words_stop_the_prompt_and_are_told_with_their_score() -> None:
    async with stage() as on:
        ear = Ear(Recognised("two large pizzas", 0.875))
        world, line = await asked(
            on, 'inputType="speech" speechEndTimeout="2" hints="pizza, beer" language="en-GB"', ear=ear
        )
        await on.passes(0.1)
        line.talks()
        await on.passes(0.1)
        assert line.hears == set()
        await on.passes(4)
        line.talks(False)
        await on.passes(1.9)
        assert world.hooks("/got") == []
        await on.passes(0.4)
        told = world.one("/got")
        assert (told["InputType"], told["Speech"], told["SpeechConfidenceScore"]) == (
            "speech",
            "two large pizzas",
            "0.88",
        )
        assert told["Digits"] == ""
        assert ear.wanted == [Wanted("en-GB", "default", ("pizza", "beer"), False)]
        assert not words(on, line)
        assert on.dialects["plivo"].tapes.empty


@in_virtual_time
async def test_pauses_inside_a_sentence_do_not_end_it() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech" speechEndTimeout="3"', ear=Ear(Recognised("a b", 1)))
        for _ in range(3):
            line.talks()
            await on.passes(1)
            line.talks(False)
            await on.passes(2)
        assert world.hooks("/got") == []
        await on.passes(1.5)
        assert world.one("/got")["Speech"] == "a b"


@in_virtual_time
async def test_interim_results_are_told_in_order() -> None:
    async with stage() as on:
        ear = Ear(Recognised("two beers", 0.9), interim=(Interim("two", "bears", 0.5), Interim("two", "beers", 0.9)))
        world, line = await asked(
            on, f'inputType="speech" interimSpeechResultsCallback="{APP}/interim" speechModel="phone_call"', ear=ear
        )
        line.talks()
        await on.passes(0.5)
        assert world.told("/interim", "StableSpeech", "UnstableSpeech", "Stability", "SequenceNumber", "CallUUID") == [
            ("two", "bears", "0.5", "1", line.leg),
            ("two", "beers", "0.9", "2", line.leg),
        ]
        assert ear.wanted[0].model == "phone_call"


@in_virtual_time
async def test_whichever_comes_first_wins() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf speech"', ear=Ear(Recognised("hello", 0.9)))
        line.presses("4")
        await on.settled()
        assert not words(on, line)
        line.talks()
        await on.passes(3)
        told = world.one("/got")
        assert (told["InputType"], told["Digits"], told["Speech"]) == ("dtmf", "4", "")
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf speech"', ear=Ear(Recognised("hello", 0.9)))
        line.talks()
        await on.passes(1)
        line.presses("4#")
        line.talks(False)
        await on.passes(2)
        told = world.one("/got")
        assert (told["InputType"], told["Digits"], told["Speech"]) == ("speech", "", "hello")


@in_virtual_time
async def test_a_noise_that_is_no_word_is_listened_over() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech"', ear=Ear(Recognised(""), Recognised("yes", 0.7)))
        for _ in range(2):
            line.talks()
            await on.passes(1)
            line.talks(False)
            await on.passes(2)
        assert world.one("/got")["Speech"] == "yes"


@in_virtual_time
async def test_who_talks_on_is_cut_when_the_time_is_over() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech" executionTimeout="6"', ear=Ear(Recognised("and so on", 0.5)))
        line.talks()
        await on.passes(6.5)
        assert world.one("/got")["Speech"] == "and so on"


@in_virtual_time
async def test_a_recogniser_that_fails_is_told_and_nothing_was_said() -> None:
    async with stage() as on:
        ear = Ear(Unavailable("it is out"), Unavailable("it is out"), Unavailable("it is out"))
        world, line = await asked(on, 'inputType="speech" executionTimeout="5"', ear=ear)
        await on.passes(1)
        line.talks()
        await on.passes(1)
        line.talks(False)
        await on.passes(3.4)
        assert line.hears == {"speak:en-US:WOMAN:nobody"}
        assert world.hooks("/got") == []
        assert any("it is out" in warning for warning in world.warnings)


@in_virtual_time
async def test_without_a_recogniser_words_never_match_and_keys_do() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech" executionTimeout="5"')
        line.talks()
        await on.passes(5.5)
        assert line.hears == {"speak:en-US:WOMAN:nobody"}
        assert any("[plivo] recogniser is not set" in warning for warning in world.warnings)
        assert world.hooks("/got") == []
    async with stage() as on:
        world, line = await asked(on, 'inputType="dtmf speech"')
        line.presses("1#")
        await on.settled()
        assert world.one("/got")["Digits"] == "1"


@in_virtual_time
async def test_a_hangup_or_a_transfer_ends_the_listening() -> None:
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech"', ear=Ear(Recognised("hello", 1)))
        line.talks()
        await on.passes(1)
        line.hangs_up()
        await on.passes(5)
        assert world.hooks("/got") == []
        assert on.nothing_left()
        assert on.media.recordings == ()
        assert on.dialects["plivo"].tapes.empty
    async with stage() as on:
        world, line = await asked(on, 'inputType="speech"', ear=Ear(Recognised("hello", 1)))
        line.talks()
        await on.passes(1)
        world.page("/to", "<Speak>elsewhere</Speak>", "<Wait length='60'/>")
        await world.transfer(line, legs="aleg", aleg_url=f"{APP}/to")
        assert line.hears == {"speak:en-US:WOMAN:elsewhere"}
        assert not words(on, line)
        line.talks(False)
        await on.passes(5)
        assert world.hooks("/got") == []


@in_virtual_time
async def test_as_the_official_sdk_writes_it() -> None:
    async with stage() as on:
        world = World(on)
        world.page("/got", "<Wait/>")
        on.dialects["plivo"].recogniser = Ear(Recognised("hello", 0.5))
        response = plivoxml.ResponseElement()
        ask = plivoxml.GetInputElement(
            action=f"{APP}/got", method="POST", input_type="dtmf speech", execution_timeout=20, digit_end_timeout=2,
            speech_end_timeout=3, finish_on_key="#", num_digits=4, speech_model="command_and_search", hints="a,b",
            language="en-US", interim_speech_results_callback=f"{APP}/interim", log=True, redirect=True,
            profanity_filter=False,
        )  # fmt: skip
        response.add(ask.add_speak("speak"))
        on.web.on(f"{APP}/answer", response.to_string())
        line = on.phone("+14155550123").calls("+14155550100")
        await on.settled()
        assert line.hears == {PRESS}
        line.talks()
        await on.passes(1)
        line.talks(False)
        await on.passes(4)
        assert world.one("/got")["Speech"] == "hello"
        assert not world.warnings
