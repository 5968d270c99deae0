"""Wall time, CPU time and memory of a command with everything that it starts."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "family", "memory_mb", "run"]

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU time of a command and all its descendants, and the peak of their memory together, in MB.

    Memory is the sum of proportional set sizes (pages shared by n processes count 1/n for each), sampled ten times a
    second; None where it was not asked for, since sampling costs time.
    """

    wall: float
    cpu: float
    peak_mb: float | None


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    memory: bool = False,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a command to its end and say what it cost.

    Descendants that outlive their parents become children of this process, so that none of them is left out.

    Raises:
        subprocess.CalledProcessError: if the command ends with none of these exit codes; its output stands in `log`.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=output, stderr=subprocess.STDOUT)
        sampler = _Sampler(process.pid) if memory else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = sampler.stop() if sampler else None
    cpu = usage.ru_utime + usage.ru_stime
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
    if process.returncode not in codes:
        raise subprocess.CalledProcessError(process.returncode, list(command), log.read_bytes())
    return Cost(wall, cpu, peak)


class _Sampler:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(map(memory_mb, family(self._pid))))

    def stop(self) -> float:
        self._stop.set()
        self._thread.join()
        return self._peak


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def memory_mb(pid: int) -> float:
    """The proportional set size of a process in MB; 0 if it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
