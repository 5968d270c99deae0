"""Runs jobs in confined children, several at a time. The trusted side: no code from a submission ever runs here.

A job that may have suffered from the machine is run again, alone. That is one whose child was ended by a signal that nobody
here had sent, or did nothing until its time was over, or whose zygote was lost. If the same happens again, it is the code's
own doing, unless the machine lacks memory or processors even then: such a run is `not_graded`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from autograder import sandbox
from autograder._temporary import TemporaryFolder
from autograder._versions import installed
from autograder.errors import MachineError, SandboxUnavailable
from autograder.processes import machine
from autograder.processes.child import Child, ChildLost
from autograder.processes.drive_job import FULL_DISK, KEPT_WAITING, START, JobRun, run_in_turn
from autograder.processes.fork_server import ForkServer
from autograder.processes.zygote import Zygote, ZygoteLost
from autograder.records.jobs import CellReport, Job, Limits, NotObserved, Outcome, Run, Usage
from autograder.records.observation import Observation

__all__ = ["Pool", "not_run"]

_TRIAL_SECONDS = 30.0
_ZYGOTES_PER_TRY = 2
_MOST_TRIES = 3
_LOOK_AHEAD = 2
_STOP_SECONDS = 0.1
_LAST_WORDS = 10_000

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Pool:
    """A zygote, and a fork server of it for each worker; a context manager.

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
        require: Iterable[str] = (),
        unsafe: bool = False,
        many: bool = True,
        preload: Iterable[str] = (),
        _mode: str = "auto",
    ) -> None:
        """Start the zygote and the first fork server; the others start when there is work for them.

        Args:
            workers: how many children run at a time; one per processor core if None.
            many: there are some thirty jobs to come, or more: it pays to arrange the zygote's memory for them.
            preload: modules that most of the jobs need; see `drive_job.needed_modules`.
            device: the device of the jobs to come; on `cuda`, children may use the GPU.
            require: refuse to run without all of these: names of `sandbox.LAYERS` or `sandbox.LEVELS`.
            unsafe: run even if nothing confines student code.

        Raises:
            SandboxUnavailable: if confinement is missing and `unsafe` was not given, or something of `require` is missing.
            MachineError: if there is no space for temporary files, or no memory to start in.
        """
        if sys.platform == "win32":
            raise SandboxUnavailable("Submissions cannot be run on Windows itself; use WSL 2 or a Linux machine.")
        self._require, self._allow_unsafe, self._mode = tuple(require), unsafe, _mode
        self._device = device
        self._lock = threading.Lock()
        self._closed = False
        self._turns = _Turns()
        self._many, self._preload = many, tuple(preload)
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None
        self._servers: list[ForkServer] = []
        self._started = 0
        with contextlib.suppress(OSError):  # only on Linux; the layers say what is missing elsewhere
            sandbox.undumpable()
        self._folder = TemporaryFolder()
        self._folder.path.chmod(0o711)
        self.workers = workers or _cores()
        # The last server used is used next: one submission needs one.
        self._free: queue.LifoQueue[tuple[int, ForkServer | None]] = queue.LifoQueue()
        try:
            for slot in reversed(range(1, self.workers)):
                self._free.put((slot, None))
            first, self.layers = self._first_server()
            self._free.put((0, first))
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
            zygote, self._zygote = self._zygote, None
        processes: list[ForkServer | Zygote] = [*servers, *([zygote] if zygote else [])]
        for process in processes:
            process.stop()
        for process in processes:
            process.close()
        self._folder.close()

    def run(self, job: Job) -> Run:
        """Run one job; may be called from several threads.

        Raises:
            SandboxUnavailable: if a process could not be started, or is not confined enough.
        """
        return self._run_fairly(job, _Stop())

    def _run_fairly(self, job: Job, stop: _Stop, enough: Callable[[Observation], bool] | None = None) -> Run:
        """Run a job; again, alone, while what happened may have come from outside and has not happened before."""
        with self._turns.beside_others():
            tried = self._try(job, stop, enough)
        tries, seen = 1, set(tried.losses)
        while tried.losses and tries < _MOST_TRIES and not self._ends(stop):
            with self._turns.alone():
                if machine.free_memory_mb() < job.limits.memory_mb:
                    self._end_idle_servers()
                kills = machine.oom_kills()
                tried = self._try(job, stop, enough)
                blame = _blame(tried.losses, job.limits, killed=machine.oom_kills() > kills)
            tries += 1
            if tried.losses <= seen:
                break
            seen |= tried.losses
        if not tried.losses or self._ends(stop):
            return tried.run
        if blame:
            return not_run(job, f"{blame} It was tried {tries} times.", tried.run)
        return msgspec.structs.replace(tried.run, tries=tries)

    def _try(self, job: Job, stop: _Stop, enough: Callable[[Observation], bool] | None) -> _Try:
        def work(server: ForkServer) -> _Try:
            attempt = JobRun(job, server, self._accept, enough)
            return _Try(attempt.run(), frozenset(attempt.losses))

        lost = frozenset({(START, "its zygote was lost")})
        return self._run(work, stop) or _Try(not_run(job, "The process that runs submissions was lost."), lost)

    def _ends(self, stop: _Stop) -> bool:
        return stop.wanted or self._closed

    def _end_idle_servers(self) -> None:
        """Give their memory to one that needs it."""
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._free.get_nowait())
        for slot, server in reversed(idle):
            self._discard(server)
            self._free.put((slot, None))

    def _run(self, work: Callable[[ForkServer], _Result], stop: _Stop) -> _Result | None:
        """Call `work` with a server; None if the server was lost twice, or work is to stop."""
        slot, server = self._free.get()
        try:
            for _ in range(_ZYGOTES_PER_TRY):
                if self._ends(stop):
                    break
                try:
                    server = server or self._start(slot)
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
            return self._run_fairly(job, stop, enough)

        return self._map(jobs, run)

    def map_in_turn(self, series: Iterable[Sequence[Job]]) -> Iterator[tuple[Run, ...]]:
        """Like `map`, for series of jobs; the jobs of each series share one child (see `drive_job.run_in_turn`)."""

        def run(jobs: Sequence[Job], stop: _Stop) -> tuple[Run, ...]:
            with self._turns.beside_others():
                done = self._run(lambda server: run_in_turn(jobs, server, self._accept), stop)
            return done or tuple(not_run(job, "The process that runs submissions was lost.") for job in jobs)

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
        """Fork a server, from a new zygote if there is none.

        Raises:
            SandboxUnavailable: if it does not start.
            ZygoteLost: if it was ended, or everything is to end.
        """
        with self._starting:
            with self._lock:
                if self._closed:
                    raise ZygoteLost
                self._started += 1
                place = self._new_folder(f"server-{self._started}")
                if self._zygote is None:
                    self._zygote = Zygote(
                        self._new_folder(f"zygote-{self._started}"),
                        self._mode, self._device, many=self._many, preload=self._preload,
                    )  # fmt: skip
                zygote = self._zygote
            try:
                server = ForkServer(zygote, place, slot)
            except (SandboxUnavailable, ZygoteLost):
                self._discard_zygote(zygote)
                raise
            with self._lock:
                if not self._closed:
                    self._servers.append(server)
                    return server
        server.close()
        raise ZygoteLost

    def _new_folder(self, name: str) -> Path:
        folder = self._folder.path / name
        folder.mkdir()
        folder.chmod(0o711)  # whatever the umask is
        return folder

    def _discard_zygote(self, zygote: Zygote) -> None:
        with self._lock:
            if self._zygote is not zygote:
                return  # `close` has it
            self._zygote = None
        zygote.close()

    def _discard(self, server: ForkServer | None) -> None:
        if server is not None:
            with self._lock:
                if server not in self._servers:
                    return  # `close` has it
                self._servers.remove(server)
            server.close()

    def _first_server(self) -> tuple[ForkServer, dict[str, str]]:
        """The first server, once it is warm, and what confines its children."""
        kills = machine.oom_kills()
        for tries in range(1, _MOST_TRIES + 1):
            server = None
            try:
                server = self._start(0)
                return server, self._try_out(server, give_up=tries == _MOST_TRIES)
            except (ChildLost, ZygoteLost) as error:  # somebody may have ended it
                words = str(error)
                self._discard(server)
        if machine.oom_kills() > kills:
            raise MachineError(
                "The machine has too little memory to start the process that runs submissions: it was ended for lack of it. "
                "Close other programs, or allow more memory to this container or group."
            )
        raise SandboxUnavailable(
            f"The process that runs submissions was ended {_MOST_TRIES} times while it started: "
            f"{words or 'it ended without a message'}. With {_installed()}; docs/versions.md says what was tried."
        )

    def _try_out(self, server: ForkServer, *, give_up: bool) -> dict[str, str]:
        child = None
        try:
            child = Child(server, Limits(), ())
            child.start_output(_LAST_WORDS)
            return child.greet(time.monotonic() + _TRIAL_SECONDS).layers
        except (ChildLost, ZygoteLost) as error:
            if not give_up or not isinstance(error, ChildLost):
                raise
            printed = child.take_output()[0].strip().splitlines() if child is not None else []
            last = f" Its last line of output: {printed[-1]}" if printed else ""
            raise SandboxUnavailable(f"A confined process could not be started: it {error or 'ended'}.{last}") from error
        finally:
            if child is not None:
                child.end()

    def _accept(self, layers: Mapping[str, str]) -> None:
        missing = sandbox.missing_layers(layers, self._require)
        if missing:
            reasons = "; ".join(f"{name} is {state}" for name, state in missing.items())
            raise SandboxUnavailable(
                f"A sandbox with {', '.join(self._require)} is required, but not available here: {reasons}. Grade on "
                "another machine, or require less, in --require-sandbox and under `sandbox` in course.yml."
            )
        if not self._allow_unsafe and not sandbox.is_confined(layers):
            reasons = "; ".join(f"{name} is {state}" for name, state in layers.items() if state != "on")
            raise SandboxUnavailable(
                f"Student code cannot be confined on this system ({reasons}). Use Linux with Landlock and seccomp, or "
                "--unsafe to run it with all your own rights."
            )


@dataclass(frozen=True)
class _Try:
    """A run, and what in it may have come from outside; see `JobRun`."""

    run: Run
    losses: frozenset[tuple[str, str]]


class _Turns:
    """Lets runs go on beside each other, or one of them alone; who wants to be alone goes first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._wanting = 0

    @contextlib.contextmanager
    def beside_others(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._wanting)
            self._running += 1
        try:
            yield
        finally:
            self._done()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._wanting += 1
            try:
                self._changed.wait_for(lambda: not self._running)
                self._running += 1
            except BaseException:
                self._wanting -= 1
                raise
        try:
            yield
        finally:
            with self._changed:
                self._wanting -= 1
            self._done()

    def _done(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()


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


def _blame(losses: Collection[tuple[str, str]], limits: Limits, *, killed: bool) -> str:
    """A sentence that says what the machine did, if it was the machine; empty if it was the code."""
    if not losses:
        return ""
    if any(place == START for place, _ in losses):
        return "The processes that run submissions were ended from outside, or could not start."
    if any(how == KEPT_WAITING for _, how in losses):
        return "Other programs kept the processors busy."
    if any(how == FULL_DISK for _, how in losses):
        return (
            f"{tempfile.gettempdir()}: the disk has less space than the {limits.scratch_mb} MB that the code may write; "
            "free some, or set TMPDIR to another folder."
        )
    by_signal = any(how.startswith("signal") for _, how in losses)
    if by_signal and (killed or machine.free_memory_mb() < limits.memory_mb):
        return f"The machine has too little memory for the {limits.memory_mb} MB that the code may use."
    return ""


def not_run(job: Job, reason: str, run: Run | None = None) -> Run:
    """A run that says nothing about the code; `run` is what there was of it."""
    failure = NotObserved(Outcome.NOT_RUN, reason)
    return Run(
        cells=tuple(CellReport(number=cell.number, outcome=Outcome.NOT_RUN) for cell in job.cells),
        observations={(request.check, request.draw): failure for request in (*job.visible_requests, *job.hidden_requests)},
        layers={} if run is None else run.layers,
        usage=Usage() if run is None else run.usage,
        problem=reason,
        not_graded=True,
    )


def _installed() -> str:
    return ", ".join(f"{name} {found or '(none)'}" for name, found in installed().items())
