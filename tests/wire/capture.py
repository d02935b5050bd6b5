"""What went over loopback, written down by dumpcap and read by tshark: an opinion that shares no code with ours.

Only tshark decides what is RTP and RTCP (from the SDP it saw) and what the fields say; here its columns become values.
Capturing wants the right to open a packet socket. Where that is missing, `unable()` says so and the tests are skipped.
"""

from __future__ import annotations

import functools
import secrets
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.wire.rig import until

TSHARK, DUMPCAP = shutil.which("tshark") or "", shutil.which("dumpcap") or ""


@functools.cache
def unable() -> str:
    """Returns why this machine cannot capture on loopback; nothing when it can."""
    if not TSHARK or not DUMPCAP:
        return "tshark and dumpcap are not installed (Debian's packages tshark and wireshark-common)"
    try:
        tried = subprocess.run(
            [DUMPCAP, "-q", "-i", "lo", "-a", "duration:0", "-w", "/dev/null"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "dumpcap does not come to an end on loopback"
    if tried.returncode:
        said = [line for line in tried.stderr.splitlines() if line.startswith("dumpcap:")]
        return f"capturing needs root, or CAP_NET_RAW for dumpcap: {' '.join(said) or tried.stderr}"
    return ""


@dataclass(frozen=True, slots=True)
class Rtp:
    """One packet as tshark read it; `at` is seconds since 1970."""

    at: float
    source: int
    destination: int
    ssrc: int
    seq: int
    timestamp: int
    marker: bool
    payload_type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Rtcp:
    """One sender report (`packets` is set) or receiver report, with its first block if it has one."""

    at: float
    source: int
    destination: int
    ssrc: int
    packets: int | None
    octets: int
    timestamp: int
    ntp: tuple[int, int]
    about: int | None  # the SSRC that the block is about
    fraction: int
    lost: int
    highest: int  # extended sequence number
    jitter: int
    last_sr: int
    delay: int


@dataclass(frozen=True, slots=True)
class Compound:
    """One datagram of RTCP: the kinds of its packets in their order, and whom they name."""

    at: float
    kinds: tuple[int, ...]
    ssrc: int  # of its first report; 0 when there is none
    name: str  # the CNAME
    ssrcs: tuple[int, ...]  # whom its blocks, names and goodbyes are about, in their order
    whole: bool  # the lengths of its packets are that of the datagram


@dataclass(frozen=True, slots=True)
class Stream:
    """One line of `tshark -z rtp,streams`."""

    source: int
    destination: int
    ssrc: int
    payload: str
    packets: int
    lost: int
    max_delta_ms: float
    max_jitter_ms: float
    problem: bool


class Capture:
    """UDP on loopback between these ports, from entering the `with` to leaving it."""

    def __init__(self, folder: Path, sip: tuple[int, ...], *audio: tuple[int, int]) -> None:
        self.file = folder / "capture.pcapng"
        self._log = folder / "dumpcap.log"
        ports = [f"port {port}" for port in sip] + [f"portrange {low}-{high + 1}" for low, high in audio]
        self._filter = "udp and (" + " or ".join(ports) + ")"
        self._sip, self._end = sip, audio[0][1]

    def __enter__(self) -> Capture:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [DUMPCAP, "-q", "-i", "lo", "-B", "32", "-f", self._filter, "-w", str(self.file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            until(lambda: "File:" in self.said() or self._process.poll() is not None, 20.0, "dumpcap captures")
            assert self._process.poll() is None, self.said()
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def take_in(self) -> None:
        """Waits until a datagram of our own, sent behind all that is to be seen, stands in the file."""
        end = secrets.token_bytes(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.sendto(end, ("127.0.0.1", self._end))
        until(lambda: end in self.file.read_bytes()[-65_536:], 10.0, "dumpcap wrote all that it saw")

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def rtp(self) -> list[Rtp]:
        """Returns every RTP packet, in the order in which they were sent."""
        fields = ("rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.marker", "rtp.p_type", "udp.payload")
        return [
            Rtp(
                float(at), int(source), int(destination), int(ssrc, 16), int(seq), int(stamp), marker in ("1", "True"),
                int(kind), bytes.fromhex(datagram.replace(":", ""))[12:],
            )
            for at, source, destination, ssrc, seq, stamp, marker, kind, datagram in self._columns("rtp", fields)
        ]  # fmt: skip

    def rtcp(self) -> list[Rtcp]:
        """Returns every sender and receiver report."""
        fields = (
            "rtcp.pt", "rtcp.senderssrc", "rtcp.sender.packetcount", "rtcp.sender.octetcount", "rtcp.timestamp.rtp",
            "rtcp.timestamp.ntp.msw", "rtcp.timestamp.ntp.lsw", "rtcp.rc", "rtcp.ssrc.identifier", "rtcp.ssrc.fraction",
            "rtcp.ssrc.cum_nr", "rtcp.ssrc.ext_high", "rtcp.ssrc.jitter", "rtcp.ssrc.lsr", "rtcp.ssrc.dlsr",
        )  # fmt: skip
        return [_report(row) for row in self._columns("rtcp.pt==200 or rtcp.pt==201", fields)]

    def compounds(self) -> list[Compound]:
        """Returns every datagram of RTCP."""
        fields = ("rtcp.pt", "rtcp.senderssrc", "rtcp.sdes.text", "rtcp.ssrc.identifier", "rtcp.length_check")
        return [
            Compound(
                float(at), tuple(map(int, kinds.split(","))), _number(ssrc.partition(",")[0]), name,
                tuple(map(_number, ssrcs.split(","))), set(whole.split(",")) <= {"1", "True"},
            )
            for at, _, _, kinds, ssrc, name, ssrcs, whole in self._columns("rtcp", fields, which_of="a")
        ]  # fmt: skip

    def streams(self) -> list[Stream]:
        """Returns tshark's own judgement of each stream."""
        lines = self._read("-q", "-z", "rtp,streams").splitlines()
        return [_stream(line.split()) for line in lines if line.split()[2:3] and line.split()[2] == "127.0.0.1"]

    def _columns(self, which: str, fields: tuple[str, ...], *, which_of: str = "f") -> list[list[str]]:
        all_fields = ("frame.time_epoch", "udp.srcport", "udp.dstport", *fields)
        picked = [word for field in all_fields for word in ("-e", field)]
        lines = self._read("-Y", which, "-T", "fields", "-E", f"occurrence={which_of}", "-E", "separator=|", *picked)
        return [line.split("|") for line in lines.splitlines()]

    def _read(self, *how: str) -> str:
        as_sip = [word for port in self._sip for word in ("-d", f"udp.port=={port},sip")]
        command = [TSHARK, "-n", "-r", str(self.file), *as_sip, *how]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode == 0, found.stderr
        return found.stdout


def _report(row: list[str]) -> Rtcp:
    at, source, destination, kind, ssrc, packets, octets, stamp, high, low, blocks, *block = row
    about, fraction, lost, highest, jitter, last_sr, delay = block if blocks not in ("", "0") else ["0"] * 7
    return Rtcp(
        float(at), int(source), int(destination), _number(ssrc), int(packets) if kind == "200" else None,
        _number(octets), _number(stamp), (_number(high), _number(low)), _number(about) if about != "0" else None,
        _number(fraction), _number(lost), _number(highest), _number(jitter), _number(last_sr), _number(delay),
    )  # fmt: skip


def _number(text: str) -> int:
    return int(text, 0) if text else 0


def _stream(words: list[str]) -> Stream:
    # start, end, source, port, destination, port, SSRC, payload, packets, lost, (percent), min, mean and max delta,
    # min, mean and max jitter, X for a problem
    _, _, _, source, _, destination, ssrc, *rest = words
    place = next(i for i, word in enumerate(rest) if word.startswith("("))
    payload, packets, lost = " ".join(rest[: place - 2]), rest[place - 2], rest[place - 1]
    numbers = [float(word) for word in rest[place + 1 : place + 7]]
    return Stream(
        int(source), int(destination), int(ssrc, 16), payload, int(packets), int(lost), numbers[2], numbers[5],
        rest[-1] == "X",
    )  # fmt: skip
