"""Every kind of request that we send to a user's application is accepted by the signature validators of both packages.

The stories make every webhook there is, once as POST and once as GET, to URLs with and without a port, a path, and a
query of their own; what was sent is then put before PyPI `plivo` and npm `plivo`, V2 and V3, with the token of the
account and with that of its main account.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from plivo.utils import validate_signature, validate_v3_signature

from switchhook.lab.stage import Hook, Line, Stage
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import ACCOUNT, NUMBER, OTHER, SIP, SUB, SUB_TOKEN, TOKEN, World, document, settings
from tests.sdks.nodejs import HERE, node_modules

pytestmark = pytest.mark.slow

AGENT = f"sip:1001@{SIP}"
WAIT = "<Wait length='9'/>"
QUIET = 'enterSound="none" exitSound="none"'


class Site:
    """A user's application under one form of URL, which is asked with one method."""

    def __init__(self, on: Stage, base: str, query: str, method: str) -> None:
        self.on, self.world = on, World(on)
        self.base, self.query, self.method = base, query, method
        self.served: set[str] = set()

    def url(self, path: str, *elements: str, text: str | None = None) -> str:
        """Serves a document, and returns its URL as an attribute holds it."""
        url = f"{self.base}/{path}" if path else self.base
        self.on.web.on(url, document(*elements) if text is None else text)
        self.served.add(url)
        return url + self.query

    def at(self, name: str, path: str, *elements: str, verb: str = "", text: str | None = None) -> str:
        """Returns two attributes: a URL and its method."""
        escaped = self.url(path, *elements, text=text).replace("&", "&amp;")
        return f'{name}="{escaped}" {verb or self.verb_of(name)}="{self.method}"'

    @staticmethod
    def verb_of(name: str) -> str:
        return "method" if name == "action" else f"{name.removesuffix('Url')}Method"

    def given(self, name: str, path: str, *elements: str, **more: Any) -> dict[str, Any]:
        """Returns two arguments of a request."""
        return {f"{name}_url": self.url(path, *elements, **more), f"{name}_method": self.method}

    async def arrives(self, *elements: str, caller: str = "+14155550123", **how: Any) -> Line:
        self.url("answer", *elements)
        line = self.on.phone(caller).calls(NUMBER, **how)
        await self.on.settled()
        return line

    async def made(self, **more: Any) -> str:
        given = {"from": NUMBER, "to": AGENT, **self.given("answer", "made", "<Wait length='60'/>"), **more}
        answer = await self.world.api("POST", "Call/", given)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["request_uuid"])


# --- the stories ----------------------------------------------------------------------------------------------------


async def calls(site: Site) -> None:
    """A call made by API, from its ringing to its end, and the answer to the request itself."""
    on = site.on
    detection = {"machine_detection": "true", **site.given("machine_detection", "machine", text="")}
    ends = {**site.given("ring", "ring", text=""), **site.given("hangup", "hangup", text="")}
    call = await site.made(**ends, **detection, **site.given("callback", "async", text=""), sip_headers="Tier=gold")
    line = await on.phone("1001").rings()
    line.answers()
    await asyncio.sleep(12)
    await site.world.transfer(call, legs="aleg", aleg_url=site.url("moved", "<Wait/>"), aleg_method=site.method)
    await asyncio.sleep(3)
    site.on.web.on(f"{site.base}/broken", "no XML")
    fallback = site.given("fallback", "fallback", "<Hangup/>")
    await site.made(answer_url=f"{site.base}/broken{site.query}", answer_method=site.method, **fallback)
    (await on.phone("1001").rings()).answers()
    await asyncio.sleep(3)


async def elements(site: Site) -> None:
    """Elements that ask or tell somebody, one after the other."""
    on = site.on
    line = await site.arrives(
        f"<GetDigits {site.at('action', 'digits')} redirect='false' timeout='5'/>",
        f"<GetInput {site.at('action', 'input')} inputType='dtmf' redirect='false'/>",
        f"<Record {site.at('action', 'recorded')} {site.at('callbackUrl', 'file')} redirect='false' maxLength='2'/>",
        f"<Message {site.at('callbackUrl', 'report')} src='1' dst='2'>hi</Message>",
        f"<Redirect method='{site.method}'>{_plain(site, 'more', WAIT)}</Redirect>",
        display="Anna & Zoe",
    )  # fmt: skip
    line.presses("1#")
    await asyncio.sleep(1)
    line.presses("2#")
    await asyncio.sleep(10)
    line.hangs_up()
    await on.settled()


async def dials(site: Site) -> None:
    """A Dial with everything that asks or tells somebody, and its B leg moved away."""
    on = site.on
    dial = (
        f"<Dial {site.at('action', 'after')} redirect='false' {site.at('callbackUrl', 'dialled')} digitsMatch='7' "
        f"confirmSound='{_plain(site, 'confirm', '<Speak>press</Speak>')}' confirmKey='5' "
        f"dialMusic='{_plain(site, 'music', '<Wait/>')}'><User>{AGENT}</User></Dial>"
    )
    line = await site.arrives(dial, "<Wait length='5'/>")
    agent = await on.phone("1001").rings()
    agent.answers()
    await asyncio.sleep(1)
    agent.presses("5")
    await on.settled()
    line.presses("7")
    await on.settled()
    more = {"bleg_url": site.url("bleg", "<Wait length='3'/>"), "bleg_method": site.method}
    assert (await site.world.transfer(line, legs="bleg", **more)).status_code == 202
    await asyncio.sleep(20)


def _plain(site: Site, path: str, *elements: str) -> str:
    """Returns the URL of a sound document, which is always asked for by POST."""
    return site.url(path, *elements).replace("&", "&amp;")


async def rooms(site: Site) -> None:
    """Conferences and multi-party calls, with their sounds and recordings."""
    on = site.on
    sounds = f"waitSound='{_plain(site, 'wait', WAIT)}' enterSound='{_plain(site, 'enter', WAIT)}'"
    told = f"{site.at('action', 'left')} {site.at('callbackUrl', 'conf')}"
    room = f"<Conference {told} {sounds} record='true' stayAlone='true' hangupOnStar='true'>room</Conference>"
    first = await site.arrives(room)
    second = await site.arrives(room, caller="+14155550124")
    await asyncio.sleep(3)
    recorded = {"callback_url": site.url("conf-file", text=""), "callback_method": site.method}
    assert (await site.world.api("POST", "Conference/room/Record/", recorded)).status_code == 202
    await asyncio.sleep(1)
    first.presses("*")
    await asyncio.sleep(1)
    second.hangs_up()
    await asyncio.sleep(30)
    attributes = (
        site.at("statusCallbackUrl", "mpc"),
        site.at("waitMusicUrl", "mpc-wait", WAIT),
        site.at("recordingCallbackUrl", "mpc-file"),
        site.at("customerHoldMusicUrl", "mpc-hold", WAIT),
        site.at("onExitActionUrl", "mpc-exit"),
        "role='customer' record='true' startMpcOnEnter='false'",
        QUIET,
    )
    party = f"<MultiPartyCall {' '.join(attributes)}>desk</MultiPartyCall>"
    customer = await site.arrives(party)
    adding = {"role": "agent", "from": NUMBER, "to": AGENT, "enter_sound": "none", "exit_sound": "none",
              **site.given("call_status_callback", "mpc-call", text="")}  # fmt: skip
    assert (await site.world.api("POST", "MultiPartyCall/name_desk/Participant/", adding)).status_code == 201
    (await on.phone("1001").rings()).answers()
    await asyncio.sleep(2)
    assert (await site.world.api("POST", "MultiPartyCall/name_desk/Participant/1/", {"hold": True})).status_code == 202
    await asyncio.sleep(2)
    await site.world.api("DELETE", "MultiPartyCall/name_desk/Participant/1/")
    await asyncio.sleep(5)
    customer.hangs_up()
    await asyncio.sleep(5)


async def extras(site: Site) -> None:
    """Recordings and streams by API."""
    line = await site.arrives("<Speak>hello</Speak>", "<Wait length='60'/>")
    recorded = {"callback_url": site.url("call-file", text=""), "callback_method": site.method, "time_limit": 2}
    assert (await site.world.api("POST", f"Call/{line.leg}/Record/", recorded)).status_code == 202
    streamed = {"service_url": "ws://127.0.0.1:9/x", **site.given("status_callback", "stream", text="")}
    assert (await site.world.api("POST", f"Call/{line.leg}/Stream/", streamed)).status_code == 202
    await asyncio.sleep(5)
    line.hangs_up()
    await asyncio.sleep(5)


STORIES: list[Callable[[Site], Coroutine[Any, Any, None]]] = [calls, elements, dials, rooms, extras]
SITES = [
    ("http://app.example.com:8080", "?z=2&a=1", "POST"),
    ("https://app.example.com/in/deep", "", "POST"),
    ("https://app.example.com:8443/x", "?tenant=a%20b&b=", "GET"),
    ("http://app.example.com", "", "GET"),
]


def sent(base: str, query: str, method: str, story: Any) -> tuple[list[Hook], set[str]]:
    """Plays a story; returns all requests, and the URLs that nobody was asked for."""

    async def play() -> tuple[list[Hook], set[str]]:
        app = {"app_id": "app1", "account": ACCOUNT, "answer_url": f"{base}/answer{query}", "answer_method": method,
               "hangup_url": f"{base}/gone{query}", "hangup_method": method}  # fmt: skip
        async with Stage(settings(application=[app]), dialects=("plivo",)) as on:
            on.web.on(f"{base}/gone", "")
            site = Site(on, base, query, method)
            await story(site)
            return on.web.hooks, site.served - {hook.url.split("?")[0] for hook in on.web.hooks}

    return run(play())


def as_asked(hook: Hook, token: str, mark: str = "") -> dict[str, Any]:
    """Returns what a validator is given, as an application would."""
    head = {name.removeprefix("x-plivo-signature-"): value for name, value in hook.headers.items()}
    return {
        "method": hook.method,
        "url": hook.url,
        "nonce3": head["v3-nonce"],
        "signature3": head[f"{mark}v3"],
        "nonce2": head["v2-nonce"],
        "signature2": head[f"{mark}v2"],
        "token": token,
        "params": dict(parse_qsl(hook.body.decode(), keep_blank_values=True)),
    }


def refused_by_python(asked: list[dict[str, Any]]) -> list[str]:
    wrong = []
    for each in asked:
        three = validate_v3_signature(
            each["method"], each["url"], each["nonce3"], each["token"], each["signature3"], dict(each["params"])
        )
        two = validate_signature(each["url"], each["nonce2"], each["signature2"], each["token"])
        wrong += [] if three and two else [f"{each['method']} {each['url']}: V3 {three}, V2 {two}"]
    return wrong


def refused_by_node(asked: list[dict[str, Any]], folder: Path) -> list[str]:
    (folder / "hooks.json").write_text(json.dumps(asked))
    made = subprocess.run(
        ["node", str(HERE / "validate.js"), str(folder / "hooks.json")],
        env={**os.environ, "NODE_PATH": str(node_modules())}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    verdicts = json.loads(made.stdout.splitlines()[-1])
    return [f"{each['method']} {each['url']}: {found}" for each, found in zip(asked, verdicts, strict=True)
            if found != [True, True]]  # fmt: skip


@pytest.mark.parametrize(("base", "query", "method"), SITES)
def test_every_webhook_is_accepted(base: str, query: str, method: str, tmp_path: Path) -> None:
    hooks: list[Hook] = []
    for story in STORIES:
        found, unasked = sent(base, query, method, story)
        assert unasked == set(), f"{story.__name__}: nobody was asked there"
        hooks += found
    assert {urlsplit(hook.url).fragment for hook in hooks} == {""}
    asked = [as_asked(hook, TOKEN, mark) for hook in hooks for mark in ("", "ma-")]
    assert {each["method"] for each in asked} <= {method, "POST"}  # sound documents are asked for by POST
    assert refused_by_python(asked) == []
    assert refused_by_node(asked, tmp_path) == []


def test_a_sub_account_signs_with_its_token_and_with_the_main_account_s(tmp_path: Path) -> None:
    async def play() -> list[Hook]:
        app = {"app_id": "sub1", "account": SUB, "answer_url": "https://app.example.com/a"}
        number = {"number": NUMBER, "account": SUB, "application": "sub1"}
        async with Stage(
            settings(application=[app], number=[number], endpoint=[], agent=[]), dialects=("plivo",)
        ) as on:
            on.web.on("https://app.example.com/a", document("<Hangup/>"))
            on.phone("+14155550123").calls(NUMBER)
            await on.settled()
            return on.web.hooks

    hooks = run(play())
    assert len(hooks) >= 1
    asked = [as_asked(hook, token, mark) for hook in hooks for token, mark in ((SUB_TOKEN, ""), (TOKEN, "ma-"))]
    assert refused_by_python(asked) == []
    assert refused_by_node(asked, tmp_path) == []
    assert len(refused_by_python([as_asked(hook, TOKEN) for hook in hooks])) == len(hooks)
    assert OTHER not in str(hooks)


ODD = ["Anna + Bob & Co", "a=b?c#d", "50 %25 %", "Zoë 日本", ' "quoted" ', "a,b;c"]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("query", ["", "?q=a+b%26c", "?who=Zo%C3%AB", "?a=2&a=1", "?flag", "?x=%2B1"])
def test_odd_values(method: str, query: str, tmp_path: Path) -> None:
    async def odd(site: Site) -> None:
        for name in ODD:
            line = await site.arrives("<Hangup/>", display=name, headers=(("X-PH-Note", name.strip()),))
            assert line.over is not None
        site.served.clear()

    hooks, _ = sent("https://app.example.com/x", query, method, odd)
    assert len(hooks) == 2 * len(ODD)
    asked = [as_asked(hook, TOKEN) for hook in hooks]
    assert refused_by_python([each for each in asked if unquote(each["url"]).isascii()]) == []  # it raises on others
    assert refused_by_node(asked, tmp_path) == []
