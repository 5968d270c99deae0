"""Runs a student's file from top to bottom in its own process, as grading does, but without confinement.

If a cell kills the process or never ends, the rest runs again without that cell. A check that does so only loses itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from autograder._temporary import TemporaryFolder
from autograder.course.helper_files import find_helpers
from autograder.course.stubs import with_untouched
from autograder.records.jobs import Cell, CellReport, CheckRequest, NotObserved, Outcome
from autograder.records.observation import Observation
from autograder.student.answer import UNENDING
from autograder.student.released import ReleasedTopic
from autograder.student.student_file import StudentFile
from autograder.student.worker import CellRan, FromWorker, Names, Order, Saw, Unloadable, Unobserved

__all__ = ["Cancelled", "FileRun", "Runner"]

_START_SECONDS = 180.0
_LOAD_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_SLOW_SECONDS = 5.0
_MOST_PROCESSES = 8
_HELPER_BYTES = 64 << 20
_OF_THE_RELEASE = ("checks", "data", "hints", "keys", "solutions")
_ENVIRONMENT = {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}


@dataclass
class FileRun:
    """What came of a run: reports on cells, what the checks saw, problems with tasks' names, functions whose arguments are
    in another order, tasks that never return what they should, and a problem with the run as a whole."""

    cells: list[CellReport] = field(default_factory=list)
    seen: dict[tuple[str, int], Observation | NotObserved] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    returnless: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class _Lost(Exception):
    """The process has ended or did not answer in time; the text is the end of a sentence."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class Cancelled(Exception):
    """A run is of no use any more."""


class Runner:
    """Runs files, one at a time, each in a new process. A spare process can be kept ready, for a quick answer."""

    def __init__(
        self,
        *,
        spare: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
        slow: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start the spare process, if one is wanted. `cancelled` is asked several times a second whether to give up.
        `slow` is told a sentence on each cell that has run for 5 s and still runs."""
        self._spare_wanted = spare
        self._cancelled = cancelled
        self._slow = slow
        self._spare = _Process(cancelled, slow) if spare else None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the spare process."""
        if self._spare is not None:
            self._spare.end()

    def run(self, topic: ReleasedTopic, file: StudentFile) -> FileRun:
        """Run a file and the visible checks of all tasks of its topic.

        Raises:
            Cancelled: if the run was cancelled.
        """
        file_run = FileRun()
        reports: dict[int, CellReport] = {}
        lost: set[int] = set()
        requests = tuple(topic.requests(topic.card.tasks))
        deadline = time.monotonic() + topic.card.topic_seconds + _START_SECONDS
        for _ in range(_MOST_PROCESSES):
            process = self._spare or _Process(self._cancelled, self._slow)
            self._spare = _Process(self._cancelled, self._slow) if self._spare_wanted else None
            try:
                if self._one_process(process, topic, file, requests, file_run, reports, lost):
                    break
            finally:
                process.end()
            if time.monotonic() > deadline:
                file_run.problem = f"The total time ({topic.card.topic_seconds:g} s) was used up."
                break
        else:
            file_run.problem = f"The code ended or was ended {_MOST_PROCESSES} times; the rest was not run."
        missing = NotObserved(Outcome.NOT_RUN, file_run.problem or "It was not run.")
        for request in requests:
            file_run.seen.setdefault((request.check, request.draw), missing)
        file_run.seen = with_untouched(file_run.seen, topic.checks_of_stubs(file.cells))
        file_run.seen |= topic.rule_observations(topic.card.tasks, file.cells)
        file_run.cells = [reports[index] for index in sorted(reports)]
        return file_run

    def _one_process(
        self,
        process: _Process,
        topic: ReleasedTopic,
        file: StudentFile,
        requests: tuple[CheckRequest, ...],
        file_run: FileRun,
        reports: dict[int, CellReport],
        lost: set[int],
    ) -> bool:
        """Continue in a new process. Returns whether everything is done."""
        cells = [(index, cell) for index, cell in enumerate(file.cells) if index not in lost]
        remaining = tuple(request for request in requests if (request.check, request.draw) not in file_run.seen)
        order = Order(
            cells=tuple(cell for _, cell in cells),
            whole=file.whole,
            module=topic.checks_file,
            requests=remaining,
            cards=topic.card.tasks,
            data=str(topic.data) if topic.data.is_dir() else "",
            scripts=topic.scripts(file.cells),
            helpers=_helpers(topic, file),
            files=topic.card.data,
        )
        try:
            process.expect(_START_SECONDS)
            process.send(order)
        except _Lost as gone:
            file_run.problem = f"The process for your file did not start: it {gone}."
            return True
        for index, cell in cells:
            try:
                answer = process.expect(topic.card.cell_seconds, what=_named(cell))
            except _Lost as gone:
                lost.add(index)
                note = f"The cell {gone}; it was left out."
                reports[index] = CellReport(number=cell.number, outcome=gone.outcome, note=note)
                return False
            if isinstance(answer, CellRan):
                reports.setdefault(index, _report(cell, answer))
        return self._checks(process, remaining, file_run)

    def _checks(self, process: _Process, remaining: tuple[CheckRequest, ...], file_run: FileRun) -> bool:
        try:
            names = process.expect(_LOAD_SECONDS)
        except _Lost as gone:
            file_run.problem = f"The checks could not be loaded: the process {gone}."
            return True
        if isinstance(names, Unloadable):
            file_run.problem = f"The checks could not be loaded: {names.problem}"
            return True
        if isinstance(names, Names):
            file_run.problems, file_run.orders, file_run.returnless = names.problems, names.orders, names.returnless
        for request in remaining:
            try:
                answer = process.expect(request.seconds)
            except _Lost as gone:
                lost = NotObserved(gone.outcome, f"The code {gone}.")
                for other in remaining:
                    if other.check == request.check:
                        file_run.seen.setdefault((other.check, other.draw), lost)
                    elif other.task == request.task and gone.outcome is Outcome.TIMEOUT:
                        file_run.seen.setdefault((other.check, other.draw), UNENDING)
                return False
            key = (request.check, request.draw)
            if isinstance(answer, Saw):
                file_run.seen[key] = answer.observation
            elif isinstance(answer, Unobserved):
                file_run.seen[key] = NotObserved(Outcome.ERROR if answer.reason else Outcome.NOT_RUN, answer.reason)
        return True


def _helpers(topic: ReleasedTopic, file: StudentFile) -> tuple[tuple[str, str], ...]:
    """The files beside a student's file that it uses, as grading would take them along."""
    folder = file.path.absolute().parent
    found, _ = find_helpers(file.path.absolute(), lambda name: name == topic.name, _HELPER_BYTES, _OF_THE_RELEASE)
    return tuple((path.relative_to(folder).as_posix(), str(path)) for path in found)


def _named(cell: Cell) -> str:
    return f"Cell {cell.number}" if cell.number else "The file's code"


def _report(cell: Cell, answer: CellRan) -> CellReport:
    outcome = Outcome.PASSED if answer.error is None else Outcome.FAILED
    note = f"{answer.note[:1].upper()}{answer.note[1:]}." if answer.note else ""
    return CellReport(number=cell.number, outcome=outcome, error=answer.error, note=note)


class _Process:
    """A worker process, and a thread that reads its messages."""

    def __init__(self, cancelled: Callable[[], bool], slow: Callable[[str], None]) -> None:
        self._cancelled, self._slow = cancelled, slow
        self._folder = TemporaryFolder()
        command = [sys.executable, "-P", "-m", "autograder.student.worker", str(self._folder.path)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is meant for the command, not for the code it runs
        )
        self._messages: queue.SimpleQueue[FromWorker | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=_listen, args=(self._process.stdout, self._messages), daemon=True).start()

    def send(self, order: Order) -> None:
        body = msgspec.msgpack.encode(order)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(body).to_bytes(4, "big") + body)
            self._process.stdin.flush()
        except OSError as error:
            raise _Lost(Outcome.ERROR, "ended before it got its instructions") from error

    def expect(self, seconds: float, *, what: str = "") -> FromWorker:
        """The next message. If it takes longer than most, and `what` is running is known, `slow` is told.

        Raises:
            _Lost: if none comes in time, or the process has ended.
            Cancelled: if the run was cancelled.
        """
        start = datetime.now()
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self._messages.get(timeout=min(seconds, _LOOK_SECONDS))
                break
            except queue.Empty:
                if self._cancelled():
                    raise Cancelled from None
                if what and time.monotonic() >= deadline - seconds + _SLOW_SECONDS:
                    self._slow(
                        f"{what} has been running since {start:%H:%M:%S}; after {seconds:g} s it is ended and left out."
                    )
                    what = ""
                if time.monotonic() >= deadline:
                    raise _Lost(Outcome.TIMEOUT, f"did not end within {seconds:g} s") from None
        if message is None:
            status = self._process.wait()
            words = f"ended the process (exit code {status})" if status >= 0 else f"was ended by signal {-status}"
            raise _Lost(Outcome.ERROR, words)
        return message

    def end(self) -> None:
        """Kill it and what it has started, whatever they are doing, and remove what it wrote."""
        self._process.kill()
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._folder.close()


def _listen(stream: BinaryIO, messages: queue.SimpleQueue[FromWorker | None]) -> None:
    decoder: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
    try:
        while len(size := stream.read(4)) == 4:
            messages.put(decoder.decode(stream.read(int.from_bytes(size, "big"))))
    except (OSError, ValueError, msgspec.MsgspecError):
        pass  # the process was ended, or student code has written into the pipe
    messages.put(None)
