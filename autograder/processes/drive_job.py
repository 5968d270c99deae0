"""Takes one job through as many children as it needs, on the trusted side, and makes its `Run`.

A lost child (killed, out of time, sending nonsense) costs only what it was working on; a new child runs the cells again and
continues with the rest. The hidden checks are sent only after everything that a student may see is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from autograder.course.cells import has_value
from autograder.course.source_rules import rule_observations
from autograder.course.stubs import with_untouched
from autograder.processes.child import Child, ChildLost, OutOfTime
from autograder.processes.compiled_files import compiled
from autograder.processes.fork_server import ForkServer
from autograder.processes.protocol import (
    Arranged,
    Broken,
    CellFinished,
    Loaded,
    Replace,
    Replaced,
    RunCell,
    RunChecks,
    WriteFiles,
)
from autograder.records.jobs import (
    CELL_NOTES,
    CellReport,
    CheckModule,
    CheckRequest,
    HelperFile,
    Job,
    Limits,
    NotObserved,
    Outcome,
    Run,
    Usage,
)
from autograder.records.observation import ErrorFact, Observation

__all__ = ["FULL_DISK", "IDLE", "KEPT_WAITING", "START", "JobRun", "needed_modules", "run_in_turn", "weaker"]

_START_SECONDS = 30.0
_LOAD_SECONDS = 10.0
_DATA_BYTES = 8 << 20
_MOST_CHILDREN = 24
_MOST_LOST_CELLS = 4
_FULL_REPORTS, _LEAST_REPORT_BYTES = 4, 1 << 17  # of all children together, and of one
_LINE_COMPARED = 100
_LONGEST_WORDS = 500
_PRELOADS = {
    "matplotlib": ("matplotlib.pyplot",),
    "sklearn": ("sklearn.datasets",),
    "pandas": ("pandas",),
    **dict.fromkeys(("optim", "utils.checkpoint", "torch.func", "import func", "functorch"), ("torch._dynamo",)),
    **dict.fromkeys(("jvp", "jacfwd", "hessian", "linearize"), ("torch._decomp.decompositions_for_jvp",)),
    "forward_ad": ("torch._dynamo", "torch._decomp.decompositions_for_jvp"),
    "torch.compile": ("torch._functorch.aot_autograd", "functorch.compile", "torch._dynamo.backends.debugging"),
    "aot_eager": ("torch._inductor.compile_fx",),
}
"""Word in the code → modules that it takes long to import."""

START, _FILES, _REPLACEMENT, _WHOLE = "its start", "its files", "its replacement", "everything"
IDLE, KEPT_WAITING, FULL_DISK = "idle", "kept waiting", "full disk"
_LONGEST_EXTENSION = 9  # times the limit
_SHORTEST_EXTENSION = 0.1  # seconds

_Answer = TypeVar("_Answer")


def needed_modules(sources: Sequence[str]) -> tuple[str, ...]:
    """Modules that it takes long to import, and that code mentions."""
    wanted = (names for word, names in _PRELOADS.items() if any(word in source for source in sources))
    return tuple(name for names in wanted for name in names)


def _one_line(said: str) -> str:
    """Words of a process that has run no student code, or the course's own."""
    return "".join(c for c in " ".join(said.split()) if c.isprintable())[:_LONGEST_WORDS]


def _limits_with_data(job: Job) -> Limits:
    """The job's limits, with room in the working folder for the course's data besides."""
    size = sum(len(file.content) for file in (*job.data, *job.hidden_data))
    megabytes = -(-size // 2**20)
    return msgspec.structs.replace(job.limits, scratch_mb=job.limits.scratch_mb + megabytes) if size else job.limits


def _data_messages(files: Sequence[HelperFile]) -> Iterator[WriteFiles]:
    """Messages that bring the course's data, several files in each up to a size: what a child decodes takes its memory."""
    several: list[HelperFile] = []
    size = 0
    for file in files:
        if several and size + len(file.content) > _DATA_BYTES:
            yield WriteFiles(tuple(several), read_only=True)
            several, size = [], 0
        several.append(file)
        size += len(file.content)
    if several:
        yield WriteFiles(tuple(several), read_only=True)


class _Over(Exception):
    """Nothing more will run; the text is a sentence that says why."""


def weaker(layers: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """For each layer, the state that confines less."""
    return (
        {name: others.get(name, "off") if state == "on" else state for name, state in layers.items()} if layers else others
    )


class JobRun:
    """One job, from its first child to its last."""

    def __init__(
        self,
        job: Job,
        server: ForkServer,
        accept: Callable[[Mapping[str, str]], None],
        enough: Callable[[Observation], bool] | None = None,
    ) -> None:
        """Prepare to run `job` in children of `server`. `accept` raises if a child's layers are not enough.

        Once `enough` returns True for an observation, nothing more runs. Afterwards, `losses` has what may have come from
        outside: on what a child was lost, and how (`signal 9`, `idle`, `kept waiting`); or that the disk was full.
        """
        self.job, self.server, self._accept, self._enough = job, server, accept, enough
        self.cells: dict[int, CellReport] = {}
        self.observations: dict[tuple[str, int], Observation | NotObserved] = {}
        self.layers: dict[str, str] = {}
        self.problem = ""
        self.losses: set[tuple[str, str]] = set()
        self._late: tuple[str, float, float] | None = None
        self._lost_cells: set[int] = set()
        self._left_out = {index for index, cell in enumerate(job.cells) if cell.number in job.unneeded}
        self._output_left = job.limits.output_kb << 10
        self._report_left = _FULL_REPORTS * (job.limits.report_mb << 20)
        self._children = 0
        self._cpu_seconds = 0.0
        self._peak_mb = 0.0
        self._start_clock()
        sources = [cell.source for cell in job.cells if cell.number not in job.unneeded]
        sources += [part.source for part in (job.visible, job.hidden, job.replacement) if part is not None]
        sources += [file.content.decode("utf-8", "replace") for file in job.helpers if file.name.endswith(".py")]
        self._preload = needed_modules(sources)

    def _start_clock(self) -> None:
        self._started = time.monotonic()
        self._deadline = self._started + self.job.limits.topic_seconds

    def run(self) -> Run:
        """Run everything.

        Raises:
            ZygoteLost: if the zygote is gone; everything done so far is lost.
            SandboxUnavailable: if a child is not confined enough.
        """
        try:
            while not self._one_child():
                self._check_that_more_may_run()
        except _Over as over:
            self.problem = str(over)
        return self._result()

    def _check_that_more_may_run(self) -> None:
        if self._children >= _MOST_CHILDREN:
            raise _Over(f"The code ended or was ended {self._children} times; the rest was not run.")
        if self._report_left < _LEAST_REPORT_BYTES:
            raise _Over(
                f"The code reported more than {_FULL_REPORTS} times {self.job.limits.report_mb} MB; the rest was not run."
            )
        if len(self._lost_cells) >= _MOST_LOST_CELLS:
            raise _Over(f"{len(self._lost_cells)} cells ended the process or did not end; the rest was not run.")
        if time.monotonic() >= self._deadline:
            if self._cpu_seconds < self.job.limits.topic_seconds / 2:
                self.losses.add((_WHOLE, IDLE))
            raise _Over(f"The total time ({self.job.limits.topic_seconds:g} s) was used up; the rest was not run.")

    def _one_child(self) -> bool:
        """Continue in a new child. Returns whether everything is done."""
        self._children += 1
        self._late = None
        report_bytes = min(self._report_left, self.job.limits.report_mb << 20)
        child = Child(self.server, _limits_with_data(self.job), self._preload, report_bytes)
        try:
            self._greet(child)
            self._write_files(child)
            return self._run_cells(child) and self._run_rest(child)
        finally:
            wall = child.wall_seconds
            self._report_left -= report_bytes - child.report_bytes_left
            ended = child.end()
            self._cpu_seconds += ended.cpu_seconds
            self._peak_mb = max(self._peak_mb, ended.peak_mb)
            if child.lacked_space():
                self.losses.add((_WHOLE, FULL_DISK))
            if self._late is not None:
                place, seconds, waited = self._late
                if wall - waited - ended.cpu_seconds > seconds / 2:
                    self.losses.add((place, IDLE))

    def _answer(self, child: Child, place: str, seconds: float, wait: Callable[[float], _Answer]) -> _Answer:
        """Call `wait` with the time until which to wait: `seconds` from now, and more if the child is kept waiting itself.

        If the child is lost, in a way that may come from outside, that is noted under `place`.
        """
        started, extended = time.monotonic(), 0.0
        until = started + seconds if place == START else self._until(seconds)
        while True:
            try:
                return wait(until)
            except ChildLost as lost:
                if lost.signal:
                    self.losses.add((place, f"signal {lost.signal}"))
                if not isinstance(lost, OutOfTime) or not lost.by_clock:
                    raise
                waited = child.seconds_kept_waiting()
                longest = _LONGEST_EXTENSION * seconds
                more = min(waited, longest) - extended
                if more < _SHORTEST_EXTENSION:
                    if waited >= longest:
                        self.losses.add((place, KEPT_WAITING))
                    self._late = place, time.monotonic() - started - extended, waited
                    raise
                extended += more
                until, self._deadline = until + more, self._deadline + more

    def _greet(self, child: Child) -> None:
        try:
            hello = self._answer(child, START, _START_SECONDS, child.greet)
        except ChildLost as lost:
            self.losses.add((START, "lost"))  # before any student code was there
            raise _Over(f"The confined process could not be set up: it {lost}.") from lost
        self._accept(hello.layers)
        self.layers = weaker(self.layers, hello.layers)

    def _write_files(self, child: Child) -> None:
        messages = [("The course's data", message) for message in _data_messages(self.job.data)]
        if self.job.helpers or self.job.script:
            messages.insert(0, ("The files handed in beside it", WriteFiles(self.job.helpers, self.job.script)))
        for what, message in messages:
            try:
                problem = self._arrange(child, message)
            except ChildLost as lost:
                problem = f"it {self._why(lost, _LOAD_SECONDS)[1]}"
            if problem:
                raise _Over(f"{what} could not be put into the working folder: {_one_line(problem)}.")

    def _arrange(self, child: Child, message: WriteFiles) -> str:
        child.send(message)
        return self._answer(child, _FILES, _LOAD_SECONDS, partial(child.expect, Arranged)).problem

    def _run_rest(self, child: Child) -> bool:
        return self._replace(child) and self._run_visible(child) and self._run_hidden(child)

    def _until(self, seconds: float) -> float:
        return min(time.monotonic() + seconds, self._deadline)

    def _why(self, lost: ChildLost, seconds: float) -> tuple[Outcome, str]:
        """The outcome of whatever a child was lost on, and the words for it."""
        if not isinstance(lost, OutOfTime):
            return Outcome.ERROR, str(lost)
        if time.monotonic() >= self._deadline:
            return (
                Outcome.TIMEOUT,
                f"was stopped because the total time ({self.job.limits.topic_seconds:g} s) was used up",
            )
        return Outcome.TIMEOUT, f"did not end within {seconds:g} s"

    def _run_cells(self, child: Child) -> bool:
        seconds = self.job.limits.cell_seconds
        for index, cell in enumerate(self.job.cells):
            if index in self._lost_cells or index in self._left_out:
                continue
            first_time = index not in self.cells
            room = max(1024, self._output_left // 2) if first_time else 0
            child.start_output(room)
            child.send(RunCell(cell, has_value=has_value(cell.source)))
            try:
                finished = self._answer(child, f"cell {index}", seconds, partial(child.expect, CellFinished))
            except ChildLost as lost:
                outcome, words = self._why(lost, seconds)
                self._lost_cells.add(index)
                report = CellReport(number=cell.number, outcome=outcome, note=f"The cell {words}; it was left out.")
            else:
                outcome = Outcome.PASSED if finished.error is None else Outcome.FAILED
                note = f"{finished.note[:1].upper()}{finished.note[1:]}." if finished.note in CELL_NOTES else ""
                report = CellReport(number=cell.number, outcome=outcome, error=self._placed(finished.error), note=note)
            if first_time:
                report = self._with_output(report, child, room)
            if first_time or index in self._lost_cells:
                self.cells[index] = report
            if report.outcome is Outcome.FAILED and self._left_out:
                self._leave_nothing_out()
                return False
            if index in self._lost_cells:
                return False
        return True

    def _leave_nothing_out(self) -> None:
        """A cell failed, perhaps because it needs one that seemed unneeded: run all of them in a new child."""
        self._left_out.clear()
        self.cells = {index: report for index, report in self.cells.items() if index in self._lost_cells}
        self._output_left = self.job.limits.output_kb << 10

    def _with_output(self, report: CellReport, child: Child, room: int) -> CellReport:
        output, dropped = child.take_output()
        self._output_left = max(0, self._output_left - len(output.encode()))
        note = report.note
        if dropped:
            note = f"{note} Its output was cut after {room // 1024} kB.".strip()
        return msgspec.structs.replace(report, output=output, note=note)

    def _replace(self, child: Child) -> bool:
        if self.job.replacement is None:
            return True
        replacement = self.job.replacement
        child.send(Replace(replacement, compiled(replacement.filename, replacement.source)))
        try:
            problem = self._answer(child, _REPLACEMENT, _LOAD_SECONDS, partial(child.expect, Replaced)).problem
        except ChildLost as lost:
            problem = f"it {self._why(lost, _LOAD_SECONDS)[1]}"
        if problem:
            raise _Over(f"{self.job.replacement.name} could not be put in place: {_one_line(problem)}.")
        return True

    def _run_visible(self, child: Child) -> bool:
        return self._run_checks(child, self.job.visible, self.job.visible_requests)

    def _run_hidden(self, child: Child) -> bool:
        # Everything printed so far has been taken or dropped; whatever comes next is dropped too.
        child.take_output()
        unanswered = self._unanswered(self.job.hidden_requests)
        for message in _data_messages(self.job.hidden_data) if unanswered else ():
            try:
                problem = self._arrange(child, message)
            except ChildLost as lost:
                outcome, words = self._why(lost, _LOAD_SECONDS)
                self._fail(unanswered, outcome, f"While the data of the checks were put in place, the process {words}.")
                return False
            if problem:
                words = f": {_one_line(problem)}" if self.job.own else " beside this code."
                self._fail(unanswered, Outcome.ERROR, f"The data of the checks could not be put in place{words}")
                return True
        return self._run_checks(child, self.job.hidden, self.job.hidden_requests)

    def _unanswered(self, requests: Iterable[CheckRequest]) -> tuple[CheckRequest, ...]:
        return tuple(request for request in requests if (request.check, request.draw) not in self.observations)

    def _run_checks(self, child: Child, module: CheckModule | None, requests: Iterable[CheckRequest]) -> bool:
        unanswered = self._unanswered(requests)
        if module is None or not unanswered:
            return True
        code = compiled(module.filename, module.source)
        child.send(RunChecks(module, unanswered, self.job.device, code, self.job.scripts))
        try:
            problem = self._answer(child, module.filename, _LOAD_SECONDS, partial(child.expect, Loaded)).problem
        except ChildLost as lost:
            outcome, words = self._why(lost, _LOAD_SECONDS)
            self._fail(unanswered, outcome, f"While the checks were loaded, the process {words}.")
            return False
        if problem:
            words = f": {_one_line(problem)}" if self.job.own else " beside this code."
            self._fail(unanswered, Outcome.ERROR, f"The checks could not be loaded{words}")
            return True
        for request in unanswered:
            key = (request.check, request.draw)
            if key in self.observations:
                continue
            try:
                answer = self._answer(child, request.check, request.seconds, child.expect_answer)
            except ChildLost as lost:
                outcome, words = self._why(lost, request.seconds)
                same_check = [other for other in unanswered if other.check == request.check]
                self._fail(same_check, outcome, f"The code {words}.")
                return False
            if isinstance(answer, Broken):
                asked = (answer.check, answer.draw)
                words = f" ({_one_line(answer.reason)})" if self.job.own else ""
                failure = NotObserved(Outcome.ERROR, f"What the check saw could not be reported{words}.")
                result: Observation | NotObserved = failure
            else:
                asked = (answer.observation.check, answer.observation.draw)
                result = self._with_its_place(answer.observation)
            if asked != key:
                self._fail([request], Outcome.ERROR, "The process reported a check out of turn.")
                return False
            self.observations[key] = result
            if self._enough is not None and isinstance(result, Observation) and self._enough(result):
                raise _Over("Enough was observed; the rest was not run.")
        return True

    def _with_its_place(self, observation: Observation) -> Observation:
        error = self._placed(observation.error)
        return observation if error is observation.error else msgspec.structs.replace(observation, error=error)

    def _placed(self, error: ErrorFact | None) -> ErrorFact | None:
        """The error, with its place only if the submission really has that line there."""
        if error is None or error.at is None:
            return error
        is_there = any(
            error.at.line - 1 == number and line.strip()[:_LINE_COMPARED] == error.at.text[:_LINE_COMPARED]
            for cell in self.job.cells
            if cell.number == error.at.cell
            for number, line in enumerate((*cell.source.splitlines(), ""))
        )
        return error if is_there else msgspec.structs.replace(error, at=None)

    def _fail(self, requests: Iterable[CheckRequest], outcome: Outcome, reason: str) -> None:
        for request in requests:
            self.observations.setdefault((request.check, request.draw), NotObserved(outcome, reason))

    def _result(self) -> Run:
        requests = (*self.job.visible_requests, *self.job.hidden_requests)
        self._fail(requests, Outcome.NOT_RUN, self.problem or "It was not run.")
        cells = (
            self.cells.get(index, CellReport(number=cell.number, outcome=Outcome.NOT_RUN))
            for index, cell in enumerate(self.job.cells)
            if index not in self._left_out
        )
        keys = ((request.check, request.draw) for request in requests)
        of_stubs = (request.check for request in requests if request.task in self.job.untouched)
        seen = with_untouched({key: self.observations[key] for key in keys}, of_stubs)
        return Run(
            cells=tuple(cells),
            observations={**seen, **rule_observations(self.job)},
            layers=self.layers,
            usage=Usage(
                wall_seconds=time.monotonic() - self._started,
                cpu_seconds=self._cpu_seconds,
                peak_mb=self._peak_mb,
                children=self._children,
            ),
            problem=self.problem,
        )


def run_in_turn(jobs: Sequence[Job], server: ForkServer, accept: Callable[[Mapping[str, str]], None]) -> tuple[Run, ...]:
    """Run jobs in one child, one after the other. They have the same cells and limits; each replaces a task differently.

    They are not shielded from each other, so the caller must know what to expect. If the child is lost, the rest is not run.

    Raises:
        ZygoteLost: if the zygote is gone.
        SandboxUnavailable: if the child is not confined enough.
    """
    runs = [JobRun(job, server, accept) for job in jobs]
    first = runs[0]
    child = Child(server, _limits_with_data(first.job), first._preload)
    try:
        first._greet(child)
        first._write_files(child)
        if first._run_cells(child):
            for run in runs:
                run._start_clock()
                if not run._run_rest(child):
                    break
    except _Over as over:
        first.problem = str(over)
    finally:
        child.end()
    if child.lacked_space():
        for run in runs:
            run.problem = run.problem or "The disk was full."
    return tuple(run._result() for run in runs)
