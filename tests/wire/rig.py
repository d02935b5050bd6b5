"""The server as a process, SIPp at both its ends, and what the journal says when a story is over.

Everything listens on 127.0.0.1 on ports that the kernel gave; only processes started here are ended.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import TracebackType

from switchhook.exchange.ports import Entry
from switchhook.observe.timeline import timeline
from switchhook.stores.database import connect
from switchhook.stores.reading import Reader

SCENARIOS = Path(__file__).parent / "scenarios"
SIPP = shutil.which("sipp") or ""
ACCOUNT, TOKEN = "MAWIREWIREWIREWIRE00", "wire-token"
CALLED, BEHIND = "+14155550100", "+14155550199"
LANES = 64  # numbers with a trunk of their own: what is left of a call is sent again for 32 s, and reaches no other
LANES_AMONG, AUDIO_AMONG = range(4_000, 12_000), range(12_000, 20_000)  # other servers of the tests begin at 20,000
RING_S = 4
MAX_LEGS = 40
DOMAIN = "wire.local"
START_S, STOP_S = 20.0, 10.0


def free_port() -> int:
    """Finds a port on loopback that is free for datagrams and for connections."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, socket.socket(type=socket.SOCK_DGRAM) as other:
            sock.bind(("127.0.0.1", 0))
            port = int(sock.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def free_block(among: range = LANES_AMONG, size: int = LANES) -> range:
    """Finds ports in a row that nobody uses, `free_port` never returns, and no other server of the tests has audio on.

    The port behind them stays ours for as long as this process lives, so that whoever looks for as many among the same
    finds others, also while these are not in use: the other half of the tests runs at the same time.
    """
    blocks = [range(first, first + size) for first in range(among.start, among.stop - size, size + 2)]
    anywhere = free_port() % len(blocks)
    for block in (*blocks[anywhere:], *blocks[:anywhere]):  # a benchmark beside us may have 8,000 of them in a row
        with ExitStack() as stack:
            try:
                for port in block:
                    stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
                fence = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                fence.bind(("127.0.0.1", block.stop))
            except OSError:
                continue
            _fences.append(fence.dup())
        return block
    raise AssertionError("no block of ports is free")


_fences: list[socket.socket] = []


def until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Waits until something is true; fails with `what` when it does not become so in time."""
    end = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"waited {within_s:g} s in vain: {what}")
        time.sleep(0.01)


def listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    """True when that process has bound that UDP port, or listens on that TCP port, or is done already; fails when it
    has ended badly, as one does that finds its port taken."""
    if (ended := process.poll()) is not None:
        assert ended == 0, f"{process.args!r} ended with {ended} before it listened on {port}"
        return True
    udp, tcp = (Path(f"/proc/net/{kind}").read_text().splitlines()[1:] for kind in ("udp", "tcp"))
    bound = [*(line.split() for line in udp), *(words for line in tcp if (words := line.split())[3] == "0A")]
    inodes = {f"socket:[{words[9]}]" for words in bound if words[1].endswith(f":{port:04X}")}
    return bool(inodes) and not inodes.isdisjoint(_files(process.pid))


def _files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for file in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):  # closed meanwhile
                found.add(os.readlink(file.path))
    return found


class Server:
    """`switchhook serve` with one trunk on loopback, a forwarded number, and two telephones that may register."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trunk = free_port()
        self.lanes = {f"+29{lane:02}0100": port for lane, port in enumerate(free_block())}
        self._free = list(self.lanes)
        self._read: list[tuple[int, Entry]] = []
        self._reading = Lock()
        self._database = folder / "wire.db"
        self._config = folder / "wire.toml"
        self._ready = folder / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._config.write_text(_configuration(self._database, self.trunk, self.lanes), encoding="utf-8")

    def start(self) -> None:
        command = [sys.executable, "-m", "switchhook", "serve"]
        command += ["--config", str(self._config), "--ready-file", str(self._ready)]
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._process = process
        until(lambda: self._ready.exists() or process.poll() is not None, START_S, "the server is ready")
        assert process.poll() is None, self.said()
        listening = json.loads(self._ready.read_text(encoding="utf-8"))
        self.http = int(listening["http"])
        self.sip, self.sip_tcp = (
            next(int(port) for name, _, port in listening["sip"] if name == transport) for transport in ("udp", "tcp")
        )

    def stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def lane(self) -> str:
        """Returns a number that nobody has called yet, with a trunk of its own (`lanes`)."""
        return self._free.pop()

    def said(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def metrics(self) -> dict[str, float]:
        """Returns the figures of `/metrics` by their whole name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def last_line(self) -> int:
        """Returns the number of the newest line of the journal."""
        return max((number for number, _ in self.since(0)), default=0)

    def reasons(self) -> Counter[str]:
        """Returns the counts of SIP messages by what became of them."""
        found = ((_REASON.fullmatch(name), count) for name, count in self.metrics().items())
        return Counter({match[1]: int(count) for match, count in found if match})

    def story(self, after: int) -> Story:
        """Waits until no leg is left and all is on disk; returns what the journal has since line `after`."""

        def over() -> bool:
            now = self.metrics()
            return not now["switchhook_legs_live"] and not now["switchhook_journal_waiting"]

        until(over, 10.0, "every leg is over and written")
        return Story([entry for _, entry in self.since(after)])

    def story_of(self, number: str) -> Story:
        """Waits until the calls to one number are over and on disk; returns theirs only, whoever else talks."""

        def over() -> bool:
            story = self.so_far(number)
            ended = {str(body["leg"]) for body in story.kind("LegEnded")}
            return bool(story.legs) and ended == set(story.legs) and not self.metrics()["switchhook_journal_waiting"]

        until(over, 10.0, f"every leg of {number} is over and written")
        return self.so_far(number)

    def so_far(self, number: str) -> Story:
        """Returns what is on disk of the calls to one number."""
        lines = [entry for _, entry in self.since(0)]
        legs = [(entry, entry.body["leg"]) for entry in lines if entry.kind == "LegCreated"]
        calls = {entry.call for entry, leg in legs if isinstance(leg, dict) and leg["called"] == number}
        return Story([entry for entry in lines if entry.call in calls])

    def hang_up(self, leg: str) -> None:
        """Ends a call by API."""
        secret = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        url = f"http://127.0.0.1:{self.http}/v1/Account/{ACCOUNT}/Call/{leg}/"
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {secret}"}, method="DELETE")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 204, answer.status

    def since(self, after: int) -> list[tuple[int, Entry]]:
        """Returns the lines behind line `after`, with their numbers; each is read once, however often it is asked."""
        with self._reading:
            engine = connect(f"sqlite:///{self._database}", migrate=False)
            try:
                while lines := Reader(engine).since(self._read[-1][0] if self._read else 0):
                    self._read += lines
            finally:
                engine.dispose()
            return [line for line in self._read if line[0] > after]


_REASON = re.compile(r'switchhook_sip_messages_by_reason_total\{reason="(\w+)"\}')


@dataclass(frozen=True)
class Story:
    """The lines of the journal that a test brought about, and what else was said of it.

    `counted` is what `/metrics` counted meanwhile, by reason; `ends` what each SIPp sent and received, by scenario.
    """

    lines: list[Entry]
    counted: Mapping[str, int] = field(default_factory=Counter)
    ends: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Returns the timeline as an operator reads it."""
        return timeline(self.lines)

    def kind(self, kind: str) -> list[dict[str, object]]:
        return [line.body for line in self.lines if line.kind == kind]

    @property
    def legs(self) -> dict[str, str]:
        """Returns the legs that came into being, with their direction, in order."""
        created = [body["leg"] for body in self.kind("LegCreated")]
        return {leg["id"]: leg["side"] for leg in created if isinstance(leg, dict)}

    @property
    def endings(self) -> list[tuple[str, str, str]]:
        """Returns (direction, outcome, ended by) of every leg, in the order in which the legs came into being."""
        ended = {str(body["leg"]): body for body in self.kind("LegEnded")}
        return [(side, str(ended[leg]["outcome"]), str(ended[leg]["by"])) for leg, side in self.legs.items()]

    def sip(self, side: str) -> list[str]:
        """Returns the messages of the first leg in that direction: `> INVITE`, `< 200 INVITE` (from us, to us)."""
        return [_short(body) for body in self._sip(side)]

    def once(self, side: str) -> list[str]:
        """Returns those messages without what was sent again, as SIP does when this machine is slow."""
        found = {(body["direction"], body["first_line"], body["cseq"]): _short(body) for body in self._sip(side)}
        return list(found.values())

    def peers(self, side: str) -> list[str]:
        """Returns where each of those messages went or came from."""
        return [str(body["peer"]) for body in self._sip(side)]

    def heard(self, side: str) -> str:
        """Returns what kind of sound that leg heard last."""
        return str(self._of(side, "HearingChanged")[-1]["sources"])

    def _sip(self, side: str) -> list[dict[str, object]]:
        return self._of(side, "SipMessage")

    def _of(self, side: str, kind: str) -> list[dict[str, object]]:
        first = [leg for leg, direction in self.legs.items() if direction == side][:1]
        return [line.body for line in self.lines if line.kind == kind and line.leg in first]


def _short(body: dict[str, object]) -> str:
    return _named(">" if body["direction"] == "out" else "<", str(body["first_line"]), str(body["cseq"]))


def _named(arrow: str, first_line: str, cseq: str) -> str:
    first = first_line.split()
    return f"{arrow} {first[1]} {cseq.split()[-1]}" if first[0] == "SIP/2.0" else f"{arrow} {first[0]}"


_TRACED = re.compile(r"message (sent|received) [\[(]\d+\]? bytes\)?\s?:\s+(\S[^\r\n]*)(.*?)(?=\n-{20,}|\Z)", re.DOTALL)
_CSEQ = re.compile(r"^cseq\s*:\s*(\d+\s+\w+)", re.IGNORECASE | re.MULTILINE)


class Sipp:
    """One SIPp process for one call. Use as `with`; `finish` waits for its verdict."""

    def __init__(
        self, folder: Path, scenario: str, port: int, remote: int = 0, *options: str, user: str = CALLED
    ) -> None:
        self.scenario = scenario
        self._folder = folder
        own = ["-sn", scenario] if not scenario.endswith(".xml") else ["-sf", str(SCENARIOS / scenario)]
        self._port = port
        self._command = [
            SIPP, *own, "-i", "127.0.0.1", "-p", str(port), "-cp", str(free_port()), "-m", "1", "-nostdin",
            "-trace_err", "-error_file", str(folder / f"{scenario}.{port}.err"), "-timeout", "50", "-timeout_error",
            "-trace_msg", "-message_file", str(folder / f"{scenario}.{port}.messages"),
            *([f"127.0.0.1:{remote}", "-s", user] if remote else []), *options,
        ]  # fmt: skip

    def __enter__(self) -> Sipp:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            until(lambda: listens(self._port, self._process), 10.0, f"{self.scenario} listens")
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def finish(self, within_s: float = 10.0) -> None:
        """Waits for the end of the scenario; fails with what SIPp found wrong."""
        try:
            verdict = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.scenario} did not come to its end\n{self._found()}") from None
        assert verdict == 0, f"{self.scenario} ended with {verdict}\n{self._found()}"

    def wire(self) -> str:
        """Returns SIPp's own record of what it sent and received."""
        file = self._folder / f"{self.scenario}.{self._port}.messages"
        return file.read_text(errors="replace") if file.exists() else ""

    def messages(self) -> list[str]:
        """Returns what this end says was sent and received, as `Story.sip` does: `>` is from the server."""
        found = []
        for way, first_line, rest in _TRACED.findall(self.wire()):
            cseq = _CSEQ.search(rest)
            assert cseq, rest
            found.append(_named("<" if way == "sent" else ">", first_line, cseq[1]))
        return found

    def tags(self) -> tuple[str, str]:
        """Returns our tag and the far end's of a call that this end made."""
        own, far = re.search(r"From:.*;tag=(\S+)", self.wire()), re.search(r"To:.*;tag=(\S+)", self.wire())
        assert own, self.wire()
        assert far, self.wire()
        return own[1], far[1]

    def _found(self) -> str:
        file = self._folder / f"{self.scenario}.{self._port}.err"
        return file.read_text(errors="replace")[-3000:] if file.exists() else "it says nothing"


def play(
    server: Server,
    folder: Path,
    caller: str,
    called: str = "answers_called.xml",
    *,
    within_s: float = 10.0,
    options: Sequence[str] = (),
    called_options: Sequence[str] = (),
    remote: int = 0,
) -> Story:
    """Plays one call from one SIPp through the server to another; both must find all as their scenario wants it.

    What each of them says was sent and received must stand in the journal too.
    """
    number, counted = server.lane(), server.reasons()
    with (
        Sipp(folder, called, server.lanes[number], 0, *called_options) as behind,
        Sipp(folder, caller, free_port(), remote or server.sip, *options, user=number) as before,
    ):
        before.finish(within_s)
        behind.finish(5.0)
    told = server.story_of(number)
    story = Story(told.lines, server.reasons() - counted, {caller: before.messages(), called: behind.messages()})
    agree(story, caller, "inbound")
    agree(story, called, "outbound")
    return story


def agree(story: Story, scenario: str, side: str) -> None:
    """Fails when an end saw a message that the journal does not have; before its INVITE there is no leg to name."""
    seen = story.ends[scenario]
    assert seen, f"{scenario} wrote down no message"
    first = next(place for place, message in enumerate(seen) if message.endswith(" INVITE"))
    missing = Counter(seen[first:]) - Counter(story.sip(side))
    assert not missing, f"{scenario} saw {missing}, the journal has {story.sip(side)}"


def _configuration(database: Path, trunk: int, lanes: Mapping[str, int]) -> str:
    telephones = "".join(
        f'[[endpoint]]\nusername = "{user}"\npassword = "wire-{user}"\naccount = "{ACCOUNT}"\n' for user in (1001, 1002)
    )
    more = "".join(
        f'[[trunk]]\nname = "lane{port}"\nuri = "sip:127.0.0.1:{port}"\nprefixes = ["{number[:-4]}"]\n'
        f'[[number]]\nnumber = "{number}"\naccount = "{ACCOUNT}"\nforward = "{number[:-2]}99"\n'
        for number, port in lanes.items()
    )
    return f"""\
[http]
listen = "127.0.0.1:{free_port()}"
[sip]
ring_s = {RING_S}
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
domain = "{DOMAIN}"
[media]
ports = [30000, 31998]
max_legs = {MAX_LEGS}
[store]
url = "sqlite:///{database}"
[[account]]
auth_id = "{ACCOUNT}"
auth_token = "{TOKEN}"
{telephones}
[[trunk]]
name = "wire"
uri = "sip:127.0.0.1:{trunk}"
match = ["127.0.0.1"]
prefixes = ["+"]
[[number]]
number = "{CALLED}"
account = "{ACCOUNT}"
forward = "{BEHIND}"
{more}"""
