"""What a child uses beyond its limits although the kernel let it, seen from outside, from time to time.

`RLIMIT_DATA` lets memory through that becomes writable only later, if the address space is nearly full then, and memory that
grows downwards (`mprotect_fixup` and `is_data_mapping` in Linux's mm/). And where threads would be counted with those of
other processes of the same user, they have no limit at all.

https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

import contextlib
import os
import resource

from autograder.records.jobs import Limits

__all__ = ["LOOK_SECONDS", "Watch"]

LOOK_SECONDS = 0.1
"""How often to look."""

_SPARE_BYTES = 16 << 20  # the stack, and what libraries that are loaded later need
_FOLDER_ITSELF = 2  # links to a folder without folders


class Watch:
    """Looks at children of this process, with which they share their memory."""

    def __init__(self, proc: int) -> None:
        """Take a descriptor of /proc."""
        self._proc = proc
        self._shared = 0

    def remember(self) -> None:
        """Note how much memory children share with this process; later, some of it may have been swapped out."""
        with contextlib.suppress(OSError, ValueError):
            self._shared = max(self._shared, self._own_bytes("self"))

    def excess(self, process: int, limits: Limits, *, count_threads: bool) -> str:
        """What is too much, as the end of a sentence (`started more than 64 threads`); empty if nothing is, or it has ended.

        Args:
            process: a descriptor of the child, from `pidfd_open`.
            limits: what it may use.
            count_threads: whether to look at threads, too.
        """
        self.remember()
        try:
            pid = self._pid(process)
            if self._own_bytes(pid) > self._shared + limits.memory_mb * (1 << 20) + _SPARE_BYTES:
                return f"used more than {limits.memory_mb} MB of memory"
            if count_threads and os.stat(f"{pid}/task", dir_fd=self._proc).st_nlink - _FOLDER_ITSELF > limits.threads:
                return f"started more than {limits.threads} threads"
        except (OSError, ValueError, IndexError):
            pass
        return ""

    def _pid(self, process: int) -> str:
        """The child's number in this /proc, which may be that of other namespaces."""
        return self._read(f"self/fdinfo/{process}").partition(b"\nPid:")[2].split()[0].decode()

    def _own_bytes(self, pid: str) -> int:
        """What a process has of memory that belongs to no file."""
        _, resident, of_files, *_ = map(int, self._read(f"{pid}/statm").split())
        return (resident - of_files) * resource.getpagesize()

    def _read(self, name: str) -> bytes:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        try:
            return os.read(file, 4096)
        finally:
            os.close(file)
