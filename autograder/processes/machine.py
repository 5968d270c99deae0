"""What the machine does to processes: memory that it lacks, and processors that are busy.

What is known of them, Linux says; elsewhere nothing is.

https://docs.kernel.org/filesystems/proc.html, https://docs.kernel.org/scheduler/sched-stats.html,
https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["free_memory_mb", "oom_kills", "seconds_kept_waiting"]

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_NANOSECONDS = 1e9


def oom_kills() -> int:
    """How often the system's out-of-memory killer has struck in this process's group, or on the machine if there is none."""
    group = _own_group()
    for file in (group / "memory.events", group / "memory.oom_control", _PROC / "vmstat"):
        counts = _numbers(file)
        if "oom_kill" in counts:
            return counts["oom_kill"]
    return 0


def free_memory_mb() -> float:
    """How many megabytes processes can still get: of the machine, or of this process's group if that is less."""
    free = [float("inf")]
    machine = _numbers(_PROC / "meminfo")
    if "MemAvailable:" in machine:
        free.append(machine["MemAvailable:"] / 1024)
    group = _own_group()
    for folder in (group, *group.parents):
        if not folder.is_relative_to(_GROUPS):
            break
        for limit, usage, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, used = _number(folder / limit), _number(folder / usage)
            if most is not None and used is not None:
                free.append((most - used + _numbers(folder / "memory.stat").get(cache, 0)) / 2**20)
    return min(free)


def seconds_kept_waiting(ancestor: int, wall_seconds: float) -> float:
    """For how many seconds a process wanted a processor and got none: of its threads, the one that waited longest.

    Threads of one process that wait for each other are no concern: what they used together counts as time that it had.

    Args:
        ancestor: the process whose youngest descendant is meant.
        wall_seconds: how long that has been running.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        process = _PROC / str(_youngest(ancestor))
        waits = [int((task / "schedstat").read_bytes().split()[1]) for task in (process / "task").iterdir()]
        fields = _fields(process)
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc_pid_stat(5)
        return max(0.0, min(max(waits) / _NANOSECONDS, wall_seconds - used))
    return 0.0


def _youngest(ancestor: int) -> int:
    """The last of the descendants, each of which has one child; the process itself if it has none."""
    children: dict[int, int] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                children[int(_fields(folder)[1])] = int(folder.name)
    while ancestor in children:
        ancestor = children[ancestor]
    return ancestor


def _fields(process: Path) -> list[bytes]:
    """The fields of /proc/PID/stat from the third on, as the second, the name, may hold anything."""
    return (process / "stat").read_bytes().rpartition(b")")[2].split()


def _own_group() -> Path:
    """The folder of this process's memory control group; the topmost one if its own cannot be seen from here."""
    top = _GROUPS
    with contextlib.suppress(OSError):
        for line in (_PROC / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", maxsplit=2)
            if controllers == "memory":  # version 1
                top = _GROUPS / "memory"
            elif controllers or (_GROUPS / "memory").is_dir():
                continue
            group = top / path.lstrip("/")
            return group if group.is_dir() else top
    return top


def _numbers(file: Path) -> Mapping[str, int]:
    """The lines `NAME NUMBER` of a file; empty if it is not there."""
    found = {}
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, rest = line.partition(" ")
            number = rest.split()[:1]
            if number and number[0].isdecimal():
                found[name] = int(number[0])
    return found


def _number(file: Path) -> int | None:
    """The number that a file holds; None if it is not there, or says that there is no limit."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
