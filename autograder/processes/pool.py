"""Runs jobs in confined children, several at a time. The trusted side: no code from a submission ever runs here."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from autograder import sandbox
from autograder.errors import SandboxUnavailable
from autograder.processes.drive_job import JobRun, run_in_turn
from autograder.processes.fork_server import ChildLost, ForkServer, ZygoteLost
from autograder.records.jobs import CellReport, Job, Limits, NotObserved, Outcome, Run
from autograder.records.observation import Observation

__all__ = ["Pool"]

_TRIAL_SECONDS = 30.0
_ATTEMPTS = 2
_LOOK_AHEAD = 2
_STOP_SECONDS = 0.1
_LAST_WORDS = 10_000

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Pool:
    """Zygotes, one per worker; a context manager.

    `layers` says what confines children here, layer → `on` or `off: why`; `sandbox.LAYERS` says what each layer does.
    `unsafe` is True if they are not confined, which only happens if the caller asked for it.
    """

    layers: dict[str, str]
    unsafe: bool

    def __init__(
        self,
        workers: int | None = None,
        *,
        device: str = "cpu",
        require_sandbox: bool = False,
        unsafe: bool = False,
        _mode: str = "auto",
    ) -> None:
        """Start the zygotes, and wait until the first is warm.

        Args:
            workers: how many children run at a time; one per processor core if None.
            device: the device of the jobs to come; on `cuda`, children may use the GPU.
            require_sandbox: refuse to run if any layer that needs no privilege is missing.
            unsafe: run even if nothing confines student code.

        Raises:
            SandboxUnavailable: if confinement is missing and `unsafe` was not given, or `require_sandbox` was.
        """
        if sys.platform == "win32":
            raise SandboxUnavailable("Submissions cannot be run on Windows itself; use WSL 2 or a Linux machine.")
        self._require, self._allow_unsafe, self._mode = require_sandbox, unsafe, _mode
        self._device = device
        self._lock = threading.Lock()
        self._closed = False
        self._servers: list[ForkServer] = []
        self._started = 0
        with contextlib.suppress(OSError):  # only on Linux; the layers say what is missing elsewhere
            sandbox.undumpable()
        self._folder = tempfile.TemporaryDirectory(prefix="autograde-", ignore_cleanup_errors=True)
        Path(self._folder.name).chmod(0o711)
        self.workers = workers or _cores()
        # The last server used is used next: with little to do, the others need not even be ready.
        self._free: queue.LifoQueue[tuple[int, ForkServer | None]] = queue.LifoQueue()
        try:
            started = [(slot, self._start(slot)) for slot in range(self.workers)]
            for slot, server in reversed(started):
                self._free.put((slot, server))
            self.layers = self._try_out(started[0][1])
            self.unsafe = not sandbox.is_confined(self.layers)
            self._accept(self.layers)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool:
        """Nothing more to do: the pool is running."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the pool."""
        self.close()

    def close(self) -> None:
        """End all processes and remove all temporary files. Runs in progress end with a problem."""
        with self._lock:
            self._closed = True
            servers, self._servers = self._servers, []
        for server in servers:
            server.stop()
        for server in servers:
            server.close()
        self._folder.cleanup()

    def run(self, job: Job) -> Run:
        """Run one job; may be called from several threads.

        Raises:
            SandboxUnavailable: if a process could not be started, or is not confined enough.
        """
        return self._run(lambda server: JobRun(job, server, self._accept).run(), _Stop()) or _not_run(job)

    def _run(self, work: Callable[[ForkServer], _Result], stop: _Stop) -> _Result | None:
        """Call `work` with a server; None if the server was lost twice, or work is to stop."""
        slot, server = self._free.get()
        try:
            for _ in range(_ATTEMPTS):
                if stop.wanted or self._closed:
                    break
                try:
                    server = self._ready(slot, server)
                    with stop.using(server):
                        return work(server)
                except ZygoteLost:
                    self._discard(server)
                    server = None
            return None
        finally:
            self._free.put((slot, server))

    def map(self, jobs: Iterable[Job], *, enough: Callable[[Observation], bool] | None = None) -> Iterator[Run]:
        """Run jobs, `workers` at a time, and yield their runs in order. Takes jobs from the iterable only as needed.

        A run ends as soon as `enough` returns True for an observation; the rest has the outcome `not_run`.
        """

        def run(job: Job, stop: _Stop) -> Run:
            return self._run(lambda server: JobRun(job, server, self._accept, enough).run(), stop) or _not_run(job)

        return self._map(jobs, run)

    def map_in_turn(self, series: Iterable[Sequence[Job]]) -> Iterator[tuple[Run, ...]]:
        """Like `map`, for series of jobs; the jobs of each series share one child (see `drive_job.run_in_turn`)."""

        def run(jobs: Sequence[Job], stop: _Stop) -> tuple[Run, ...]:
            done = self._run(lambda server: run_in_turn(jobs, server, self._accept), stop)
            return done or tuple(_not_run(job) for job in jobs)

        return self._map(series, run)

    def _map(self, items: Iterable[_Item], run: Callable[[_Item, _Stop], _Result]) -> Iterator[_Result]:
        waiting: deque[Future[_Result]] = deque()
        stop = _Stop()
        executor = ThreadPoolExecutor(self.workers, thread_name_prefix="autograde")
        try:
            for item in items:
                waiting.append(executor.submit(run, item, stop))
                if len(waiting) >= self.workers * _LOOK_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            # The caller wants to stop now: end whatever still runs instead of waiting for it.
            for future in waiting:
                future.cancel()
            stop.wanted = True
            while wait_for(waiting, timeout=_STOP_SECONDS).not_done:
                stop.end_all()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _start(self, slot: int) -> ForkServer:
        with self._lock:
            if self._closed:
                raise ZygoteLost
            self._started += 1
            place = Path(self._folder.name, f"{slot}-{self._started}")
            place.mkdir(mode=0o711)
            server = ForkServer(place, slot, self._mode, self._device)
            self._servers.append(server)
        return server

    def _ready(self, slot: int, server: ForkServer | None) -> ForkServer:
        if server is None:
            server = self._start(slot)
        server.wait_until_ready()
        return server

    def _discard(self, server: ForkServer | None) -> None:
        if server is not None:
            with self._lock:
                if server not in self._servers:
                    return  # `close` has it
                self._servers.remove(server)
            server.close()

    def _try_out(self, server: ForkServer) -> dict[str, str]:
        server.wait_until_ready()
        child = None
        try:
            child = server.fork(Limits(), ())
            child.start_output(_LAST_WORDS)
            return child.greet(time.monotonic() + _TRIAL_SECONDS).layers
        except (ChildLost, ZygoteLost) as error:
            printed = child.take_output()[0].strip().splitlines() if child is not None else []
            last = f" Its last line of output: {printed[-1]}" if printed else ""
            raise SandboxUnavailable(f"A confined process could not be started: it {error or 'ended'}.{last}") from error
        finally:
            if child is not None:
                child.end()

    def _accept(self, layers: Mapping[str, str]) -> None:
        missing = sandbox.missing_layers(layers)
        if self._require and missing:
            reasons = "; ".join(f"{name} is {state}" for name, state in missing.items())
            raise SandboxUnavailable(f"A complete sandbox is required, but not available here: {reasons}.")
        if not self._allow_unsafe and not sandbox.is_confined(layers):
            reasons = "; ".join(f"{name} is {state}" for name, state in layers.items() if state != "on")
            raise SandboxUnavailable(
                f"Student code cannot be confined on this system ({reasons}). Use Linux with Landlock and seccomp, or "
                "--unsafe to run it with all your own rights."
            )


class _Stop:
    """Ends the runs of one `map` when its caller no longer wants them."""

    def __init__(self) -> None:
        self.wanted = False
        self._servers: set[ForkServer] = set()

    @contextlib.contextmanager
    def using(self, server: ForkServer) -> Iterator[None]:
        self._servers.add(server)
        try:
            yield
        finally:
            self._servers.discard(server)

    def end_all(self) -> None:
        for server in tuple(self._servers):
            server.stop()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _not_run(job: Job) -> Run:
    reason = "The process that runs submissions died twice; it may have run out of memory."
    failure = NotObserved(Outcome.ERROR, reason)
    return Run(
        cells=tuple(CellReport(number=cell.number, outcome=Outcome.NOT_RUN) for cell in job.cells),
        observations={(request.check, request.draw): failure for request in (*job.visible_requests, *job.hidden_requests)},
        problem=reason,
    )
