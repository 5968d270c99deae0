"""seccomp: an allow-list of system calls that the kernel checks before each call. Needs no privilege.

Anything not allowed fails with EPERM, so student code gets an ordinary exception: sockets, exec, fork, signals to others,
memfd and shared memory without a file (which would escape the memory limit), ptrace, io_uring, mounts, namespaces and
everything unknown.

https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from collections.abc import Mapping, Sequence

from autograder.sandbox import libc
from autograder.sandbox.syscall_table import ALLOWED, JUDGED, number

__all__ = ["install", "program"]

_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_NR_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_SET_MODE_FILTER = 1

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS = 0x7FFF_0000, 0x8000_0000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x4000_0000

_CLONE_THREAD = 0x1_0000
# No limit counts memory that is shared without a file. The type is in the low bits: MAP_SHARED 1, MAP_SHARED_VALIDATE 3.
_MAP_TYPE, _MAP_ANONYMOUS = 0x0F, 0x20
_SHARED_WITHOUT_FILE = (_MAP_ANONYMOUS | 1, _MAP_ANONYMOUS | 3)
_AF_UNIX = 1
_PR_SET_NAME, _PR_GET_NAME = 15, 16
_TERMINAL_QUESTIONS = (0x5401, 0x5413, 0x5421, 0x541B, 0x5451, 0x5450)  # TCGETS WINSZ FIONBIO FIONREAD FIOCLEX FIONCLEX
# The second byte of a number says whose it is. These, for terminals and sockets, can also make the kernel send signals.
_KIND, _NO_DEVICES = 0xFF00, (0x5400, 0x8900)
_WANTED_BY_CUDA = ("bind", "listen", "setsockopt")
# F_DUPFD GETFD SETFD GETFL SETFL GETLK SETLK SETLKW, OFD_GETLK SETLK SETLKW, DUPFD_CLOEXEC, GETPIPE_SZ. Left out are
# F_SETOWN and F_SETSIG, with which the kernel would send a chosen signal to another process.
_FILE_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
_NO_SUCH_CALL = ("clone3",)  # the C library then falls back to clone(), whose flags can be judged
_NOT_SUPPORTED = tuple(name for name in JUDGED if "xattr" in name)  # the error that shutil.copy2 ignores

# Landlock does not check these. They do nothing but report success, for shutil.copy and the like.
_PRETENDED = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat", "utime", "utimes", "futimesat")
_PID = 0x7ABC_DEF0  # larger than any; stands for the process's own until that is known
_PID_BYTES = struct.pack("I", _PID)


class _Program:
    """A classic BPF program under construction."""

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.code = bytearray()

    def add(self, operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> None:
        self.code += _instruction(operation, operand, if_true, if_false)

    def answer_all(self, answers: Mapping[str, int], otherwise: int) -> None:
        """Answer every call, whatever its arguments.

        The kernel tries a new program on all call numbers; a binary search keeps that short.
        """
        known = {number(name, self.machine): answer for name, answer in answers.items()}
        highest = max(call for call in known if call is not None)
        ranges = [(0, known.get(0, otherwise))]
        for call in range(1, highest + 2):
            answer = known.get(call, otherwise)
            if answer != ranges[-1][1]:
                ranges.append((call, answer))
        self.code += _search(ranges)

    def allow_if(self, name: str, argument: int, test: int, operand: int) -> None:
        """Allow a call if the low word of an argument (an int in all of these calls) passes the test; else refuse it."""
        call = number(name, self.machine)
        if call is not None:
            self.add(_JUMP_EQUAL, call, 0, 4)
            self.add(_LOAD, _AT_ARGUMENTS + 8 * argument)
            self.add(test, operand, 0, 1)
            self.add(_RETURN, _ALLOW)
            self.add(_RETURN, _error(errno.EPERM))

    def allow_if_among(self, name: str, argument: int, values: tuple[int, ...]) -> None:
        """Allow a call if the low word of an argument is one of the values; else refuse it."""
        call = number(name, self.machine)
        if call is not None:
            self.add(_JUMP_EQUAL, call, 0, 2 * len(values) + 2)
            self.add(_LOAD, _AT_ARGUMENTS + 8 * argument)
            for value in values:
                self.add(_JUMP_EQUAL, value, 0, 1)
                self.add(_RETURN, _ALLOW)
            self.add(_RETURN, _error(errno.EPERM))

    def refuse_if_masked(self, name: str, argument: int, mask: int, values: tuple[int, ...]) -> None:
        """Refuse a call if the bits of an argument under a mask are one of the values; else allow it."""
        call = number(name, self.machine)
        if call is not None:
            self.add(_JUMP_EQUAL, call, 0, 2 * len(values) + 3)
            self.add(_LOAD, _AT_ARGUMENTS + 8 * argument)
            self.add(_AND, mask)
            for value in values:
                self.add(_JUMP_EQUAL, value, 0, 1)
                self.add(_RETURN, _error(errno.EPERM))
            self.add(_RETURN, _ALLOW)

    def allow_unless_kind(self, name: str, argument: int, values: tuple[int, ...], kinds: tuple[int, ...]) -> None:
        """Allow a call if its argument is one of `values`, or the argument's `_KIND` is not among `kinds`."""
        call = number(name, self.machine)
        if call is not None:
            self.add(_JUMP_EQUAL, call, 0, 2 * len(values) + 2 * len(kinds) + 3)
            self.add(_LOAD, _AT_ARGUMENTS + 8 * argument)
            for value in values:
                self.add(_JUMP_EQUAL, value, 0, 1)
                self.add(_RETURN, _ALLOW)
            self.add(_AND, _KIND)
            for kind in kinds:
                self.add(_JUMP_EQUAL, kind, 0, 1)
                self.add(_RETURN, _error(errno.EPERM))
            self.add(_RETURN, _ALLOW)


def _instruction(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, operand)


def _search(ranges: Sequence[tuple[int, int]]) -> bytes:
    """Answer as the last of `ranges` (first number, answer) that does not begin above the number."""
    if len(ranges) == 1:
        return _instruction(_RETURN, ranges[0][1])
    middle = len(ranges) // 2
    below, from_middle = _search(ranges[:middle]), _search(ranges[middle:])
    return _instruction(_JUMP_AT_LEAST, ranges[middle][0], len(below) // 8, 0) + below + from_middle


def _error(number: int) -> int:
    return 0x0005_0000 | number


def program(pid: int, machine: str = libc.MACHINE, *, gpu: bool = False) -> bytes:
    """The filter for a process that knows itself as `pid` and may send signals to itself.

    With `gpu`, it may control devices, as everything in CUDA goes through ioctl (Landlock and the private root decide which
    devices it reaches), and have local sockets, without which CUDA does not start; but it can neither connect nor accept.

    Raises:
        OSError: if there is no table for the machine.
    """
    if machine not in _AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"there is no table of system calls for {machine or 'this machine'}")
    return _template(machine, gpu).replace(_PID_BYTES, struct.pack("I", pid))


@functools.cache
def _template(machine: str, gpu: bool) -> bytes:
    made = _Program(machine)
    made.add(_LOAD, _AT_ARCHITECTURE)
    made.add(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0)
    made.add(_RETURN, _KILL_PROCESS)
    made.add(_LOAD, _AT_NUMBER)
    made.add(_JUMP_AT_LEAST, _X32_BIT, 0, 1)
    made.add(_RETURN, _KILL_PROCESS)
    answers: dict[str, int] = {}
    made.allow_if("clone", 0, _JUMP_SET, _CLONE_THREAD)
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        made.allow_if(name, 0, _JUMP_EQUAL, _PID)
    made.allow_if("prlimit64", 0, _JUMP_EQUAL, 0)
    made.allow_if("socketpair", 0, _JUMP_EQUAL, _AF_UNIX)  # asyncio wakes itself up through one
    if gpu:
        made.allow_unless_kind("ioctl", 1, _TERMINAL_QUESTIONS, _NO_DEVICES)
        made.allow_if("socket", 0, _JUMP_EQUAL, _AF_UNIX)
        answers |= dict.fromkeys(_WANTED_BY_CUDA, _ALLOW)
        answers["connect"] = _error(errno.ENOENT)  # there is no NVIDIA server that shares the GPU out
        answers["mmap"] = _ALLOW  # CUDA shares such memory with the GPU
    else:
        made.allow_if_among("ioctl", 1, _TERMINAL_QUESTIONS)
        made.refuse_if_masked("mmap", 3, _MAP_TYPE | _MAP_ANONYMOUS, _SHARED_WITHOUT_FILE)
    made.allow_if_among("fcntl", 1, _FILE_COMMANDS)
    made.allow_if_among("prctl", 0, (_PR_SET_NAME, _PR_GET_NAME))
    answers |= dict.fromkeys(_NO_SUCH_CALL, _error(errno.ENOSYS))
    answers |= dict.fromkeys(_NOT_SUPPORTED, _error(errno.EOPNOTSUPP))
    answers |= dict.fromkeys(_PRETENDED, _error(0))
    made.answer_all(dict.fromkeys(ALLOWED, _ALLOW) | answers, otherwise=_error(errno.EPERM))
    return bytes(made.code)


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install(code: bytes) -> None:
    """Install a program for this process, for good. Set `no_new_privs` before.

    Raises:
        OSError: if the kernel refuses, or does not support filters.
    """
    made = _SockFprog(len(code) // 8, code)
    arguments = (_SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(made))
    libc.syscall(_NR_SECCOMP[libc.MACHINE], *arguments, what="seccomp")
