"""The few C library and kernel calls that Python's `os` module lacks. Linux only; each raises OSError."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

__all__ = [
    "LINUX",
    "drop_bounding_set",
    "drop_capabilities",
    "mount",
    "pivot_root",
    "prctl",
    "setns",
    "syscall",
    "umount",
    "unshare",
]

LINUX = sys.platform == "linux"
MACHINE = os.uname().machine if hasattr(os, "uname") else ""

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 1 << 12, 1 << 14, 1 << 18, 1 << 21

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x0002_0000, 0x0200_0000, 0x0400_0000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000

_NR_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_NR_CAPSET = {"x86_64": 126, "aarch64": 91}
_MNT_DETACH = 2
_CAPABILITY_VERSION_3 = 0x2008_0522
_LAST_CAPABILITY = 40

_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, what: str) -> int:
    """Make a system call; `arguments` are anything that ctypes accepts (int, bytes, None, ctypes objects)."""
    if _libc is None:
        raise OSError("it is available only on Linux")
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), what)


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one argument."""
    if _libc is None:
        raise OSError("it is available only on Linux")
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    if _libc is None:
        raise OSError("it is available only on Linux")
    _checked(_libc.unshare(flags), f"unshare {flags:#x}")


def setns(descriptor: int, kind: int) -> None:
    """setns(2)."""
    if _libc is None:
        raise OSError("it is available only on Linux")
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """mount(2)."""
    if _libc is None:
        raise OSError("it is available only on Linux")

    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = _libc.mount(encoded(source), encoded(target), encoded(kind), ctypes.c_ulong(flags), encoded(data))
    _checked(result, f"mount {target}")


def umount(target: str) -> None:
    """Detach a mount, busy or not."""
    if _libc is None:
        raise OSError("it is available only on Linux")
    _checked(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    syscall(_NR_PIVOT_ROOT[MACHINE], os.fsencode(new), os.fsencode(old), what="pivot_root")


def drop_bounding_set() -> None:
    """Make sure that no program run later, by this process or a child, gains a capability. It keeps those it has."""
    for capability in range(_LAST_CAPABILITY + 1):
        # This kernel may lack the capability, or it may have been dropped already.
        with contextlib.suppress(OSError):
            prctl(PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Give up every capability."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    syscall(_NR_CAPSET[MACHINE], ctypes.byref(header), (ctypes.c_uint32 * 6)(), what="capset")
