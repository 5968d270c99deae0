"""A real Dask cluster on this machine: a scheduler and workers, each a process started by the `dask` command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DASK = str(Path(sys.executable).with_name("dask"))
_SECONDS = 60


class Cluster:
    """A scheduler and its workers, all of which end with `close`."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        """Start the scheduler; `folder` is for logs, `settings` are Dask's."""
        self.folder = folder
        self._environment = os.environ | (settings or {})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        protocol = ("--protocol", "tls") if settings else ()
        self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file),
            "--idle-timeout", "5 minutes", *protocol,
        )  # fmt: skip
        self._file = file
        self.address = self._wait_for_address()

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [DASK, "scheduler" if name == "scheduler" else "worker", *arguments]
            self.processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, cwd=self.folder, start_new_session=True
            )

    def _wait_for_address(self) -> str:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            if self._file.exists() and (text := self._file.read_text()):
                return str(json.loads(text)["address"])
            time.sleep(0.05)
        raise AssertionError((self.folder / "scheduler.log").read_text())

    def worker(self, name: str, *arguments: str) -> None:
        """Start a worker with one thread."""
        self._start(
            name, "--scheduler-file", str(self._file), "--name", name, "--nthreads", "1", "--host", "127.0.0.1",
            "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--death-timeout", "60",
            "--local-directory", str(self.folder), *arguments,
        )  # fmt: skip

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process alone."""
        self.processes[name].send_signal(number)

    def end(self, name: str) -> None:
        """End a process, a frozen one too, and what it has started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """End all processes, the scheduler last."""
        for name in reversed(tuple(self.processes)):
            self.end(name)


@contextmanager
def dask_cluster(folder: Path, settings: dict[str, str] | None = None) -> Iterator[Cluster]:
    """A scheduler without workers."""
    cluster = Cluster(folder, settings)
    try:
        yield cluster
    finally:
        cluster.close()


def tls_settings(folder: Path) -> dict[str, str]:
    """Make a certificate in `folder`, and return the settings with which everybody uses it."""
    from distributed import Security

    made = Security.temporary()
    settings = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}
    (folder / "ca.pem").write_text(made.tls_ca_file)
    settings["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"] = str(folder / "ca.pem")
    for role in ("scheduler", "worker", "client"):
        for kind, text in (("cert", made.tls_client_cert), ("key", made.tls_client_key)):
            (folder / f"{role}-{kind}.pem").write_text(text)
            settings[f"DASK_DISTRIBUTED__COMM__TLS__{role}__{kind}".upper()] = str(folder / f"{role}-{kind}.pem")
    return settings
