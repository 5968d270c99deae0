"""Grades a submission again, and takes or refuses results that wait because marks would change (see `grading.regrade`)."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from autograder.course.topic import Topic, load_topic
from autograder.desk.books import Books
from autograder.desk.handed_in import submission_of
from autograder.errors import AutogradeError, MachineError, RequestError, SubmissionError
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.changes import Change, changes_between
from autograder.grading.grade import choose_seed
from autograder.grading.grade_class import grade_class
from autograder.grading.output_folder import locked
from autograder.grading.regrade import Regrade, proposed_of, settle
from autograder.grading.result_files import read_all, read_run
from autograder.grading.resume import is_current
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult

__all__ = ["Proposal", "Regrading", "proposal_of"]


@dataclass(frozen=True)
class Proposal:
    """Results that wait to be taken.

    Attributes:
        keys: student and topic of those that grading would still give.
        changes: whose marks would change with them.
        outdated: those that cannot be taken, since the file, the course or autograde has changed since.
        missing: how many results of the class a new run lacks, if it was interrupted.
        seen: a digest of what is proposed.
    """

    keys: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    outdated: tuple[tuple[str, str], ...]
    missing: int
    seen: str


def proposal_of(books: Books) -> Proposal | None:
    """What waits to be taken; None if nothing does."""
    course, topics = books.course, dict[str, Topic]()
    proposed = {(each.student, each.topic): each for each in read_all(proposed_of(books.out))}
    if not proposed:
        return None
    current = {key: result for key, result in proposed.items() if _is_current(books, topics, result)}
    students = {student for student, _ in current}
    old = {(each.student, each.topic): each for student in students for each in read_all(books.out, student=student)}
    new = sorted((old | current).values(), key=lambda result: result.student)
    found = changes_between(course, _in_order(old.values()), new, load_adjustments(course))
    changes = tuple(change for change in found if (change.student, change.topic) in old)
    is_new_run = read_run(proposed_of(books.out)) is not None
    missing = sum((each.student, each.topic) not in proposed for each in read_all(books.out)) if is_new_run else 0
    content = [(key, each.fingerprint, each.graded_at, old[key].fingerprint if key in old else "") for key, each in
               sorted(current.items())]  # fmt: skip
    marks = [(change.student, change.topic, change.difference) for change in changes]
    seen = hashlib.blake2b(msgspec.json.encode((content, marks)), digest_size=16).hexdigest()
    outdated = tuple(sorted(proposed.keys() - current.keys()))
    return Proposal(tuple(sorted(current)), changes, outdated, missing, seen)


def _in_order(results: Iterable[TopicResult]) -> list[TopicResult]:
    return sorted(results, key=lambda result: result.student)


def _is_current(books: Books, topics: dict[str, Topic], result: TopicResult) -> bool:
    """Whether grading would give this result today."""
    course = books.course
    if result.topic not in course.topics or result.not_graded:
        return False
    if result.topic not in topics:
        topics[result.topic] = load_topic(course, result.topic)
    try:
        submission = submission_of(course, result)
        return is_current(course, topics[result.topic], submission, result, submission.read())
    except SubmissionError:
        return False


class Regrading:
    """Runs the grader for a desk, one submission at a time, and settles what it proposes."""

    def __init__(self, books: Books, *, unsafe: bool = False) -> None:
        """Grade for the owner of `books`; no process starts before it is needed."""
        self._books, self._unsafe = books, unsafe
        self._pool: Pool | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """End all processes, once nothing is graded any more."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def grade_again(self, student: str, topic: str) -> Regrade:
        """Grade a student's file again. Its new result is taken if the mark stays the same, and waits if not.

        Raises:
            SubmissionError: if the file is not where it was.
            AutogradeError: if results wait already, if another run is grading, or if the grader cannot start.
            MachineError: if the machine failed.
        """
        books = self._books
        course, out = books.course, books.out
        result = books.result(student, topic)
        if result is None:
            raise RequestError(f"{student} has no result for {topic}; run `autograde grade`.")
        submission = submission_of(course, result)
        with self._lock, locked(out):
            if next(read_all(proposed_of(out)), None) is not None:
                raise AutogradeError("Results of an earlier regrade wait: accept or refuse them first.")
            record = read_run(out)
            device = record.device if record else "cpu"
            pool = self._running(device)
            adjustments, proposed = load_adjustments(course), proposed_of(out)
            seed = choose_seed(course, out, seed=None, device=device, force=True, whole=False, proposed=proposed).seed
            [graded] = grade_class(
                course, [submission], pool, out, seed, device=device, force=True, adjustments=adjustments, proposed=proposed
            )
            if graded.not_graded:
                shutil.rmtree(proposed, ignore_errors=True)
                raise MachineError(f"{graded.troubles[0]} Nothing has changed; try again.")
            keys = [(student, topic)] if graded.proposed else []
            return settle(course, out, keys, adjustments, accept=False, dry_run=False)

    def _running(self, device: str) -> Pool:
        if self._pool is None:
            if device == "cuda":
                from autograder.processes.gpu import find_gpu

                find_gpu()
            level = self._books.course.sandbox
            require = (level,) if level != "minimal" else ()
            self._pool = Pool(1, device=device, require=require, unsafe=self._unsafe)
        return self._pool

    def accept(self, seen: str) -> Regrade:
        """Take what waits, if it is still what somebody has seen.

        Raises:
            RequestError: if it is not.
            ResultError: if another run is grading.
        """
        with self._lock, locked(self._books.out):
            proposal = self._same(seen)
            course = self._books.course
            adjustments = load_adjustments(course)
            return settle(course, self._books.out, proposal.keys, adjustments, accept=True, dry_run=False)

    def refuse(self, seen: str) -> None:
        """Throw away what waits, if it is still what somebody has seen. Errors are those of `accept`."""
        with self._lock, locked(self._books.out):
            self._same(seen)
            shutil.rmtree(proposed_of(self._books.out))

    def _same(self, seen: str) -> Proposal:
        proposal = proposal_of(self._books)
        if proposal is None:
            raise RequestError("Nothing waits any more: somebody else has accepted or refused it.")
        if proposal.seen != seen:
            raise RequestError("What is proposed has changed since you opened this page. Look at it again.")
        return proposal
