"""The pytest plugin as a stranger's project has it: in a process of its own, warnings are errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, *more: str) -> pytest.RunResult:
    """Runs the stranger's tests; the entry point brings our plugin along."""
    return pytester.runpytest_subprocess("-W", "error", "--strict-markers", "-p", "no:cacheprovider", *more)


def test_the_plugin_is_cheap_until_it_is_used() -> None:
    """Nothing but pytest is imported, for it is loaded in every project of whoever has Switchhook installed."""
    code = (
        "import sys, pytest, switchhook.lab.plugin;"
        "print(*(m for m in sys.modules if m.split('.')[0] in ('numpy', 'httpx2', 'starlette', 'sqlalchemy', 'msgspec')"
        " or m.startswith('switchhook.') and m not in ('switchhook.lab', 'switchhook.lab.plugin')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.slow
def test_async_tests_with_a_world_run_in_virtual_time_and_others_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio, time
        import pytest

        async def test_an_hour(world):
            start = time.monotonic()
            await world.passes(3600)
            assert time.monotonic() - start < 5

        def test_plain():
            assert True

        @pytest.mark.anyio
        async def test_of_another_plugin():
            await asyncio.sleep(0)

        @pytest.fixture
        def talking(world):
            phones = world.run(world.phones("customer", "agent"))
            world.run(world.talking(*phones))
            return phones

        async def test_with_a_fixture_of_its_own(talking, world):
            customer, agent = talking
            assert await customer.hears_only("agent")

        class TestInAClass:
            async def test_it(self, world):
                await world.phones("customer")
        """
    )
    pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    run(pytester).assert_outcomes(passed=5)


@pytest.mark.slow
def test_a_failed_test_tells_the_whole_story(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        async def test_it(world):
            world.web.mount("http://app.test", broken)
            customer, agent = await world.phones("customer", "agent")
            await world.talking(customer, agent)
            await world.passes(1)
            caller = await world.phone("caller")
            await caller.call("+14155550100")
            await caller.ended(within_s=60)
            await customer.hears("nobody")

        async def broken(scope, receive, send):
            raise LookupError("the program has a fault")
        """
    )
    found = run(pytester)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            "*NotHeard: nobody was not heard within 2 s*",
            "*switchhook: what happened*",
            "*customer +14155550123 hears agent 1001*",
            "*switchhook: the ladder of call*",
            "*INVITE*",
            "*switchhook: what the telephones heard*",
            "*customer: *agent*",
            "*switchhook: the web application raised*",
            "*LookupError: the program has a fault*",
        ]
    )


@pytest.mark.slow
def test_settings_come_from_the_mark_the_fixture_or_a_file(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".toml",
        house="""
        [[account]]
        auth_id = "MASWITCHHOOK00000000"
        auth_token = "token"
        [[endpoint]]
        username = "anna"
        password = "secret"
        account = "MASWITCHHOOK00000000"
        [[trunk]]
        name = "provider"
        uri = "sip:203.0.113.5"
        match = ["203.0.113.0/24"]
        prefixes = ["+49"]
        [[number]]
        number = "+4930100"
        account = "MASWITCHHOOK00000000"
        forward = "anna"
        """,
    )
    pytester.makeconftest(
        """
        import pathlib, pytest

        @pytest.fixture
        def world_settings():
            return pathlib.Path(__file__).with_name("house.toml")
        """
    )
    pytester.makepyfile(
        """
        import pytest
        from switchhook.lab.world import Faults

        async def test_of_a_file(world):
            customer, anna = await world.phones("customer", "anna")
            await world.talking(customer, anna, through="+4930100")
            assert world.settings.trunks[0].name == "provider"
            assert list(world.carriers) == ["provider"]
            with pytest.raises(KeyError):
                world.leg(await world.phone("caller"))

        @pytest.mark.world(settings={"sip": {"domain": "example.test"}}, seed=9, faults=Faults(delay_ms=50))
        async def test_of_the_mark(world):
            assert world.settings.sip.domain == "example.test"
            assert world.seed == 9
            start = world.now
            await world.phones("1001")
            assert world.now - start >= 0.2

        @pytest.mark.world(limit_s=10)
        async def test_too_long(world):
            await world.passes(11)

        @pytest.mark.world(sed=3)
        async def test_misspelt(world):
            pass
        """
    )
    found = run(pytester)
    found.assert_outcomes(passed=2, failed=1, errors=1)
    found.stdout.fnmatch_lines(["*takes faults, limit_s, seed, settings*sed*"])
    found.stdout.fnmatch_lines(["*TimeRanOut: the test took more than 10 s*"])


@pytest.mark.slow
def test_the_same_seed_plays_the_same_way(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from switchhook.lab.world import Faults

        seen = []

        @pytest.mark.parametrize("n", [1, 2, 3])
        @pytest.mark.world(seed=5, faults=Faults(loss=0.2, jitter_ms=30, duplicate=0.1, reorder=0.1))
        async def test_it(world, n):
            customer, agent, target = await world.phones("customer", "agent", "target")
            await world.talking(customer, agent)
            await world.phlo.warm_transfer(agent, target)
            await target.answer(within_s=40)
            await world.passes(5)
            seen.append([(s.at, type(s.fact).__name__) for s in world.facts])
            assert seen[-1] == seen[0]
            assert len(seen[0]) > 20
        """
    )
    run(pytester).assert_outcomes(passed=3)
