"""Completes results whose checks had to wait for a device: `autograde grade --resume --device cuda`.

Only the pending checks run, with the seed of the existing results; nothing else in a result changes. A result is
completed only if grading would still give it: the submission, the course and the kit must be the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autograder.course.cells import read_cells
from autograder.course.course_file import Course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic
from autograder.errors import AuthoringError, ResultError, SubmissionError
from autograder.grading.grade import PreparedTopic, content_of, earned_of, fault_of, fingerprint_of, summary_of
from autograder.grading.result_files import read_result, read_run, result_path, write_result
from autograder.grading.submissions import Submission, files_of
from autograder.keys.build import hash_of_sources
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Run
from autograder.records.results import Completion, Graded, TaskResult, TopicResult
from autograder.reporting import topic_page
from autograder.scoring.rules import rules_of
from autograder.scoring.score import complete, score

__all__ = ["Waiting", "find_waiting", "is_current", "resume", "seed_of"]


@dataclass(frozen=True)
class Waiting:
    """A result with pending points, and its submission."""

    submission: Submission
    result: TopicResult
    cells: tuple[Cell, ...]
    data: bytes


def seed_of(out: Path) -> int:
    """The seed of the results in a folder.

    Raises:
        ResultError: if there are none.
    """
    record = read_run(out)
    if record is None:
        raise ResultError(f"{out}: there is nothing to resume; run `autograde grade` first, or name the folder with -o.")
    return record.seed


def find_waiting(
    course: Course, topics: dict[str, Topic], submissions: Iterable[Submission], out: Path
) -> Iterator[Waiting | Graded | str]:
    """What to do about each submission, in order.

    Yields a result with pending points, or a complete one (as the table shows it), or a sentence that says why the
    submission is left alone.

    Args:
        course: the course.
        topics: the submissions' topics, by name.
        submissions: what was submitted.
        out: the folder of the results.
    """
    for submission in submissions:
        name = f"{submission.student}, {submission.topic}"
        try:
            yield _look_at(course, topics[submission.topic], submission, out) or (
                f"{name}: left alone: its file, the course or autograde has changed since grading. Grade it again first."
            )
        except (ResultError, SubmissionError) as error:
            yield f"{name}: left alone. {error}"
        except Exception as error:  # a bug of ours that one submission exposes must not stop the class
            yield f"{name}: left alone. {fault_of(error)}"


def _look_at(course: Course, topic: Topic, submission: Submission, out: Path) -> Waiting | Graded | None:
    """What `find_waiting` says of a submission; None if something has changed since grading."""
    result = read_result(result_path(out, submission.student, submission.topic))
    if result.not_graded:
        raise ResultError(f"It was not graded: {result.problem} Use --retry without --resume first.")
    data = submission.read()
    if result.pending == 0:
        return summary_of(result, reused=True)
    if not is_current(course, topic, submission, result, data):
        return None
    return Waiting(submission, result, read_cells(data, submission.path.name), data)


def is_current(course: Course, topic: Topic, submission: Submission, result: TopicResult, data: bytes) -> bool:
    """Whether grading on the machine that the result comes from would give the same result again."""
    key_hash = hash_of_sources(course, topic, result.seed, result.device, result.versions)
    content = content_of(course, topic, key_hash, unsafe=result.unsafe)
    files, _ = files_of(submission, data, course)
    return result.fingerprint == fingerprint_of(content, submission, hashlib.sha256(data).hexdigest(), files)


def resume(
    course: Course, prepared: Mapping[tuple[str, int], PreparedTopic], waiting: Iterable[Waiting], pool: Pool, out: Path
) -> Iterator[Graded]:
    """Run the pending checks of each result. Each result and its page are rewritten before it is reported.

    Args:
        course: the course.
        prepared: the topics by name and version, with answer keys for the new device and the results' seed.
        waiting: what `find_waiting` found.
        pool: runs the jobs.
        out: the folder of the results.
    """
    jobs: list[tuple[Waiting, Job]] = []
    for each in waiting:
        try:
            jobs.append((each, _job(course, prepared[each.submission.topic, each.result.version], each)))
        except Exception as error:  # likewise
            yield _left_as_it_was(each.result, error)
    for (each, _), run in zip(jobs, pool.map(job for _, job in jobs), strict=True):
        if run.not_graded:
            yield _still_waiting(each.result, f"not completed: {run.problem}")
            continue
        try:
            result = _completed(course, prepared[each.submission.topic, each.result.version], each.result, run, pool)
            summary = summary_of(result, reused=False)
            topic_page.write_pages(result, out)
        except (OSError, AuthoringError):
            raise
        except Exception as error:  # likewise
            yield _left_as_it_was(each.result, error)
            continue
        write_result(result, out)
        yield summary


def _left_as_it_was(result: TopicResult, error: Exception) -> Graded:
    return _with_trouble(summary_of(result, reused=True), fault_of(error))


def _still_waiting(result: TopicResult, trouble: str) -> Graded:
    """Summary of a result whose checks the machine failed at; they can be run again."""
    return replace(_with_trouble(summary_of(result, reused=True), trouble), incomplete=True)


def _with_trouble(summary: Graded, trouble: str) -> Graded:
    return replace(summary, troubles=(*summary.troubles, trouble))


def _pending_part(topic: Topic) -> Topic:
    return replace(topic, checks=tuple(check for check in topic.checks if check.spec.device == "cuda"))


def _job(course: Course, prepared: PreparedTopic, waiting: Waiting) -> Job:
    tasks = [task.task for task in waiting.result.tasks if task.pending]
    key = prepared.key
    job = make_job(course, _pending_part(prepared.topic), waiting.cells, seed=key.seed, device=key.device, tasks=tasks)
    files, script = files_of(waiting.submission, waiting.data, course)
    return msgspec.structs.replace(job, helpers=files, script=script)


def _completed(course: Course, prepared: PreparedTopic, old: TopicResult, run: Run, pool: Pool) -> TopicResult:
    key = prepared.key
    scored = {task.task: task for task in score(rules_of(course, _pending_part(prepared.topic), key.device), key, run)}
    tasks: tuple[TaskResult, ...] = tuple(
        complete(task, scored[task.task], key.device) if task.pending else task for task in old.tasks
    )
    return msgspec.structs.replace(
        old,
        tasks=tasks,
        earned=earned_of(tasks),
        pending=round(sum(task.pending for task in tasks), 2),
        completed=Completion(
            device=key.device,
            versions=dict(sorted(key.versions.items())),
            layers=run.layers,
            unsafe=pool.unsafe,
            problem=run.problem,
            graded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            usage=run.usage,
        ),
    )
