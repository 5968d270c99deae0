"""Grades a class: answer keys, jobs, scores, result files and pages, one submission after the other.

Results are written one by one, so an interrupted run resumes where it stopped. Whatever one submission does, the others
are still graded. Memory does not grow with the class.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autograder._words import counted
from autograder.course.cells import read_cells, source_with_helpers
from autograder.course.course_file import Course, LatePolicy
from autograder.course.make_job import make_job, with_cells
from autograder.course.source_notes import source_notes
from autograder.course.topic import Topic, load_topic
from autograder.errors import AuthoringError, AutogradeError, ResultError, SubmissionError
from autograder.grading.result_files import GradingRecord, read_result, read_run, result_path, write_result, write_run
from autograder.grading.submissions import Submission, files_of
from autograder.grading.versions import files_digest, seed_of_version
from autograder.keys.build import build_key, key_folder
from autograder.keys.key import PUBLIC_SEED, AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, HelperFile, Job, Outcome, Run
from autograder.records.results import FORMAT_VERSION, FirstCause, Graded, Lateness, SubmissionFile, TaskResult, TopicResult
from autograder.reporting import topic_page
from autograder.scoring.first_causes import explained
from autograder.scoring.rules import rules_of
from autograder.scoring.score import Scorer

__all__ = [
    "ChosenSeed",
    "PreparedTopic",
    "choose_seed",
    "content_of",
    "earned_of",
    "fault_of",
    "fingerprint_of",
    "grade",
    "lateness",
    "prepare",
    "refuse_public",
    "summary_of",
]


@dataclass(frozen=True)
class ChosenSeed:
    """The seed of a run, and a few words on where it comes from."""

    seed: int
    origin: str


@dataclass(frozen=True)
class PreparedTopic:
    """A topic ready for grading.

    `content` is a hash of everything except the submission that its results depend on. `job` is what every submission
    has to run, without its cells. `version`: which versions of submissions it is for (see `versions`).
    """

    topic: Topic
    key: AnswerKey
    content: str
    job: Job
    scorer: Scorer
    version: int = 1


def choose_seed(course: Course, out: Path, *, seed: int | None, device: str, force: bool) -> ChosenSeed:
    """Choose the seed of a run and record it in `out`.

    It is the given seed; or that of the results already in `out`, so that unchanged submissions keep theirs; or a new
    one.

    Raises:
        AutogradeError: if the given seed is that of the public answer keys.
    """
    refuse_public(seed)
    chosen = ChosenSeed(1 + secrets.randbelow(2**31 - 1), "drawn for this run")
    if seed is not None:
        chosen = ChosenSeed(seed, "given with --seed")
    elif not force:
        try:
            record = read_run(out)
        except ResultError:
            record = None
        if record and (record.course, record.device) == (course.title, device):
            chosen = ChosenSeed(record.seed, f"the seed of the results in {out}")
    write_run(GradingRecord(course=course.title, seed=chosen.seed, device=device), out)
    return chosen


def refuse_public(seed: int | None) -> None:
    """Refuse the seed whose answers students have.

    Raises:
        AutogradeError: if it is that seed.
    """
    if seed == PUBLIC_SEED:
        raise AutogradeError(
            f"--seed {PUBLIC_SEED} draws the inputs of the public answer keys, which students have; choose another seed."
        )


def prepare(course: Course, name: str, pool: Pool, *, seed: int, device: str, version: int = 1) -> PreparedTopic:
    """Read a topic and build its answer key, or take the key from the cache in the course's folder.

    `seed` is the run's; the inputs of later versions follow from it.

    Raises:
        AuthoringError: if the topic's own files have mistakes.
    """
    topic = load_topic(course, name)
    key = build_key(course, topic, seed=seed_of_version(seed, version), device=device, pool=pool, cache=key_folder(course))
    content = content_of(course, topic, key.made_from, unsafe=pool.unsafe)
    job = make_job(course, topic, (), seed=key.seed, device=key.device)
    return PreparedTopic(topic, key, content, job, Scorer(rules_of(course, topic, key.device), key), version)


def content_of(course: Course, topic: Topic, key_hash: str, *, unsafe: bool) -> str:
    """The hash of everything that a topic's results depend on besides the submission.

    The key's own hash covers the seed, the device, the versions and this package.
    """
    policies = (
        course.title,
        course.topics[topic.name],
        course.draws,
        course.tolerances,
        course.cuda_tolerances,
        course.late,
    )
    return _hash(msgspec.json.encode((FORMAT_VERSION, key_hash, unsafe, *policies)))


def fingerprint_of(content: str, submission: Submission, sha256: str, files: Iterable[HelperFile]) -> str:
    """The hash of everything that a result depends on; `files` are those in the submission's working folder."""
    when = submission.submitted_at.isoformat() if submission.submitted_at else None
    return _hash(msgspec.json.encode((content, submission.student, _shown(submission.path), sha256, when, tuple(files))))


def grade(
    course: Course,
    prepared: dict[str, PreparedTopic],
    submissions: Iterable[Submission],
    pool: Pool,
    out: Path,
    *,
    later: Mapping[tuple[str, str], PreparedTopic] | None = None,
    force: bool = False,
) -> Iterator[Graded]:
    """Grade submissions in order. Each result and its page are written before the submission is reported.

    Args:
        course: the course.
        prepared: the topics of the submissions, by name.
        submissions: read lazily, a few ahead of the one being graded.
        pool: runs the jobs.
        out: the folder for the results.
        later: the topics of changed submissions, by student and topic's name.
        force: also grade submissions that have not changed since they were graded.
    """
    waiting: deque[_Item] = deque()

    def jobs() -> Iterator[Job]:
        for submission in submissions:
            topic = (later or {}).get((submission.student, submission.topic), prepared[submission.topic])
            item = _read(course, topic, submission, out, force=force)
            waiting.append(item)
            if item.job is not None:
                yield item.job

    def without_job() -> Iterator[Graded]:
        while waiting and waiting[0].job is None:
            yield _finish(course, waiting.popleft(), Run(), pool, out)

    for run in pool.map(jobs()):
        yield from without_job()
        yield _finish(course, waiting.popleft(), run, pool, out)
    yield from without_job()


def lateness(policy: LatePolicy | None, due: datetime | None, submitted_at: datetime | None) -> Lateness | None:
    """How late a submission is and what that costs; None if it is on time, or if its time is unknown."""
    if policy is None or due is None or submitted_at is None or submitted_at <= due:
        return None
    seconds = (submitted_at - due).total_seconds()
    days = seconds / 86400
    penalty = 0.0 if seconds <= policy.grace_minutes * 60 else min(policy.at_most, policy.per_day * math.ceil(days))
    return Lateness(days=round(days, 2), penalty=round(penalty, 4))


@dataclass(frozen=True)
class _Item:
    """A submission being graded. Without a job it is already done (`old`) or could not be read (`problem`)."""

    submission: Submission
    prepared: PreparedTopic
    sha256: str = ""
    fingerprint: str = ""
    files: str = ""
    cells: tuple[Cell, ...] = ()
    job: Job | None = None
    old: TopicResult | None = None
    problem: str = ""


def _read(course: Course, prepared: PreparedTopic, submission: Submission, out: Path, *, force: bool) -> _Item:
    try:
        return _looked_at(course, prepared, submission, out, force=force)
    except Exception as error:  # a bug of ours that one submission exposes must not stop the class
        return _Item(submission, prepared, problem=fault_of(error))


def _looked_at(course: Course, prepared: PreparedTopic, submission: Submission, out: Path, *, force: bool) -> _Item:
    try:
        data = submission.read()
    except SubmissionError as error:
        return _Item(submission, prepared, problem=str(error))
    sha256 = hashlib.sha256(data).hexdigest()
    files, script = files_of(submission, data, course)
    digest = files_digest(files)
    fingerprint = fingerprint_of(prepared.content, submission, sha256, files)
    if not force:
        try:
            old = read_result(result_path(out, submission.student, submission.topic))
        except ResultError:
            old = None
        if old is not None and old.fingerprint == fingerprint:
            return _Item(submission, prepared, sha256, fingerprint, digest, old=old)
    try:
        cells = read_cells(data, submission.path.name)
    except SubmissionError as error:
        return _Item(submission, prepared, sha256, fingerprint, digest, problem=str(error))
    job = msgspec.structs.replace(with_cells(prepared.job, prepared.topic, cells), helpers=files, script=script)
    return _Item(submission, prepared, sha256, fingerprint, digest, cells, job)


def _finish(course: Course, item: _Item, run: Run, pool: Pool, out: Path) -> Graded:
    """Score a run, write its result and page, and return what the summary needs."""
    if item.old is not None:
        if not (out / item.old.student / f"{item.old.topic}.html").exists():
            topic_page.write_page(item.old, out)
        return summary_of(item.old, reused=True)
    try:
        result = _result(course, item, run, pool)
        topic_page.write_page(result, out)
    except (OSError, AuthoringError):
        raise
    except Exception as error:  # likewise; without its cells, since what failed once may fail again
        result = _result(course, replace(item, cells=(), problem=fault_of(error)), Run(), pool)
        topic_page.write_page(result, out)
    write_result(result, out)
    return summary_of(result, reused=False)


def fault_of(error: Exception) -> str:
    """What an instructor is told of a submission that grading failed on, without characters that cannot be written."""
    text = "".join(c for c in f"{type(error).__name__}: {error}"[:200] if c.isprintable()).rstrip(".: ")
    return f"Grading failed with {text}. This is a bug in autograde; please report it."


def _result(course: Course, item: _Item, run: Run, pool: Pool) -> TopicResult:
    submission, key = item.submission, item.prepared.key
    entry = course.topics[submission.topic]
    tasks = item.prepared.scorer.score(run)
    causes: tuple[FirstCause, ...] = ()
    if item.job is not None and not (item.problem or run.problem):
        tasks, causes = explained(item.job, run, tasks, item.prepared.topic.definitions)
    late = lateness(course.late, entry.due, submission.submitted_at)
    when = submission.submitted_at.isoformat() if submission.submitted_at else None
    return TopicResult(
        student=submission.student,
        topic=submission.topic,
        title=entry.title,
        submission=SubmissionFile(path=_shown(submission.path), sha256=item.sha256, submitted_at=when, files=item.files),
        fingerprint=item.fingerprint,
        seed=key.seed,
        version=item.prepared.version,
        device=key.device,
        versions=dict(sorted(key.versions.items())),
        layers=run.layers,
        unsafe=pool.unsafe,
        problem=item.problem or run.problem,
        notes=source_notes(item.cells, item.prepared.topic.examples),
        points=round(sum(task.points for task in tasks), 2),
        earned=earned_of(tasks, late),
        pending=round(sum(task.pending for task in tasks), 2),
        lateness=late,
        cells=run.cells,
        causes=causes,
        tasks=tuple(msgspec.structs.replace(task, source=source_with_helpers(item.cells, task.task)) for task in tasks),
        graded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=run.usage,
    )


def summary_of(result: TopicResult, *, reused: bool) -> Graded:
    """What the class's table needs from a result."""
    return Graded(
        student=result.student,
        topic=result.topic,
        points=result.points,
        earned=result.earned,
        pending=result.pending,
        penalty=result.lateness.penalty if result.lateness else 0.0,
        reused=reused,
        attempted=any(task.attempted for task in result.tasks) and not result.problem,
        diagnoses=tuple(
            (task.task, diagnosis.misconception, diagnosis.feedback) for task in result.tasks for diagnosis in task.diagnoses
        ),
        troubles=tuple(_troubles(result)),
        causes=result.causes,
        notes=result.notes,
    )


def earned_of(tasks: Iterable[TaskResult], late: Lateness | None) -> float:
    """What the tasks earn together, minus the late penalty."""
    return round(sum(task.earned for task in tasks) * (1 - (late.penalty if late else 0.0)), 2)


def _troubles(result: TopicResult) -> Iterator[str]:
    if result.problem:
        yield result.problem
    for cell in result.cells:
        if cell.outcome in (Outcome.ERROR, Outcome.TIMEOUT):
            place = f"cell {cell.number}" if cell.number else "the file"
            yield f"{place}: {cell.note or _NAMES[cell.outcome]}"
    for task in result.tasks:
        yield from _troubles_of_task(task)


_NAMES = {Outcome.ERROR: "the process died", Outcome.TIMEOUT: "time ran out"}


def _troubles_of_task(task: TaskResult) -> Iterator[str]:
    for outcome, name in _NAMES.items():
        checks = [check for check in task.checks if check.outcome is outcome]
        if checks:
            reason = f" ({checks[0].reason.rstrip('.')})" if checks[0].reason else ""
            yield f"{task.task}: {name} in {counted(len(checks), 'check')}{reason}"


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
