"""Arranges the memory of a warmed-up process so that its forks are cheap. Linux with glibc only; elsewhere it does nothing.

A fork copies each page that it writes to. It writes to fewer of them if its new objects go to new pages instead of holes
between old objects, so the holes are filled. And its page table is copied faster if pages are huge (madvise(2),
MADV_COLLAPSE, since Linux 6.1).
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from autograder.sandbox import libc

__all__ = ["settle"]

_HUGE = 1 << 21
_MADV_COLLAPSE = 25
_OBJECT_SIZES = range(512, 0, -16)  # Objects/obmalloc.c: SMALL_REQUEST_THRESHOLD, ALIGNMENT
_CHUNK_SIZES = (*range(1 << 16, 1024, -512), *range(1032, 8, -16))
_MOST_HOLES = 1 << 20


class _Mallinfo2(ctypes.Structure):
    """What mallinfo2(3) returns: ten byte counts, the last of them `keepcost`, the size of the free top."""

    _fields_ = [("counts", ctypes.c_size_t * 10)]


def settle() -> None:
    """Fill the holes of both heaps for good, and put huge pages under them. Call it in the process that will fork."""
    if not libc.LINUX:
        return
    with contextlib.suppress(OSError, AttributeError):  # no /proc, or another C library
        _fill_objects()
        _fill_chunks()
        _collapse()


def _fill_objects() -> None:
    """Fill Python's own allocator until each size comes from new memory."""
    regions = _writable()
    starts = [start for start, _, _ in regions]

    def is_new(address: int) -> bool:
        return bool(address >= regions[bisect.bisect_right(starts, address) - 1][1])

    _fill(ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free, _OBJECT_SIZES, is_new)


def _fill_chunks() -> None:
    """Fill the C library's heap until each size comes from its top."""
    library = ctypes.CDLL(None)
    library.sbrk.restype, library.sbrk.argtypes = ctypes.c_size_t, [ctypes.c_ssize_t]
    library.mallinfo2.restype = _Mallinfo2
    top = library.sbrk(0) - library.mallinfo2().counts[9]
    _fill(library.malloc, library.free, _CHUNK_SIZES, lambda address: bool(address >= top))


def _fill(malloc: Any, free: Any, sizes: Iterable[int], is_new: Callable[[int], bool]) -> None:
    malloc.restype, malloc.argtypes, free.argtypes = ctypes.c_size_t, [ctypes.c_size_t], [ctypes.c_void_p]
    holes_left = _MOST_HOLES
    for size in sizes:
        while holes_left:
            holes_left -= 1
            address = malloc(size)
            if is_new(address):
                free(address)
                break


def _collapse() -> None:
    """Ask for huge pages wherever one fits; the kernel may decline."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    for start, end, name in _writable():
        if name in ("", "[heap]"):
            for address in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
                madvise(address, _HUGE, _MADV_COLLAPSE)


def _writable() -> list[tuple[int, int, str]]:
    """Start, end and name of each private writable mapping (proc_pid_maps(5)), in order."""
    mappings = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if permissions == "rw-p":
            start, _, end = addresses.partition("-")
            mappings.append((int(start, 16), int(end, 16), "".join(name)))
    return mappings
