"""Many sockets read or written with one system call: Linux's native AIO (`io_submit`), by ctypes.

It is as old as Linux 2.6, is compiled into the kernels of all distributions, and is let through by containers that
refuse io_uring (Docker's default profile among them). On sockets that do not block it is not asynchronous at all: each
request is carried out inside `io_submit`, in order, and its result lies there afterwards; that is just what a batch of
packets wants. Requests are rows of an array, filled as columns; no Python is run per packet. `epoll_wait` is called the
same way, since the tuples that `select.epoll` makes cost as much as the waiting.

`Unavailable` says why there is none: another system, an architecture whose call numbers we do not know, a kernel
without it, the system's limit (`fs.aio-max-nr`) used up.
Rejected: `sendmmsg`, `recvmmsg` (one socket at a time); readiness by AIO (`IOCB_CMD_POLL`: dearer than epoll).
"""

from __future__ import annotations

import ctypes
import os
import sys

import numpy as np

from switchhook.core.errors import Unavailable
from switchhook.media.rtp import Array

_CALLS = {  # io_setup, io_destroy, io_getevents, io_submit
    "x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2), "riscv64": (0, 1, 4, 2),
}  # fmt: skip
_MACHINE = os.uname().machine
_MOST = 4_096  # requests in one call
_READ, _WRITE = 0, 1
_REQUEST = np.dtype(
    {"names": ["data", "opcode", "fd", "buf", "length"], "formats": ["u8", "u2", "u4", "u8", "u8"],
     "offsets": [0, 16, 20, 24, 32], "itemsize": 64}
)  # fmt: skip
_RESULT = np.dtype([("data", "u8"), ("request", "u8"), ("res", "i8"), ("res2", "i8")])
_READINESS = np.dtype(  # struct epoll_event, which is packed on x86
    {"names": ["events", "fd"], "formats": ["u4", "i4"], "offsets": [0, 4], "itemsize": 12}
    if _MACHINE == "x86_64"
    else {"names": ["events", "fd"], "formats": ["u4", "i4"], "offsets": [0, 8], "itemsize": 16}
)

_libc = ctypes.CDLL(None, use_errno=True)


class Aio:
    """One context, for one thread; of the process that made it, so it is made after the fork."""

    def __init__(self, most: int) -> None:
        if sys.platform != "linux" or sys.byteorder != "little" or _MACHINE not in _CALLS:
            raise Unavailable("no native AIO on this system")
        setup, self._destroy, self._reap, self._submit = _CALLS[_MACHINE]
        self._call = _libc.syscall
        self._call.restype = ctypes.c_long
        self._most = min(most, _MOST)
        context = ctypes.c_ulong(0)
        if self._call(ctypes.c_long(setup), ctypes.c_uint(self._most), ctypes.byref(context)) < 0:
            raise Unavailable(f"native AIO: {os.strerror(ctypes.get_errno())}")
        self._context = context
        self._requests = np.zeros(self._most, _REQUEST)
        self._requests["data"] = np.arange(self._most)
        self._pointers = self._requests.ctypes.data + np.arange(self._most, dtype=np.uint64) * _REQUEST.itemsize
        self._results = np.zeros(self._most, _RESULT)
        self._result_list = ctypes.c_void_p(self._results.ctypes.data)
        self._ready = np.zeros(0, _READINESS)

    def read(self, numbers: Array, places: Array, length: int) -> Array:
        """Reads one packet from each of these files to the memory at `places`; returns lengths, or -errno."""
        return self._run(_READ, numbers, places, length)

    def write(self, numbers: Array, places: Array, lengths: Array) -> Array:
        """Writes what lies at `places` to these files, one packet each; returns how many bytes went, or -errno."""
        return self._run(_WRITE, numbers, places, lengths)

    def wait(self, epoll: int, most: int) -> Array:
        """Returns the numbers of the files that `epoll` says are ready, not waiting for any."""
        if len(self._ready) < most:
            self._ready = np.zeros(most, _READINESS)
        count = _libc.epoll_wait(epoll, ctypes.c_void_p(self._ready.ctypes.data), most, 0)
        found: Array = self._ready["fd"][: max(0, count)].astype(np.int64)
        return found

    def close(self) -> None:
        """Gives the context back, else it lasts as long as the process."""
        self._call(ctypes.c_long(self._destroy), self._context)

    def _run(self, opcode: int, numbers: Array, places: Array, lengths: Array | int) -> Array:
        made = np.empty(len(numbers), np.int64)
        for first in range(0, len(numbers), self._most):
            some = slice(first, min(first + self._most, len(numbers)))
            requests = self._requests[: some.stop - first]
            requests["opcode"], requests["fd"], requests["buf"] = opcode, numbers[some], places[some]
            requests["length"] = lengths if isinstance(lengths, int) else lengths[some]
            made[some] = self._carry_out(len(requests))
        return made

    def _carry_out(self, count: int) -> Array:
        """Hands over the first requests; returns their results in this order. What the kernel refuses is -EBADF."""
        made = np.full(count, -9)
        done = 0
        while done < count:
            where = ctypes.c_void_p(self._pointers.ctypes.data + 8 * done)
            taken = int(self._call(ctypes.c_long(self._submit), self._context, ctypes.c_long(count - done), where))
            if taken > 0:
                self._collect(made)
            done += max(1, taken)  # the one that it stopped at cannot be carried out at all
        return made

    def _collect(self, made: Array) -> None:
        least, most = ctypes.c_long(0), ctypes.c_long(self._most)
        found = self._call(ctypes.c_long(self._reap), self._context, least, most, self._result_list, None)
        results = self._results[: max(0, int(found))]
        made[results["data"].astype(np.int64)] = results["res"]
