"""Grades submissions from Python, one or many: the public API, on which the server and nbgrader's plugin stand.

    from autograder import Grader

    with Grader("course.yml") as grader:
        result = grader.grade(Path("ada/views.ipynb"))
        print(result.earned, "of", result.points)

docs/api.md shows how to use it.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

import msgspec

from autograder._words import suggestion
from autograder.course.course_file import Course, load_course
from autograder.course.make_job import make_job
from autograder.errors import AutogradeError, MachineError, SubmissionError
from autograder.grading.grade import PreparedTopic, job_and_result, prepare, refuse_public
from autograder.grading.submissions import Submission, submission_at
from autograder.grading.versions import MOST_VERSIONS
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, HelperFile, Job, Run
from autograder.records.results import TaskResult, TopicResult
from autograder.reporting.told import told_result
from autograder.scoring.first_causes import explained

__all__ = ["Grader", "Source"]

_LATER_KEPT = 16
"""Prepared topics for later versions of submissions that are kept in memory; the answer keys are cached on disk."""
_ResultOf = Callable[[Run], TopicResult]

Source = str | bytes | Path | Submission
"""A submission: its text (of a Python file, or a notebook's JSON), its bytes, its path, or what `submission` made of one."""


class Grader:
    """A course that is ready to grade: warm confined processes, and the answer keys of the topics used so far.

    It is a context manager. All methods may be called from several threads, and a result does not depend on what else is
    being graded. The first submission for a topic waits for the topic's answer key, unless `prepare` has made it.

    Attributes:
        course: the course.
        seed: the seed from which all inputs are drawn.
        device: where the students' code runs, `cpu` or `cuda`.
        layers: what confines the students' code here, layer → `on` or `off: why`.
    """

    def __init__(
        self,
        course: Course | Path | str,
        *,
        seed: int | None = None,
        device: str = "cpu",
        workers: int | None = None,
        require: Iterable[str] = (),
        unsafe: bool = False,
        pool: Pool | None = None,
    ) -> None:
        """Read the course and start the processes.

        Args:
            course: course.yml, the folder it is in, or a loaded course.
            seed: 0 < seed < 2**63; drawn if None. Two graders with the same seed give the same results.
            device: where the students' code runs, `cpu` or `cuda`.
            workers: how many submissions run at a time; one per processor core if None.
            require: refuse to run without these layers or levels of confinement, besides what the course requires.
            unsafe: run even if nothing confines the students' code.
            pool: a running pool for this device, which the grader uses and leaves open; it starts its own if None.

        Raises:
            CourseError: if there are mistakes in the course's files.
            AutogradeError: if the seed is that of the public answer keys.
            SandboxUnavailable: if the students' code cannot be confined as requested.
        """
        self.course = course if isinstance(course, Course) else load_course(Path(course))
        refuse_public(seed)
        self.seed = 1 + secrets.randbelow(2**31 - 1) if seed is None else seed
        self.device = device
        self._own = None
        if pool is None:
            course_needs = (self.course.sandbox,) if self.course.sandbox != "minimal" else ()
            pool = self._own = Pool(workers, device=device, require=(*require, *course_needs), unsafe=unsafe)
        self.pool = pool
        self.layers = pool.layers
        self.prepared: dict[str, PreparedTopic] = {}
        self._later: dict[tuple[str, int], PreparedTopic] = {}
        self._whole: set[str] = set()
        self._closed = False
        self._preparing, self._scoring = threading.Lock(), threading.Lock()
        self._threads = ThreadPoolExecutor(pool.workers, thread_name_prefix="autograde-grader")

    def __enter__(self) -> Grader:
        """Nothing more to do: the processes are running."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the grader."""
        self.close()

    def close(self) -> None:
        """End all processes. What is still being graded ends with a problem; after that, nothing can be graded."""
        self._closed = True
        if self._own is not None:
            self._own.close()
        self._threads.shutdown(cancel_futures=True)

    def prepare(self, topic: str) -> PreparedTopic:
        """Make a topic's answer key, or take it from the course's cache, so that no submission has to wait for it.

        Raises:
            SubmissionError: if the course has no such topic.
            AuthoringError: if the topic's own files are at fault.
        """
        if topic not in self._whole:
            self._check(topic)
            with self._preparing:
                if topic not in self._whole:
                    self.prepared[topic] = self._prepare(topic, 1, whole=True)
                    self._whole.add(topic)
        return self.prepared[topic]

    def _prepared(self, topic: str, version: int = 1) -> PreparedTopic:
        """A topic for a version of submissions. Its misconceptions run when they are needed."""
        found = self._known(topic, version)
        if found is None:
            self._check(topic)
            with self._preparing:
                found = self._known(topic, version) or self._prepare(topic, version, whole=False)
                if version == 1:
                    self.prepared[topic] = found
                else:
                    self._later[topic, version] = found
                    if len(self._later) > _LATER_KEPT:
                        del self._later[next(iter(self._later))]
        return found

    def _known(self, topic: str, version: int) -> PreparedTopic | None:
        return self.prepared.get(topic) if version == 1 else self._later.get((topic, version))

    def _prepare(self, topic: str, version: int, *, whole: bool) -> PreparedTopic:
        return prepare(self.course, topic, self.pool, seed=self.seed, device=self.device, version=version, whole=whole)

    def submission(
        self, source: Source, *, topic: str | None = None, student: str | None = None, version: int = 1
    ) -> Submission:
        """What is to be graded, as `grade_many` takes it. The arguments are those of `grade`."""
        self._require_open()
        if isinstance(source, Submission):
            return source
        if version not in range(1, MOST_VERSIONS + 1):
            raise SubmissionError(
                f"The version is {version!r}; count a student's files for a topic: 1, 2 and so on, up to {MOST_VERSIONS}."
            )
        if topic is not None:
            self._check(topic)
        if isinstance(source, Path):
            return replace(submission_at(source, self.course, topic=topic, student=student), version=version)
        if topic is None:
            raise SubmissionError("A submission without a path needs a topic: grade(source, topic=...).")
        # Half a surrogate pair cannot be encoded; then reading the submission says what is wrong with it.
        data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
        name = f"{topic}.ipynb" if data.lstrip().startswith(b"{") else f"{topic}.py"
        return Submission(student or "", topic, Path(name), content=data, version=version)

    def grade(
        self, source: Source, *, topic: str | None = None, student: str | None = None, version: int = 1
    ) -> TopicResult:
        """Grade one submission.

        Whatever the submission is or does, there is a result: what cannot be read has a `problem` and earns nothing. If the
        machine failed, even on the second try, the result is marked `not_graded`, and its points say nothing.

        Args:
            source: its path; or its text or bytes, a notebook's if they start with `{`, else a Python file's.
            topic: the topic. A path may be without: then the file's name, its folder or its metadata name the topic.
            student: the name in the result; by default, that of a path's folder, and none for text.
            version: 1 for a student's first file for the topic, 2 for the next one that differs, and so on up to 1000. Each
                version has inputs of its own, the same for everybody, so that numbers on the page of an earlier one are
                no answers to it.

        Raises:
            SubmissionError: if there is no such file, topic or version, or nothing names the topic.
            AutogradeError: if the grader is closed.
            AuthoringError: if the topic's own files are at fault.
            SandboxUnavailable: if a process could not be started, or is not confined enough.
        """
        job, result_of = self._read(self.submission(source, topic=topic, student=student, version=version))
        return self._scored(result_of, self.pool.run(job) if job is not None else Run())

    @staticmethod
    def for_student(result: TopicResult) -> TopicResult:
        """A result without what its student may not be told: seed, names, and of hidden checks what their author keeps."""
        return told_result(result)

    def grade_many(self, sources: Iterable[Source], *, topic: str | None = None) -> Iterator[TopicResult]:
        """Grade submissions, as many at a time as there are workers, and yield their results in order.

        The iterable is read a few submissions ahead, so it may be endless. Closing the iterator ends what still runs.

        Args:
            sources: submissions, as `grade` or `submission` describe them.
            topic: the topic of those that do not name one.

        Raises:
            AutogradeError: as `grade` does.
        """
        waiting: deque[tuple[Job | None, _ResultOf]] = deque()

        def jobs() -> Iterator[Job]:
            for source in sources:
                waiting.append(self._read(self.submission(source, topic=topic)))
                job = waiting[-1][0]
                if job is not None:
                    yield job

        def without_job() -> Iterator[TopicResult]:
            while waiting and waiting[0][0] is None:
                yield self._scored(waiting.popleft()[1], Run())

        for run in self.pool.map(jobs()):
            yield from without_job()
            yield self._scored(waiting.popleft()[1], run)
        yield from without_job()

    async def grade_async(
        self, source: Source, *, topic: str | None = None, student: str | None = None, version: int = 1
    ) -> TopicResult:
        """Grade one submission while the event loop does other things. Arguments and errors are those of `grade`.

        Any number may wait; as many as there are workers run at a time, in the order of the calls. Cancelling the task
        leaves out what has not started yet.
        """
        self._require_open()
        work = partial(self.grade, source, topic=topic, student=student, version=version)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def run_cells(
        self, cells: tuple[Cell, ...], *, topic: str, helpers: tuple[HelperFile, ...] = ()
    ) -> tuple[Run, tuple[TaskResult, ...]]:
        """Run code cells that somebody else has read, all of them, even the handed-out examples, and score the tasks.

        Args:
            cells: the cells.
            topic: the topic.
            helpers: what lies in their working folder.

        Raises:
            MachineError: if the machine failed.
        """
        prepared = self._prepared(topic)
        key = prepared.key
        job = make_job(self.course, prepared.topic, cells, seed=key.seed, device=key.device, all_cells=True)
        run = self.pool.run(msgspec.structs.replace(job, helpers=helpers))
        if run.not_graded:
            raise MachineError(run.problem)
        with self._scoring:
            return run, explained(job, run, prepared.scorer.score(run), prepared.topic.definitions, prepared.topic.marked)[0]

    def _require_open(self) -> None:
        if self._closed:
            raise AutogradeError("This Grader is closed, and its processes have ended; make another one.")

    def _check(self, topic: str) -> None:
        if topic not in self.course.topics:
            raise SubmissionError(f"{topic}: the course has no such topic; {suggestion(topic, self.course.topics)}")

    def _read(self, submission: Submission) -> tuple[Job | None, _ResultOf]:
        return job_and_result(self.course, self._prepared(submission.topic, submission.version), submission, self.pool)

    def _scored(self, result_of: _ResultOf, run: Run) -> TopicResult:
        with self._scoring:  # a scorer remembers what it has seen
            return result_of(run)
