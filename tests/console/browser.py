"""An agent at a real browser: the desk page in Debian's Chromium, used by the names of its controls."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from switchhook.settings import Settings
from tests.console.relay import Relay, relay
from tests.dialects.genesys.office import settings
from tests.sdks.live import LiveStage, live

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM = shutil.which("chromium") or ""
WAIT_MS = 15_000  # a machine that does other things at the same time


@dataclass
class Agent:
    """Somebody at the desk page."""

    page: Page
    wrong: list[str] = field(default_factory=list)  # errors of scripts, and what the page's policy refused

    async def logs_in(self, name: str = "agent1", password: str = "") -> None:
        await self.page.get_by_label("User name").fill(name)
        await self.page.get_by_label("Password").fill(password or f"secret{name[-1]}")
        await self.page.get_by_role("button", name="Log in", exact=True).click()

    async def presses(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def types(self, number: str) -> None:
        await self.page.get_by_label("Number").fill(number)

    async def sees(self, text: str) -> None:
        await self.page.get_by_text(text).first.wait_for()

    async def alerted(self, pattern: str) -> None:
        """Waits until the page's alert is what the pattern says, or empty."""
        script = "wanted => new RegExp('^(' + wanted + ')$').test(document.querySelector('[role=alert]').textContent)"
        await self.page.wait_for_function(script, arg=pattern)

    async def sees_calls(self, *cards: str) -> None:
        """Waits until exactly these calls are shown, each as `party state`."""
        script = """() => [...document.querySelectorAll('.call')].map(card =>
            card.querySelector('.who').textContent + ' ' + card.querySelector('.badge').textContent).sort()"""
        found: list[str] = []
        try:
            async with asyncio.timeout(WAIT_MS / 1000):
                while found != sorted(cards):
                    await asyncio.sleep(0.02)
                    found = await self.page.evaluate(script)
        except TimeoutError:
            alert = await self.page.locator("[role=alert]").text_content()
            raise AssertionError(f"seen instead of {sorted(cards)}: {found}, {alert}") from None

    async def may(self) -> set[str]:
        """Returns the names of the buttons that are enabled."""
        found = self.page.locator("[data-operation]:enabled")
        return set(await found.all_text_contents())

    async def focus(self) -> str:
        """Returns the text or name of what has the keyboard."""
        script = "() => document.activeElement.textContent.trim() || document.activeElement.name"
        found: str = await self.page.evaluate(script)
        return found


@dataclass
class Office:
    """A live server, a browser before it, and the network between them."""

    stage: LiveStage
    network: Relay
    browser: Browser
    agents: list[Agent] = field(default_factory=list)

    async def desk(self, **context: Any) -> Agent:
        """Opens the page in a browser of its own."""
        self.agents.append(await sits_down(self.browser, self.network.base, **context))
        return self.agents[-1]


async def sits_down(browser: Browser, base: str, **context: Any) -> Agent:
    """Opens the page of the server at `base` in a browser of its own."""
    page = await (await browser.new_context(**context)).new_page()
    page.set_default_timeout(WAIT_MS)
    agent = Agent(page)
    page.on("pageerror", lambda error: agent.wrong.append(str(error)))
    page.on("console", lambda line: agent.wrong.append(line.text) if "Content Security" in line.text else None)
    await page.goto(f"{base}/console/desk")
    return agent


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Starts a browser; skips the test, with the reason, where there is none."""
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("chromium is not installed (Debian's package chromium)")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            await browser.close()


class Room:
    """A browser for all tests of a file, in a loop of its own. Each test has its own profile, server and network."""

    def __init__(self, runner: asyncio.Runner, browser: Browser) -> None:
        self._browser = browser
        self.run = runner.run

    @asynccontextmanager
    async def office(self, **sections: Any) -> AsyncIterator[Office]:
        """Opens an office of three agents with the browser before it."""

        def configured(base: str) -> Settings:
            return settings(http={"public_url": base}, **sections)

        async with live(configured) as (stage, base), relay(base) as network:
            found = Office(stage, network, self._browser)
            yield found
            for context in {agent.page.context for agent in found.agents}:
                await context.close()
            assert [agent.wrong for agent in found.agents if agent.wrong] == []


@contextmanager
def furnished() -> Iterator[Room]:
    """Starts the browser of a room."""
    with asyncio.Runner() as runner:
        opened = chromium()
        browser = runner.run(opened.__aenter__())
        try:
            yield Room(runner, browser)
        finally:
            runner.run(opened.__aexit__(None, None, None))
