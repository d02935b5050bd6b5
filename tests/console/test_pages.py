"""What the server sends of its pages: whole, unchanged files, under a policy that lets nothing of others run."""

from __future__ import annotations

import re

import httpx2
import pytest
from starlette.routing import Route

from switchhook.console import console_routes
from switchhook.http import application
from switchhook.lab.virtual_time import in_virtual_time
from tests.sdks.nodejs import node_modules

PATHS = [route.path for route in console_routes() if isinstance(route, Route)]


async def ask(path: str, method: str = "GET", **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(application(console_routes()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk") as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize("path", PATHS)
@in_virtual_time
async def test_every_file_has_its_policy_and_is_sent_again_only_when_it_changed(path: str) -> None:
    reply = await ask(path)
    assert reply.status_code == 200
    assert reply.content
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    again = await ask(path, **{"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@in_virtual_time
async def test_the_page_holds_no_script_and_no_style_of_its_own_and_asks_only_for_files_that_are_there() -> None:
    page = (await ask("/console/desk")).text
    assert page == (await ask("/console/desk/")).text
    assert re.findall(r"<script[^>]*>[^<]", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    wanted = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert len(wanted) >= 5
    assert wanted <= set(PATHS)


@pytest.mark.parametrize(
    "path", ["/console/desk/index.html", "/console/desk/../pages.py", "/console/desk/%2e%2e/pages.py"]
)
@in_virtual_time
async def test_nothing_else_can_be_asked_for(path: str) -> None:
    assert (await ask(path)).status_code == 404
    assert (await ask("/console/desk", "POST")).status_code == 405


@in_virtual_time
async def test_the_scripts_speak_only_the_public_interface() -> None:
    for path in PATHS:
        if path.endswith(".js") and "ometd" not in path and "Extension" not in path:
            script = (await ask(path)).text
            addresses = re.findall(r"['`](?:\$\{location\.origin\})?(/[\w./${}-]+)", script)
            ours = [each for each in addresses if not each.startswith(("/me", "/meta/", "/v2/me/", "/api/v2"))]
            assert ours == [], path


@pytest.mark.slow
@in_virtual_time
async def test_the_client_is_the_npm_package_as_it_was_published() -> None:
    package = node_modules() / "cometd"
    for name in ("cometd.js", "AckExtension.js", "LICENSE"):
        assert (await ask(f"/console/desk/{name}")).content == (package / name).read_bytes()
