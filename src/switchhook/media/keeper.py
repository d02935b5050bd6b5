"""The keeper: opens every port, maps the shared table, forks pump and workshop, and forks them again when they die.

It parses nothing that comes from outside, so there is nothing in it to crash. Because it holds the sockets and the
table, a killed pump is replaced by a fork (NumPy is already there) that goes on with the same streams, and what
arrives meanwhile waits in the kernel: late, not lost, and no ICMP tells the telephones that a port is closed. After
three deaths of the pump within 10 s the table is cleared, since something in it seems to kill; control states
everything again anyway.

Started as `python -m switchhook.media.keeper <fd> <settings as JSON>`; the descriptor is one end of a socket pair.
When the other end closes without a word, the control process is gone: the audio goes on for `linger_s`, then all
ends. Children are told by the kernel (Linux) or notice within a second that the keeper is gone, so nothing is left
over.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

from switchhook.media.link import Unframer, frame
from switchhook.media.settings import MediaSettings
from switchhook.media.waiting import readable
from switchhook.media.wires import Ports

BUFFER_BYTES = 64 * 1024
DEATHS, WITHIN_S = 3, 10.0
PUMP_SOCKET, SHOP_SOCKET = "pump", "workshop"


def open_pairs(settings: MediaSettings, exact: list[int]) -> tuple[list[Ports], list[str]]:
    """Opens RTP on even ports and RTCP on the next ones, skipping ports in use; `exact` ports are waited for."""
    from switchhook.media.wire_choice import why_no_ring

    warnings: list[str] = []
    spare = 100
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_legs
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    own = sys.platform == "linux" and bool(why_no_ring(settings.wire))
    each = 3 if own else 2
    if soft != resource.RLIM_INFINITY and each * wanted + spare > soft:
        wanted = max(1, (soft - spare) // each)
        warnings.append(f"only {wanted} of {settings.max_legs} legs can have audio: the limit of open files is {soft}")
    low, high = settings.ports
    pairs: list[Ports] = []
    for port in exact or range(low + low % 2, high, 2):
        if len(pairs) >= wanted:
            break
        pair = _open_pair(settings.bind_address, port, patience_s=2.0 if exact else 0.0)
        if pair is not None:
            pairs.append(_with_own(pair) if own else pair)
    return pairs, warnings


def _open_pair(host: str, port: int, patience_s: float) -> Ports | None:
    end = time.monotonic() + patience_s
    while True:
        made: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                made.append(sock)
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                sock.bind((host, number))
            return Ports(made[0], made[1])
        except OSError:
            for sock in made:
                sock.close()
            if time.monotonic() >= end:
                return None
            time.sleep(0.01)


def _with_own(ports: Ports) -> Ports:
    """Opens a second socket on the RTP port (see `wire_poll`); goes on without where that is refused.

    The first one was bound alone, so a port that another program holds is still seen as taken.
    """
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        for sock in (ports.rtp, own):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(ports.rtp.getsockname())
    except OSError:
        own.close()
        return ports
    return ports._replace(own=own)


class Keeper:
    """Sockets, table and children."""

    def __init__(self, lifeline: socket.socket, settings: MediaSettings, folder: Path, exact: list[int]) -> None:
        from switchhook.media.table import Table  # NumPy, once, here

        self._lifeline, self._folder = lifeline, folder
        self._pairs, warnings = open_pairs(settings, exact)
        self._settings = dataclasses.replace(settings, max_legs=len(self._pairs))
        self._listeners = {name: self._listen(name) for name in (PUMP_SOCKET, SHOP_SOCKET)}
        self._wake, wake = socket.socketpair()
        for sock in (self._wake, wake):
            sock.setblocking(False)
        self._wake_end = wake
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        self._children: dict[int, str] = {}
        self._deaths: dict[str, deque[float]] = {PUMP_SOCKET: deque(maxlen=DEATHS), SHOP_SOCKET: deque(maxlen=DEATHS)}
        self._stopping = False
        if self._pairs:
            self._table = Table(self._settings)
            self._table.clock_zero[0] = time.monotonic()
            self._warm()
            self._rank()
            for name in (PUMP_SOCKET, SHOP_SOCKET):
                self._fork(name)
        ports = [pair[0].getsockname()[1] for pair in self._pairs]
        self._tell({"say": "ready", "ports": ports, "warnings": warnings})

    def run(self) -> None:
        """Keeps the children alive until it is told to stop or control has been gone for too long."""
        unframer = Unframer()
        gone_at: float | None = None
        while not self._stopping and self._pairs:
            watched = [self._wake] + ([self._lifeline] if gone_at is None else [])
            left = None if gone_at is None else max(0.0, gone_at + self._settings.linger_s - time.monotonic())
            ready = readable(watched, left)
            if self._wake in ready:
                self._wake.recv(4096)
                self._reap()
            if self._lifeline in ready:
                received = self._lifeline.recv(4096)
                if not received:
                    gone_at = time.monotonic()
                if any(message.get("say") == "stop" for message in unframer.feed(received)):
                    break
            if gone_at is not None and time.monotonic() >= gone_at + self._settings.linger_s:
                break
        self._end()

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._folder / name))
        listener.listen(4)
        listener.setblocking(False)
        return listener

    def _warm(self) -> None:
        """Does once, before the fork, what every child needs."""
        import switchhook.media.pump
        import switchhook.media.workshop  # noqa: F401
        from switchhook.media import g711
        from switchhook.media.outbound import comfort_noise

        g711.encoding()
        g711.decoding_pairs()
        comfort_noise()
        gc.collect()
        gc.freeze()  # once for all children: none looks through what they share, or copies its pages by doing so
        gc.enable()

    def _rank(self) -> None:
        """Takes the pump's priority, since on a busy machine a killed pump's heir would wait for its turn else."""
        if self._settings.realtime:
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
            except (OSError, AttributeError):
                pass

    def _fork(self, name: str) -> None:
        keeper = os.getpid()
        child = os.fork()
        if child:
            self._children[child] = name
            return
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent()
            for sock in (self._lifeline, self._wake, self._wake_end):
                sock.close()
            if os.getppid() == keeper:
                self._work(name, keeper)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _work(self, name: str, keeper: int) -> None:
        from switchhook.media.pump import Pump
        from switchhook.media.workshop import Workshop

        if name == PUMP_SOCKET:
            self._listeners[SHOP_SOCKET].close()
            Pump(self._table, self._pairs, self._listeners[PUMP_SOCKET]).run(keeper)
            return
        self._listeners[PUMP_SOCKET].close()
        resign(0)
        for pair in self._pairs:
            for sock in pair:
                if sock is not None:
                    sock.close()
        Workshop(self._table, self._listeners[SHOP_SOCKET]).run(keeper)

    def _reap(self) -> None:
        while self._children:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not child:
                return
            name = self._children.pop(child, "")
            if not name or self._stopping:
                continue
            deaths, now = self._deaths[name], time.monotonic()
            often = len(deaths) == DEATHS and now - deaths[0] < WITHIN_S
            deaths.append(now)
            if often and name == PUMP_SOCKET:
                self._table.clear()
                deaths.clear()
            elif often:
                time.sleep(0.2)
            self._fork(name)
            self._tell({"say": "restarted", "who": name, "status": status, "cleared": often and name == PUMP_SOCKET})

    def _tell(self, message: dict[str, object]) -> None:
        try:
            self._lifeline.sendall(frame(message))
        except OSError:
            pass

    def _stop(self) -> None:
        self._stopping = True

    def _end(self) -> None:
        self._stopping = True
        for pid in (*self._children, 0):
            resign(pid)
        signals: list[Callable[[], int]] = [lambda: signal.SIGTERM, lambda: signal.SIGKILL]
        for wanted in signals:
            for child in self._children:
                try:
                    os.kill(child, wanted())
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 1.5
            while self._children and time.monotonic() < end:
                self._reap()
                time.sleep(0.005)
            if not self._children:
                break
        shutil.rmtree(self._folder, ignore_errors=True)


def resign(pid: int) -> None:
    """Gives up the real-time priority of a process (0: this one) that is to end.

    The kernel closes its sockets at its priority: thousands take a tenth of a second, in which the audio of another
    server on the same core would stand still.
    """
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
        except OSError:
            pass


def die_with_parent() -> None:
    """Asks the kernel to end this process when its parent ends; elsewhere than on Linux children look by themselves."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        except (OSError, AttributeError):
            pass


def main(arguments: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # thousands of sockets stay: nothing is gained by looking through them again and again
    wanted = json.loads(arguments[1])
    settings = MediaSettings(**{**wanted["settings"], "ports": tuple(wanted["settings"]["ports"])})
    lifeline = socket.socket(fileno=int(arguments[0]))
    lifeline.setblocking(True)
    Keeper(lifeline, settings, Path(wanted["folder"]), wanted["exact"]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
