"""Outgoing HTTP: what a URL asks for beyond its path."""

from __future__ import annotations

import pytest
from httpx2 import MockTransport, Request, Response

from switchhook.core.errors import Unavailable
from switchhook.exchange.guard import Guard
from switchhook.exchange.sender import HttpSender
from switchhook.lab.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("http://MA1:tok%40en@127.0.0.1:9/answer", "Basic TUExOnRva0Blbg=="),
        ("http://only@127.0.0.1:9/answer", "Basic b25seTo="),
        ("http://127.0.0.1:9/answer", None),
    ],
)
def test_user_and_password_in_a_url_are_sent_as_basic_credentials(url: str, authorization: str | None) -> None:
    @in_virtual_time
    async def story() -> None:
        asked: list[Request] = []

        def answer(request: Request) -> Response:
            asked.append(request)
            return Response(200)

        sender = HttpSender(Guard((), loopback=True), transport=MockTransport(answer))
        await sender.send("POST", url, body=b"a=b")
        await sender.close()
        assert asked[0].headers.get("authorization") == authorization
        assert asked[0].headers["host"] == "127.0.0.1:9"
        assert str(asked[0].url) == "http://127.0.0.1:9/answer"

    story()


@pytest.mark.parametrize("host", ["...", "a..b", "a" * 300])
def test_what_can_be_no_name_of_a_host_is_away_like_one_that_nobody_has(host: str) -> None:
    @in_virtual_time
    async def story() -> None:
        sender = HttpSender(Guard((), loopback=True))
        with pytest.raises(Unavailable, match="is no name of a host"):
            await sender.send("POST", f"http://{host}/answer", body=b"a=b")
        await sender.close()

    story()
