"""The server as a process: it starts, says what is wrong in one line, and stops without losing anything."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from switchhook.lab.demo.house import (
    ACCOUNT,
    APPLICATION_NUMBER,
    CUSTOMER_NUMBER,
    FLOW_NUMBER,
    NODE_ID,
    PHLO_ID,
    TOKEN,
    House,
    free_port,
)
from switchhook.lab.judge import Break
from switchhook.lab.tones import MUSIC, RATE

pytestmark = pytest.mark.slow
DATA = Path(__file__).parent.parent / "data"


def run(*arguments: str, timeout_s: float = 20) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "switchhook", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "htp.listen=127.0.0.1:1"], "did you mean http"),
        (["--set", "sip.ring_s=soon"], "sip.ring_s"),
        (["--config", "/nowhere/at/all.toml"], "/nowhere/at/all.toml"),
        (["--set", "store.url=sqlite:////nowhere/at/all.db"], "/nowhere/at/all.db"),
        (["--ready-file", "/nowhere/at/all"], "--ready-file /nowhere/at/all cannot be written"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    port = ["--set", f"http.listen=127.0.0.1:{free_port()}", "--set", 'sip.listen=["udp:127.0.0.1:0"]']
    port += ["--set", "media.realtime=false"]  # else a system that does not allow it has a second line
    done = run("serve", *(port if "--config" not in arguments else []), *arguments)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert said in lines[0]


def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        store = ["--set", f"store.url=sqlite:///{tmp_path}/x.db"]
        taken_http = ("--set", f"http.listen=127.0.0.1:{port}", "--set", 'sip.listen=["udp:127.0.0.1:0"]', *store)
        done = run("serve", *taken_http, "--ready-file", "/nowhere/at/all")
        assert "--ready-file /nowhere/at/all" in done.stderr  # said before anything is begun
        done = run("serve", *taken_http)
        assert done.returncode == 2
        assert done.stderr.strip().splitlines()[-1].endswith("Address already in use")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        sip = f'sip.listen=["udp:127.0.0.1:{taken.getsockname()[1]}"]'
        done = run("serve", "--set", f"http.listen=127.0.0.1:{free_port()}", "--set", sip, *store)
        assert done.returncode == 2
        assert done.stderr.strip().splitlines()[-1].endswith("Address already in use")


def test_the_documents_name_metrics_as_the_server_does(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "operate.md"
    named = set(re.findall(r"switchhook_[a-z_]+", page.read_text(encoding="utf-8")))

    async def story() -> str:
        async with House(tmp_path) as house:
            return (await house.client.get("/metrics")).text

    shown = set(re.findall(r"^# HELP (switchhook_[a-z_]+)", asyncio.run(story()), re.MULTILINE))
    assert named
    assert named <= shown


def test_a_stop_ends_live_calls_and_finishes_their_webhooks(tmp_path: Path) -> None:
    async def story() -> None:
        async with House(tmp_path) as house:
            customer = await house.outside("customer", CUSTOMER_NUMBER)
            agent = await house.inside("agent", "1002", answers_after_s=0.0)
            await customer.call(APPLICATION_NUMBER)
            await customer.answered()
            await customer.hears("agent")
            await house.server.stop()
            await customer.ended()
            await agent.ended()
            assert house.server._process is not None
            assert house.server._process.returncode == 0
            told = [each for each in house.web.told if each.path == "/hangup"]
            assert [each.form["Event"] for each in told] == ["Hangup"]

            def ended(reader: object) -> list[object]:
                summary = reader.recent(1)[0]  # type: ignore[attr-defined]
                return [line for line in reader.call(summary.call) if line.kind == "LegEnded"]  # type: ignore[attr-defined]

            assert len(house.server.read(ended)) == 2  # type: ignore[arg-type]

    asyncio.run(story())


def test_a_killed_pump_is_replaced_and_nobody_has_to_call_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with House(tmp_path) as house:
            customer = await house.outside("customer", CUSTOMER_NUMBER)
            agent = await house.inside("agent", "1002", answers_after_s=0.0)
            await customer.call(APPLICATION_NUMBER)
            await customer.hears("agent", within_s=5)
            await agent.hears("customer")
            before = house.phones.clock()
            os.kill(_pump_of(house), signal.SIGKILL)
            await asyncio.sleep(1.0)
            assert await customer.hears_only("agent")
            assert await agent.hears_only("customer")
            for phone in (customer, agent):
                assert [found for found in phone.ears.judge.breaks if not _late(found)] == []
                assert phone.ears.judge.max_gap_ms < 1000
                assert not [gap for gap in phone.ears.gaps(400, before) if gap.seconds > 0.5]
            live = await house.client.get(f"/v1/Account/{ACCOUNT}/Call/?status=live", auth=(ACCOUNT, TOKEN))
            assert len(live.json()["calls"]) == 2
        # The server has stopped, so the journal is whole: the timeline of the call tells what befell the server.
        told = house.server.read(lambda reader: reader.call(reader.find("last")))
        assert "pump" in [line.body.get("replaced") for line in told]

    asyncio.run(story())


def _late(found: Break) -> bool:
    """A packet that came late for its timestamp, which goes on; for how long nothing was heard is judged by ear."""
    before, _, after, *_ = found.text.split()
    return found.kind == "timestamp" and 0 < int(after) - int(before) & 0xFFFFFFFF <= RATE / 2


def _pump_of(house: House) -> int:
    """The busiest grandchild: the keeper's first child (the keeper forks the pump, then the workshop)."""
    process = house.server._process
    assert process is not None
    keeper = _children(process.pid)[0]
    return _children(keeper)[0]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return sorted(int(child) for child in text.split())


def test_the_same_request_again_dials_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with House(tmp_path) as house:
            customer = await house.outside("customer", CUSTOMER_NUMBER)
            agent = await house.outside("agent", "+14152223333", answers_after_s=0.0)
            target = await house.outside("target", "+14152225555")
            await customer.call(FLOW_NUMBER)
            await customer.hears("agent", within_s=5)
            body = {"action": "warm_transfer", "to": "+14152225555", "role": "agent", "trigger_source": "+14152223333"}
            path = f"/v1/phlo/{PHLO_ID}/multi_party_call/{NODE_ID}"
            first = await house.client.post(path, json=body, auth=(ACCOUNT, TOKEN))
            again = await house.client.post(path, json=body, auth=(ACCOUNT, TOKEN))
            assert first.status_code == again.status_code == 201
            assert first.json() == again.json()
            await target.is_ringing()
            assert len(target.calls) == 1
            await customer.hears(MUSIC)
            await agent.hang_up()

    asyncio.run(story())


def test_https_with_a_certificate(tmp_path: Path) -> None:
    port = free_port()
    ready = tmp_path / "ready"
    settings = [
        f"http.listen=127.0.0.1:{port}",
        f"http.certificate={DATA / 'localhost.pem'}",
        f"http.key={DATA / 'localhost.key'}",
        'sip.listen=["udp:127.0.0.1:0"]',
        "media.ports=[29000, 29100]",
        f"store.url=sqlite:///{tmp_path}/x.db",
    ]
    command = [sys.executable, "-m", "switchhook", "serve", "--ready-file", str(ready)]
    for setting in settings:
        command += ["--set", setting]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "ready" in line:
                break
        context = ssl.create_default_context(cafile=str(DATA / "localhost.pem"))
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/healthz", context=context, timeout=5) as reply:
            assert reply.read() == b"ok\n"
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()  # type: ignore[union-attr]
    assert process.returncode == 0
