"""A real Dask cluster on this machine: a scheduler and workers, each a process started by the `dask` command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DASK = str(Path(sys.executable).with_name("dask"))
_SECONDS = 60


class Cluster:
    """A scheduler and its workers, all of which end with `close`."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        """Start the scheduler; `folder` is for logs, `environment` for Dask's settings."""
        self.folder = folder
        self._environment = {**os.environ, **(environment or {}), "PYTHONDONTWRITEBYTECODE": "1"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        protocol = ("--protocol", "tls") if environment else ()
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file), *protocol)
        self._file = file
        self.address = self._wait_for_address()

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [DASK, "scheduler" if name == "scheduler" else "worker", *arguments]
            self.processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, cwd=self.folder, start_new_session=True
            )

    def _wait_for_address(self) -> str:
        import json

        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            if self._file.exists() and (text := self._file.read_text()):
                return str(json.loads(text)["address"])
            time.sleep(0.05)
        raise AssertionError((self.folder / "scheduler.log").read_text())

    def worker(self, name: str, *arguments: str, nanny: bool = False) -> None:
        """Start a worker with one thread."""
        more = () if nanny else ("--no-nanny",)
        self._start(
            name, "--scheduler-file", str(self._file), "--name", name, "--nthreads", "1", "--host", "127.0.0.1",
            "--no-dashboard", "--memory-limit", "0", *more, *arguments,
        )  # fmt: skip

    def log(self, name: str) -> str:
        """What a process has printed."""
        return (self.folder / f"{name}.log").read_text()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process alone."""
        self.processes[name].send_signal(number)

    def close(self) -> None:
        """End all processes, frozen ones too, and what they have started."""
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def dask_cluster(folder: Path, *workers: str, environment: dict[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster with workers of these names."""
    cluster = Cluster(folder, environment)
    try:
        for name in workers:
            cluster.worker(name)
        yield cluster
    finally:
        cluster.close()
