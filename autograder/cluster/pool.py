"""A pool whose submissions run on a Dask cluster. The trusted side: Dask is only in the courier, see there."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import msgspec

from autograder.cluster.conditions import conditions_here
from autograder.cluster.messages import (
    Back,
    Begin,
    Connected,
    Drop,
    FromCourier,
    Note,
    Part,
    Post,
    Room,
    SetAside,
    Stopped,
    ToCourier,
    read_message,
    write_message,
)
from autograder.cluster.wire import read_run, split
from autograder.errors import MachineError, ProtocolError
from autograder.processes.pool import Pool, not_run
from autograder.records.jobs import Job, Run
from autograder.records.observation import Observation

__all__ = ["ClusterPool"]

SILENT_SECONDS = 60.0
_LEAST_ROOM = 16
_SPARE = 2  # times the cluster's room: jobs whose runs wait for a slower one before them
_END_SECONDS = 5.0
_LONGEST_TOPICS, _LONGEST_START = 30, 600.0
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "XDG_CONFIG_HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
_RESUME = "The results so far are kept; run the same command again to resume."


class ClusterPool(Pool):
    """A `Pool` that runs the course's own code here and submissions on the workers of a Dask scheduler.

    Answer keys are thus made here, and neither they nor a solution ever leave this machine. `answered` says how many runs
    came from each worker, by its address.
    """

    def __init__(
        self,
        address: str,
        workers: int | None = None,
        *,
        device: str = "cpu",
        require: Iterable[str] = (),
        unsafe: bool = False,
        silent_seconds: float = SILENT_SECONDS,
        on_note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Connect to the scheduler and start the local zygotes.

        Args:
            address: the scheduler's, `tcp://HOST:PORT` or `tls://HOST:PORT`.
            workers: how many of the course's own children run here at a time; one per processor core if None.
            device: the device of the jobs to come; on `cuda`, they go to workers that announce the resource `GPU`.
            require: what confinement must have, here and on each worker, as for `Pool`.
            unsafe: run even if nothing confines student code, here and there.
            silent_seconds: after how many seconds without a sign of life a worker's jobs go elsewhere.
            on_note: called with a sentence about each worker that is refused or lost, while runs are waited for.

        Raises:
            MachineError: if there is no such scheduler.
            SandboxUnavailable: as for `Pool`.
        """
        self._on_note = on_note
        require = tuple(require)
        conditions = conditions_here(device=device, require=require, unsafe=unsafe)
        self._courier = _Courier(Begin(address=address, conditions=conditions, silent_seconds=silent_seconds))
        self.answered: Counter[str] = Counter()
        try:
            self._courier.wait_until_connected()
            super().__init__(workers, device=device, require=require, unsafe=unsafe)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes here. The workers' end by themselves when the courier is gone."""
        self._courier.close()
        if hasattr(self, "_servers"):
            super().close()

    def map(self, jobs: Iterable[Job], *, enough: Callable[[Observation], bool] | None = None) -> Iterator[Run]:
        """Like `Pool.map`. The course's own jobs run here; so does what might end early, see `enough`.

        Raises:
            MachineError: if the cluster is lost, or none of its workers can be used.
        """
        jobs = iter(jobs)
        first = next(jobs, None)
        if first is None:
            return iter(())
        jobs = chain((first,), jobs)
        return super().map(jobs, enough=enough) if first.own or enough is not None else self._map_elsewhere(jobs)

    def _map_elsewhere(self, jobs: Iterable[Job]) -> Iterator[Run]:
        waiting: deque[tuple[int, Job]] = deque()
        try:
            for job in jobs:
                waiting.append((self._courier.post(job), job))
                while len(waiting) >= max(_LEAST_ROOM, _SPARE * self._courier.room):
                    yield self._run_of(*waiting.popleft())
            while waiting:
                yield self._run_of(*waiting.popleft())
        finally:
            self._courier.drop()

    def _run_of(self, number: int, job: Job) -> Run:
        answer = self._courier.answer_to(number, self._on_note)
        if isinstance(answer, SetAside):
            return not_run(job, answer.reason)
        try:
            self.answered[answer.worker] += 1
            return read_run(job, answer.run)
        except ProtocolError as error:
            return not_run(job, f"What worker {answer.worker[:100]} sent is not to be trusted: {error}.")


class _Courier:
    """The process that talks to Dask, see `courier`."""

    def __init__(self, begin: Begin) -> None:
        self.room = 0
        self._address = begin.address
        self._count = 0
        self._parts: dict[bytes, str] = {}
        self._answers: dict[int, Back | SetAside] = {}
        self._arriving: queue.SimpleQueue[FromCourier] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "autograder.cluster.courier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("DASK_")},
            start_new_session=True,  # Ctrl-C is for the command, which then closes this
        )
        self._thread = threading.Thread(target=self._read, name="autograde-courier", daemon=True)
        self._thread.start()
        self._send(begin)

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while body := read_message(self._process.stdout):
                self._arriving.put(msgspec.msgpack.decode(body, type=FromCourier))
            reason = self._last_words()
        except (ProtocolError, msgspec.MsgspecError) as error:
            reason = f"it sent something else than a message ({str(error)[:200]})"
        except ValueError:  # it was closed
            reason = "it was closed"
        self._arriving.put(Stopped(f"The process that talks to {self._address} ended: {reason}."))

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".")[:300] if lines else "it left no message"

    def _send(self, message: ToCourier) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended; why comes with the answers
            write_message(self._process.stdin, message)

    def wait_until_connected(self) -> None:
        """Raise MachineError if it is not, and will not be."""
        while not isinstance(self._next(lambda text: None), Connected):
            pass

    def post(self, job: Job) -> int:
        """Send a job of a student's; returns the number under which its answer comes."""
        if job.own:
            raise ValueError("the course's own code does not travel")
        shared, own = split(job)
        if shared not in self._parts:
            self._parts[shared] = str(len(self._parts))
            self._send(Part(self._parts[shared], shared))
        self._count += 1
        seconds = _LONGEST_TOPICS * job.limits.topic_seconds + _LONGEST_START
        self._send(Post(number=self._count, part=self._parts[shared], own=own, seconds=seconds))
        return self._count

    def answer_to(self, number: int, on_note: Callable[[str], None]) -> Back | SetAside:
        """Wait for the answer to a job.

        Raises:
            MachineError: if none will come.
        """
        while number not in self._answers:
            self._next(on_note)
        return self._answers.pop(number)

    def _next(self, on_note: Callable[[str], None]) -> FromCourier:
        message = self._arriving.get()
        match message:
            case Back() | SetAside():
                self._answers[message.number] = message
            case Room():
                self.room = message.jobs
            case Note():
                on_note(_plain(message.text))
            case Stopped():
                self._arriving.put(message)
                raise MachineError(f"{_plain(message.reason)} {_RESUME}")
        return message

    def drop(self) -> None:
        """Forget what was posted."""
        self._answers.clear()
        self._send(Drop())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._process.stdout.close()
        self._errors.close()


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:1000]
