"""Real misfortunes for tests: a control group with too little memory, and disks that are full. Linux and root.

https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, unshare(1),
nsenter(1), tmpfs(5)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_GROUPS = Path("/sys/fs/cgroup")
_ENTER = 'echo $$ > "$0" && exec "$@"'
_GO = 'cd "$0" && exec "$@"'


class MemoryGroup:
    """A control group whose processes may have so many megabytes together; of those that want more, some are ended."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        limits = [folder / "memory.max", folder / "memory.limit_in_bytes"]
        next(limit for limit in limits if limit.exists()).write_text(str(megabytes << 20))
        swap = folder / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs a command inside."""
        return ["sh", "-c", _ENTER, str(self.folder / "cgroup.procs"), *command]

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended here for lack of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = (self.folder / name).read_text().splitlines()
                return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    @property
    def processes(self) -> list[str]:
        return (self.folder / "cgroup.procs").read_text().split()


@contextlib.contextmanager
def memory_group(megabytes: int) -> Iterator[MemoryGroup]:
    """A group for the time of a test, which is skipped where the kernel does not allow one."""
    folder = _place_for_group() / f"autograde-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"the kernel does not allow a memory control group here ({error})")
    try:
        yield MemoryGroup(folder, megabytes)
    finally:
        end = time.monotonic() + 20
        while True:  # a process that has just been ended is in it a little longer
            try:
                folder.rmdir()
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


def _place_for_group() -> Path:
    """Where a group can be made below: its own in version 1, in version 2 the nearest whose groups count memory."""
    lines = [line.split(":", maxsplit=2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for _, controllers, path in lines:
        if controllers == "memory":
            return _GROUPS / "memory" / path.lstrip("/")
    own = _GROUPS / next((path.lstrip("/") for _, controllers, path in lines if not controllers), "")
    for folder in (own, *own.parents):
        with contextlib.suppress(OSError):
            if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                return folder
    return own


class SmallDisks:
    """A mount namespace of its own, whose folders may be disks of few kilobytes."""

    def __init__(self, holder: int, folder: Path) -> None:
        """`holder` is a process in the namespace; `folder` where commands run."""
        self._holder, self._folder = holder, folder

    def mount(self, folder: Path, kilobytes: int) -> None:
        """Put an empty disk in the place of a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._mount(folder, f"size={kilobytes}k")

    def grow(self, folder: Path, kilobytes: int) -> None:
        """Change the size of a disk."""
        self._mount(folder, f"remount,size={kilobytes}k")

    def _mount(self, folder: Path, options: str) -> None:
        subprocess.run(self.inside(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]), check=True)

    def fill(self, folder: Path) -> None:
        """Leave no byte on a disk."""
        with contextlib.suppress(OSError), (self.path(folder) / "fill").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))

    def path(self, path: Path) -> Path:
        """By which path this process reaches a file in there."""
        return Path(f"/proc/{self._holder}/root{path}")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs a command inside."""
        return ["nsenter", f"--mount=/proc/{self._holder}/ns/mnt", "sh", "-c", _GO, str(self._folder), *command]


@contextlib.contextmanager
def small_disks(folder: Path) -> Iterator[SmallDisks]:
    """A mount namespace for the time of a test, which is skipped where the kernel does not allow one.

    Args:
        folder: where commands run in it.
    """
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        if not holder.stdout.readline():
            assert holder.stderr is not None
            pytest.skip(f"the kernel does not allow mounts here ({holder.stderr.read().decode().strip()})")
        yield SmallDisks(holder.pid, folder)
    finally:
        holder.communicate(timeout=20)
