"""io_uring (Linux 6.1 and later) by ctypes: the two rings, a ring of receive buffers, and the few calls they need.

Made for one thread: SINGLE_ISSUER with DEFER_TASKRUN, so completions appear only inside our own `enter`, and Python
needs no memory barriers. One `enter` takes about twenty completions: `collect` repeats it while the kernel says that
work waits. (Until the count stands still is not enough: some work completes nothing, and what lies behind it would wait
for the next phase. When many in a row complete nothing, buffers are short, and more of the same would be a busy loop.)
A ring belongs to the process that made it, so it is made after the fork. `Unavailable` says why there is none: an old
kernel, `io_uring_disabled`, a container's seccomp profile.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os

import numpy as np

from switchhook.core.errors import Unavailable
from switchhook.media.rtp import Array

SEND, RECVMSG, CANCEL = 26, 10, 14  # operations
FIXED_FILE, BUFFER_SELECT, SKIP_SUCCESS = 1 << 0, 1 << 5, 1 << 6  # flags of a submission
MULTISHOT = 1 << 1  # in `ioprio` of RECVMSG
HAS_BUFFER, MORE = 1, 2  # flags of a completion
SUBMISSION = np.dtype(
    {"names": ["opcode", "flags", "ioprio", "fd", "addr2", "addr", "len", "msg_flags", "user_data", "buf_group",
               "addr_len"],
     "formats": ["u1", "u1", "u2", "i4", "u8", "u8", "u4", "u4", "u8", "u2", "u2"],
     "offsets": [0, 1, 2, 4, 8, 16, 24, 28, 32, 40, 44], "itemsize": 64}
)  # fmt: skip
COMPLETION = np.dtype([("user_data", "u8"), ("res", "i4"), ("flags", "u4")])
_BUFFER = np.dtype([("addr", "u8"), ("len", "u4"), ("bid", "u2"), ("tail", "u2")])
_SETUP, _ENTER, _REGISTER = 425, 426, 427  # system calls, the same on every architecture
_FLAGS = 1 << 3 | 1 << 7 | 1 << 9 | 1 << 12 | 1 << 13  # CQSIZE, SUBMIT_ALL, TASKRUN_FLAG, SINGLE_ISSUER, DEFER_TASKRUN
_OVERFLOWN, _WORK_WAITS = 2, 4  # flags that the kernel sets for us to see
_GETEVENTS, _REGISTER_FILES, _REGISTER_BUFFERS = 1, 2, 22
_SQ_PLACE, _CQ_PLACE, _SQE_PLACE = 0, 0x8000000, 0x10000000
_SINGLE_MMAP = 1
_BARREN = 64  # calls in a row that completed nothing

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class Ring:
    """One instance. `entries` is how many submissions fit at once, `completions` how many answers."""

    def __init__(self, entries: int, completions: int) -> None:
        params = np.zeros(30, np.uint32)
        params[1], params[2] = completions, _FLAGS
        self._fd = int(_syscall(_SETUP, ctypes.c_uint(entries), ctypes.c_void_p(params.ctypes.data)))
        if self._fd < 0:
            raise Unavailable(f"io_uring: {os.strerror(ctypes.get_errno())}")
        os.set_inheritable(self._fd, False)
        if not params[5] & _SINGLE_MMAP:
            self.close()
            raise Unavailable("io_uring: the kernel is too old")
        entries, completions = int(params[0]), int(params[1])
        sq, cq = params[10:20], params[20:30]
        size = max(int(sq[6]) + 4 * entries, int(cq[5]) + 16 * completions)
        self._memory = mmap.mmap(self._fd, size, offset=_SQ_PLACE)
        self._requests = mmap.mmap(self._fd, 64 * entries, offset=_SQE_PLACE)
        words = np.frombuffer(self._memory, np.uint32, size // 4)
        words[int(sq[6]) // 4 : int(sq[6]) // 4 + entries] = np.arange(entries)  # every place submits its own entry
        self._sq_tail, self._sq_mask = words[int(sq[1]) // 4 :][:1], entries - 1
        self._state = words[int(sq[4]) // 4 :][:1]
        self._cq_head, self._cq_tail = words[int(cq[0]) // 4 :][:1], words[int(cq[1]) // 4 :][:1]
        self._cq_mask = completions - 1
        self._submissions = np.frombuffer(self._requests, SUBMISSION, entries)
        self._as_bytes = np.frombuffer(self._requests, "V64", entries)
        self._completions = np.frombuffer(self._memory, COMPLETION, completions, int(cq[5]))
        self.entries = entries

    def close(self) -> None:
        os.close(self._fd)

    def files(self, numbers: list[int]) -> None:
        """Registers files, which submissions then name by their place (FIXED_FILE)."""
        held = np.array(numbers, np.int32)
        self._register(_REGISTER_FILES, held.ctypes.data, len(held))

    def buffers(self, address: int, group: int, entries: int) -> None:
        """Registers a ring of receive buffers at this address."""
        wanted = np.zeros(5, np.uint64)
        wanted[0], wanted[1] = address, entries | group << 32
        self._register(_REGISTER_BUFFERS, wanted.ctypes.data, 1)

    def submit(self, entries: Array) -> int:
        """Hands over submissions (not more than fit); returns how many the kernel took."""
        count = len(entries)
        tail = int(self._sq_tail[0])
        first = tail & self._sq_mask
        if first + count <= self.entries:
            self._as_bytes[first : first + count] = entries.view("V64")
        else:
            self._as_bytes[(np.arange(count) + first) & self._sq_mask] = entries.view("V64")
        self._sq_tail[0] = tail + count & 0xFFFFFFFF
        return self.enter(count, 0)

    def enter(self, count: int, flags: int) -> int:
        """Calls the kernel; returns how many submissions it took."""
        while True:
            done = int(_syscall(_ENTER, self._fd, count, 0, flags, None, ctypes.c_size_t(0)))
            if done >= 0 or ctypes.get_errno() not in (errno.EINTR, errno.EAGAIN, errno.EBUSY):
                return max(done, 0)
            if ctypes.get_errno() != errno.EINTR:
                return 0

    def collect(self) -> Array:
        """Returns everything completed so far; the places are given back to the kernel."""
        head, state = int(self._cq_head[0]), self._state
        tail = int(self._cq_tail[0])
        barren = 0
        while barren < _BARREN:
            if not int(state[0]) & (_WORK_WAITS | _OVERFLOWN) or (tail - head & 0xFFFFFFFF) > self._cq_mask:
                break
            self.enter(0, _GETEVENTS)
            before, tail = tail, int(self._cq_tail[0])
            barren = barren + 1 if tail == before else 0
        count = tail - head & 0xFFFFFFFF
        if not count:
            return self._completions[:0]
        first = head & self._cq_mask
        if first + count <= self._cq_mask + 1:
            found = self._completions[first : first + count].copy()
        else:
            found = self._completions[(np.arange(count) + first) & self._cq_mask]
        self._cq_head[0] = tail
        return found

    def _register(self, what: int, address: int, count: int) -> None:
        if _syscall(_REGISTER, self._fd, what, ctypes.c_void_p(address), ctypes.c_uint(count)) < 0:
            reason = os.strerror(ctypes.get_errno())
            self.close()
            raise Unavailable(f"io_uring: {reason}")


class Buffers:
    """Memory that the kernel puts received packets into: `count` (a power of two) buffers of `size` bytes."""

    def __init__(self, ring: Ring, group: int, count: int, size: int) -> None:
        self.bytes = np.frombuffer(mmap.mmap(-1, count * size), np.uint8).reshape(count, size)
        self._ring = np.frombuffer(mmap.mmap(-1, max(4096, 16 * count)), _BUFFER, count)
        self._address = self.bytes.ctypes.data + np.arange(count, dtype=np.uint64) * size
        self._size, self._mask, self._tail, self.count = size, count - 1, 0, count
        ring.buffers(self._ring.ctypes.data, group, count)
        self.give_back(np.arange(count))

    def give_back(self, numbers: Array) -> None:
        """Lets the kernel use these buffers again."""
        count = len(numbers)
        if count:
            places = (np.arange(count) + self._tail) & self._mask
            self._ring["addr"][places] = self._address[numbers]
            self._ring["len"][places] = self._size
            self._ring["bid"][places] = numbers
            self._tail += count
            self._ring["tail"][0] = self._tail & 0xFFFF
